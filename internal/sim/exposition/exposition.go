// Package exposition keeps the series of a vLLM server's /metrics and prints
// them in Prometheus' text format: names, help, types, labels, buckets and order
// of vLLM 0.32.
//
// It promises that what it prints differs from a scrape of vLLM 0.32 only where
// its test names the difference and the reason. Feeding it takes no lock and
// allocates nothing, so that the engine may do so for every token; printing may
// go on at the same time. It has no clock and no goroutine: times are told by
// the caller. Python's own series (python_gc_*, python_info) are left out, since
// no Python runs.
package exposition

import (
	"cmp"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// ContentType is that of the text.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// A Label is one name and value of a series.
type Label struct{ Name, Value string }

// A kind is what # TYPE says.
type kind uint8

const (
	gauge kind = iota
	counter
	histogram
	summary // without quantiles: count and sum alone
)

func (k kind) String() string {
	return [...]string{"gauge", "counter", "histogram", "summary"}[k]
}

// A family is one metric with its series, in order of their making.
type family struct {
	name    string // as after # HELP: with _total for counters
	help    string
	kind    kind
	buckets []float64 // upper bounds without +Inf
	hidden  bool      // not printed before it has a series

	mu     sync.Mutex
	series []*series
}

// A series is one line, or the lines of one histogram. Values may be added by
// any goroutine.
type series struct {
	labels        []Label
	before, after string  // the printed labels, before and after where "le" sorts
	created       float64 // seconds since 1970
	value         number  // of a counter or gauge; the sum of a histogram
	bounds        []float64
	counts        []atomic.Int64 // by bucket, the last for what is above all
}

// A number is a float64 that many goroutines may add to.
type number struct{ bits atomic.Uint64 }

func (n *number) get() float64  { return math.Float64frombits(n.bits.Load()) }
func (n *number) set(x float64) { n.bits.Store(math.Float64bits(x)) }

func (n *number) add(x float64) {
	if x == 0 {
		return
	}
	for {
		old := n.bits.Load()
		if n.bits.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+x)) {
			return
		}
	}
}

func (s *series) inc(n int) { s.value.add(float64(n)) }

// observe counts one value of a histogram.
func (s *series) observe(x float64) {
	i := 0
	for i < len(s.bounds) && x > s.bounds[i] {
		i++
	}
	s.counts[i].Add(1)
	s.value.add(x)
}

// add makes a series; created is when, in seconds since 1970.
func (f *family) add(created float64, labels ...Label) *series {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.push(created, labels)
}

func (f *family) push(created float64, labels []Label) *series {
	labels = slices.Clone(labels)
	slices.SortStableFunc(labels, func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
	at, _ := slices.BinarySearchFunc(labels, "le", func(l Label, name string) int { return cmp.Compare(l.Name, name) })
	s := &series{labels: labels, created: created, bounds: f.buckets,
		before: string(appendLabels(nil, labels[:at])), after: string(appendLabels(nil, labels[at:]))}
	if f.kind == histogram || f.kind == summary {
		s.counts = make([]atomic.Int64, len(f.buckets)+1)
	}
	f.series = append(f.series, s)
	return s
}

// find returns the series with these labels, which are sorted by name, and
// makes it where there is none.
func (f *family) find(created float64, labels ...Label) *series {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.series {
		if slices.Equal(s.labels, labels) {
			return s
		}
	}
	return f.push(created, labels)
}

// snapshot is the list of series as it stands.
func (f *family) snapshot() []*series {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.series)
}

// A Registry holds every series of one server.
type Registry struct {
	config   Config
	families []*family
	engine   engineSeries
	lora     *family
	http     httpFamilies
	sleep    sleepFamilies
	old      oldSeries
}

// WriteText prints all series in Prometheus' text format, version 0.0.4.
// process is what the process says of itself; the zero Process prints nothing.
func (r *Registry) WriteText(w io.Writer, process Process) error {
	_, err := w.Write(r.AppendText(nil, process))
	return err
}

// AppendText appends what WriteText writes.
func (r *Registry) AppendText(dst []byte, process Process) []byte {
	dst = process.append(dst)
	for _, f := range r.families {
		dst = f.append(dst)
	}
	return dst
}

// family registers a metric; it is printed in the order of registration.
func (r *Registry) family(k kind, name, help string, buckets ...float64) *family {
	f := &family{name: name, help: help, kind: k, buckets: buckets}
	r.families = append(r.families, f)
	return f
}
