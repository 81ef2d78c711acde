package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
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
	rate            int // tokens a second of a stream; 0 where spec says it
	spec, tokenizer string
}

// name is what stands in the table's first column.
func (l load) name() string {
	if l.rate == 0 {
		return strconv.Itoa(l.streams)
	}
	return fmt.Sprintf("%d × %d/s", l.streams, l.rate)
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
	cpu, server time.Duration // of the processes
	burst       time.Duration // from the first request's arrival to the last one's
	events      int
	peakBytes   int64
	whole       int // requests answered whole, by the server
}

const header = `| streams | client | TTFT mean: said / true | TTFT P99: said / true | ITL P99: said / true | CPU s | CPU µs an event | server's CPU µs an event | requests within ms | peak MB |
|--|--|--|--|--|--|--|--|--|--|`

func (r result) row(name string, l load) string {
	pair := func(said, truth float64) string { return fmt.Sprintf("%.2f / %.2f (%+.3f)", said, truth, said-truth) }
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(r.events) }
	peak := "–"
	if r.peakBytes > 0 {
		peak = fmt.Sprintf("%.0f", float64(r.peakBytes)/1e6)
	}
	burst := "–"
	if l.prompts() <= l.streams {
		burst = fmt.Sprintf("%.0f", r.burst.Seconds()*1e3)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %.2f | %.1f | %.1f | %s | %s |", l.name(), name,
		pair(r.said.ttftMean, r.truth.ttftMean), pair(r.said.ttftP99, r.truth.ttftP99), pair(r.said.itlP99, r.truth.itlP99),
		r.cpu.Seconds(), each(r.cpu), each(r.server), burst, peak)
}

// medians is the result with the median excess of each latency, beside the
// truth of that run, and with the medians of all else.
func medians(all []result) result {
	m := all[0]
	for _, pick := range []func(*result) (said, truth *float64){
		func(r *result) (*float64, *float64) { return &r.said.ttftMean, &r.truth.ttftMean },
		func(r *result) (*float64, *float64) { return &r.said.ttftP99, &r.truth.ttftP99 },
		func(r *result) (*float64, *float64) { return &r.said.itlP99, &r.truth.itlP99 },
	} {
		off := func(r result) float64 {
			said, truth := pick(&r)
			return *said - *truth
		}
		middle := sorted(all, off)[len(all)/2]
		said, truth := pick(&m)
		s, t := pick(&middle)
		*said, *truth = *s, *t
	}
	m.cpu = sorted(all, func(r result) time.Duration { return r.cpu })[len(all)/2].cpu
	m.server = sorted(all, func(r result) time.Duration { return r.server })[len(all)/2].server
	m.burst = sorted(all, func(r result) time.Duration { return r.burst })[len(all)/2].burst
	m.peakBytes = sorted(all, func(r result) int64 { return r.peakBytes })[len(all)/2].peakBytes
	return m
}

func sorted[K cmp.Ordered](all []result, key func(result) K) []result {
	return slices.SortedFunc(slices.Values(all), func(a, b result) int { return cmp.Compare(key(a), key(b)) })
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
	defer func() { stop() }()

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
	if err := r.readTruth(ctx, url, l); err != nil {
		return r, err
	}
	state := stop()
	r.server = state.UserTime() + state.SystemTime()
	return r, nil
}

// serve starts the server process and returns its URL, and what ends it and
// gives its state; it may be called again.
func serve(ctx context.Context, path, spec string) (url string, stop func() *os.ProcessState, err error) {
	cmd := exec.CommandContext(ctx, path, "-spec", spec)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = sync.OnceValue(func() *os.ProcessState {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		return cmd.ProcessState
	})
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
	first, last := int64(math.MaxInt64), int64(0)
	for _, row := range rows {
		if !row.Complete || len(row.Sent) == 0 {
			continue
		}
		r.whole++
		first, last = min(first, row.Arrived), max(last, row.Arrived)
		r.events += len(row.Sent)
		ttft = append(ttft, float64(row.Sent[0]-row.Arrived)/1e6)
		for i := 1; i < len(row.Sent); i++ {
			itl = append(itl, float64(row.Sent[i]-row.Sent[i-1])/1e6)
		}
	}
	if r.whole != l.prompts() {
		return fmt.Errorf("the server answered %d of %d requests whole", r.whole, l.prompts())
	}
	r.burst = time.Duration(last - first)
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
