package compare_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tokmeter/internal/compare"
)

// TestAgree checks the three numbers on answers small enough to count by hand.
func TestAgree(t *testing.T) {
	nan := math.NaN()
	words := func(index int, text string, tokens []string, logs ...float64) compare.Answer {
		return compare.Answer{Index: index, Text: text, Tokens: tokens, LogProbs: logs}
	}
	for name, c := range map[string]struct {
		base, other []compare.Answer
		want        compare.Agreement
	}{
		"no answer at all": {nil, nil, compare.Agreement{Identical: nan, First: nan, LogProbGap: nan}},
		"one equal, one that differs after two": {
			[]compare.Answer{words(0, "ab", []string{"a", "b"}, -0.1, -0.2), words(1, "abc", []string{"a", "b", "c"}, -0.1, -0.2, -3)},
			[]compare.Answer{words(1, "abd", []string{"a", "b", "d"}, -0.3, -0.2, -9), words(0, "ab", []string{"a", "b"}, -0.1, -0.4)},
			compare.Agreement{Prompts: 2, Identical: 0.5, First: 2, LogProbGap: 0.1},
		},
		"a longer answer differs where the shorter one ends": {
			[]compare.Answer{words(0, "a", []string{"a"})}, []compare.Answer{words(0, "ab", []string{"a", "b"})},
			compare.Agreement{Prompts: 1, First: 1, LogProbGap: nan},
		},
		"prompts that one did not answer do not count": {
			[]compare.Answer{words(0, "a", nil), words(4, "b", nil)}, []compare.Answer{words(0, "a", nil), words(5, "b", nil)},
			compare.Agreement{Prompts: 1, Identical: 1, First: nan, LogProbGap: nan},
		},
		"no tokens: texts alone are compared": {
			[]compare.Answer{words(0, "a", nil)}, []compare.Answer{words(0, "b", nil)},
			compare.Agreement{Prompts: 1, First: nan, LogProbGap: nan},
		},
		"logarithms that are no numbers are left out": {
			[]compare.Answer{words(0, "ab", []string{"a", "b"}, math.Inf(-1), -1)}, []compare.Answer{words(0, "ab", []string{"a", "b"}, nan, -1.5)},
			compare.Agreement{Prompts: 1, Identical: 1, First: nan, LogProbGap: 0.5},
		},
	} {
		got := compare.Agree(c.base, c.other)
		if d := cmp.Diff(c.want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-12)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", name, d)
		}
	}
}
