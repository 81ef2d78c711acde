package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

// Events of made-up streams.
const (
	evRole    = `{"choices":[{"delta":{"role":"assistant","content":""}}]}`
	evThink   = `{"choices":[{"delta":{"reasoning":"hm"}}]}`
	evBoth    = `{"choices":[{"delta":{"reasoning":"hm","content":"a"}}]}`
	evText    = `{"choices":[{"delta":{"content":"a"}}]}`
	evLong    = `{"choices":[{"delta":{"content":"one two three"}}]}`
	evCall    = `{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}`
	evBlank   = `{"choices":[{"delta":{"content":""}}]}`
	evLast    = `{"choices":[{"delta":{"content":"z"},"finish_reason":"stop"}]}`
	evStop    = `{"choices":[{"delta":{},"finish_reason":"stop"}]}`
	evTwo     = `{"choices":[{"index":0,"text":"a"},{"index":1,"text":"b"}]}`
	evStopTwo = `{"choices":[{"index":0,"text":"","finish_reason":"stop"},{"index":1,"text":"","finish_reason":"length"}]}`
	evSecond  = `{"choices":[{"index":1,"delta":{"content":"b"}}]}`
	evStop2nd = `{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}`
	evZeros   = `{"choices":[{"text":"a"}],"usage":{"prompt_tokens":0,"completion_tokens":0}}`
	evError   = `{"error":{"message":"engine died","code":500}}`
	evDone    = `[DONE]`
)

// evUsage is usage in an event of its own; evRun is text with a running count.
func evUsage(n int) string {
	return fmt.Sprintf(`{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":%d}}`, n)
}

func evRun(choice int, text string, n int) string {
	return fmt.Sprintf(`{"choices":[{"index":%d,"text":%q}],"usage":{"prompt_tokens":5,"completion_tokens":%d}}`, choice, text, n)
}

func evIDs(text, list string) string {
	return fmt.Sprintf(`{"choices":[{"text":%q,"token_ids":%s}]}`, text, list)
}

type stamps = []record.Stamp

func TestTallyOfResponses(t *testing.T) {
	events := []string{
		`{"type":"response.created","response":{"status":"in_progress"}}`,
		`{"type":"response.reasoning_text.delta","delta":"hm"}`,
		`{"type":"response.output_text.delta","delta":"a"}`,
		`{"type":"response.output_text.delta","delta":"b"}`,
		`{"type":"response.output_text.done","text":"ab"}`,
		`{"type":"response.completed","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":5,"output_tokens":3,"input_tokens_details":{"cached_tokens":4}}}}`,
	}
	rec := follow(t, "openai-responses", events, nil)
	want := record.Record{
		WantOutput: 4, Timing: record.Timing{Status: 200}, FirstToken: 2, FirstAnswer: 3, LastToken: 4,
		Events: stamps{2, 3, 4}, PerEvent: ones(3), PromptTokens: usage(5), OutputTokens: usage(3), CachedTokens: 4, CachedTold: true,
		UsageAlone: true, Finish: "max_output_tokens", Text: "ab", Outcome: record.OK,
	}
	if diff := cmp.Diff(want, rec); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	rec = follow(t, "openai-responses", events[:5], nil)
	if rec.Outcome != record.CutShort {
		t.Errorf("without a terminal event: got %s, want cut_short", rec.Outcome)
	}
}

