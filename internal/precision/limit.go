package precision

import (
	"tokmeter/internal/compare"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/model/light"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/precision/table"
)

// limits adds the speed of light of a variant whose card is known: alone, and
// under each load, of the requests of the first round that has them.
func (r *reading) limits(v *Variant, c *table.Variant, runs []compare.Run) {
	s, ok, err := v.engine()
	if err != nil {
		r.note("%s: no speed of light: %s", v.Name, excerpt.First(err.Error()))
		return
	}
	if v.GPU == CPU && v.Simulate == "" {
		if c.WeightBytes > 0 && r.answer.Bandwidth > 0 {
			c.Alone = table.Limit{TPOT: c.WeightBytes / r.answer.Bandwidth * 1e3, Bound: "weights"}
		} else {
			r.note("%s: no speed of light: the bytes of its weights or the memory's bandwidth is not known", v.Name)
		}
		return
	}
	if !ok {
		return
	}
	l, err := light.Build(s)
	if err != nil {
		r.note("%s: no speed of light: %s", v.Name, excerpt.First(err.Error()))
		return
	}
	describe(v, c, l)
	for _, run := range runs {
		if _, done := c.Limits[run.Load]; done {
			continue
		}
		verdict := l.Judge(served(run), light.Evidence{Counted: true, Simulated: c.Simulated})
		if verdict.Requests == 0 {
			continue
		}
		if c.Alone == (table.Limit{}) {
			c.Alone = table.Limit{TTFT: verdict.Alone.TTFT.Mean, TPOT: verdict.Alone.TPOT.Mean, Bound: verdict.TPOTBound}
		}
		if verdict.NoLoad != "" {
			r.note("%s: no speed of light at %s: %s", v.Name, run.Load, excerpt.First(verdict.NoLoad))
			continue
		}
		if c.Limits == nil {
			c.Limits = map[compare.Load]table.Limit{}
		}
		c.Limits[run.Load] = table.Limit{TTFT: verdict.Load.TTFT.Mean, TPOT: verdict.Load.TPOT.Mean, Bound: verdict.TPOTBound}
	}
}

// describe fills in what the engine's own shapes tell.
func describe(v *Variant, c *table.Variant, l *light.Light) {
	b := l.Engine()
	if c.WeightBytes == 0 {
		c.WeightBytes = b.Machine.ReadBytes(1)
	}
	if c.Card == "" {
		c.Card = b.Card.Name
	}
	if v.Simulate == "" {
		return
	}
	built, err := v.Built()
	if err != nil {
		return
	}
	if c.Model == "" {
		c.Model = built.Setup.Model
	}
	if c.Version == "" {
		c.Version = built.Setup.Engine
	}
	if c.HostMs == 0 {
		c.HostMs = built.Machine.Step([]roofline.Seq{{Tokens: 1, Context: 1, Samples: true}}).Host * 1e3
	}
}

// engine is what a variant's speed of light is of; ok is false where no card is
// known. A label that names no format of the simulator leaves it to the model's
// name.
func (v Variant) engine() (s setup.Setup, ok bool, err error) {
	if v.Simulate != "" {
		o, err := v.Options()
		return o.Setup, err == nil && o.Fixed == nil, err
	}
	if v.GPU == "" || v.GPU == CPU {
		return s, false, nil
	}
	s = setup.Setup{Model: v.Model, GPU: v.GPU}
	if p, err := roofline.NamePrecision(v.Precision); err == nil {
		s.Precision = p
	}
	return s, true, nil
}

// served is the requests of a run that ended well, as the speed of light takes
// them, in order of sending.
func served(r compare.Run) []light.Request {
	var out []light.Request
	for _, q := range r.Requests {
		if q.OK {
			out = append(out, light.Request{
				At: seconds(q.Sent), Prompt: q.Prompt, Output: q.Output, Cached: q.Cached,
				TTFT: seconds(q.TTFT), TPOT: seconds(q.TPOT), E2EL: seconds(q.E2EL),
			})
		}
	}
	return out
}
