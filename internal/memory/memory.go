// Package memory measures how fast this machine reads and writes its memory,
// and how fast its cores multiply: what bounds a language model on a processor
// as bandwidth and peak rate bound it on a card.
//
// It promises arrays that no cache holds, threads that read what they touched
// first themselves, several passes, and an end within about the time that it
// was given. It needs no tool, no C and no rights. It refuses nothing but a
// machine with too little memory; where a number is not known it is 0, and
// where it is not to be trusted a note says so.
package memory

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Options is what a probe is asked; zero values choose.
type Options struct {
	Time  time.Duration // for all passes together; 0 for 2.5 s
	Bytes int64         // of one of the three arrays; 0 for four times the last caches and 256 MiB at least
	Cores int           // threads that run together; 0 for all that the program may use
}

// A Speed is what passes of one kind reached, in GB/s (10⁹ bytes a second).
type Speed struct {
	Best, Median float64
	Passes       int
}

// Speeds is the four kinds of pass over 64-bit words, as STREAM counts their
// bytes: what the program reads and what it writes, without the lines that a
// cache fetches before it overwrites them. Decoding reads weights and writes
// next to nothing, so that Read is the figure that counts for a model.
type Speeds struct {
	Read  Speed // sum += a[i], one word of each line of 64 bytes: 64 bytes a line
	Copy  Speed // c[i] = a[i]: 16
	Scale Speed // b[i] = q·c[i]: 16
	Triad Speed // a[i] = b[i] + q·c[i]: 24
}

// A Machine is what the system tells of itself.
type Machine struct {
	CPU        string // model name, "" where not known
	Cores      int    // threads that the program may run at once
	CacheBytes int64  // all last-level caches together; 0 where not known
	OneCache   int64  // bytes of the largest of them
	Available  int64  // bytes of memory that can be had; 0 where not known
	Lanes      int    // 32-bit numbers in a vector register; 0 where not known
	Dot8       bool   // multiplies and adds four 8-bit numbers in a lane
	Half       bool   // multiplies and adds two 16-bit floats in a lane
	Matrix     bool   // multiplies matrices in a unit of its own (AMX, SME), whose rate lanes do not tell
}

// A Result is what a probe found.
type Result struct {
	Machine
	ArrayBytes int64  // of one of the three arrays, all cores together
	OneBytes   int64  // of the part that one core went through
	All, One   Speeds // all cores, one core
	// GFLOPS is the most that the cores can multiply and add in 32 bit, in 10⁹
	// operations a second, all together: scalar multiplications a second as
	// measured, times the lanes of a vector, times two. Processors whose widest
	// vectors take two turns reach half of it, and threads that share a core are
	// counted as cores, so that it is a bound, not a promise. 0 where no bound is
	// known.
	GFLOPS float64
	Notes  []string
}

// Bandwidth is the memory's in bytes a second, as far as it bounds decoding:
// the best pass that read, of all cores or, on a busy machine, of one.
func (r *Result) Bandwidth() float64 { return max(r.All.Read.Best, r.One.Read.Best) * 1e9 }

const (
	defaultTime = 2500 * time.Millisecond
	leastArray  = 256 << 20
	leastUseful = 8 << 20
	cacheTimes  = 4 // STREAM's rule for one array
	minPasses   = 3
	word        = 8
	shareOfMem  = 8 // one array takes at most this part of the memory that can be had
	peakTime    = 60 * time.Millisecond
	factor      = 3.0
	shareOfOne  = 0.4 // of the time, for one core
)

// Probe measures. It ends with ctx's cause within one pass after ctx ends.
func Probe(ctx context.Context, o Options) (Result, error) {
	r := Result{Machine: Look()}
	if o.Cores > 0 {
		r.Cores = o.Cores
	}
	if o.Time <= 0 {
		o.Time = defaultTime
	}
	if err := r.size(o.Bytes); err != nil {
		return r, err
	}
	p, err := r.touch(ctx)
	if err != nil {
		return r, err
	}
	all := time.Duration(float64(o.Time) * (1 - shareOfOne))
	if r.Cores == 1 {
		all = o.Time
	}
	if r.All, err = p.passes(ctx, p.parts, all); err != nil {
		return r, err
	}
	r.One, r.OneBytes = r.All, r.ArrayBytes
	if r.Cores > 1 {
		one := p.first(max(int64(len(p.parts[0].a))*word, min(r.ArrayBytes, cacheTimes*max(r.OneCache, leastUseful))))
		r.OneBytes = int64(len(one.a)) * word
		if r.One, err = p.passes(ctx, []part{one}, o.Time-all); err != nil {
			return r, err
		}
	}
	if r.Lanes > 0 && !r.Matrix {
		// What else runs takes time from all cores together and less often from
		// one: the larger is nearer to what they can.
		r.GFLOPS = max(multiplies(ctx, r.Cores), float64(r.Cores)*multiplies(ctx, 1)) * float64(r.Lanes) * 2 / 1e9
	}
	if err := context.Cause(ctx); err != nil {
		return r, fmt.Errorf("memory probe: %w", err)
	}
	return r, nil
}

