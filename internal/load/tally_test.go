package load

import (
	"context"
	"errors"
	"fmt"
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

// follow runs events through a tally; event k arrives at stamp k, from 1.
func follow(t testing.TB, backend string, events []string, err error) record.Record {
	t.Helper()
	d, derr := protocol.New(backend)
	if derr != nil {
		t.Fatal(derr)
	}
	rec := record.Record{WantOutput: 4}
	var tl tally
	tl.begin(&rec, d)
	for i, data := range events {
		if !tl.event(wire.Event{Data: []byte(data), At: record.Stamp(i + 1)}) && i+1 < len(events) {
			break
		}
	}
	tl.finish(record.Timing{Status: 200}, err)
	return rec
}

type stamps = []record.Stamp

func TestTallyCounts(t *testing.T) {
	tests := []struct {
		why    string
		events []string
		output record.Count
		at     stamps
		per    []uint16
		bare   stamps
		answer record.Stamp // first answer
		text   string
		beside []string
	}{
		{why: "a role is no token, and the total says one a text",
			events: []string{evRole, evText, evLast, evUsage(2), evDone},
			output: usage(2), at: stamps{2, 3}, per: ones(2), bare: stamps{1}, answer: 2, text: "az"},
		{why: "texts reach the total: blanks are padding",
			events: []string{evBlank, evText, evBlank, evText, evStop, evUsage(2), evDone},
			output: usage(2), at: stamps{2, 4}, per: ones(2), bare: stamps{1, 3, 5}, answer: 2, text: "aa"},
		{why: "blanks before the end are needed, the one at the end is not",
			events: []string{evRole, evBlank, evBlank, evText, evStop, evUsage(3), evDone},
			output: usage(3), at: stamps{2, 3, 4}, per: ones(3), bare: stamps{1, 5}, answer: 2, text: "a"},
		{why: "every blank is needed: the last is the end-of-text token",
			events: []string{evText, evBlank, evStop, evUsage(3), evDone},
			output: usage(3), at: stamps{1, 2, 3}, per: ones(3), answer: 1, text: "a"},
		{why: "some blanks are needed and nobody knows which: counts are not known",
			events: []string{evText, evBlank, evBlank, evText, evStop, evUsage(3), evDone},
			output: usage(3), at: stamps{1, 2, 4}, per: none(3), bare: stamps{3, 5}, answer: 1, text: "aa"},
		{why: "more tokens than events: every event had some, counts are not known",
			events: []string{evRole, evLong, evBlank, evLast, evUsage(9), evDone},
			output: usage(9), at: stamps{2, 3, 4}, per: none(3), bare: stamps{1}, answer: 2, text: "one two threez"},
		{why: "more tokens than bytes: those that were never sent are in no event",
			events: []string{evRole, evText, evBlank, evLast, evUsage(9), evDone},
			output: usage(9), at: stamps{2, 4}, per: ones(2), bare: stamps{1, 3}, answer: 2, text: "az"},
		{why: "fewer tokens than texts: texts, of which nobody knows how many tokens they are",
			events: []string{evText, evText, evLast, evUsage(2), evDone},
			output: texts(3), at: stamps{1, 2, 3}, per: none(3), answer: 1, text: "aaz", beside: nil},
		{why: "the end-of-text token alone",
			events: []string{evRole, evStop, evUsage(1), evDone},
			output: usage(1), at: stamps{2}, per: ones(1), bare: stamps{1}, answer: 2},
		{why: "no count by the server: texts, of which nobody knows how many tokens they are",
			events: []string{evRole, evText, evBlank, evLast, evDone},
			output: texts(2), at: stamps{2, 4}, per: none(2), bare: stamps{1, 3}, answer: 2, text: "az"},
		{why: "zeros before the end are no running count",
			events: []string{evZeros, evZeros, evStop, evUsage(2), evDone},
			output: usage(2), at: stamps{1, 2}, per: ones(2), bare: stamps{3}, answer: 1, text: "aa"},
		{why: "zeros and never a count: as if there were none",
			events: []string{evZeros, evZeros, evStop, evDone},
			output: texts(2), at: stamps{1, 2}, per: none(2), bare: stamps{3}, answer: 1, text: "aa"},
		{why: "usage in the last choice's event only",
			events: []string{evText, evText, `{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}`},
			output: usage(2), at: stamps{1, 2}, per: ones(2), bare: stamps{3}, answer: 1, text: "aa"},

		{why: "the running count says how many each event had, blanks too",
			events: []string{evRun(0, "a", 1), evRun(0, "", 3), evRun(0, "bc", 7), evRun(0, "", 7), evStop, evUsage(7), evDone},
			output: usage(7), at: stamps{1, 2, 3}, per: []uint16{1, 2, 4}, bare: stamps{4, 5}, answer: 1, text: "abc"},
		{why: "a count that text does not raise is no running count",
			events: []string{evRun(0, "a", 2), evRun(0, "b", 2), evStop, evUsage(2), evDone},
			output: usage(2), at: stamps{1, 2}, per: ones(2), bare: stamps{3}, answer: 1, text: "ab"},
		{why: "the running count is per choice, as vLLM sends it",
			events: []string{evRun(0, "a", 1), evRun(1, "b", 2), evRun(0, "c", 2), evStop, evStop2nd, evUsage(4), evDone},
			output: usage(4), at: stamps{1, 2, 3}, per: []uint16{1, 2, 1}, bare: stamps{4, 5}, answer: 1, text: "ac"},
		{why: "a running count that does not fit the total is not used",
			events: []string{evRun(0, "a", 1), evRun(1, "b", 2), evRun(0, "c", 3), evRun(1, "d", 4), evStop, evStop2nd, evUsage(4), evDone},
			output: usage(4), at: stamps{1, 2, 3, 4}, per: ones(4), bare: stamps{5, 6}, answer: 1, text: "ac"},
		{why: "a running count that falls is none",
			events: []string{evRun(0, "a", 2), evRun(0, "b", 1), evStop, evUsage(2), evDone},
			output: usage(2), at: stamps{1, 2}, per: ones(2), bare: stamps{3}, answer: 1, text: "ab"},
		{why: "a running count that misses an event is none",
			events: []string{evRun(0, "a", 1), evText, evRun(0, "b", 3), evStop, evUsage(3), evDone},
			output: usage(3), at: stamps{1, 2, 3}, per: ones(3), bare: stamps{4}, answer: 1, text: "aab"},
		{why: "a running count in a stream that was cut",
			events: []string{evRun(0, "a", 1), evRun(0, "bc", 4)},
			output: usage(4), at: stamps{1, 2}, per: []uint16{1, 3}, answer: 1, text: "abc"},

		{why: "token ids count, in blanks too",
			events: []string{evIDs("a", "[1]"), evIDs("", "[2]"), evIDs("b", "[3,4]"), evStop, evDone},
			output: ids(4), at: stamps{1, 2, 3}, per: []uint16{1, 1, 2}, bare: stamps{4}, answer: 1, text: "ab"},
		{why: "token ids say how many where usage says the total",
			events: []string{evIDs("ab", "[1,2]"), evIDs("c", "[3]"), evStop, evUsage(3), evDone},
			output: usage(3), at: stamps{1, 2}, per: []uint16{2, 1}, bare: stamps{3}, answer: 1, text: "abc"},
		{why: "token ids of some events only are of no use",
			events: []string{evIDs("a", "[1]"), evText, evStop, evDone},
			output: texts(2), at: stamps{1, 2}, per: none(2), bare: stamps{3}, answer: 1, text: "aa"},
		{why: "the running count goes before token ids",
			events: []string{`{"choices":[{"text":"a","token_ids":[1]}],"usage":{"completion_tokens":2}}`, evUsage(2), evDone},
			output: usage(2), at: stamps{1}, per: []uint16{2}, answer: 1, text: "a"},

		{why: "reasoning is tokens, the answer has a time of its own",
			events: []string{evRole, evThink, evThink, evText, evLast, evUsage(4), evDone},
			output: usage(4), at: stamps{2, 3, 4, 5}, per: ones(4), bare: stamps{1}, answer: 4, text: "az"},
		{why: "a blank between reasoning and answer may be a part of either",
			events: []string{evThink, evBlank, evLast, evUsage(3), evDone},
			output: usage(3), at: stamps{1, 2, 3}, per: ones(3), answer: 3, text: "z"},
		{why: "an event that ends reasoning and begins the answer",
			events: []string{evThink, evBoth, evStop, evDone},
			output: texts(2), at: stamps{1, 2}, per: none(2), bare: stamps{3}, answer: 2, text: "a", beside: []string{"hmhm"}},
		{why: "reasoning alone has no answer",
			events: []string{evThink, evThink, evStop, evUsage(2), evDone},
			output: usage(2), at: stamps{1, 2}, per: ones(2), bare: stamps{3}},
		{why: "a tool call is an answer without text",
			events: []string{evRole, evThink, evCall, evCall, evStop, evUsage(3), evDone},
			output: usage(3), at: stamps{2, 3, 4}, per: ones(3), bare: stamps{1, 5}, answer: 3},
		{why: "a role that is repeated is a blank like any other",
			events: []string{evRole, evRole, evText, evRole, evStop, evUsage(3), evDone},
			output: usage(3), at: stamps{2, 3, 4}, per: ones(3), bare: stamps{1, 5}, answer: 2, text: "a"},

		{why: "two choices by turns: the text is that of the first",
			events: []string{evText, evSecond, evLast, evSecond, evStop2nd, evDone},
			output: texts(4), at: stamps{1, 2, 3, 4}, per: none(4), bare: stamps{5}, answer: 1, text: "az", beside: []string{"bb"}},
		{why: "two choices in an event are two tokens",
			events: []string{evTwo, evTwo, evStopTwo, evUsage(4), evDone},
			output: usage(4), at: stamps{1, 2}, per: []uint16{2, 2}, bare: stamps{3}, answer: 1, text: "aa"},
		{why: "an event of two ends with a token each",
			events: []string{evTwo, evStopTwo, evUsage(4), evDone},
			output: usage(4), at: stamps{1, 2}, per: []uint16{2, 2}, answer: 1, text: "a"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			rec := follow(t, "openai-chat", tt.events, nil)
			got := tt
			got.output, got.at, got.per, got.bare = rec.OutputTokens, rec.Events, rec.PerEvent, rec.Bare
			got.answer, got.text, got.beside = rec.FirstAnswer, rec.Text, rec.Beside
			if diff := cmp.Diff(fmt.Sprintf("%+v", tt), fmt.Sprintf("%+v", got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

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
		{"an event without a choice", []string{`{"choices":[]}`}, nil, record.CutShort, "the stream ended without a token, a finish reason or [DONE]"},
		{"a finish reason and no token", []string{evRole, evStop, evUsage(0), evDone}, nil, record.Empty, "the answer ended without a token"},
		{"[DONE] and no token", []string{evDone}, nil, record.Empty, "the answer ended without a token"},
		{"tokens by usage that no event carried", []string{evUsage(5), evDone}, nil, record.Empty, "the answer ended without a token"},

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
		tl.finish(record.Timing{}, nil)
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
		if len(tl.marks) == maxMarks {
			tl.marks, tl.text = tl.marks[:0], tl.text[:0]
		}
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
		tl.finish(record.Timing{}, err)
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
