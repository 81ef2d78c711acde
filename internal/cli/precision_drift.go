package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"tokmeter/internal/experiment"
	"tokmeter/internal/precision/drift"
)

// Ask lets a variant answer the fixed prompts and keeps its answers in the
// experiment's folder.
func (l *laboratory) Ask(ctx context.Context, v experiment.Variant, url string, prompts int) (string, error) {
	r := l.serveVariant(v.Name, url)
	if r.plan.Target.Simulated {
		r.plan.Target.BaseURL = url
	}
	if err := r.bind(); err != nil {
		return "", err
	}
	defer r.server.HTTP.CloseIdleConnections()
	c := drift.Client{URL: r.plan.Target.BaseURL, Model: r.plan.Target.ModelName(), Header: r.server.Header, HTTP: r.server.HTTP}
	if e := r.plan.Target.Endpoint; strings.HasSuffix(e, "completions") {
		c.Endpoint = e
	}
	l.board.say(v.Name, fmt.Sprintf("answers %d fixed prompts", prompts))
	path := filepath.Join(l.dir, fileName(v.Name)+"-answers.jsonl")
	_, err := drift.AskFile(ctx, c, path, prompts)
	return path, err
}
