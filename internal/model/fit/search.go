package fit

import (
	"math"
	"runtime"
	"strings"
	"sync"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// A Subject is something that was measured and can be simulated: a *Run of a table
// of points, or a *Sample of the user's own.
type Subject interface {
	simulate(cat *roofline.Catalogue) (Metrics, error)
	fitted() []weighted
	uses(cat *roofline.Catalogue, path string) bool
}

// A Search moves constants until the runs are met best: it minimizes the sum of
// Huber's loss of the logarithms of simulated over measured numbers and of the
// squares of the constants' distances from their expectations, by Levenberg and
// Marquardt's method. Without runs it returns the expectations.
type Search struct {
	Subjects  []Subject
	Constants []Constant
	Text      []byte                       // of the catalogue
	Believed  float64                      // spread of one measured number, of its logarithm
	Log       func(step int, loss float64) // told each step; nil for nobody
}

// far is how many spreads off a number may be before it counts less.
const far = 2.0

// Published numbers and the user's own: two good measurements of one chip in two
// places are 6 % apart, two runs on one machine 1 %.
const (
	PublishedSpread = 0.05
	OwnSpread       = 0.005
)

// A point is where a search stands.
type point struct {
	x         []float64 // constants
	metrics   []Metrics // of the runs
	residuals []float64 // of the runs' numbers, then of the constants
	loss      float64
}

// Fit takes so many steps at most and returns the constants' values.
func (s *Search) Fit(steps int) ([]float64, error) {
	x := make([]float64, len(s.Constants))
	for i, c := range s.Constants {
		x[i] = c.Prior
	}
	at, err := s.at(x, "", nil)
	if err != nil {
		return nil, err
	}
	damp := 0.1
	for step := range steps {
		slopes, err := s.slopes(at)
		if err != nil {
			return nil, err
		}
		before := at.loss
		for range 6 {
			next, err := s.at(s.step(at, slopes, damp), "", nil)
			if err == nil && next.loss < at.loss {
				at, damp = next, max(damp/4, 1e-4)
				break
			}
			damp *= 5
		}
		if s.Log != nil {
			s.Log(step, at.loss)
		}
		if before-at.loss < 1e-3*before {
			break
		}
	}
	return at.x, nil
}

// at computes a point. Of runs that do not use the constant that moved since
// another point, that one's metrics are taken.
func (s *Search) at(x []float64, moved string, known []Metrics) (*point, error) {
	text, err := Write(s.Text, s.Constants, x)
	if err != nil {
		return nil, err
	}
	cat, err := roofline.ParseCards(text)
	if err != nil {
		return nil, err
	}
	p := &point{x: x}
	if p.metrics, err = Simulate(s.Subjects, cat, func(i int, r Subject) Metrics {
		if known == nil || r.uses(cat, moved) {
			return nil
		}
		return known[i]
	}); err != nil {
		return nil, err
	}
	for i, r := range s.Subjects {
		for _, f := range r.fitted() {
			e := math.Log1p(errorOf(p.metrics[i][f.Metric], f.Value, f.PlusMinus)) / s.Believed * f.weight
			p.residuals = append(p.residuals, e)
			if a := math.Abs(e); a > far {
				p.loss += 2*far*a - far*far
			} else {
				p.loss += e * e
			}
		}
	}
	for i, c := range s.Constants {
		e := c.distance(x[i])
		p.residuals = append(p.residuals, e)
		p.loss += e * e
	}
	return p, nil
}

// slopes are the changes of all residuals with each constant.
func (s *Search) slopes(at *point) ([][]float64, error) {
	out := make([][]float64, len(s.Constants))
	for i, c := range s.Constants {
		x := append([]float64(nil), at.x...)
		d := 0.03 * max(math.Abs(x[i]), c.Prior*0.3, (c.High-c.Low)*0.02)
		if x[i]+d > c.High {
			d = -d
		}
		x[i] += d
		p, err := s.at(x, c.Path, at.metrics)
		if err != nil {
			return nil, err
		}
		out[i] = make([]float64, len(p.residuals))
		for k := range p.residuals {
			out[i][k] = (p.residuals[k] - at.residuals[k]) / d
		}
	}
	return out, nil
}

// step solves the damped normal equations of the weighted residuals and keeps
// every constant in its range.
func (s *Search) step(at *point, slopes [][]float64, damp float64) []float64 {
	n := len(at.x)
	weight := make([]float64, len(at.residuals))
	for k, e := range at.residuals {
		weight[k] = 1
		if a := math.Abs(e); a > far && k < len(weight)-n {
			weight[k] = far / a
		}
	}
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n+1)
		for k, w := range weight {
			for j := range n {
				m[i][j] += w * slopes[i][k] * slopes[j][k]
			}
			m[i][n] -= w * slopes[i][k] * at.residuals[k]
		}
		m[i][i] *= 1 + damp
	}
	out := solve(m)
	for i, c := range s.Constants {
		out[i] = min(max(at.x[i]+out[i], c.Low), c.High)
	}
	return out
}

