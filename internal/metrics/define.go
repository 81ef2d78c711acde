package metrics

// A Definition says what one latency is. Reports take names and headers from
// it, and docs/metrics.md is made from it.
type Definition struct {
	ID      ID
	Name    string // as rows carry it, such as "TTFT"
	Header  string // of its section
	VLLM    bool   // defined by vLLM, and selected by --percentile-metrics
	Formula string // over one request, from the fields of its record
	Over    string // which samples make the distribution
	When    string // when it is there
}

// Latencies returns the definitions in the order of the report.
func Latencies() []Definition {
	const each = "successful requests"
	return []Definition{
		{TTFT, "TTFT", "Time to First Token", true,
			"first_token − sent, the first token of any kind: reasoning, answer or tool call", each, "always"},
		{TPOT, "TPOT", "Time per Output Token (excl. 1st token)", true,
			"(e2el − ttft) / (output_tokens − 1)", "successful requests with two output tokens or more", "always"},
		{ITL, "ITL", "Inter-token Latency", true,
			"the gap between two token events that follow each other", "all gaps of all successful requests, pooled", "always"},
		{E2EL, "E2EL", "End-to-end Latency", true,
			"last_token − sent", each, "always"},
		{ClientQueueTime, "Client Queue Time", "Client-side Queueing", true,
			"sent − released", each, "with --max-concurrency"},
		{E2ELWithQueue, "E2EL incl. Client Queue", "Queue-inclusive End-to-end Latency", true,
			"e2el + client_queue_time", each, "with --max-concurrency and a finite --request-rate"},
		{FirstAnswer, "First Answer", "Time to First Answer Token", false,
			"first_answer − sent, the first token that is not reasoning", each, "when it differs from ttft"},
		{ITLPerToken, "ITL per Token", "Inter-token Latency per Token", false,
			"the gap before an event with n tokens is n samples of gap / n", "all tokens after the first event of all successful requests, pooled",
			"when an event carried several tokens"},
		{TTFTFromDue, "TTFT from Due", "Time to First Token from Due Time", false,
			"first_token − due", each, "when requests have due times: a finite rate, a ramp, a timed trace"},
		{E2ELFromDue, "E2EL from Due", "End-to-end Latency from Due Time", false,
			"last_token − due", each, "when requests have due times"},
		{Late, "Late", "Lateness of Sending", false,
			"sent − due; with --max-concurrency released − due, since waiting for a slot is client_queue_time",
			"all requests that were sent", "always"},
		{ClientLag, "Client Lag", "Client Lag", false,
			"the worst (reader's time − kernel's time) of the request's reads, beyond the interval in which the client reads (read_interval_us)", "all requests with a kernel-stamped response", "always"},
	}
}
