package roofline

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkName wants a name that tables and messages can show as it is: one line
// of UTF-8 without control characters, and not empty.
func checkName(kind, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a %s has no name: give it one", kind)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("a %s is named %q: a name is one line of printable text", kind, name)
	}
	return nil
}

// check tells what is missing or impossible.
func (c *Card) check() error {
	if err := checkName("card", c.Name); err != nil {
		return err
	}
	names := quantityKeys()
	for i, q := range c.quantities() {
		if math.IsNaN(q.Value) || math.IsInf(q.Value, 0) || q.Value < 0 || q.Value > 1e9 {
			return fmt.Errorf("card %s: %s: %v is no possible value", c.Name, names[i], q.Value)
		}
		if i < 3 && q.Value == 0 {
			return fmt.Errorf("card %s: %s is missing: give a number or {value: …, source: …}", c.Name, names[i])
		}
		if q.Value > 0 && q.Value < 1e-3 {
			return fmt.Errorf("card %s: %s: %v is no possible value", c.Name, names[i], q.Value)
		}
	}
	if h := c.Host; h != nil {
		for _, l := range []limit{{"step_ms", h.Step, 0, 1e4}, {"seq_us", h.Seq, 0, 1e6}, {"frontend_ms", h.Frontend, 0, 1e5}, {"frontend_token_us", h.FrontendToken, 0, 1e6}} {
			if !(l.v >= l.low && l.v <= l.top) {
				return fmt.Errorf("card %s: host: %s: %v must be between %v and %v", c.Name, l.name, l.v, l.low, l.top)
			}
		}
	}
	if err := c.Kernels.check(); err != nil {
		return fmt.Errorf("card %s: kernels: %w", c.Name, err)
	}
	return nil
}

// A limit is a constant with the least and the most that it can be.
type limit struct {
	name        string
	v, low, top float64
}

// check tells which constant is impossible. Efficiencies are above 0 and, but
// for the small kernels', at most 1: else a step could be faster than light.
func (k *Kernels) check() error {
	var all []limit
	for name, g := range k.GEMM {
		if !slices.Contains(gemmKernels(), name) {
			return fmt.Errorf("gemm %q is not known: use %s", name, strings.Join(gemmKernels(), ", "))
		}
		if g == nil {
			return fmt.Errorf("gemm %s is empty: give bytes, flops and sharpness", name)
		}
		most := 1.0
		if g.Relative { // the product is cut at 1
			most = 2
		}
		all = append(all, limit{name + " bytes", g.Bytes, 0.01, most}, limit{name + " flops", g.Flops, 0.01, most}, limit{name + " sharpness", g.Sharpness, 1, 100},
			limit{name + " floor_us", g.Floor, 0, 1e6}, limit{name + " wide", g.Wide, 0, 0.9})
	}
	if d := k.Decode; d != nil {
		all = append(all, limit{"decode bytes", d.Bytes, 0.01, 1}, limit{"decode floor_us", d.Floor, 0, 1e6}, limit{"decode fill_us", d.Fill, 0, 1e6},
			limit{"decode fill_seqs", d.FillSeqs, 0, 1e6}, limit{"decode fill_share", d.FillShare, 0, 100}, limit{"decode tail", d.Tail, 0, 100},
			limit{"decode mixed", d.Mixed, 0, 1}, limit{"decode mixed_seq_us", d.MixedSeq, 0, 1e6}, limit{"decode serial_ns", d.Serial, 0, 1e6})
	}
	if p := k.Prefill; p != nil {
		all = append(all, limit{"prefill flops", p.Flops, 0.01, 1}, limit{"prefill floor_us", p.Floor, 0, 1e6}, limit{"prefill half", p.Half, 0, 1e6})
	}
	if l := k.Layer; l != nil {
		all = append(all, limit{"layer bytes", l.Bytes, 0.01, 100}, limit{"layer floor_us", l.Floor, 0, 1e6}, limit{"layer qk_norm_us", l.QKNorm, 0, 1e6})
	}
	if s := k.Sampler; s != nil {
		all = append(all, limit{"sampler floor_us", s.Floor, 0, 1e6}, limit{"sampler row_us", s.Row, 0, 1e6}, limit{"sampler rows", s.Rows, 0, 1e6}, limit{"sampler spill_us", s.Spill, 0, 1e6})
	}
	for _, l := range all {
		if !(l.v >= l.low && l.v <= l.top) {
			return fmt.Errorf("%s: %v must be between %v and %v", l.name, l.v, l.low, l.top)
		}
	}
	if k.AllReduce != nil {
		return k.AllReduce.check()
	}
	return nil
}

// check wants ascending sizes and as many times, above 0 and not falling.
func (a *AllReduce) check() error {
	if len(a.Bytes) == 0 {
		return errors.New("all_reduce: bytes is empty")
	}
	for i, b := range a.Bytes {
		if !(b > 0 && b < 1e15) || i > 0 && b <= a.Bytes[i-1] {
			return fmt.Errorf("all_reduce: bytes: %v must be above 0 and above the one before", b)
		}
	}
	for p, ts := range a.Times {
		if len(ts) != len(a.Bytes) {
			return fmt.Errorf("all_reduce: %d cards have %d times for %d sizes", p, len(ts), len(a.Bytes))
		}
		for i, t := range ts {
			if !(t > 0 && t < 1e12) || i > 0 && t < ts[i-1] {
				return fmt.Errorf("all_reduce: %d cards: time %v must be above 0 and no less than the one before", p, t)
			}
		}
	}
	return nil
}

// check tells which shapes are missing or impossible.
func (m *Model) check() error {
	if err := checkName("model", m.Name); err != nil {
		return err
	}
	need := []struct {
		name string
		v    int
	}{
		{"layers", m.Layers}, {"hidden", m.Hidden}, {"heads", m.Heads}, {"kv_heads", m.KVHeads},
		{"head_dim", m.HeadDim}, {"vocab", m.Vocab},
	}
	var missing []string
	for _, n := range need {
		if n.v <= 0 {
			missing = append(missing, n.name)
		}
		if n.v > 1<<24 {
			return fmt.Errorf("model %s: %s: %d is no possible width", m.Name, n.name, n.v)
		}
	}
	if m.Experts == 0 && m.Inner <= 0 {
		missing = append(missing, "inner")
	}
	if m.Experts > 0 && (m.ExpertInner <= 0 || m.Active <= 0) {
		missing = append(missing, "expert_inner", "active")
	}
	if len(missing) > 0 {
		return fmt.Errorf("model %s: missing %s", m.Name, strings.Join(missing, ", "))
	}
	for _, v := range []int{m.Inner, m.MaxLen, m.Experts, m.Active, m.ExpertInner, m.SharedInner, m.DenseLayers, m.Window, m.WindowLayers, m.Latent, m.QueryLatent, m.Rope, m.ValueDim} {
		if v < 0 || v > 1<<30 {
			return fmt.Errorf("model %s: %d is no possible width or count", m.Name, v)
		}
	}
	if m.Latent > 0 && (m.Rope <= 0 || m.ValueDim <= 0) {
		return fmt.Errorf("model %s: latent needs rope and value_dim", m.Name)
	}
	if m.KVHeads > m.Heads {
		return fmt.Errorf("model %s: %d KV heads for %d heads: there are at most as many", m.Name, m.KVHeads, m.Heads)
	}
	if m.Active > m.Experts || m.DenseLayers > m.Layers || m.WindowLayers > m.Layers {
		return fmt.Errorf("model %s: more active experts, dense or sliding layers than there are", m.Name)
	}
	return nil
}
