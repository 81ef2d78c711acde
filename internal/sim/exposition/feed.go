package exposition

import "strings"

// A Reason says why a request ended: the label finished_reason.
type Reason uint8

// Stop ends at a stop token or string, Length at max_tokens or the model's
// length, Abort because the engine dropped it, Error and Repetition as vLLM has
// them.
const (
	Stop Reason = iota
	Length
	Abort
	Error
	Repetition
	reasons
)

// A Step is what one step of the engine adds.
type Step struct {
	Queries, Hits int // prefix cache, in tokens, of requests admitted for the first time
	Preempted     int // requests
	Sampled       int // requests that got tokens; a step without any is no iteration to vLLM
	Prompt        int // tokens of the prompts whose first token came
	Cached        int // of these found in the cache
	Generated     int // tokens sampled

	Drafts, DraftTokens, Accepted int
	AcceptedAt                    []int // by position in the draft

	Flops, Read, Written float64 // of one card; 0 without --enable-mfu-metrics
}

// Step counts one step.
func (r *Registry) Step(s *Step) {
	e := &r.engine
	e.queries.inc(s.Queries)
	e.hits.inc(s.Hits)
	e.device.inc(s.Hits)
	e.flops.value.add(s.Flops)
	e.read.value.add(s.Read)
	e.written.value.add(s.Written)
	if e.drafts != nil {
		e.drafts.inc(s.Drafts)
		e.draftTokens.inc(s.DraftTokens)
		e.accepted.inc(s.Accepted)
		for i, n := range s.AcceptedAt[:min(len(s.AcceptedAt), len(e.acceptedAt))] {
			e.acceptedAt[i].inc(n)
		}
	}
	r.old.step(s)
	e.preemptions.inc(s.Preempted)
	if s.Sampled == 0 {
		return
	}
	e.prompt.inc(s.Prompt)
	e.computed.inc(s.Prompt - s.Cached)
	e.hit.inc(s.Cached)
	e.cached.inc(s.Cached)
	e.generated.inc(s.Generated)
	e.iteration.observe(float64(s.Prompt - s.Cached + s.Generated))
}

// State sets the gauges: requests that run, wait for room (capacity) and wait
// for something else (deferred), and the share of KV blocks in use.
func (r *Registry) State(running, capacity, deferred int, usage float64) {
	e := &r.engine
	e.running.value.set(float64(running))
	e.waiting.value.set(float64(capacity + deferred))
	e.capacity.value.set(float64(capacity))
	e.deferred.value.set(float64(deferred))
	e.usage.value.set(usage)
	r.old.state(usage)
}

// First counts a request's first tokens, seconds after its arrival.
func (r *Registry) First(seconds float64) { r.engine.ttft.observe(seconds) }

// Token counts a request's further tokens of one step, which came seconds after
// those before.
func (r *Registry) Token(seconds float64) {
	r.engine.itl.observe(seconds)
	if r.old.tpot != nil {
		r.old.tpot.observe(seconds)
	}
}

// A Finished is a request that ended. Times are in seconds.
type Finished struct {
	Reason                                 Reason
	E2E, Queue, Inference, Prefill, Decode float64
	Prompt, Cached, Output                 int // tokens
	MaxTokens                              int // max_tokens as asked; 0 where it was not
	Preemptions                            int
}

// Finished counts a request that ended. vLLM does not count one whose client
// went away.
func (r *Registry) Finished(f *Finished) {
	e := &r.engine
	e.success[min(f.Reason, reasons-1)].inc(1)
	e.e2e.observe(f.E2E)
	e.queue.observe(f.Queue)
	e.prefill.observe(f.Prefill)
	e.inference.observe(f.Inference)
	e.decode.observe(f.Decode)
	e.preempted.observe(float64(f.Preemptions))
	e.prefilled.observe(float64(f.Prompt - f.Cached))
	e.promptTokens.observe(float64(f.Prompt))
	e.outputTokens.observe(float64(f.Output))
	mean := 0.0
	if f.Output > 1 {
		mean = f.Decode / float64(f.Output-1)
	}
	e.tpot.observe(mean)
	if f.MaxTokens > 0 {
		e.maxTokens.observe(float64(f.MaxTokens))
	}
}

// Answered counts a prompt all of whose n answers ended; longest is the output
// tokens of the longest one.
func (r *Registry) Answered(n, longest int) {
	r.engine.answers.observe(float64(n))
	r.engine.maxOutput.observe(float64(longest))
}

// Adapters tells which LoRA adapters have requests that run or wait. As vLLM
// does, it names an adapter in both labels as soon as it has a request, and the
// value is the time now in seconds since 1970.
func (r *Registry) Adapters(names []string, now float64) {
	if r.lora == nil {
		return
	}
	list := strings.Join(names, ",")
	r.lora.mu.Lock()
	full := len(r.lora.series) >= maxSeries
	r.lora.mu.Unlock()
	if full {
		return
	}
	r.lora.find(now, Label{"max_lora", itoa(r.config.MaxAdapters)},
		Label{"running_lora_adapters", list}, Label{"waiting_lora_adapters", list}).value.set(now)
}
