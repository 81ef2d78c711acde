package light

import (
	"cmp"
	"slices"

	"tokmeter/internal/model/roofline"
)

// A change is a moment at which an answer begins or ends.
type change struct {
	at      float64
	n       int     // answers that begin, less those that end
	rate    float64 // steps a second that each asks for
	context float64 // tokens before its own, in the middle of its answer
}

// use computes how much of the card the run used.
//
// Bandwidth is that of decode steps alone: at every moment at which answers are
// under way, the bytes of one step over all of them, divided by their TPOT. The
// mean is over the time. Operations are those of all tokens that were needed,
// prompts and answers, each at the peak of its format, over the time in which
// any request was under way.
func (l *Light) use(v *Verdict, reqs []Request) {
	perStep := max(v.TokensPerStep, 1)
	var changes []change
	var busy [][2]float64
	arithmetic := 0.0 // seconds at the peak
	for _, r := range reqs {
		if r.E2EL <= 0 {
			continue
		}
		busy = append(busy, [2]float64{r.At, r.At + r.E2EL})
		arithmetic += l.prefill(r.Prompt, r.Cached).Arithmetic
		if r.Output < 2 || r.TPOT <= 0 {
			continue
		}
		middle := r.Prompt + r.Output/2
		arithmetic += float64(r.Output-1) * l.decode(1, middle).Arithmetic
		c := change{at: r.At + r.TTFT, n: 1, rate: 1 / (r.TPOT * perStep), context: float64(middle)}
		changes = append(changes, c, change{r.At + r.E2EL, -1, -c.rate, -c.context})
	}
	if t := union(busy); t > 0 {
		v.FlopUse = arithmetic / t
	}
	if bytes, seconds := l.streamed(changes); seconds > 0 {
		v.BandwidthUse = bytes / (seconds * l.bandwidth())
	}
}

// streamed adds up the bytes of decode steps over the time in which answers were
// under way, and that time.
func (l *Light) streamed(changes []change) (bytes, seconds float64) {
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	var now change
	for i, c := range changes {
		if dt := c.at - now.at; i > 0 && now.n > 0 && dt > 0 {
			cost := l.decode(now.n, int(now.context)/now.n)
			steps := dt * now.rate / float64(now.n)
			bytes += steps * (cost.WeightBytes + cost.KVBytes)
			seconds += dt
		}
		now = change{c.at, now.n + c.n, now.rate + c.rate, now.context + c.context}
	}
	return bytes, seconds
}

// union is the time covered by spans.
func union(spans [][2]float64) float64 {
	slices.SortFunc(spans, func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) })
	total, end := 0.0, 0.0
	for i, s := range spans {
		if i == 0 || s[0] > end {
			total += s[1] - s[0]
			end = s[1]
		} else if s[1] > end {
			total += s[1] - end
			end = s[1]
		}
	}
	return total
}

// Batch is how many answers are under way at once, averaged over the tokens
// that were generated: what a token finds beside it. It is 0 where no answer
// has two tokens.
func Batch(reqs []Request) float64 {
	var changes []change
	for _, r := range reqs {
		if r.Output > 1 && r.TPOT > 0 && r.E2EL > r.TTFT {
			at, end := r.At+r.TTFT, r.At+r.E2EL
			changes = append(changes, change{at: at, n: 1}, change{at: end, n: -1})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n)) })
	n, last, weighted, total := 0, 0.0, 0.0, 0.0
	for _, c := range changes {
		dt := (c.at - last) * float64(n)
		weighted += dt * float64(n)
		total += dt
		n, last = n+c.n, c.at
	}
	if total == 0 {
		return 0
	}
	return weighted / total
}

// bandwidth and peak are those of all cards together, in bytes and operations a
// second.
func (l *Light) bandwidth() float64 { return l.machine.Bandwidth() * float64(l.cards()) }

func (l *Light) peak() float64 {
	rate, _ := l.machine.Peak()
	return rate * float64(l.cards())
}

func (l *Light) cards() int { return max(l.built.Setup.TP, 1) }

// Constants lists everything that the limits are made of, with its source.
func (l *Light) Constants() []roofline.Constant { return l.machine.Explain() }

// Unconfirmed names the constants that have one source that nothing confirms.
func (l *Light) Unconfirmed() []string {
	var names []string
	for _, c := range l.Constants() {
		if !c.Confirmed {
			names = append(names, c.Name)
		}
	}
	return names
}
