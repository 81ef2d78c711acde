package dataset

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// A Saved is one request of a file that --save-requests wrote. One of Prompt,
// IDs and Batch is what it asks.
type Saved struct {
	Index     int
	Prompt    string
	IDs       []int    // nil where the prompt is text
	Batch     []string // nil where the prompt is one text
	PromptLen int      // tokens
	OutputLen int      // tokens
	Due       time.Duration
	Model     string // "" for the model of the run
}

const requestsHint = "want a file that --save-requests wrote"

// ReadRequests reads a file of saved requests: one JSON object a line with
// index, prompt or prompt_token_ids, prompt_len, output_len and due_s. The
// requests are kept in memory.
func ReadRequests(in *Input) ([]Saved, error) {
	var rs []Saved
	err := in.eachObject("a request", func(n int, m map[string]field) error {
		r, what := savedRequest(m)
		if what == "" && len(rs) > 0 && r.Due < 0 {
			what = "\"due_s\" is below 0"
		}
		if what != "" {
			return in.fail(lineAt(n), requestsHint, "%s", what)
		}
		if _, given := m["index"]; !given {
			r.Index = len(rs)
		}
		rs = append(rs, r)
		return nil
	})
	if err == nil && len(rs) == 0 {
		err = in.fail("", requestsHint, "the file is empty")
	}
	if err != nil {
		return nil, err
	}
	return rs, nil
}

// savedRequest reads one line; what says what is wrong with it.
func savedRequest(m map[string]field) (r Saved, what string) {
	for _, f := range []struct {
		key  string
		to   *int
		must bool
	}{{"index", &r.Index, false}, {"prompt_len", &r.PromptLen, true}, {"output_len", &r.OutputLen, true}} {
		v, ok := m[f.key]
		if !ok && !f.must {
			continue
		}
		n, whole := v.int()
		if !whole || n < 0 || n > math.MaxInt32 {
			return r, strconv.Quote(f.key) + " is " + v.shown() + ", want a whole number"
		}
		*f.to = n
	}
	if v, ok := m["due_s"]; ok {
		if r.Due, ok = seconds(v); !ok {
			return r, "\"due_s\" is " + v.shown() + ", want seconds from the start"
		}
	}
	if v, ok := m["model"]; ok {
		if v.kind != "a string" {
			return r, "\"model\" is " + v.shown() + ", want a string"
		}
		r.Model = v.text
	}
	return r, r.prompt(m)
}

// prompt reads what the request asks; it returns what is wrong.
func (r *Saved) prompt(m map[string]field) string {
	prompt, asText := m["prompt"]
	ids, asIDs := m["prompt_token_ids"]
	switch {
	case asText && asIDs:
		return "there are both \"prompt\" and \"prompt_token_ids\""
	case asIDs:
		r.IDs = []int{}
		bad := ids.kind != "an array"
		if !bad {
			elements(ids.text, func(f field) {
				id, ok := f.int()
				bad = bad || !ok || f.kind != "a number" || id < 0
				r.IDs = append(r.IDs, id)
			})
		}
		if bad {
			return "\"prompt_token_ids\" must be an array of token ids"
		}
	case prompt.kind == "a string":
		r.Prompt = prompt.text
	case prompt.kind == "an array":
		r.Batch = []string{}
		bad := false
		elements(prompt.text, func(f field) {
			bad = bad || f.kind != "a string"
			r.Batch = append(r.Batch, f.text)
		})
		if bad {
			return "\"prompt\" must be a string or an array of strings"
		}
	case !asText:
		return "there is no \"prompt\" and no \"prompt_token_ids\", only " + listed(keys(m))
	default:
		return "\"prompt\" is " + prompt.shown() + ", want a string"
	}
	return ""
}

// seconds reads a decimal number of seconds, exact to the nanosecond.
func seconds(f field) (time.Duration, bool) {
	v, ok := f.float()
	if !ok || f.kind != "a number" || v < 0 || v > 1e9 {
		return 0, false
	}
	whole, part, _ := strings.Cut(f.text, ".")
	if len(part) > 9 || strings.ContainsAny(f.text, "eE-") {
		return time.Duration(math.Round(v * 1e9)), true
	}
	ns, err := strconv.ParseInt(whole+part+strings.Repeat("0", 9-len(part)), 10, 64)
	return time.Duration(ns), err == nil
}
