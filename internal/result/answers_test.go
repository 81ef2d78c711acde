package result

import (
	"strings"
	"testing"
)

// TestOneThingOverAndOver has what is garbage and what is not.
func TestOneThingOverAndOver(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"one character":             {strings.Repeat("!", 100), true},
		"a word":                    {strings.Repeat("the ", 40), true},
		"a phrase after a sentence": {"It began well. " + strings.Repeat("and then it said ", 12), true},
		"a short answer":            {"no no no no no no no no", false},
		"a sentence":                {"The quick brown fox jumps over the lazy dog, and nobody minds that it does so day after day.", false},
		"a rule in a long text":     {strings.Repeat("Every line here is another one, as the number shows: ", 1) + strings.Repeat("abcdefghij klmnop qrstuv wxyz 0123456789 ", 7) + strings.Repeat("-", 70), false},
		"nothing":                   {"", false},
	} {
		if got := repeats(c.text); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestCause names why an answer is shorter than asked for.
func TestCause(t *testing.T) {
	for _, c := range []struct {
		finish    string
		ignoreEOS bool
		want      string
	}{
		{"stop", true, "ignore_eos refused"},
		{"stop", false, "ended by itself"},
		{"length", true, "limit of the server"},
		{"", true, "no finish reason"},
		{"content_filter", false, "content_filter"},
	} {
		if got := cause(c.finish, c.ignoreEOS); got != c.want {
			t.Errorf("%q with ignore_eos %v: got %q, want %q", c.finish, c.ignoreEOS, got, c.want)
		}
	}
}
