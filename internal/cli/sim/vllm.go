package sim

import (
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/cli/flags"
)

// GroupTaken is the group of vllm serve's flags that do nothing in a simulation.
const GroupTaken = "flags of vllm serve that count for nothing"

// TakenFlags are the flags of vllm serve, of today and of before, that have no
// meaning where no model is loaded. They are taken so that a line that starts
// vLLM starts the simulator.
func TakenFlags() flags.Table {
	var t flags.Table
	add := func(k flags.Kind, names string) {
		for _, name := range strings.Fields(names) {
			t = append(t, flags.Def{Name: name, Group: GroupTaken, Kind: k, Taken: true})
		}
	}
	add(flags.ToggleNo, `trust-remote-code disable-log-stats disable-log-requests enable-log-requests enable-log-outputs enable-log-deltas
		disable-uvicorn-access-log aggregate-engine-logging log-error-stack use-tqdm-on-load skip-tokenizer-init enable-prompt-embeds
		enable-sleep-mode enable-return-routed-experts disable-sliding-window disable-cascade-attn disable-custom-all-reduce
		enable-expert-parallel enable-eplb eplb-log-balancedness enable-elastic-ep enable-ep-weight-filter enable-dbo
		disable-nccl-for-dp-synchronization ray-workers-use-nsight worker-use-ray engine-use-ray data-parallel-hybrid-lb
		data-parallel-external-lb headless disable-frontend-multiprocessing fully-sharded-loras enable-lora-bias enable-tower-connector-lora
		specialize-active-lora disable-chunked-mm-input disable-hybrid-kv-cache-manager calculate-kv-scales kv-sharing-fast-prefill
		enable-mm-embeds interleave-mm-strings disable-mm-preprocessor-cache skip-mm-profiling language-model-only
		enable-multimodal-encoder-data-parallel guided-decoding-disable-fallback guided-decoding-disable-any-whitespace
		guided-decoding-disable-additional-properties enable-reasoning enable-auto-tool-choice exclude-tools-when-tool-choice-none
		trust-request-chat-template return-tokens-as-token-ids enable-prompt-tokens-details enable-per-request-metrics
		enable-force-include-usage enable-tokenizer-info-endpoint enable-request-id-headers tokens-only allow-credentials
		enable-ssl-refresh disable-fastapi-docs enable-offline-docs enable-flash-late-interaction cohere-is-reasoning-model
		kv-cache-metrics cudagraph-metrics enable-layerwise-nvtx-tracing enable-logging-iteration-details
		disable-async-output-proc use-v2-block-manager enable-prompt-adapter multi-step-stream-outputs
		disable-logprobs-during-spec-decoding speculative-disable-mqa-scorer
		scheduler-reserve-full-isl enable-flashinfer-autotune`)
	add(flags.Text, `load-format download-dir safetensors-load-strategy safetensors-prefetch-num-threads pt-load-map-location tokenizer-mode
		tokenizer-revision revision code-revision config-format hf-config-path task runner convert model-impl allowed-local-media-path
		max-logprobs logprobs-mode logits-processor-pattern generation-config override-attention-dtype io-processor-plugin renderer-num-workers
		rope-theta distributed-executor-backend distributed-timeout-seconds max-parallel-loading-workers master-addr master-port nnodes node-rank
		data-parallel-rank data-parallel-start-rank data-parallel-size-local data-parallel-address data-parallel-rpc-port data-parallel-backend
		data-parallel-supervisor-port dp-supervisor-probe-interval-s dp-supervisor-probe-timeout-s dp-supervisor-probe-failure-threshold
		all2all-backend dbo-decode-token-threshold dbo-prefill-token-threshold ubatch-size expert-placement-strategy num-redundant-experts
		eplb-window-size eplb-step-interval dcp-comm-backend dcp-kv-cache-interleave-size cp-kv-cache-interleave-size
		prefix-caching-hash-algo kv-cache-dtype-skip-layers mamba-cache-dtype mamba-ssm-cache-dtype mamba-block-size mamba-cache-mode
		mamba-backend num-lookahead-slots scheduler-cls max-cudagraph-capture-size max-seq-len-to-capture device attention-backend
		moe-backend linear-backend mm-processor-cache-gb mm-processor-cache-type mm-shm-cache-max-object-size-mb mm-encoder-tp-mode
		mm-encoder-attn-backend mm-encoder-attn-dtype mm-tensor-ipc video-pruning-rate max-lora-rank max-cpu-loras lora-dtype lora-target-modules
		lora-extra-vocab-size long-lora-scaling-factors reasoning-parser reasoning-parser-plugin tool-parser-plugin tool-server
		guided-decoding-backend structured-outputs-backend response-role chat-template-content-format show-hidden-metrics-for-version
		otlp-traces-endpoint worker-cls worker-extension-cls uvicorn-log-level disable-access-log-for-endpoints log-config-file
		max-log-len root-path ssl-ca-certs ssl-cert-reqs ssl-ciphers h11-max-incomplete-event-size h11-max-header-count fingerprint-mode
		fingerprint-value cohere-format api-server-count shutdown-timeout optimization-level performance-mode
		tokenizer-pool-size tokenizer-pool-type tokenizer-pool-extra-config preemption-mode qlora-adapter-name-or-path
		max-prompt-adapters max-prompt-adapter-token typical-acceptance-sampler-posterior-threshold
		typical-acceptance-sampler-posterior-alpha spec-decoding-acceptance-method limit-mm-per-prompt rope-scaling`)
	add(flags.Object, `compilation-config hf-overrides rope-parameters pooler-config override-pooler-config override-generation-config
		model-loader-extra-config eplb-config media-io-kwargs mm-processor-kwargs default-mm-loras structured-outputs-config
		kv-events-config additional-config attention-config kernel-config profiler-config external-parameters override-neuron-config
		default-chat-template-kwargs weight-transfer-config quantization-config mamba-config reasoning-config ir-op-priority`)
	add(flags.Words1, `cudagraph-capture-sizes cuda-graph-sizes allowed-media-domains ignore-patterns logits-processors allowed-origins
		allowed-methods allowed-headers middleware collect-detailed-traces`)
	add(flags.Optional, "hf-token")
	t.Named("compilation-config").Short = "O"
	return append(t, slowerFlags()...)
}

