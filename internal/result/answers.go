package result

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tokmeter/internal/metrics"
)

// An answerTally says how they ended and what is odd about them.
type answerTally struct {
	answers  int
	finish   map[string]int
	repeated int // that say one thing over and over
	// short answers have fewer tokens than were asked for, by why.
	short map[string]int
}

// answers says how the answers ended, which were shorter than asked for and why, and
// which are garbage: a faster server may be one that says nothing.
func answers() part {
	return part{
		Definition{ID: "answers", Title: "Answers", Keys: []Key{
			{Name: "finish_reasons", Formula: "successful answers by the server's finish reason; none where it gave none"},
			{Name: "short_answers", Formula: "successful answers with fewer tokens than were asked for, by cause"},
			{Name: "repeated_answers", Formula: "successful answers whose second half or more says one thing of at most 40 bytes over and over, eight times or more"},
		}},
		func(r *Result) (Section, error) {
			if r.Summary.Compat || r.Records == nil {
				return Section{}, nil
			}
			t, err := r.tally()
			if err != nil || t.answers == 0 {
				return Section{}, err
			}
			s := Section{Label: "Answers", Short: t.odd(), JSON: Fields{
				{"finish_reasons", countFields(t.finish)}, {"short_answers", countFields(t.short)}, {"repeated_answers", t.repeated},
			}}
			lines := []string{"finish reasons: " + countWords(t.finish)}
			s.Text = text(append(lines, t.odd()...)...)
			return s, nil
		},
	}
}

// tally goes over the successful records.
func (r *Result) tally() (answerTally, error) {
	t := answerTally{finish: map[string]int{}, short: map[string]int{}}
	v := metrics.ViewOf(r.Plan)
	for rec, err := range r.Records {
		if err != nil {
			return t, err
		}
		if !v.OK(rec) {
			continue
		}
		t.answers++
		reason := rec.Finish
		if reason == "" {
			reason = "none"
		}
		t.finish[reason]++
		if repeats(rec.Text) {
			t.repeated++
		}
		if n := v.Output(rec).N; rec.WantOutput > 0 && n < rec.WantOutput {
			t.short[cause(rec.Finish, r.Plan.Target.IgnoreEOS)]++
		}
	}
	return t, nil
}

// cause is why an answer is shorter than was asked for.
func cause(finish string, ignoreEOS bool) string {
	switch {
	case finish == "stop" && ignoreEOS:
		return "ignore_eos refused"
	case finish == "stop":
		return "ended by itself"
	case finish == "length":
		return "limit of the server"
	case finish == "":
		return "no finish reason"
	}
	return finish
}

// odd is what a reader should know of the answers.
func (t *answerTally) odd() []string {
	var out []string
	explained := map[string]string{
		"ignore_eos refused":  "ended by themselves although ignore_eos was asked for: the server does not take it",
		"ended by itself":     "ended by themselves (--ignore-eos asks for the whole length)",
		"limit of the server": "ended at a length below what was asked for: the server has a limit of its own",
	}
	for _, why := range slices.Sorted(maps.Keys(t.short)) {
		text := explained[why]
		if text == "" {
			text = "are shorter than asked for: " + why
		}
		out = append(out, fmt.Sprintf("%d of %d %s", t.short[why], t.answers, text))
	}
	if t.repeated > 0 {
		out = append(out, fmt.Sprintf("%d of %d say one thing over and over: the model or its weights may be broken", t.repeated, t.answers))
	}
	return out
}

// The least that counts as saying one thing over and over.
const (
	longestUnit  = 40 // bytes
	leastRepeats = 8
	leastText    = 64 // bytes that repeat
)

// repeats reports whether a text ends in one unit over and over, for half of it or
// more.
func repeats(s string) bool {
	s = strings.TrimSpace(s)
	for unit := 1; unit <= longestUnit && unit*leastRepeats <= len(s); unit++ {
		n := 0
		for i := len(s) - 1; i >= unit && s[i] == s[i-unit]; i-- {
			n++
		}
		if run := n + unit; run >= unit*leastRepeats && run >= leastText && 2*run >= len(s) {
			return true
		}
	}
	return false
}

func countFields(m map[string]int) Fields {
	f := Fields{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		f = append(f, Field{k, m[k]})
	}
	return f
}

func countWords(m map[string]int) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(out, ", ")
}