// size chooses the arrays.
func (r *Result) size(asked int64) error {
	n := asked
	if n <= 0 {
		n = max(leastArray, cacheTimes*r.CacheBytes)
		if r.Available > 0 {
			n = min(n, r.Available/shareOfMem)
		}
	}
	if n < leastUseful {
		return fmt.Errorf("memory probe: arrays of %d bytes are too small to measure (%d bytes can be had): free some memory", n, r.Available)
	}
	if r.Available > 0 && n > r.Available/3 {
		return fmt.Errorf("memory probe: three arrays of %d bytes are more than the %d bytes that can be had: ask for smaller ones", n, r.Available)
	}
	switch {
	case r.CacheBytes == 0:
		r.Notes = append(r.Notes, fmt.Sprintf("the size of the caches is not known: arrays of %d MiB are taken to be far larger", n>>20))
	case n < 2*r.CacheBytes:
		r.Notes = append(r.Notes, fmt.Sprintf("arrays of %d MiB are less than twice the caches of %d MiB: what was measured is partly the caches'", n>>20, r.CacheBytes>>20))
	}
	step := int64(r.Cores * word * unroll)
	r.ArrayBytes = max(step, n/step*step)
	return nil
}

// A part is what one thread works on.
type part struct {
	a, b, c []float64
}

// A probe is the arrays and how they are split.
type probe struct {
	a, b, c []float64
	parts   []part
}

// touch makes the arrays; each thread writes its part first, so that the pages
// lie in the memory next to it.
func (r *Result) touch(ctx context.Context) (*probe, error) {
	n := int(r.ArrayBytes / word)
	p := &probe{make([]float64, n), make([]float64, n), make([]float64, n), nil}
	each := n / r.Cores
	for i := range r.Cores {
		p.parts = append(p.parts, part{p.a[i*each : (i+1)*each], p.b[i*each : (i+1)*each], p.c[i*each : (i+1)*each]})
	}
	together(p.parts, func(x part) {
		for i := 0; i < len(x.a) && ctx.Err() == nil; i += block {
			end := min(i+block, len(x.a))
			for j := i; j < end; j++ {
				x.a[j], x.b[j], x.c[j] = 1, 2, 0
			}
		}
	})
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("memory probe: %w", err)
	}
	return p, nil
}

// first is the front of the arrays, for one thread.
func (p *probe) first(bytes int64) part {
	n := int(bytes) / (word * unroll) * unroll
	return part{p.a[:n], p.b[:n], p.c[:n]}
}

// together runs do on each part in a goroutine of its own and waits; it returns
// the seconds from the common start to the last end.
func together(parts []part, do func(part)) float64 {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for _, x := range parts {
		ready.Add(1)
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-start
			do(x)
		})
	}
	ready.Wait()
	t := time.Now()
	close(start)
	done.Wait()
	return time.Since(t).Seconds()
}

// passes goes through the kinds in turn until the time is over and each has had
// its passes.
func (p *probe) passes(ctx context.Context, parts []part, limit time.Duration) (Speeds, error) {
	kinds := []struct {
		bytes int
		do    func(part)
	}{{word, read}, {2 * word, copyOver}, {2 * word, scale}, {3 * word, triad}}
	words := 0
	for _, x := range parts {
		words += len(x.a)
	}
	var got [4][]float64
	for begun := time.Now(); len(got[0]) < minPasses || time.Since(begun) < limit; {
		for i, k := range kinds {
			if err := context.Cause(ctx); err != nil {
				return Speeds{}, fmt.Errorf("memory probe: %w", err)
			}
			seconds := together(parts, k.do)
			if seconds <= 0 {
				return Speeds{}, errors.New("memory probe: a pass took no time: the clock of this machine is too coarse; ask for larger arrays")
			}
			got[i] = append(got[i], float64(words*k.bytes)/seconds/1e9)
		}
	}
	return Speeds{speed(got[0]), speed(got[1]), speed(got[2]), speed(got[3])}, nil
}

// speed is the best and the middle of passes.
func speed(x []float64) Speed {
	slices.Sort(x)
	n := len(x)
	return Speed{Best: x[n-1], Median: (x[(n-1)/2] + x[n/2]) / 2, Passes: n}
}
