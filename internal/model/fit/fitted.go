package fit

// Constants are those that are fitted. Where a card has kernel tables of its own
// they are the expectation, with a narrow spread; else its generation's are.
func Constants() []Constant {
	out := []Constant{
		amount("engines/vllm-v0-2024/host_ms", 6, 1.5, 1, "a step of one sequence: from nothing to what RFC 6854 of vLLM saw idle"),
		amount("engines/vllm-v0-2024/host_seq_us", 200, 60, 30, "Python's work on a sequence: samplers, block tables, detokenization"),
		amount("engines/vllm-v1/host_ms", 3, 1, 0.5, "a step of one sequence: 1.0 to 1.5 by vLLM's CI of late 2024"),
		amount("engines/vllm-v1/host_seq_us", 60, 10, 10, "persistent batches leave a sequence little work"),
		amount("engines/vllm-v1/frontend_ms", 10, 3, 2, "HTTP, parsing and two processes"),
		amount("engines/vllm-v1/frontend_token_us", 12, 3, 2, "tokenizers encode 100 to 500 thousand tokens a second"),
		share("cards/rtx-a6000/kernels/gemm/bf16/bytes", 0.88, 0.08, "GDDR6 without ECC"),
		share("cards/rtx-a6000/kernels/gemm/bf16/flops", 0.78, 0.08, "A40's table"),
		sharpness("cards/rtx-a6000/kernels/gemm/bf16/sharpness"),
		share("cards/a10g/kernels/gemm/bf16/bytes", 0.80, 0.08, "GDDR6 with ECC; A40's table"),
		sharpness("cards/a10g/kernels/gemm/bf16/sharpness"),
		share("cards/a100-sxm-80/kernels/gemm/bf16/bytes", 0.84, 0.03, "75 tokens/s of one stream on the 40 GB card; kernel tables of aiconfigurator"),
		share("cards/l40s/kernels/gemm/bf16/bytes", 0.82, 0.08, "GDDR6 with ECC; kernel tables of aiconfigurator"),
		share("cards/l4/kernels/gemm/bf16/bytes", 0.88, 0.08, "GDDR6 with ECC, little bandwidth for the units that ask for it"),
		share("cards/h100-sxm/kernels/gemm/bf16/bytes", 0.90, 0.05, "kernel tables of aiconfigurator"),
		share("cards/h100-sxm/kernels/decode/bytes", 0.90, 0.05, "kernel tables of aiconfigurator"),
		factor("roads/pcie/share", 0.45, "13 to 16 of 32 GB/s"),
		amount("roads/pcie/fall", 1.5, 0.5, 0.3, "no more than all links through one root"),
		factor("roads/pcie-host/share", 0.3, "through the host's memory each byte goes twice"),
		amount("roads/pcie-host/fall", 1.5, 0.65, 0.3, "no more than all links through one root"),
		factor("generic/gemm/gptq/bytes", 0.8, "writing weights out moves bytes as any kernel does"),
	}
	for _, arch := range []string{"ampere", "ada", "hopper"} {
		kernels := []string{"w8a16", "w4a16"}
		if arch == "ampere" {
			kernels = append(kernels, "fp8w16")
		}
		for _, kernel := range kernels {
			path := "arch/" + arch + "/gemm/" + kernel + "/"
			out = append(out, marlin(path+"bytes", 0.95, "Marlin reads as bf16 kernels do (arXiv 2408.11743)"),
				factor(path+"flops", 0.9, "Marlin multiplies as bf16 kernels do, less unpacking (arXiv 2408.11743)"),
				amount(path+"again", 1.5, 0.8, 0.3, "what the cache holds is not read again; unpacked it is"))
		}
	}
	for _, kernel := range []string{"ampere/gemm/w8a8", "ada/gemm/w8a8", "ada/gemm/fp8"} {
		path := "arch/" + kernel + "/"
		out = append(out, factor(path+"bytes", 0.9, "CUTLASS beside cuBLAS"), factor(path+"flops", 0.8, "CUTLASS beside cuBLAS"),
			amount(path+"floor_us", 40, 10, 6, "scales of activations are found by a kernel of its own"))
	}
	return out
}

// share is a constant that is a share of a rate of the card.
func share(path string, prior, spread float64, reason string) Constant {
	return Constant{Path: path, Low: 0.4, High: 1, Prior: prior, Spread: spread, Reason: reason}
}

// factor is a constant that is a multiple of another kernel's or link's.
func factor(path string, prior float64, reason string) Constant {
	return Constant{Path: path, Low: 0.15, High: 1.15, Prior: prior, Spread: 0.15, Reason: reason}
}

// marlin is a factor that is known to be near 1.
func marlin(path string, prior float64, reason string) Constant {
	c := factor(path, prior, reason)
	c.Spread = 0.06
	return c
}

// amount is a constant from nothing up.
func amount(path string, high, prior, spread float64, reason string) Constant {
	return Constant{Path: path, Low: 0, High: high, Prior: prior, Spread: spread, Reason: reason}
}

func sharpness(path string) Constant {
	return Constant{Path: path, Low: 1, High: 10, Prior: 3, Spread: 0.4, Reason: "from the sum of bytes and operations to the longer one alone"}
}
