package roofline

import "math"

// fewTokens is how many tokens of a sequence still count as decoding: one and
// its drafts. Their attention reads the KV entries once.
const fewTokens = 8

// tileRows is the height of a tensor core's tile.
const tileRows = 16

// smax is (x^q + y^q)^(1/q): the larger one, rounded off where they are close.
func smax(x, y, q float64) float64 {
	if x < y {
		x, y = y, x
	}
	r := y / x
	if x == 0 || r < 0.01 && q >= 1.5 && r*r < 1e-5 || math.IsInf(q, 1) {
		return x
	}
	if q == 2 {
		return x * math.Sqrt(1+r*r)
	}
	return x * math.Pow(1+math.Pow(r, q), 1/q)
}

// parts gathers what a step's seconds go to.
type parts struct {
	weights, kv, compute float64 // seconds that a kernel waits for each
	weightBytes, kvBytes float64 // of one card
	flops                float64 // operations of one card
}

// time is the seconds of one multiplication of rows rows.
func (g *gemm) time(rows float64, p *parts) float64 {
	if g.times == 0 || rows == 0 {
		return 0
	}
	k := &g.kernel
	weights, unpacked := g.weights, 0.0
	if k.unpack > 0 && rows > k.unpack {
		plain := g.weights / g.stored * 2
		unpacked = (g.weights + plain) * k.bytes * g.times
		weights, k = plain, k.plain
	} else if k.tile > 0 && rows > k.tile {
		weights *= 1 + k.again*(math.Ceil(rows/k.tile)-1)
	}
	b, f := (weights+g.row*rows)*k.bytes, g.flops*rows*k.flops
	if rows > tileRows {
		b *= k.wide
	}
	t := (k.floor+smax(b, f, k.q))*g.times + unpacked
	p.weightBytes += g.weights * g.times
	p.flops += g.flops * rows * g.times
	if b >= f {
		p.weights += t
	} else {
		p.compute += t
	}
	return t
}

// Step is the cost of one step. It allocates nothing.
func (m *Machine) Step(seqs []Seq) Cost {
	var c Cost
	var p parts
	tokens, rows := 0, 0
	for i := range seqs {
		tokens += seqs[i].Tokens
		if seqs[i].Samples {
			rows++
		}
	}
	if tokens == 0 {
		return m.total(c, 0)
	}
	t := float64(tokens)
	if m.ideal {
		return m.idealStep(seqs, t, float64(rows))
	}
	for i := range m.dense {
		c.Linear += m.dense[i].time(t, &p)
	}
	c.Linear += m.experts(t, &p)
	c.Attention = m.attention(seqs, &p)
	if rows > 0 {
		c.Head = m.head.time(float64(rows), &p)
	}
	c.Other = m.other(t, float64(rows))
	c.Link = m.links(t, float64(rows))
	c.GPU = c.Linear + c.Attention + c.Head + c.Other + c.Link
	c.WeightBytes, c.KVBytes, c.Flops = p.weightBytes*m.p, p.kvBytes*m.p, p.flops*m.p
	c.Bound = bound(p, c.Link)
	return m.total(c, float64(len(seqs)))
}

// total adds the host.
func (m *Machine) total(c Cost, seqs float64) Cost {
	c.Host = m.host + m.hostSeq*seqs
	if m.setup.Async {
		c.Total = max(c.GPU, c.Host)
		if c.Host > c.GPU {
			c.Bound = "host"
		}
		return c
	}
	c.Total = c.GPU + c.Host
	if c.Host > c.GPU {
		c.Bound = "host"
	}
	return c
}

// bound names the largest of what the kernels wait for.
func bound(p parts, link float64) string {
	name, most := "weights", p.weights
	if p.kv > most {
		name, most = "kv", p.kv
	}
	if p.compute > most {
		name, most = "compute", p.compute
	}
	if link > most {
		name = "link"
	}
	return name
}

// touched is how many of the experts t tokens visit when they choose alike.
func (m *Machine) touched(t float64) float64 {
	e, k := float64(m.setup.Model.Experts), float64(m.setup.Model.Active)
	return e * (1 - math.Pow(1-k/e, t))
}

// experts is the seconds of all layers' experts.
func (m *Machine) experts(t float64, p *parts) float64 {
	if m.expert.times == 0 {
		return 0
	}
	g := m.expert
	g.weights *= m.touched(t * m.dp)
	return g.time(t, p)
}

// ops is the operations of one sequence's attention in all layers of one card:
// each of its tokens looks at those before it and at itself.
func (m *Machine) ops(s *Seq) float64 {
	deep := float64(s.Context) + float64(s.Tokens+1)/2
	return m.attnFlops * float64(s.Tokens) * (m.full*deep + m.window*min(deep, float64(m.look)))
}

