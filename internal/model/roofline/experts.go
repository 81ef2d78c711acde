package roofline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// An expertConfig is what a config.json says of a mixture of experts. Every
// family names it anew; where several names of one thing are given, the first of
// the lists below counts.
type expertConfig struct {
	NumExperts    *counted `json:"num_experts"`       // Qwen, OLMoE, Hunyuan, Bailing
	LocalExperts  *counted `json:"num_local_experts"` // Mixtral, Llama 4, GPT-OSS, MiniMax
	RoutedExperts *counted `json:"n_routed_experts"`  // DeepSeek, GLM, dots
	MoEExperts    *counted `json:"moe_num_experts"`   // ERNIE, Step

	PerTok    *counted `json:"num_experts_per_tok"`
	PerToken  *counted `json:"experts_per_token"`
	MoEK      *counted `json:"moe_k"`
	MoETopK   *counted `json:"moe_topk"`
	MoETop_K  *counted `json:"moe_top_k"`
	TopExpert *counted `json:"top_k_experts"`

	Shared      *counted `json:"n_shared_experts"`
	MoEShared   *counted `json:"moe_num_shared_experts"`
	NumShared   *counted `json:"num_shared_experts"`
	NumShared1  *counted `json:"num_shared_expert"`
	SharedInner *counted `json:"shared_expert_intermediate_size"`     // of all together
	SharedAll   *counted `json:"shared_intermediate_size"`            // likewise
	SharedEach  *counted `json:"moe_shared_expert_intermediate_size"` // of one

	ExpertInner *counted `json:"moe_intermediate_size"`
	DenseInner  *counted `json:"intermediate_size_mlp"` // Llama 4, whose intermediate_size is an expert's

	FirstDense  *counted `json:"first_k_dense_replace"`
	NumDense    *counted `json:"num_dense_layers"`
	Start       *counted `json:"moe_layer_start_index"`
	End         *counted `json:"moe_layer_end_index"`
	Interval    *counted `json:"moe_layer_interval"`
	Interleave  *counted `json:"interleave_moe_layer_step"`
	SparseStep  *counted `json:"decoder_sparse_step"`
	Freq        *counted `json:"moe_layer_freq"`
	Frequency   *counted `json:"moe_layer_frequency"`
	DenseOnly   []int    `json:"mlp_only_layers"`
	MoELayers   []int    `json:"moe_layers"`
	LayersEnum  string   `json:"moe_layers_enum"`
	MLPLayers   []string `json:"mlp_layer_types"`
	ResidualMLP *bool    `json:"use_residual"` // a dense FFN beside the experts
}

// A counted is a count or width that some families write as a list: one value a
// layer, or one a modality.
type counted struct {
	n    int
	list []int
}

// UnmarshalJSON reads a number, a truth value or a list of them.
func (v *counted) UnmarshalJSON(b []byte) error {
	switch b = bytes.TrimSpace(b); {
	case len(b) > 0 && b[0] == '[':
		var list []counted
		if err := json.Unmarshal(b, &list); err != nil {
			return err
		}
		v.list = make([]int, len(list))
		for i, e := range list {
			v.list[i] = e.n
		}
		if len(list) > 0 {
			v.n = list[0].n
		}
		return nil
	case string(b) == "true":
		v.n = 1
		return nil
	case string(b) == "false", string(b) == "null":
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f != float64(int(f)) {
		return fmt.Errorf("%.40s is no count", b)
	}
	v.n = int(f)
	return nil
}

// of is the first of the numbers that is given, or 0.
func of(ps ...*counted) int {
	for _, p := range ps {
		if p != nil {
			return p.n
		}
	}
	return 0
}

// count is the number of experts of a layer; 0 for a dense model.
func (c *expertConfig) count() int {
	for _, p := range []*counted{c.NumExperts, c.LocalExperts, c.RoutedExperts, c.MoEExperts} {
		if p != nil && p.n > 1 {
			return p.n
		}
	}
	return 0
}

// denies reports whether the file says that there are no experts.
func (c *expertConfig) denies() bool {
	for _, p := range []*counted{c.NumExperts, c.LocalExperts, c.RoutedExperts, c.MoEExperts} {
		if p != nil && p.list == nil {
			return true
		}
	}
	return false
}

// checkExperts refuses by name what mixture would take for something else: a
// model that speaks of experts without a number of them, lists whose values
// differ, and parts that are not modelled.
func (c *config) checkExperts(members map[string]json.RawMessage) error {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("config.json: model_type %q is a mixture of experts that is not modelled: %s", c.ModelType, fmt.Sprintf(format, args...))
	}
	keys := slices.Sorted(maps.Keys(members))
	if c.count() == 0 {
		if c.denies() {
			return nil
		}
		if key, value := speaker(members); key != "" {
			return fault("it says %s: %.60s, and no number of experts under a known name", flat(key), flat(string(value)))
		}
		for _, name := range append(slices.Clone(c.Architectures), c.ModelType) {
			if isMixtureName(name) {
				return fault("it is a %s without a number of experts under a known name", name)
			}
		}
		return nil
	}
	if c.ResidualMLP != nil && *c.ResidualMLP || c.ModelType == "arctic" {
		return fault("its layers have a dense part beside the experts")
	}
	for _, key := range keys {
		low := strings.ToLower(key)
		if !speaks(key, members[key]) {
			continue
		}
		if strings.Contains(low, "zero_expert") || strings.Contains(low, "identity_expert") || strings.Contains(low, "copy_expert") {
			return fault("it says %s: %.60s", flat(key), flat(string(members[key])))
		}
		var v counted
		if low != "moe_layer_freq" && low != "mlp_only_layers" && low != "moe_layers" && low != "moe_layer_start_index" && low != "moe_layer_end_index" &&
			v.UnmarshalJSON(members[key]) == nil && differs(v.list) {
			return fault("%s differs from layer to layer or from modality to modality", flat(key))
		}
	}
	if n := c.count(); c.MoEExperts != nil && len(c.MoEExperts.list) > 1 && len(c.MoEExperts.list) != first(c.Layers) && n > 0 {
		return fault("moe_num_experts has %d values for %d layers", len(c.MoEExperts.list), first(c.Layers))
	}
	return nil
}

