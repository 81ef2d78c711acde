package report

import (
	"math"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
)

// A scalar is a number of the report that is no distribution. The text, the
// result file and docs/metrics.md all take it from the table below.
type scalar struct {
	key      string // in the result file
	label    string // of its row in the text; "" for none
	unit     string
	formula  string
	decimals bool // printed with two decimals although it is a whole number
	value    func(*metrics.Summary, *plan.Plan) any
	shown    func(*metrics.Summary, *plan.Plan) bool // nil means always
}

// scalars returns the table: the rows of the text block in its order, then what
// the result file alone has.
func scalars() []scalar { return append(rows(), unprinted()...) }

func rows() []scalar {
	return []scalar{
		{key: "completed", label: "Successful requests:", unit: "requests",
			formula: "requests with outcome ok: a finish reason or [DONE] was seen, at least one token came, no error in the stream",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.Completed }},
		{key: "failed", label: "Failed requests:", unit: "requests",
			formula: "requests with any other outcome",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.Failed }},
		{key: "max_concurrency", label: "Maximum request concurrency:", unit: "requests",
			formula: "as configured; null for no limit",
			value:   func(_ *metrics.Summary, p *plan.Plan) any { return orNull(p.Load.MaxConcurrency) },
			shown:   func(_ *metrics.Summary, p *plan.Plan) bool { return p.Load.MaxConcurrency > 0 }},
		{key: "request_rate", label: "Request rate configured (RPS):", unit: "requests/s",
			formula: "as configured; \"inf\" sends all at once",
			value:   func(_ *metrics.Summary, p *plan.Plan) any { return orInf(p.Load.RequestRate) },
			shown:   func(_ *metrics.Summary, p *plan.Plan) bool { return !math.IsInf(float64(p.Load.RequestRate), 1) }},
		{key: "duration", label: "Benchmark duration (s):", unit: "s",
			formula: "from the first dispatch until every request had ended",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.Duration }},
		{key: "total_input_tokens", label: "Total input tokens:", unit: "tokens",
			formula: "prompt tokens of successful requests, by the server's usage where it gives it",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.InputTokens }},
		{key: "total_output_tokens", label: "Total generated tokens:", unit: "tokens",
			formula: "output tokens of successful requests, by the source in token_source",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.OutputTokens }, shown: countsTokens},
		{key: "request_throughput", label: "Request throughput (req/s):", unit: "requests/s",
			formula: "completed / duration",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.RequestThroughput }},
		{key: "request_goodput", label: "Request goodput (req/s):", unit: "requests/s",
			formula: "successful requests that met every --goodput limit / duration; tpot counts as 0 with one output token; null without a limit",
			value: func(s *metrics.Summary, _ *plan.Plan) any {
				if !s.HasGoals {
					return nil
				}
				return s.Goodput
			},
			shown: func(s *metrics.Summary, _ *plan.Plan) bool { return s.HasGoals }},
		{key: "output_throughput", label: "Output token throughput (tok/s):", unit: "tokens/s",
			formula: "total_output_tokens / duration",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.OutputThroughput }, shown: countsTokens},
		{key: "max_output_tokens_per_s", label: "Peak output token throughput (tok/s):", unit: "tokens/s",
			formula: "most output tokens of successful requests in any window of one second; an event counts with all its tokens",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.PeakOutput }, shown: countsTokens},
		{key: "max_concurrent_requests", label: "Peak concurrent requests:", unit: "requests", decimals: true,
			formula: "most requests under way at one moment, each from sent until its response ended, failed ones included",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.PeakConcurrency }},
		{key: "total_token_throughput", label: "Total token throughput (tok/s):", unit: "tokens/s",
			formula: "(total_input_tokens + total_output_tokens) / duration",
			value:   func(s *metrics.Summary, _ *plan.Plan) any { return s.TokenThroughput }, shown: countsTokens},
	}
}

func unprinted() []scalar {
	return []scalar{
		{key: "rtfx", unit: "",
			formula: "seconds of audio / duration; 0 for text",
			value:   func(*metrics.Summary, *plan.Plan) any { return 0.0 }},
	}
}

// countsTokens is false where vLLM's client, without a tokenizer, shows no
// number of tokens. By default the server's count is enough to show them.
func countsTokens(s *metrics.Summary, p *plan.Plan) bool {
	return !s.Compat || !p.Workload.SkipTokenizer
}

func orNull(n int) any {
	if n <= 0 {
		return nil
	}
	return n
}

// orInf keeps an endless rate valid JSON, as vLLM does.
func orInf(f plan.Float) any {
	if math.IsInf(float64(f), 1) {
		return "inf"
	}
	return float64(f)
}
