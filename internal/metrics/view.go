package metrics

import (
	"net/http"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// A View reads single requests off their records, in seconds, either as they
// were or as vLLM's client would have seen them.
type View struct {
	compat      bool
	responses   bool // the responses API, which vLLM's client reads more strictly
	noTokenizer bool
}

// ViewOf returns the view that plan p asks for.
func ViewOf(p plan.Plan) View {
	return View{
		compat:      p.CompatVLLM(),
		responses:   p.Target.Backend == "openai-responses",
		noTokenizer: p.Workload.SkipTokenizer,
	}
}

// seconds turns a difference of stamps into seconds.
func seconds(d record.Stamp) float64 { return float64(d) / nsPerSecond }

// OK reports whether the request counts as successful.
func (v View) OK(r *record.Record) bool {
	if !v.compat {
		return r.Outcome == record.OK
	}
	if len(r.Events)+len(r.Bare) == 0 {
		return false
	}
	switch r.Outcome {
	case record.OK:
		return true
	case record.Empty:
		return r.Status == http.StatusOK && r.Framed
	case record.StreamError, record.CutShort: // Q14
		return !v.responses && r.Status == http.StatusOK && r.Framed
	}
	return false
}

// Start is when the request was sent, in seconds since the run's stamp 0. A
// request that was never written has the moment at which it was let go.
func (v View) Start(r *record.Record) float64 { return seconds(sentAt(r)) }

func sentAt(r *record.Record) record.Stamp {
	if r.Sent == 0 {
		return r.Released
	}
	return r.Sent
}

// TTFT is the time to the first token of any kind, in seconds; 0 without one.
func (v View) TTFT(r *record.Record) float64 {
	first := v.first(r)
	if first == 0 {
		return 0
	}
	return seconds(first - sentAt(r))
}

// Latency is the time to the last token event, in seconds; 0 unless OK, but for
// endedBadly.
func (v View) Latency(r *record.Record) float64 {
	if !v.OK(r) && !v.endedBadly(r) {
		return 0
	}
	if last := v.last(r); last > 0 {
		return seconds(last - sentAt(r))
	}
	return 0
}

// endedBadly reports whether vLLM's client saw the end of a failed answer of the
// responses API: it keeps its text and latency then.
func (v View) endedBadly(r *record.Record) bool {
	return v.compat && v.responses && r.Status == http.StatusOK && r.Framed && r.Outcome != record.BadStream
}

// Queue is the time between release and sending, in seconds.
func (v View) Queue(r *record.Record) float64 { return seconds(sentAt(r) - r.Released) }

func (v View) first(r *record.Record) record.Stamp {
	first := r.FirstToken
	if first == 0 && len(r.Events) > 0 {
		first = r.Events[0]
	}
	if v.compat && len(r.Bare) > 0 && (first == 0 || r.Bare[0] < first) { // Q3
		return r.Bare[0]
	}
	return first
}

func (v View) last(r *record.Record) record.Stamp {
	last := r.LastToken
	if last == 0 && len(r.Events) > 0 {
		last = r.Events[len(r.Events)-1]
	}
	if v.compat && len(r.Bare) > 0 { // Q3
		return max(last, r.Bare[len(r.Bare)-1])
	}
	return last
}

// AppendITL appends the gaps between the chunks of the request, in seconds.
func (v View) AppendITL(dst []float64, r *record.Record) []float64 {
	if !v.compat || len(r.Bare) == 0 {
		for i := 1; i < len(r.Events); i++ {
			dst = append(dst, seconds(r.Events[i]-r.Events[i-1]))
		}
		return dst
	}
	var before record.Stamp
	for i, at := range v.chunks(r) {
		if i > 0 {
			dst = append(dst, seconds(at-before))
		}
		before = at
	}
	return dst
}

// chunks are the events that vLLM's client counts: those with a choice.
func (v View) chunks(r *record.Record) []record.Stamp {
	if !v.compat || len(r.Bare) == 0 {
		return r.Events
	}
	all := make([]record.Stamp, 0, len(r.Events)+len(r.Bare))
	events, bare := r.Events, r.Bare
	for len(events) > 0 && len(bare) > 0 {
		if bare[0] < events[0] {
			all, bare = append(all, bare[0]), bare[1:]
		} else {
			all, events = append(all, events[0]), events[1:]
		}
	}
	return append(append(all, events...), bare...)
}

// Output is how many tokens came and who says so; 0 unless OK.
func (v View) Output(r *record.Record) record.Count {
	if !v.OK(r) {
		return record.Count{}
	}
	if v.compat && v.noTokenizer && !v.usageSeen(r) { // Q8
		return record.Count{N: 1, From: record.FromEvents}
	}
	if v.compat && r.Said > 0 && v.usageSeen(r) {
		return record.Count{N: r.Said, From: record.FromUsage}
	}
	if r.OutputTokens.N > 0 {
		return r.OutputTokens
	}
	if v.compat { // an empty count sends vLLM's client to the text, which is empty too
		return record.Count{From: r.OutputTokens.From}
	}
	return record.Count{N: len(r.Events), From: record.FromEvents}
}

// paced is how many tokens came one after the other: those of Output that were
// sent. vLLM's client divides by all that the server counted.
func (v View) paced(r *record.Record) int {
	n := v.Output(r).N
	if !v.compat && n > 0 {
		n -= r.Unstreamed
	}
	return n
}

// Prompt is how many tokens the prompt has and who says so. Where the server
// did not say, it is what the workload counted.
func (v View) Prompt(r *record.Record) record.Count {
	if r.PromptTokens.N > 0 && (!v.compat || v.usageSeen(r)) {
		return r.PromptTokens
	}
	return record.Count{N: r.WantPrompt, From: record.FromAsked}
}

// CountsText reports whether vLLM's client would have counted the tokens of the
// answer's text with its tokenizer (Q8): under compat alone, for a successful
// answer whose usage it would not have seen. The caller then gives the record
// that count, with record.FromTokenizer, before the records are summarized.
func (v View) CountsText(r *record.Record) bool {
	return v.compat && !v.noTokenizer && v.OK(r) && !v.usageSeen(r)
}

// usageSeen reports whether vLLM's client would have seen the server's usage.
func (v View) usageSeen(r *record.Record) bool {
	return (r.OutputTokens.From == record.FromUsage || r.Said > 0) && (r.UsageAlone || v.responses)
}

// Error is what went wrong, in the words of the server or the system; "" when
// nothing did.
func (v View) Error(r *record.Record) string {
	if v.OK(r) {
		return ""
	}
	if v.compat {
		if words := v.vllmError(r); words != "" {
			return words
		}
	}
	if r.Err == "" {
		return string(r.Outcome)
	}
	return r.Err
}

// vllmError is what vLLM's client says of a failure that it sees itself; "" for
// the exceptions of its libraries.
func (v View) vllmError(r *record.Record) string {
	const failed = "This response will be marked as failed!"
	ended := r.Status == http.StatusOK && r.Framed
	switch {
	case r.Outcome == record.HTTPError: // Q14: the body is never read
		return http.StatusText(r.Status)
	case !ended, r.Outcome == record.BadStream, v.responses && r.Outcome == record.StreamError:
		return ""
	case len(r.Events)+len(r.Bare) > 0:
		return "Stream ended without a terminal event." + failed
	case v.responses:
		return "Never received a token delta to calculate TTFT." + failed
	}
	return "Never received a valid chunk to calculate TTFT." + failed
}

// Text is the answer of the request.
func (v View) Text(r *record.Record) string {
	if v.compat && !v.OK(r) && !v.endedBadly(r) {
		return ""
	}
	return r.Text
}
