package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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
			"freeport": scriptFreePort, "await": scriptAwait, "ask": scriptAsk, "until": scriptUntil, "gone": scriptGone,
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

// scriptJSON is "json FILE key/key VALUE": the file, or its last line, is an
// object with that value, as Go prints it. Without a value the key must be
// there; with ! it must not. FILE may be stdout, or a pattern that one file matches.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: json FILE key/key [VALUE]")
	}
	name := args[0]
	if name != "stdout" {
		files, _ := filepath.Glob(ts.MkAbs(name))
		if len(files) != 1 {
			ts.Fatalf("%s matches %v, want one file", name, files)
		}
		name = files[0]
	}
	text := strings.TrimSpace(ts.ReadFile(name))
	if !json.Valid([]byte(text)) {
		text = text[strings.LastIndexByte(text, '\n')+1:]
	}
	d := json.NewDecoder(strings.NewReader(text))
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

// scriptFreePort is "freeport NAME": the variable gets a port that nobody has.
func scriptFreePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], port)
}

// patience is how long a script waits for what must come, on a machine as busy as
// it may be.
const patience = 60 * time.Second

// scriptAwait is "await URL": it waits until the URL answers 200.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await URL")
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if status, _, err := ask("GET", args[0], ""); err == nil && status == http.StatusOK {
			return
		}
	}
	ts.Fatalf("%s did not answer within %v", args[0], patience)
}

// scriptUntil is "until FILE BYTES": it waits until the file, or one that the
// pattern matches, has at least so many bytes.
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until FILE BYTES")
	}
	least, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Size() >= least {
				return
			}
		}
	}
	ts.Fatalf("%s has no %d bytes after %v", args[0], least, patience)
}

// scriptGone is "gone TEXT": it waits until no process has the text in its
// command line.
func scriptGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone TEXT")
	}
	var all string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command("ps", "-eo", "args").Output()
		ts.Check(err)
		if all = string(out); !strings.Contains(all, args[0]) {
			return
		}
	}
	ts.Fatalf("%q still runs after %v:\n%s", args[0], patience, all)
}

// scriptAsk is "ask FILE METHOD URL [BODY]": the file gets the status, a line
// end and the answer. BODY has ~ for a blank.
func scriptAsk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: ask FILE METHOD URL [BODY]")
	}
	body := ""
	if len(args) == 4 {
		body = strings.ReplaceAll(args[3], "~", " ")
	}
	status, answer, err := ask(args[1], args[2], body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strconv.Itoa(status)+"\n"+answer+"\n"), 0o644))
}

// ask sends one request over a connection of its own.
func ask(method, url, body string) (status int, answer string, err error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}
