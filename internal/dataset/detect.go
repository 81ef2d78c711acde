package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// detectEntries is how many entries detect looks at before it gives up.
const detectEntries = 1000

const detectHint = "name the kind with --dataset-name: sharegpt, burstgpt, custom, timed_trace, requests or sonnet"

// DetectFile opens the file at path and recognises it by its content, as detect
// does.
func DetectFile(path string, l Labels) (string, error) {
	in, err := Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	if in.once {
		return "", &Error{File: path, What: "is a pipe, and recognising it would use it up", Hint: "name the kind with --dataset-name"}
	}
	return detect(in, l)
}

// detect recognises a dataset by its first entries and returns its name; it
// reads the input, which cannot be read again afterwards. l names the fields of
// a timed trace. An input that it does not recognise is an error that says what
// was found: nothing is guessed.
func detect(in *Input, l Labels) (string, error) {
	b := bufio.NewReaderSize(in.r, 1<<16)
	head, err := b.Peek(1 << 10)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		return "", &Error{File: in.name, What: systemText(err), Hint: "check --dataset-path", Err: err}
	}
	text := strings.TrimLeft(strings.TrimPrefix(string(head), "\ufeff"), " \t\r\n")
	switch {
	case text == "":
		return "", in.fail("", "give a dataset to --dataset-path", "the file is empty")
	case text[0] == '[' || text[0] == '{':
		return in.detectJSON(b, text[0] == '[', l)
	}
	line, _, _ := strings.Cut(text, "\n")
	columns := strings.Split(strings.TrimSpace(line), ",")
	if slices.Contains(columns, modelColumn) && slices.Contains(columns, responseColumn) {
		return BurstGPT, nil
	}
	if strings.IndexByte(text, 0) >= 0 {
		return "", in.fail("", detectHint, "is not a text file")
	}
	return "", in.fail("", detectHint, "is neither JSON nor a BurstGPT table: its first line is %s", listed([]string{line}))
}

// detectJSON recognises an array of objects, or objects one after another.
func (in *Input) detectJSON(r io.Reader, array bool, l Labels) (string, error) {
	s := newScanner(r)
	s.skipBOM()
	var name string
	var first []string
	n := 0
	look := func() {
		n++
		if s.kind() != "an object" {
			s.skip()
			return
		}
		var found []string
		s.object(func(key string) { found = append(found, key); s.skip() })
		if n == 1 {
			first = found
		}
		if s.err == nil {
			name = nameOf(found, l)
		}
		if s.err == nil && (name != "" || n == detectEntries) {
			s.err = errStop
		}
	}
	if array {
		s.array(func(int) { look() })
	} else {
		for s.err == nil && s.peek() != 0 {
			look()
		}
	}
	switch {
	case name == ShareGPT, name != "" && !array:
		return name, nil
	case name != "":
		return "", in.fail("", "write one object a line instead of an array", "is an array of %s entries", name)
	case s.err != nil && !errors.Is(s.err, errStop):
		return "", (&Conversations{in: in, Entries: n}).failed(fmt.Errorf("not valid JSON: %w", s.err))
	}
	return "", in.fail("", detectHint, "is JSON, but its first entry has %s", listed(first))
}

// nameOf names the dataset whose entries have these keys; "" is none.
func nameOf(keys []string, l Labels) string {
	has := func(k string) bool { return k != "" && slices.Contains(keys, k) }
	switch {
	case has("conversations"):
		return ShareGPT
	case has("prompt_token_ids"), has("prompt") && has("prompt_len") && has("output_len"):
		return Requests
	case has("prompt"):
		return Custom
	case has(l.InputLength) && has(l.OutputLength):
		return TimedTrace
	}
	return ""
}
