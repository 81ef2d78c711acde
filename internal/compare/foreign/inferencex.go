package foreign

import (
	"strings"

	"tokmeter/internal/compare"
)

// inferenceX reads InferenceX's aggregated files, which are those of vLLM's
// benchmark_serving.py in seconds and a GPU, with the machine beside them. The files
// before the aggregation are vLLM's.
func inferenceX(docs []document) []compare.Result {
	var out []compare.Result
	for _, d := range docs {
		for _, v := range d.values {
			all := (object{m: map[string]any{"all": v}, file: d.name}).list("all")
			if o, ok := v.(map[string]any); ok {
				all = []object{{o, d.name}}
			}
			for _, o := range all {
				if o.has("hw", "framework", "mean_ttft") {
					out = append(out, inferenceXRun(o))
				}
			}
		}
	}
	return parts(out)
}

func inferenceXRun(o object) compare.Result {
	r := compare.New("InferenceX")
	for _, m := range []compare.Metric{compare.TTFT, compare.TPOT, compare.ITL, compare.E2EL} {
		found := object{m: map[string]any{}}
		for k := range o.m {
			if s, ok := strings.CutSuffix(k, "_"+string(m)); ok {
				found.m[s] = o.m[k]
			}
		}
		tell(&r, m, found, 1e3)
	}
	r.Know(compare.FactConcurrency, o.text("conc"))
	r.Know(compare.FactInput, meanText(o.num("isl")))
	r.Know(compare.FactOutput, meanText(o.num("osl")))
	r.Served(compare.FactModel, o.text("model"))
	r.Served("precision", o.text("precision"))
	r.Served("card", strings.TrimSpace(o.text("hw")+" tp "+o.text("tp")))
	r.Served("server version", first2(o.text("image"), o.text("framework")))
	gpus := first(o.num("num_gpus"), o.num("tp"))
	if gpus > 0 {
		once(&r, compare.OutputRate, o.num("output_tput_per_gpu")*gpus)
		once(&r, compare.TokenRate, o.num("tput_per_gpu")*gpus)
	}
	r.Notes = append(r.Notes, "lengths are those that were asked for; throughput is its number for one GPU times the GPUs of tensor parallelism")
	return r
}
