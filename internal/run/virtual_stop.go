package run

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tokmeter/internal/record"
)

// virtualLooks bounds how often the rules of a run on the virtual clock are looked
// at.
const virtualLooks = 2000

// A trial keeps the records of a replay that is made for its rules.
type trial []*record.Record

func (t *trial) Add(r *record.Record) error {
	*t = append(*t, r)
	return nil
}

func (t *trial) Close() error { return nil }

// cut replays the requests once to find out whether and when a rule of the plan
// ends the run, and leaves out the requests that are sent after that. It says which
// rule it was; "" for none.
func (v *replayed) cut(ctx context.Context) (why string, err error) {
	if !v.rules.rules.Any() {
		return "", nil
	}
	all := &trial{}
	v.sink = all
	end, err := v.run(ctx)
	if err != nil {
		return "", err
	}
	at, why := v.rules.replayed(*all, end)
	if why == "" {
		return "", nil
	}
	sent := 0
	for _, r := range *all {
		if r.Sent <= at {
			sent++
		}
	}
	v.arrivals = v.arrivals[:sent]
	clear(v.live)
	return why, nil
}

// replayed goes over a run whose records are all there, as watch goes over one that
// is under way, and says when a rule ends it and which.
func (s *stopper) replayed(all []*record.Record, end record.Ending) (at record.Stamp, why string) {
	byEnd, bySent, byFirst := slices.Clone(all), slices.Clone(all), slices.Clone(all)
	slices.SortStableFunc(byFirst, func(a, b *record.Record) int { return cmp.Compare(a.FirstToken, b.FirstToken) })
	slices.SortStableFunc(byEnd, func(a, b *record.Record) int { return cmp.Compare(a.Done, b.Done) })
	slices.SortStableFunc(bySent, func(a, b *record.Record) int { return cmp.Compare(a.Sent, b.Sent) })
	step := max(record.Stamp(stopEvery), (end.End-end.Start)/virtualLooks)
	sent, ended, first := 0, 0, 0
	for at = end.Start + step; at < end.End; at += step {
		for sent < len(bySent) && bySent[sent].Sent <= at {
			sent++
		}
		for ended < len(byEnd) && byEnd[ended].Done <= at {
			_ = s.Add(byEnd[ended]) // it has no errors
			ended++
		}
		sum, n := record.Stamp(0), int64(0)
		for ; first < len(byFirst) && byFirst[first].FirstToken <= at; first++ {
			if r := byFirst[first]; r.FirstToken > 0 {
				sum, n = sum+r.FirstToken-r.Sent, n+1
			}
		}
		s.sample(int64(sent-ended), time.Duration(sum), n)
		if why := s.decide(at.Sub(end.Start)); why != "" {
			return at, why
		}
		if sent == len(bySent) {
			break // there is nothing left to stop
		}
	}
	return 0, ""
}
