package roofline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadModel(t *testing.T) {
	for _, c := range []struct {
		reason, config string
		want           Model
		note           string // a part of the only note; "" for none
	}{
		{
			"a plain Llama: the head's width is hidden / heads",
			`{"model_type":"llama","hidden_size":4096,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,"intermediate_size":14336,"vocab_size":128256,"max_position_embeddings":8192,"tie_word_embeddings":false,"torch_dtype":"bfloat16"}`,
			Model{Name: "llama", Layers: 32, Hidden: 4096, Heads: 32, KVHeads: 8, HeadDim: 128, Inner: 14336, Vocab: 128256, MaxLen: 8192}, "",
		},
		{
			"Qwen3's mixture: a width of its own for experts, no dense layer",
			`{"model_type":"qwen3_moe","hidden_size":2048,"num_hidden_layers":48,"num_attention_heads":32,"num_key_value_heads":4,"head_dim":128,"intermediate_size":6144,"moe_intermediate_size":768,"num_experts":128,"num_experts_per_tok":8,"mlp_only_layers":[],"decoder_sparse_step":1,"vocab_size":151936,"max_position_embeddings":262144,"sliding_window":null}`,
			Model{Name: "qwen3_moe", Layers: 48, Hidden: 2048, Heads: 32, KVHeads: 4, HeadDim: 128, Vocab: 151936, MaxLen: 262144, Experts: 128, Active: 8, ExpertInner: 768, QKNorm: true}, "",
		},
		{
			"gpt-oss: half of the layers slide, experts in mxfp4",
			`{"model_type":"gpt_oss","attention_bias":true,"hidden_size":2880,"num_hidden_layers":4,"num_attention_heads":64,"num_key_value_heads":8,"head_dim":64,"intermediate_size":2880,"num_local_experts":32,"num_experts_per_tok":4,"vocab_size":201088,"max_position_embeddings":131072,"sliding_window":128,"layer_types":["sliding_attention","full_attention","sliding_attention","full_attention"],"quantization_config":{"quant_method":"mxfp4"}}`,
			Model{Name: "gpt_oss", Layers: 4, Hidden: 2880, Heads: 64, KVHeads: 8, HeadDim: 64, Vocab: 201088, MaxLen: 131072, Experts: 32, Active: 4, ExpertInner: 2880, QKVBias: true, Window: 128, WindowLayers: 2, Precision: "mxfp4"}, "",
		},
		{
			"Gemma 3: nested, tied, five of six layers slide",
			`{"model_type":"gemma3","text_config":{"model_type":"gemma3_text","hidden_size":3840,"num_hidden_layers":48,"num_attention_heads":16,"num_key_value_heads":8,"head_dim":256,"intermediate_size":15360,"vocab_size":262208,"max_position_embeddings":131072,"sliding_window":1024,"sliding_window_pattern":6},"vision_config":{"hidden_size":1152}}`,
			Model{Name: "gemma3_text", Layers: 48, Hidden: 3840, Heads: 16, KVHeads: 8, HeadDim: 256, Inner: 15360, Vocab: 262208, Tied: true, MaxLen: 131072, QKNorm: true, Window: 1024, WindowLayers: 40}, "only the text part",
		},
		{
			"a window as long as the context is none; no KV heads means as many as heads",
			`{"model_type":"phi3","hidden_size":3072,"num_hidden_layers":32,"num_attention_heads":32,"intermediate_size":8192,"vocab_size":32064,"max_position_embeddings":4096,"sliding_window":4096}`,
			Model{Name: "phi3", Layers: 32, Hidden: 3072, Heads: 32, KVHeads: 32, HeadDim: 96, Inner: 8192, Vocab: 32064, MaxLen: 4096}, "",
		},
		{
			"an unknown architecture with all shapes",
			`{"model_type":"novel","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":128,"vocab_size":1000,"quantization_config":{"quant_method":"gptq","bits":8}}`,
			Model{Name: "novel", Layers: 2, Hidden: 64, Heads: 4, KVHeads: 4, HeadDim: 16, Inner: 128, Vocab: 1000, Precision: "int8"}, `model_type "novel" is not known`,
		},
		{
			"Qwen2 does not slide unless told, and its projections have biases",
			`{"model_type":"qwen2","hidden_size":896,"num_hidden_layers":24,"num_attention_heads":14,"num_key_value_heads":2,"intermediate_size":4864,"vocab_size":151936,"max_position_embeddings":131072,"sliding_window":32768,"use_sliding_window":false,"max_window_layers":21,"tie_word_embeddings":true,"quantization_config":{"quant_method":"awq","bits":4}}`,
			Model{Name: "qwen2", Layers: 24, Hidden: 896, Heads: 14, KVHeads: 2, HeadDim: 64, Inner: 4864, Vocab: 151936, Tied: true, MaxLen: 131072, QKVBias: true, Precision: "int4"}, "",
		},
	} {
		m, notes, err := ReadModel([]byte(c.config))
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		c.want.Source = "config.json"
		if d := cmp.Diff(&c.want, m); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, d)
		}
		if c.note == "" && len(notes) > 0 || c.note != "" && (len(notes) != 1 || !strings.Contains(notes[0], c.note)) {
			t.Errorf("%s: notes %q, want one with %q", c.reason, notes, c.note)
		}
	}
}

