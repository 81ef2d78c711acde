package steps

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"tokmeter/internal/model/sched"
)

// A scenario is one case, ready to run.
type scenario struct {
	name     string
	config   config
	sched    sched.Config
	requests []request
	resets   map[int][]bool     // step → whether running requests are preempted for it
	aborts   map[int][]*request // step → requests
}

// reset empties the prefix cache just before the scheduler runs in a step.
type reset struct {
	Step    int  `json:"step"`
	Running bool `json:"running"` // running requests are preempted for it
}

// config has a case's settings by vLLM's names, in the order in which they are
// written.
type config struct {
	Blocks           int         `json:"num_blocks"`
	BlockSize        int         `json:"block_size"`
	MaxBatchedTokens int         `json:"max_num_batched_tokens"`
	MaxSeqs          int         `json:"max_num_seqs"`
	MaxModelLen      int         `json:"max_model_len"`
	PrefixCaching    bool        `json:"enable_prefix_caching"`
	ChunkedPrefill   bool        `json:"enable_chunked_prefill"`
	Policy           string      `json:"policy"`
	LongPrefill      int         `json:"long_prefill_token_threshold"`
	LongAdaptive     bool        `json:"long_prefill_token_threshold_adaptive"`
	ReserveFull      bool        `json:"scheduler_reserve_full_isl"`
	Watermark        json.Number `json:"watermark"`
	RecordBlocks     bool        `json:"record_blocks"`

	// written back only where a case sets them
	Drafts      int  `json:"num_speculative_tokens"`
	DraftHead   bool `json:"draft_head"`
	MaxAdapters int  `json:"max_loras"`
	Async       bool `json:"async_scheduling"`
}

// request is one request of a case.
type request struct {
	id      string
	step    int // added just before the scheduler runs in this step
	abort   int // aborted just before the scheduler runs in this step; -1 for never
	ends    int // the output token, from 1, that ends it; 0 for none
	seed    int64
	request sched.Request
}

// rawCase and the types below are the file's.
type rawCase struct {
	Name     *string         `json:"name"`
	Config   json.RawMessage `json:"config"`
	Requests []rawRequest    `json:"requests"`
	Resets   []reset         `json:"resets"`
}

type rawRequest struct {
	ID          *string         `json:"id"`
	ArrivalStep *int            `json:"arrival_step"`
	Prompt      json.RawMessage `json:"prompt"`
	OutputLen   *int            `json:"output_len"`
	Priority    int             `json:"priority"`
	ArrivalTime *float64        `json:"arrival_time"`
	OutputSeed  int64           `json:"output_seed"`
	Adapter     string          `json:"adapter"`
	EndsAt      int             `json:"ends_at"`
	AbortStep   *int            `json:"abort_step"`
}

type rawPrompt struct {
	Len    *int   `json:"len"`
	Seed   *int64 `json:"seed"`
	Shared *struct {
		Len  int   `json:"len"`
		Seed int64 `json:"seed"`
	} `json:"shared_prefix"`
}

