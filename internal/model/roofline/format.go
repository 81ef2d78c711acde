package roofline

import (
	"fmt"
	"slices"
	"strings"
)

// A format is how weights are stored and multiplied.
type format struct {
	name   string
	bytes  float64 // a weight, with its scales
	kernel string  // of GEMM
	peak   float64 // operations a second
	unit   string  // name of the peak
	expert bool    // only experts are stored so, where there are any
	weight bool    // weight-only: activations stay 16 bit
	head   float64 // bytes a weight of the output embedding; 0 for 16 bit
}

// Bytes a weight: 128 weights share a 16-bit scale in int8 and int4, and a 4-bit
// zero in int4; 32 share an 8-bit one in mxfp4, 16 in nvfp4.
const (
	bytesInt8  = 1 + 2.0/128
	bytesInt4  = 0.5 + 2.0/128 + 0.5/128
	bytesMXFP4 = 0.5 + 1.0/32
	bytesNVFP4 = 0.5 + 1.0/16
)

// Bytes a weight in GGUF, by the blocks of ggml-common.h: 32 weights share a
// 16-bit scale in Q8_0 and Q4_0; 256 share scales of two levels in the K formats.
const (
	bytesQ8_0 = 34.0 / 32
	bytesQ6_K = 210.0 / 256
	bytesQ5_K = 176.0 / 256
	bytesQ4_K = 144.0 / 256
	bytesQ4_0 = 18.0 / 32
)

// Precisions are the formats that New takes, most bytes first; those of GGUF
// come last.
func Precisions() []string {
	return []string{"fp32", "fp16", "bf16", "int8", "fp8", "w8a8", "nvfp4", "mxfp4", "int4", "q8_0", "q6_k", "q5_k", "q4_k", "q4_0"}
}

// NamePrecision turns what tools and checkpoints call a format into one of
// Precisions: gptq and awq are int4, fbgemm_fp8 is fp8, and so on. A mix of
// llama.cpp, such as Q4_K_M, is the format of most of its weights. "" stays "".
func NamePrecision(s string) (string, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "auto":
		return "", nil
	case "fp32", "float32", "f32":
		return "fp32", nil
	case "fp16", "float16", "half", "f16":
		return "fp16", nil
	case "bf16", "bfloat16":
		return "bf16", nil
	case "fp8", "fbgemm_fp8", "fp8_e4m3", "fp8-dynamic", "w8a8-fp8":
		return "fp8", nil
	case "int8", "w8a16", "gptq-8bit", "gptq-int8":
		return "int8", nil
	case "w8a8", "w8a8-int8", "int8-w8a8", "smoothquant":
		return "w8a8", nil
	case "int4", "w4a16", "gptq", "gptq_marlin", "awq", "awq_marlin", "gptq-4bit", "gptq-int4":
		return "int4", nil
	case "mxfp4":
		return "mxfp4", nil
	case "nvfp4", "modelopt_fp4", "nvfp4-w4a4", "fp4":
		return "nvfp4", nil
	case "q8_0", "q6_k", "q5_k", "q4_k", "q4_0":
		return strings.ToLower(strings.TrimSpace(s)), nil
	case "q5_k_m", "q5_k_s":
		return "q5_k", nil
	case "q4_k_m", "q4_k_s":
		return "q4_k", nil
	}
	return "", fmt.Errorf("precision %q is not known: use %s", s, strings.Join(Precisions(), ", "))
}

