package roofline

import (
	"fmt"
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
}

// Bytes a weight: 128 weights share a 16-bit scale in int8 and int4, and a 4-bit
// zero in int4; 32 share an 8-bit one in mxfp4.
const (
	bytesInt8  = 1 + 2.0/128
	bytesInt4  = 0.5 + 2.0/128 + 0.5/128
	bytesMXFP4 = 0.5 + 1.0/32
)

// Precisions are the formats that New takes, most bytes first.
func Precisions() []string {
	return []string{"fp16", "bf16", "int8", "fp8", "w8a8", "mxfp4", "int4"}
}

// NamePrecision turns what tools and checkpoints call a format into one of
// Precisions: gptq and awq are int4, fbgemm_fp8 is fp8, and so on. "" stays "".
func NamePrecision(s string) (string, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "auto":
		return "", nil
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
	}
	return "", fmt.Errorf("precision %q is not known: use %s", s, strings.Join(Precisions(), ", "))
}

// formatOf is how a card computes a precision.
func formatOf(name string, c *Card) (format, error) {
	tera := func(q Quantity) float64 { return q.Value * 1e12 }
	switch name {
	case "fp16", "bf16":
		if name == "bf16" && c.NoBF16 {
			return format{}, fmt.Errorf("%s has no bf16: use fp16", c.Name)
		}
		return format{name: name, bytes: 2, kernel: "bf16", peak: tera(c.FP16), unit: "fp16"}, nil
	case "fp8":
		if c.FP8.Value > 0 {
			return format{name: name, bytes: 1, kernel: "fp8", peak: tera(c.FP8), unit: "fp8"}, nil
		}
		return format{name: name, bytes: 1, kernel: "w8a16", peak: tera(c.FP16), unit: "fp16", weight: true}, nil
	case "int8":
		return format{name: name, bytes: bytesInt8, kernel: "w8a16", peak: tera(c.FP16), unit: "fp16", weight: true}, nil
	case "w8a8":
		if c.Int8.Value == 0 {
			return format{}, fmt.Errorf("%s has no int8 tensor cores: use int8, whose arithmetic is 16 bit", c.Name)
		}
		return format{name: name, bytes: 1, kernel: "w8a8", peak: tera(c.Int8), unit: "int8"}, nil
	case "int4":
		return format{name: name, bytes: bytesInt4, kernel: "w4a16", peak: tera(c.FP16), unit: "fp16", weight: true}, nil
	case "mxfp4":
		f := format{name: name, bytes: bytesMXFP4, kernel: "mxfp4", peak: tera(c.FP16), unit: "fp16", expert: true, weight: true}
		if c.FP4.Value > 0 {
			f.peak, f.unit, f.weight = tera(c.FP4), "fp4", false
		}
		return f, nil
	}
	return format{}, fmt.Errorf("precision %q is not known: use %s", name, strings.Join(Precisions(), ", "))
}
