package stats

import (
	"math"
	"slices"
)

// streamLimit is how many values a Stream keeps.
const streamLimit = 1 << 20

// rangeParts is how many parts a Stream cuts a range of values into in one pass.
const rangeParts = 1 << 14

// A Stream describes values that are too many to keep: they are given several
// times over, in the same order, and Turn says after each time whether one more
// is needed. Every number it tells has the bits that Mean, Std, Percentile and
// Median would give for a slice of the values: sums are added in NumPy's order
// for the number of values that the first pass counted, and the values at the
// ranks of percentiles are found by narrowing the range in which they lie, pass
// by pass, until what lies in it can be kept and sorted.
type Stream struct {
	limit int
	ps    []float64 // percentiles to tell
	turns int

	n         int // values in all
	low, high uint64
	kept      []float64 // all of them, in the order given; sorted after the last pass

	sum    adder
	mean   float64
	std    float64
	ranges []valueRange
	found  map[int]float64 // by rank
}

// A valueRange is a range of values, by their keys, in which ranks are looked for.
type valueRange struct {
	low, high uint64 // inclusive
	before    int    // values below low
	ranks     []int
	shift     uint
	counts    []int     // values by (key − low) >> shift; nil while they are kept
	kept      []float64 // values in it
}

// NewStream returns a Stream for the median and these percentiles, 0 to 100.
func NewStream(percentiles ...float64) *Stream {
	return &Stream{limit: streamLimit, ps: percentiles, low: math.MaxUint64}
}

