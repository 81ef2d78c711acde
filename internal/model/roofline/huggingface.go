package roofline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/python"
)

// A config is what is read of a Hugging Face config.json. Numbers that may be
// null are pointers.
type config struct {
	ModelType     string   `json:"model_type"`
	Architectures []string `json:"architectures"`
	Text          *config  `json:"text_config"`

	Hidden  *int  `json:"hidden_size"`
	Layers  *int  `json:"num_hidden_layers"`
	Heads   *int  `json:"num_attention_heads"`
	KVHeads *int  `json:"num_key_value_heads"`
	HeadDim *int  `json:"head_dim"`
	Inner   *int  `json:"intermediate_size"`
	Vocab   *int  `json:"vocab_size"`
	MaxLen  *int  `json:"max_position_embeddings"`
	Tied    *bool `json:"tie_word_embeddings"`

	Embd   *int `json:"n_embd"` // GPT-2's names
	NLayer *int `json:"n_layer"`
	NHead  *int `json:"n_head"`
	NInner *int `json:"n_inner"`
	NPos   *int `json:"n_positions"`

	expertConfig

	Window        *int     `json:"sliding_window"`
	UseWindow     *bool    `json:"use_sliding_window"`
	WindowPattern *int     `json:"sliding_window_pattern"`
	MaxWindow     *int     `json:"max_window_layers"`
	LayerTypes    []string `json:"layer_types"`
	Bias          *bool    `json:"attention_bias"`

	latentConfig
	Quant *quantization `json:"quantization_config"`
}

// quantization is how a checkpoint says that it is quantized.
type quantization struct {
	Method string `json:"quant_method"`
	Bits   *int   `json:"bits"`
	WBits  *int   `json:"w_bit"`
	Groups map[string]struct {
		Weights *struct {
			Bits *int   `json:"num_bits"`
			Type string `json:"type"`
		} `json:"weights"`
		Inputs *struct {
			Bits *int `json:"num_bits"`
		} `json:"input_activations"`
	} `json:"config_groups"`
}

// ReadModel reads a model from the bytes of a Hugging Face config.json. Its
// Precision is what quantization_config says. The name is model_type: the caller
// knows a better one. Notes tell what was assumed. An architecture that is not
// known is taken as a gated decoder when all shapes are there, with a note; one
// that is neither per head nor over a latent (state-space, linear) is refused by
// name.
func ReadModel(data []byte) (m *Model, notes []string, err error) {
	if len(data) > maxFile {
		return nil, nil, fmt.Errorf("config.json: %d bytes: at most %d are read", len(data), maxFile)
	}
	var c config
	data = python.StrictJSON(data)
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, nil, fmt.Errorf("config.json: %w", err)
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(data, &members) // it has just been read
	if c.Text != nil {
		if c.Text.Quant == nil {
			c.Text.Quant = c.Quant
		}
		if c.Text.ModelType == "" {
			c.Text.ModelType = c.ModelType
		}
		if c.Text.Tied == nil {
			c.Text.Tied = c.Tied
		}
		if c.Text.Architectures == nil {
			c.Text.Architectures = c.Architectures
		}
		c = *c.Text
		text := members["text_config"]
		members = nil
		_ = json.Unmarshal(text, &members)
		notes = append(notes, "only the text part of the model is modelled")
	}
	if err := c.refuse(); err != nil {
		return nil, nil, err
	}
	if err := c.checkExperts(members); err != nil {
		return nil, nil, err
	}
	if !slices.Contains(known(), c.ModelType) {
		notes = append(notes, fmt.Sprintf("model_type %q is not known: taken as a decoder with a gated FFN", c.ModelType))
	}
	m = c.model()
	note := c.quantize(m)
	if note != "" {
		notes = append(notes, note)
	}
	if missing := c.missing(m); len(missing) > 0 {
		return nil, nil, fmt.Errorf("config.json of %q: missing %s", m.Name, strings.Join(missing, ", "))
	}
	if err := m.check(); err != nil {
		return nil, nil, fmt.Errorf("config.json: %w", err)
	}
	return m, notes, nil
}

// known are the architectures whose shapes mean what model takes them for.
func known() []string {
	return []string{
		"llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "gpt_oss", "phi3", "gemma", "gemma2",
		"gemma3", "gemma3_text", "granite", "olmo2", "smollm3", "gpt2", "opt", "starcoder2",
		"glm4_moe", "ernie4_5", "ernie4_5_moe", "deepseek", "dots1", "hunyuan_v1_moe", "llama4", "llama4_text", "olmoe", "phimoe",
		"granitemoe", "granitemoeshared", "minimax_m2", "bailing_moe",
	}
}

// refuse names what this model of a step does not cover.
func (c *config) refuse() error {
	if err := c.latentConfig.refuse(c.ModelType); err != nil {
		return err
	}
	for _, t := range c.LayerTypes {
		if !strings.HasSuffix(t, "_attention") || t == "linear_attention" {
			return fmt.Errorf("config.json: model_type %q has layers of type %q, which are not modelled: full and sliding attention are", c.ModelType, t)
		}
	}
	for _, t := range []string{"mamba", "rwkv", "jamba", "bamba", "qwen3_next", "nemotron_h", "recurrent_gemma", "t5", "bert", "whisper", "deepseek_v"} {
		if strings.Contains(strings.ToLower(c.ModelType), t) && !c.has() {
			return fmt.Errorf("config.json: model_type %q is not modelled: decoders with attention per head or over a latent are", c.ModelType)
		}
	}
	return nil
}