func differs(list []int) bool {
	for _, n := range list {
		if n != list[0] {
			return true
		}
	}
	return false
}

// speaker is the first member, of the file or of an object in it, that tells of
// experts. What stands for the weights' format or another modality is left out.
func speaker(members map[string]json.RawMessage) (key string, value json.RawMessage) {
	for _, key := range slices.Sorted(maps.Keys(members)) {
		value := members[key]
		if speaks(key, value) {
			return key, value
		}
		if key == "quantization_config" || strings.Contains(key, "vision") || strings.Contains(key, "audio") {
			continue
		}
		var inner map[string]json.RawMessage
		if json.Unmarshal(value, &inner) != nil {
			continue
		}
		if in, value := speaker(inner); in != "" {
			return key + "." + in, value
		}
	}
	return "", nil
}

// flat shows foreign text on one line, without control characters.
func flat(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}

// speaks reports whether a member of the file tells of experts: a number above
// 1, a list or an object under a name that has to do with them.
func speaks(key string, value json.RawMessage) bool {
	key = strings.ToLower(key)
	if !strings.Contains(key, "expert") && !strings.Contains(key, "moe") && !strings.Contains(key, "router") {
		return false
	}
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		return false
	}
	switch value[0] {
	case '[', '{':
		return len(bytes.TrimSpace(value[1:len(value)-1])) > 0
	case '"', 't', 'f', 'n':
		return false
	}
	f, err := strconv.ParseFloat(string(value), 64)
	return err == nil && f > 1
}

// isMixtureName reports whether an architecture's name tells of experts.
func isMixtureName(name string) bool {
	low := strings.ToLower(name)
	return strings.Contains(low, "moe") || strings.Contains(low, "mixtral") || strings.Contains(low, "mixtureofexperts")
}

// mixture takes the experts over.
func (c *config) mixture(m *Model) {
	if m.Experts = c.count(); m.Experts == 0 {
		return
	}
	m.Active = of(c.PerTok, c.PerToken, c.MoEK, c.MoETopK, c.MoETop_K, c.TopExpert)
	m.ExpertInner = of(c.ExpertInner)
	if m.ExpertInner == 0 {
		m.ExpertInner = first(c.Inner)
	}
	shared := of(c.Shared, c.MoEShared, c.NumShared, c.NumShared1)
	switch {
	case of(c.SharedInner, c.SharedAll) > 0:
		m.SharedInner = of(c.SharedInner, c.SharedAll)
	case of(c.SharedEach) > 0:
		m.SharedInner = max(shared, 1) * c.SharedEach.n
	case strings.HasPrefix(c.ModelType, "llama4"):
		m.SharedInner = m.ExpertInner
	default:
		m.SharedInner = shared * m.ExpertInner
	}
	if n := of(c.DenseInner); n > 0 {
		m.Inner = n
	}
	for i := range m.Layers {
		if !c.isMixture(i, m.Layers) {
			m.DenseLayers++
		}
	}
	if m.DenseLayers == 0 {
		m.Inner = 0
	}
}

// isMixture reports whether layer i of a mixture has experts.
func (c *expertConfig) isMixture(i, layers int) bool {
	every := func(step *counted, at int) bool { return of(step) <= 1 || at%step.n == 0 }
	switch {
	case c.MoELayers != nil:
		return slices.Contains(c.MoELayers, i)
	case c.LayersEnum != "":
		return slices.ContainsFunc(strings.Split(c.LayersEnum, ","), func(s string) bool { return strings.TrimSpace(s) == strconv.Itoa(i) })
	case i < len(c.MLPLayers):
		return c.MLPLayers[i] != "dense"
	case c.Freq != nil && i < len(c.Freq.list):
		return c.Freq.list[i] != 0
	}
	end := layers - 1
	if n := most(c.End); n > 0 {
		end = n
	}
	return i >= of(c.FirstDense, c.NumDense) && i >= least(c.Start) && i <= end && !slices.Contains(c.DenseOnly, i) &&
		every(c.Interval, i+1) && every(c.Interleave, i+1) && every(c.SparseStep, i+1) && every(c.Frequency, i+1) && every(c.Freq, i)
}

// least and most are of a number's values: a start and an end may be given for
// each modality.
func least(p *counted) int {
	if p == nil || len(p.list) == 0 {
		return of(p)
	}
	return slices.Min(p.list)
}

func most(p *counted) int {
	if p == nil || len(p.list) == 0 {
		return of(p)
	}
	return slices.Max(p.list)
}
