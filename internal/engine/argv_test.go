package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestArgv: words need no quoting, and only the address is filled in.
func TestArgv(t *testing.T) {
	for _, c := range []struct {
		why      string
		words    []string
		argv     []string
		env      []string
		hasError string
	}{
		{"the address", []string{"vllm", "serve", "--host={host}", "--port", "{port}"}, []string{"vllm", "serve", "--host=h", "--port", "80"}, nil, ""},
		{"JSON keeps its braces", []string{"vllm", `{"a":{"b":{port}}}`, "{model}", "}{"}, []string{"vllm", `{"a":{"b":80}}`, "{model}", "}{"}, nil, ""},
		{"blanks and quotes are part of a word", []string{"a b", `'c'`, ""}, []string{"a b", `'c'`, ""}, nil, ""},
		{"assignments before the program", []string{"A=1", "B={port}", "p", "C=2"}, []string{"p", "C=2"}, []string{"A=1", "B=80"}, ""},
		{"a path with = is no assignment", []string{"/opt/a=b/p"}, []string{"/opt/a=b/p"}, nil, ""},
		{"only assignments", []string{"A=1"}, nil, nil, "no program"},
		{"an empty program", []string{""}, nil, nil, "no program"},
		{"a zero byte", []string{"p", "a\x00b"}, nil, nil, "zero byte"},
	} {
		got, err := Spec{Argv: c.words, Host: "h"}.argv(80)
		if c.hasError != "" {
			if err == nil || !strings.Contains(err.Error(), c.hasError) {
				t.Errorf("%s: got %v, want %q", c.why, err, c.hasError)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		if d := cmp.Diff(c.argv, got.argv); d != "" {
			t.Errorf("%s: %s", c.why, d)
		}
		if d := cmp.Diff(c.env, got.env); d != "" {
			t.Errorf("%s: environment: %s", c.why, d)
		}
	}
}
