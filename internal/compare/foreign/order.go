package foreign

import (
	"cmp"
	"slices"
	"strconv"

	"tokmeter/internal/compare"
)

// bySending sorts requests by when they were sent.
func bySending(all []request) []request {
	slices.SortStableFunc(all, func(a, b request) int { return cmp.Compare(a.sent, b.sent) })
	return all
}

// parts names the results of one file by their loads, or by their places, where
// there are several.
func parts(all []compare.Result) []compare.Result {
	if len(all) < 2 {
		return all
	}
	used := map[string]bool{}
	for i := range all {
		r := &all[i]
		name := r.Part
		for _, f := range r.Workload {
			if name == "" && f.Name == compare.FactConcurrency && f.Value != "none" {
				name = "concurrency=" + f.Value
			}
			if name == "" && f.Name == compare.FactRate && f.Value != "inf" {
				name = "rate=" + f.Value
			}
		}
		if name == "" || used[name] {
			name = strconv.Itoa(i + 1)
		}
		used[name] = true
		r.Part = name
	}
	return all
}

// trimName is a file's name without its end.
func trimName(name string) string {
	for i := range name {
		if name[i] == '.' {
			return name[:i]
		}
	}
	return name
}
