package api

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"tokmeter/internal/model/sched"
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/prompt"
	"tokmeter/internal/sim/text"
	"tokmeter/internal/sim/truth"
)

// asked is the limit that the request sets and the field that does.
func (b *body) asked(path string) (n *int, field string) {
	switch {
	case path == PathResponses:
		return b.MaxOutput, "max_output_tokens"
	case path == PathChat && b.MaxCompletion != nil:
		return b.MaxCompletion, "max_completion_tokens"
	case path == PathCompletions && b.MaxTokens == nil:
		few := 16
		return &few, "max_tokens"
	}
	return b.MaxTokens, "max_tokens"
}

// limit is how many tokens an answer to a prompt may have, and whether the
// request says so.
func (b *body) limit(path string, prompt, maxLen int) (n int, said bool, fail *call.Error) {
	p, _ := b.asked(path)
	room := maxLen - prompt
	if p == nil {
		return room, false, nil
	}
	n = *p
	if n == 0 && b.Echo && path == PathCompletions {
		n = 1
	}
	if n < 1 {
		return 0, true, call.BadRequest("max_tokens", "max_tokens must be at least 1, got %d. (parameter=max_tokens, value=%d)", n, n)
	}
	return min(n, room), true, nil
}

// ownLength is how a chat ends whose request sets no limit: about 256 tokens.
var ownLength = text.Length{Mean: 256, Sigma: 0.6}

// length is after how many tokens an answer ends of which each ends it with the
// server's chance.
func (s *API) length(seed, prompt uint64, index int) text.Length {
	p := s.in.Settings().EOS
	switch {
	case p <= 0:
		return text.Length{}
	case p >= 1:
		return text.Length{Mean: 1}
	}
	u := rand.New(rand.NewPCG(seed, prompt+uint64(index)*0x9e3779b97f4a7c15)).Float64()
	return text.Length{Mean: 1 + math.Floor(math.Log1p(-u)/math.Log1p(-p))}
}

// maxAnswer is how many tokens all answers of one request may have, each of which
// is kept until the end.
const maxAnswer = 1 << 20

// expected is how many tokens an answer is reckoned to have that may have up to
// limit: those without a limit of their own end well below it.
func expected(limit int, said bool) int {
	if said {
		return limit
	}
	return min(limit, int(32*ownLength.Mean))
}

// newChoices makes the sequences that were asked for.
func (s *API) newChoices(a *answer, adapter string, form *text.Form) *call.Error {
	b := a.body
	seed := s.in.Options.Seed
	if b.Seed != nil {
		seed ^= uint64(*b.Seed)*0x9e3779b97f4a7c15 + 1
	}
	if n := b.n() * len(a.items); n > maxN {
		return call.BadRequest("", "n times the number of prompts must be at most %d, got %d.", maxN, n)
	}
	now := time.Now() // with the monotonic clock, which a step of the wall's does not move
	arrived := now.Add(time.Duration(a.call.Arrived - now.UnixNano()))
	tokens := 0
	for i := range a.items {
		a.items[i].IDs = b.truncate(a.items[i].IDs, s.in.MaxLen-1)
		it := a.items[i]
		limit, said, fail := s.room(a, it)
		if fail != nil {
			return fail
		}
		if tokens += b.n() * expected(limit, said); tokens > maxAnswer && b.n()*len(a.items) > 1 {
			return call.BadRequest("max_tokens", "a request may ask the simulator for at most %d tokens in all its answers together, got %d answers of up to %d", maxAnswer, b.n()*len(a.items), limit)
		}
		a.promptN += len(it.IDs)
		for k := range b.n() {
			c := &choice{a: a, index: len(a.choices), item: i}
			if fail := c.speak(seed, k, said, form); fail != nil {
				return fail
			}
			c.req = &engine.Request{Sink: c, Arrived: arrived, Ready: s.in.Ready(arrived, len(it.IDs)), N: b.n(), Max: limit,
				Seq: sched.Request{ID: a.id + "-" + strconv.Itoa(c.index), Prompt: it.IDs, MaxOutput: limit, MinOutput: b.MinTokens,
					Priority: b.Priority, Salt: saltOf(b.CacheSalt), Adapter: adapter}}
			a.choices = append(a.choices, c)
		}
	}
	a.open = len(a.choices)
	a.prefix = prefixOf(a)
	likely := min(a.choices[0].req.Max*len(a.choices), 1024)
	a.truth = truth.Record{ID: a.call.Header.Get("X-Request-Id"), Request: a.id, Stream: b.Stream, Arrived: a.call.Arrived,
		Sent: make([]int64, 0, likely), Due: make([]int64, 0, likely)}
	return nil
}

// room is how many tokens an answer to a prompt may have, and whether the
// request says so.
func (s *API) room(a *answer, it prompt.Item) (limit int, said bool, fail *call.Error) {
	if len(it.IDs) == 0 {
		return 0, false, prompt.Empty()
	}
	if len(it.IDs) >= s.in.MaxLen {
		return 0, false, tooLong(len(it.IDs), s.in.MaxLen)
	}
	limit, said, fail = a.body.limit(a.call.URL.Path, len(it.IDs), s.in.MaxLen)
	if fail == nil && a.body.MinTokens > limit {
		fail = call.BadRequest("", "min_tokens must be less than or equal to max_tokens=%d, got %d.", limit, a.body.MinTokens)
	}
	return limit, said, fail
}

// speak decides what the choice says, and when it ends by itself. k is its
// number among those of its prompt, said whether the request sets a limit.
func (c *choice) speak(seed uint64, k int, said bool, form *text.Form) *call.Error {
	s, b := c.a.api, c.a.body
	hash := text.Hash(c.a.items[c.item].IDs)
	own := s.length(seed, hash, k)
	if !said && own.Mean == 0 {
		own = ownLength
	}
	if form != nil {
		script, err := form.Script(s.voice, seed, hash, k, 1-s.in.Options.Prose)
		if err != nil {
			return call.BadRequest("", "%v", err)
		}
		c.script = script
		c.calls = script != nil && form.Calls()
	}
	c.voice = s.voice.Answer(text.Ask{Seed: seed, Prompt: hash, Index: k, Length: own, IgnoreEOS: b.IgnoreEOS,
		MinTokens: b.MinTokens, Stop: b.Stop, IncludeStop: b.IncludeStop, Script: c.script,
		Accents: c.a.decision.SplitUTF8 > 0})
	return nil
}

// tooLong is vLLM's error for a prompt beyond the context.
func tooLong(n, limit int) *call.Error {
	least := ""
	if n >= limit+1 {
		n, least = limit+1, "at least "
	}
	return call.BadRequest("input_tokens", "This model's maximum context length is %d tokens. However, your prompt contains %s%d input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=%d)",
		limit, least, n, n)
}

// saltOf turns cache_salt into what goes into the hashes of blocks.
func saltOf(salt *string) uint64 {
	if salt == nil {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(*salt))
	return h.Sum64() | 1
}
