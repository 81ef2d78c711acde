package measure

import (
	"tokmeter/internal/cli/flags"
)

const (
	noMedia = "multi-modal datasets are not built"
	noHF    = "the dataset hf is not built"
	noSpec  = "the dataset spec_bench is not built"
	noSpeed = "the dataset speed_bench is not built"
)

func datasetFlags() flags.Table {
	g := flags.GroupDataset
	return flags.Table{
		{Name: "dataset-name", Group: g, Default: "random", Meta: "NAME", Help: "Where prompts come from. With --dataset-path alone the file is recognised by its content.",
			Choices: []string{"sharegpt", "burstgpt", "random", "random-mm", "random-rerank", "hf", "custom", "custom_audio", "custom_image", "prefix_repetition", "spec_bench", "speed_bench", "timed_trace", "sonnet", "requests"},
			Unbuilt: []string{"random-mm", "random-rerank", "hf", "custom_audio", "custom_image", "spec_bench", "speed_bench"}},
		{Name: "dataset-path", Group: g, Kind: flags.File, Help: "File of the dataset."},
		{Name: "num-prompts", Group: g, Kind: flags.Integer, Default: "1000", Help: "How many requests to send; 0 takes every line of the datasets custom and requests. Where it is not given, requests takes all."},
		{Name: "seed", Group: g, Kind: flags.Integer, Default: "0", Help: "Seed of all that is random, 0 to 4294967295."},
		{Name: "input-len", Group: g, Kind: flags.Integer, Help: "Prompt length in tokens, for random and sonnet."},
		{Name: "output-len", Group: g, Kind: flags.Integer, Help: "Answer length in tokens, for random, sharegpt, custom, prefix_repetition and sonnet."},
		{Name: "max-model-len", Group: g, Kind: flags.Human, Origin: flags.Rust, Help: "Leave out requests whose prompt and answer together are longer than this many tokens."},
		{Name: "tokenizer", Group: g, Meta: "PATH", Help: "Name, folder or tokenizer.json of the tokenizer; the model's where it is not given."},
		{Name: "tokenizer-mode", Group: g, Default: "auto", Meta: "MODE", Help: "How the tokenizer is read; both read tokenizer.json.",
			Choices: []string{"auto", "hf", "mistral", "deepseek_v32"}, Unbuilt: []string{"mistral", "deepseek_v32"}},
		{Name: "trust-remote-code", Group: g, Kind: flags.Toggle, Help: "Taken for the sake of scripts: nothing here ever runs code that came with a model or dataset."},
		{Name: "skip-tokenizer-init", Group: g, Kind: flags.Toggle, Help: "Use no tokenizer: only custom and requests can do without."},
		{Name: "no-oversample", Group: g, Kind: flags.Toggle, Help: "Send fewer requests, and none twice, where the dataset is too small."},
		{Name: "disable-shuffle", Group: g, Kind: flags.Toggle, Help: "Keep the order of the dataset."},
		{Name: "skip-chat-template", Group: g, Kind: flags.Toggle, Help: "Send the prompts of custom as they stand."},
		{Name: "no-stream", Group: g, Kind: flags.Toggle, Help: "Load the dataset from the hub whole.", Refused: noHF},
		{Name: "enable-multimodal-chat", Group: g, Kind: flags.Toggle, Help: "Multi-modal chat messages.", Refused: noMedia},
		{Name: "dry-run", Group: g, Kind: flags.Toggle, Origin: flags.Rust, Help: "Build the workload, tell its size and ask no server."},
		{Name: "save-requests", Group: g, Kind: flags.File, Origin: flags.Own, Help: "Write the workload as JSON lines in order of sending; the dataset requests sends them again."},
	}
}

