package measure

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/plan"
	"tokmeter/internal/python"
)

// changes is what vLLM's client changes in its flags by itself.
func changes(v *flags.Values, p plan.Plan) map[string]any {
	changed := map[string]any{
		"ignore-eos":        p.Target.IgnoreEOS,
		"self-timed":        p.Load.SelfTimed,
		"request-id-prefix": p.Target.RequestIDPrefix,
		"endpoint":          plan.RedactedQuery(p.Target.Endpoint),
		// The keys are texts there: JSON has no tuples.
		"random-mm-bucket-config": json.RawMessage(`{"(256, 256, 1)": 0.5, "(720, 1280, 1)": 0.5, "(720, 1280, 16)": 0.0}`),
	}
	ratio := v.Text("random-range-ratio")
	if x, err := python.ParseFloat(ratio); err == nil {
		changed["random-range-ratio"] = x
	} else {
		changed["random-range-ratio"] = json.RawMessage(ratio)
	}
	if v.Given("input-len") {
		changed["random-input-len"] = v.Integer("input-len")
	}
	if v.Given("output-len") {
		for _, name := range []string{"random", "sharegpt", "custom", "hf", "spec-bench", "prefix-repetition"} {
			changed[name+"-output-len"] = v.Integer("output-len")
		}
	}
	return changed
}

// asTyped is what stands in the namespace before vLLM's client changes it.
func asTyped(v *flags.Values, p plan.Plan) []namedValue {
	return namespace(v, map[string]any{
		"request-id-prefix":       p.Target.RequestIDPrefix,
		"random-mm-bucket-config": pythonSource(v.Text("random-mm-bucket-config")),
	})
}

// pythonNamespace is the line that vLLM's client begins its output with.
func pythonNamespace(list []namedValue) string {
	parts := []string{"subparser='bench'", "bench_type='serve'"}
	for _, n := range list {
		parts = append(parts, n.Name+"="+python.Repr(n.Value))
	}
	return "Namespace(" + strings.Join(parts, ", ") + ")"
}

// A pythonSource is a value in Python's own words.
type pythonSource string

// vllmOrder is the order in which vLLM's parser knows its flags.
const vllmOrder = "trust_remote_code seed num_prompts dataset_name no_stream dataset_path no_oversample skip_chat_template " +
	"enable_multimodal_chat disable_shuffle custom_output_len custom_ensure_client_side_data " +
	"spec_bench_output_len spec_bench_category sharegpt_output_len timed_trace_chunk_hash_size " +
	"timed_trace_sec_multiplier timed_trace_label_timestamp timed_trace_label_input_length " +
	"timed_trace_label_output_length timed_trace_label_hash_ids blazedit_min_distance blazedit_max_distance " +
	"asr_max_audio_len_sec asr_min_audio_len_sec random_input_len random_output_len random_range_ratio " +
	"random_prefix_len random_batch_size no_reranker random_mm_base_items_per_request " +
	"random_mm_num_mm_items_range_ratio random_mm_limit_mm_per_prompt random_mm_bucket_config hf_subset hf_split " +
	"hf_name hf_output_len bfcl_categories prefix_repetition_prefix_len prefix_repetition_suffix_len " +
	"prefix_repetition_num_prefixes prefix_repetition_output_len speed_bench_dataset_subset " +
	"speed_bench_output_len speed_bench_category label backend base_url host port endpoint header max_concurrency " +
	"model input_len output_len tokenizer tokenizer_mode use_beam_search logprobs request_rate burstiness " +
	"probe_request_rate disable_tqdm num_warmups profile save_result save_detailed append_result metadata " +
	"result_dir result_filename ignore_eos self_timed percentile_metrics metric_percentiles goodput " +
	"request_id_prefix top_p top_k min_p temperature frequency_penalty presence_penalty repetition_penalty " +
	"served_model_name lora_modules lora_assignment ramp_up_strategy ramp_up_start_rps ramp_up_end_rps " +
	"ready_check_timeout_sec chat_template_kwargs extra_body skip_tokenizer_init insecure plot_timeline " +
	"timeline_itl_thresholds plot_dataset_stats"

// namespace lists vLLM's flags with their values, in its order; those in changed
// come from there.
func namespace(v *flags.Values, changed map[string]any) []namedValue {
	var out []namedValue
	for i := range v.Table {
		f := &v.Table[i]
		if f.Origin != flags.VllmServe {
			continue
		}
		value, ok := changed[f.Name]
		switch {
		case f.Name == "header" && v.Given(f.Name):
			value = plan.Redacted
		case !ok:
			value = valueOf(v, f)
		}
		out = append(out, namedValue{strings.ReplaceAll(f.Name, "-", "_"), value})
	}
	place := map[string]int{}
	for i, name := range strings.Fields(vllmOrder) {
		place[name] = i
	}
	slices.SortStableFunc(out, func(a, b namedValue) int { return place[a.Name] - place[b.Name] })
	return out
}

// valueOf is the value of a flag in the type that vLLM gives it.
func valueOf(v *flags.Values, f *flags.Def) any {
	text := v.Text(f.Name)
	switch {
	case f.Kind == flags.ToggleNo && !v.Given(f.Name):
		return nil
	case f.IsSwitch():
		return text == "true"
	case f.Kind == flags.Words || f.Kind == flags.Words1:
		if !v.Given(f.Name) {
			return nil
		}
		return v.List(f.Name)
	case text == "" && !v.Given(f.Name):
		return nil
	case f.Kind == flags.Integer || f.Kind == flags.Human:
		return v.Integer(f.Name)
	case f.Kind == flags.Number:
		if n, err := strconv.Atoi(text); err == nil && !v.Given(f.Name) {
			return n // argparse takes a default as it stands
		}
		return v.Number(f.Name)
	case f.Kind == flags.Object:
		return json.RawMessage(text)
	}
	return text
}
