package fit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/model/replay"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/stats"
)

// A Sample is a run of the user's own on his card: what was sent, and the times
// that each request took.
type Sample struct {
	Name     string // of its file, for errors
	Setup    setup.Setup
	Arrivals []replay.Arrival
	Measured []replay.Measured // one for each arrival
	Batches  []Batch           // steps timed without a server, in place of arrivals

	card   string
	points []weighted
}

// sampleMetrics are what a calibration looks at: levels that a run tells well.
func sampleMetrics(ttft, tpot []float64) Metrics {
	m := Metrics{}
	for name, xs := range map[string][]float64{"ttft_ms": ttft, "tpot_ms": tpot} {
		xs = slices.DeleteFunc(xs, math.IsNaN)
		if len(xs) == 0 {
			continue
		}
		slices.Sort(xs)
		m[name+"_mean"], m[name+"_p50"] = stats.Mean(xs)*1e3, stats.Median(xs)*1e3
	}
	return m
}

// prepare turns what was measured into points.
func (s *Sample) prepare(card string) error {
	s.card = card
	if len(s.Batches) > 0 {
		for _, b := range s.Batches {
			s.points = append(s.points, weighted{Point{ID: s.Name + "." + b.Case, Metric: b.Case, Value: b.MedianUs}, 1})
		}
		return nil
	}
	if len(s.Arrivals) != len(s.Measured) || len(s.Arrivals) == 0 {
		return fmt.Errorf("%s: no request has measured times: give a run directory, or a result saved with --save-detailed", s.Name)
	}
	var ttft, tpot []float64
	for _, m := range s.Measured {
		ttft, tpot = append(ttft, m.TTFT), append(tpot, m.TPOT)
	}
	m := sampleMetrics(ttft, tpot)
	if len(m) == 0 {
		return fmt.Errorf("%s: no request has a measured TTFT or TPOT", s.Name)
	}
	for name, weight := range map[string]float64{"tpot_ms_mean": 1, "tpot_ms_p50": 0.5, "ttft_ms_p50": 0.5, "ttft_ms_mean": 0.5} {
		if v, ok := m[name]; ok {
			s.points = append(s.points, weighted{Point{ID: s.Name + "." + name, Metric: name, Value: v}, weight})
		}
	}
	slices.SortFunc(s.points, func(a, b weighted) int { return strings.Compare(a.ID, b.ID) })
	return nil
}

func (s *Sample) fitted() []weighted { return s.points }

func (s *Sample) uses(*roofline.Catalogue, string) bool { return true }

func (s *Sample) simulate(cat *roofline.Catalogue) (Metrics, error) {
	u := s.Setup
	u.Catalogue, u.Card = cat, cat.Card(s.card)
	b, err := u.Build()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	if len(s.Batches) > 0 {
		return s.forward(b), nil
	}
	res, err := replay.Run(b, s.Arrivals, replay.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	var ttft, tpot []float64
	for _, t := range res.Timings {
		ttft, tpot = append(ttft, t.TTFT()), append(tpot, t.TPOT())
	}
	return sampleMetrics(ttft, tpot), nil
}

// A Calibration is a card as the user's own runs show it.
type Calibration struct {
	YAML      []byte     // of the card, for --gpu FILE
	Constants []Constant // what was fitted
	Values    []float64
	Before    []Error // of the samples' numbers with the catalogue's constants
	After     []Error
}

// calibrated are the constants that runs of a user can tell: the rates of the
// kernels in use, of attention, and the host. Their expectations are what the
// catalogue says of the card, and the ranges are wide.
func calibrated(card string, m *roofline.Machine) []Constant {
	at := "cards/" + card + "/"
	wide := func(path string, prior, high, spread float64) Constant {
		return Constant{Path: at + path, Low: prior * 0.1, High: high, Prior: prior, Spread: spread}
	}
	k := m.Efficiencies()
	out := []Constant{
		wide("kernels/decode/bytes", k.Decode.Bytes, 1, 0.3),
		wide("kernels/prefill/flops", k.Prefill.Flops, 1, 0.3),
	}
	for _, name := range k.GEMMs() {
		out = append(out, wide("kernels/gemm/"+name+"/bytes", k.GEMM[name].Bytes, 1, 0.4), wide("kernels/gemm/"+name+"/flops", k.GEMM[name].Flops, 1, 0.4))
	}
	return append(out,
		Constant{Path: at + "host/step_ms", High: 50, Prior: k.Host.Step, Spread: 2},
		Constant{Path: at + "host/seq_us", High: 2000, Prior: k.Host.Seq, Spread: 60},
		Constant{Path: at + "host/frontend_ms", High: 100, Prior: k.Host.Frontend, Spread: 5},
	)
}

// Calibrate fits a card to the user's samples, which are all of one card; name is
// what it is to be called.
func Calibrate(name string, samples []*Sample, steps int) (*Calibration, error) {
	if len(samples) == 0 {
		return nil, fmt.Errorf("nothing to calibrate from: give run directories or results saved with --save-detailed")
	}
	b, err := samples[0].Setup.Build()
	if err != nil {
		return nil, err
	}
	card, err := b.Machine.CardYAML(name, fmt.Sprintf("calibrated from %d runs, beginning with the constants of %s", len(samples), b.Card.Name))
	if err != nil {
		return nil, err
	}
	s := &Search{Constants: calibrated(name, b.Machine), Text: withCard(roofline.CardsYAML(), card), Believed: OwnSpread}
	for _, x := range samples {
		if err := x.prepare(name); err != nil {
			return nil, err
		}
		s.Subjects = append(s.Subjects, x)
	}
	c := &Calibration{Constants: s.Constants}
	prior := make([]float64, len(s.Constants))
	for i := range prior {
		prior[i] = s.Constants[i].Prior
	}
	if c.Before, err = s.errors(samples, prior); err != nil {
		return nil, err
	}
	if c.Values, err = s.Fit(steps); err != nil {
		return nil, err
	}
	if c.After, err = s.errors(samples, c.Values); err != nil {
		return nil, err
	}
	text, err := Write(s.Text, s.Constants, c.Values)
	if err != nil {
		return nil, err
	}
	c.YAML = cutCard(text, name)
	return c, nil
}

// errors are those of the samples' numbers at some values of the constants.
func (s *Search) errors(samples []*Sample, x []float64) ([]Error, error) {
	p, err := s.at(x, "", nil)
	if err != nil {
		return nil, err
	}
	var out []Error
	for i, u := range samples {
		for _, f := range u.points {
			out = append(out, newError(nil, f.ID, kindOf(f.Metric), p.metrics[i][f.Metric], f.Value, f.Value, f.Value, false))
		}
	}
	return out, nil
}

const cardsKey = "\ncards:\n"

// withCard puts the text of a card in front of the catalogue's.
func withCard(text []byte, card string) []byte {
	head, rest, _ := strings.Cut(string(text), cardsKey)
	return []byte(head + cardsKey + "- " + strings.ReplaceAll(strings.TrimRight(card, "\n"), "\n", "\n  ") + "\n" + rest)
}

// cutCard is the text of the first card again.
func cutCard(text []byte, name string) []byte {
	_, rest, _ := strings.Cut(string(text), cardsKey)
	rest = strings.TrimPrefix(rest, "- ")
	card, _, _ := strings.Cut(rest, "\n- ")
	return []byte(strings.ReplaceAll(card, "\n  ", "\n") + "\n")
}

// Text is a constant's value as files have it.
func Text(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
