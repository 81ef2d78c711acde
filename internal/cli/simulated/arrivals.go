package simulated

import (
	"fmt"
	"os"
	"time"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/model/replay"
	"tokmeter/internal/record"
)

// ReadArrivals reads the requests of --requests: standard input, a file, or the
// folder of a run.
func ReadArrivals(env *shell.Env, path string) (*replay.File, error) {
	if path == "-" {
		f, err := replay.Read(env.Stdin)
		if err != nil {
			return nil, fmt.Errorf("--requests, standard input: %w", err)
		}
		return f, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, shell.Usagef("a file of requests, - for standard input, or the folder of a run", "--requests: %w", err)
	}
	if info.IsDir() {
		return runArrivals(path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--requests: %w", err)
	}
	defer file.Close()
	f, err := replay.Read(file)
	if err != nil {
		return nil, fmt.Errorf("--requests %s: %w", path, err)
	}
	return f, nil
}

// runArrivals takes the requests of a run, with the tokens that were counted
// after it.
func runArrivals(dir string) (*replay.File, error) {
	run, err := record.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("--requests: %w", err)
	}
	recs, _, notes, err := run.Load()
	if err != nil {
		return nil, fmt.Errorf("--requests: %w", err)
	}
	defer recs.Close()
	sent := make([]replay.Sent, 0, recs.Len())
	for r, err := range recs.Pass() {
		if err != nil {
			return nil, fmt.Errorf("--requests: %w", err)
		}
		sent = append(sent, replay.Sent{
			ID: r.ID, Index: r.Index, OK: r.Outcome == record.OK, Prompt: r.PromptTokens.N, Output: r.OutputTokens.N,
			At: atSecond(r.Timing.Sent), First: atSecond(r.FirstToken), Last: atSecond(r.LastToken),
		})
	}
	f, err := replay.FromRun(sent)
	if err != nil {
		return nil, fmt.Errorf("--requests %s: %w", dir, err)
	}
	for _, n := range notes {
		f.Notes = append(f.Notes, n.Text)
	}
	return f, nil
}

// atSecond is a stamp in seconds of the run's clock.
func atSecond(s record.Stamp) float64 { return time.Duration(s).Seconds() }
