package load

import (
	"fmt"
	"strings"
	"testing"

	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

// TestCountsThatCanNotBe: a count that the bytes of the answer can't hold is not
// used, wherever it stands; the next best source is.
func TestCountsThatCanNotBe(t *testing.T) {
	alone := func(n string) []string {
		return []string{evText, evLast, `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":` + n + `}}`, evDone}
	}
	attached := func(n string) []string {
		return []string{
			`{"choices":[{"text":"a"}],"usage":{"prompt_tokens":5,"completion_tokens":1}}`,
			`{"choices":[{"text":"z","finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":` + n + `}}`, evDone}
	}
	for _, n := range []string{"4294967295", "1e18", "1e308", "9223372036854775808", "-5", "-1e18", "100000"} {
		for where, events := range map[string][]string{"alone": alone(n), "attached": attached(n)} {
			r := follow(t, "openai-chat", events, nil)
			if r.Outcome != record.OK || r.OutputTokens.N != 2 {
				t.Errorf("%s %s: got %s with %+v, want two tokens", where, n, r.Outcome, r.OutputTokens)
			}
			if r.Refused == 0 {
				t.Errorf("%s %s: the record does not say that a count was refused", where, n)
			}
		}
	}
	for _, usage := range []string{
		`{"prompt_tokens":4294967295,"completion_tokens":2}`,
		`{"prompt_tokens":-7,"completion_tokens":2}`,
		`{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4294967295}}`,
		`{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":-3}}`,
	} {
		r := follow(t, "openai-chat", []string{evText, evLast, `{"choices":[],"usage":` + usage + `}`, evDone}, nil)
		if r.OutputTokens != (record.Count{N: 2, From: record.FromUsage}) || r.PromptTokens.N > 5 || r.PromptTokens.N < 0 || r.CachedTokens != 0 || r.Refused == 0 {
			t.Errorf("%s: got %+v, %+v, %d cached, refused %d", usage, r.OutputTokens, r.PromptTokens, r.CachedTokens, r.Refused)
		}
	}
	t.Run("hidden reasoning within what was asked is no fault", func(t *testing.T) {
		d, err := protocol.New("openai-chat")
		if err != nil {
			t.Fatal(err)
		}
		rec := record.Record{WantOutput: 20_000}
		var tl tally
		tl.begin(&rec, d)
		for _, data := range []string{evText, evLast, evUsage(19_000), evDone} {
			tl.event(wire.Event{Data: []byte(data), At: 1})
		}
		tl.finish(&record.Timing{Status: 200, BytesIn: 400}, nil)
		if rec.OutputTokens.N != 19_000 || rec.Refused != 0 {
			t.Errorf("got %+v, refused %d", rec.OutputTokens, rec.Refused)
		}
	})
}

// TestAnswerWithoutEnd: what is kept of one answer is bounded, in bytes of text
// and in events, and the outcome says so.
func TestAnswerWithoutEnd(t *testing.T) {
	big := strings.Repeat("x", 100_000)
	for _, row := range []struct {
		why, event, words string
		want              int // tokens asked
	}{
		{"text of a short request", fmt.Sprintf(`{"choices":[{"delta":{"content":%q}}]}`, big), "longer than 1 MiB, the most that is taken for 4 tokens", 4},
		{"reasoning", fmt.Sprintf(`{"choices":[{"delta":{"reasoning":%q}}]}`, big), "longer than 1 MiB", 4},
		{"text where no length was asked", fmt.Sprintf(`{"choices":[{"delta":{"content":%q}}]}`, big), "longer than 64 MiB, the most that is taken for any request", 0},
		{"events without text", `{"choices":[{"delta":{}}]}`, "more than 262144 events", 4},
	} {
		d, err := protocol.New("openai-chat")
		if err != nil {
			t.Fatal(err)
		}
		rec := record.Record{WantOutput: row.want}
		var tl tally
		tl.begin(&rec, d)
		data, n := []byte(row.event), 0
		for tl.event(wire.Event{Data: data, At: 1}) {
			if n++; n > 1<<20 {
				t.Fatalf("%s: no end after %d events", row.why, n)
			}
		}
		if tl.event(wire.Event{Data: data, At: 1}) {
			t.Errorf("%s: it goes on after its end", row.why)
		}
		tl.finish(&record.Timing{Status: 200}, nil)
		if rec.Outcome != record.BadStream || !strings.Contains(rec.Err, row.words) {
			t.Errorf("%s: got %s, %q", row.why, rec.Outcome, rec.Err)
		}
	}
}