func TestTallyOutcomes(t *testing.T) {
	broken := &wire.Error{Outcome: record.CutShort, Err: errors.New("the connection ended")}
	late := &wire.Error{Outcome: record.Timeout, Err: errTimeout}
	chunk := &wire.Error{Outcome: record.BadStream, Err: errors.New("chunk size")}
	stop := &wire.Error{Outcome: record.Cancelled, Err: errStopped}
	tests := []struct {
		why    string
		events []string
		err    error
		want   record.Outcome
		words  string
	}{
		{"a finish reason and [DONE]", []string{evText, evStop, evDone}, nil, record.OK, ""},
		{"a finish reason alone: transformers sends no [DONE]", []string{evText, evStop}, nil, record.OK, ""},
		{"[DONE] alone", []string{evText, evDone}, nil, record.OK, ""},
		{"neither, though the framing ended well", []string{evText}, nil, record.CutShort, "the stream ended without a finish reason or [DONE]"},
		{"usage without either", []string{evText, evUsage(1)}, nil, record.CutShort, "the stream ended without a finish reason or [DONE]"},
		{"no event at all", nil, nil, record.CutShort, "the stream ended without a token, a finish reason or [DONE]"},
		{"usage and nothing else", []string{evUsage(5)}, nil, record.CutShort, "the stream ended without a token, a finish reason or [DONE]"},
		{"an event without a choice", []string{`{"choices":[]}`}, nil, record.CutShort, "the stream ended without a token, a finish reason or [DONE]; it said: {\"choices\":[]}"},
		{"a finish reason and no token", []string{evRole, evStop, evUsage(0), evDone}, nil, record.Empty, "the answer ended without a token"},
		{"[DONE] and no token", []string{evDone}, nil, record.Empty, "the answer ended without a token"},
		{"tokens by usage that no event carried", []string{evUsage(5), evDone}, nil, record.Empty, "the answer ended without a token; the server counted 5 that it never streamed"},

		{"an error, then [DONE]: vLLM's dead engine", []string{evText, evError, evDone}, nil, record.StreamError, "engine died"},
		{"an error after the finish reason", []string{evText, evStop, evError}, nil, record.StreamError, "engine died"},
		{"an error, then the connection breaks", []string{evText, evError}, broken, record.StreamError, "engine died"},
		{"the first error has the word", []string{evError, `{"error":"second"}`}, nil, record.StreamError, "engine died"},
		{"broken JSON", []string{evText, `{"choices":[`}, nil, record.BadStream, `event is no JSON object: unexpected end of JSON input: "{\"choices\":["`},
		{"broken JSON after an error", []string{evError, `{`}, nil, record.StreamError, "engine died"},
		{"what follows [DONE] is ignored: an error", []string{evText, evDone, evError}, nil, record.OK, ""},
		{"what follows [DONE] is ignored: broken JSON", []string{evText, evDone, `{`}, nil, record.OK, ""},
		{"what follows [DONE] is ignored: a broken connection", []string{evText, evDone}, broken, record.OK, ""},
		{"what follows [DONE] is ignored: a bad chunk", []string{evText, evDone}, chunk, record.OK, ""},
		{"[DONE] without a token, then a broken connection", []string{evRole, evDone}, broken, record.Empty, "the answer ended without a token"},

		{"the connection breaks in the middle", []string{evText}, broken, record.CutShort, "the connection ended"},
		{"the connection breaks after the finish reason: no token is lost", []string{evText, evStop}, broken, record.OK, ""},
		{"and with a finish reason but no token", []string{evStop}, broken, record.Empty, "the answer ended without a token"},
		{"one of two choices has no finish reason", []string{evText, evSecond, evStop2nd}, broken, record.CutShort, "the connection ended"},
		{"and the framing ended well", []string{evText, evSecond, evStop2nd}, nil, record.CutShort, "the stream ended without a finish reason or [DONE]"},
		{"both have one", []string{evText, evSecond, evStop2nd, evStop}, broken, record.OK, ""},
		{"a bad chunk after the finish reason is a bad stream", []string{evText, evStop}, chunk, record.BadStream, "chunk size"},
		{"the limit covers the whole of the request", []string{evText, evStop}, late, record.Timeout, "the request's own time limit ran out"},
		{"the limit while tokens flow", []string{evText, evText}, late, record.Timeout, "the request's own time limit ran out"},
		{"stopped by the user", []string{evText}, stop, record.Cancelled, "the run was stopped"},

		{"refused", nil, &wire.Error{Outcome: record.Refused, Err: errors.New("connection refused")}, record.Refused, "connection refused"},
		{"reset", nil, &wire.Error{Outcome: record.Reset, Err: errors.New("EOF")}, record.Reset, "EOF"},
		{"another status: its name and the body's words", nil, &wire.Error{Outcome: record.HTTPError, Status: 404, Body: []byte("{\"detail\":\"Not Found\"}\n"), Err: errors.New("HTTP 404 Not Found")}, record.HTTPError, `HTTP 404 Not Found: {"detail":"Not Found"}`},
		{"a body cut inside a character", nil, &wire.Error{Outcome: record.HTTPError, Status: 500, Body: []byte("a\xe4\xbd"), Err: errors.New("HTTP 500 Internal Server Error")}, record.HTTPError, "HTTP 500 Internal Server Error: a\uFFFD"},
		{"another status without a body", nil, &wire.Error{Outcome: record.HTTPError, Status: 503, Err: errors.New("HTTP 503 Service Unavailable")}, record.HTTPError, "HTTP 503 Service Unavailable"},
		{"no event stream", nil, &wire.Error{Outcome: record.BadStream, Status: 200, Body: []byte("{}"), Err: errors.New("not an event stream")}, record.BadStream, "not an event stream: {}"},
		{"an error of another kind: a limit", nil, context.DeadlineExceeded, record.Timeout, "context deadline exceeded"},
		{"an error of another kind: stopped", nil, fmt.Errorf("x: %w", context.Canceled), record.Cancelled, "x: context canceled"},
		{"an error of another kind", []string{evText}, errors.New("x"), record.CutShort, "x"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			rec := follow(t, "vllm", tt.events, tt.err)
			if rec.Outcome != tt.want || rec.Err != tt.words {
				t.Errorf("got %s (%s), want %s (%s)", rec.Outcome, rec.Err, tt.want, tt.words)
			}
		})
	}
}