// formatOf is how a card computes a precision.
func formatOf(name string, c *Card) (format, error) {
	tera := func(q Quantity) float64 { return q.Value * 1e12 }
	switch name {
	case "fp32": // no format of a card has a lower rate: that of 16 bit is a bound
		return format{name: name, bytes: 4, kernel: "bf16", peak: tera(c.FP16), unit: "fp16", head: 4}, nil
	case "q8_0", "q6_k", "q5_k", "q4_k", "q4_0":
		return gguf(name, c), nil
	case "fp16", "bf16":
		if name == "bf16" && c.NoBF16 {
			return format{}, fmt.Errorf("%s has no bf16: use fp16", c.Name)
		}
		return format{name: name, bytes: 2, kernel: "bf16", peak: tera(c.FP16), unit: "fp16"}, nil
	case "fp8":
		if c.FP8.Value > 0 {
			return format{name: name, bytes: 1, kernel: "fp8", peak: tera(c.FP8), unit: "fp8"}, nil
		}
		return format{name: name, bytes: 1, kernel: "fp8w16", peak: tera(c.FP16), unit: "fp16", weight: true}, nil
	case "int8":
		return format{name: name, bytes: bytesInt8, kernel: "w8a16", peak: tera(c.FP16), unit: "fp16", weight: true}, nil
	case "w8a8":
		if c.Int8.Value == 0 {
			return format{}, fmt.Errorf("%s has no int8 tensor cores: use int8, whose arithmetic is 16 bit", c.Name)
		}
		return format{name: name, bytes: 1, kernel: "w8a8", peak: tera(c.Int8), unit: "int8"}, nil
	case "int4":
		return format{name: name, bytes: bytesInt4, kernel: "w4a16", peak: tera(c.FP16), unit: "fp16", weight: true}, nil
	case "nvfp4":
		f := format{name: name, bytes: bytesNVFP4, kernel: "mxfp4", peak: tera(c.FP16), unit: "fp16", weight: true}
		if c.FP4.Value > 0 {
			f.peak, f.unit, f.weight = tera(c.FP4), "fp4", false
		}
		return f, nil
	case "mxfp4":
		f := format{name: name, bytes: bytesMXFP4, kernel: "mxfp4", peak: tera(c.FP16), unit: "fp16", expert: true, weight: true}
		if c.FP4.Value > 0 {
			f.peak, f.unit, f.weight = tera(c.FP4), "fp4", false
		}
		return f, nil
	}
	return format{}, fmt.Errorf("precision %q is not known: use %s", name, strings.Join(Precisions(), ", "))
}

// KernelNames are what Setup.Kernel can be, as engines name them.
func KernelNames() []string {
	return []string{"marlin", "gptq_marlin", "awq_marlin", "machete", "cutlass", "gptq", "awq"}
}

// useKernel takes another kernel than the format's own. GPTQ's and AWQ's first
// kernels are slower than Marlin's by far and are kept apart from them; Machete
// and CUTLASS are what a format's constants on Hopper or of 8-bit activations
// were measured with.
func (f *format) useKernel(name string) error {
	switch {
	case name == "":
		return nil
	case !slices.Contains(KernelNames(), name):
		return fmt.Errorf("kernel %q is not known: use %s", name, strings.Join(KernelNames(), ", "))
	case name == "cutlass":
		return nil
	case !f.weight || f.name != "int4" && (f.name != "int8" || strings.HasPrefix(name, "awq")) && (name != "marlin" || f.name != "fp8"):
		return fmt.Errorf("kernel %s does not multiply %s weights", name, f.name)
	case name == "gptq" || name == "awq":
		f.kernel = name
	}
	return nil
}

// gguf is a format of llama.cpp's, in which the output embedding is stored too:
// its usual mixes keep more bits there, so that a limit is of the least bytes.
// Activations are made 8 bit where the card is faster so.
func gguf(name string, c *Card) format {
	f := format{name: name, kernel: "w4a16", peak: c.FP16.Value * 1e12, unit: "fp16", weight: true}
	if c.Int8.Value > c.FP16.Value {
		f.peak, f.unit, f.weight = c.Int8.Value*1e12, "int8", false
	}
	switch name {
	case "q8_0":
		f.bytes, f.kernel = bytesQ8_0, "w8a16"
	case "q6_k":
		f.bytes, f.kernel = bytesQ6_K, "w8a16"
	case "q5_k":
		f.bytes = bytesQ5_K
	case "q4_k":
		f.bytes = bytesQ4_K
	case "q4_0":
		f.bytes = bytesQ4_0
	}
	f.head = f.bytes
	return f
}
