package engine

import (
	"regexp"
	"strings"
)

// A Trouble is a common reason why an engine does not come up.
type Trouble string

// The troubles that logs tell of.
const (
	CardMemory  Trouble = "out of GPU memory"
	HostMemory  Trouble = "out of host memory"
	SmallCache  Trouble = "KV cache too small"
	PortTaken   Trouble = "port taken"
	BadQuant    Trouble = "unsupported quantization"
	OldCard     Trouble = "unsupported card"
	Gated       Trouble = "gated model"
	NoHub       Trouble = "no model hub"
	NoCard      Trouble = "no GPU"
	NoModule    Trouble = "missing module"
	NoModel     Trouble = "model not found"
	BadArgument Trouble = "unknown argument"
	BadFile     Trouble = "broken model file"
	BadModel    Trouble = "unsupported model"
	NoProgram   Trouble = "program not found"
	NoDisk      Trouble = "disk full"
	LongContext Trouble = "context longer than the model's"
)

// A Cause is the reason that a log names, with the user's next step.
type Cause struct {
	Trouble Trouble
	Line    string // of the log, bare; "" where only the exit tells
	Hint    string
}

// A causeRule finds a trouble by an expression in one line.
type causeRule struct {
	trouble Trouble
	re      *regexp.Regexp
	hint    string
}

func cause(t Trouble, hint, re string) causeRule { return causeRule{t, regexp.MustCompile(re), hint} }

const (
	hintMemory  = "give it less: a smaller --gpu-memory-utilization (SGLang: --mem-fraction-static), --max-model-len or --max-num-seqs; and look with nvidia-smi for a process that holds the card"
	hintHost    = "the machine's memory is full: take a smaller model or --swap-space 0, or raise the container's limit"
	hintCache   = "set --max-model-len (SGLang: --context-length, TensorRT-LLM: --max_seq_len) to what the workload needs, or give the cache more memory"
	hintPort    = "leave the port out to get a free one, or stop what holds it"
	hintQuant   = "take a checkpoint whose format this engine knows, or set --quantization to one that it lists"
	hintOld     = "this card is too old for that format or type: take another format, or --dtype half"
	hintGated   = "accept the model's terms at its hub page and set HF_TOKEN, or name a folder that has the model"
	hintHub     = "name a folder that has the model, or fetch it first; unset HF_HUB_OFFLINE where the network is there"
	hintCard    = "check nvidia-smi, the driver and CUDA_VISIBLE_DEVICES; on a machine without a GPU take the engine's CPU build"
	hintModule  = "install it in the environment that the command runs in, or name that environment's program with its full path"
	hintProgram = "install it in the environment that the command runs in, or write its full path; a script needs chmod +x"
	hintModel   = "check the name or path of the model; a relative path counts from the engine's working directory"
	hintArg     = "compare with the engine's --help: versions differ in their options"
	hintFile    = "fetch the file again and compare its size with the hub's"
	hintArch    = "take a newer engine, or --trust-remote-code where the model brings its own code"
	hintLong    = "set --max-model-len to at most what the model was trained for"
	hintDisk    = "free some space, or move HF_HOME to another disk"
)