func TestTallyNamedErrorEvent(t *testing.T) {
	for _, tt := range []struct{ why, data, want string }{
		{"plain text", "out of memory", "out of memory"},
		{"an object", `{"message":"out of memory"}`, "out of memory"},
		{"an error object", `{"error":{"message":"out of memory"}}`, "out of memory"},
		{"nothing", "", "the server sent an error event without a word"},
	} {
		var rec record.Record
		var tl tally
		tl.begin(&rec, completions())
		tl.event(wire.Event{Name: []byte("error"), Data: []byte(tt.data), At: 1})
		tl.finish(&record.Timing{}, nil)
		if rec.Outcome != record.StreamError || rec.Err != tt.want {
			t.Errorf("%s: got %s (%s), want stream_error (%s)", tt.why, rec.Outcome, rec.Err, tt.want)
		}
	}
}

func TestTallyStopsReading(t *testing.T) {
	var rec record.Record
	var tl tally
	tl.begin(&rec, completions())
	for _, data := range []string{evText, evError, evText} {
		if !tl.event(wire.Event{Data: []byte(data)}) {
			t.Errorf("%s: reading ended, want more", data)
		}
	}
	for _, data := range []string{evDone, evText} {
		if tl.event(wire.Event{Data: []byte(data)}) {
			t.Errorf("%s: reading went on after [DONE]", data)
		}
	}
	tl.begin(&rec, completions())
	for _, data := range []string{"{", evText} {
		if tl.event(wire.Event{Data: []byte(data)}) {
			t.Errorf("%s: reading went on in a broken stream", data)
		}
	}
}

func TestTallyAllocatesNothing(t *testing.T) {
	rec := record.Record{WantOutput: 1000}
	var tl tally
	tl.begin(&rec, completions())
	events := [][]byte{[]byte(evText), []byte(evRun(0, " word", 3)), []byte(evBlank), []byte(evUsage(2))}
	if n := testing.AllocsPerRun(300, func() {
		for _, data := range events {
			tl.event(wire.Event{Data: data, At: 1})
		}
	}); n != 0 {
		t.Errorf("got %v allocations for %d events, want 0", n, len(events))
	}
}

func BenchmarkTally(b *testing.B) {
	e := wire.Event{Data: []byte(`{"id":"cmpl-b246c8197c41bcf1","object":"text_completion","created":1795521969,"model":"tiny","choices":[{"index":0,"text":" automatically","logprobs":null,"finish_reason":null,"stop_reason":null,"prompt_token_ids":null,"token_ids":null}]}`), At: 1}
	rec := record.Record{WantOutput: maxMarks}
	var tl tally
	tl.begin(&rec, completions())
	b.ReportAllocs()
	for b.Loop() {
		tl.event(e)
		if tl.marks.n == maxMarks {
			tl.marks.blocks[0], tl.marks.n = tl.marks.blocks[0][:0], 0
			tl.text = tl.text[:0]
		}
	}
}

