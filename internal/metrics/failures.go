package metrics

import (
	"cmp"
	"slices"

	"tokmeter/internal/record"
)

// countOutcomes counts every outcome, those that did not occur included.
func countOutcomes(recs []*record.Record) []OutcomeCount {
	n := map[record.Outcome]int{}
	for _, r := range recs {
		n[r.Outcome]++
	}
	list := make([]OutcomeCount, len(record.Outcomes))
	for i, o := range record.Outcomes {
		list[i] = OutcomeCount{o, n[o]}
	}
	return list
}

// firstErrors are the words of the first ten failed requests: all that vLLM's
// client tells of failures.
func firstErrors(v View, recs []*record.Record) []string {
	const most = 10
	var list []string
	for _, r := range recs {
		if !v.OK(r) && len(list) < most {
			list = append(list, v.Error(r))
		}
	}
	return list
}

// groupFailures groups the failed requests by outcome, status and reason.
func groupFailures(v View, recs []*record.Record) []Failure {
	type key struct {
		outcome record.Outcome
		status  int
		reason  string
	}
	at := map[key]int{}
	var list []Failure
	for _, r := range recs {
		if v.OK(r) {
			continue
		}
		text := v.Error(r)
		k := key{r.Outcome, r.Status, withoutNumbers(text)}
		i, seen := at[k]
		if !seen {
			i = len(list)
			at[k] = i
			list = append(list, Failure{Outcome: r.Outcome, Status: r.Status, Index: r.Index, Example: text})
		}
		list[i].N++
	}
	slices.SortStableFunc(list, func(a, b Failure) int { return cmp.Compare(b.N, a.N) })
	return list
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
