package exposition

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestFloats has what prometheus_client's floatToGoString prints.
func TestFloats(t *testing.T) {
	for _, tc := range []struct {
		x    float64
		want string
	}{
		{0, "0.0"}, {1, "1.0"}, {0.1, "0.1"}, {1e-5, "1e-05"}, {123456, "123456.0"}, {999999.5, "999999.5"},
		{1e6, "1e+06"}, {1234567.891, "1.234567891e+06"}, {1e7, "1e+07"}, {12345678901, "1.2345678901e+010"}, {1.2e15, "1.2e+015"}, {1e16, "1e+16"},
		{1.5e17, "1.5e+17"}, {1e22, "1e+22"}, {4.821295104e9, "4.821295104e+09"}, {-3e7, "-30000000.0"},
		{1795542523.2095408, "1.7955425232095408e+09"}, {5e-324, "5e-324"}, {1e-4, "0.0001"}, {0.00012345, "0.00012345"},
		{1000000.5, "1.0000005e+06"}, {1e100, "1e+100"}, {math.Inf(1), "+Inf"}, {math.Inf(-1), "-Inf"}, {math.NaN(), "NaN"},
	} {
		if got := string(appendFloat(nil, tc.x)); got != tc.want {
			t.Errorf("%v: got %s, want %s", tc.x, got, tc.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64().Draw(t, "x")
		got, err := strconv.ParseFloat(string(appendFloat(nil, x)), 64)
		if err != nil || got != x && !math.IsNaN(x) {
			t.Fatalf("%v is printed as %s and read as %v (%v)", x, appendFloat(nil, x), got, err)
		}
	})
}

func TestTokenBuckets(t *testing.T) {
	for _, tc := range []struct {
		most int
		want []float64
		why  string
	}{
		{4096, []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000}, "as scraped"},
		{100, []float64{1, 2, 5, 10, 20, 50, 100}, "the end is included"},
		{1, []float64{1}, "the least"},
		{0, nil, "no length"},
	} {
		if d := cmp.Diff(tc.want, tokenBuckets(tc.most)); d != "" {
			t.Errorf("%s: %d:\n%s", tc.why, tc.most, d)
		}
	}
}

