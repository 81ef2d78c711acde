package roofline

import (
	"math"
	"strings"
	"testing"
)

// The dense shapes of DeepSeek-V2-Lite's attention: 13.5 million weights a layer
// and 576 elements of cache a token, whatever the number of heads.
func TestLatent(t *testing.T) {
	m, _, err := ReadModel([]byte(`{"model_type":"deepseek_v2","hidden_size":2048,"num_hidden_layers":27,"num_attention_heads":16,"num_key_value_heads":16,
		"intermediate_size":10944,"vocab_size":102400,"max_position_embeddings":163840,"kv_lora_rank":512,"q_lora_rank":null,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128}`))
	if err != nil {
		t.Fatal(err)
	}
	// q 2048×16×192, kv_a 2048×576, kv_b 512×16×256, o 2048×2048
	if want := 2048*16*192 + 2048*576 + 512*16*256 + 16*128*2048.0; m.attnWeights() != want {
		t.Errorf("%v weights in a layer's attention, want %v", m.attnWeights(), want)
	}
	card, _ := FindCard("h100")
	for _, tp := range []int{1, 2} {
		machine, err := New(Setup{Model: m, Card: card, TP: tp})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := machine.KVBytesPerToken()/float64(tp), 576*2*27.0; math.Abs(got-want) > 1e-6 {
			t.Errorf("tp %d: %v bytes of cache a token and card, want %v: each holds the latent whole", tp, got, want)
		}
	}
	machine, err := New(Setup{Model: m, Card: card})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := machine.ReadBytes(1)+2*m.headWeights()+2*m.smallWeights(), 2*m.Params(); math.Abs(got/want-1) > 0.001 {
		t.Errorf("the machine has %v bytes of weights, the model %v", got, want)
	}
	if _, err := ReadModelYAML([]byte("{name: x, layers: 1, hidden: 8, heads: 2, vocab: 10, inner: 8, latent: 4}")); err == nil || !strings.Contains(err.Error(), "latent needs rope and value_dim") {
		t.Errorf("got %v", err)
	}
}
