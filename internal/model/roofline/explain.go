package roofline

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
	add := into(&out)
	add(format, s.Precision+" weight", "bytes", m.fmt.bytes)
	add(From{s.Model.Source, true}, s.Model.Name+" weights", "billions", s.Model.Params()/1e9)
	if m.ideal {
		return out
	}
	m.explainGEMMs(add)
	m.explainRest(add)
	return out
}

// explainGEMMs lists the matrix multiplications in use: the 16-bit ones of head
// and attention, the precision's and the experts'.
func (m *Machine) explainGEMMs(add adder) {
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
		g.Relative = false // it is resolved
		g.list(n, add)
	}
}

// explainRest lists attention, the small kernels, links, host and memory.
func (m *Machine) explainRest(add adder) {
	k := &m.kernel
	k.decode.list(add)
	k.prefill.list(add)
	k.layer.list(add, m.setup.Model.QKNorm)
	k.sampler.list(add)
	if m.p > 1 {
		if times := m.reduceTimes(); times != nil {
			k.reduce.list(m.setup.TP, add)
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
