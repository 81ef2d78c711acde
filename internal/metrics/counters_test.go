package metrics

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const speculating = `# HELP vllm:spec_decode_num_drafts_total Number of spec decoding drafts.
vllm:spec_decode_num_drafts_total{engine="0",model_name="m"} 10.0
vllm:spec_decode_num_drafts_created{engine="0",model_name="m"} 1.7e+09
vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="m"} 30.0
vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="m"} 12.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m",position="0"} 8.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m",position="2"} 1.0
`

func TestReadCounters(t *testing.T) {
	for _, c := range []struct {
		why, text string
		want      Counters
	}{
		{"a server that does neither", "vllm:num_requests_running 3\n", Counters{}},
		{"nothing", "", Counters{}},
		{"speculation", speculating, Counters{Speculates: true, Drafts: 10, DraftTokens: 30, Accepted: 12, PerPosition: map[int]int{0: 8, 2: 1}}},
		{"two engines are added up", speculating + speculating, Counters{Speculates: true, Drafts: 20, DraftTokens: 60, Accepted: 24, PerPosition: map[int]int{0: 16, 2: 2}}},
		{"no number", "vllm:spec_decode_num_drafts_total{} x\nvllm:spec_decode_num_draft_tokens_total NaN\n", Counters{Speculates: true}},
		{"diffusion", "vllm:diffusion_num_denoising_steps_total{} 10.0\nvllm:diffusion_num_canvas_positions_total 320\nvllm:diffusion_num_committed_tokens_total 64\n",
			Counters{Diffuses: true, Steps: 10, Positions: 320, Committed: 64}},
	} {
		if c.want.PerPosition == nil {
			c.want.PerPosition = map[int]int{}
		}
		if diff := cmp.Diff(c.want, ReadCounters([]byte(c.text))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

// TestObserve has the numbers that vLLM's client gives for the same counters.
func TestObserve(t *testing.T) {
	before := Counters{Speculates: true, Drafts: 10, DraftTokens: 30, Accepted: 12, PerPosition: map[int]int{0: 8, 1: 3, 2: 1}}
	after := Counters{Speculates: true, Drafts: 110, DraftTokens: 330, Accepted: 200, PerPosition: map[int]int{0: 90, 1: 70, 2: 40}}
	s := Summary{Duration: 2}
	s.Observe(before, after)
	want := &Speculation{Drafts: 100, DraftTokens: 300, Accepted: 188, Rate: 62.66666666666667, Length: 2.88, PerPosition: []float64{0.82, 0.67, 0.39}}
	if diff := cmp.Diff(want, s.Speculation); diff != "" || s.Diffusion != nil {
		t.Errorf("diffusion %v (-want +got):\n%s", s.Diffusion, diff)
	}
	s.Observe(before, before)
	if s.Speculation != nil {
		t.Errorf("nothing was drafted, yet %v", s.Speculation)
	}
	s.Observe(Counters{}, after)
	if s.Speculation != nil {
		t.Errorf("there was no count before, yet %v", s.Speculation)
	}
	s.Observe(Counters{Diffuses: true, Steps: 10, Positions: 320, Committed: 64}, Counters{Diffuses: true, Steps: 110, Positions: 3520, Committed: 704})
	if diff := cmp.Diff(&Diffusion{Steps: 80, Positions: 3200, Committed: 640, Throughput: 320, PerCanvas: 4, PerStep: 8}, s.Diffusion); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzReadCounters(f *testing.F) {
	f.Add([]byte(speculating))
	f.Add([]byte("vllm:diffusion_num_denoising_steps_total{} 1e400\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := ReadCounters(text)
		Speculate(c, c)
		diffuse(Counters{Diffuses: true}, c, 1)
	})
}

// TestCacheHits: hits of the prefix cache come from the counters where no usage
// told of them, and only there.
func TestCacheHits(t *testing.T) {
	read := func(hits, queries int) Counters {
		return ReadCounters([]byte(fmt.Sprintf("# TYPE vllm:prefix_cache_queries counter\nvllm:prefix_cache_queries_total{engine=\"0\"} %d.0\n# TYPE vllm:prefix_cache_hits counter\nvllm:prefix_cache_hits_total{engine=\"0\"} %d.0\n", queries, hits)))
	}
	s := Summary{InputTokens: 1000}
	s.Observe(read(100, 500), read(740, 1500))
	if s.CachedTokens != 640 || !s.CachedTold || len(s.Warnings) != 1 || s.Warnings[0].Code != WarnCachedTokens {
		t.Errorf("got %d, told %v, %v", s.CachedTokens, s.CachedTold, s.Warnings)
	}
	s = Summary{InputTokens: 1000, CachedTokens: 3, CachedTold: true}
	s.Observe(read(100, 500), read(740, 1500))
	if s.CachedTokens != 3 || len(s.Warnings) != 0 {
		t.Errorf("usage told 3: got %d, %v", s.CachedTokens, s.Warnings)
	}
	s = Summary{InputTokens: 1000}
	s.Observe(read(740, 1500), read(0, 3)) // the server began anew
	if s.CachedTold {
		t.Errorf("counters that fell: got %d", s.CachedTokens)
	}
}