// solve is Gauss's elimination of a positive definite matrix with its right side
// as the last column.
func solve(m [][]float64) []float64 {
	n := len(m)
	for i := range n {
		for k := i + 1; k < n; k++ {
			f := m[k][i] / m[i][i]
			for c := i; c <= n; c++ {
				m[k][c] -= f * m[i][c]
			}
		}
	}
	y := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		y[i] = m[i][n]
		for k := i + 1; k < n; k++ {
			y[i] -= m[i][k] * y[k]
		}
		y[i] /= m[i][i]
	}
	return y
}

// Simulate replays what was measured on a catalogue, as many at once as there are
// cores. What known gives metrics for is taken from it; a nil known knows none.
func Simulate[S Subject](runs []S, cat *roofline.Catalogue, known func(i int, r Subject) Metrics) ([]Metrics, error) {
	out := make([]Metrics, len(runs))
	errs := make([]error, len(runs))
	next := make(chan int)
	var gone sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		gone.Go(func() {
			for i := range next {
				out[i], errs[i] = runs[i].simulate(cat)
			}
		})
	}
	for i, r := range runs {
		if known != nil {
			out[i] = known(i, r)
		}
		if out[i] == nil {
			next <- i
		}
	}
	close(next)
	gone.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// A weighted is a point with its share of the sum.
type weighted struct {
	Point
	weight float64
}

// fitted are the points of a run that constants are fitted to: its time a token,
// and the mean TTFTs of clients over HTTP in which no request waits for others.
func (r *Run) fitted() []weighted {
	var out []weighted
	w := 1.0
	if r.Family == "granite-1" { // seven loads of one stream on one setup
		w = 0.5
	}
	if p := r.speed(); p != nil {
		out = append(out, weighted{*p, w})
	}
	if r.Family == "blis-h100" || r.Family == "a10g-sharegpt" {
		for _, p := range r.Points {
			if p.Metric == "ttft_ms_mean" && p.Value < 110 {
				out = append(out, weighted{p, 0.5})
			}
		}
	}
	return out
}

// uses reports whether a run may depend on a constant.
func (r *Run) uses(cat *roofline.Catalogue, path string) bool {
	words := strings.Split(path, "/")
	card := cat.Card(r.Card)
	if card == nil {
		return true
	}
	switch words[0] {
	case "engines":
		return before(r.version(), [2]int{0, 8}) == (words[1] == setup.EngineV02024)
	case "cards":
		return words[1] == card.Name || words[1] == card.Like
	case "roads":
		return r.Cards > 1
	case "arch":
		return card.Arch == words[1] && r.Precision != "bf16" && r.Precision != "fp16"
	case "generic":
		return words[2] == r.Kernel
	}
	return true
}
