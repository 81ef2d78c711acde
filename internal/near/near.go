// Package near finds the names that somebody may have meant: for "did you
// mean …" behind a flag, a key, a card or a model that is not known.
package near

import (
	"cmp"
	"slices"
	"strings"
)

const (
	most    = 3   // names in a hint
	longest = 100 // bytes of a name; a longer one was not mistyped
	part    = 3   // letters from which on a name that is a part of another is near it
)

// Names returns at most three of the candidates that look like name, the best
// first: those within a third of its length, and at least one, in changes of
// single letters (two adjacent ones may swap), then those of which one contains
// the other.
func Names(name string, candidates []string) []string {
	type match struct {
		name string
		dist int
	}
	if name == "" || len(name) > longest {
		return nil
	}
	limit := max(1, len(name)/3)
	var found []match
	for _, c := range candidates {
		if len(c) > longest {
			continue
		}
		d := distance(name, c)
		if d > limit && (len(name) >= part && strings.Contains(c, name) || len(c) >= part && strings.Contains(name, c)) {
			d = limit
		}
		if d <= limit {
			found = append(found, match{c, d})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return cmp.Compare(a.dist, b.dist) })
	var out []string
	for _, m := range found[:min(most, len(found))] {
		out = append(out, m.name)
	}
	return out
}

// distance is Damerau's and Levenshtein's, in bytes.
func distance(a, b string) int {
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}