// A crowd is the sequences of a step that compute few tokens.
type crowd struct {
	n, tokens, slid, longest float64 // how many; tokens of context in full and in sliding layers; of the longest
}

// attention is the seconds of all layers' attention.
func (m *Machine) attention(seqs []Seq, p *parts) float64 {
	d, f := &m.kernel.decode, &m.kernel.prefill
	bw := m.setup.Card.Bandwidth.Value * 1e9
	peak := m.setup.Card.FP16.Value * 1e12
	look, layers := float64(m.look), m.full+m.window
	var c crowd
	var prefill float64
	for i := range seqs {
		s := &seqs[i]
		if s.Tokens <= 0 {
			continue
		}
		end, tok := float64(s.Context+s.Tokens), float64(s.Tokens)
		near := min(end, look+tok-1)
		if s.Tokens <= fewTokens && s.Context > 0 {
			c.n++
			c.tokens += end
			c.slid += near
			c.longest = max(c.longest, end)
			p.flops += m.ops(s)
			continue
		}
		slow := (m.ops(s) + m.attnFlops*tok*layers*f.Half) / (f.Flops * peak)
		bytes := m.kvToken * (m.full*end + m.window*near)
		prefill += max(slow, bytes/(d.Bytes*bw))
		p.flops += m.ops(s)
		p.kvBytes += bytes
	}
	if prefill > 0 {
		prefill += f.Floor * micro * layers
		p.compute += prefill
	}
	t := m.decode(c, prefill > 0)
	p.kvBytes += m.kvToken * (m.full*c.tokens + m.window*c.slid)
	p.kv += t
	return t + prefill
}

// decode is the seconds that sequences of few tokens add in all layers.
func (m *Machine) decode(c crowd, mixed bool) float64 {
	if c.n == 0 {
		return 0
	}
	t := 0.0
	if m.full > 0 {
		t = m.full * m.decodeLayer(c.n, c.tokens, c.longest, mixed)
	}
	if m.window > 0 {
		t += m.window * m.decodeLayer(c.n, c.slid, min(c.longest, float64(m.look)), mixed)
	}
	return t
}

// decodeLayer is the seconds of one layer; the formulas are Decode's.
func (m *Machine) decodeLayer(n, tokens, longest float64, mixed bool) float64 {
	d := &m.kernel.decode
	bw := m.setup.Card.Bandwidth.Value * 1e9
	bytes := m.kvToken / (d.Bytes * bw)
	fill := 0.0
	if d.Fill > 0 && d.FillShare > 0 {
		fill = 1 / ((n+d.FillSeqs)/(d.Fill*micro*n) + 1/(d.FillShare*tokens*bytes))
	}
	alone := d.Floor*micro + fill + (tokens+d.Tail*max(0, longest-tokens/n))*bytes
	if !mixed || d.Mixed == 0 {
		return alone
	}
	share := min(d.Bytes, d.Mixed/m.mixedKV)
	return max(alone, n*d.MixedSeq*micro*m.mixedSeq+tokens*m.kvToken/(share*bw), longest*d.Serial*1e-9)
}

// other is the seconds of norms, activations and sampling.
func (m *Machine) other(t, rows float64) float64 {
	l, s := &m.kernel.layer, &m.kernel.sampler
	floor := l.Floor
	if m.setup.Model.QKNorm {
		floor += l.QKNorm
	}
	layer := max(floor*micro, t*m.otherRow/(l.Bytes*m.setup.Card.Bandwidth.Value*1e9))
	return layer*(m.full+m.window) + (s.Floor+s.Row*rows+s.Spill*max(0, rows-s.Rows))*micro
}

// links is the seconds of two all-reduces a layer and of gathering the logits.
func (m *Machine) links(t, rows float64) float64 {
	layers, mix := m.full+m.window, 0.0
	size := t * float64(m.setup.Model.Hidden) * 2
	s := 0.0
	if m.dp > 1 {
		mix = m.setup.Model.mixLayers()
		s = mix * m.deal(size)
	}
	if m.p == 1 {
		return s
	}
	return s + (2*layers-mix)*m.allReduce(size) + m.gather(rows)
}

// deal is the seconds of bringing the tokens of all groups to the cards that hold
// their experts and their outputs back, in one layer: an all-gather and a
// reduce-scatter over all cards, as vLLM does unless it is told otherwise
// (all2all_backend allgather_reducescatter). size is the bytes of one group's.
func (m *Machine) deal(size float64) float64 {
	n := m.p * m.dp
	bytes := (n - 1) / n * size * m.dp
	rate := m.setup.Card.Link.Value * 1e9
	if m.ideal {
		return 2 * bytes / rate
	}
	return 2 * (bytes/(rate*m.kernel.road.at(n)) + m.latency()*(n-1))
}

