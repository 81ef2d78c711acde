package fit

// Constants is what is fitted, with the range of each and its reason.
func Constants() []Constant {
	share := func(path string, prior float64, reason string) Constant {
		return Constant{Path: path, Low: 0.15, High: 1, Prior: prior, Spread: 0.08, Reason: reason}
	}
	rel := func(path string, prior float64, reason string) Constant {
		return Constant{Path: path, Low: 0.15, High: 1.15, Prior: prior, Spread: 0.15, Reason: reason}
	}
	q := func(path string, prior float64) Constant {
		return Constant{Path: path, Low: 1, High: 10, Prior: prior, Spread: 0.4, Reason: "from a plain sum to the longer one alone"}
	}
	us := func(path string, high, prior, spread float64, reason string) Constant {
		return Constant{Path: path, Low: 0, High: high, Prior: prior, Spread: spread, Reason: reason}
	}
	out := []Constant{
		us("engines/vllm-v0-2024/host_ms", 6, 1.5, 1, "single streams"),
		us("engines/vllm-v0-2024/host_seq_us", 200, 60, 30, "a hundred at once"),
		us("engines/vllm-v1/host_ms", 3, 1, 0.5, ""),
		us("engines/vllm-v1/host_seq_us", 60, 10, 10, ""),
		us("engines/vllm-v1/frontend_ms", 10, 3, 2, ""),
		us("engines/vllm-v1/frontend_token_us", 12, 3, 2, ""),
		share("cards/rtx-a6000/kernels/gemm/bf16/bytes", 0.88, ""), q("cards/rtx-a6000/kernels/gemm/bf16/sharpness", 3), share("cards/rtx-a6000/kernels/gemm/bf16/flops", 0.78, ""),
		share("cards/a10g/kernels/gemm/bf16/bytes", 0.80, ""), q("cards/a10g/kernels/gemm/bf16/sharpness", 3),
		share("cards/a100-sxm-80/kernels/gemm/bf16/bytes", 0.80, ""),
		share("cards/l40s/kernels/gemm/bf16/bytes", 0.82, ""),
		share("cards/h100-sxm/kernels/gemm/bf16/bytes", 0.90, ""), share("cards/h100-sxm/kernels/decode/bytes", 0.9, ""),
		share("cards/l4/kernels/gemm/bf16/bytes", 0.88, ""),
		rel("roads/pcie/share", 0.45, ""), us("roads/pcie/fall", 1.5, 0.5, 0.3, ""),
		rel("roads/pcie-host/share", 0.27, ""), us("roads/pcie-host/fall", 1.5, 0.65, 0.3, ""),
		rel("generic/gemm/gptq/bytes", 0.7, ""), rel("generic/gemm/gptq/flops", 0.6, ""), us("generic/gemm/gptq/again", 1, 0.3, 0.2, ""),
	}
	for _, a := range []string{"ampere", "ada", "hopper"} {
		for _, k := range []string{"w8a16", "w4a16"} {
			p := "arch/" + a + "/gemm/" + k + "/"
			out = append(out, rel(p+"bytes", 0.93, ""), rel(p+"flops", 0.9, ""), us(p+"again", 1.2, 0.8, 0.3, ""))
		}
	}
	for _, a := range []string{"ampere/gemm/w8a8", "ada/gemm/w8a8", "ada/gemm/fp8"} {
		p := "arch/" + a + "/"
		out = append(out, rel(p+"bytes", 0.9, ""), rel(p+"flops", 0.8, ""), us(p+"floor_us", 40, 10, 6, ""))
	}
	return out
}