// parse reads a file of cases and checks every one. Their blocks and prompts may
// come to work together.
func parse(data []byte, work int) ([]scenario, error) {
	var file struct {
		Cases *[]rawCase `json:"cases"`
	}
	if err := decode(data, &file, false); err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	if file.Cases == nil {
		return nil, errors.New(`cases: no list "cases"; the file begins {"cases":[{"name":…,"config":{…},"requests":[…]}`)
	}
	var out []scenario
	for i, raw := range *file.Cases {
		if raw.Name == nil {
			return nil, fmt.Errorf("case %d: it has no name", i+1)
		}
		c, err := raw.scenario(&work)
		if err != nil {
			return nil, fmt.Errorf("case %q: %w", *raw.Name, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// decode reads exactly one JSON value.
func decode(data []byte, into any, strict bool) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if strict {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(into); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the closing bracket")
	}
	return nil
}

func (raw rawCase) scenario(work *int) (scenario, error) {
	c := scenario{name: *raw.Name, resets: map[int][]bool{}, aborts: map[int][]*request{}, config: config{
		Blocks: 1000, BlockSize: 16, MaxBatchedTokens: 2048, MaxSeqs: 256, MaxModelLen: 4096,
		PrefixCaching: true, ChunkedPrefill: true, Policy: "fcfs", ReserveFull: true, Watermark: "0.0",
	}}
	if raw.Config != nil {
		if err := decode(raw.Config, &c.config, true); err != nil {
			return c, fmt.Errorf("config: %w", err)
		}
	}
	var err error
	if c.sched, err = c.config.scheduler(); err != nil {
		return c, fmt.Errorf("config: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if c.config.Blocks > maxBlocks {
		return c, fmt.Errorf("config: num_blocks %d: at most %d", c.config.Blocks, maxBlocks)
	}
	if *work -= 16 * c.config.Blocks; *work < 0 {
		return c, errTooMuch
	}
	ids := map[string]bool{}
	last := math.MinInt
	for i, rr := range raw.Requests {
		r, err := rr.request(&c, i, work)
		if err != nil {
			return c, fmt.Errorf("request %s: %w", rr.label(i), err)
		}
		if ids[r.id] {
			return c, fmt.Errorf("request %s: there are two with this id", rr.label(i))
		}
		if r.step < last {
			return c, fmt.Errorf("request %s: arrival_step %d after %d; sort the requests by it", rr.label(i), r.step, last)
		}
		ids[r.id], last = true, r.step
		c.requests = append(c.requests, r)
	}
	for i := range c.requests {
		if r := &c.requests[i]; r.abort >= r.step {
			c.aborts[r.abort] = append(c.aborts[r.abort], r)
		}
	}
	for _, x := range raw.Resets {
		c.resets[x.Step] = append(c.resets[x.Step], x.Running)
	}
	return c, nil
}

var errTooMuch = errors.New("the file asks for more tokens, blocks and steps than are run at once; split it")

// scheduler is the scheduler's configuration.
func (c config) scheduler() (sched.Config, error) {
	out := sched.Config{
		Blocks: c.Blocks, BlockSize: c.BlockSize, MaxBatchedTokens: c.MaxBatchedTokens, MaxSeqs: c.MaxSeqs,
		MaxModelLen: c.MaxModelLen, PrefixCaching: c.PrefixCaching, ChunkedPrefill: c.ChunkedPrefill,
		LongPrefillThreshold: c.LongPrefill, LongPrefillAdaptive: c.LongAdaptive, ReserveFullPrompt: c.ReserveFull,
		Drafts: c.Drafts, DraftHead: c.DraftHead, MaxAdapters: c.MaxAdapters, Async: c.Async,
	}
	switch c.Policy {
	case "fcfs":
	case "priority":
		out.Policy = sched.Priority
	default:
		return out, fmt.Errorf("policy %q: fcfs or priority", c.Policy)
	}
	w, err := strconv.ParseFloat(string(c.Watermark), 64)
	if err != nil {
		return out, fmt.Errorf("watermark %q: not a number", string(c.Watermark))
	}
	out.Watermark = w
	return out, out.Validate()
}

func (rr rawRequest) label(i int) string {
	if rr.ID != nil {
		return strconv.Quote(*rr.ID)
	}
	return strconv.Itoa(i + 1)
}

// request checks a request and makes its tokens.
func (rr rawRequest) request(c *scenario, i int, work *int) (request, error) {
	r := request{seed: rr.OutputSeed, ends: rr.EndsAt, abort: -1}
	switch {
	case rr.ID == nil:
		return r, errors.New("it has no id")
	case rr.ArrivalStep == nil:
		return r, errors.New("it has no arrival_step")
	case rr.OutputLen == nil || *rr.OutputLen < 1:
		return r, errors.New("output_len: at least 1")
	case *rr.ArrivalStep >= maxSteps:
		return r, fmt.Errorf("arrival_step %d: a case has at most %d steps", *rr.ArrivalStep, maxSteps)
	}
	r.id, r.step = *rr.ID, *rr.ArrivalStep
	if rr.AbortStep != nil {
		r.abort = *rr.AbortStep
	}
	prompt, err := rr.prompt(&r, c.config.MaxModelLen, work)
	if err != nil {
		return r, err
	}
	arrival := float64(i)
	if rr.ArrivalTime != nil {
		arrival = *rr.ArrivalTime
	}
	r.request = sched.Request{ID: r.id, Prompt: prompt, MaxOutput: *rr.OutputLen, Priority: rr.Priority, Arrival: arrival, Adapter: rr.Adapter}
	full := c.config.MaxModelLen
	if out := *rr.OutputLen; out < full-len(prompt) {
		full = len(prompt) + out
	}
	full = min(full+2*c.config.Drafts, c.config.MaxModelLen)
	if need := (full + c.config.BlockSize - 1) / c.config.BlockSize; need > c.config.Blocks-1 {
		return r, fmt.Errorf("it can never fit: %d tokens need %d blocks of %d", full, need, c.config.Blocks-1)
	}
	return r, nil
}

// prompt makes the tokens of a prompt and notes the seed of the output.
func (rr rawRequest) prompt(r *request, maxModelLen int, work *int) ([]int, error) {
	var tokens []int
	if p := bytes.TrimSpace(rr.Prompt); len(p) > 0 && p[0] == '[' {
		if err := decode(p, &tokens, false); err != nil {
			return nil, fmt.Errorf("prompt: %w", err)
		}
		if n := len(tokens); n < 1 || n >= maxModelLen {
			return nil, fmt.Errorf("a prompt of %d tokens: from 1 to max_model_len − 1 = %d", n, maxModelLen-1)
		}
		if *work -= 16 * len(tokens); *work < 0 {
			return nil, errTooMuch
		}
		return tokens, nil
	}
	var p rawPrompt
	if err := decode(rr.Prompt, &p, false); err != nil {
		return nil, fmt.Errorf("prompt: %w", err)
	}
	switch {
	case p.Len == nil || p.Seed == nil:
		return nil, errors.New(`prompt: {"len", "seed"} or a list of token ids`)
	case *p.Len < 1 || *p.Len >= maxModelLen:
		return nil, fmt.Errorf("a prompt of %d tokens: from 1 to max_model_len − 1 = %d", *p.Len, maxModelLen-1)
	}
	if *p.Len > *work/16 {
		return nil, errTooMuch
	}
	*work -= 16 * *p.Len
	r.seed = *p.Seed
	tokens = make([]int, *p.Len)
	for i := range tokens {
		if p.Shared != nil && i < p.Shared.Len {
			tokens[i] = token(p.Shared.Seed, i)
		} else {
			tokens[i] = token(r.seed, i)
		}
	}
	return tokens, nil
}
