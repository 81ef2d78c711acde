package roofline

import "math"

// shape turns widths into bytes and operations of one card.
func (m *Machine) shape(kv float64) {
	mo := m.setup.Model
	w16, q := m.rate("bf16", m.setup.Card.FP16.Value*1e12), m.rate(m.fmt.kernel, m.fmt.peak)
	attn, ffn := w16, q
	bytesAttn, bytesFFN := 2.0, m.fmt.bytes
	if !m.fmt.expert || mo.Experts == 0 { // a dense model in the experts' format has all its layers in it
		attn, bytesAttn = q, m.fmt.bytes
	}
	m.shapeAttention(kv, bytesAttn, attn)
	m.shapeFFN(bytesFFN, ffn)
	head, headPeak := 2.0, m.setup.Card.FP16.Value*1e12
	if m.fmt.head > 0 {
		head, headPeak = m.fmt.head, m.fmt.peak
	}
	h, v := float64(mo.Hidden), float64(mo.Vocab)/m.p
	m.head = gemm{weights: head * h * v, stored: head, row: 2 * (h + v), flops: 2 * h * v, times: 1, kernel: m.rate("head", headPeak)}
}

// addDense adds a matrix of in × out weights that stands in so many layers.
func (m *Machine) addDense(in, out, bytes, times float64, r rate) {
	if times > 0 && in*out > 0 {
		m.dense = append(m.dense, gemm{weights: bytes * in * out, stored: bytes, row: 2 * (in + out), flops: 2 * in * out, times: times, kernel: r})
	}
}

// shapeAttention adds the projections and what a token of context costs. With a
// latent (MLA, arXiv 2405.04434) all heads share one entry of the cache, which
// every card holds whole, and each head's query is brought into the latent's
// space.
func (m *Machine) shapeAttention(kv, bytes float64, r rate) {
	mo, p := m.setup.Model, m.p
	h, d, a := float64(mo.Hidden), float64(mo.HeadDim), float64(mo.Heads)/p
	k := math.Max(1, math.Ceil(float64(mo.KVHeads)/p)) // heads are copied where there are fewer than cards
	layers := float64(mo.Layers)
	if mo.Latent > 0 {
		latent, rope, value := float64(mo.Latent), float64(mo.Rope), float64(mo.ValueDim)
		if mo.QueryLatent > 0 {
			m.addDense(h, float64(mo.QueryLatent), bytes, layers, r)
			m.addDense(float64(mo.QueryLatent), a*(d+rope), bytes, layers, r)
		} else {
			m.addDense(h, a*(d+rope), bytes, layers, r)
		}
		m.addDense(h, latent+rope, bytes, layers, r)
		m.addDense(latent, a*(d+value), bytes, layers, r)
		m.addDense(a*value, h, bytes, layers, r)
		m.kvToken = (latent + rope) * kv
		m.attnFlops = 2 * a * (2*latent + rope)
		m.mixedSeq, m.mixedKV = a/32, a/4
	} else {
		m.addDense(h, (a+2*k)*d, bytes, layers, r)
		m.addDense(a*d, h, bytes, layers, r)
		m.kvToken = 2 * k * d * kv
		m.attnFlops = 4 * a * d
		m.mixedSeq, m.mixedKV = a/32, a/k/4
	}
	if mo.Window > 0 {
		m.window, m.look = float64(mo.WindowLayers), mo.Window
	}
	m.full = layers - m.window
	inner := float64(mo.Inner)
	if mo.Experts > 0 {
		inner = float64(mo.Active*mo.ExpertInner + mo.SharedInner)
	}
	m.otherRow = (8*h + 3*inner/p) * 2
	if mo.QKNorm {
		m.otherRow += normPasses * (a + k) * d * 2
	}
}

// shapeFFN adds the dense FFNs and a layer's experts. Whether experts are cut
// (tensor parallel) or dealt out (expert parallel), a card has the same share of
// their weights and of the operations.
func (m *Machine) shapeFFN(bytes float64, r rate) {
	mo, p := m.setup.Model, m.p
	h, layers, mix := float64(mo.Hidden), float64(mo.Layers), mo.mixLayers()
	up := mo.matrices() - 1
	for _, f := range []struct{ inner, times float64 }{{float64(mo.Inner), layers - mix}, {float64(mo.SharedInner), mix}} {
		m.addDense(h, up*f.inner/p, bytes, f.times, r)
		m.addDense(f.inner/p, h, bytes, f.times, r)
	}
	if mix == 0 {
		return
	}
	if !m.ideal {
		g, b := m.kernel.moe, m.kernel.gemm["bf16"]
		r.bytes /= g.Bytes / b.Bytes
		r.flops /= g.Flops / b.Flops
		r.floor, r.q = g.Floor*micro, g.Sharpness
	}
	active, inner := float64(mo.Active), float64(mo.ExpertInner)/p
	m.expert = gemm{
		weights: bytes * mo.matrices() * h * inner / m.dp, stored: bytes,
		row: active * 2 * (2*h + (up+1)*inner), flops: 2 * active * mo.matrices() * h * inner, times: mix, kernel: r,
	}
}
