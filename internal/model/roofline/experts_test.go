package roofline

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMixtures: the weights of a mixture are within 3 % of what its makers
// publish, in billions, and a step reads the active ones.
func TestMixtures(t *testing.T) {
	file := func(name string) string {
		b, err := os.ReadFile(filepath.Join("testdata", "configs", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, tt := range []struct {
		why, config   string
		total, active float64 // 0 where it is not published
	}{
		{"GLM-4.5-Air: n_routed_experts, first_k_dense_replace", file("glm-4.5-air"), 106.9, 12},
		{"ERNIE-4.5-21B: moe_num_experts, moe_k, moe_layer_start_index", file("ernie-4.5-21b"), 21.8, 3},
		{"ERNIE with lists of one value", strings.NewReplacer(`"moe_layer_start_index": 1`, `"moe_layer_start_index": [1, 1]`, `"moe_intermediate_size": 1536`, `"moe_intermediate_size": [1536, 1536]`).Replace(file("ernie-4.5-21b")), 21.8, 3},
		{"Hunyuan-A13B: lists, moe_topk, num_shared_expert", `{"model_type":"hunyuan_v1_moe","hidden_size":4096,"intermediate_size":3072,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,"head_dim":128,
			"num_experts":64,"moe_topk":[8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8],"num_shared_expert":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],
			"moe_intermediate_size":[3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072,3072],
			"vocab_size":128167,"tie_word_embeddings":true}`, 80.4, 13},
		{"Llama 4 Scout: experts in every layer", `{"model_type":"llama4","text_config":{"model_type":"llama4_text","hidden_size":5120,"intermediate_size":8192,"intermediate_size_mlp":16384,"num_hidden_layers":48,"num_attention_heads":40,"num_key_value_heads":8,"head_dim":128,
			"num_local_experts":16,"num_experts_per_tok":1,"interleave_moe_layer_step":1,"vocab_size":202048,"tie_word_embeddings":false}}`, 107.8, 17},
		{"Llama 4 Maverick: in every second layer", `{"model_type":"llama4_text","hidden_size":5120,"intermediate_size":8192,"intermediate_size_mlp":16384,"num_hidden_layers":48,"num_attention_heads":40,"num_key_value_heads":8,"head_dim":128,
			"num_local_experts":128,"num_experts_per_tok":1,"interleave_moe_layer_step":2,"vocab_size":202048,"tie_word_embeddings":false}`, 400.7, 17},
		{"Llama 4 Maverick by a list of layers", `{"model_type":"llama4_text","hidden_size":5120,"intermediate_size":8192,"intermediate_size_mlp":16384,"num_hidden_layers":48,"num_attention_heads":40,"num_key_value_heads":8,"head_dim":128,
			"num_local_experts":128,"num_experts_per_tok":1,"moe_layers":[1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31,33,35,37,39,41,43,45,47],"vocab_size":202048,"tie_word_embeddings":false}`, 400.7, 17},
		{"dots.llm1: two shared experts", `{"model_type":"dots1","hidden_size":4096,"intermediate_size":10944,"moe_intermediate_size":1408,"num_hidden_layers":62,"num_attention_heads":32,"num_key_value_heads":32,"head_dim":128,
			"n_routed_experts":128,"n_shared_experts":2,"num_experts_per_tok":6,"first_k_dense_replace":1,"vocab_size":152064,"tie_word_embeddings":false}`, 142.8, 14},
		{"DeepSeek-MoE-16B: attention per head", `{"model_type":"deepseek","hidden_size":2048,"intermediate_size":10944,"moe_intermediate_size":1408,"num_hidden_layers":28,"num_attention_heads":16,"num_key_value_heads":16,
			"n_routed_experts":64,"n_shared_experts":2,"num_experts_per_tok":6,"first_k_dense_replace":1,"moe_layer_freq":1,"vocab_size":102400,"tie_word_embeddings":false}`, 16.4, 2.8},
		{"the same by a list of layers", `{"model_type":"deepseek","hidden_size":2048,"intermediate_size":10944,"moe_intermediate_size":1408,"num_hidden_layers":28,"num_attention_heads":16,"num_key_value_heads":16,
			"n_routed_experts":64,"n_shared_experts":2,"num_experts_per_tok":6,"moe_layer_freq":[0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"vocab_size":102400,"tie_word_embeddings":false}`, 16.4, 2.8},
		{"the same by the kind of each layer", `{"model_type":"deepseek","hidden_size":2048,"intermediate_size":10944,"moe_intermediate_size":1408,"num_hidden_layers":28,"num_attention_heads":16,"num_key_value_heads":16,
			"n_routed_experts":64,"n_shared_experts":2,"num_experts_per_tok":6,"mlp_layer_types":["dense","sparse"],"vocab_size":102400,"tie_word_embeddings":false}`, 16.4, 2.8},
		{"Mixtral-8x7B", `{"model_type":"mixtral","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,"num_local_experts":8,"num_experts_per_tok":2,"vocab_size":32000,"tie_word_embeddings":false}`, 46.7, 12.9},
		{"OLMoE: num_experts, and intermediate_size is an expert's", `{"model_type":"olmoe","hidden_size":2048,"intermediate_size":1024,"num_hidden_layers":16,"num_attention_heads":16,"num_key_value_heads":16,"num_experts":64,"num_experts_per_tok":8,"vocab_size":50304,"tie_word_embeddings":false}`, 6.92, 1.3},
		{"Qwen1.5-MoE: the width of all shared experts", `{"model_type":"qwen2_moe","hidden_size":2048,"intermediate_size":5632,"num_hidden_layers":24,"num_attention_heads":16,"num_key_value_heads":16,"num_experts":60,"num_experts_per_tok":4,"moe_intermediate_size":1408,"shared_expert_intermediate_size":5632,"decoder_sparse_step":1,"vocab_size":151936,"tie_word_embeddings":false}`, 14.3, 2.7},
		{"DeepSeek-V3: over a latent", `{"model_type":"deepseek_v3","hidden_size":7168,"intermediate_size":18432,"moe_intermediate_size":2048,"num_hidden_layers":61,"num_attention_heads":128,"num_key_value_heads":128,
			"kv_lora_rank":512,"q_lora_rank":1536,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,"n_routed_experts":256,"n_shared_experts":1,"num_experts_per_tok":8,"first_k_dense_replace":3,"moe_layer_freq":1,
			"vocab_size":129280,"tie_word_embeddings":false}`, 671, 37},
		{"MiniMax-M2", `{"model_type":"minimax_m2","hidden_size":3072,"intermediate_size":1536,"num_hidden_layers":62,"num_attention_heads":48,"num_key_value_heads":8,"head_dim":128,"num_local_experts":256,"num_experts_per_tok":8,"shared_intermediate_size":0,"vocab_size":200064,"tie_word_embeddings":false}`, 228.7, 10},
	} {
		t.Run(tt.why, func(t *testing.T) {
			m, _, err := ReadModel([]byte(tt.config))
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Params() / 1e9; math.Abs(got/tt.total-1) > 0.03 {
				t.Errorf("%.2f billions of weights, want %.2f", got, tt.total)
			}
			// Makers count the embedding or not, and round.
			if got := m.ActiveParams() / 1e9; math.Abs(got/tt.active-1) > 0.16 {
				t.Errorf("%.2f billions are active, want %.2f", got, tt.active)
			}
		})
	}
}

// TestMixturesRefused: what speaks of experts is never taken for dense.
func TestMixturesRefused(t *testing.T) {
	const shapes = `"hidden_size":2048,"intermediate_size":1024,"num_hidden_layers":2,"num_attention_heads":16,"vocab_size":50304`
	for _, tt := range []struct{ why, more, words string }{
		{"a number under an unknown name", `"model_type":"newmoe","num_moe_experts":64`, "num_moe_experts"},
		{"an expert's width alone", `"model_type":"x","moe_intermediate_size":768`, "moe_intermediate_size"},
		{"active experts alone", `"model_type":"x","num_experts_per_tok":8`, "num_experts_per_tok"},
		{"a null in place of the number", `"model_type":"x","num_experts":null,"num_experts_per_tok":8`, "num_experts_per_tok"},
		{"an object", `"model_type":"x","moe_config":{"n":8}`, "moe_config"},
		{"a number in an object", `"model_type":"x","ffn":{"num_experts":64,"top_k":8}`, "ffn.num_experts"},
		{"a router alone", `"model_type":"x","router_top_k":8`, "router_top_k"},
		{"the name of the type alone", `"model_type":"foo_moe"`, "foo_moe"},
		{"the name of the architecture alone", `"model_type":"foo","architectures":["FooMoeForCausalLM"]`, "FooMoeForCausalLM"},
		{"a dense part beside the experts", `"model_type":"arctic","num_local_experts":128,"num_experts_per_tok":2`, "arctic"},
		{"experts without weights", `"model_type":"longcat","n_routed_experts":512,"moe_topk":12,"zero_expert_num":256`, "zero_expert_num"},
		{"widths that differ by modality", `"model_type":"ernie4_5_moe_vl","moe_num_experts":[64,64],"moe_k":6,"moe_intermediate_size":[1536,512]`, "moe_intermediate_size"},
		{"experts of two modalities", `"model_type":"ernie4_5_moe_vl","moe_num_experts":[64,64,64],"moe_k":6,"moe_intermediate_size":1536`, "moe_num_experts"},
		{"no active ones", `"model_type":"mixtral","num_local_experts":8`, "num_experts_per_tok"},
		{"more active than there are", `"model_type":"mixtral","num_local_experts":8,"num_experts_per_tok":9`, "more active experts"},
	} {
		_, _, err := ReadModel([]byte("{" + shapes + "," + tt.more + "}"))
		if err == nil || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: got %v, want a refusal with %q", tt.why, err, tt.words)
		}
	}
	for _, tt := range []struct{ why, more string }{
		{"none, in so many words", `"model_type":"granite","num_local_experts":0,"num_experts_per_tok":0`},
		{"one expert is a dense FFN", `"model_type":"x","num_experts":1,"num_experts_per_tok":1`},
		{"experts of the weights' format and of another modality", `"model_type":"llama","quantization_config":{"experts":{"bits":4}},"vision_config":{"num_experts":8}`},
		{"nulls and switches", `"model_type":"llama","num_experts":null,"moe":false,"router_aux_loss_coef":0.001`},
	} {
		m, _, err := ReadModel([]byte("{" + shapes + "," + tt.more + "}"))
		if err != nil || m.Experts != 0 {
			t.Errorf("%s: got %+v, %v, want a dense model", tt.why, m, err)
		}
	}
}

// TestPythonsNumbers: what Python's json writes is read, and what it refuses is
// refused.
func TestPythonsNumbers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "configs", "infinity.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Infinity", "-Infinity", "NaN"} {
		m, _, err := ReadModel([]byte(strings.Replace(string(text), "Infinity", word, 1)))
		if err != nil || math.Abs(m.Params()/7.6e9-1) > 0.03 {
			t.Errorf("%s: %v", word, err)
		}
	}
	for _, word := range []string{"nan", "Infinit", "infinity", "+Infinity", "Infinity7"} {
		if _, _, err := ReadModel([]byte(strings.Replace(string(text), "Infinity", word, 1))); err == nil || !strings.Contains(err.Error(), "config.json") {
			t.Errorf("%s: got %v, want a refusal with the file's name", word, err)
		}
	}
}
