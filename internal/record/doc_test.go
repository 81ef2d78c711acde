package record

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// docs/run-directory.md has every key that is written.
func TestDocNamesEveryKey(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "run-directory.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{Record{}, Timing{}, Head{}, Environment{}, Server{}, Ending{}, footer{}} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			key, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if key == "" {
				t.Errorf("%s.%s has no key", typ.Name(), typ.Field(i).Name)
			} else if !strings.Contains(string(doc), "`"+key+"`") && !strings.Contains(string(doc), `"`+key+`"`) {
				t.Errorf("%s of %s is not in the document", key, typ.Name())
			}
		}
	}
	for _, o := range Outcomes {
		if !strings.Contains(string(doc), "`"+string(o)+"`") {
			t.Errorf("the outcome %s is not in the document", o)
		}
	}
}

// The document's commands do what it says, where their tools are installed.
func TestDocCommands(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the tools of other systems take other options")
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "run-directory.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "a")
	write(t, dir, 3)
	run := func(command string) string {
		t.Helper()
		if !strings.Contains(string(doc), "    "+command+"\n") {
			t.Fatalf("the document has no %q", command)
		}
		for _, tool := range []string{"sh", "zcat", "head", "sha256sum", "jq"} {
			if _, err := exec.LookPath(tool); err != nil && (tool == "sh" || strings.Contains(command, tool)) {
				t.Skipf("%s is not installed", tool)
			}
		}
		c := exec.Command("sh", "-c", command)
		c.Dir = dir
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	t.Run("checksum", func(t *testing.T) {
		sum, _, _ := strings.Cut(run("zcat records.jsonl.gz | head -n -1 | sha256sum"), " ")
		c := exec.Command("sh", "-c", "zcat records.jsonl.gz | tail -n 1")
		c.Dir = dir
		foot, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(foot), `"sha256":"`+sum+`"`) {
			t.Errorf("got %s, the footer has %s", sum, foot)
		}
	})
	t.Run("ttft", func(t *testing.T) {
		out := run(`zcat records.jsonl.gz | jq -r 'select(.outcome=="ok") | (.first_token - .timing.sent) / 1e6'`)
		if want := strings.Repeat("49.98\n", 3); out != want {
			t.Errorf("got %q, want %q", out, want)
		}
	})
}
