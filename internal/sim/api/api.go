// Package api answers requests for text: completions, chat completions and
// responses, streamed or whole, as vLLM 0.32 answers them to the byte of a
// field's place. What is said is made up (package text), when it is said is the
// engine's (package engine), and what goes wrong with it is drawn beforehand
// (package fault). The truth of every answer goes into a ledger.
package api

import (
	"sync"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/instance"
	"tokmeter/internal/sim/text"
	"tokmeter/internal/sim/truth"
)

// The paths of the three endpoints.
const (
	PathCompletions = "/v1/completions"
	PathChat        = "/v1/chat/completions"
	PathResponses   = "/v1/responses"
)

// An API answers for one instance. Make it with New.
type API struct {
	in     *instance.Instance
	ledger *truth.Ledger
	voice  *text.Voice
	store  store

	mu   sync.Mutex
	seen map[uint64]int // prompts that faults may have met, by hash
}

// New answers for in and keeps the truth of each answer in ledger.
func New(in *instance.Instance, ledger *truth.Ledger) *API {
	return &API{in: in, ledger: ledger, voice: text.NewVoice(in.Tokenizer)}
}

// Routes are what the API answers, by "METHOD /path".
func (s *API) Routes() map[string]call.Handler {
	return map[string]call.Handler{
		"POST " + PathCompletions:     s.generate,
		"POST " + PathChat:            s.generate,
		"POST " + PathResponses:       s.generate,
		"GET " + PathResponses + "/":  s.stored,
		"POST " + PathResponses + "/": s.stored,
		"POST /invocations":           s.invoke,
	}
}