// value finds a series by its beginning.
func value(t *testing.T, r *Registry, series string) float64 {
	t.Helper()
	for line := range strings.Lines(string(r.AppendText(nil, Process{}))) {
		if name, x, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && name+"}" == series {
			f, err := strconv.ParseFloat(x, 64)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
	t.Fatalf("no series %s", series)
	return 0
}

func TestFeed(t *testing.T) {
	r := New(Config{Model: `m"\` + "\n", MaxModelLen: 4096, Drafts: 2, OldNames: true})
	m := `{engine="0",model_name="m\"\\\n"}`
	r.Step(&Step{Queries: 100, Hits: 32, Preempted: 1, Prompt: 90, Cached: 30, Generated: 7, Sampled: 3,
		Drafts: 2, DraftTokens: 4, Accepted: 3, AcceptedAt: []int{2, 1}, Flops: 5e12, Read: 1e9, Written: 2e6})
	r.Step(&Step{Queries: 5}) // part of a prompt: no iteration
	r.State(3, 4, 2, 0.25)
	r.First(0.05)
	r.Token(0.02)
	r.Token(0.03)
	r.Finished(&Finished{Reason: Length, E2E: 1, Decode: 0.9, Prompt: 90, Cached: 30, Output: 10, MaxTokens: 10, Preemptions: 1})
	r.Answered(2, 10)
	for series, want := range map[string]float64{
		"vllm:prefix_cache_queries_total" + m: 105,
		"vllm:prefix_cache_hits_total" + m:    32,
		`vllm:prompt_tokens_cached_by_source_total{engine="0",model_name="m\"\\\n",source="device"}`: 32,
		"vllm:prompt_tokens_total" + m: 90,
		`vllm:prompt_tokens_by_source_total{engine="0",model_name="m\"\\\n",source="local_compute"}`:   60,
		`vllm:prompt_tokens_by_source_total{engine="0",model_name="m\"\\\n",source="local_cache_hit"}`: 30,
		"vllm:generation_tokens_total" + m:               7,
		"vllm:iteration_tokens_total_count" + m:          1,
		"vllm:iteration_tokens_total_sum" + m:            67,
		"vllm:num_preemptions_total" + m:                 1,
		"vllm:spec_decode_num_accepted_tokens_total" + m: 3,
		`vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m\"\\\n",position="1"}`: 1,
		"vllm:estimated_flops_per_gpu_total" + m:                                                           5e12,
		"vllm:num_requests_waiting" + m:                                                                    6,
		`vllm:num_requests_waiting_by_reason{engine="0",model_name="m\"\\\n",reason="deferred"}`:           2,
		"vllm:kv_cache_usage_perc" + m:                                                                     0.25,
		"vllm:gpu_cache_usage_perc" + m:                                                                    0.25,
		`vllm:inter_token_latency_seconds_bucket{engine="0",le="0.025",model_name="m\"\\\n"}`:              1,
		`vllm:inter_token_latency_seconds_bucket{engine="0",le="+Inf",model_name="m\"\\\n"}`:               2,
		"vllm:time_per_output_token_seconds_count" + m:                                                     2,
		`vllm:request_success_total{engine="0",finished_reason="length",model_name="m\"\\\n"}`:             1,
		"vllm:request_time_per_output_token_seconds_sum" + m:                                               0.1,
		"vllm:request_prefill_kv_computed_tokens_sum" + m:                                                  60,
		"vllm:request_params_n_sum" + m:                                                                    2,
		`vllm:request_num_preemptions_bucket{engine="0",le="1.0",model_name="m\"\\\n"}`:                    1,
	} {
		if got := value(t, r, series); math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", series, got, want)
		}
	}
}

// TestConservation checks that no observation is lost when several goroutines
// feed and one prints, and that buckets never fall.
func TestConservation(t *testing.T) {
	r := New(Config{Model: "m", MaxModelLen: 100})
	var wg sync.WaitGroup
	const feeders, each = 4, 2000
	for i := range feeders {
		wg.Go(func() {
			for j := range each {
				r.Token(float64(j%100) / 50)
				r.HTTP(Exchange{Path: "/v1/completions", Routed: true, Method: "POST", Status: 200 + i})
			}
		})
	}
	for range 20 {
		last := 0.0
		for line := range strings.Lines(string(r.AppendText(nil, Process{}))) {
			if !strings.HasPrefix(line, "vllm:inter_token_latency_seconds_bucket") {
				continue
			}
			x, _ := strconv.ParseFloat(strings.Fields(line)[1], 64)
			if x < last {
				t.Fatalf("a bucket below the one before: %s", line)
			}
			last = x
		}
	}
	wg.Wait()
	if got := value(t, r, `vllm:inter_token_latency_seconds_count{engine="0",model_name="m"}`); got != feeders*each {
		t.Fatalf("got %v tokens, want %d", got, feeders*each)
	}
	if got := value(t, r, `http_requests_total{handler="/v1/completions",method="POST",status="2xx"}`); got != feeders*each {
		t.Fatalf("got %v requests, want %d", got, feeders*each)
	}
}

// TestBounded checks that strange methods and adapters cannot fill the memory.
func TestBounded(t *testing.T) {
	r := New(Config{Model: "m", MaxModelLen: 100, MaxAdapters: 1})
	for i := range 3 * maxSeries {
		r.HTTP(Exchange{Path: "/" + strconv.Itoa(i), Method: "M" + strconv.Itoa(i), Status: 404})
		r.Adapters([]string{strconv.Itoa(i)}, 1)
	}
	if n := len(r.http.requests.snapshot()); n > maxSeries {
		t.Fatalf("got %d series, want at most %d", n, maxSeries)
	}
	if n := len(r.lora.snapshot()); n > maxSeries {
		t.Fatalf("got %d series of adapters, want at most %d", n, maxSeries)
	}
}

func TestFeedAllocatesNothing(t *testing.T) {
	r := New(Config{Model: "m", MaxModelLen: 4096, Drafts: 2})
	step := &Step{Queries: 1, Sampled: 1, Generated: 1, AcceptedAt: []int{1, 0}}
	if n := testing.AllocsPerRun(100, func() {
		r.Step(step)
		r.State(1, 2, 3, 0.5)
		r.First(0.1)
		r.Token(0.1)
		r.Finished(&Finished{Output: 3})
	}); n != 0 {
		t.Fatalf("got %v allocations, want none", n)
	}
}

func BenchmarkToken(b *testing.B) {
	r := New(Config{Model: "m", MaxModelLen: 4096})
	b.ReportAllocs()
	for b.Loop() {
		r.Token(0.0421)
	}
}

func BenchmarkText(b *testing.B) {
	r := New(Config{Model: "m", MaxModelLen: 4096})
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = r.AppendText(dst[:0], Process{})
	}
}
