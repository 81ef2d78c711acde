package fit

import (
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"

	"tokmeter/internal/model/replay"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/stats"
)

// setup is what a run's row says of its engine.
func (r *Run) setup() (setup.Setup, error) {
	s := setup.Setup{Model: r.Model, GPU: r.Card, Precision: r.Precision, KV: r.KV, TP: r.Cards, Engine: setup.EngineV1, Quantization: r.Kernel}
	no := false
	switch {
	case before(r.version(), [2]int{0, 8}):
		s.Engine = fmt.Sprintf("vllm-0.%d", r.version()[1])
	case before(r.version(), [2]int{0, 14}):
		s.Async = &no
	}
	for key, value := range r.Settings {
		n, _ := strconv.Atoi(value)
		switch key {
		case "max_num_seqs":
			s.MaxSeqs = n
		case "max_num_batched_tokens":
			s.MaxBatchedTokens = n
		case "max_model_len":
			s.MaxModelLen = n
		case "gpu_memory_utilization":
			s.MemoryUtilization, _ = strconv.ParseFloat(value, 64)
		case "enable_prefix_caching":
			on := value == "true"
			s.PrefixCaching = &on
		default:
			return s, fmt.Errorf("run %s: setting %s is not known here", r.Name, key)
		}
	}
	if _, err := roofline.FindCard(r.Card); err != nil {
		raw, err := fs.ReadFile(r.folder, "cards/"+r.Card+".yaml")
		if err != nil {
			return s, err
		}
		if s.Card, err = roofline.ReadCardYAML(raw); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Metrics is what a replay of a load gives, by the names of a table's metrics.
type Metrics map[string]float64

// simulate replays the loads of a run on a catalogue and gives the means of
// their metrics.
func (r *Run) simulate(cat *roofline.Catalogue) (Metrics, error) {
	s, err := r.setup()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.Name, err)
	}
	s.Catalogue = cat
	if card := cat.Card(r.Card); card != nil {
		s.Card = card
	}
	b, err := s.Build()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.Name, err)
	}
	all, err := r.loads()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.Name, err)
	}
	sum := Metrics{}
	for _, l := range all {
		m, err := l.replay(b)
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", r.Name, err)
		}
		for name, x := range m {
			sum[name] += x / float64(len(all))
		}
	}
	return sum, nil
}

// replay runs one load.
func (l *load) replay(b *setup.Built) (Metrics, error) {
	arrivals := make([]replay.Arrival, len(l.requests))
	for i, q := range l.requests {
		a := replay.Arrival{ID: strconv.Itoa(i), At: q.due, Prompt: q.prompt, Output: q.output, HashTokens: 1}
		if l.open > 0 {
			a.At = 0
		}
		a.Hashes = make([]uint64, q.prompt)
		for k := range a.Hashes {
			if k < l.prefix {
				a.Hashes[k] = uint64(q.group)<<20 | uint64(k)
			} else {
				a.Hashes[k] = 1<<40 | uint64(q.who)<<20 | uint64(k)
			}
		}
		arrivals[i] = a
	}
	res, err := replay.Run(b, arrivals, replay.Options{Open: l.open})
	if err != nil {
		return nil, err
	}
	return l.metrics(res), nil
}

// metrics are the numbers of a replay, in the units of their names.
func (l *load) metrics(res *replay.Result) Metrics {
	var ttft, tpot, e2el []float64
	tokens, begin, end := 0, math.Inf(1), 0.0
	for _, t := range res.Timings[l.skip:] {
		ttft = append(ttft, t.TTFT()*1e3)
		e2el = append(e2el, t.E2EL()*1e3)
		if t.Output > 1 {
			tpot = append(tpot, t.TPOT()*1e3)
		}
		tokens += t.Output
		begin, end = min(begin, t.Arrived), max(end, t.Last)
	}
	seconds := end
	if l.earlier {
		seconds = end - begin
	}
	m := Metrics{"output_tok_s": float64(tokens) / seconds, "duration_s": seconds}
	for name, xs := range map[string][]float64{"ttft_ms": ttft, "tpot_ms": tpot, "e2el_ms": e2el} {
		slices.Sort(xs)
		m[name+"_mean"] = stats.Mean(xs)
		for _, q := range []float64{50, 90, 99} {
			m[fmt.Sprintf("%s_p%.0f", name, q)] = stats.Percentile(xs, q)
		}
	}
	return m
}
