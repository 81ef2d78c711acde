package setup

import (
	"strings"
	"testing"
	"tokmeter/internal/model/roofline"
)

func TestQuantization(t *testing.T) {
	for _, c := range []struct {
		why, name, precision string
		want                 string // precision
		slower               bool   // than Marlin's int4
		fails                string
	}{
		{"Marlin is what int4 is", "gptq_marlin", "", "int4", false, ""},
		{"GPTQ's own kernel", "gptq", "", "int4", true, ""},
		{"AWQ's own kernel", "awq", "", "int4", true, ""},
		{"AWQ by Marlin", "awq_marlin", "int4", "int4", false, ""},
		{"8 bits by Marlin", "marlin", "int8", "int8", false, ""},
		{"a format, no kernel", "fp8", "", "fp8", false, ""},
		{"whatever the checkpoint has", "compressed-tensors", "w8a8", "w8a8", false, ""},
		{"Marlin does not multiply two formats of activations", "gptq", "w8a8", "", false, "kernel gptq does not multiply w8a8 weights"},
		{"an unknown one", "exl2", "", "", false, `--quantization "exl2": want one of awq`},
	} {
		build := func(name string) (*Built, error) {
			return Setup{Model: "llama-3-8b", GPU: "a100-sxm-80", Precision: c.precision, Quantization: name}.Build()
		}
		b, err := build(c.name)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: got %v, want %q", c.why, err, c.fails)
			}
			continue
		}
		if err != nil || b.Setup.Precision != c.want {
			t.Errorf("%s: got %v, %v, want %s", c.why, b, err, c.want)
			continue
		}
		plain, err := Setup{Model: "llama-3-8b", GPU: "a100-sxm-80", Precision: c.want}.Build()
		if err != nil {
			t.Fatal(err)
		}
		many := seqs(100, 500)
		if slow := b.Machine.Step(many).Total > 1.2*plain.Machine.Step(many).Total; slow != c.slower {
			t.Errorf("%s: slower than the format's usual kernel: %v, want %v", c.why, slow, c.slower)
		}
	}
}

// seqs are n sequences that decode with so many tokens before.
func seqs(n, context int) []roofline.Seq {
	out := make([]roofline.Seq, n)
	for i := range out {
		out[i] = roofline.Seq{Tokens: 1, Context: context, Samples: true}
	}
	return out
}
