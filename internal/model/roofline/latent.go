package roofline

import "fmt"

// A latentConfig is what a config.json says of multi-head latent attention
// (arXiv 2405.04434).
type latentConfig struct {
	KV    *int `json:"kv_lora_rank"`
	Query *int `json:"q_lora_rank"`
	Plain *int `json:"qk_nope_head_dim"`
	Rope  *int `json:"qk_rope_head_dim"`
	Value *int `json:"v_head_dim"`
}

// has reports whether the heads share a latent.
func (l *latentConfig) has() bool { return first(l.KV) > 0 }

// refuse names the widths that are missing.
func (l *latentConfig) refuse(modelType string) error {
	if l.has() && (first(l.Plain) <= 0 || first(l.Rope) <= 0 || first(l.Value) <= 0) {
		return fmt.Errorf("config.json: model_type %q has multi-head latent attention (kv_lora_rank) without its widths: qk_nope_head_dim, qk_rope_head_dim and v_head_dim are needed", modelType)
	}
	return nil
}

// take puts the widths into a model; its heads have no entries of their own.
func (l *latentConfig) take(m *Model) {
	if !l.has() {
		return
	}
	m.Latent, m.QueryLatent, m.Rope, m.ValueDim = *l.KV, first(l.Query), *l.Rope, *l.Value
	m.HeadDim, m.KVHeads = *l.Plain, m.Heads
}
