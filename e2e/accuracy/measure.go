package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"tokmeter/internal/tokenize"
)

// programs are the paths of the built client and server.
type programs struct{ tokmeter, truth string }

// build compiles both programs into dir.
func build(ctx context.Context, dir string) (programs, error) {
	p := programs{tokmeter: filepath.Join(dir, "tokmeter"), truth: filepath.Join(dir, "truth")}
	for out, pkg := range map[string]string{p.tokmeter: "tokmeter/cmd/tokmeter", p.truth: "tokmeter/e2e/truth"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			return p, fmt.Errorf("go build %s: %w: %s", pkg, err, b)
		}
	}
	return p, nil
}

// writeTokenizer writes the simulator's tokenizer as a folder that every client
// reads.
func writeTokenizer(dir string) (string, error) {
	data, err := tokenize.BuiltinFile()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "tokenizer")
	if err := os.Mkdir(dir, 0o777); err != nil {
		return "", err
	}
	const config = `{"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}`
	return dir, errors.Join(
		os.WriteFile(filepath.Join(dir, "tokenizer.json"), data, 0o644),
		os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(config), 0o644))
}

// A client is a benchmark client under test.
type client struct {
	name string
	argv []string // its program and the words before the flags of the run
}

// A load is what every client has to do.
type load struct {
	streams, tokens int
	spec, tokenizer string
}

// prompts is how many requests are sent: one a stream, and some more where
// there are few streams.
func (l load) prompts() int { return max(l.streams, 20) }

// latencies are the numbers compared, in ms.
type latencies struct {
	ttftMean, ttftP99, itlP99 float64
}

// A result is what one client said and what was true in its run.
type result struct {
	said, truth latencies
	cpu         time.Duration
	events      int
	peakBytes   int64
	whole       int // requests answered whole, by the server
}

const header = `| streams | client | TTFT mean: said / true | TTFT P99: said / true | ITL P99: said / true | CPU s | CPU µs an event | peak MB |
|--|--|--|--|--|--|--|--|`

func (r result) row(name string, streams int) string {
	pair := func(said, truth float64) string { return fmt.Sprintf("%.2f / %.2f (%+.2f)", said, truth, said-truth) }
	peak := "–"
	if r.peakBytes > 0 {
		peak = fmt.Sprintf("%.0f", float64(r.peakBytes)/1e6)
	}
	return fmt.Sprintf("| %d | %s | %s | %s | %s | %.2f | %.1f | %s |", streams, name,
		pair(r.said.ttftMean, r.truth.ttftMean), pair(r.said.ttftP99, r.truth.ttftP99), pair(r.said.itlP99, r.truth.itlP99),
		r.cpu.Seconds(), float64(r.cpu.Microseconds())/float64(r.events), peak)
}

// measure runs one client against a server of its own.
func measure(ctx context.Context, p programs, c client, l load) (result, error) {
	var r result
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	url, stop, err := serve(ctx, p.truth, l.spec)
	if err != nil {
		return r, err
	}
	defer stop()

	dir, err := os.MkdirTemp("", "accuracy-run")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	args := append(append([]string{}, c.argv[1:]...),
		"--base-url", url, "--model", "simulated", "--tokenizer", l.tokenizer,
		"--dataset-name", "random", "--random-input-len", "16", "--random-output-len", strconv.Itoa(l.tokens),
		"--num-prompts", strconv.Itoa(l.prompts()), "--max-concurrency", strconv.Itoa(l.streams),
		"--percentile-metrics", "ttft,tpot,itl", "--metric-percentiles", "99",
		"--save-result", "--result-dir", dir, "--result-filename", "result.json")
	cmd := exec.CommandContext(ctx, c.argv[0], args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1")
	if err := cmd.Run(); err != nil {
		return r, fmt.Errorf("%w:\n%s", err, tail(out.String(), 20))
	}
	r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	r.peakBytes = peakBytes(cmd.ProcessState)
	if r.said, err = readResult(filepath.Join(dir, "result.json")); err != nil {
		return r, err
	}
	return r, r.readTruth(ctx, url, l)
}

// serve starts the server process and returns its URL.
func serve(ctx context.Context, path, spec string) (url string, stop func(), err error) {
	cmd := exec.CommandContext(ctx, path, "-spec", spec)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}
	line, err := bufio.NewReader(pipe).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the server said no URL: %w", err)
	}
	return strings.TrimSpace(line), stop, nil
}

// readResult reads a client's result file.
func readResult(path string) (latencies, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return latencies{}, err
	}
	var res struct {
		Mean float64 `json:"mean_ttft_ms"`
		P99  float64 `json:"p99_ttft_ms"`
		ITL  float64 `json:"p99_itl_ms"`
	}
	if err := json.Unmarshal(b, &res); err != nil {
		return latencies{}, fmt.Errorf("%s: %w", path, err)
	}
	return latencies{ttftMean: res.Mean, ttftP99: res.P99, itlP99: res.ITL}, nil
}

// readTruth asks the server what really happened. Requests beyond the load's
// (a client's own probe of the endpoint) come first and are left out.
func (r *result) readTruth(ctx context.Context, url string, l load) error {
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/sim/truth", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var truth struct {
		Requests []struct {
			Arrived  int64   `json:"arrived_ns"`
			Sent     []int64 `json:"sent_ns"`
			Complete bool    `json:"complete"`
		} `json:"requests"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&truth); err != nil {
		return fmt.Errorf("truth: %w", err)
	}
	rows := truth.Requests
	if extra := len(rows) - l.prompts(); extra > 0 {
		rows = rows[extra:]
	}
	var ttft, itl []float64
	for _, row := range rows {
		if !row.Complete || len(row.Sent) == 0 {
			continue
		}
		r.whole++
		r.events += len(row.Sent)
		ttft = append(ttft, float64(row.Sent[0]-row.Arrived)/1e6)
		for i := 1; i < len(row.Sent); i++ {
			itl = append(itl, float64(row.Sent[i]-row.Sent[i-1])/1e6)
		}
	}
	if r.whole != l.prompts() {
		return fmt.Errorf("the server answered %d of %d requests whole", r.whole, l.prompts())
	}
	r.truth = latencies{ttftMean: mean(ttft), ttftP99: percentile(ttft, 99), itlP99: percentile(itl, 99)}
	return nil
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// percentile is NumPy's default: linear between the ranks.
func percentile(v []float64, p float64) float64 {
	sort.Float64s(v)
	pos := p / 100 * float64(len(v)-1)
	i := int(pos)
	if i+1 >= len(v) {
		return v[len(v)-1]
	}
	return v[i] + (pos-float64(i))*(v[i+1]-v[i])
}

// tail returns the last n lines of s.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
