package precision

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/experiment"
	"tokmeter/internal/memory"
	"tokmeter/internal/precision"
	"tokmeter/internal/precision/page"
)

// pageOf is the page of a result.
func pageOf(c *shell.Call, l *laboratory, res *experiment.Result, notes []string) (*page.Page, error) {
	a := precision.Answer{Spec: l.spec, Result: res, Folder: l.dir, Bandwidth: l.memory, Virtual: c.Values.On("virtual"), Notes: notes, Plan: l.variants[cmp.Or(l.first, l.spec.Variants[0].Name)].plan, Begun: l.env.Now()}
	var from question
	if json.Unmarshal(res.Origin, &from) == nil {
		a.Tokmeter, a.Command = from.Tokmeter, from.Command
	}
	if res.Begun != nil {
		a.Begun = *res.Begun
	}
	if p, ok := strings.CutPrefix(c.Values.Text("statistic"), "p"); ok {
		a.Percentile, _ = strconv.ParseFloat(p, 64)
	}
	p, err := a.Page()
	if err != nil {
		return nil, shell.Failf(shell.ExitFailed, "", "%w", err)
	}
	return p, nil
}

// printPage writes the table in the form that --format names.
func printPage(c *shell.Call, env *shell.Env, p *page.Page) error {
	for _, f := range page.Forms(c.Values.On("wide")) {
		if f.Name == c.Values.Text("format") {
			return f.Write(env.Stdout, p)
		}
	}
	return nil
}

// savePage keeps the table in all forms.
func savePage(c *shell.Call, dir string, p *page.Page) error {
	if dir == "" {
		return nil
	}
	if err := precision.Keep(dir, p, c.Values.On("wide")); err != nil {
		return shell.Failf(shell.ExitFailed, "", "%w", err)
	}
	return nil
}

// A machineNote keeps what was measured of this machine, so that an experiment
// that goes on has the same limits.
type machineNote struct {
	ReadBytesPerSecond float64 `json:"read_bytes_per_second"`
}

// bandwidth is of this machine's memory in bytes a second, where a variant is
// served by its processor; else 0.
func (l *laboratory) bandwidth(ctx context.Context) (float64, error) {
	if !slices.ContainsFunc(l.spec.Variants, func(v precision.Variant) bool { return v.GPU == precision.CPU && v.Simulate == "" }) {
		return 0, nil
	}
	path := filepath.Join(l.dir, "machine.json")
	var n machineNote
	if raw, err := os.ReadFile(path); err == nil && json.Unmarshal(raw, &n) == nil && n.ReadBytesPerSecond > 0 {
		return n.ReadBytesPerSecond, nil
	}
	r, err := memory.Probe(ctx, memory.Options{})
	if err != nil {
		if ctx.Err() != nil {
			return 0, err
		}
		l.board.Say("", fmt.Sprintf("the memory's bandwidth can't be measured: %v", err))
		return 0, nil
	}
	n.ReadBytesPerSecond = r.Bandwidth()
	l.board.Say("", fmt.Sprintf("memory of this machine: %.1f GB/s read", n.ReadBytesPerSecond/1e9))
	raw, err := json.Marshal(n)
	if err == nil {
		err = os.WriteFile(path, append(raw, '\n'), 0o644)
	}
	return n.ReadBytesPerSecond, err
}

// A question says who asked a question first; it is kept with its experiment.
type question struct {
	Tokmeter string   `json:"tokmeter"` // version
	Command  []string `json:"command"`
}

func (l *laboratory) origin() (json.RawMessage, error) {
	return json.Marshal(question{shell.BuildVersion(), l.question()})
}

// question is the command that asks the question again from the beginning,
// without secrets.
func (l *laboratory) question() []string {
	words := []string{"tokmeter"}
	args := measure.RedactedArgs(l.env.Args)
	for i := 0; i < len(args); i++ {
		switch w := args[i]; {
		case w == "--resume":
			i++ // and its folder
		case w == "--retry", strings.HasPrefix(w, "--resume="):
		default:
			words = append(words, w)
		}
	}
	return words
}
