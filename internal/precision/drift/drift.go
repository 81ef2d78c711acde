// Package drift asks a server for its greedy answers to fixed prompts, so that
// what a lower precision changes in them can be compared with what it gains.
//
// It promises the same prompts, in the same order, one at a time: a batch of
// other requests may change the last bits of a sum and with them a token, and
// no precision is to blame for that. It keeps each answer as soon as it has it
// and asks for no answer twice. It judges nothing: package compare says how two
// sets of answers agree.
package drift

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"tokmeter/internal/compare"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/origin"
)

// A Client is a server to ask and how.
type Client struct {
	URL      string // such as http://127.0.0.1:8000
	Endpoint string // "" for /v1/completions; one that ends in chat/completions is asked as a chat
	Model    string // name of the model in requests
	Header   http.Header
	// MaxTokens ends an answer; 0 for 64.
	MaxTokens int
	// Timeout is for one answer; 0 for two minutes.
	Timeout time.Duration
	// HTTP makes the calls.
	HTTP *http.Client
}

const (
	defaultTokens  = 64
	defaultTimeout = 2 * time.Minute
	seed           = 0
	maxBody        = 16 << 20 // bytes of an answer
	shown          = 300      // characters of a server's words in an error
)

// Ask asks for the answers to the first n prompts of Prompts that have does not
// hold, in order, and hands each to keep before it asks for the next; keep may
// be nil. It returns all answers by Index, with those of have. The error names
// the prompt; the answers that came before it are returned beside it.
//
// Where the server refuses log-probabilities, or llama.cpp's word for an answer
// that takes nothing from an earlier one's cache, they are left out from there on.
func Ask(ctx context.Context, c Client, n int, have []compare.Answer, keep func(compare.Answer) error) ([]compare.Answer, error) {
	if n < 1 || n > maxPrompts {
		return nil, fmt.Errorf("drift: %d prompts: want 1 to %d", n, maxPrompts)
	}
	if err := c.fill(); err != nil {
		return nil, err
	}
	known := map[int]compare.Answer{}
	for _, a := range have {
		known[a.Index] = a
	}
	extras := extras{logprobs: true, fresh: true}
	var out []compare.Answer
	for i, prompt := range Prompts(n) {
		a, ok := known[i]
		if !ok {
			var err error
			if a, err = c.ask(ctx, prompt, &extras); err != nil {
				return out, fmt.Errorf("drift: prompt %d of %d: %w", i+1, n, err)
			}
			a.Index = i
			if keep != nil {
				if err := keep(a); err != nil {
					return out, err
				}
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// fill sets what was left out and checks the rest.
func (c *Client) fill() error {
	if c.Endpoint == "" {
		c.Endpoint = "/v1/completions"
	}
	if c.MaxTokens == 0 {
		c.MaxTokens = defaultTokens
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	switch {
	case !strings.HasPrefix(c.URL, "http://") && !strings.HasPrefix(c.URL, "https://"):
		return fmt.Errorf("drift: URL %q: it must begin with http:// or https://", c.URL)
	case c.MaxTokens < 1 || c.MaxTokens > 1<<20:
		return fmt.Errorf("drift: %d tokens an answer: want 1 to %d", c.MaxTokens, 1<<20)
	}
	return nil
}

func (c *Client) chat() bool { return strings.HasSuffix(c.Endpoint, "chat/completions") }

// extras is what a call asks for beside the answer.
type extras struct {
	logprobs bool
	// fresh asks llama.cpp to compute the whole prompt: what it takes from its
	// cache changes the last bits of what follows.
	fresh bool
}

// body is the request; what a server does not know in it is ignored by most that
// speak this dialect.
func (c *Client) body(prompt string, x extras) ([]byte, error) {
	m := map[string]any{
		"model": c.Model, "max_tokens": c.MaxTokens, "temperature": 0, "seed": seed, "stream": false,
	}
	if x.fresh {
		m["cache_prompt"] = false
	}
	logprobs := x.logprobs
	if c.chat() {
		m["messages"] = []map[string]string{{"role": "user", "content": prompt}}
		if logprobs {
			m["logprobs"], m["top_logprobs"] = true, 1
		}
	} else {
		m["prompt"] = prompt
		if logprobs {
			m["logprobs"] = 1
		}
	}
	return json.Marshal(m)
}

// A refusal is a status that is no success.
type refusal struct {
	status string
	code   int
	words  string
}

func (r *refusal) Error() string {
	if r.words == "" {
		return "the server answered " + r.status
	}
	return "the server answered " + r.status + ": " + r.words
}

// ask gets one answer, and asks again without the extras that the server refuses
// by name.
func (c *Client) ask(ctx context.Context, prompt string, x *extras) (compare.Answer, error) {
	for {
		a, err := c.call(ctx, prompt, *x)
		var r *refusal
		if !errors.As(err, &r) || r.code < 400 || r.code >= 500 {
			return a, err
		}
		words := strings.ToLower(r.words)
		switch {
		case x.logprobs && strings.Contains(words, "logprob"):
			x.logprobs = false
		case x.fresh && strings.Contains(words, "cache_prompt"):
			x.fresh = false
		default:
			return a, err
		}
	}
}

// errSlow is the cause of a call that took longer than the client waits.
var errSlow = errors.New("no answer in time")

func (c *Client) call(ctx context.Context, prompt string, x extras) (compare.Answer, error) {
	body, err := c.body(prompt, x)
	if err != nil {
		return compare.Answer{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, errSlow)
	defer cancel()
	url := strings.TrimSuffix(c.URL, "/") + "/" + strings.TrimPrefix(c.Endpoint, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return compare.Answer{}, err
	}
	if c.Header != nil {
		req.Header = c.Header.Clone()
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := origin.Keep(c.HTTP).Do(req)
	if err != nil {
		return compare.Answer{}, c.reason(ctx, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return compare.Answer{}, &refusal{resp.Status, resp.StatusCode, short(string(b))}
	case err != nil:
		return compare.Answer{}, c.reason(ctx, err)
	case len(b) > maxBody:
		return compare.Answer{}, fmt.Errorf("the answer is longer than %d bytes: %s is no completions endpoint", maxBody, url)
	}
	a, err := parse(b, c.chat())
	if err != nil {
		return compare.Answer{}, fmt.Errorf("%s: %w", url, err)
	}
	return a, nil
}

// reason prefers why a call was ended to how that looked.
func (c *Client) reason(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, errSlow) {
		return fmt.Errorf("%w (%v): the server is stuck, or slower than --drift waits", errSlow, c.Timeout)
	}
	if cause != nil {
		return cause
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w: is the server still running?", err)
	}
	return err
}

// short is the first words of a server's, on one line.
func short(s string) string {
	return excerpt.Cut(excerpt.Squeeze(s), shown)
}

// A reply is the part of an answer that is read, in the shapes of all servers:
// OpenAI's old one (vLLM, SGLang, llama-cpp-python) has token_logprobs beside
// tokens, that of chats (and llama.cpp's completions) content.
type reply struct {
	Choices []struct {
		Text    *string `json:"text"`
		Message *struct {
			Content   string `json:"content"`
			Reasoning string `json:"reasoning_content"`
		} `json:"message"`
		Finish   string `json:"finish_reason"`
		LogProbs *struct {
			Tokens  []string   `json:"tokens"`
			Values  []*float64 `json:"token_logprobs"`
			Content []struct {
				Token   string   `json:"token"`
				LogProb *float64 `json:"logprob"`
			} `json:"content"`
		} `json:"logprobs"`
	} `json:"choices"`
	Error json.RawMessage `json:"error"`
}

// parse reads an answer. Tokens without their log-probabilities, or fewer of one
// than of the other, are left out: the text stays.
func parse(b []byte, chat bool) (compare.Answer, error) {
	var r reply
	if err := json.Unmarshal(b, &r); err != nil {
		return compare.Answer{}, fmt.Errorf("the answer is no JSON of completions: %w: %s", err, short(string(b)))
	}
	if len(r.Error) > 0 && string(r.Error) != "null" {
		return compare.Answer{}, fmt.Errorf("the server answered an error: %s", short(string(r.Error)))
	}
	if len(r.Choices) == 0 {
		return compare.Answer{}, fmt.Errorf("the answer has no choices: %s", short(string(b)))
	}
	c := r.Choices[0]
	a := compare.Answer{Finish: c.Finish}
	switch {
	case !chat && c.Text != nil:
		a.Text = *c.Text
	case chat && c.Message != nil:
		a.Text = c.Message.Reasoning + c.Message.Content
	default:
		return compare.Answer{}, fmt.Errorf("the answer has no text: %s", short(string(b)))
	}
	l := c.LogProbs
	if l == nil {
		return a, nil
	}
	if len(l.Content) > 0 {
		for _, t := range l.Content {
			a.Tokens = append(a.Tokens, t.Token)
			a.LogProbs = append(a.LogProbs, number(t.LogProb))
		}
	} else if len(l.Tokens) == len(l.Values) {
		a.Tokens = l.Tokens
		for _, v := range l.Values {
			a.LogProbs = append(a.LogProbs, number(v))
		}
	}
	return a, nil
}

// number is NaN for what is no log-probability.
func number(p *float64) float64 {
	if p == nil || !(*p <= 1e-6) {
		return math.NaN()
	}
	return *p
}