// first is the first number that is given, or 0.
func first(ps ...*int) int {
	for _, p := range ps {
		if p != nil {
			return *p
		}
	}
	return 0
}

// model takes the shapes over.
func (c *config) model() *Model {
	m := &Model{
		Name: c.ModelType, Source: "config.json",
		Hidden: first(c.Hidden, c.Embd), Layers: first(c.Layers, c.NLayer), Heads: first(c.Heads, c.NHead),
		Inner: first(c.Inner, c.NInner), Vocab: first(c.Vocab), MaxLen: first(c.MaxLen, c.NPos),
		QKVBias: c.Bias != nil && *c.Bias || strings.HasPrefix(c.ModelType, "qwen2"),
		QKNorm:  strings.HasPrefix(c.ModelType, "qwen3") || strings.HasPrefix(c.ModelType, "gemma3") || c.ModelType == "olmo2",
		Ungated: slices.Contains([]string{"gpt2", "opt", "starcoder2", "gpt_neox", "phi", "falcon", "bloom"}, c.ModelType),
	}
	if m.Name == "" {
		m.Name = "unnamed"
	}
	if m.KVHeads = first(c.KVHeads); m.KVHeads == 0 {
		m.KVHeads = m.Heads
	}
	if m.HeadDim = first(c.HeadDim); m.HeadDim == 0 && m.Heads > 0 {
		m.HeadDim = m.Hidden / m.Heads
	}
	if c.ModelType == "gpt2" && m.Inner == 0 {
		m.Inner = 4 * m.Hidden
	}
	m.Tied = strings.HasPrefix(c.ModelType, "gemma") || c.ModelType == "gpt2" || c.ModelType == "opt"
	if c.Tied != nil {
		m.Tied = *c.Tied
	}
	c.latentConfig.take(m)
	c.mixture(m)
	c.slide(m)
	return m
}

// slide takes sliding windows over: from the list of layers, from the pattern of
// the architecture, else for all layers.
func (c *config) slide(m *Model) {
	w := first(c.Window)
	if w <= 0 || c.UseWindow != nil && !*c.UseWindow || strings.HasPrefix(c.ModelType, "qwen2") && c.UseWindow == nil {
		return
	}
	m.Window = w
	switch pattern := first(c.WindowPattern); {
	case len(c.LayerTypes) > 0:
		for _, t := range c.LayerTypes {
			if t == "sliding_attention" {
				m.WindowLayers++
			}
		}
	case pattern > 1:
		m.WindowLayers = m.Layers - m.Layers/pattern
	case strings.HasPrefix(c.ModelType, "gemma3"):
		m.WindowLayers = m.Layers - m.Layers/6
	case c.ModelType == "gemma2", c.ModelType == "gpt_oss":
		m.WindowLayers = (m.Layers + 1) / 2
	case c.MaxWindow != nil && strings.HasPrefix(c.ModelType, "qwen"):
		m.WindowLayers = max(0, m.Layers-*c.MaxWindow)
	default:
		m.WindowLayers = m.Layers
	}
	if m.WindowLayers == 0 || m.MaxLen > 0 && w >= m.MaxLen {
		m.Window, m.WindowLayers = 0, 0
	}
}

// missing are the needed shapes by the names of config.json.
func (c *config) missing(m *Model) []string {
	var out []string
	for _, n := range []struct {
		name string
		v    int
	}{
		{"hidden_size", m.Hidden}, {"num_hidden_layers", m.Layers}, {"num_attention_heads", m.Heads},
		{"head_dim", m.HeadDim}, {"vocab_size", m.Vocab},
	} {
		if n.v == 0 {
			out = append(out, n.name)
		}
	}
	if m.Experts == 0 && m.Inner == 0 {
		out = append(out, "intermediate_size")
	}
	if m.Experts > 0 && m.Active == 0 {
		out = append(out, "num_experts_per_tok")
	}
	if m.Experts > 0 && m.ExpertInner == 0 {
		out = append(out, "moe_intermediate_size")
	}
	return out
}

// quantize sets the precision of the checkpoint; the note says what is not known.
func (c *config) quantize(m *Model) string {
	q := c.Quant
	if q == nil {
		return ""
	}
	bits := first(q.Bits, q.WBits)
	switch method := strings.ToLower(q.Method); {
	case (method == "gptq" || method == "awq" || method == "auto-round") && (bits == 8 || bits == 4 || bits == 0):
		m.Precision = "int4"
		if bits == 8 {
			m.Precision = "int8"
		}
		return ""
	case method == "fp8" || method == "fbgemm_fp8" || method == "mxfp4":
		m.Precision, _ = NamePrecision(method)
		return ""
	case method == "compressed-tensors":
		m.Precision = q.compressed()
		if m.Precision != "" {
			return ""
		}
	}
	return fmt.Sprintf("quantization %q of %d bits is not known: taken as 16 bit where no precision is given", q.Method, bits)
}

// compressed is the precision of a compressed-tensors checkpoint, "" where it is
// none that is known.
func (q *quantization) compressed() string {
	for _, g := range q.Groups { // groups of one checkpoint differ in targets, not in format
		if g.Weights == nil || g.Weights.Bits == nil {
			continue
		}
		switch b := *g.Weights.Bits; {
		case g.Weights.Type == "float" && b == 8:
			return "fp8"
		case g.Weights.Type == "int" && b == 8 && g.Inputs != nil && g.Inputs.Bits != nil && *g.Inputs.Bits == 8:
			return "w8a8"
		case g.Weights.Type == "int" && b == 8:
			return "int8"
		case g.Weights.Type == "int" && b == 4:
			return "int4"
		}
	}
	return ""
}