// slowerFlags are flags of vllm serve that change how fast an engine is, in a way
// that is not simulated.
func slowerFlags() flags.Table {
	var t flags.Table
	for _, f := range []flags.Def{
		{Name: "pipeline-parallel-size", Short: "pp", Default: "1"}, {Name: "data-parallel-size", Short: "dp", Default: "1"},
		{Name: "decode-context-parallel-size", Short: "dcp", Default: "1"}, {Name: "prefill-context-parallel-size", Short: "pcp", Default: "1"},
		{Name: "cpu-offload-gb", Default: "0"}, {Name: "swap-space"}, {Name: "kv-cache-memory-bytes"}, {Name: "kv-offloading-size"},
		{Name: "kv-offloading-backend"}, {Name: "offload-backend"}, {Name: "stream-interval", Default: "1"},
		{Name: "max-num-partial-prefills", Default: "1"}, {Name: "max-long-partial-prefills", Default: "1"},
		{Name: "scheduler-delay-factor", Default: "0"}, {Name: "num-scheduler-steps", Default: "1"},
		{Name: "speculative-model"}, {Name: "num-speculative-tokens"}, {Name: "speculative-draft-tensor-parallel-size"},
		{Name: "speculative-max-model-len"}, {Name: "speculative-disable-by-batch-size"}, {Name: "speculative-model-quantization"},
		{Name: "ngram-prompt-lookup-max"}, {Name: "ngram-prompt-lookup-min"},
		{Name: "kv-transfer-config", Kind: flags.Object}, {Name: "ec-transfer-config", Kind: flags.Object}, {Name: "kv-connector"},
	} {
		f.Group, f.Taken = GroupTaken, true
		t = append(t, f)
	}
	return t
}

// takenNotes names, once, the flags that were given and count for nothing, and
// those whose effect on an engine's speed is not simulated.
func takenNotes(v *flags.Values) []string {
	slower := slowerFlags()
	var nothing, missing []string
	for i := range v.Table {
		f := &v.Table[i]
		switch {
		case !f.Taken || !v.Given(f.Name):
		case slower.Named(f.Name) == nil:
			nothing = append(nothing, "--"+f.Name)
		case v.Text(f.Name) != f.Default:
			missing = append(missing, "--"+f.Name)
		}
	}
	var notes []string
	if len(nothing) > 0 {
		notes = append(notes, fmt.Sprintf("%s: taken as vllm serve takes them, and without meaning in a simulation", strings.Join(nothing, ", ")))
	}
	if len(missing) > 0 {
		notes = append(notes, fmt.Sprintf("%s: not simulated: a real engine may be faster or slower by it", strings.Join(missing, ", ")))
	}
	return notes
}

// Names lists the flags of a table.
func Names(t flags.Table) []string {
	var out []string
	for i := range t {
		out = append(out, "--"+t[i].Name)
	}
	slices.Sort(out)
	return out
}

// toolParsers are the names that --tool-call-parser may have.
func toolParsers() []string {
	return []string{
		"apertus", "cohere_command3", "cohere_command4", "deepseek_v3", "deepseek_v31", "deepseek_v32", "deepseek_v4", "ernie45", "functiongemma",
		"gemma4", "gigachat3", "glm45", "glm47", "granite", "granite-20b-fc", "granite4", "hermes", "hunyuan_a13b", "hy_v3", "internlm",
		"jamba", "kimi_k2", "lfm2", "llama3_json", "llama4_json", "llama4_pythonic", "longcat", "minimax", "minimax_m2", "mistral",
		"olmo3", "openai", "phi4_mini_json", "poolside_v1", "pythonic", "qwen3_coder", "qwen3_xml", "seed_oss", "step3", "step3p5", "xlam",
	}
}
