package fit

import (
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"strings"
	"sync"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// A Search moves constants until the runs are met best. It minimizes the sum of
// Huber's loss of the logarithms of simulated over measured numbers and of the
// squares of the constants' distances from their expectations (Levenberg and
// Marquardt's method on weighted residuals).
type Search struct {
	Folder    fs.FS
	Runs      []*Run
	Constants []Constant
	Text      []byte // of the catalogue
	Log       func(format string, args ...any)
}

// believed is the spread of a number that was measured well: two good
// measurements of one chip are 6 % apart.
const believed = 0.05

// residuals are log(simulated/measured)/believed of every number of the runs that
// is fitted, then the priors'.
func (s *Search) residuals(x []float64, moved string, known []Metrics) ([]float64, []Metrics, error) {
	text, err := Write(s.Text, s.Constants, x)
	if err != nil {
		return nil, nil, err
	}
	cat, err := roofline.ParseCards(text)
	if err != nil {
		return nil, nil, err
	}
	all, err := s.simulate(cat, moved, known)
	if err != nil {
		return nil, nil, err
	}
	var out []float64
	for i, r := range s.Runs {
		for _, p := range r.fitted() {
			e := math.Log1p(errorOf(all[i][p.Metric], p.Value, p.PlusMinus))
			out = append(out, e/believed*p.weight)
		}
	}
	for i, c := range s.Constants {
		if c.Low > 0 {
			out = append(out, math.Log(x[i]/c.Prior)/c.Spread)
		} else {
			out = append(out, (x[i]-c.Prior)/c.Spread)
		}
	}
	return out, all, nil
}

// simulate replays all runs on a catalogue.
func (s *Search) simulate(cat *roofline.Catalogue, moved string, known []Metrics) ([]Metrics, error) {
	out := make([]Metrics, len(s.Runs))
	copy(out, known)
	errs := make([]error, len(s.Runs))
	next := make(chan int)
	var gone sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		gone.Go(func() {
			for i := range next {
				out[i], errs[i] = s.Runs[i].Simulate(s.Folder, func(c *setup.Setup) error {
					c.Catalogue = cat
					if card := cat.Card(c.GPU); card != nil {
						c.Card = card
					}
					return nil
				})
			}
		})
	}
	for i, r := range s.Runs {
		if known == nil || r.uses(cat, moved) {
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
// and the TTFTs that have nothing of a queue in them.
func (r *Run) fitted() []weighted {
	var out []weighted
	w := 1.0
	if r.Family == "granite-1" { // seven loads of one setup
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

// huber is the weight of a residual: 1 up to 2 deviations, then less.
func huber(e float64) float64 {
	if a := math.Abs(e); a > 2 {
		return 2 / a
	}
	return 1
}

func loss(e []float64, priors int) float64 {
	sum := 0.0
	for i, x := range e {
		a := math.Abs(x)
		if a > 2 && i < len(e)-priors {
			sum += 4*a - 4
		} else {
			sum += x * x
		}
	}
	return sum
}

// Fit returns the constants that meet the runs best.
func (s *Search) Fit(steps int) ([]float64, error) {
	n := len(s.Constants)
	x := make([]float64, n)
	for i, c := range s.Constants {
		_, v, err := find(s.Text, c.Path)
		if err != nil {
			return nil, err
		}
		x[i] = min(max(v, c.Low), c.High)
	}
	e, known, err := s.residuals(x, "", nil)
	if err != nil {
		return nil, err
	}
	best, damp := loss(e, n), 0.1
	for step := range steps {
		j := make([][]float64, n)
		for i, c := range s.Constants {
			y := append([]float64(nil), x...)
			d := 0.03 * max(math.Abs(x[i]), c.Prior*0.3, (c.High-c.Low)*0.02)
			if y[i]+d > c.High {
				d = -d
			}
			y[i] += d
			f, _, err := s.residuals(y, c.Path, known)
			if err != nil {
				return nil, err
			}
			j[i] = make([]float64, len(e))
			for k := range e {
				j[i][k] = (f[k] - e[k]) / (y[i] - x[i])
			}
		}
		a, b := make([][]float64, n), make([]float64, n)
		for i := range n {
			a[i] = make([]float64, n)
			for k := range n {
				for m := range e {
					w := 1.0
					if m < len(e)-n {
						w = huber(e[m])
					}
					a[i][k] += w * j[i][m] * j[k][m]
				}
			}
			for m := range e {
				w := 1.0
				if m < len(e)-n {
					w = huber(e[m])
				}
				b[i] -= w * j[i][m] * e[m]
			}
		}
		moved := false
		for range 6 {
			y, err := s.try(x, a, b, damp)
			if err != nil {
				return nil, err
			}
			f, all, err := s.residuals(y, "", nil)
			if err == nil && loss(f, n) < best {
				better := best - loss(f, n)
				x, e, known, best, moved = y, f, all, loss(f, n), better > 1e-3*best
				damp = max(damp/4, 1e-4)
				break
			}
			damp *= 5
		}
		if s.Log != nil {
			s.Log("step %d: loss %.2f, damping %.2g", step, best, damp)
		}
		if !moved {
			break
		}
	}
	return x, nil
}

// try solves the damped normal equations and keeps every constant in its range.
func (s *Search) try(x []float64, a [][]float64, b []float64, damp float64) ([]float64, error) {
	n := len(x)
	m := make([][]float64, n)
	for i := range n {
		m[i] = append(append([]float64(nil), a[i]...), b[i])
		m[i][i] *= 1 + damp
	}
	for i := range n {
		p := i
		for k := i + 1; k < n; k++ {
			if math.Abs(m[k][i]) > math.Abs(m[p][i]) {
				p = k
			}
		}
		m[i], m[p] = m[p], m[i]
		if m[i][i] == 0 {
			return nil, fmt.Errorf("%s moves nothing", s.Constants[i].Path)
		}
		for k := i + 1; k < n; k++ {
			f := m[k][i] / m[i][i]
			for c := i; c <= n; c++ {
				m[k][c] -= f * m[i][c]
			}
		}
	}
	y := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		v := m[i][n]
		for k := i + 1; k < n; k++ {
			v -= m[i][k] * y[k]
		}
		y[i] = v / m[i][i]
	}
	for i, c := range s.Constants {
		y[i] = min(max(x[i]+y[i], c.Low), c.High)
	}
	return y, nil
}

// uses reports whether a run may depend on a constant; "" stands for all.
func (r *Run) uses(cat *roofline.Catalogue, path string) bool {
	words := strings.Split(path, "/")
	card := cat.Card(r.Card)
	if path == "" || card == nil {
		return true
	}
	switch words[0] {
	case "engines":
		old := before(r.version(), [2]int{0, 8})
		return old == (words[1] == setup.EngineV02024)
	case "cards":
		return words[1] == card.Name || words[1] == card.Like
	case "roads":
		return r.Cards > 1
	case "arch":
		return card.Arch == words[1] && r.Precision != "bf16" && r.Precision != "fp16"
	case "generic":
		return words[2] == r.Kernel || words[2] == "moe"
	}
	return true
}
