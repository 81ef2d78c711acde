package drift

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/compare"
)

// Version is of the files of answers.
const Version = 1

// A Head is the first line of a file of answers: what they are answers to. Files
// whose heads differ in Prompts or MaxTokens can't be compared.
type Head struct {
	Version   int    `json:"tokmeter_drift"`
	Prompts   string `json:"prompts"` // hash of the texts
	MaxTokens int    `json:"max_tokens"`
	Endpoint  string `json:"endpoint"`
	Model     string `json:"model"`
}

// line is an Answer in a file.
type line struct {
	Index    int        `json:"index"`
	Text     string     `json:"text"`
	Tokens   []string   `json:"tokens,omitempty"`
	LogProbs []*float64 `json:"logprobs,omitempty"` // null where one is missing
	Finish   string     `json:"finish,omitempty"`
}

const (
	maxLine  = 64 << 20
	maxIndex = maxPrompts - 1
)

// Write writes an answer as a line.
func Write(w io.Writer, a compare.Answer) error {
	l := line{Index: a.Index, Text: a.Text, Tokens: a.Tokens, Finish: a.Finish}
	for _, v := range a.LogProbs {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			l.LogProbs = append(l.LogProbs, nil)
			continue
		}
		l.LogProbs = append(l.LogProbs, &v)
	}
	return encode(w, l)
}

func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Read reads a file of answers. A last line that a kill cut short is left out.
// The error names the line.
func Read(r io.Reader) (Head, []compare.Answer, error) {
	var h Head
	var out []compare.Answer
	seen := map[int]bool{}
	s := bufio.NewReader(r)
	for n := 1; ; n++ {
		text, err := readLine(s)
		if errors.Is(err, io.EOF) {
			break // what stands behind the last end of line was cut short
		}
		if err != nil {
			return h, nil, fmt.Errorf("answers: line %d: %w", n, err)
		}
		if n == 1 {
			if err := json.Unmarshal(text, &h); err != nil || h.Version == 0 {
				return h, nil, errors.New("answers: line 1: this is no file of answers: give the one that --drift wrote")
			}
			if h.Version != Version {
				return h, nil, fmt.Errorf("answers: line 1: version %d: this program reads version %d", h.Version, Version)
			}
			continue
		}
		a, err := answer(text)
		if err != nil {
			return h, nil, fmt.Errorf("answers: line %d: %w", n, err)
		}
		if seen[a.Index] {
			return h, nil, fmt.Errorf("answers: line %d: a second answer to prompt %d", n, a.Index)
		}
		seen[a.Index] = true
		out = append(out, a)
	}
	if h.Version == 0 {
		return h, nil, errors.New("answers: the file is empty")
	}
	return h, out, nil
}

// readLine is the next line without its end; a last line without one is io.EOF.
func readLine(s *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		part, err := s.ReadSlice('\n')
		out = append(out, part...)
		if len(out) > maxLine {
			return nil, fmt.Errorf("longer than %d bytes", maxLine)
		}
		switch {
		case err == nil:
			return bytes.TrimSpace(out), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// answer reads one line.
func answer(text []byte) (compare.Answer, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return compare.Answer{}, err
	}
	if l.Index < 0 || l.Index > maxIndex {
		return compare.Answer{}, fmt.Errorf("prompt %d: want 0 to %d", l.Index, maxIndex)
	}
	if len(l.LogProbs) > 0 && len(l.LogProbs) != len(l.Tokens) {
		return compare.Answer{}, fmt.Errorf("%d log-probabilities of %d tokens", len(l.LogProbs), len(l.Tokens))
	}
	a := compare.Answer{Index: l.Index, Text: l.Text, Tokens: l.Tokens, Finish: l.Finish}
	for _, v := range l.LogProbs {
		a.LogProbs = append(a.LogProbs, number(v))
	}
	return a, nil
}

// ReadFile reads the answers at path.
func ReadFile(path string) (Head, []compare.Answer, error) {
	f, err := os.Open(path)
	if err != nil {
		return Head{}, nil, fmt.Errorf("answers: %w", err)
	}
	defer f.Close()
	h, list, err := Read(f)
	if err != nil {
		return h, nil, fmt.Errorf("%s: %w", path, err)
	}
	return h, list, nil
}

// AskFile asks for the answers to the first n prompts and keeps them at path, a
// line each as they come. What is there already is not asked for again; a file
// of another model, endpoint or length is refused.
func AskFile(ctx context.Context, c Client, path string, n int) ([]compare.Answer, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	head := Head{Version, Hash(), c.MaxTokens, c.Endpoint, c.Model}
	old, have, err := ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		if info, e := os.Stat(path); e == nil && info.Size() == 0 {
			break // killed before the first line
		}
		return nil, err
	case old != head:
		return nil, fmt.Errorf("%s: answers of model %q, %d tokens at %s to other prompts or calls than are asked for: remove the file", path, old.Model, old.MaxTokens, old.Endpoint)
	}
	f, err := rewrite(path, head, have)
	if err != nil {
		return nil, fmt.Errorf("answers: %w", err)
	}
	list, err := Ask(ctx, c, n, have, func(a compare.Answer) error { return Write(f, a) })
	if e := f.Close(); err == nil && e != nil {
		err = fmt.Errorf("answers: %w", e)
	}
	return list, err
}

// rewrite puts what is known in the place of a file, which may end in a torn
// line, and opens it for more.
func rewrite(path string, h Head, list []compare.Answer) (*os.File, error) {
	err := atomicfile.Replace(path, func(to io.Writer) error {
		w := bufio.NewWriter(to)
		if err := encode(w, h); err != nil {
			return err
		}
		for _, a := range list {
			if err := Write(w, a); err != nil {
				return err
			}
		}
		return w.Flush()
	})
	if err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o666)
}