func datasetOptionFlags() flags.Table {
	const (
		custom   = "custom dataset options"
		share    = "sharegpt dataset options"
		trace    = "timed-trace dataset options"
		random   = "random dataset options"
		prefixes = "prefix repetition dataset options"
		sonnet   = "sonnet dataset options"
	)
	return flags.Table{
		{Name: "random-input-len", Group: random, Kind: flags.Integer, Default: "1024", Help: "Prompt length in tokens."},
		{Name: "random-output-len", Group: random, Kind: flags.Integer, Default: "128", Help: "Answer length in tokens."},
		{Name: "random-range-ratio", Group: random, Kind: flags.Ratio, Default: "0.0", Meta: "RATIO", Help: "How far lengths stray from their middle, in [0,1): one number, or {\"input\": X, \"output\": X}."},
		{Name: "random-prefix-len", Group: random, Kind: flags.Integer, Default: "0", Help: "Tokens at the beginning that all prompts share, beside their own length."},
		{Name: "random-batch-size", Group: random, Kind: flags.Integer, Default: "1", Help: "Prompts in one request."},
		{Name: "no-reranker", Group: random, Kind: flags.Toggle, Help: "The model is no reranker.", Refused: "the dataset random-rerank is not built"},

		{Name: "sharegpt-output-len", Group: share, Kind: flags.Integer, Help: "Answer length in tokens, in place of the recorded answer's."},

		{Name: "custom-output-len", Group: custom, Kind: flags.Integer, Default: "256", Help: "Answer length in tokens; -1 takes each line's output_tokens."},
		{Name: "custom-ensure-client-side-data", Group: custom, Kind: flags.Toggle, Help: "Send media inside the request.", Refused: noMedia},

		{Name: "prefix-repetition-prefix-len", Group: prefixes, Kind: flags.Integer, Default: "256", Help: "Length of each prefix in tokens."},
		{Name: "prefix-repetition-suffix-len", Group: prefixes, Kind: flags.Integer, Default: "256", Help: "Length of each prompt's own part in tokens."},
		{Name: "prefix-repetition-num-prefixes", Group: prefixes, Kind: flags.Integer, Default: "10", Help: "Number of prefixes; each serves num-prompts / num-prefixes requests."},
		{Name: "prefix-repetition-output-len", Group: prefixes, Kind: flags.Integer, Default: "128", Help: "Answer length in tokens."},

		{Name: "sonnet-input-len", Group: sonnet, Kind: flags.Integer, Default: "550", Origin: flags.Own, Help: "Prompt length in tokens."},
		{Name: "sonnet-output-len", Group: sonnet, Kind: flags.Integer, Default: "150", Origin: flags.Own, Help: "Answer length in tokens."},
		{Name: "sonnet-prefix-len", Group: sonnet, Kind: flags.Integer, Default: "200", Origin: flags.Own, Help: "Tokens of the prompt that all requests share."},

		{Name: "timed-trace-chunk-hash-size", Group: trace, Kind: flags.Integer, Default: "16", Help: "Tokens that one hash stands for: 512 in Mooncake's traces, 16 in Qwen's."},
		{Name: "timed-trace-sec-multiplier", Group: trace, Kind: flags.Number, Default: "1", Help: "Seconds in one unit of the timestamps: 0.001 where they are milliseconds."},
		{Name: "timed-trace-label-timestamp", Group: trace, Default: "timestamp", Meta: "KEY", Help: "Key of the timestamp."},
		{Name: "timed-trace-label-input-length", Group: trace, Default: "input_length", Meta: "KEY", Help: "Key of the prompt's length."},
		{Name: "timed-trace-label-output-length", Group: trace, Default: "output_length", Meta: "KEY", Help: "Key of the answer's length."},
		{Name: "timed-trace-label-hash-ids", Group: trace, Default: "hash_ids", Meta: "KEY", Help: "Key of the hashes."},
	}
}

// refusedDatasetFlags are of datasets that are not built.
func refusedDatasetFlags() flags.Table {
	const (
		spec  = "spec bench dataset options"
		speed = "speed bench dataset options"
		edit  = "blazedit dataset options"
		asr   = "asr dataset options"
		media = "random multimodal dataset options extended from random dataset"
		hf    = "hf dataset options"
		bfcl  = "BFCL dataset options"
	)
	return flags.Table{
		{Name: "random-mm-base-items-per-request", Group: media, Kind: flags.Integer, Default: "1", Help: "Images or videos in a request.", Refused: noMedia},
		{Name: "random-mm-num-mm-items-range-ratio", Group: media, Kind: flags.Number, Default: "0.0", Help: "How far their number strays.", Refused: noMedia},
		{Name: "random-mm-limit-mm-per-prompt", Group: media, Kind: flags.Object, Default: `{"image":255,"video":1}`, Help: "Most of each kind in a request.", Refused: noMedia},
		{Name: "random-mm-bucket-config", Group: media, Default: "{(256, 256, 1): 0.5, (720, 1280, 1): 0.5, (720, 1280, 16): 0.0}", Help: "Sizes and how often each comes.", Refused: noMedia},
		{Name: "hf-subset", Group: hf, Help: "Subset of the dataset.", Refused: noHF},
		{Name: "hf-split", Group: hf, Help: "Split of the dataset.", Refused: noHF},
		{Name: "hf-name", Group: hf, Help: "Name of the dataset.", Refused: noHF},
		{Name: "hf-output-len", Group: hf, Kind: flags.Integer, Help: "Answer length in tokens.", Refused: noHF},
		{Name: "bfcl-categories", Group: bfcl, Meta: "LIST", Help: "Categories, split by commas.", Refused: noHF},
		{Name: "blazedit-min-distance", Group: edit, Kind: flags.Number, Default: "0.0", Help: "Least distance of an edit.", Refused: noHF},
		{Name: "blazedit-max-distance", Group: edit, Kind: flags.Number, Default: "1.0", Help: "Greatest distance of an edit.", Refused: noHF},
		{Name: "asr-max-audio-len-sec", Group: asr, Kind: flags.Number, Default: "inf", Meta: "SEC", Help: "Longest audio.", Refused: noHF},
		{Name: "asr-min-audio-len-sec", Group: asr, Kind: flags.Number, Default: "0.0", Meta: "SEC", Help: "Shortest audio.", Refused: noHF},
		{Name: "spec-bench-output-len", Group: spec, Kind: flags.Integer, Default: "256", Help: "Answer length in tokens.", Refused: noSpec},
		{Name: "spec-bench-category", Group: spec, Help: "Category to take.", Refused: noSpec},
		{Name: "speed-bench-dataset-subset", Group: speed, Default: "qualitative", Meta: "NAME", Help: "Subset of the dataset.", Refused: noSpeed,
			Choices: []string{"qualitative", "throughput_1k", "throughput_2k", "throughput_8k", "throughput_16k", "throughput_32k"}},
		{Name: "speed-bench-output-len", Group: speed, Kind: flags.Integer, Default: "4096", Help: "Answer length in tokens.", Refused: noSpeed},
		{Name: "speed-bench-category", Group: speed, Help: "Category to take.", Refused: noSpeed},
	}
}
