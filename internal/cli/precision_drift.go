package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/drift"
	"tokmeter/internal/experiment"
)

// Ask lets a variant answer the fixed prompts and keeps its answers in the
// experiment's folder.
func (l *laboratory) Ask(ctx context.Context, v experiment.Variant, url string, prompts int) (string, error) {
	r, err := l.serve(experiment.Job{Variant: v}, baseURL(v, url)...)
	if err != nil {
		return "", err
	}
	if err := r.nameSimulator(); err != nil {
		return "", err
	}
	r.plan.Target.BaseURL = strings.TrimRight(url, "/")
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
	_, err = drift.AskFile(ctx, c, path, prompts)
	return path, err
}

// Agree compares answers that are kept with the baseline's, from where the
// experiment's folder is by now.
func (l *laboratory) Agree(baseline, other string) (compare.Agreement, error) {
	first, a, err := drift.ReadFile(filepath.Join(l.dir, filepath.Base(baseline)))
	if err != nil {
		return compare.Agreement{}, err
	}
	second, b, err := drift.ReadFile(filepath.Join(l.dir, filepath.Base(other)))
	if err != nil {
		return compare.Agreement{}, err
	}
	if first.Prompts != second.Prompts || first.MaxTokens != second.MaxTokens {
		return compare.Agreement{}, fmt.Errorf("%s and %s answer other prompts or at other lengths, as other versions of tokmeter ask: begin in another folder", baseline, other)
	}
	return compare.Agree(compared(a), compared(b)), nil
}
