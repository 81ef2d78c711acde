package metrics

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"tokmeter/internal/scrape"
)

// Counters are what a vLLM server's /metrics says of its prefix cache, of
// speculative decoding and of diffusion, summed over its engines and models since
// the server began.
type Counters struct {
	Caches  bool `json:"caches,omitempty"`        // the server has counters of its prefix cache
	Queried int  `json:"cache_queries,omitempty"` // prompt tokens that were looked up in it
	Hits    int  `json:"cache_hits,omitempty"`    // prompt tokens that were found

	Speculates  bool        `json:"speculates,omitempty"` // the server has counters of speculation
	Drafts      int         `json:"drafts,omitempty"`
	DraftTokens int         `json:"draft_tokens,omitempty"`
	Accepted    int         `json:"accepted,omitempty"`
	PerPosition map[int]int `json:"per_position,omitempty"` // accepted tokens by place in the draft, from 0

	Diffuses  bool `json:"diffuses,omitempty"` // the server has counters of diffusion
	Steps     int  `json:"denoising_steps,omitempty"`
	Positions int  `json:"canvas_positions,omitempty"`
	Committed int  `json:"committed_tokens,omitempty"`
}

// ReadCounters reads the text of /metrics in Prometheus' format. What it does
// not know it leaves out; a value that is no number counts as none.
func ReadCounters(text []byte) Counters {
	c := Counters{PerPosition: map[int]int{}}
	for name, family := range scrape.Read(text) {
		var add func(name string, m *dto.Metric, n int)
		switch {
		case !strings.HasSuffix(name, "_total"):
			continue
		case strings.HasPrefix(name, "vllm:spec_decode"):
			c.Speculates, add = true, c.speculation
		case strings.HasPrefix(name, "vllm:prefix_cache_"), strings.HasPrefix(name, "vllm:gpu_prefix_cache_"):
			c.Caches, add = true, c.cache
		case strings.HasPrefix(name, "vllm:diffusion"):
			c.Diffuses, add = true, c.diffusion
		default:
			continue
		}
		for _, m := range family.Metric {
			if x, ok := scrape.Value(m); ok && math.Abs(x) < 1<<62 {
				add(name, m, int(x))
			}
		}
	}
	return c
}

func (c *Counters) cache(name string, _ *dto.Metric, n int) {
	switch {
	case strings.HasSuffix(name, "_queries_total"):
		c.Queried += n
	case strings.HasSuffix(name, "_hits_total"):
		c.Hits += n
	}
}

func (c *Counters) speculation(name string, m *dto.Metric, n int) {
	switch {
	case strings.Contains(name, "num_drafts"):
		c.Drafts += n
	case strings.Contains(name, "num_draft_tokens"):
		c.DraftTokens += n
	case strings.Contains(name, "num_accepted_tokens_per_pos"):
		if at, err := strconv.Atoi(scrape.Label(m, "position")); err == nil {
			c.PerPosition[at] += n
		}
	case strings.Contains(name, "num_accepted_tokens"):
		c.Accepted += n
	}
}

func (c *Counters) diffusion(name string, _ *dto.Metric, n int) {
	switch {
	case strings.Contains(name, "num_denoising_steps"):
		c.Steps += n
	case strings.Contains(name, "num_canvas_positions"):
		c.Positions += n
	case strings.Contains(name, "num_committed_tokens"):
		c.Committed += n
	}
}

// Speculation is what the server's counters say of speculative decoding during
// a run.
type Speculation struct {
	Drafts, DraftTokens, Accepted int
	Rate                          float64   // accepted per draft token, in percent
	Length                        float64   // tokens for each draft: 1 + accepted / drafts
	PerPosition                   []float64 // accepted / drafts, by place in the draft
}

// Speculate is the difference of two counters; nil where the server does not
// speculate or drafted nothing in between.
func Speculate(before, after Counters) *Speculation {
	s := Speculation{
		Drafts:      after.Drafts - before.Drafts,
		DraftTokens: after.DraftTokens - before.DraftTokens,
		Accepted:    after.Accepted - before.Accepted,
		PerPosition: []float64{},
	}
	if !before.Speculates || !after.Speculates || s.DraftTokens <= 0 {
		return nil
	}
	s.Rate = float64(s.Accepted) / float64(s.DraftTokens) * 100
	if s.Drafts <= 0 {
		return &s
	}
	s.Length = 1 + float64(s.Accepted)/float64(s.Drafts)
	places := maps.Clone(before.PerPosition)
	if places == nil {
		places = map[int]int{}
	}
	maps.Copy(places, after.PerPosition)
	for _, at := range slices.Sorted(maps.Keys(places)) {
		s.PerPosition = append(s.PerPosition, float64(places[at]-before.PerPosition[at])/float64(s.Drafts))
	}
	return &s
}

// Diffusion is what the server's counters say of a diffusion model during a
// run.
type Diffusion struct {
	Steps      float64 // denoising steps, without those that committed
	Positions  int     // places of canvases that were evaluated
	Committed  int     // tokens that were committed
	Throughput float64 // committed tokens per second of the run
	PerCanvas  float64 // denoising steps for each canvas
	PerStep    float64 // committed tokens for each denoising step
}

// diffuse is the difference of two counters over a run of so many seconds; nil
// where the server's model is no diffusion model or committed nothing. A canvas
// is committed in one step.
func diffuse(before, after Counters, seconds float64) *Diffusion {
	steps := float64(after.Steps - before.Steps)
	d := Diffusion{Positions: after.Positions - before.Positions, Committed: after.Committed - before.Committed}
	if !before.Diffuses || !after.Diffuses || steps <= 0 || d.Committed <= 0 || d.Positions <= 0 {
		return nil
	}
	committed := float64(d.Committed)
	canvases := committed / (float64(d.Positions) / steps)
	d.Steps = steps - canvases
	d.Throughput = ratio(committed, seconds)
	d.PerCanvas = d.Steps / canvases
	d.PerStep = ratio(committed, d.Steps)
	return &d
}

func ratio(x, y float64) float64 {
	if y == 0 {
		return 0
	}
	return x / y
}

// Observe adds what the server's counters say of the time between before and
// after, the run's beginning and end. Where no usage told how much of the prompts
// came from the cache, the counters do.
func (s *Summary) Observe(before, after Counters) {
	s.Speculation = Speculate(before, after)
	s.Diffusion = diffuse(before, after, s.Duration)
	if s.Compat || s.CachedTold || !before.Caches || !after.Caches {
		return
	}
	if hits, queried := after.Hits-before.Hits, after.Queried-before.Queried; hits >= 0 && queried >= hits {
		s.CachedTokens, s.CachedTold = hits, true
		if text := (&evidence{Summary: s}).cachedTokens(); text != "" {
			s.Warnings = append(s.Warnings, Warning{Code: WarnCachedTokens, Text: text})
		}
	}
}
