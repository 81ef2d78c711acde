package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"tokmeter/internal/excerpt"
)

const (
	askEvery  = 200 * time.Millisecond
	showEvery = time.Second
	askLimit  = 5 * time.Second // of one question that a healthy engine answers at once
	bodyBytes = 1 << 20
	refusals  = 5 // until an engine counts as one that gives no token
)

// await returns when the engine has given a token, or with a *Failure.
func (e *Engine) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, e.spec.Limit, errLimit)
	defer cancel()
	// An engine that ends cuts off the question that it would never answer.
	ask, endAsk := context.WithCancelCause(ctx)
	defer endAsk(nil)
	done := make(chan error, 1)
	go func() { done <- e.readyUp(ask) }()
	show := e.shower()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			show(false)
		case <-e.ended:
			endAsk(errEnded)
			<-done
			return e.ending(Crashed)
		case err := <-done:
			return e.judge(ctx, err, show)
		}
	}
}

// judge is what the end of the questions means.
func (e *Engine) judge(ctx context.Context, err error, show func(bool)) error {
	if err == nil {
		e.about(ctx)
		e.mu.Lock()
		gone := e.exit != nil
		e.ready = !gone
		e.facts.ReadySeconds = time.Since(e.began).Seconds()
		e.mu.Unlock()
		if gone { // what answered was not ours, or it fell at once
			<-e.ended
			return e.ending(Crashed)
		}
		show(true)
		return nil
	}
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return e.failure(NoToken, Exit{}, refused)
	case errors.Is(context.Cause(ctx), errLimit):
		return e.failure(Slow, Exit{}, nil)
	default:
		return e.failure(Abandoned, Exit{}, context.Cause(ctx))
	}
}

var (
	errLimit = errors.New("the limit is over")
	errEnded = errors.New("the engine ended")
)

// ending is the failure of an engine whose process is gone.
func (e *Engine) ending(how Ending) error {
	e.mu.Lock()
	x := e.exit
	e.mu.Unlock()
	if x == nil {
		return e.failure(Lost, Exit{}, nil)
	}
	return e.failure(how, *x, nil)
}

// shower calls Progress where something changed, and once a second.
func (e *Engine) shower() func(ready bool) {
	var last Progress
	var at time.Time
	return func(ready bool) {
		if e.spec.Progress == nil {
			return
		}
		stage, percent, line := e.book.progress()
		if ready {
			stage, percent = Serving, -1
		}
		p := Progress{Name: e.spec.label(), Stage: stage, Percent: percent, Line: line}
		if p == last && time.Since(at) < showEvery {
			return
		}
		last, at = p, time.Now()
		p.Seconds = time.Since(e.began).Seconds()
		e.spec.Progress(p)
	}
}

// readyUp waits for health, then asks for a token.
func (e *Engine) readyUp(ctx context.Context) error {
	for !e.healthy(ctx) {
		if err := wait(ctx); err != nil {
			return err
		}
	}
	return e.token(ctx)
}

func wait(ctx context.Context) error {
	t := time.NewTimer(askEvery)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

func (e *Engine) healthy(ctx context.Context) bool {
	paths := []string{e.spec.Health}
	if e.spec.Health == "" {
		paths = []string{"/health", "/v1/models"}
	}
	for _, p := range paths {
		status, _, err := e.ask(ctx, http.MethodGet, p, nil, askLimit)
		switch {
		case err != nil:
			return false
		case status == http.StatusOK:
			return true
		case status != http.StatusNotFound && status != http.StatusMethodNotAllowed:
			return false
		}
	}
	return false
}

// A refusal is an engine's answer to a request that it will not serve.
type refusal struct {
	path   string
	status int
	body   string
}

func (r *refusal) Error() string {
	hint := ""
	if r.status == http.StatusUnauthorized || r.status == http.StatusForbidden {
		hint = ": give the API key that the engine was started with"
	}
	return fmt.Sprintf("POST %s: status %d: %s%s", r.path, r.status, r.body, hint)
}

// token asks for one token by completions or chat until one comes. Statuses
// that may pass (429, 5xx) are asked again until the limit; others a few times.
func (e *Engine) token(ctx context.Context) error {
	var last *refusal
	for n := 0; ; {
		model, err := e.model(ctx)
		if err == nil {
			r, err := e.oneToken(ctx, model)
			switch {
			case err == nil && r == nil:
				return nil
			case r != nil && r.status != http.StatusTooManyRequests && r.status < 500:
				if n++; n >= refusals {
					return r
				}
			case r != nil:
				last = r
			}
		}
		if err := wait(ctx); err != nil {
			if last != nil && errors.Is(err, errLimit) {
				return last
			}
			return err
		}
	}
}

// model is the name that the engine answers to: the asked one where it serves
// several.
func (e *Engine) model(ctx context.Context) (string, error) {
	status, body, err := e.ask(ctx, http.MethodGet, "/v1/models", nil, askLimit)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return e.spec.Model, nil
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &list) != nil || len(list.Data) == 0 {
		return e.spec.Model, nil
	}
	name := list.Data[0].ID
	for _, m := range list.Data {
		if m.ID == e.spec.Model {
			name = m.ID
		}
	}
	e.mu.Lock()
	e.facts.Model = name
	e.mu.Unlock()
	return name, nil
}

func (e *Engine) oneToken(ctx context.Context, model string) (*refusal, error) {
	plain := map[string]any{"model": model, "prompt": "Hello", "max_tokens": 1, "temperature": 0}
	chat := map[string]any{"model": model, "messages": []any{map[string]any{"role": "user", "content": "Hello"}}, "max_tokens": 1, "temperature": 0}
	type try struct {
		path string
		body any
	}
	tries := []try{{"/v1/completions", plain}, {"/v1/chat/completions", chat}}
	if e.spec.Chat {
		tries[0], tries[1] = tries[1], tries[0]
	}
	var first *refusal
	for _, t := range tries {
		// The first token may wait for a compilation: only the limit ends it.
		status, body, err := e.ask(ctx, http.MethodPost, t.path, t.body, 0)
		if err != nil {
			return nil, err
		}
		if status == http.StatusOK && hasChoice(body) {
			return nil, nil
		}
		if first == nil {
			first = &refusal{t.path, status, cut(excerpt.Squeeze(Plain(strings.ToValidUTF8(string(body), "�"))), 200)}
		}
		if status == http.StatusTooManyRequests || status >= 500 || status == http.StatusUnauthorized {
			break
		}
	}
	return first, nil
}

func hasChoice(body []byte) bool {
	var r struct {
		Choices []json.RawMessage `json:"choices"`
	}
	return json.Unmarshal(body, &r) == nil && len(r.Choices) > 0
}

// ask sends one request; limit 0 leaves only ctx.
func (e *Engine) ask(ctx context.Context, method, path string, body any, limit time.Duration) (int, []byte, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, e.URL()+path, r)
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if e.spec.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+e.spec.APIKey)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, bodyBytes))
	return resp.StatusCode, b, err
}