func TestReadModelRefuses(t *testing.T) {
	for _, c := range []struct{ reason, config, want string }{
		{"nothing of use", `{}`, "missing hidden_size, num_hidden_layers, num_attention_heads, head_dim, vocab_size, intermediate_size"},
		{"latent attention without its widths", `{"model_type":"deepseek_v3","kv_lora_rank":512}`, "qk_nope_head_dim, qk_rope_head_dim and v_head_dim"},
		{"state space", `{"model_type":"mamba2"}`, `"mamba2" is not modelled`},
		{"linear attention", `{"model_type":"x","layer_types":["linear_attention"]}`, `"linear_attention"`},
		{"negative width", `{"model_type":"llama","hidden_size":-1,"num_hidden_layers":1,"num_attention_heads":1,"head_dim":1,"intermediate_size":1,"vocab_size":1}`, "missing hidden"},
		{"a mixture without its width", `{"model_type":"y","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":1,"vocab_size":1,"num_experts":4}`, "num_experts_per_tok, moe_intermediate_size"},
		{"no JSON", `layers: 3`, "config.json: invalid character"},
	} {
		_, _, err := ReadModel([]byte(c.config))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.reason, err, c.want)
		}
	}
}

func TestQuantizationConfig(t *testing.T) {
	base := `{"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":128,"vocab_size":1000,"quantization_config":`
	for _, c := range []struct{ quant, want string }{
		{`{"quant_method":"gptq","bits":4}`, "int4"},
		{`{"quant_method":"fbgemm_fp8"}`, "fp8"},
		{`{"quant_method":"compressed-tensors","config_groups":{"group_0":{"weights":{"num_bits":8,"type":"float"},"input_activations":{"num_bits":8}}}}`, "fp8"},
		{`{"quant_method":"compressed-tensors","config_groups":{"group_0":{"weights":{"num_bits":8,"type":"int"},"input_activations":{"num_bits":8}}}}`, "w8a8"},
		{`{"quant_method":"compressed-tensors","config_groups":{"group_0":{"weights":{"num_bits":8,"type":"int"},"input_activations":null}}}`, "int8"},
		{`{"quant_method":"compressed-tensors","config_groups":{"group_0":{"weights":{"num_bits":4,"type":"int"}}}}`, "int4"},
		{`{"quant_method":"bitsandbytes","load_in_4bit":true}`, ""},
		{`null`, ""},
	} {
		m, notes, err := ReadModel([]byte(base + c.quant + "}"))
		if err != nil || m.Precision != c.want {
			t.Errorf("%s: got %v, %v; want %q", c.quant, m, err, c.want)
		}
		if unknown := strings.Contains(c.quant, "bitsandbytes"); unknown != (len(notes) == 1) {
			t.Errorf("%s: notes %q", c.quant, notes)
		}
	}
}

