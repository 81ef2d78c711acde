package roofline

// A Model is the shapes of a decoder, per layer and whole. Widths are elements.
type Model struct {
	Name    string   `yaml:"name"`
	Aliases []string `yaml:"aliases"` // Hugging Face names, lower case
	Layers  int      `yaml:"layers"`
	Hidden  int      `yaml:"hidden"`
	Heads   int      `yaml:"heads"`
	KVHeads int      `yaml:"kv_heads"`
	HeadDim int      `yaml:"head_dim"`
	Inner   int      `yaml:"inner"` // of a dense layer's FFN
	Vocab   int      `yaml:"vocab"`
	Tied    bool     `yaml:"tied"`    // the input embedding is the output's too
	MaxLen  int      `yaml:"max_len"` // max_position_embeddings

	Experts      int    `yaml:"experts"`       // of a layer; 0 when dense
	Active       int    `yaml:"active"`        // experts that a token visits
	ExpertInner  int    `yaml:"expert_inner"`  // of one expert's FFN
	SharedInner  int    `yaml:"shared_inner"`  // of the FFN that every token visits beside its experts
	DenseLayers  int    `yaml:"dense_layers"`  // layers of a mixture that have a dense FFN of width Inner
	Ungated      bool   `yaml:"ungated"`       // the FFN has two matrices, not three
	QKVBias      bool   `yaml:"qkv_bias"`      // the projections have biases
	QKNorm       bool   `yaml:"qk_norm"`       // queries and keys are normed
	Window       int    `yaml:"window"`        // tokens that a sliding layer looks back; 0 for none
	WindowLayers int    `yaml:"window_layers"` // layers that slide
	Latent       int    `yaml:"latent"`        // width of the entry that all heads share in the cache (kv_lora_rank); 0 for heads of their own
	QueryLatent  int    `yaml:"query_latent"`  // q_lora_rank; 0 for none
	Rope         int    `yaml:"rope"`          // qk_rope_head_dim: beside the latent in the cache, and beside head_dim in a query
	ValueDim     int    `yaml:"value_dim"`     // v_head_dim
	Precision    string `yaml:"precision"`     // that the checkpoint is stored in, where not 16 bit
	Source       string `yaml:"source"`
}

// attnWeights are the weights of one layer's projections.
func (m *Model) attnWeights() float64 {
	if m.Latent > 0 {
		h, a, query := float64(m.Hidden), float64(m.Heads), float64(m.Heads*(m.HeadDim+m.Rope))
		n := h*float64(m.Latent+m.Rope) + float64(m.Latent)*a*float64(m.HeadDim+m.ValueDim) + a*float64(m.ValueDim)*h
		if m.QueryLatent > 0 {
			return n + float64(m.QueryLatent)*(h+query)
		}
		return n + h*query
	}
	return float64(m.Hidden)*float64((m.Heads+2*m.KVHeads)*m.HeadDim) + float64(m.Heads*m.HeadDim)*float64(m.Hidden)
}

// matrices is how many matrices of hidden × inner an FFN has.
func (m *Model) matrices() float64 {
	if m.Ungated {
		return 2
	}
	return 3
}

// mixLayers is how many layers have experts.
func (m *Model) mixLayers() float64 {
	if m.Experts == 0 {
		return 0
	}
	return float64(m.Layers - m.DenseLayers)
}

// denseWeights are the weights of all dense FFNs, shared experts among them.
func (m *Model) denseWeights() float64 {
	h, n := float64(m.Hidden), m.matrices()
	return (float64(m.Layers)-m.mixLayers())*n*h*float64(m.Inner) + m.mixLayers()*n*h*float64(m.SharedInner)
}

// expertWeights are the weights of one expert of one layer.
func (m *Model) expertWeights() float64 {
	return m.matrices() * float64(m.Hidden) * float64(m.ExpertInner)
}

// smallWeights are routers, norms and biases, which stay 16 bit in any format.
func (m *Model) smallWeights() float64 {
	h := float64(m.Hidden)
	n := float64(m.Layers)*2*h + h + m.mixLayers()*h*float64(m.Experts)
	if m.QKVBias {
		n += float64(m.Layers) * float64((m.Heads+2*m.KVHeads)*m.HeadDim)
	}
	return n
}

// headWeights are those of the output embedding.
func (m *Model) headWeights() float64 { return float64(m.Vocab) * float64(m.Hidden) }

// Params is the number of the model's weights.
func (m *Model) Params() float64 {
	n := m.ReadParams() + m.headWeights()
	if m.Tied {
		n -= m.headWeights()
	}
	return n
}

// ReadParams is the number of weights that a step of many tokens reads: all but
// the input embedding, of which only single rows are read.
func (m *Model) ReadParams() float64 {
	return float64(m.Layers)*m.attnWeights() + m.denseWeights() +
		m.mixLayers()*float64(m.Experts)*m.expertWeights() + m.smallWeights() + m.headWeights()
}

// ActiveParams is the number of weights that one token needs.
func (m *Model) ActiveParams() float64 {
	return m.ReadParams() - m.mixLayers()*float64(m.Experts-m.Active)*m.expertWeights()
}

// KVBytesPerToken is what one token's KV entries take on all cards together, at
// 2 bytes an element, or 1 with an fp8 cache. Sliding layers count in full.
func (m *Model) KVBytesPerToken(elementBytes float64) float64 {
	return 2 * float64(m.Layers) * float64(m.KVHeads*m.HeadDim) * elementBytes
}
