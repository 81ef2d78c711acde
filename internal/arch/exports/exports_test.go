package exports

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExports(t *testing.T) {
	lines, err := unused("../../..", "tokmeter", kept())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		t.Error(l)
	}
}

// TestRule breaks the rule in each way: a check that finds nothing proves nothing.
func TestRule(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"a/a.go": `package a
type Used struct{ Read int }
type Tagged struct{ Field int ` + "`json:\"field\"`" + ` }
type Alone struct{}
type hidden struct{}
func New() *Used { return nil }
func Kept() {}
func Lonely() { _ = Alone{}; _ = Limit }
func (u *Used) Called() {}
func (u *Used) Uncalled() {}
func (u *Used) Asked() {}
func (u *Used) String() string { return "" }
func (h hidden) Method() {}
const Limit = 1
var Tested int
type asker interface{ Asked() }
`,
		"a/a_test.go": "package a\nfunc f() { Lonely() }\n",
		"b/b.go": `package b
import other "m/a"
func f() { u := other.New(); u.Called(); _ = u.Read; var _ other.Used; var _ other.Tagged }
`,
		"b/b_test.go": "package b\nimport \"m/a\"\nvar _ = a.Tested\n",
		"c/main.go":   "package main\nfunc Main() {}\n",
	} {
		p := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := unused(dir, "m", map[string]bool{"a Kept": true})
	if err != nil {
		t.Fatal(err)
	}
	const no = " has no user outside its package"
	want := []string{"a/a.go:4: Alone" + no, "a/a.go:8: Lonely" + no, "a/a.go:10: Uncalled" + no, "a/a.go:14: Limit" + no, "a/a.go:15: Tested" + no}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
