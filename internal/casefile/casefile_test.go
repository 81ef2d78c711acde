package casefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const file = `# About.
let a = one two

case first
x $a y $b
# between
z
---
want 1
want 2

# Of the second.
case second
---
`

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.case")
	if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	got := Read(t, path)
	if len(got) != 2 || got[0].Title != "first" || got[0].Want != "want 1\nwant 2\n" || got[1].Want != "" {
		t.Fatalf("got %+v", got)
	}
	if diff := cmp.Diff([]string{"x one two y $b", "z"}, got[0].Given); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestUpdate: what is said replaces what was wanted, and nothing else changes.
func TestUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.case")
	if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	say := func(_ *testing.T, given []string) string {
		if len(given) == 0 {
			return "nothing\n"
		}
		return strings.ToUpper(given[0]) + "\n"
	}
	Run(t, path, true, say)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(strings.Replace(file, "want 1\nwant 2\n", "X ONE TWO Y $B\n", 1), "case second\n---\n", "case second\n---\nnothing\n", 1)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	Run(t, path, false, say)
}

func TestBadFiles(t *testing.T) {
	for why, text := range map[string]string{
		"no case":                    "# nothing\n",
		"a line before the first":    "x\ncase a\n---\n",
		"a let without =":            "let a b\ncase a\n---\n",
		"no ---":                     "case a\nx\n",
		"no --- before the next":     "case a\ncase b\n---\n",
		"two of one title":           "case a\n---\ncase a\n---\n",
		"a line behind an empty one": "case a\n---\nx\n\ny\n",
	} {
		if got, err := parse(strings.Split(text, "\n")); err == nil {
			t.Errorf("%s: got %+v, want an error", why, got)
		}
	}
}
