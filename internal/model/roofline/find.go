package roofline

import (
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/near"
)

// plain is a name without case, and with one sign for what joins words.
func plain(s string) string {
	return strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(s)))
}

// FindCard returns the card of a name, an alias or what the vendor's tools call
// it, whatever its case. The error of an unknown one names the nearest.
func FindCard(name string) (*Card, error) {
	n := plain(name)
	var names []string
	for _, c := range Cards() {
		all := append([]string{c.Name, c.Title}, c.Aliases...)
		if slices.ContainsFunc(all, func(a string) bool { return plain(a) == n }) {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return nil, fmt.Errorf("card %q is not in the catalogue%s; tokmeter sim hardware lists them, or give a YAML file of your own", name, didYouMean(n, names))
}

// FindModel returns the model of a name or a Hugging Face name, whatever its
// case, and the precision that the name speaks of: "" where it says nothing. A
// quantized copy of a known model is that model: neuralmagic/…-FP8 is fp8,
// …-GPTQ-8-Bit int8, …-GPTQ and …-AWQ int4.
func FindModel(name string) (*Model, string, error) {
	n := plain(name)
	if m := modelNamed(n); m != nil {
		return m, "", nil
	}
	base, precision := cutPrecision(n)
	if precision != "" {
		if m := modelNamed(base); m != nil {
			return m, precision, nil
		}
	}
	var names []string
	for _, m := range Models() {
		names = append(names, m.Name)
	}
	return nil, "", fmt.Errorf("model %q is not in the catalogue%s; tokmeter sim models lists them, or give a folder with config.json", name, didYouMean(lastPart(base), names))
}

// modelNamed compares with and without the part before the slash.
func modelNamed(n string) *Model {
	for _, m := range Models() {
		if n == m.Name || slices.Contains(m.Aliases, n) {
			return m
		}
	}
	short := bare(n)
	for _, m := range Models() {
		if short == m.Name || slices.ContainsFunc(m.Aliases, func(a string) bool { return bare(a) == short }) {
			return m
		}
	}
	return nil
}

// bare is a name without its owner and without what tuning adds to it.
func bare(n string) string {
	n = strings.TrimPrefix(lastPart(n), "meta-")
	for _, s := range []string{"-instruct", "-chat", "-hf", "-it"} {
		n = strings.TrimSuffix(n, s)
	}
	return n
}

func lastPart(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// suffixes are what quantized checkpoints end with, longest first.
func suffixes() [][2]string {
	return [][2]string{
		{"-gptq-8-bit", "int8"}, {"-gptq-8bit", "int8"}, {"-gptq-int8", "int8"}, {"-quantized.w8a8", "w8a8"},
		{"-quantized.w8a16", "int8"}, {"-quantized.w4a16", "int4"}, {"-int8-w8a8", "w8a8"}, {"-w8a8", "w8a8"},
		{"-w8a16", "int8"}, {"-w4a16", "int4"}, {"-gptq-4-bit", "int4"}, {"-gptq-4bit", "int4"}, {"-gptq-int4", "int4"},
		{"-awq-int4", "int4"}, {"-fp8-dynamic", "fp8"}, {"-fp8-kv", "fp8"}, {"-gptq", "int4"}, {"-awq", "int4"},
		{"-fp8", "fp8"}, {"-int8", "int8"}, {"-int4", "int4"}, {"-mxfp4", "mxfp4"}, {"-bf16", "bf16"}, {"-fp16", "fp16"},
	}
}

// cutPrecision takes the format off the end of a name.
func cutPrecision(n string) (base, precision string) {
	for _, s := range suffixes() {
		if b, ok := strings.CutSuffix(n, s[0]); ok {
			return b, s[1]
		}
	}
	return n, ""
}

// didYouMean is a hint with the names that are close to n, or nothing.
func didYouMean(n string, names []string) string {
	like := near.Names(n, names)
	if len(like) == 0 {
		return ""
	}
	return ": did you mean " + strings.Join(like, ", ") + "?"
}
