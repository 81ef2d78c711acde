package precision

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"tokmeter/internal/experiment"
	"tokmeter/internal/precision/drift"
	"tokmeter/internal/run"
)

// Ask lets a variant answer the fixed prompts and keeps its answers in the
// experiment's folder.
func (l *laboratory) Ask(ctx context.Context, v experiment.Variant, url string, prompts int) (string, error) {
	r := l.serveVariant(v.Name, url)
	server, err := run.Bind(r.plan, r.world)
	if err != nil {
		return "", err
	}
	defer server.HTTP.CloseIdleConnections()
	c := drift.Client{URL: server.BaseURL, Model: r.plan.Target.ModelName(), Header: server.Header, HTTP: server.HTTP}
	if e := r.plan.Target.Endpoint; strings.HasSuffix(e, "completions") {
		c.Endpoint = e
	}
	l.board.Say(v.Name, fmt.Sprintf("answers %d fixed prompts", prompts))
	path := filepath.Join(l.dir, fileName(v.Name)+"-answers.jsonl")
	_, err = drift.AskFile(ctx, c, path, prompts)
	return path, err
}
