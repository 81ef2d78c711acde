package foreign

import (
	"math"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/stats"
)

// vLLM reads what vllm bench serve writes, in Python or Rust, and what the older
// benchmark_serving.py wrote: one object a run, several where runs were appended.
func vLLM(docs []document) []compare.Result {
	var out []compare.Result
	for _, o := range objects(docs) {
		if !o.has("duration", "completed", "mean_ttft_ms") || !(o.has("model_id") || o.has("total_output_tokens")) {
			continue
		}
		out = append(out, vLLMRun(o))
	}
	return parts(out)
}

func vLLMRun(o object) compare.Result {
	tool := "vLLM bench serve"
	switch {
	case o.has("plan_hash"), o.has("token_source"):
		tool = "tokmeter result file"
	case o.has("steady_state"), strings.Contains(o.text("date"), "T"):
		tool = "vLLM bench serve (Rust)"
	case !o.has("endpoint_type"):
		tool = "vLLM benchmark_serving.py"
	}
	r := compare.New(tool)
	servingKeys(&r, o)
	for _, m := range []compare.Metric{compare.TTFT, compare.TPOT, compare.ITL, compare.E2EL} {
		vLLMTold(&r, m, o, string(m))
	}
	r.Requests = o.count("num_prompts")
	done := o.count("completed")
	if failed := o.count("failed"); failed >= 0 {
		r.Failed = failed
		if done >= 0 {
			r.Requests = done + failed
		}
	} else if done >= 0 && r.Requests >= done {
		r.Failed = r.Requests - done
	}
	arrays(&r, o)
	backend := o.text("backend")
	if strings.Contains(backend, "chat") && tool != "tokmeter result file" {
		r.Notes = append(r.Notes, "on a chat endpoint vLLM's client takes the event with the role for the first token: its TTFT is shorter, and its TPOT longer, by that much")
	}
	return r
}

// servingKeys keeps the keys that vLLM's client and those that began as copies of
// it share.
func servingKeys(r *compare.Result, o object) {
	r.Seconds = o.num("duration")
	once(r, compare.RequestRate, o.num("request_throughput"))
	once(r, compare.OutputRate, o.num("output_throughput"))
	once(r, compare.TokenRate, first(o.num("total_token_throughput"), o.num("total_throughput")))
	once(r, compare.Goodput, o.num("request_goodput"))
	done := o.num("completed")
	r.Know(compare.FactDataset, first2(o.text("dataset_name"), o.text("dataset")))
	r.Know(compare.FactRequests, o.text("num_prompts"))
	r.Know(compare.FactRate, rateFact(o.m["request_rate"]))
	limit := o.text("max_concurrency")
	if _, there := o.m["max_concurrency"]; there && limit == "" {
		limit = "none"
	}
	r.Know(compare.FactConcurrency, limit)
	if done > 0 {
		r.Know(compare.FactInput, meanText(o.num("total_input_tokens")/done))
		r.Know(compare.FactOutput, meanText(o.num("total_output_tokens")/done))
	}
	r.Know(compare.FactBackend, o.text("backend"))
	r.Prompts = o.text("plan_hash")
	r.Know(compare.FactPrompts, r.Prompts)
	r.Served(compare.FactModel, o.text("model_id"))
	r.Served("tokenizer", o.text("tokenizer_id"))
}

// rateFact is a request rate, which tools write as a number or as inf.
func rateFact(v any) string {
	if s, ok := v.(string); ok && strings.EqualFold(strings.TrimSpace(s), "inf") {
		return "inf"
	}
	return numberText(number(v))
}

// vLLMTold keeps the keys mean_ttft_ms, median_ttft_ms, std_ttft_ms, p99_ttft_ms.
func vLLMTold(r *compare.Result, m compare.Metric, o object, name string) {
	tail := "_" + name + "_ms"
	found := object{m: map[string]any{}}
	for k := range o.m {
		if s, ok := strings.CutSuffix(k, tail); ok {
			found.m[s] = o.m[k]
		}
	}
	tell(r, m, found, 1)
}

// arrays reads the values of single requests that --save-detailed keeps, in
// seconds, by the order of start_times where there are any.
func arrays(r *compare.Result, o object) {
	const ms = 1e3
	ttfts, lens := o.numbers("ttfts"), o.numbers("output_lens")
	if len(ttfts) == 0 || len(lens) != len(ttfts) {
		return
	}
	itls, _ := o.m["itls"].([]any)
	errs, _ := o.m["errors"].([]any)
	latencies, starts := o.numbers("latencies"), o.numbers("start_times")
	all := make([]request, len(ttfts))
	for i := range all {
		q := request{ttft: ttfts[i] * ms, e2el: math.NaN(), sent: float64(i)}
		if i < len(errs) {
			text, _ := errs[i].(string)
			q.failed = text != ""
		}
		if !(ttfts[i] > 0) {
			q.failed = true
		}
		if i < len(itls) {
			q.gaps = numbers(itls[i])
			sum := ttfts[i]
			for k := range q.gaps {
				sum += q.gaps[k]
				q.gaps[k] *= ms
			}
			q.e2el = sum * ms
		}
		if i < len(latencies) && latencies[i] > 0 {
			q.e2el = latencies[i] * ms
		}
		if i < len(starts) {
			q.sent = starts[i]
		}
		q.tpot = stats.TPOT(q.ttft, q.e2el, lens[i])
		all[i] = q
	}
	series(r, bySending(all))
}

func first(values ...float64) float64 {
	for _, v := range values {
		if !math.IsNaN(v) {
			return v
		}
	}
	return math.NaN()
}

func first2(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}
