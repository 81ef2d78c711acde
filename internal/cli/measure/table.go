package measure

import (
	"tokmeter/internal/cli/flags"
)

// Table is the flags of bench serve.
func Table() flags.Table {
	var t flags.Table
	for _, part := range []flags.Table{
		serverFlags(), requestFlags(), samplingFlags(), arrivalFlags(), resultFlags(), limitFlags(), stopFlags(),
		datasetFlags(), datasetOptionFlags(), refusedDatasetFlags(),
	} {
		t = append(t, part...)
	}
	return t
}

func serverFlags() flags.Table {
	g := flags.GroupServer
	return flags.Table{
		{Name: "backend", Group: g, Default: "openai", Help: "API that the server is spoken to by: vLLM's names, or an engine's, which stands for what it understands.", Meta: "NAME",
			Choices: []string{"vllm", "openai", "openai-chat", "openai-responses", "sglang", "trtllm", "llama.cpp", "tgi", "ollama", "lmdeploy", "openai-audio", "openai-embeddings", "openai-embeddings-chat", "openai-embeddings-clip", "openai-embeddings-vlm2vec", "infinity-embeddings", "infinity-embeddings-clip", "vllm-pooling", "vllm-rerank"},
			Unbuilt: []string{"openai-audio", "openai-embeddings", "openai-embeddings-chat", "openai-embeddings-clip", "openai-embeddings-vlm2vec", "infinity-embeddings", "infinity-embeddings-clip", "vllm-pooling", "vllm-rerank"}},
		{Name: "base-url", Group: g, Meta: "URL", Help: "Where the server is, such as https://host:8443; in place of --host and --port."},
		{Name: "host", Group: g, Default: "127.0.0.1", Help: "Name or address of the server; IPv6 with or without brackets."},
		{Name: "port", Group: g, Kind: flags.Integer, Default: "8000", Help: "Port of the server."},
		{Name: "endpoint", Group: g, Default: "/v1/completions", Meta: "PATH", Help: "Path of the API, perhaps with a query. Follows --backend by itself where it is not given."},
		{Name: "header", Group: g, Kind: flags.Words, Meta: "KEY=VALUE", Help: "Headers of every request. They win over those that the backend and OPENAI_API_KEY set; x-request-id takes the place of the requests' own ids. Values are never written into files."},
		{Name: "api-key", Group: g, Origin: flags.Own, Meta: "KEY", Help: "Key of the server, sent as a bearer token; in place of OPENAI_API_KEY, which other users of the machine can't see. It is never written into files."},
		{Name: "no-probe", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "Do not ask the server for one token of a model that it does not list before the run."},
		{Name: "model", Group: g, Help: "Name of the model. Where it is not given, the first one that the server lists."},
		{Name: "served-model-name", Group: g, Meta: "NAME", Help: "Name of the model in requests, where the server knows it by another name than --model."},
		{Name: "insecure", Group: g, Kind: flags.Toggle, Help: "Accept any certificate of the server."},
		{Name: "ca-file", Group: g, Kind: flags.File, Origin: flags.Own, Help: "PEM file of certificates to trust beside the system's."},
		{Name: "client", Group: g, Default: "native", Origin: flags.Own, Choices: []string{"native", "std"}, Help: "HTTP client: native takes the kernel's time of arrival; std is Go's, for cross-checks, proxies and HTTP/2."},
		{Name: "reader", Group: g, Default: "auto", Origin: flags.Own, Choices: []string{"auto", "uring", "epoll", "go"}, Help: "How the native client reads: epoll has few threads read what is ready, in rounds; uring (Linux 6.1, where the container allows it) has the kernel read for them; go has a goroutine a stream, as TLS always has. The numbers do not depend on it, the client's CPU does."},
		{Name: "request-timeout-sec", Group: g, Kind: flags.Number, Default: "21600", Meta: "SEC", Origin: flags.Own, Help: "Limit for the whole of one request; 0 for none."},
		{Name: "ready-check-timeout-sec", Group: g, Kind: flags.Integer, Default: "0", Meta: "SEC", Help: "How long to wait for the server to come up and to answer a first request; 0 skips the check."},
		{Name: "cache", Group: g, Default: "keep", Origin: flags.Own, Choices: []string{"salt", "reset", "keep"}, Help: "Keep clear of the server's prefix cache: salt begins every prompt with a text of its own, reset asks the server to empty it before the measurement, keep does nothing."},
		{Name: "num-warmups", Group: g, Kind: flags.Integer, Default: "0", Help: "Requests that are sent before the measurement and not counted."},
		{Name: "profile", Group: g, Kind: flags.Toggle, Help: "Start vLLM's profiler before the measurement and stop it after; the server needs --profiler-config."},
		{Name: "simulate", Group: g, Kind: flags.Optional, Meta: "SPEC", Origin: flags.Own, Help: "Measure a simulated engine inside the binary, started for this run on a free port of the loopback. SPEC is GPU/MODEL or GPU/MODEL/PRECISION with settings by vLLM's names behind commas, such as a10g/llama-3-8b/int4,max_num_seqs=64; or set times, such as ttft=50ms,itl=20ms,jitter=0.1,seed=0. The result says that it is simulated."},
		{Name: "virtual", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "With --simulate GPU/MODEL: replay the engine on a virtual clock. No time passes and nothing is sent; block, result file and run directory are as on the wire."},
		{Name: "config", Group: g, Kind: flags.File, Origin: flags.Own, Help: "YAML file of flags, one name: value a line. Flags on the command line win."},
		{Name: "compat", Group: g, Origin: flags.Own, Choices: []string{"vllm"}, Help: "Reproduce the defects of vllm bench serve too, for numbers equal to its own."},
	}
}

