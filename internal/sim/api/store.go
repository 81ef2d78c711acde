package api

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/prompt"
	"tokmeter/internal/sim/text"
)

// storeSize is how many responses are kept for GET /v1/responses/{id}.
const storeSize = 1024

// A store keeps the last responses.
type store struct {
	mu    sync.Mutex
	rows  map[string]*responseObject
	said  map[string][]prompt.Turn // the conversation up to each
	on    map[string]*answer       // in the background, not ended
	order []string
}

// put keeps a response, in place of the oldest one.
func (s *store) put(id string, o *responseObject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows, s.on, s.said = map[string]*responseObject{}, map[string]*answer{}, map[string][]prompt.Turn{}
	}
	if _, ok := s.rows[id]; !ok {
		s.order = append(s.order, id)
	}
	s.rows[id] = o
	if len(s.order) > storeSize {
		delete(s.rows, s.order[0])
		delete(s.said, s.order[0])
		s.order = s.order[1:]
	}
}

// start keeps a response that goes on in the background.
func (s *store) start(a *answer, o *responseObject) {
	s.put(a.id, o)
	s.mu.Lock()
	s.on[a.id] = a
	s.mu.Unlock()
}

// finish ends one in the background unless it was cancelled.
func (s *store) finish(id string, o *responseObject) {
	s.mu.Lock()
	_, on := s.on[id]
	delete(s.on, id)
	s.mu.Unlock()
	if on {
		s.put(id, o)
	}
}

// remember keeps the conversation that a response ended.
func (s *store) remember(id string, ts []prompt.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[id] != nil {
		s.said[id] = ts
	}
}

// conversation is what was said up to a response, its own text included.
func (s *store) conversation(id string) ([]prompt.Turn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ts, ok := s.said[id]
	return slices.Clone(ts), ok
}

// notStored is the error for a response that is not there.
func notStored(id string) *call.Error {
	return call.NewError(http.StatusNotFound, "invalid_request_error", "response_id", "Response with id '"+id+"' not found.")
}

func (s *store) get(id string) *responseObject {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[id]
}

// cancel takes one out of the background.
func (s *store) cancel(id string) (a *answer, o *responseObject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, o = s.on[id], s.rows[id]
	if a != nil {
		copied := *o
		copied.Status = "cancelled"
		s.rows[id], o = &copied, &copied
		delete(s.on, id)
	}
	return a, o
}

// background answers at once and computes the response meanwhile.
func (s *API) background(a *answer) bool {
	a.body.Stream = false
	api := &responses{}
	a.dialect = api
	a.detached = true
	queued := api.object(a, "queued")
	s.store.start(a, api.object(a, "in_progress"))
	if fail := s.submit(a); fail != nil {
		s.store.cancel(a.id)
		return a.call.ReplyError(fail)
	}
	return a.call.Reply(http.StatusOK, queued)
}

// stored answers GET /v1/responses/{id} and POST /v1/responses/{id}/cancel.
func (s *API) stored(c *call.Call) bool {
	id, what, _ := strings.Cut(strings.TrimPrefix(c.URL.Path, PathResponses+"/"), "/")
	o := s.store.get(id)
	if o == nil {
		return c.ReplyError(notStored(id))
	}
	if c.Method == http.MethodGet {
		return c.Reply(http.StatusOK, o)
	}
	if what != "cancel" {
		return c.Reply(http.StatusNotFound, map[string]any{"detail": "Not Found"})
	}
	a, o := s.store.cancel(id)
	if a == nil {
		return c.ReplyError(call.NewError(http.StatusBadRequest, "invalid_request_error", "response_id", "Cannot cancel a synchronous response."))
	}
	a.abort()
	return c.Reply(http.StatusOK, o)
}

// calledSoFar is the tool calls of the answer with what is held.
func (c *choice) calledSoFar() []text.CallDelta {
	out := append([]text.CallDelta(nil), c.called...)
	for _, t := range c.tools {
		if t.Start {
			out = append(out, t)
		} else if len(out) > 0 {
			out[len(out)-1].Arguments += t.Arguments
		}
	}
	return out
}
