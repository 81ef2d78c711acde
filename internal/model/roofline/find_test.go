package roofline

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for _, c := range []struct{ name, model, precision string }{
		{"llama-3-8b", "llama-3-8b", ""},
		{"Llama-3-8B", "llama-3-8b", ""},
		{"meta-llama/Meta-Llama-3-8B-Instruct", "llama-3-8b", ""},
		{"neuralmagic/Meta-Llama-3-8B-Instruct-FP8", "llama-3-8b", "fp8"},
		{"astronomer/Llama-3-8B-Instruct-GPTQ-8-Bit", "llama-3-8b", "int8"},
		{"nm-testing/Meta-Llama-3-8B-Instruct-GPTQ", "llama-3-8b", "int4"},
		{"Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3-30b-a3b", ""},
		{"Qwen/Qwen3-30B-A3B-Instruct-2507-FP8", "qwen3-30b-a3b", "fp8"},
		{"RedHatAI/Meta-Llama-3.1-70B-Instruct-quantized.w4a16", "llama-3.1-70b", "int4"},
		{"openai/gpt-oss-20b", "gpt-oss-20b", ""},
	} {
		m, p, err := FindModel(c.name)
		if err != nil || m.Name != c.model || p != c.precision {
			t.Errorf("%s: got %v, %q, %v; want %s in %q", c.name, m, p, err, c.model, c.precision)
		}
	}
	for _, c := range []struct{ name, card string }{
		{"A10G", "a10g"}, {"NVIDIA A10G", "a10g"}, {"a10", "a10"}, {"NVIDIA A10", "a10"}, {"L40S", "l40s"},
		{"NVIDIA GeForce RTX 4090", "rtx-4090"}, {"RTX4090", "rtx-4090"}, {"4090", "rtx-4090"},
		{"NVIDIA H100 80GB HBM3", "h100-sxm"}, {"NVIDIA A100-SXM4-80GB", "a100-sxm-80"}, {"Tesla T4", "t4"},
		{"NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000"}, {"RTXPRO6000", "rtx-pro-6000"},
	} {
		if got, err := FindCard(c.name); err != nil || got.Name != c.card {
			t.Errorf("%s: got %v, %v; want %s", c.name, got, err, c.card)
		}
	}
	if _, err := FindCard("h10"); err == nil || !strings.Contains(err.Error(), "did you mean") || !strings.Contains(err.Error(), "h100-sxm") {
		t.Errorf("got %v, want a hint at h100-sxm", err)
	}
	if _, _, err := FindModel("llama-3-8"); err == nil || !strings.Contains(err.Error(), "did you mean llama-3-8b") {
		t.Errorf("got %v, want a hint at llama-3-8b", err)
	}
}

// No name means two things.
func TestNamesAreUnique(t *testing.T) {
	cards, models := map[string]string{}, map[string]string{}
	for _, c := range Cards() {
		own := map[string]bool{}
		for _, n := range append([]string{c.Name, c.Title}, c.Aliases...) {
			own[plain(n)] = true
		}
		for n := range own {
			if other, ok := cards[n]; ok {
				t.Errorf("%s is %s and %s", n, other, c.Name)
			}
			cards[n] = c.Name
		}
	}
	for _, m := range Models() {
		for _, n := range append([]string{m.Name}, m.Aliases...) {
			if other, ok := models[n]; ok {
				t.Errorf("%s is %s and %s", n, other, m.Name)
			}
			if n != strings.ToLower(n) {
				t.Errorf("%s of %s is not lower case", n, m.Name)
			}
			models[n] = m.Name
		}
	}
}

// Every number of the catalogue says where it comes from, and names no source
// that is not in the list.
func TestSources(t *testing.T) {
	for _, c := range Cards() {
		for _, q := range c.quantities() {
			if q.Value > 0 && len(q.Source) < 10 {
				t.Errorf("%s: a quantity of %v has the source %q", c.Name, q.Value, q.Source)
			}
		}
		c.Kernels.each(func(f *From) {
			if len(f.Source) < 10 {
				t.Errorf("%s: a kernel has the source %q", c.Name, f.Source)
			}
		})
		for _, p := range []string{"fp16", "fp8", "int8", "int4", "mxfp4"} {
			for _, set := range []Constants{Measured, Datasheet, Ideal} {
				for _, k := range machine(t, "gpt-oss-20b", c.Name, p, set).Explain() {
					if k.Name == "" || k.Unit == "" || len(k.Source) < 10 {
						t.Errorf("%s: %+v lacks a name, a unit or a source", c.Name, k)
					}
				}
			}
		}
	}
	if g := Generic(); g.GEMM["bf16"] == nil || g.Decode == nil || g.Prefill == nil || g.Layer == nil || g.Sampler == nil {
		t.Errorf("generic kernels are not whole: %+v", g)
	}
}

// Inherited constants say from whom.
func TestInherited(t *testing.T) {
	for _, c := range []struct{ card, constant, want string }{
		{"a10", "bf16 bytes", "generic, by sibling a40: read off"},
		{"mi300x", "bf16 bytes", "generic: "},
		{"rtx-4090", "bf16 bytes", "kernel profile of vLLM 0.19"},
	} {
		for _, k := range machine(t, "llama-3-8b", c.card, "fp16", Measured).Explain() {
			if k.Name == c.constant && !strings.HasPrefix(k.Source, c.want) {
				t.Errorf("%s: %s is from %q, want %q", c.card, k.Name, k.Source, c.want)
			}
		}
	}
}

// What a card has of its own is listed whole, with units and sources.
func TestKernelConstants(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Cards() {
		for _, k := range c.Kernels.Constants() {
			if k.Unit == "" || len(k.Source) < 10 {
				t.Errorf("%s: %+v lacks a unit or a source", c.Name, k)
			}
			names[k.Name] = true
		}
	}
	for _, want := range []string{"bf16 bytes", "fp8 flops", "head floor", "decode attention tail", "prompt attention flops", "sampler row above 80, more", "all-reduce of 8192 bytes, 8 cards", "norm of queries and keys"} {
		if !names[want] {
			t.Errorf("no card lists %q", want)
		}
	}
	for _, k := range Generic().Constants() {
		if k.Name == "w4a16 bytes" && k.Unit != "of bf16's" {
			t.Errorf("a multiple of bf16's is listed as %q", k.Unit)
		}
	}
}
