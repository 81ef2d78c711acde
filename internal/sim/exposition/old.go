package exposition

// oldSeries are names of earlier versions that dashboards still ask for.
type oldSeries struct {
	usage, tpot, queries, hits *series
}

// makeOld registers the names of vLLM 0.6 and of early V1. Swapping and a CPU
// cache no longer exist: theirs stay 0.
func (r *Registry) makeOld() {
	o := &r.old
	r.one(gauge, "vllm:num_requests_swapped", "Number of requests swapped to CPU.", nil)
	o.usage = r.one(gauge, "vllm:gpu_cache_usage_perc", "GPU KV-cache usage. 1 means 100 percent usage.", nil)
	r.one(gauge, "vllm:cpu_cache_usage_perc", "CPU KV-cache usage. 1 means 100 percent usage.", nil)
	o.queries = r.one(counter, "vllm:gpu_prefix_cache_queries_total",
		"GPU prefix cache queries, in terms of number of queried tokens.", nil)
	o.hits = r.one(counter, "vllm:gpu_prefix_cache_hits_total",
		"GPU prefix cache hits, in terms of number of cached tokens.", nil)
	o.tpot = r.one(histogram, "vllm:time_per_output_token_seconds",
		"Histogram of time per output token in seconds.", itlBuckets)
}

func (o *oldSeries) step(s *Step) {
	if o.queries != nil {
		o.queries.inc(s.Queries)
		o.hits.inc(s.Hits)
	}
}

func (o *oldSeries) state(usage float64) {
	if o.usage != nil {
		o.usage.value.set(usage)
	}
}
