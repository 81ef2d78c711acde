package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/metrics"
	"tokmeter/internal/model/light"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// groupLimit is the group of the flags that name the card under a server.
const groupLimit = "speed of light options"

// limitFlags name the card and the model whose limit a run is compared with.
func limitFlags() table {
	g := groupLimit
	return table{
		{Name: "gpu", Group: g, Origin: own, Meta: "CARD", Help: "Card that the server runs on: a name of tokmeter sim hardware, or a YAML file. The result then tells what the card allows at least."},
		{Name: "model-config", Group: g, Origin: own, Meta: "PATH", Help: "Shapes of the model: a folder with config.json, that file, or a name of tokmeter sim models. Where it is not given, --model is looked for there and on the hub."},
		{Name: "precision", Group: g, Origin: own, Choices: precisions(), Meta: "FORMAT", Help: "Format of the weights. Where it is not given, the model's own."},
		{Name: "kv-cache-dtype", Group: g, Origin: own, Default: "auto", Choices: []string{"auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"}, Meta: "TYPE", Help: "Format of the KV cache."},
		{Name: "tensor-parallel-size", Short: "tp", Group: g, Kind: integer, Origin: own, Default: "1", Help: "Cards that a layer is cut over."},
	}
}

// A limitPlan says whose speed of light a run is compared with. Its JSON is what
// the run directory keeps. Without a card, the model alone counts: for what a
// TPOT implies.
type limitPlan struct {
	Setup setup.Setup `json:"setup"`
	// Named says that the user named the card, or that it is simulated: what is
	// wrong with it is an error and no reason to be silent.
	Named bool `json:"named"`
}

// limit reads the flags of limitFlags; notes are for the user.
func (b *serveBuilder) limit() (l limitPlan, notes []string, err error) {
	tp := b.integer("tensor-parallel-size")
	precision, err := roofline.NamePrecision(b.text("precision"))
	if err != nil {
		return l, nil, fmt.Errorf("--precision: %w", err)
	}
	l = limitPlan{
		Setup: setup.Setup{
			Model: b.text("model-config"), GPU: b.text("gpu"), Precision: precision,
			KV: kvFormat(b.text("kv-cache-dtype")), TP: tp,
		},
		Named: b.given("gpu"),
	}
	switch {
	case tp < 1:
		err = fmt.Errorf("--tensor-parallel-size: want at least 1, got %d", tp)
	case l.Named && l.Setup.GPU == "":
		err = errors.New("--gpu: the name is empty: tokmeter sim hardware lists them")
	case !l.Named && (b.given("tensor-parallel-size") || b.given("kv-cache-dtype")):
		notes = append(notes, "--tensor-parallel-size and --kv-cache-dtype say nothing without --gpu")
	case l.Named && b.given("compat"):
		notes = append(notes, "--gpu adds nothing under --compat vllm")
	}
	return l, notes, err
}

// A limiter puts the speed of light beside a run's numbers.
type limiter struct {
	plan      limitPlan
	light     *light.Light    // nil where the card is not known
	model     *roofline.Model // for what TPOT implies where it is not; nil too where the model is not
	precision string
}

// newLimiter finds the names of a plan.
func newLimiter(p limitPlan) (*limiter, error) {
	x := &limiter{plan: p}
	var err error
	switch {
	case p.Setup.GPU != "":
		x.light, err = light.Build(p.Setup)
	case p.Setup.Model != "":
		x.model, x.precision, err = light.Shapes(p.Setup.Model, p.Setup.Precision)
	}
	return x, err
}

// kept is the plan as the run directory has it; nil where nothing is known.
func (x *limiter) kept() json.RawMessage {
	if x == nil || x.light == nil && x.model == nil {
		return nil
	}
	p := x.plan
	for _, path := range []*string{&p.Setup.Model, &p.Setup.GPU} {
		if _, err := os.Stat(*path); err != nil {
			continue
		}
		if whole, err := filepath.Abs(*path); err == nil {
			*path = whole // the report may be read from elsewhere
		}
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return nil // names and numbers alone
	}
	return raw
}

