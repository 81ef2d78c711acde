package table

import (
	"fmt"
	"math"
	"strings"
)

// slowKernel says what is slow about the kernels that a log names, comma
// between them; "" where nothing is known against them.
//
// From: vLLM's warnings that GPTQ, AWQ, GGUF and bitsandbytes without Marlin
// are not fully optimized, and llama.cpp's lists of the types that its CPU code
// repacks.
func slowKernel(v *Variant) string {
	names := strings.ToLower(v.Kernel)
	parts := strings.Split(names, ",")
	for _, p := range parts {
		p = strings.TrimSpace(p)
		fast := strings.Contains(p, "marlin") || strings.Contains(p, "machete") || strings.Contains(p, "bitblas") || strings.Contains(p, "cutlass")
		for _, slow := range []struct{ word, why string }{
			{"exllama", "ExLlama, which is made for one request at a time; Marlin is faster"},
			{"gptq", "GPTQ without Marlin"},
			{"awq", "AWQ without Marlin"},
			{"bitsandbytes", "bitsandbytes, which turns weights into 16 bit before each product"},
			{"bnb", "bitsandbytes, which turns weights into 16 bit before each product"},
			{"dequant", "a fallback that turns weights into 16 bit before each product"},
			{"fallback", "a fallback, says the log"},
			{"gguf", "GGUF in an engine whose kernels for it are not tuned"},
			{"not fully optimized", "a format that is not fully optimized, says the log"},
		} {
			if strings.Contains(p, slow.word) && !fast {
				return slow.why
			}
		}
	}
	return slowType(v, names)
}

// slowType knows the GGUF types for which a processor has no fast code.
func slowType(v *Variant, names string) string {
	if !strings.Contains(names, "llama.cpp") || !strings.Contains(names, "cpu") && !strings.Contains(names, "repack") {
		return ""
	}
	p := strings.ToUpper(v.Precision)
	switch {
	case strings.HasPrefix(p, "IQ") && p != "IQ4_NL":
		return "GGUF type " + p + ", which a processor unpacks by tables"
	case (p == "Q4_0" || p == "IQ4_NL") && !strings.Contains(names, "repack"):
		return "GGUF type " + p + " without repacking"
	}
	return ""
}

// wrongKernel holds where the log names a slow kernel and the speedup is far
// from the ratio of the limits.
func (c *court) wrongKernel(x *side) (Reason, bool) {
	why := slowKernel(&x.Variant)
	s := x.Speedup.Value
	if why == "" || x.Withheld != "" || math.IsNaN(s) {
		return Reason{}, false
	}
	switch {
	case x.LimitRatio >= someGain && !x.near():
		return reason(WrongKernel, fmt.Sprintf("the log names a slow kernel: %s (%s); the speedup is %.2f where %s is %.2f", x.Variant.Kernel, why, s, x.ratioWords(), x.LimitRatio),
			"speedup", s, "ceiling", x.LimitRatio), true
	case !(x.LimitRatio > 0) && s < unknownSlow, x.seen.High < 1:
		return reason(WrongKernel, fmt.Sprintf("the log names a slow kernel: %s (%s); the speedup is %s", x.Variant.Kernel, why, times(x.Speedup)), "speedup", s), true
	}
	return Reason{}, false
}
