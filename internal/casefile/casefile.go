// Package casefile reads the case files of tests: small texts that say what
// happens and what must come of it, in place of long tables in Go.
//
//	# A comment.
//	let text = {"choices":[{"delta":{"content":"a"}}]}
//
//	case an answer of one token
//	event $text
//	event [DONE]
//	---
//	ok
//	output 1 events
//
// A file may name texts with let and use them by $name in the lines above a
// case's ---. What those lines mean is the test's own affair: it is given them,
// and what it says of them is compared with the lines below. With update that
// is written into the file instead.
package casefile

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A Case is one case of a file.
type Case struct {
	Title string
	Given []string // the lines above ---, names replaced
	Want  string   // the lines below it, each with its line feed
	first int      // line of --- in the file, from 0
	last  int      // line behind the last one of Want
}

// Read returns the cases of a file in their order. What is no case file ends the
// test.
func Read(t testing.TB, path string) []Case {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := parse(strings.Split(string(raw), "\n"))
	if err != nil {
		t.Fatalf("%s:%v", path, err)
	}
	return cases
}

// Run compares what say makes of each case's lines with what the file wants, or
// writes it into the file.
func Run(t *testing.T, path string, update bool, say func(t *testing.T, given []string) string) {
	t.Helper()
	cases := Read(t, path)
	said := make([]string, len(cases))
	for i, c := range cases {
		t.Run(c.Title, func(t *testing.T) {
			said[i] = say(t, c.Given)
			if diff := cmp.Diff(c.Want, said[i]); diff != "" && !update {
				t.Errorf("%s:%d (-want +got):\n%s", path, c.first+1, diff)
			}
		})
	}
	if update && !t.Failed() {
		write(t, path, cases, said)
	}
}

func write(t testing.TB, path string, cases []Case, said []string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(raw), "\n")
	var out strings.Builder
	at := 0
	for i, c := range cases {
		out.WriteString(strings.Join(lines[at:c.first+1], "\n") + "\n" + said[i])
		at = c.last
	}
	out.WriteString(strings.Join(lines[at:], "\n"))
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

var name = regexp.MustCompile(`\$[a-z0-9_]+`)

// parse reads the lines of a file. Errors begin with the line's number.
func parse(lines []string) ([]Case, error) {
	lets, titles := map[string]string{}, map[string]bool{}
	var all []Case
	below := false
	for i, line := range lines {
		word, rest, _ := strings.Cut(line, " ")
		var c *Case
		if len(all) > 0 {
			c = &all[len(all)-1]
		}
		switch {
		case word == "case":
			if titles[rest] || c != nil && c.first == 0 {
				return nil, fmt.Errorf("%d: case %q comes twice, or the one before it has no ---", i+1, rest)
			}
			titles[rest] = true
			all, below = append(all, Case{Title: rest}), false
		case line == "" || word == "#":
			below = false
		case word == "let":
			key, value, ok := strings.Cut(rest, " = ")
			if !ok {
				return nil, fmt.Errorf("%d: want let NAME = TEXT", i+1)
			}
			lets["$"+key] = value
		case c == nil:
			return nil, fmt.Errorf("%d: %q stands before the first case", i+1, line)
		case line == "---" && c.first == 0:
			c.first, c.last, below = i, i+1, true
		case c.first == 0:
			c.Given = append(c.Given, name.ReplaceAllStringFunc(line, func(n string) string {
				if text, ok := lets[n]; ok {
					return text
				}
				return n
			}))
		case below:
			c.Want += line + "\n"
			c.last = i + 1
		default:
			return nil, fmt.Errorf("%d: %q stands behind the end of a case", i+1, line)
		}
	}
	if len(all) == 0 || all[len(all)-1].first == 0 {
		return nil, fmt.Errorf("%d: no case, or the last one has no ---", len(lines))
	}
	return all, nil
}
