package roofline

import "strconv"

// user is the source of what a file of the user's says without a source.
const user = "the user's file"

// Explain lists every constant that the Machine uses, the card's first. With
// Ideal constants these are the datasheet's alone.
func (m *Machine) Explain() []Constant {
	c, s := m.setup.Card, &m.setup
	var out []Constant
	quantity := func(name, unit string, q Quantity) {
		out = append(out, Constant{Name: c.Name + " " + name, Unit: unit, Value: q.Value, Source: q.Source, Confirmed: q.Confirmed})
	}
	quantity("bandwidth", "GB/s", c.Bandwidth)
	quantity("fp16 peak", "TFLOPS", c.FP16)
	switch m.fmt.unit {
	case "fp8":
		quantity("fp8 peak", "TFLOPS", c.FP8)
	case "int8":
		quantity("int8 peak", "TOPS", c.Int8)
	case "fp4":
		quantity("fp4 peak", "TFLOPS", c.FP4)
	}
	quantity("memory", "GiB", c.Memory)
	if s.TP > 1 {
		quantity("link", "GB/s", c.Link)
	}
	format := From{"definition of the format: the weight and its share of scales and zeros", true}
	add := func(from From, name, unit string, v float64) {
		out = append(out, Constant{Name: name, Unit: unit, Value: v, Source: from.Source, Confirmed: from.Confirmed})
	}
	add(format, s.Precision+" weight", "bytes", m.fmt.bytes)
	add(From{s.Model.Source, true}, s.Model.Name+" weights", "billions", s.Model.Params()/1e9)
	if m.ideal {
		return out
	}
	m.explainGEMMs(add)
	m.explainRest(add)
	return out
}

// explainGEMMs lists the matrix multiplications in use: the 16-bit
// ones of head and attention, the precision's and the experts'.
func (m *Machine) explainGEMMs(add func(From, string, string, float64)) {
	names := []string{"bf16"}
	if k := m.kernel.gemm["head"]; k != m.kernel.gemm["bf16"] {
		names = append(names, "head")
	}
	if m.fmt.kernel != "bf16" {
		names = append(names, m.fmt.kernel)
	}
	if m.expert.times > 0 {
		names = append(names, "moe")
	}
	for _, n := range names {
		g := m.kernel.gemm[n]
		add(g.From, n+" bytes", "of the bandwidth", g.Bytes)
		add(g.From, n+" flops", "of the peak", g.Flops)
		add(g.From, n+" sharpness", "exponent", g.Sharpness)
		add(g.From, n+" floor", "us", g.Floor)
		if g.Wide > 0 {
			add(g.From, n+" lost above 16 rows", "of its bytes", g.Wide)
		}
	}
}

// explainRest lists attention, the small kernels, links, host and memory.
func (m *Machine) explainRest(add func(From, string, string, float64)) {
	k := &m.kernel
	d := &k.decode
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
	p, l, s := &k.prefill, &k.layer, &k.sampler
	add(p.From, "prompt attention floor", "us a layer", p.Floor)
	add(p.From, "prompt attention flops", "of the 16-bit peak", p.Flops)
	add(p.From, "prompt attention flops, half at", "tokens looked at", p.Half)
	add(l.From, "small kernels floor", "us a layer", l.Floor)
	if m.setup.Model.QKNorm {
		add(l.From, "norm of queries and keys", "us a layer", l.QKNorm)
	}
	add(l.From, "small kernels bytes", "of the bandwidth", l.Bytes)
	add(s.From, "sampler floor", "us a step", s.Floor)
	add(s.From, "sampler row", "us", s.Row)
	if s.Spill > 0 {
		add(s.From, "sampler row above "+strconv.FormatFloat(s.Rows, 'f', -1, 64)+", more", "us", s.Spill)
	}
	if m.p > 1 {
		if times := m.reduceTimes(); times != nil {
			add(k.reduce.From, "all-reduce of "+strconv.FormatFloat(k.reduce.Bytes[0], 'f', -1, 64)+" bytes", "us", times[0])
			last := len(times) - 1
			add(k.reduce.From, "all-reduce of "+strconv.FormatFloat(k.reduce.Bytes[last], 'f', -1, 64)+" bytes", "us", times[last])
		} else {
			add(From{"no table of this card's all-reduce: a ring over its link", false}, "link latency", "us", m.latency()/micro)
		}
	}
	add(m.hostFrom, "host "+m.setup.Engine, "ms a step", m.host*1e3)
	if m.hostSeq > 0 {
		add(m.hostFrom, "host "+m.setup.Engine, "us a sequence", m.hostSeq/micro)
	}
	add(From{"set by the KV blocks of a measured engine: RTX 4090, Llama-3.1-8B, vLLM 0.19", false}, "memory beside weights, fixed", "MB", fixedMemory/1e6)
	add(From{"vLLM's profile run: logits in 16 bit, and in 32 scores, sorted scores, indices of 64 bit, probabilities", false}, "memory of a sampled row", "bytes an entry of the vocabulary", rowBytes)
}
