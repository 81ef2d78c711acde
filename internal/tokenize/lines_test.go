package tokenize

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	tok := small(t, "llama3")
	for _, row := range []struct{ in, want, err, why string }{
		{"", "", "", "nothing asked, nothing answered"},
		{"\n  \n", "", "", "empty lines are passed over"},
		{`{"text": "a"}`, `{"ids":[2209,64]}` + "\n", "", "special tokens are added by default; no line break at the end"},
		{`{"text": "a", "add_special_tokens": false}` + "\n", `{"ids":[64]}` + "\n", "", "the switch of encode"},
		{`{"text": "a", "add_special_tokens": null}` + "\r\n", `{"ids":[2209,64]}` + "\n", "", "null is the default; CRLF"},
		{`{"text": ""}` + "\n", `{"ids":[2209]}` + "\n", "", "an empty text"},
		{`{"text": "", "add_special_tokens": false}`, `{"ids":[]}` + "\n", "", "no ids are an empty list, not null"},
		{`{"ids": [2209, 64, 27, 65]}`, `{"text":"a<b"}` + "\n", "", "special tokens are skipped by default; < stays"},
		{`{"ids": [2209, 64], "skip_special_tokens": false}`, `{"text":"<|begin_of_text|>a"}` + "\n", "", "the switch of decode"},
		{`{"ids": []}`, `{"text":""}` + "\n", "", "no ids"},
		{`{"ids": [-1, 99999999]}`, `{"text":""}` + "\n", "", "ids that no token has are left out"},
		{`{"text": "a"}` + "\n" + `{"ids": [64]}` + "\n", `{"ids":[2209,64]}` + "\n" + `{"text":"a"}` + "\n", "", "both kinds, in order"},
		{"{\"text\": \"a\"}\n\nnonsense\n", `{"ids":[2209,64]}` + "\n", "line 3:", "lines are counted from one, empty ones too"},
		{`{"text": "a"} {"text": "b"}`, "", "line 1: more than one JSON value", "two on a line"},
		{`{"text": "a", "ids": [1]}`, "", "want either text", "both"},
		{`{"text": "a", "skip_special_tokens": true}`, "", "want either text", "the other's switch"},
		{`{}`, "", "want either text", "neither"},
		{`{"text": 1}`, "", `line 1: "text" can't be a JSON number (want`, "a number for a text"},
		{`[1]`, "", "line 1: no JSON object but a JSON array (want", "a list"},
		{`{"text": "a`, "", "line 1: the JSON object has no end (want", "cut off"},
		{`{"text": "a", "add_special": true}`, "", "unknown field", "a switch that does not exist"},
		{`{"ids": [1.5]}`, "", `line 1: "ids" can't be a JSON number 1.5 (want`, "an id with a fraction"},
	} {
		var out strings.Builder
		err := Lines(strings.NewReader(row.in), &out, tok)
		if got := out.String(); got != row.want {
			t.Errorf("%s: got %q, want %q", row.why, got, row.want)
		}
		if (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
			t.Errorf("%s: got error %v, want %q", row.why, err, row.err)
		}
		if bad := new(LineError); err != nil && !errors.As(err, &bad) {
			t.Errorf("%s: got a %T, want a LineError", row.why, err)
		}
	}
}

// TestLinesPipe waits for each answer before it asks again.
func TestLinesPipe(t *testing.T) {
	questions, ask := io.Pipe()
	answer, answers := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := Lines(questions, answers, small(t, "llama3"))
		answers.Close()
		done <- err
	}()
	in := bufio.NewReader(answer)
	for range 3 {
		if _, err := io.WriteString(ask, `{"text": "a"}`+"\n"); err != nil {
			t.Fatal(err)
		}
		got, err := in.ReadString('\n')
		if want := `{"ids":[2209,64]}` + "\n"; got != want || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	ask.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
