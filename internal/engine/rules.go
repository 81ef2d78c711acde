package engine

import "strings"

// factRules is what lines of the logs of vLLM (0.4 to 0.32), SGLang,
// TensorRT-LLM and llama.cpp tell. The test data has true lines for most.
var factRules = []factRule{
	// vLLM.
	rule("Initializing a", `Initializing an? (?:V\d )?LLM engine \(v([^)]+)\) with config: (.*)`, func(f *Facts, m []string) {
		set(&f.Engine, "vllm")
		set(&f.Version, m[1])
		vllmConfig(f, m[2])
	}),
	rule("LLM API server version", `vLLM API server version (\S+)`, func(f *Facts, m []string) {
		set(&f.Engine, "vllm")
		set(&f.Version, m[1])
	}),
	rule("  version ", `█  version (\d\S*)$`, func(f *Facts, m []string) {
		set(&f.Engine, "vllm")
		set(&f.Version, m[1])
	}),
	rule("Resolved architecture", `Resolved architecture: (\w+)`, func(f *Facts, m []string) { set(&f.Architecture, m[1]) }),
	rule("Using max model len", `Using max model len (\d+)`, func(f *Facts, m []string) { setN(&f.MaxModelLen, number(m[1])) }),
	rule("KV cache size", `KV cache size: ([\d,]+) tokens`, func(f *Facts, m []string) { setN(&f.KVTokens, number(m[1])) }),
	rule("GPU blocks: ", `# (?:GPU|cuda|CPU|cpu) blocks: (\d+)`, func(f *Facts, m []string) { setN(&f.KVBlocks, number(m[1])) }),
	rule("Model loading took", `Model loading took ([\d.]+) (GiB|GB)`, func(f *Facts, m []string) { f.WeightBytes = max(f.WeightBytes, bytesOf(m[1], m[2])) }),
	rule("Loading model weights took", `Loading model weights took ([\d.]+) (GiB|GB)`, func(f *Facts, m []string) { f.WeightBytes = max(f.WeightBytes, bytesOf(m[1], m[2])) }),
	rule("attention backend", `Using (?:AttentionBackendEnum\.)?([\w.]+) attention backend out of potential`, func(f *Facts, m []string) { set(&f.Attention, m[1]) }),
	rule("backend", `(?:cuda|rocm|cpu|xpu|selector)\.py:\d+\] Using (Flash ?Attention|XFormers|FlashInfer|FlashMLA|CUTLASS MLA|Triton(?: MLA)?|Torch SDPA|Flex ?Attention|ROCmFlashAttention|Pallas)(?: backend| MLA backend)`, func(f *Facts, m []string) {
		set(&f.Attention, m[1])
	}),
	rule(" for ", `(?:Using|Selected) (\w*Kernel\w*) for (\w+)`, func(f *Facts, m []string) { add(&f.Kernels, m[1]+" for "+m[2]) }),
	rule(" kernel", `Using (gptq_marlin|awq_marlin|gptq_marlin_24|marlin|machete|gptq_bitblas) kernel`, func(f *Facts, m []string) { add(&f.Kernels, m[1]) }),
	rule("MoE", `Using '?([\w.]+)'? (?:\w+ ){0,2}(?:MoE|MOE) backend`, func(f *Facts, m []string) { add(&f.Kernels, m[1]+" MoE") }),
	rule("Marlin backend", `Using (Marlin) backend`, func(f *Facts, m []string) { add(&f.Kernels, m[1]) }),
	rule("Experts", `Using (\w+Experts\w*) for (.+? MoE)`, func(f *Facts, m []string) { add(&f.Kernels, m[1]+" for "+m[2]) }),
	rule("FP8 compression", `Weight-only FP8 compression will be used leveraging the Marlin kernel`, func(f *Facts, m []string) {
		add(&f.Kernels, "FP8 Marlin (weight-only)")
		add(&f.Doubts, "the card has no FP8 units: weights are FP8, products are not (Marlin)")
	}),
	rule("FP4 compression", `Weight-only FP4 compression will be used leveraging the Marlin kernel`, func(f *Facts, m []string) {
		add(&f.Kernels, "FP4 Marlin (weight-only)")
		add(&f.Doubts, "the card has no FP4 units: weights are FP4, products are not (Marlin)")
	}),
	rule("not fully optimized", `(\w+) quantization is not fully optimized yet`, func(f *Facts, m []string) {
		set(&f.Quantization, m[1])
		add(&f.Doubts, m[1]+" quantization is not fully optimized yet, says the log: it can be slower than no quantization")
	}),
	rule("however you specified quantization", `can run with (\w+), however you specified quantization=(\w+) explicitly`, func(f *Facts, m []string) {
		add(&f.Kernels, m[2])
		add(&f.Doubts, "quantization="+m[2]+" was asked for: "+m[1]+" would be the faster kernel")
	}),
	rule("xllama", `(?i)(exllama(?:v?2)?)(?: kernels?| linear|LinearKernel)`, func(f *Facts, m []string) {
		if !strings.Contains(strings.Join(f.Kernels, " "), "llama") {
			add(&f.Kernels, "ExLlama")
		}
	}),
	rule("Enforce eager", `Enforce eager set`, func(f *Facts, m []string) { f.Eager = true }),
	rule("default W8A8 Block FP8", `Using default W8A8 Block FP8 kernel config`, func(f *Facts, m []string) {
		add(&f.Doubts, "no tuned configuration of the block FP8 kernel for this card")
	}),

	// SGLang.
	rule("server_args=", `server_args=ServerArgs\((.*)`, func(f *Facts, m []string) {
		set(&f.Engine, "sglang")
		sglangArgs(f, m[1])
	}),
	rule("Load weight end", `Load weight end\..*?\btype=(\w+)`, func(f *Facts, m []string) {
		set(&f.Engine, "sglang")
		set(&f.Architecture, m[1])
	}),
	rule("Load weight end", `Load weight end\..*\bdtype=torch\.(\w+)`, func(f *Facts, m []string) { set(&f.DType, m[1]) }),
	rule("Load weight end", `Load weight end\..*\bquant=(\w+)`, func(f *Facts, m []string) { set(&f.Quantization, m[1]) }),
	rule("mem usage=", `Load weight end.*mem usage=([\d.]+) (GB)`, func(f *Facts, m []string) { f.WeightBytes = max(f.WeightBytes, bytesOf(m[1], m[2])) }),
	rule("KV Cache is allocated", `KV Cache is allocated\..*?#tokens: (\d+)`, func(f *Facts, m []string) { setN(&f.KVTokens, number(m[1])) }),
	rule("KV Cache is allocated", `KV Cache is allocated\. dtype: torch\.(\w+)`, func(f *Facts, m []string) { set(&f.KVDType, m[1]) }),
	rule("max_total_num_tokens=", `max_total_num_tokens=(\d+), .*context_len=(\d+)`, func(f *Facts, m []string) {
		setN(&f.KVTokens, number(m[1]))
		setN(&f.MaxModelLen, number(m[2]))
	}),
	rule("ttention backend", `Attention backend not (?:set|explicitly specified)\. Use (\w+) backend by default`, func(f *Facts, m []string) { set(&f.Attention, m[1]) }),

	// TensorRT-LLM.
	rule("TensorRT-LLM version", `TensorRT-LLM version: ?(\S+)`, func(f *Facts, m []string) {
		set(&f.Engine, "tensorrt-llm")
		set(&f.Version, m[1])
	}),
	rule("max tokens in paged KV cache", `for max tokens in paged KV cache \((\d+)\)`, func(f *Facts, m []string) {
		set(&f.Engine, "tensorrt-llm")
		setN(&f.KVTokens, number(m[1]))
	}),
	rule("Max tokens in paged KV cache", `Max tokens in paged KV cache: (\d+)`, func(f *Facts, m []string) {
		set(&f.Engine, "tensorrt-llm")
		setN(&f.KVTokens, number(m[1]))
	}),
	rule("Number of tokens per block", `Number of tokens per block: (\d+)`, func(f *Facts, m []string) { setN(&f.BlockSize, number(m[1])) }),
	rule("Loaded engine size", `Loaded engine size: (\d+) (MiB)`, func(f *Facts, m []string) { f.WeightBytes = max(f.WeightBytes, bytesOf(m[1], m[2])) }),

	// llama.cpp.
	rule("build", `^(?:.* )?build(?:_info)?: (b?\d+(?:-\w+| \([0-9a-f]+\)))`, func(f *Facts, m []string) {
		set(&f.Engine, "llama.cpp")
		set(&f.Version, m[1])
	}),
	rule("arch ", `print_(?:info|meta): arch\s+= (\S+)`, func(f *Facts, m []string) { set(&f.Architecture, m[1]) }),
	rule("file type", `print_info: file type\s+= (.+)`, func(f *Facts, m []string) { set(&f.Quantization, m[1]) }),
	rule("model ftype", `print_meta: model ftype\s+= (.+)`, func(f *Facts, m []string) { set(&f.Quantization, m[1]) }),
	rule("print_info: file size", `print_info: file size\s+= ([\d.]+) (GiB|MiB)`, func(f *Facts, m []string) { f.WeightBytes = bytesOf(m[1], m[2]) }),
	rule("compute capability", `Device \d+: (.+?), compute capability [\d.]+`, func(f *Facts, m []string) {
		set(&f.Engine, "llama.cpp")
		add(&f.Cards, m[1])
	}),
	rule("GPU name", `ggml_metal_\w+: GPU name:\s+(.+)`, func(f *Facts, m []string) { add(&f.Cards, m[1]) }),
	rule("buffer size", `load_tensors:\s+(CUDA|ROCm|Vulkan|Metal|SYCL|CANN|CPU_REPACK|CPU_AARCH64|CPU|AMX)\w*(?: model)? buffer size`, func(f *Facts, m []string) {
		set(&f.Engine, "llama.cpp")
		add(&f.Kernels, "llama.cpp "+m[1])
	}),
	rule("offloaded", `offloaded (\d+)/(\d+) layers to GPU`, func(f *Facts, m []string) {
		if m[1] != m[2] {
			add(&f.Doubts, "only "+m[1]+" of "+m[2]+" layers are on the GPU")
		}
	}),
	rule("repack tensor", `repack: repack tensor \S+ with (\w+)`, func(f *Facts, m []string) { add(&f.Kernels, "llama.cpp repack "+m[1]) }),
	rule("flash_attn", `flash_attn\s+= (1|enabled|true)`, func(f *Facts, m []string) { set(&f.Attention, "llama.cpp flash attention") }),
	rule("n_ctx_slot = ", `n_ctx_slot = (\d+)`, func(f *Facts, m []string) {
		set(&f.Engine, "llama.cpp")
		setN(&f.MaxModelLen, number(m[1]))
	}),
	rule("KV buffer size", `(\w+) KV buffer size`, func(f *Facts, m []string) { set(&f.Engine, "llama.cpp") }),
	rule("K (", `K \((\w+)\):\s+[\d.]+ MiB, V \(`, func(f *Facts, m []string) { set(&f.KVDType, m[1]) }),
	rule("kv_cache: size", `kv_cache: size =\s+[\d.]+ MiB \(\s*(\d+) cells`, func(f *Facts, m []string) { setN(&f.KVTokens, number(m[1])) }),

	// Ours.
	rule("tokmeter sim", `tokmeter sim (\d\S*)`, func(f *Facts, m []string) {
		set(&f.Engine, "tokmeter")
		set(&f.Version, m[1])
	}),
}

