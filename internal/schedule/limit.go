package schedule

import "time"

// Limit lets at most most requests of p be under way at once. The others wait, in
// the order in which they are due.
func Limit(p Pace, most int) Pace { return &limited{pace: p, most: most} }

type limited struct {
	pace       Pace
	open, most int
}

func (p *limited) Next() (time.Duration, bool) {
	if p.open >= p.most {
		return 0, false
	}
	due, ok := p.pace.Next()
	if ok {
		p.open++
	}
	return due, ok
}

func (p *limited) Ended(e Ended) {
	p.open = max(p.open-1, 0)
	p.pace.Ended(e)
}