// causeRules is in the order of trust: where a log fits several, the first rule
// counts, because engines print what follows from a cause after it, in other
// words. Each has a true line in the test data.
var causeRules = []causeRule{
	cause(NoDisk, hintDisk, `No space left on device|\[Errno 28\]`),
	cause(PortTaken, hintPort, `(?i)\[Errno (?:98|48|10048)\]|address already in use|EADDRINUSE|couldn't bind HTTP server socket|Only one usage of each socket address`),
	cause(SmallCache, hintCache, `KV cache is needed, which is larger than the available KV cache memory|larger than the maximum number of tokens that can be stored in KV cache|No available memory for the cache blocks|Not enough memory\. Please try to increase --mem-fraction-static|maxTokensInPagedKvCache .*must be large enough|maximum number of tokens in KV cache is too small`),
	cause(CardMemory, hintMemory, `CUDA out of memory|torch(?:\.cuda)?\.OutOfMemoryError|cudaMalloc failed: out of memory|CUDA error: out of memory|HIP out of memory|unable to allocate (?:CUDA|ROCm|Vulkan|Metal|SYCL)\d* buffer|Free memory on device .* is less than desired GPU memory utilization|cudaErrorMemoryAllocation|ErrorOutOfDeviceMemory|kIOGPUCommandBufferCallbackErrorOutOfMemory`),
	cause(HostMemory, hintHost, `DefaultCPUAllocator: (?:can't allocate memory|not enough memory)|Cannot allocate memory|unable to allocate (?:CPU\w*|CUDA_Host) buffer|^MemoryError$|std::bad_alloc|Out of memory: Killed process|Not enough memory for the KV cache on node|failed to allocate (?:\w+ )?buffer of size`),
	cause(OldCard, hintOld, `(?i)is not supported for the current GPU|min(?:imum)? capability:? ?\d+.*current capability|Bfloat16 is only supported on GPUs with compute capability|no kernel image is available for execution|not supported in this architecture\. The supported fp8|FP8 .*requires? (?:compute capability|.*sm_?\d\d)|requires? (?:a )?GPU with compute capability|compute capability \S+ (?:is )?not supported`),
	cause(Gated, hintGated, `Cannot access gated repo|You are trying to access a gated repo|GatedRepoError|Access to model \S+ is restricted|401 Client Error|403 Client Error|Invalid user token`),
	cause(NoModel, hintModel, `Repository Not Found for url|RepositoryNotFoundError|is not a local folder and is not a valid model identifier|Repo id must be in the form|HFValidationError|Incorrect path_or_model_id|failed to open GGUF file|error while handling argument "-m"|does not appear to have a file named config\.json|No such file or directory: '[^']*config\.json'|gguf_init_from_file: failed to open|404 Client Error|Unrecognized model in`),
	cause(NoHub, hintHub, `couldn't connect to 'https?://|OfflineModeIsEnabled|offline mode is enabled|LocalEntryNotFoundError|Failed to resolve '|Temporary failure in name resolution|Name or service not known|Max retries exceeded with url|outgoing traffic has been disabled|Network is unreachable`),
	cause(BadFile, hintFile, `SafetensorError|HeaderTooLarge|MetadataIncompleteBuffer|invalid magic characters|gguf_init_from_\w+: (?:failed to read|invalid)|tensor '[^']*' data is not within the file bounds|model is corrupted or incomplete|unexpected EOF`),
	cause(BadQuant, hintQuant, `(?i)unknown quantization method|quantization method specified in the model config .* does not match|invalid choice: .*quantization|argument --quantization|Input should be .*\[type=literal_error|is not a valid QuantizationMethods?|quantization method \S+ is not (?:supported|available)|No quantization config found|Failed to find a kernel that can implement|quantization \S+ is currently not supported|Cannot find the config file for (?:awq|gptq|\w+)|is not divisible by min_thread_[kn]`),
	cause(NoCard, hintCard, `Failed to infer device type|Found no NVIDIA driver|No CUDA GPUs are available|no CUDA-capable device is detected|CUDA driver version is insufficient|The NVIDIA driver on your system is too old|libcuda\.so\.1: cannot open|Torch not compiled with CUDA enabled|No accelerator \(CUDA|No supported GPU|NVML Shared Library Not Found|could not select device driver`),
	cause(NoModule, hintModule, `ModuleNotFoundError: No module named|ImportError: |error while loading shared libraries|undefined symbol: |cannot open shared object file`),
	cause(BadArgument, hintArg, `error: (?:unrecognized arguments|argument |ambiguous option|the following arguments are required|unknown argument)|error: invalid argument: |No such option: |unknown flag: |unexpected argument '`),
	cause(LongContext, hintLong, `is greater than the derived max_model_len|max_model_len .* is greater than`),
	cause(BadModel, hintArch, `Model architectures? \[.*\] (?:are|is) not supported|unknown model architecture|does not recognize this architecture|trust_remote_code=True|Unsupported architecture`),
	cause(NoProgram, hintProgram, `command not found|: not found$|^\S*(?:sh|env): (?:(?:line )?\d+: )?\S+: Permission denied$`),
}

// diagnose finds the reason for an engine's end in the last lines of its log;
// ok is false where no rule fits. Lines of warnings count only where nothing
// else does.
func diagnose(lines []string) (Cause, bool) {
	for _, warnings := range []bool{false, true} {
		for _, r := range causeRules {
			// From the end: an engine that tried twice tells of the last try.
			for i := len(lines) - 1; i >= 0; i-- {
				l := cut(lines[i], causeBytes)
				if isWarning(l) == warnings && r.re.MatchString(l) {
					return Cause{r.trouble, cut(Bare(l), 300), r.hint}, true
				}
			}
		}
	}
	return Cause{}, false
}

// causeBytes is how much of a line is looked at.
const causeBytes = 1000

func isWarning(line string) bool {
	return strings.Contains(line, "WARNING") || strings.Contains(line, "Warning:") || strings.Contains(line, "DEBUG")
}

// exitCause is the reason that an exit tells by itself, for a log that names
// none.
func exitCause(x Exit) (Cause, bool) {
	switch {
	case x.Signal == "killed" || x.Code == 137:
		return Cause{HostMemory, "", "nobody here sent SIGKILL: most often the kernel did for want of memory (see dmesg); " + hintHost}, true
	case x.Signal == "illegal instruction" || x.Code == 132:
		return Cause{OldCard, "", "the program was built for another processor: take a build for this one"}, true
	case x.Code == 127:
		return Cause{NoProgram, "", "the command names a program that is not there: " + hintProgram}, true
	case x.Code == 126:
		return Cause{NoProgram, "", "the command names a file that can't be run: " + hintProgram}, true
	}
	return Cause{}, false
}