// at is the share of the link's rate that a ring of n cards has.
func (r *Road) at(n float64) float64 { return r.Share * math.Pow(2/n, r.Fall) }

// gather is the seconds of bringing the parts of the logits to one card.
func (m *Machine) gather(rows float64) float64 {
	if rows == 0 {
		return 0
	}
	bytes := rows * float64(m.setup.Model.Vocab) * 2 * (m.p - 1) / m.p
	return bytes/(m.setup.Card.Link.Value*1e9) + m.latency()
}

// latency is the least seconds of a message between cards.
func (m *Machine) latency() float64 {
	if m.ideal {
		return 0
	}
	if v := m.setup.Card.Latency.Value; v > 0 {
		return v * micro
	}
	return m.kernel.road.Latency * micro
}

// allReduce is the seconds of adding up size bytes over all cards: measured
// where there is a table, else a ring over what the road leaves of the link.
func (m *Machine) allReduce(size float64) float64 {
	ring := 2 * (m.p - 1) / m.p * size / (m.setup.Card.Link.Value * 1e9)
	if m.ideal {
		return ring
	}
	times := m.reduceTimes()
	if times == nil {
		return ring/m.kernel.road.at(m.p) + m.latency()*(m.p-1)
	}
	return max(ring, logInterpolate(m.kernel.reduce.Bytes, times, size)*micro)
}

// reduceTimes is the table for the number of cards, or nil where there is none.
func (m *Machine) reduceTimes() []float64 {
	if m.kernel.reduce == nil {
		return nil
	}
	return m.kernel.reduce.Times[m.setup.TP]
}

// logInterpolate reads a table of ascending xs in logarithms of both; outside,
// the nearest value below it and the last slope above it go on.
func logInterpolate(xs, ys []float64, x float64) float64 {
	n := len(ys)
	if x <= xs[0] || n == 1 {
		return ys[0]
	}
	i := 1
	for i < n-1 && x > xs[i] {
		i++
	}
	u := math.Log(x/xs[i-1]) / math.Log(xs[i]/xs[i-1])
	return ys[i-1] * math.Pow(ys[i]/ys[i-1], u)
}

// idealStep is the speed of light: the longest of what memory, arithmetic and
// links need, as if all of them were busy all the time.
func (m *Machine) idealStep(seqs []Seq, t, rows float64) Cost {
	bw := m.setup.Card.Bandwidth.Value * 1e9
	peak := m.setup.Card.FP16.Value * 1e12
	var c Cost
	var bytes, ops float64 // bytes; seconds of arithmetic
	part := func(weights, flops, secondsFlop float64) float64 {
		bytes += weights
		ops += flops * secondsFlop
		c.WeightBytes += weights * m.p
		c.Flops += flops * m.p
		return max(weights/bw, flops*secondsFlop)
	}
	for i := range m.dense {
		g := &m.dense[i]
		c.Linear += part(g.weights*g.times, g.flops*t*g.times, g.kernel.flops)
	}
	if m.expert.times > 0 {
		g := &m.expert
		c.Linear += part(g.weights*m.touched(t*m.dp)*g.times, g.flops*t*g.times, g.kernel.flops)
	}
	if rows > 0 {
		c.Head = part(m.head.weights, m.head.flops*rows, m.head.kernel.flops)
	}
	var kv, attn float64
	for i := range seqs {
		s := &seqs[i]
		if s.Tokens <= 0 {
			continue
		}
		end, tok := float64(s.Context+s.Tokens), float64(s.Tokens)
		kv += m.kvToken * (m.full*end + m.window*min(end, float64(m.look)+tok-1))
		attn += m.ops(s)
	}
	c.Attention = max(kv/bw, attn/peak)
	c.KVBytes, c.Flops = kv*m.p, c.Flops+attn*m.p
	c.Link = m.links(t, rows)
	memory, arithmetic := (bytes+kv)/bw, ops+attn/peak
	c.Arithmetic, c.Exchange = arithmetic, c.Link
	c.GPU = max(memory, arithmetic, c.Link)
	switch {
	case c.Link >= c.GPU:
		c.Bound = "link"
	case arithmetic >= c.GPU:
		c.Bound = "compute"
	case kv > bytes:
		c.Bound = "kv"
	default:
		c.Bound = "weights"
	}
	share := c.GPU / (c.Linear + c.Head + c.Attention + c.Link)
	c.Linear, c.Head, c.Attention, c.Link = c.Linear*share, c.Head*share, c.Attention*share, c.Link*share
	c.Total = c.GPU
	return c
}