// key orders floats as whole numbers.
func key(x float64) uint64 {
	b := math.Float64bits(x)
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

func unkey(k uint64) float64 {
	if k>>63 != 0 {
		return math.Float64frombits(k &^ (1 << 63))
	}
	return math.Float64frombits(^k)
}

// Add takes the next value of a pass.
func (s *Stream) Add(x float64) {
	k := key(x)
	if s.turns == 0 {
		s.n++
		s.low, s.high = min(s.low, k), max(s.high, k)
		switch {
		case s.n <= s.limit:
			s.kept = append(s.kept, x)
		default:
			s.kept = nil
		}
		return
	}
	switch s.turns {
	case 1:
		s.sum.add(x)
	case 2:
		s.sum.add(square(x - s.mean))
	}
	for i := range s.ranges {
		r := &s.ranges[i]
		switch {
		case k < r.low || k > r.high:
		case r.counts != nil:
			r.counts[(k-r.low)>>r.shift]++
		default:
			r.kept = append(r.kept, x)
		}
	}
}

// Turn ends a pass. It reports whether the values are to be given once more.
func (s *Stream) Turn() (again bool) {
	s.turns++
	switch s.turns {
	case 1:
		if s.n <= s.limit {
			s.mean, s.std = Mean(s.kept), Std(s.kept)
			slices.Sort(s.kept)
			return false
		}
		s.found = map[int]float64{}
		s.sum.begin(s.n)
		s.ranges = []valueRange{{low: s.low, high: s.high, ranks: s.ranks()}}
		s.prepare(s.n)
		return true
	case 2:
		s.mean = s.sum.total() / float64(s.n)
		s.sum.begin(s.n)
	case 3:
		s.std = math.Sqrt(s.sum.total() / float64(s.n))
	}
	s.narrow()
	return s.turns < 3 || len(s.ranges) > 0
}

// ranks are the places in order of value that are to be found.
func (s *Stream) ranks() []int {
	ranks := []int{(s.n - 1) / 2, s.n / 2}
	for _, p := range s.ps {
		if math.IsNaN(p) {
			continue
		}
		low, _ := rankOf(s.n, p)
		ranks = append(ranks, low, min(low+1, s.n-1))
	}
	slices.Sort(ranks)
	return slices.Compact(ranks)
}

// narrow replaces each range by those of its parts in which ranks lie.
func (s *Stream) narrow() {
	old := s.ranges
	s.ranges = nil
	within := 0
	for i := range old {
		r := &old[i]
		if r.counts == nil {
			slices.Sort(r.kept)
			for _, k := range r.ranks {
				s.found[k] = r.kept[k-r.before]
			}
			continue
		}
		before := r.before
		for b, n := range r.counts {
			low := r.low + uint64(b)<<r.shift
			next := valueRange{low: low, high: min(r.high, low+(1<<r.shift-1)), before: before}
			for len(r.ranks) > 0 && r.ranks[0] < before+n {
				next.ranks = append(next.ranks, r.ranks[0])
				r.ranks = r.ranks[1:]
			}
			before += n
			switch {
			case len(next.ranks) == 0:
			case next.low == next.high:
				for _, k := range next.ranks {
					s.found[k] = unkey(next.low)
				}
			default:
				within += n
				s.ranges = append(s.ranges, next)
			}
		}
	}
	s.prepare(within)
}

// prepare decides whether the next pass keeps the values of the ranges, of which
// there are so many, or counts them.
func (s *Stream) prepare(within int) {
	if within <= s.limit {
		return
	}
	for i := range s.ranges {
		r := &s.ranges[i]
		for (r.high-r.low)>>r.shift >= rangeParts {
			r.shift++
		}
		r.counts = make([]int, rangeParts)
	}
}

// N is the number of values.
func (s *Stream) N() int { return s.n }

// Mean is that of the values, as Mean tells it; NaN without any.
func (s *Stream) Mean() float64 { return s.mean }

// Std is that of the values, as Std tells it; NaN without any.
func (s *Stream) Std() float64 { return s.std }

// Min is the least value; NaN without any.
func (s *Stream) Min() float64 { return s.end(s.low) }

// Max is the greatest value; NaN without any.
func (s *Stream) Max() float64 { return s.end(s.high) }

func (s *Stream) end(k uint64) float64 {
	if s.n == 0 {
		return math.NaN()
	}
	return unkey(k)
}

// Median is that of the values, as Median tells it.
func (s *Stream) Median() float64 {
	if s.found == nil {
		return Median(s.kept)
	}
	low, high := s.found[(s.n-1)/2], s.found[s.n/2]
	if s.n%2 == 1 {
		return high
	}
	return (low + high) / 2
}

// Percentile is one of those that NewStream was given, as Percentile tells it.
func (s *Stream) Percentile(p float64) float64 {
	if s.found == nil {
		return Percentile(s.kept, p)
	}
	if math.IsNaN(p) {
		return math.NaN()
	}
	low, t := rankOf(s.n, p)
	if low == s.n-1 {
		return s.found[low]
	}
	return lerp(s.found[low], s.found[low+1], t)
}

// An adder adds values in the order of Sum, without a slice of them. It is told
// first how many there will be.
type adder struct {
	block [block]float64
	n     int   // of block
	want  int   // the length of the current block
	rest  []int // stretches that follow it, the last one first; −1 adds two sums
	sums  []float64
}

func (a *adder) begin(n int) {
	*a = adder{rest: append(a.rest[:0], n), sums: a.sums[:0]}
	a.next()
}

// next splits what follows until a block lies in front.
func (a *adder) next() {
	a.n, a.want = 0, 0
	for len(a.rest) > 0 {
		end := len(a.rest) - 1
		n := a.rest[end]
		a.rest = a.rest[:end]
		switch {
		case n < 0:
			k := len(a.sums)
			a.sums = append(a.sums[:k-2], a.sums[k-2]+a.sums[k-1])
		case n <= block:
			a.want = n
			return
		default:
			half := n / 2
			half -= half % 8
			a.rest = append(a.rest, -1, n-half, half)
		}
	}
}

func (a *adder) add(x float64) {
	a.block[a.n] = x
	a.n++
	if a.n == a.want {
		a.sums = append(a.sums, Sum(a.block[:a.n]))
		a.next()
	}
}

// total is the sum when all values were added.
func (a *adder) total() float64 {
	if len(a.sums) == 0 {
		return 0
	}
	return a.sums[0]
}