// add sets the limit in a summary, or what TPOT implies.
func (x *limiter) add(s *metrics.Summary, recs []*record.Record, p plan.Plan) {
	if x == nil || s.Compat || s.Completed == 0 {
		return
	}
	var reqs []light.Request
	for _, r := range metrics.ServedOf(recs, p) {
		reqs = append(reqs, light.Request{
			At: r.At, Prompt: r.Prompt, Output: r.Output, Cached: r.Cached,
			TTFT: r.TTFT, TPOT: r.TPOT, E2EL: r.E2EL, Connect: r.Connect,
		})
	}
	e := light.Evidence{Counted: true, Simulated: s.Simulated}
	for _, c := range s.OutputSources {
		e.Counted = e.Counted && c.Source != record.FromEvents
	}
	for _, w := range s.Warnings {
		e.Together = e.Together || w.Code == metrics.WarnSharedReads || w.Code == metrics.WarnBundledTokens
	}
	if s.Speculation != nil {
		e.TokensPerStep = s.Speculation.Length
	}
	switch {
	case x.light != nil:
		s.Limited(x.limit(reqs, e))
	case x.model != nil:
		if i, err := light.Imply(x.model, x.precision, reqs, e); err == nil {
			s.Implied = &metrics.Implied{Model: i.Model, Precision: i.Precision, TPOTMs: i.TPOTMs, Batch: i.Batch, Bandwidth: i.Bandwidth, Text: i.Text}
		}
	}
}

// limit is the speed of light in the report's words.
func (x *limiter) limit(reqs []light.Request, e light.Evidence) *metrics.Limit {
	v, b := x.light.Judge(reqs, e), x.light.Engine()
	l := &metrics.Limit{
		Model: b.Model.Name, GPU: b.Card.Name, Precision: b.Setup.Precision, TP: b.Setup.TP,
		Policy: light.Policy, Requests: v.Requests,
		Alone: spreads(v.Alone), Load: spreads(v.Load), NoLoad: v.NoLoad,
		OverAlone: metrics.Ratios(v.OverAlone), OverLoad: metrics.Ratios(v.OverLoad),
		BandwidthUse: v.BandwidthUse, FlopUse: v.FlopUse, TTFTBound: v.TTFTBound, TPOTBound: v.TPOTBound,
		RoundTripMs: v.RoundTripMs, TokensPerStep: v.TokensPerStep, CachedTokens: v.CachedTokens,
		BelowAlone: v.BelowAlone, Below: v.Below, Causes: v.Causes, Unconfirmed: v.Unconfirmed,
	}
	if kv := b.Setup.KV; kv != "auto" {
		l.KV = kv
	}
	return l
}

func spreads(l light.Latencies) metrics.LimitSpread {
	return metrics.LimitSpread{TTFT: metrics.Spread(l.TTFT), TPOT: metrics.Spread(l.TPOT), E2EL: metrics.Spread(l.E2EL)}
}

// findLimit finds the card and the model of the limit before a request is sent.
// Where no model is named it waits until the server has named one.
func (r *serveRun) findLimit(ctx context.Context) error {
	if r.limiter != nil || r.plan.CompatVLLM() {
		return nil
	}
	p := r.opts.Limit
	if r.built != nil && !p.Named {
		p = limitPlan{Setup: r.simulate.Setup, Named: true}
	}
	if p.Setup.Model == "" {
		p.Setup.Model = r.plan.Target.Model
		if r.built != nil {
			p.Setup.Model = r.simulate.Setup.Model
		}
	}
	if p.Setup.Model == "" {
		return nil // meetServer will name it
	}
	x, err := newLimiter(p)
	if err != nil {
		if dir := r.configFolder(ctx, p); dir != "" {
			p.Setup.Model = dir
			x, err = newLimiter(p)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		r.limiter = x
		return nil
	}
	if p.Named {
		return failf(ExitUsage, "--gpu needs a card and the model's shapes: --model-config takes a folder with config.json or a name of tokmeter sim models", "%w", asLines(err))
	}
	return nil
}

// configFolder looks for the model's config.json: beside its tokenizer, in the
// cache and, where a card was named, on the hub. It is "" where there is none.
func (r *serveRun) configFolder(ctx context.Context, p limitPlan) string {
	if r.opts.Limit.Setup.Model != "" {
		return "" // the user said where it is
	}
	if r.folder != "" && r.plan.Workload.Tokenizer == "" {
		if _, err := os.Stat(filepath.Join(r.folder, configFile)); err == nil {
			return r.folder
		}
	}
	h := r.hub()
	if !p.Named {
		h.Offline = true
	}
	dir, err := h.Model(ctx, p.Setup.Model, []string{configFile}, nil)
	if err != nil {
		return ""
	}
	return dir
}

// configFile has the shapes of a model.
const configFile = "config.json"

// limitAgain adds the limit to the summary of a run that is read again. What can
// no longer be found is a warning.
func limitAgain(s *metrics.Summary, recs []*record.Record, p plan.Plan, kept json.RawMessage) {
	if len(kept) == 0 || s.Compat {
		return
	}
	var names limitPlan
	err := json.Unmarshal(kept, &names)
	if err == nil {
		var x *limiter
		if x, err = newLimiter(names); err == nil {
			x.add(s, recs, p)
			return
		}
	}
	s.Warnings = append(s.Warnings, metrics.Warning{Code: "limit", Text: "the speed of light of the run can't be told again: " + excerpt.Lines(err.Error())})
}