func requestFlags() flags.Table {
	g := flags.GroupRequest
	return flags.Table{
		{Name: "ignore-eos", Group: g, Kind: flags.Toggle, Help: "Ask for answers of the full length. The datasets random and timed_trace always do."},
		{Name: "logprobs", Group: g, Kind: flags.Integer, Help: "Ask for this many log probabilities a token (completions only)."},
		{Name: "extra-body", Group: g, Kind: flags.Object, Help: "Members to put into every request body, last. A null leaves a member out that would be there, except under --compat vllm."},
		{Name: "content-as-string", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "Send the content of chat messages as a string, for servers that take no list of parts."},
		{Name: "chat-template-kwargs", Group: g, Kind: flags.Object, Help: "Variables for the chat template, where the dataset custom renders prompts."},
		{Name: "request-id-prefix", Group: g, Meta: "TEXT", Help: "What the x-request-id of each request begins with; its number follows. Where it is not given: bench-, eight random digits and a hyphen."},
		{Name: "lora-modules", Group: g, Kind: flags.Words1, Meta: "NAME", Help: "LoRA modules of the server; each request goes to one of them."},
		{Name: "lora-assignment", Group: g, Default: "random", Choices: []string{"random", "round-robin"}, Help: "How requests are given to LoRA modules."},
		{Name: "prompt-token-ids", Group: g, Kind: flags.Toggle, Origin: flags.Rust, Help: "Send prompts as token ids in place of text (completions only)."},
		{Name: "use-beam-search", Group: g, Kind: flags.Toggle, Help: "Beam search.", Refused: "vllm takes this flag and does nothing with it; send what your server wants by --extra-body"},
	}
}

func samplingFlags() flags.Table {
	g := flags.GroupSampling
	return flags.Table{
		{Name: "top-p", Group: g, Kind: flags.Number, Help: "top_p of every request."},
		{Name: "top-k", Group: g, Kind: flags.Integer, Help: "top_k of every request."},
		{Name: "min-p", Group: g, Kind: flags.Number, Help: "min_p of every request."},
		{Name: "temperature", Group: g, Kind: flags.Number, Help: "temperature of every request; the server decides where it is not given."},
		{Name: "frequency-penalty", Group: g, Kind: flags.Number, Help: "frequency_penalty of every request."},
		{Name: "presence-penalty", Group: g, Kind: flags.Number, Help: "presence_penalty of every request."},
		{Name: "repetition-penalty", Group: g, Kind: flags.Number, Help: "repetition_penalty of every request."},
	}
}