// vllmConfig reads the arguments of the line that vLLM's engine begins with.
func vllmConfig(f *Facts, s string) {
	set(&f.DType, strings.TrimPrefix(option(s, "dtype"), "torch."))
	set(&f.Quantization, option(s, "quantization"))
	if d := option(s, "kv_cache_dtype"); d != "auto" {
		set(&f.KVDType, d)
	}
	if f.MaxModelLen == 0 {
		setN(&f.MaxModelLen, number(option(s, "max_seq_len")))
	}
	setN(&f.Parallel, number(option(s, "tensor_parallel_size")))
	f.Eager = f.Eager || option(s, "enforce_eager") == "True"
}

// sglangArgs reads the arguments of the line that SGLang begins with.
func sglangArgs(f *Facts, s string) {
	if d := option(s, "dtype"); d != "auto" {
		set(&f.DType, d)
	}
	set(&f.Quantization, option(s, "quantization"))
	if d := option(s, "kv_cache_dtype"); d != "auto" {
		set(&f.KVDType, d)
	}
	set(&f.Attention, option(s, "attention_backend"))
	setN(&f.MaxModelLen, number(option(s, "context_length")))
	setN(&f.Parallel, number(option(s, "tp_size")))
	f.Eager = f.Eager || option(s, "disable_cuda_graph") == "True"
}

// option is the value of name=value in a list that Python printed; "" where it
// is not there.
func option(s, name string) string {
	for from := 0; ; {
		i := strings.Index(s[from:], name+"=")
		if i < 0 {
			return ""
		}
		i += from
		if i > 0 && s[i-1] != ' ' && s[i-1] != ',' && s[i-1] != '(' {
			from = i + len(name)
			continue
		}
		v := s[i+len(name)+1:]
		end := strings.IndexAny(v, ",) ")
		if end >= 0 {
			v = v[:end]
		}
		return strings.Trim(v, `'"`)
	}
}
