package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"tokmeter/internal/result"
)

// pyTorchMetrics are the numbers that get a record each, in vLLM's order.
var pyTorchMetrics = [...]string{
	"median_ttft_ms", "mean_ttft_ms", "std_ttft_ms", "p99_ttft_ms",
	"mean_tpot_ms", "median_tpot_ms", "std_tpot_ms", "p99_tpot_ms",
	"median_itl_ms", "mean_itl_ms", "std_itl_ms", "p99_itl_ms",
}

// PyTorch writes r as the PyTorch benchmark database reads it: one record for
// each metric, with the command line and all other numbers beside it.
func PyTorch(w io.Writer, r result.Result) error {
	if err := writePyTorch(w, &r); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

func writePyTorch(w io.Writer, r *result.Result) error {
	e := newEncoder(w, false)
	e.value(pyTorchRecords(r))
	return e.flush()
}

func pyTorchRecords(r *result.Result) []any {
	res := resultObject(r)
	extra := &object{}
	for _, k := range res.keys {
		switch {
		case slices.Contains(pyTorchMetrics[:], k):
		case k == "ttfts" || k == "itls" || k == "generated_texts" || k == "errors":
		default:
			extra.set(k, res.values[k])
		}
	}
	args := arguments(r, extra)
	var records []any
	for _, name := range pyTorchMetrics {
		value, ok := res.values[name]
		if !ok {
			continue
		}
		info := &object{}
		info.set("args", args)
		info.set("compilation_config.mode", fromExtra(extra, "compilation_config.mode"))
		info.set("optimization_level", fromExtra(extra, "optimization_level"))
		info.set("use_compile", usesCompile(r, extra))
		benchmark := &object{}
		benchmark.set("name", "vLLM benchmark")
		benchmark.set("extra_info", info)
		model := &object{}
		model.set("name", r.Plan.Target.Model)
		metric := &object{}
		metric.set("name", name)
		metric.set("benchmark_values", []any{value})
		metric.set("extra_info", extra)
		record := &object{}
		record.set("benchmark", benchmark)
		record.set("model", model)
		record.set("metric", metric)
		records = append(records, record)
	}
	return records
}

// arguments are the command line's options, with the tensor parallel size from
// the metadata where the options have none.
func arguments(r *result.Result, extra *object) *object {
	args := &object{}
	if v, err := ordered(r.Head.Options); err == nil {
		if o, ok := v.(*object); ok {
			args = o
		}
	}
	const key = "tensor_parallel_size"
	if v, ok := extra.values[key]; ok && (args.values[key] == nil || args.values[key] == 0) {
		args.set(key, v)
	}
	return args
}

func fromExtra(extra *object, key string) any {
	if v, ok := extra.values[key]; ok {
		return v
	}
	return ""
}

// usesCompile is vLLM's guess whether the server ran torch.compile.
func usesCompile(r *result.Result, extra *object) bool {
	return extra.values["compilation_config.mode"] != "0" && !strings.Contains(r.Plan.Output.ResultFile, "eager")
}
