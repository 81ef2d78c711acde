package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// vllmResult is the part of a result of vllm bench serve that is read.
type vllmResult struct {
	Duration    float64         `json:"duration"`
	RequestRate json.RawMessage `json:"request_rate"` // a number, or "inf"
	Concurrency *int            `json:"max_concurrency"`
	Peak        float64         `json:"max_concurrent_requests"`
	InputLens   []int           `json:"input_lens"`
	OutputLens  []int           `json:"output_lens"`
	TTFTs       []float64       `json:"ttfts"` // s
	ITLs        [][]float64     `json:"itls"`  // s
	StartTimes  []float64       `json:"start_times"`
	Errors      []string        `json:"errors"`
}

// FromVLLM reads a result that vllm bench serve has saved with --save-result and
// --save-detailed. Requests are in the order of the workload. E2EL is TTFT and
// all gaps, which is vLLM's latency up to what follows the last token. The error
// says what is missing.
func FromVLLM(data []byte) (Run, error) {
	var v vllmResult
	if err := json.Unmarshal(data, &v); err != nil {
		return Run{}, fmt.Errorf("result of vllm bench serve: %w: give the JSON file that --save-result wrote", err)
	}
	n := len(v.TTFTs)
	switch {
	case n == 0:
		return Run{}, errors.New("result of vllm bench serve: it has no single requests: repeat with --save-detailed")
	case len(v.OutputLens) != n || len(v.ITLs) != n:
		return Run{}, fmt.Errorf("result of vllm bench serve: %d ttfts, %d output_lens and %d itls: the file is not whole", n, len(v.OutputLens), len(v.ITLs))
	}
	run := Run{Seconds: v.Duration}
	if v.Peak > 0 && v.Peak < 1<<30 {
		run.PeakOpen = int(v.Peak)
	}
	if rate, err := strconv.ParseFloat(strings.Trim(string(v.RequestRate), `"`), 64); err == nil && rate > 0 && !math.IsInf(rate, 0) {
		run.Offered, run.Load.Rate = rate, rate
	}
	if v.Concurrency != nil && run.Load.Rate == 0 {
		run.Load.Concurrency = max(0, *v.Concurrency)
	}
	for i := range v.TTFTs {
		run.Requests = append(run.Requests, v.request(i))
	}
	run.Requests = clean(run).Requests
	return run, nil
}

func (v *vllmResult) request(i int) Request {
	nan := math.NaN()
	q := Request{Index: i, Output: v.OutputLens[i], TTFT: nan, TPOT: nan, E2EL: nan, Sent: nan}
	if i < len(v.InputLens) {
		q.Prompt = v.InputLens[i]
	}
	if i < len(v.StartTimes) {
		q.Sent = (v.StartTimes[i] - v.StartTimes[0]) * 1e3
	}
	if i < len(v.Errors) && v.Errors[i] != "" || q.Output <= 0 {
		q.Output = 0
		return q
	}
	rest := 0.0
	for _, gap := range v.ITLs[i] {
		rest += gap
	}
	q.OK, q.TTFT, q.E2EL = true, v.TTFTs[i]*1e3, (v.TTFTs[i]+rest)*1e3
	if q.Output > 1 {
		q.TPOT = rest / float64(q.Output-1) * 1e3
	}
	return q
}
