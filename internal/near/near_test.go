package near

import (
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	flags := []string{"seed", "speed", "model", "models", "num-prompts", "num-warmups", "request-rate", "backend"}
	for _, c := range []struct {
		reason, name string
		want         []string
	}{
		{"nothing to go by", "", nil},
		{"the same", "seed", []string{"seed", "speed"}},
		{"two letters swapped", "modle", []string{"model"}},
		{"a letter too much", "modell", []string{"model", "models"}},
		{"a part of one", "rate", []string{"request-rate"}},
		{"one is a part of it", "backend-name", []string{"backend"}},
		{"a part of two", "num", []string{"num-prompts", "num-warmups"}},
		{"too short to be a part", "nu", nil},
		{"far from all", "zzzzzz", nil},
		{"too long to be a slip", strings.Repeat("seed", 30), nil},
	} {
		if got := Names(c.name, flags); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q: got %q, want %q", c.reason, c.name, got, c.want)
		}
	}
	if got := Names("aaaa", []string{"aaab", "aaac", "aaad", "aaae", "aaaa"}); !slices.Equal(got, []string{"aaaa", "aaab", "aaac"}) {
		t.Errorf("got %q, want three, the best first and then in order", got)
	}
}
