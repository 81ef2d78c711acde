package cli

import (
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/plan"
)

// groupLimit is the group of the flags that name the card under a server.
const groupLimit = "speed of light options"

// limitFlags name the card and the model whose limit a run is compared with.
func limitFlags() table {
	g := groupLimit
	return table{
		{Name: "gpu", Group: g, Origin: own, Meta: "CARD", Help: "Card that the server runs on: a name of tokmeter sim hardware, or a YAML file. The result then tells what the card allows at least."},
		{Name: "model-config", Group: g, Origin: own, Meta: "PATH", Help: "Shapes of the model: a folder with config.json, that file, or a name of tokmeter sim models. Where it is not given, --model is looked for there and on the hub."},
		{Name: "precision", Group: g, Origin: own, Choices: precisions(), Meta: "FORMAT", Help: "Format of the weights. Where it is not given, the model's own."},
		{Name: "kv-cache-dtype", Group: g, Origin: own, Default: "auto", Choices: []string{"auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"}, Meta: "TYPE", Help: "Format of the KV cache."},
		{Name: "tensor-parallel-size", Short: "tp", Group: g, Kind: integer, Origin: own, Default: "1", Help: "Cards that a layer is cut over."},
	}
}

// light reads the flags of limitFlags.
func (b *serveBuilder) light() plan.Light {
	precision, err := roofline.NamePrecision(b.text("precision"))
	if err != nil {
		b.problem("--precision: %w", err)
		return plan.Light{}
	}
	l := plan.Light{GPU: b.text("gpu"), Model: b.text("model-config"), Precision: precision}
	if b.given("kv-cache-dtype") {
		l.KVCache = kvFormat(b.text("kv-cache-dtype"))
	}
	if b.given("tensor-parallel-size") {
		l.TP = b.integer("tensor-parallel-size")
	}
	switch {
	case b.integer("tensor-parallel-size") < 1:
		b.problem("--tensor-parallel-size: want at least 1, got %d", l.TP)
	case b.given("gpu") && l.GPU == "":
		b.problem("--gpu: the name is empty: tokmeter sim hardware lists them")
	}
	return l
}

// lightNotes says which flags of limitFlags count for nothing.
func (v *values) lightNotes() []string {
	switch {
	case !v.given("gpu") && (v.given("tensor-parallel-size") || v.given("kv-cache-dtype")):
		return []string{"--tensor-parallel-size and --kv-cache-dtype say nothing without --gpu"}
	case v.given("gpu") && v.given("compat"):
		return []string{"--gpu adds nothing under --compat vllm"}
	}
	return nil
}
