package exposition

import "strconv"

// Buckets of vLLM 0.32 (v1/metrics/buckets.py), in seconds or counts.
var (
	latencyBuckets   = []float64{.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
	ttftBuckets      = []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
	itlBuckets       = []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
	iterationBuckets = []float64{1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}
	answersBuckets   = []float64{1, 2, 5, 10, 20}
	preemptBuckets   = []float64{1, 2, 3, 4, 5, 10, 20}
)

// tokenBuckets is the series 1, 2, 5, 10, … up to max.
func tokenBuckets(most int) []float64 {
	var b []float64
	for unit := 1; ; unit *= 10 {
		for _, m := range [...]int{1, 2, 5} {
			if m*unit > most {
				return b
			}
			b = append(b, float64(m*unit))
		}
		if unit > most {
			return b
		}
	}
}

// engineSeries are what the engine feeds, resolved once.
type engineSeries struct {
	drafts, draftTokens, accepted *series
	acceptedAt                    []*series
	flops, read, written          *series

	running, waiting, capacity, deferred, usage *series
	awake, offloaded, discarded                 *series
	queries, hits, preemptions                  *series
	prompt, computed, hit, cached, device       *series
	generated                                   *series
	success                                     [reasons]*series

	promptTokens, outputTokens, iteration, maxOutput, answers, maxTokens *series
	ttft, itl, tpot, e2e, queue, inference, prefill, decode              *series
	preempted, prefilled                                                 *series
}

// New makes the series of a server that has served nothing.
func New(c Config) *Registry {
	r := &Registry{config: c}
	r.makeSpeculation()
	r.makeUse()
	r.makeState()
	r.makeCounters()
	r.makeCounts()
	r.makeTimes()
	if c.MaxAdapters > 0 {
		r.lora = r.family(gauge, "vllm:lora_requests_info", "Running stats on lora requests.")
	}
	if c.OldNames {
		r.makeOld()
	}
	info := r.family(gauge, "vllm:cache_config_info", "Information of the LLMEngine CacheConfig")
	info.add(c.Created, c.Cache.labels(c.MaxModelLen)...).value.set(1)
	r.makeHTTP()
	r.makeSleep()
	return r
}

// one makes a family of the one engine, with one series for each value of the
// further label.
func (r *Registry) one(k kind, name, help string, buckets []float64) *series {
	return r.family(k, name, help, buckets...).add(r.config.Created, r.engineLabels()...)
}

func (r *Registry) each(k kind, name, help, label string, values ...string) []*series {
	f := r.family(k, name, help)
	made := make([]*series, len(values))
	for i, v := range values {
		made[i] = f.add(r.config.Created, append(r.engineLabels(), Label{label, v})...)
	}
	return made
}

func (r *Registry) engineLabels() []Label {
	return []Label{{"engine", "0"}, {"model_name", r.config.Model}}
}

func (r *Registry) makeSpeculation() {
	n := r.config.Drafts
	if n <= 0 {
		return
	}
	e := &r.engine
	e.drafts = r.one(counter, "vllm:spec_decode_num_drafts_total", "Number of spec decoding drafts.", nil)
	e.draftTokens = r.one(counter, "vllm:spec_decode_num_draft_tokens_total", "Number of draft tokens.", nil)
	e.accepted = r.one(counter, "vllm:spec_decode_num_accepted_tokens_total", "Number of accepted tokens.", nil)
	at := make([]string, n)
	for i := range at {
		at[i] = strconv.Itoa(i)
	}
	e.acceptedAt = r.each(counter, "vllm:spec_decode_num_accepted_tokens_per_pos_total",
		"Accepted tokens per draft position.", "position", at...)
}

func (r *Registry) makeUse() {
	e := &r.engine
	const why = " (for Model Flops Utilization calculations)."
	e.flops = r.one(counter, "vllm:estimated_flops_per_gpu_total",
		"Estimated number of floating point operations per GPU"+why, nil)
	e.read = r.one(counter, "vllm:estimated_read_bytes_per_gpu_total",
		"Estimated number of bytes read from memory per GPU"+why, nil)
	e.written = r.one(counter, "vllm:estimated_write_bytes_per_gpu_total",
		"Estimated number of bytes written to memory per GPU"+why, nil)
}

func (r *Registry) makeState() {
	e := &r.engine
	e.running = r.one(gauge, "vllm:num_requests_running", "Number of requests in model execution batches.", nil)
	e.waiting = r.one(gauge, "vllm:num_requests_waiting", "Number of requests waiting to be processed.", nil)
	by := r.each(gauge, "vllm:num_requests_waiting_by_reason",
		"Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; "+
			"'deferred' = deferred by transient constraints (LoRA budget, KV transfer, blocked status). "+
			"Sum of all reasons equals vllm:num_requests_waiting.", "reason", "capacity", "deferred")
	e.capacity, e.deferred = by[0], by[1]
	state := r.each(gauge, "vllm:engine_sleep_state",
		"Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; "+
			"weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.",
		"sleep_state", "awake", "weights_offloaded", "discard_all")
	e.awake, e.offloaded, e.discarded = state[0], state[1], state[2]
	e.awake.value.set(1)
	e.usage = r.one(gauge, "vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", nil)
}

func (r *Registry) makeCounters() {
	e := &r.engine
	e.queries = r.one(counter, "vllm:prefix_cache_queries_total",
		"Prefix cache queries, in terms of number of queried tokens.", nil)
	e.hits = r.one(counter, "vllm:prefix_cache_hits_total",
		"Prefix cache hits, in terms of number of cached tokens.", nil)
	const outside = " from KV connector cross-instance cache sharing, in terms of number of "
	r.one(counter, "vllm:external_prefix_cache_queries_total", "External prefix cache queries"+outside+"queried tokens.", nil)
	r.one(counter, "vllm:external_prefix_cache_hits_total", "External prefix cache hits"+outside+"cached tokens.", nil)
	r.one(counter, "vllm:mm_cache_queries_total", "Multi-modal cache queries, in terms of number of queried items.", nil)
	r.one(counter, "vllm:mm_cache_hits_total", "Multi-modal cache hits, in terms of number of cached items.", nil)
	e.preemptions = r.one(counter, "vllm:num_preemptions_total", "Cumulative number of preemption from the engine.", nil)
	e.prompt = r.one(counter, "vllm:prompt_tokens_total", "Number of prefill tokens processed.", nil)
	from := r.each(counter, "vllm:prompt_tokens_by_source_total", "Number of prompt tokens by source.",
		"source", "local_compute", "local_cache_hit", "external_kv_transfer")
	e.computed, e.hit = from[0], from[1]
	e.cached = r.one(counter, "vllm:prompt_tokens_cached_total", "Number of cached prompt tokens (local + external).", nil)
	e.device = r.each(counter, "vllm:prompt_tokens_cached_by_source_total",
		"Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host (offloaded to DRAM), "+
			"disk, p2p (transferred from another vLLM instance) or external_unspecified. Counted at admission; "+
			"sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits.",
		"source", "device", "host", "p2p", "disk", "external_unspecified")[0]
	e.generated = r.one(counter, "vllm:generation_tokens_total", "Number of generation tokens processed.", nil)
	copy(e.success[:], r.each(counter, "vllm:request_success_total", "Count of successfully processed requests.",
		"finished_reason", "stop", "length", "abort", "error", "repetition"))
	refused := r.family(counter, "vllm:admission_rejections_total",
		"Number of admission attempts rejected by a queue limit, by reason.")
	for _, why := range [...]string{"max_num_queued_reqs", "max_num_queued_tokens"} {
		refused.add(r.config.Created, Label{"model_name", r.config.Model}, Label{"reason", why})
	}
}

func (r *Registry) makeCounts() {
	e := &r.engine
	tokens := tokenBuckets(r.config.MaxModelLen)
	e.promptTokens = r.one(histogram, "vllm:request_prompt_tokens", "Number of prefill tokens processed.", tokens)
	e.outputTokens = r.one(histogram, "vllm:request_generation_tokens", "Number of generation tokens processed.", tokens)
	e.iteration = r.one(histogram, "vllm:iteration_tokens_total",
		"Histogram of number of tokens per engine_step.", iterationBuckets)
	e.maxOutput = r.one(histogram, "vllm:request_max_num_generation_tokens",
		"Histogram of maximum number of requested generation tokens.", tokens)
	e.answers = r.one(histogram, "vllm:request_params_n", "Histogram of the n request parameter.", answersBuckets)
	e.maxTokens = r.one(histogram, "vllm:request_params_max_tokens",
		"Histogram of the max_tokens request parameter.", tokens)
}

func (r *Registry) makeTimes() {
	e := &r.engine
	e.ttft = r.one(histogram, "vllm:time_to_first_token_seconds",
		"Histogram of time to first token in seconds.", ttftBuckets)
	e.itl = r.one(histogram, "vllm:inter_token_latency_seconds",
		"Histogram of inter-token latency in seconds.", itlBuckets)
	e.tpot = r.one(histogram, "vllm:request_time_per_output_token_seconds",
		"Histogram of time_per_output_token_seconds per request.", itlBuckets)
	e.e2e = r.one(histogram, "vllm:e2e_request_latency_seconds",
		"Histogram of e2e request latency in seconds.", latencyBuckets)
	phase := func(name, phase string) *series {
		return r.one(histogram, name, "Histogram of time spent in "+phase+" phase for request.", latencyBuckets)
	}
	e.queue = phase("vllm:request_queue_time_seconds", "WAITING")
	e.inference = phase("vllm:request_inference_time_seconds", "RUNNING")
	e.prefill = phase("vllm:request_prefill_time_seconds", "PREFILL")
	e.decode = phase("vllm:request_decode_time_seconds", "DECODE")
	e.preempted = r.one(histogram, "vllm:request_num_preemptions",
		"Histogram of the number of times a request was preempted.", preemptBuckets)
	e.prefilled = r.one(histogram, "vllm:request_prefill_kv_computed_tokens",
		"Histogram of new KV tokens computed during prefill (excluding cached tokens).", tokenBuckets(r.config.MaxModelLen))
}
