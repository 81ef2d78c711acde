package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// input is an opened text that can be read again by offset.
func input(t testing.TB, text string) *Input {
	t.Helper()
	in, err := NewInput("f", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// usualLabels are those of the Mooncake and Qwen traces.
func usualLabels() Labels {
	return Labels{"timestamp", "input_length", "output_length", "hash_ids"}
}

// stream is an opened text that can be read only once, in small pieces.
func stream(t testing.TB, text string) *Input {
	t.Helper()
	in, err := NewInput("f", io.MultiReader(strings.NewReader(text[:len(text)/3]), strings.NewReader(text[len(text)/3:])))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.Bytes()
}

// TestOpenPipe reads a pipe once, and asks for its kind where nobody named it.
func TestOpenPipe(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/fd")
	}
	pipe := func() string {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		if _, err := w.WriteString(`[{"conversations": [{"value": "q"}, {"value": "a"}]}]`); err != nil {
			t.Fatal(err)
		}
		w.Close()
		return fmt.Sprintf("/dev/fd/%d", r.Fd())
	}
	in, err := Open(pipe())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	c, err := ReadShareGPT(in)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.At(0); err != nil || got != (Conversation{Prompt: "q", Answer: "a"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := DetectFile(pipe(), usualLabels()); err == nil || !strings.Contains(err.Error(), "name the kind with --dataset-name") {
		t.Errorf("got %v, want a word about the kind", err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.json")
	_, err := Open(missing)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that is ErrNotExist", err)
	}
	if want := "dataset " + missing + ": there is no such file (check --dataset-path)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "this is a folder") {
		t.Errorf("got %v, want a word about the folder", err)
	}
	for _, name := range []string{"a.json", "a.json.gz"} {
		text := []byte(`[{"conversations": [{"value": "q"}, {"value": "a"}]}]`)
		if strings.HasSuffix(name, ".gz") {
			text = gzipped(string(text))
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReadShareGPT(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.At(0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Conversation{Prompt: "q", Answer: "a"}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCutGzip(t *testing.T) {
	b := gzipped(strings.Repeat(`{"prompt": "something to ask"}`+"\n", 1000))
	in, err := NewInput("f.gz", bytes.NewReader(b[:len(b)-20]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCustom(in); err == nil || !strings.Contains(err.Error(), "not complete") {
		t.Errorf("got %v, want a word that the file is not complete", err)
	}
}

func TestDetect(t *testing.T) {
	big := `{"id": "x", "pad": "` + strings.Repeat("p", 300_000) + `", "conversations": []}`
	for _, c := range []struct{ name, text, want, wantErr string }{
		{"array", `[{"id": 1, "conversations": []}]`, ShareGPT, ""},
		{"array whose first entries have none", ` [ {"id": 1}, 5, {"conversations": []}]`, ShareGPT, ""},
		{"entry larger than any buffer", "[" + big + "]", ShareGPT, ""},
		{"one a line", `{"conversations": []}` + "\n", ShareGPT, ""},
		{"byte order mark", "\ufeff{\"prompt\": \"a\"}", Custom, ""},
		{"custom", `{"prompt": "a", "output_tokens": 4}`, Custom, ""},
		{"requests", `{"index": 0, "prompt": "a", "prompt_len": 1, "output_len": 2, "due_s": 0.0}`, Requests, ""},
		{"requests by ids", `{"prompt_token_ids": [1], "prompt_len": 1, "output_len": 2}`, Requests, ""},
		{"trace", `{"timestamp": 1, "input_length": 2, "output_length": 3, "hash_ids": []}`, TimedTrace, ""},
		{"table", "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\r\n1,GPT-4,1,2,3,x\n", BurstGPT, ""},
		{"empty", " \n", "", "the file is empty"},
		{"prose", "Shall I compare thee\nto a summer's day?", "", `its first line is "Shall I compare thee"`},
		{"unknown keys", `{"question": "a", "answer": "b"}`, "", `its first entry has "question", "answer"`},
		{"array of prompts", `[{"prompt": "a"}]`, "", "one object a line"},
		{"broken", `[{"id": 1,, }]`, "", "entry 1"},
		{"cut", `[{"id": "abc`, "", "not complete"},
		{"binary", "\x7fELF\x00\x00", "", "not a text file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := detect(stream(t, c.text), usualLabels())
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) {
					t.Fatalf("got %v, want %q", err, c.wantErr)
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("the error has several lines: %q", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	got, err := detect(input(t, `{"ts": 1, "in": 2, "out": 3}`), Labels{"ts", "in", "out", "h"})
	if err != nil || got != TimedTrace {
		t.Errorf("own labels: got %q, %v, want %q", got, err, TimedTrace)
	}
}

func FuzzDetect(f *testing.F) {
	f.Add([]byte(`[{"conversations": []}]`))
	f.Add([]byte("Timestamp,Model,Request tokens,Response tokens\n"))
	f.Add(gzipped(`{"prompt": 1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := NewInput("f", bytes.NewReader(b))
		if err != nil {
			return
		}
		name, err := detect(in, usualLabels())
		if (err == nil) != (name != "") {
			t.Errorf("got %q and %v", name, err)
		}
	})
}
