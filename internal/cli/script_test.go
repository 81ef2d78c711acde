package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the commands as a shell would, each script in a folder of
// its own, with the hub switched off and the repository at $REPO.
func TestScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("REPO", repo)
			e.Setenv("HF_HUB_OFFLINE", "1")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each command under -race waits a second
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": scriptCode, "json": scriptJSON, "within": scriptWithin, "lines": scriptLines,
		},
	})
}

// scriptCode is "code N program words…": it wants that exit code.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program words…")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if want, _ := strconv.Atoi(args[0]); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// scriptJSON is "json FILE key/key VALUE": the last line of the file is an
// object with that value, as Go prints it. Without a value the key must be
// there; with ! it must not. FILE may be a pattern that one file matches.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: json FILE key/key [VALUE]")
	}
	files, _ := filepath.Glob(ts.MkAbs(args[0]))
	if len(files) != 1 {
		ts.Fatalf("%s matches %v, want one file", args[0], files)
	}
	lines := strings.Split(strings.TrimSpace(ts.ReadFile(files[0])), "\n")
	d := json.NewDecoder(bytes.NewReader([]byte(lines[len(lines)-1])))
	if lines[0] == "{" {
		d = json.NewDecoder(strings.NewReader(strings.Join(lines, "\n")))
	}
	d.UseNumber()
	var v any
	ts.Check(d.Decode(&v))
	for _, key := range strings.Split(args[1], "/") {
		var ok bool
		switch in := v.(type) {
		case map[string]any:
			v, ok = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			if ok = err == nil && i < len(in); ok {
				v = in[i]
			}
		}
		if !ok && neg {
			return
		}
		if !ok {
			ts.Fatalf("there is no %s: it ends at %s", args[1], key)
		}
	}
	if got := fmt.Sprint(v); neg || len(args) == 3 && got != args[2] {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

// scriptWithin is "within A B": the text of A is a part of B's.
func scriptWithin(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: within FILE FILE")
	}
	a, b := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	if strings.TrimSpace(a) == "" || strings.Contains(b, a) == neg {
		ts.Fatalf("%s within %s: want %v\n%s\n--- within ---\n%s", args[0], args[1], !neg, a, b)
	}
}

// scriptLines is "lines FILE N": the file has N lines.
func scriptLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s has %d lines, want %s", args[0], got, args[1])
	}
}