// TestLongAnswer: the events of an answer of many blocks are all there, in order.
func TestLongAnswer(t *testing.T) {
	const n = 3*maxBlock + 7
	d, err := protocol.New("vllm")
	if err != nil {
		t.Fatal(err)
	}
	rec := record.Record{WantOutput: 4}
	var tl tally
	tl.begin(&rec, d)
	for i := range n {
		tl.event(wire.Event{Data: []byte(evText), At: record.Stamp(i + 1)})
	}
	tl.event(wire.Event{Data: []byte(evDone), At: n})
	tl.finish(&record.Timing{Status: 200}, nil)
	if rec.Outcome != record.OK || len(rec.Events) != n || rec.FirstToken != 1 || rec.LastToken != n || !slices.IsSorted(rec.Events) {
		t.Errorf("%s: %d events from %d to %d", rec.Outcome, len(rec.Events), rec.FirstToken, rec.LastToken)
	}
}

func FuzzTally(f *testing.F) {
	f.Add([]byte("\x00\x03\x03\x07\x08\x10"), uint8(0))
	f.Add([]byte{11, 1, 12, 2, 13, 7, 14}, uint8(1))
	f.Add([]byte{9, 10, 4, 5, 6, 16, 255, 3}, uint8(2))
	f.Fuzz(func(t *testing.T, script []byte, ending uint8) {
		d := completions()
		rec := record.Record{WantPrompt: 3, WantOutput: len(script)}
		var tl tally
		tl.begin(&rec, d)
		choices, at := 0, record.Stamp(0)
		for _, b := range script {
			at += record.Stamp(b%3) + 1
			if !tl.event(wire.Event{Data: []byte(scripted(b)), At: at}) {
				break
			}
			if tl.ev.HasChoice {
				choices++
			}
		}
		var err error
		if n := int(ending); n > 0 {
			of := [...]record.Outcome{record.Refused, record.Reset, record.Timeout, record.HTTPError, record.CutShort, record.BadStream, record.Cancelled}
			err = &wire.Error{Outcome: of[n%len(of)], Err: errors.New("why")}
		}
		tl.finish(&record.Timing{}, err)
		checkRecord(t, &rec, choices)
	})
}

// scripted makes an event out of a byte: its kind, and a number for some.
func scripted(b byte) string {
	n := int(b / 18)
	kinds := [...]string{
		evRole, evThink, evBoth, evText, evCall, evBlank, evLast, evStop, evTwo, evStopTwo, evSecond, evStop2nd,
		evUsage(n), evRun(n%2, "a", n), evRun(0, "", n), evIDs("a", fmt.Sprint([]int{n})), evDone, evZeros,
	}
	if b == 255 {
		return evError
	}
	return kinds[int(b)%len(kinds)]
}

// checkRecord checks what holds of every record.
func checkRecord(t *testing.T, rec *record.Record, choices int) {
	t.Helper()
	if len(rec.Events) != len(rec.PerEvent) {
		t.Fatalf("got %d events and %d counts", len(rec.Events), len(rec.PerEvent))
	}
	if n := len(rec.Events) + len(rec.Bare); n != choices {
		t.Fatalf("got %d events, want %d: every event with a choice is kept once", n, choices)
	}
	sum, all := 0, true
	for i, n := range rec.PerEvent {
		sum += int(n)
		all = all && n > 0
		if i > 0 && rec.Events[i] < rec.Events[i-1] {
			t.Fatalf("events are not in order: %v", rec.Events)
		}
	}
	if sum > rec.OutputTokens.N {
		t.Fatalf("got %d tokens in events, more than %d in all", sum, rec.OutputTokens.N)
	}
	if (len(rec.Events) > 0) != (rec.FirstToken > 0) || rec.FirstToken > rec.LastToken || rec.FirstAnswer > rec.LastToken ||
		rec.FirstAnswer != 0 && rec.FirstAnswer < rec.FirstToken {
		t.Fatalf("got first token %d, first answer %d, last %d", rec.FirstToken, rec.FirstAnswer, rec.LastToken)
	}
	if (rec.Outcome == record.OK) != (rec.Err == "") {
		t.Fatalf("got %s with the words %q", rec.Outcome, rec.Err)
	}
	if rec.Outcome == record.OK && (len(rec.Events) == 0 || rec.OutputTokens.N == 0) {
		t.Fatalf("ok without a token: %+v", rec)
	}
}
