package metrics

import (
	"math"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/stats"
)

// A timeline cuts the time in which requests were sent into equal slots. What came
// later is drain.
type timeline struct {
	from, to record.Stamp
	open     bool // an open loop: a request is under way from its due time on
	slots    []slot
	edges    []float64 // how the requests under way change at the slots' beginnings
	view     View
}

// A slot is what happened in one of them. Latencies are of the requests that were
// sent in it.
type slot struct {
	begun, ended int
	tokens       int
	ttft, tpot   sum
	underWay     float64 // mean requests
}

// A sum is of values, in seconds, and how many they are.
type sum struct {
	total float64
	n     int
}

func (s *sum) add(v float64) { s.total, s.n = s.total+v, s.n+1 }

func (s sum) mean() float64 { return s.total / float64(s.n) }

const (
	fewestSlots = 20
	mostSlots   = 200
	slotOf      = 5 // requests that a slot should have
)

// newTimeline makes the slots of a run; nil where too few requests tell of too
// short a time.
func newTimeline(v View, t *tally, p plan.Plan, start record.Stamp) *timeline {
	n := min(t.requests/slotOf, mostSlots)
	if n < fewestSlots || t.latest <= start {
		return nil
	}
	return &timeline{from: start, to: t.latest, open: p.Load.OpenLoop(), view: v, slots: make([]slot, n), edges: make([]float64, n+1)}
}

// place is the slot of a moment, with a part; it may lie outside.
func (t *timeline) place(at record.Stamp) float64 {
	return float64(at-t.from) / float64(t.to-t.from) * float64(len(t.slots))
}

// within is the slot of a moment; nil where it has none.
func (t *timeline) within(at record.Stamp) *slot {
	if at < t.from || at > t.to {
		return nil
	}
	return &t.slots[min(int(t.place(at)), len(t.slots)-1)]
}

func (t *timeline) take(e *entry) {
	if e.Sent == 0 {
		return
	}
	begun := e.Sent
	if t.open {
		begun = min(begun, e.Due)
	}
	t.cover(t.place(begun), t.place(endOf(e.Record)))
	s := t.within(begun)
	if s != nil {
		s.begun++
	}
	if !e.ok {
		return
	}
	if x := t.within(endOf(e.Record)); x != nil {
		x.ended++
	}
	for i, n := range e.counts {
		if x := t.within(e.Events[i]); x != nil {
			x.tokens += n
		}
	}
	if s == nil {
		return
	}
	if first := t.view.first(e.Record); first > 0 {
		s.ttft.add(seconds(first - begun))
	}
	if n := t.view.paced(e.Record); n > 1 {
		s.tpot.add(t.view.tpot(e.Record, n))
	}
}

// cover adds a request that was under way from one place to another.
func (t *timeline) cover(from, to float64) {
	last := float64(len(t.slots))
	from, to = max(0, min(from, last)), max(0, min(to, last))
	a, b := int(from), int(to)
	if a == b {
		if a < len(t.slots) {
			t.slots[a].underWay += to - from
		}
		return
	}
	t.slots[a].underWay += float64(a+1) - from
	t.edges[a+1]++
	t.edges[b]--
	if b < len(t.slots) {
		t.slots[b].underWay += to - float64(b)
	}
}

func (t *timeline) turn() bool {
	under := 0.0
	for i := range t.slots {
		under += t.edges[i]
		t.slots[i].underWay += under
	}
	return false
}

// width is a slot's, in seconds.
func (t *timeline) width() float64 { return seconds(t.to-t.from) / float64(len(t.slots)) }

// begins is when a slot begins.
func (t *timeline) begins(i int) record.Stamp {
	return t.from + record.Stamp(float64(t.to-t.from)*float64(i)/float64(len(t.slots)))
}

// levels are a number of each slot; where a slot has none it is that of the one
// before.
func levels(slots []slot, of func(slot) float64) []float64 {
	var out []float64
	for _, s := range slots {
		v := of(s)
		if math.IsNaN(v) && len(out) > 0 {
			v = out[len(out)-1]
		}
		if !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}

func underWayOf(s slot) float64 { return s.underWay }
func ttftOf(s slot) float64     { return s.ttft.mean() }
func tpotOf(s slot) float64     { return s.tpot.mean() }

const (
	shiftLimit = 0.05 // by which the level before the end of a warm-up differs from the one after it
	leastLeft  = 0.3  // of the slots are steady, or none are
	stillRises = 0.5  // of its mean by which the load of a steady part rises at most
)

// warmUp is how many slots come before the level of the requests under way and of
// TTFT is that of the rest.
func warmUp(slots []slot) int {
	from := 0
	for _, of := range []func(slot) float64{underWayOf, ttftOf} {
		if x := levels(slots, of); len(x) == len(slots) {
			from = max(from, stats.WarmUp(x, shiftLimit))
		}
	}
	return from
}

// steadyPart is the slots without warm-up of which the rest is long enough to
// speak of; not ok where that is none.
func (t *timeline) steadyPart(from, to record.Stamp) (first, last int, ok bool) {
	first = max(0, int(math.Ceil(t.place(from)-1e-9)))
	last = min(len(t.slots), int(math.Floor(t.place(to)+1e-9)))
	if first >= last {
		return 0, 0, false
	}
	first += warmUp(t.slots[first:last])
	under := levels(t.slots[first:last], underWayOf)
	if r := stats.Trend(under); r.P < trendP && math.Abs(r.Slope) > stillRises*stats.Mean(under) {
		return first, last, false
	}
	return first, last, float64(last-first) >= leastLeft*float64(len(t.slots))
}