func TestReadYAML(t *testing.T) {
	c, err := ReadCardYAML([]byte("name: mine\nmemory_gib: 24\nbandwidth_gb_s: {value: 900, source: measured, confirmed: true}\nfp16_tflops: 100\nlike: RTX-4090\n"))
	if err != nil || c.Bandwidth.Value != 900 || c.Memory.Source != user || c.Like != "rtx-4090" {
		t.Fatalf("got %+v, %v", c, err)
	}
	m, err := ReadModelYAML([]byte("name: mine\nlayers: 2\nhidden: 64\nheads: 4\ninner: 128\nvocab: 100\nprecision: gptq\n"))
	if err != nil || m.KVHeads != 4 || m.HeadDim != 16 || m.Precision != "int4" {
		t.Fatalf("got %+v, %v", m, err)
	}
	if _, err := New(Setup{Model: m, Card: c}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ reason, yaml, want string }{
		{"a misspelt key", "name: x\nbandwith_gb_s: 3\n", "bandwith_gb_s"},
		{"a missing rate", "name: x\nmemory_gib: 3\nfp16_tflops: 3\n", "bandwidth_gb_s is missing"},
		{"faster than light", "name: x\nmemory_gib: 3\nfp16_tflops: 3\nbandwidth_gb_s: 3\nkernels: {gemm: {bf16: {bytes: 1.5, flops: 1, sharpness: 2}}}\n", "bf16 bytes: 1.5 must be between"},
		{"an unknown kernel", "name: x\nmemory_gib: 3\nfp16_tflops: 3\nbandwidth_gb_s: 3\nkernels: {gemm: {bf17: {bytes: 1, flops: 1, sharpness: 2}}}\n", `"bf17" is not known`},
		{"an unknown sibling", "name: x\nmemory_gib: 3\nfp16_tflops: 3\nbandwidth_gb_s: 3\nlike: h100-smx\n", "did you mean h100-sxm"},
		{"two documents", "name: x\nmemory_gib: 3\nfp16_tflops: 3\nbandwidth_gb_s: 3\n---\nname: y\n", "more than one document"},
		{"a name of two lines", "name: \"a\\nb\"\nmemory_gib: 3\nfp16_tflops: 3\nbandwidth_gb_s: 3\n", "one line of printable text"},
		{"empty", "", "empty"},
	} {
		if _, err := ReadCardYAML([]byte(c.yaml)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.reason, err, c.want)
		}
	}
	if _, err := ReadModelYAML([]byte("name: x\nlayers: 3\n")); err == nil || !strings.Contains(err.Error(), "missing hidden, heads") {
		t.Errorf("got %v, want what is missing", err)
	}
}

func FuzzReadModel(f *testing.F) {
	f.Add([]byte(`{"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":128,"vocab_size":1000,"sliding_window":5,"quantization_config":{"quant_method":"gptq","bits":8}}`))
	f.Add([]byte(`{"text_config":{"model_type":"qwen3_moe","hidden_size":8,"num_hidden_layers":2,"num_attention_heads":4,"head_dim":2,"num_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":8,"vocab_size":10,"decoder_sparse_step":2,"intermediate_size":3}}`))
	f.Add([]byte(`{"model_type":"a\nb"}`))
	f.Add([]byte(`{"\n":{"moe":2}}`))
	f.Add([]byte(`{"num_experts":4,"zero_expert\n":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := ReadModel(data)
		if err != nil {
			oneLine(t, err)
			return
		}
		usable(t, m)
	})
}

func FuzzReadModelYAML(f *testing.F) {
	f.Add([]byte("name: mine\nlayers: 2\nhidden: 64\nheads: 4\ninner: 128\nvocab: 100\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := ReadModelYAML(data); err == nil {
			usable(t, m)
		}
	})
}

func FuzzReadCardYAML(f *testing.F) {
	f.Add([]byte("name: mine\nmemory_gib: 24\nbandwidth_gb_s: 900\nfp16_tflops: 100\nlike: a40\nkernels: {decode: {bytes: 0.5}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadCardYAML(data)
		if err != nil {
			return
		}
		m, err := New(Setup{Model: Models()[0], Card: c, Precision: "fp16"})
		if err != nil {
			return
		}
		if got := m.Step([]Seq{{1, 10, true}, {100, 0, true}}).Total; !(got > 0) {
			t.Fatalf("a step takes %v s", got)
		}
	})
}

// usable fails where a model that was read makes no sensible machine.
func usable(t *testing.T, m *Model) {
	t.Helper()
	card, err := FindCard("a100")
	if err != nil {
		t.Fatal(err)
	}
	machine, err := New(Setup{Model: m, Card: card, Precision: "fp16"})
	if err != nil {
		t.Fatalf("%+v: %v", m, err)
	}
	if c := machine.Step([]Seq{{1, 10, true}, {100, 0, true}}); !(c.Total > 0 && c.WeightBytes > 0) {
		t.Fatalf("%+v: a step costs %+v", m, c)
	}
	_, _ = machine.Blocks(0.9, 16, 2048)
}

func oneLine(t *testing.T, err error) {
	t.Helper()
	if strings.Contains(err.Error(), "\n") {
		t.Fatalf("an error of several lines: %q", err)
	}
}
