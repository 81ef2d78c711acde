package experiment

import (
	"fmt"
	"math"

	"tokmeter/internal/compare"
)

// Bounds say how a search goes on. Rates are requests a second.
type Bounds struct {
	Start     float64 // the first rate that is tried
	Low, High float64 // none beyond them is tried
	Tolerance float64 // of the found rate, such as 0.05
	Confirm   int     // further runs that the found rate must pass, each of them
	Most      int     // runs in all
}

func (b *Bounds) fill() {
	fill(&b.Low, 1.0/16)
	fill(&b.High, 1024)
	fill(&b.Start, min(max(1, b.Low), b.High))
	fill(&b.Tolerance, 0.05)
	if b.Confirm == 0 {
		b.Confirm = 1
	}
	fill(&b.Most, 30)
}

func (b *Bounds) validate(p *problems) {
	if !(b.Low > 0 && b.Low <= b.Start && b.Start <= b.High) || math.IsInf(b.High, 0) {
		p.add("search: low %v, start %v, high %v: want 0 < low ≤ start ≤ high", b.Low, b.Start, b.High)
	}
	if !(b.Tolerance >= 0.001 && b.Tolerance <= 1) {
		p.add("search.tolerance: %v: want 0.001 to 1", b.Tolerance)
	}
	if b.Confirm < -1 || b.Confirm > 20 {
		p.add("search.confirm: %d: want 0 to 20 runs", b.Confirm)
	}
	if b.Most < 1 || b.Most > 1000 {
		p.add("search.most: %d: want 1 to 1000 runs", b.Most)
	}
}

// A Tried is one run of a search.
type Tried struct {
	Rate    float64 `json:"rate"`
	Held    bool    `json:"held"`
	Confirm bool    `json:"confirm,omitempty"`
	Dir     string  `json:"dir,omitempty"`
	Sent    int     `json:"sent,omitempty"`    // requests
	Needs   int     `json:"needs,omitempty"`   // requests that a steady load takes, where that is more; else 0
	Failure string  `json:"failure,omitempty"` // why there is no result; it counts as not held
}

// A search finds the highest rate that holds: it doubles or halves until one
// rate holds and one does not, halves the gap between them until it is within
// the tolerance, and asks for the found rate again. A confirmation that fails
// makes that rate one that does not hold, and the search goes on below it. Its
// steps follow from its results alone, so a stopped search goes on by being
// told its tries again.
type search struct {
	b         Bounds
	tries     []Tried
	held      []float64 // rates that held, ascending, all below failed
	failed    float64   // lowest rate that did not; +Inf
	confirmed int       // of the highest of held
	stop      string
	complete  bool
}

// newSearch begins a search.
func newSearch(b Bounds) *search {
	b.fill()
	b.Confirm = max(b.Confirm, 0)
	return &search{b: b, failed: math.Inf(1)}
}

// best is the highest rate that holds so far, 0 for none.
func (s *search) best() float64 {
	if len(s.held) == 0 {
		return 0
	}
	return s.held[len(s.held)-1]
}

// Next says which rate is to be tried, and whether it is a confirmation. ok is
// false once the search has ended.
func (s *search) Next() (rate float64, confirm, ok bool) {
	if s.stop != "" {
		return 0, false, false
	}
	rate, confirm = s.next()
	if s.stop == "" && len(s.tries) >= s.b.Most {
		s.stop = fmt.Sprintf("limit of %d runs", s.b.Most)
		if s.best() > 0 {
			s.stop += fmt.Sprintf(": the rate may be up to %s", s.upTo())
		}
	}
	return rate, confirm, s.stop == ""
}

func (s *search) upTo() string {
	if math.IsInf(s.failed, 1) {
		return "any higher one"
	}
	return fmt.Sprintf("%.4g", s.failed)
}

// next is Next without the limit of runs.
func (s *search) next() (rate float64, confirm bool) {
	best := s.best()
	switch {
	case len(s.tries) == 0:
		return s.b.Start, false
	case best == 0 && s.failed <= s.b.Low:
		s.stop, s.complete = fmt.Sprintf("no rate from %.4g holds", s.b.Low), true
	case best == 0:
		return max(s.failed/2, s.b.Low), false
	case math.IsInf(s.failed, 1) && best < s.b.High:
		return min(best*2, s.b.High), false
	case !math.IsInf(s.failed, 1) && s.failed > best*(1+s.b.Tolerance):
		return math.Sqrt(best * s.failed), false
	case s.confirmed < s.b.Confirm:
		return best, true
	case math.IsInf(s.failed, 1):
		s.stop, s.complete = fmt.Sprintf("every rate up to %.4g holds", s.b.High), true
	default:
		s.stop, s.complete = fmt.Sprintf("found within %.3g %%", (s.failed/best-1)*100), true
	}
	return 0, false
}

// Add tells the search how the rate that Next named came out.
func (s *search) Add(t Tried) {
	s.tries = append(s.tries, t)
	switch {
	case !t.Held:
		s.failed = min(s.failed, t.Rate)
		for len(s.held) > 0 && s.best() >= s.failed {
			s.held = s.held[:len(s.held)-1]
		}
		s.confirmed = 0
	case t.Confirm:
		s.confirmed++
	default:
		s.held = append(s.held, t.Rate)
		s.confirmed = 0
	}
}

// Held is what the search has found.
func (s *search) Held(variant string) Held {
	h := Held{Variant: variant, Rate: s.best(), Stop: s.stop, Tries: s.tries, Complete: s.complete}
	if !math.IsInf(s.failed, 1) {
		h.Above = s.failed
	}
	if s.stop == "" {
		h.Stop = "not finished"
	}
	for _, t := range s.tries {
		if t.Held && t.Rate == h.Rate && t.Needs > h.Needs {
			h.Sent, h.Needs = t.Sent, t.Needs
		}
	}
	return h
}

// steadyTimes is how many times as long as a request requests must be sent for:
// the number in flight grows for about the time that one takes, so that at least
// three quarters of the requests meet the whole load.
const steadyTimes = 4

// steady is how many requests of an open loop a steady load takes, by the mean
// time of those that succeeded; 0 where the run has as many.
func steady(r compare.Run) int {
	ms, n := 0.0, 0
	for _, q := range r.Requests {
		if q.OK && q.E2EL > 0 {
			ms, n = ms+q.E2EL, n+1
		}
	}
	if n == 0 {
		return 0
	}
	needs := math.Ceil(steadyTimes * r.Load.Rate * ms / float64(n) / 1e3)
	if needs <= float64(len(r.Requests)) || needs > 1e9 {
		return 0
	}
	return int(needs)
}
