package compare

import (
	"math"
	"slices"
	"strconv"
)

// A Difference is a fact that two runs do not have in common.
type Difference struct {
	Name   string
	A, B   string // "" where it is not known
	Unlike bool   // the two did not do the same work
}

// differences lists the facts that both know and do not share, and those that one
// of them knows alone, in the order in which they are known.
func differences(a, b []Fact) []Difference {
	var out []Difference
	for _, f := range a {
		if other := find(b, f.Name); other != f.Value {
			out = append(out, Difference{Name: f.Name, A: f.Value, B: other})
		}
	}
	for _, f := range b {
		if find(a, f.Name) == "" {
			out = append(out, Difference{Name: f.Name, B: f.Value})
		}
	}
	return out
}

func find(facts []Fact, name string) string {
	i := slices.IndexFunc(facts, func(f Fact) bool { return f.Name == name })
	if i < 0 {
		return ""
	}
	return facts[i].Value
}

// tokenSlack is the share by which the mean lengths of two workloads may differ.
const tokenSlack = 0.05

// workloadDifferences are the differences of what was asked; those that make
// the numbers answers to different questions are unlike.
func workloadDifferences(a, b *Result) []Difference {
	var out []Difference
	for _, d := range differences(a.Workload, b.Workload) {
		if d.A != "" && d.B != "" {
			switch d.Name {
			case FactInput, FactOutput:
				d.Unlike = apart(d.A, d.B, tokenSlack)
				if !apart(d.A, d.B, 1e-9) {
					continue
				}
			case FactRate, FactConcurrency:
				if !apart(d.A, d.B, 1e-9) {
					continue
				}
				d.Unlike = true
			}
		}
		out = append(out, d)
	}
	return out
}

// apart reports whether two facts differ by more than a share; words always do.
func apart(a, b string, share float64) bool {
	x, errA := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	if errA != nil || errB != nil || math.IsInf(x, 0) || math.IsInf(y, 0) {
		return a != b
	}
	return math.Abs(x-y) > share*math.Max(math.Abs(x), math.Abs(y))
}

func orNone(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}
