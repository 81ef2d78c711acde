package measure

import (
	"fmt"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/plan"
)

// GroupLimit is the group of the flags that name the card under a server.
const GroupLimit = "speed of light options"

// limitFlags name the card and the model whose limit a run is compared with.
func limitFlags() flags.Table {
	g := GroupLimit
	return flags.Table{
		{Name: "gpu", Group: g, Origin: flags.Own, Meta: "CARD", Help: "Card that the server runs on: a name of tokmeter sim hardware, or a YAML file. The result then tells what the card allows at least."},
		{Name: "model-config", Group: g, Origin: flags.Own, Meta: "PATH", Help: "Shapes of the model: a folder with config.json, that file, or a name of tokmeter sim models. Where it is not given, --model is looked for there and on the hub."},
		{Name: "precision", Group: g, Origin: flags.Own, Choices: simulated.Precisions(), Meta: "FORMAT", Help: "Format of the weights. Where it is not given, the model's own."},
		{Name: "kv-cache-dtype", Group: g, Origin: flags.Own, Default: "auto", Choices: []string{"auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"}, Meta: "TYPE", Help: "Format of the KV cache."},
		{Name: "tensor-parallel-size", Short: "tp", Group: g, Kind: flags.Integer, Origin: flags.Own, Default: "1", Help: "Cards that a layer is cut over."},
	}
}

// light reads the flags of limitFlags.
func (b *serveBuilder) light() plan.Light {
	precision, err := roofline.NamePrecision(b.Text("precision"))
	if err != nil {
		b.lightProblem("--precision: %w", err)
		return plan.Light{}
	}
	l := plan.Light{GPU: b.Text("gpu"), Model: b.Text("model-config"), Precision: precision}
	if b.Given("kv-cache-dtype") {
		l.KVCache = simulated.KvFormat(b.Text("kv-cache-dtype"))
	}
	if b.Given("tensor-parallel-size") {
		l.TP = b.Integer("tensor-parallel-size")
	}
	switch {
	case b.Integer("tensor-parallel-size") < 1:
		b.lightProblem("--tensor-parallel-size: want at least 1, got %d", l.TP)
	case b.Given("gpu") && l.GPU == "":
		b.lightProblem("--gpu: the name is empty: tokmeter sim hardware lists them")
	}
	return l
}

// lightProblem notes a problem of the speed of light, which is told after those of
// the run itself.
func (b *serveBuilder) lightProblem(format string, args ...any) {
	b.late = append(b.late, fmt.Errorf(format, args...))
}

// lightNotes says which flags of limitFlags count for nothing.
func lightNotes(v *flags.Values) []string {
	switch {
	case !v.Given("gpu") && (v.Given("tensor-parallel-size") || v.Given("kv-cache-dtype")):
		return []string{"--tensor-parallel-size and --kv-cache-dtype say nothing without --gpu"}
	case v.Given("gpu") && v.Given("compat"):
		return []string{"--gpu adds nothing under --compat vllm"}
	}
	return nil
}
