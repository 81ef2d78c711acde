package roofline

import (
	"fmt"
	"maps"
	"slices"
)

// An adder takes one constant with where it comes from.
type adder func(from From, name, unit string, value float64)

// into is an adder that appends.
func into(out *[]Constant) adder {
	return func(from From, name, unit string, v float64) {
		*out = append(*out, Constant{Name: name, Unit: unit, Value: v, Source: from.Source, Confirmed: from.Confirmed})
	}
}

// Constants lists every constant of the kernels that are there, with unit and
// source, in a fixed order: what a card has of its own.
func (k Kernels) Constants() []Constant {
	var out []Constant
	add := into(&out)
	for _, name := range gemmKernels() {
		if g := k.GEMM[name]; g != nil {
			g.list(name, add)
		}
	}
	if k.Decode != nil {
		k.Decode.list(add)
	}
	if k.Prefill != nil {
		k.Prefill.list(add)
	}
	if k.Layer != nil {
		k.Layer.list(add, true)
	}
	if k.Sampler != nil {
		k.Sampler.list(add)
	}
	if k.AllReduce != nil {
		for _, p := range slices.Sorted(maps.Keys(k.AllReduce.Times)) {
			k.AllReduce.list(p, add)
		}
	}
	return out
}

func (g *GEMM) list(name string, add adder) {
	bytes, flops := "of the bandwidth", "of the peak"
	if g.Relative {
		bytes, flops = "of bf16's", "of bf16's"
	}
	add(g.From, name+" bytes", bytes, g.Bytes)
	add(g.From, name+" flops", flops, g.Flops)
	add(g.From, name+" sharpness", "exponent", g.Sharpness)
	add(g.From, name+" floor", "us", g.Floor)
	if g.Wide > 0 {
		add(g.From, name+" lost above 16 rows", "of its bytes", g.Wide)
	}
}

func (d *Decode) list(add adder) {
	add(d.From, "decode attention floor", "us a layer", d.Floor)
	add(d.From, "decode attention bytes", "of the bandwidth", d.Bytes)
	add(d.From, "decode attention fill", "us a layer", d.Fill)
	add(d.From, "decode attention fill, half at", "sequences", d.FillSeqs)
	add(d.From, "decode attention fill, at most", "of the bytes' time", d.FillShare)
	add(d.From, "decode attention tail", "sequences", d.Tail)
	if d.Mixed > 0 {
		add(d.From, "decode attention beside prompts, bytes", "of the bandwidth at 4 query heads a KV head", d.Mixed)
		add(d.From, "decode attention beside prompts, a sequence", "us at 32 query heads", d.MixedSeq)
		add(d.From, "decode attention beside prompts, longest", "ns a token", d.Serial)
	}
}

func (p *Prefill) list(add adder) {
	add(p.From, "prompt attention floor", "us a layer", p.Floor)
	add(p.From, "prompt attention flops", "of the 16-bit peak", p.Flops)
	add(p.From, "prompt attention flops, half at", "tokens looked at", p.Half)
}

func (l *Layer) list(add adder, normed bool) {
	add(l.From, "small kernels floor", "us a layer", l.Floor)
	add(l.From, "small kernels bytes", "of the bandwidth", l.Bytes)
	if normed {
		add(l.From, "norm of queries and keys", "us a layer", l.QKNorm)
	}
}

func (s *Sampler) list(add adder) {
	add(s.From, "sampler floor", "us a step", s.Floor)
	add(s.From, "sampler row", "us", s.Row)
	if s.Spill > 0 {
		add(s.From, fmt.Sprintf("sampler row above %v, more", s.Rows), "us", s.Spill)
	}
}

// list gives the two ends of the table for p cards.
func (a *AllReduce) list(p int, add adder) {
	times := a.Times[p]
	last := len(a.Bytes) - 1
	add(a.From, fmt.Sprintf("all-reduce of %v bytes, %d cards", a.Bytes[0], p), "us", times[0])
	add(a.From, fmt.Sprintf("all-reduce of %.0f bytes, %d cards", a.Bytes[last], p), "us", times[last])
}
