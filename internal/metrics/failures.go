package metrics

import (
	"cmp"
	"slices"

	"tokmeter/internal/record"
)

// mostFirstErrors is how many failures vLLM's client tells the words of: all
// that it tells of failures.
const mostFirstErrors = 10

// A failureKey is what the failures of a group have in common.
type failureKey struct {
	outcome record.Outcome
	status  int
	reason  string
}

// failures groups failed requests by outcome, status and reason.
type failures struct {
	at   map[failureKey]int
	list []Failure
}

// add takes a failed request and its words, in order of Index.
func (f *failures) add(r *record.Record, text string) {
	k := failureKey{r.Outcome, r.Status, withoutNumbers(text)}
	i, seen := f.at[k]
	if !seen {
		i = len(f.list)
		f.at[k] = i
		f.list = append(f.list, Failure{Outcome: r.Outcome, Status: r.Status, Index: r.Index, Example: text})
	}
	f.list[i].N++
}

// sorted are the groups, most frequent first.
func (f *failures) sorted() []Failure {
	slices.SortStableFunc(f.list, func(a, b Failure) int { return cmp.Compare(b.N, a.N) })
	return f.list
}

// withoutNumbers replaces words with a digit in them by one sign each, so that
// ports, lengths and request ids do not make two reasons of one.
func withoutNumbers(text string) string {
	out := make([]byte, 0, len(text))
	start, digit := 0, false
	for i := 0; i <= len(text); i++ {
		if i < len(text) && wordByte(text[i]) {
			digit = digit || text[i] >= '0' && text[i] <= '9'
			continue
		}
		if digit {
			out = append(out, '#')
		} else {
			out = append(out, text[start:i]...)
		}
		if i < len(text) {
			out = append(out, text[i])
		}
		start, digit = i+1, false
	}
	return string(out)
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c >= 0x80
}
