package load

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tokmeter/internal/casefile"
	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

var update = flag.Bool("update", false, "write the case files")

// TestTallyCases follows the transcripts of testdata/tally.case: a line event
// is what one event carried, and event k arrives at stamp k, counted from 1.
func TestTallyCases(t *testing.T) {
	casefile.Run(t, "testdata/tally.case", *update, func(t *testing.T, given []string) string {
		backend := "openai-chat"
		var events []string
		for _, line := range given {
			word, rest, _ := strings.Cut(line, " ")
			switch word {
			case "backend":
				backend = rest
			case "event":
				events = append(events, rest)
			default:
				t.Fatalf("%q: want backend or event", line)
			}
		}
		rec := follow(t, backend, events, nil)
		out := shown(&rec)
		if len(rec.Events) > 0 {
			out += fmt.Sprintf("tokens came at %s\n", list(rec.Events))
		}
		if len(rec.Bare) > 0 {
			out += fmt.Sprintf("no token came at %s\n", list(rec.Bare))
		}
		if rec.FirstAnswer != 0 {
			out += fmt.Sprintf("the answer begins at %d\n", rec.FirstAnswer)
		}
		return out
	})
}

// shown is what a case file says of a record, but for its times.
func shown(rec *record.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", rec.Outcome)
	counted := func(name string, c record.Count) {
		if c != (record.Count{}) {
			fmt.Fprintf(&b, "%s %d by %s\n", name, c.N, c.From)
		}
	}
	counted("output", rec.OutputTokens)
	counted("prompt", rec.PromptTokens)
	if n := len(rec.PerEvent); n > 0 {
		fmt.Fprintf(&b, "events %d, tokens %s\n", n, tokensIn(rec.PerEvent))
	}
	if n := len(rec.Bare); n > 0 {
		fmt.Fprintf(&b, "bare %d\n", n)
	}
	for _, x := range []struct{ name, text string }{{"finish", rec.Finish}, {"text", rec.Text}} {
		if x.text != "" {
			fmt.Fprintf(&b, "%s %s\n", x.name, quoted(x.text))
		}
	}
	for _, text := range rec.Beside {
		fmt.Fprintf(&b, "beside %s\n", quoted(text))
	}
	if rec.UsageAlone {
		b.WriteString("usage alone\n")
	}
	if rec.CachedTokens != 0 {
		fmt.Fprintf(&b, "cached %d\n", rec.CachedTokens)
	}
	return b.String()
}

// tokensIn is the tokens of each event: "1 each", "unknown", or all of them.
func tokensIn(per []uint16) string {
	if first := per[0]; !slices.ContainsFunc(per, func(n uint16) bool { return n != first }) {
		if first == 0 {
			return "unknown"
		}
		return fmt.Sprintf("%d each", first)
	}
	return list(per)
}

func list[T any](values []T) string { return strings.Trim(fmt.Sprint(values), "[]") }

// quoted is a text on one line, readable as far as it is text.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always has a form
	return strings.TrimSuffix(b.String(), "\n")
}

// A recording is one answer of testdata/sse and what a tally must make of it.
// The name says why it is there: SERVER-CASE.
type recording struct {
	file    string
	words   string         // a part of the error
	outcome record.Outcome // "" means ok
	want    string
}

// recordings are the cases of testdata/recordings.case.
func recordings(t testing.TB) []recording {
	t.Helper()
	var all []recording
	for _, c := range casefile.Read(t, "testdata/recordings.case") {
		r := recordingOf(t, c.Given)
		outcome, _, _ := strings.Cut(c.Want, "\n")
		if r.want = c.Want; outcome != string(record.OK) {
			r.outcome = record.Outcome(outcome)
		}
		all = append(all, r)
	}
	return all
}

func recordingOf(t testing.TB, given []string) recording {
	t.Helper()
	var r recording
	for _, line := range given {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "file":
			r.file = rest
		case "says":
			r.words = rest
		default:
			t.Fatalf("%q: want file, or says with a part of the error", line)
		}
	}
	return r
}

// made is what a case file says of a record that a recording left.
func (r recording) made(rec *record.Record) string {
	out := shown(rec)
	if !strings.Contains(rec.Err, r.words) || r.words == "" && rec.Err != "" {
		out += "err " + rec.Err + "\n"
	}
	return out
}

// TestTallyOfRecordings reads the recordings with a small reader of its own.
func TestTallyOfRecordings(t *testing.T) {
	casefile.Run(t, "testdata/recordings.case", *update, func(t *testing.T, given []string) string {
		r := recordingOf(t, given)
		rec := record.Record{WantPrompt: 7, WantOutput: 8}
		var tl tally
		tl.begin(&rec, dialectOf(t, r.file))
		err := replay(t, read(t, r.file), tl.event)
		tl.finish(&record.Timing{Status: 200}, err)
		return r.made(&rec)
	})
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
	tl.finish(&record.Timing{Status: 200}, err)
	return rec
}

func usage(n int) record.Count { return record.Count{N: n, From: record.FromUsage} }
func texts(n int) record.Count { return record.Count{N: n, From: record.FromEvents} }

// ones are n events with one token each; none are n events whose count is not known.
func ones(n int) []uint16 {
	p := none(n)
	for i := range p {
		p[i] = 1
	}
	return p
}
func none(n int) []uint16 { return make([]uint16, n) }