func arrivalFlags() flags.Table {
	g := flags.GroupArrival
	return flags.Table{
		{Name: "request-rate", Group: g, Kind: flags.Number, Default: "inf", Help: "Requests per second; inf sends all at once."},
		{Name: "burstiness", Group: g, Kind: flags.Number, Default: "1.0", Help: "Shape of the gamma distribution between arrivals: 1 is Poisson, less is more bursty, more is more even, inf is even."},
		{Name: "max-concurrency", Group: g, Kind: flags.Integer, Help: "Requests that may be in flight at once; later ones wait in the client."},
		{Name: "ramp-up-strategy", Group: g, Choices: []string{"linear", "exponential"}, Help: "Raise the rate over the run; needs both ends and no --request-rate."},
		{Name: "ramp-up-start-rps", Group: g, Kind: flags.Integer, Help: "Rate at the first request."},
		{Name: "ramp-up-end-rps", Group: g, Kind: flags.Integer, Help: "Rate at the last request."},
		{Name: "self-timed", Group: g, Kind: flags.ToggleNo, Help: "Send at the times that the dataset carries. On for timed_trace and requests, which alone have times."},
		{Name: "probe-request-rate", Group: g, Kind: flags.Number, Default: "0.0", Help: "Rate of one-token probes beside the load.", Refused: "probes are not built"},
	}
}

func resultFlags() flags.Table {
	g := flags.GroupResult
	return flags.Table{
		{Name: "percentile-metrics", Group: g, Meta: "LIST", Help: "Metrics to report, of ttft, tpot, itl, e2el, client_queue_time and e2el_including_client_queue, split by commas. Where it is not given: ttft,tpot,itl."},
		{Name: "metric-percentiles", Group: g, Default: "99", Meta: "LIST", Help: "Percentiles of each metric, split by commas."},
		{Name: "goodput", Group: g, Kind: flags.Words1, Meta: "METRIC:MS", Help: "Limits that a good request keeps: ttft, tpot or e2el in milliseconds, such as ttft:200 tpot:50."},
		{Name: "goal", Group: g, Origin: flags.Own, Meta: "LIMITS", Help: "End with exit code 3 where the run misses one of these limits, split by commas: ttft, tpot or e2el with _mean, _median or a percentile; request_throughput, output_throughput, goodput, success. Such as \"ttft_p99<500ms, success>99%\". A failed request is over every limit of a latency."},
		{Name: "save-result", Group: g, Kind: flags.Toggle, Help: "Write the result as JSON."},
		{Name: "save-detailed", Group: g, Kind: flags.Toggle, Help: "Write every request's numbers and text into the result too."},
		{Name: "append-result", Group: g, Kind: flags.Toggle, Help: "Append the result to the file, one a line."},
		{Name: "result-dir", Group: g, Kind: flags.Folder, Help: "Folder of the result; made where it is missing. Where it is not given: the current one."},
		{Name: "result-filename", Group: g, Kind: flags.File, Help: "Name of the result. Where it is not given it is made of label, rate, model and time."},
		{Name: "label", Group: g, Help: "Label of the result, and the beginning of its name; the backend where it is not given."},
		{Name: "metadata", Group: g, Kind: flags.Words, Meta: "KEY=VALUE", Help: "Members to put into the result."},
		{Name: "record-dir", Group: g, Kind: flags.Folder, Origin: flags.Own, Help: "Folder of the run's records. Where it is not given one is made for each run."},
		{Name: "verbose", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "Print every section of the result whole. Without it the block of vllm bench serve is followed by a line for each section and each warning. The result file has all of it either way."},
		{Name: "no-record", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "Keep no records of the run."},
		{Name: "disable-tqdm", Group: g, Kind: flags.Toggle, Help: "The same as --no-live."},
		{Name: "no-live", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "Show no progress."},
		{Name: "plot-timeline", Group: g, Kind: flags.Toggle, Help: "HTML timeline of the requests.", Refused: "plots are not built"},
		{Name: "timeline-itl-thresholds", Group: g, Default: "25,50", Meta: "MS,MS", Help: "Limits of the timeline's colours.", Refused: "plots are not built"},
		{Name: "plot-dataset-stats", Group: g, Kind: flags.Toggle, Help: "Picture of the dataset's lengths.", Refused: "plots are not built"},
	}
}
