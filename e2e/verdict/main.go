//go:build unix

// Command verdict calibrates the first line of a result: it makes runs wrong on
// purpose, and sound ones, against a server of known times in a process of its own,
// and counts what each is said to be and how far its TTFT was from the truth.
//
//	go run ./e2e/verdict -rounds 100            sound runs alone are worth a hundred
//	go run ./e2e/verdict -only late,stolen
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"tokmeter/internal/selftest"
	"tokmeter/internal/stats"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "verdict:", err)
		os.Exit(1)
	}
}

// A disturbance is a way to make a run wrong.
type disturbance struct {
	name, what string
	flags      []string // of bench serve
	shell      string   // before the program, in a shell
	paused     bool     // the client is stopped for 20 ms in every 100
	busy       int      // programs for each core that do nothing but count
	want       []string // verdicts that are right
}

func disturbances() []disturbance {
	open := []string{"--request-rate", "100", "--num-prompts", "120"}
	closed := []string{"--max-concurrency", "4", "--num-prompts", "120"}
	return []disturbance{
		{name: "none", what: "an open loop, left alone", flags: open, want: []string{"sound"}},
		{name: "none-closed", what: "a closed loop, left alone", flags: closed, want: []string{"sound"}},
		{name: "late", what: "an open loop whose client stands still for 20 of every 100 ms", flags: open, paused: true, want: []string{"doubtful", "invalid"}},
		{name: "late-closed", what: "a closed loop whose client stands still for 20 of every 100 ms", flags: closed, paused: true, want: []string{"doubtful", "invalid"}},
		{name: "stolen", what: "an open loop, the client of low priority beside four busy programs a core", flags: open, shell: "exec nice -n 15", busy: 4, want: []string{"doubtful", "invalid"}},
		{name: "files", what: "64 streams with 40 files", flags: []string{"--max-concurrency", "64", "--num-prompts", "120"}, shell: "ulimit -n 40; exec", want: []string{"invalid"}},
		{name: "failing", what: "a server that answers 503", flags: append(slices.Clone(open), "--header", "x-sim-fault=status=503"), want: []string{"invalid"}},
	}
}

func run(ctx context.Context) error {
	rounds := flag.Int("rounds", 10, "runs of each")
	only := flag.String("only", "", "names of those to make, split by commas")
	flag.Parse()
	dir, err := os.MkdirTemp("", "verdict")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "tokmeter")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "tokmeter/cmd/tokmeter").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	url, stop, err := serve(ctx, program)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("| run | sound | doubtful | invalid | right | TTFT error ms: mean, worst |\n|--|--|--|--|--|--|\n")
	for _, d := range disturbances() {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), d.name) {
			continue
		}
		count, right, off, worst := map[string]int{}, 0, 0.0, 0.0
		for range *rounds {
			verdict, err := one(ctx, program, url, dir, d)
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			count[verdict.Verdict]++
			if slices.Contains(d.want, verdict.Verdict) {
				right++
			}
			off += verdict.off / float64(*rounds)
			worst = max(worst, math.Abs(verdict.off))
		}
		fmt.Printf("| %s | %d | %d | %d | %d of %d | %+.3f, %.3f |\n", d.what, count["sound"], count["doubtful"], count["invalid"], right, *rounds, off, worst)
	}
	return nil
}

// said is what a result says but for the server's own lateness, and how far its mean TTFT is from the truth.
type said struct {
	Verdict  string
	Findings []struct{ Code, Grade string } `json:"findings"`
	Mean     float64                        `json:"mean_ttft_ms"`
	off      float64
}

// one makes one run.
func one(ctx context.Context, program, url, dir string, d disturbance) (s said, err error) {
	if err := selftest.Forget(ctx, url); err != nil {
		return s, err
	}
	file := filepath.Join(dir, "result.json")
	_ = os.Remove(file)
	args := append([]string{"bench", "serve", "--base-url", url, "--model", "simulated", "--random-input-len", "16", "--random-output-len", "8",
		"--no-record", "--no-live", "--save-result", "--result-filename", file}, d.flags...)
	cmd := exec.CommandContext(ctx, program, args...)
	if d.shell != "" {
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", d.shell + ` "$0" "$@"`, program}, args...)...)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1")
	disturbed, end := context.WithCancel(ctx)
	defer end()
	for range d.busy * runtime.NumCPU() {
		loop := exec.CommandContext(disturbed, "sh", "-c", "while :; do :; done")
		if err := loop.Start(); err != nil {
			return s, err
		}
		defer func() { end(); _ = loop.Wait() }()
	}
	if err := cmd.Start(); err != nil {
		return s, err
	}
	if d.paused {
		go pause(disturbed, cmd.Process)
	}
	failed := cmd.Wait()
	b, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("no result (%v):\n%s", failed, out.String())
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, err
	}
	s.Verdict = "sound"
	for _, f := range s.Findings {
		// What the simulator says of itself is true, and is not the client's.
		if f.Code == "simulator_late" || f.Code == "shared_machine" {
			continue
		}
		if s.Verdict != "invalid" {
			s.Verdict = f.Grade
		}
	}
	s.off, err = offOf(ctx, url, s.Mean)
	return s, err
}

// pause stops a process again and again.
func pause(ctx context.Context, p *os.Process) {
	for ctx.Err() == nil {
		time.Sleep(80 * time.Millisecond)
		if p.Signal(syscall.SIGSTOP) != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
		_ = p.Signal(syscall.SIGCONT)
	}
}

// offOf is how far a mean TTFT is from that of the requests that the server answered.
func offOf(ctx context.Context, url string, mean float64) (float64, error) {
	truth, err := selftest.Truth(ctx, url)
	if err != nil || len(truth) == 0 {
		return 0, err
	}
	return mean - stats.Mean(slices.Collect(maps.Values(truth))), nil
}

// serve starts the server of known times.
func serve(ctx context.Context, program string) (url string, stop func(), err error) {
	cmd := exec.CommandContext(ctx, program, "sim", "--fixed", "ttft=50ms,itl=20ms,jitter=0.1", "--port", "0")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if m := regexp.MustCompile(`serving on +(http://[^ ,]+)`).FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				for lines.Scan() {
				}
			}()
			return m[1], func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }, nil
		}
	}
	return "", nil, fmt.Errorf("the server did not start")
}
