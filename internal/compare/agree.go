package compare

import "math"

// An Answer is what a server said greedily to one prompt.
type Answer struct {
	Index    int // of the prompt: equal indexes have equal prompts
	Text     string
	Tokens   []string  // their texts or ids; nil where the server gives none
	LogProbs []float64 // natural logarithms, one for each of Tokens, NaN where one is missing; nil where the server gives none
	Finish   string    // stop, length, …; "" where it is not known
}

// An Agreement is how answers agree with a baseline's.
type Agreement struct {
	Prompts    int
	Identical  float64 // share of equal answers
	First      float64 // mean tokens until the first difference
	LogProbGap float64 // mean absolute difference of the log-probabilities of equal tokens; NaN where a server gives none
}

// Agree says how answers agree with the baseline's. Only prompts that both
// answered count, the first answer to each.
//
// Identical is the share of answers with equal text. First is the mean number
// of leading tokens that are equal, over the answers that differ; NaN where none
// differs or no tokens are known. LogProbGap is the mean of |p − q| over the
// leading equal tokens of all answers for which both servers give the logarithms
// p and q; NaN where there is none.
func Agree(baseline, other []Answer) Agreement {
	base := map[int]*Answer{}
	for i := range baseline {
		if _, ok := base[baseline[i].Index]; !ok {
			base[baseline[i].Index] = &baseline[i]
		}
	}
	var out Agreement
	same, differ, lead, gaps, gap := 0, 0, 0, 0, 0.0
	for i := range other {
		a, b := base[other[i].Index], &other[i]
		if a == nil {
			continue
		}
		delete(base, b.Index) // its second answer does not count
		out.Prompts++
		n := leading(a.Tokens, b.Tokens)
		switch {
		case a.Text == b.Text:
			same++
		case len(a.Tokens) > 0 && len(b.Tokens) > 0:
			differ++
			lead += n
		}
		for k := range min(n, len(a.LogProbs), len(b.LogProbs)) {
			if d := math.Abs(a.LogProbs[k] - b.LogProbs[k]); d <= math.MaxFloat64 {
				gap += d
				gaps++
			}
		}
	}
	out.Identical = quotient(float64(same), float64(out.Prompts))
	out.First = quotient(float64(lead), float64(differ))
	out.LogProbGap = quotient(gap, float64(gaps))
	return out
}

// leading is how many tokens are equal from the start.
func leading(a, b []string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// quotient is NaN where there is nothing to divide by.
func quotient(a, b float64) float64 {
	if !(b > 0) {
		return math.NaN()
	}
	return a / b
}
