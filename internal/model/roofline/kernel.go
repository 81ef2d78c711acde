package roofline

import "fmt"

// resolved is a card's kernels with everything inherited filled in.
type resolved struct {
	gemm    map[string]GEMM // of precisions; efficiencies of the card's own rates
	moe     GEMM
	decode  Decode
	prefill Prefill
	layer   Layer
	sampler Sampler
	reduce  *AllReduce
	road    Road
}

// gemmKernels are the kernels that a card may have.
func gemmKernels() []string {
	return []string{"bf16", "fp8", "w8a16", "fp8w16", "w4a16", "w8a8", "mxfp4", "gptq", "awq", "moe", "head"}
}

// resolve fills a card's kernels from its sibling's and from the generic ones,
// and says so in their sources.
func (cat *Catalogue) resolve(c *Card, set Constants) (resolved, error) {
	var own, sibling, arch Kernels
	generation := c.Arch
	if c.Like != "" && generation == "" {
		if s := cat.Card(c.Like); s != nil {
			generation = s.Arch
		}
	}
	if a, ok := cat.arch[generation]; ok {
		arch = *a
	}
	if set == Measured {
		own = c.Kernels
		if c.Like != "" {
			s := cat.Card(c.Like)
			if s == nil {
				return resolved{}, fmt.Errorf("card %s: like %s: no such card in the catalogue", c.Name, c.Like)
			}
			sibling = s.Kernels
		}
	}
	chain := []struct {
		k    Kernels
		note string
	}{{own, ""}, {sibling, "generic, by sibling " + c.Like + ": "}, {arch, "of the generation " + generation + ": "}, {cat.generic, "generic: "}}
	r := resolved{gemm: map[string]GEMM{}}
	for _, name := range gemmKernels() {
		for _, l := range chain {
			g, ok := l.k.GEMM[name]
			if !ok || g == nil {
				continue
			}
			v := *g
			v.Source = l.note + v.Source
			v.Confirmed = v.Confirmed && l.note == ""
			if v.Relative {
				b := r.gemm["bf16"]
				v.Bytes, v.Flops = min(1, v.Bytes*b.Bytes), min(1, v.Flops*b.Flops)
			}
			r.gemm[name] = v
			break
		}
	}
	if _, ok := r.gemm["fp8w16"]; !ok {
		r.gemm["fp8w16"] = r.gemm["w8a16"]
	}
	if _, ok := r.gemm["head"]; !ok {
		r.gemm["head"] = r.gemm["bf16"]
	}
	r.moe = r.gemm["moe"]
	r.road = cat.roads[c.road()]
	for i := len(chain) - 1; i >= 0; i-- {
		r.take(chain[i].k, chain[i].note)
	}
	return r, nil
}

// take overwrites with what k has.
func (r *resolved) take(k Kernels, note string) {
	from := func(f *From) { f.Source = note + f.Source; f.Confirmed = f.Confirmed && note == "" }
	if k.Decode != nil {
		r.decode = *k.Decode
		from(&r.decode.From)
	}
	if k.Prefill != nil {
		r.prefill = *k.Prefill
		from(&r.prefill.From)
	}
	if k.Layer != nil {
		r.layer = *k.Layer
		from(&r.layer.From)
	}
	if k.Sampler != nil {
		r.sampler = *k.Sampler
		from(&r.sampler.From)
	}
	if k.AllReduce != nil {
		v := *k.AllReduce
		r.reduce = &v
		from(&r.reduce.From)
	}
}

// fastLink is the GB/s one way above which a link is no PCIe slot.
const fastLink = 100

// road is the kind of the card's link.
func (c *Card) road() string {
	switch {
	case c.Road != "":
		return c.Road
	case c.Link.Value > fastLink:
		return "nvlink"
	}
	return "pcie"
}

// Card is the card of this very name, nil where there is none.
func (c *Catalogue) Card(name string) *Card {
	for _, x := range c.cards {
		if x.Name == name {
			return x
		}
	}
	return nil
}
