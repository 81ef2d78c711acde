package sim

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim/api"
)

// scrapeOf reads the samples of a server's /metrics by their series, without
// the labels that all have.
func scrapeOf(t *testing.T, s *Server) map[string]float64 {
	t.Helper()
	got, head := send(t, s, exchange{Method: "GET", Path: "/metrics"})
	if kind := head.Get("Content-Type"); got.Status != 200 || kind != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("/metrics: got %d, %s", got.Status, kind)
	}
	out := map[string]float64{}
	short := strings.NewReplacer(`{engine="0",model_name="tiny"}`, "", `engine="0",`, "", `,model_name="tiny"`, "", `model_name="tiny",`, "", `{engine="0"}`, "", `{model_name="tiny"}`, "")
	for line := range strings.Lines(got.Answer) {
		if i := strings.LastIndexByte(line, ' '); line[0] != '#' && i > 0 {
			x, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
			if err != nil {
				t.Fatal(err)
			}
			out[short.Replace(line[:i])] = x
		}
	}
	return out
}

func mustAnswer(t *testing.T, s *Server, path, body string) {
	t.Helper()
	got, _ := send(t, s, exchange{Method: "POST", Path: path, Body: body, Headers: map[string]string{"Content-Type": "application/json"}})
	if got.Status != 200 {
		t.Fatalf("%s %s: got %d %s", path, body, got.Status, got.Answer)
	}
}

// TestMeter checks the series against what was asked for.
func TestMeter(t *testing.T) {
	s := tiny(t, func(o *Options) {
		o.MFU, o.MetricsV0 = true, true
		o.Setup.Acceptance = []float64{1, 0.5}
	})
	prompt := strings.Repeat("one two three four ", 20)
	n := float64(s.in.Tokenizer.Count(prompt, true))
	mustAnswer(t, s, api.PathCompletions, `{"prompt":"`+prompt+`","max_tokens":10,"ignore_eos":true}`)
	mustAnswer(t, s, api.PathCompletions, `{"prompt":"`+prompt+`","max_tokens":10,"ignore_eos":true}`)
	mustAnswer(t, s, api.PathCompletions, `{"prompt":"a","max_tokens":8,"ignore_eos":true,"n":3,"temperature":1}`)
	mustAnswer(t, s, "/v1/embeddings", `{"input":["a","b c"]}`)
	time.Sleep(20 * time.Millisecond) // the series follow the last write
	got := scrapeOf(t, s)
	hits := got["vllm:prefix_cache_hits_total"]
	if hits < n/2 || hits > n+3 {
		t.Errorf("%v tokens of a repeated prompt of %v were found in the cache", hits, n)
	}
	small := float64(3*s.in.Tokenizer.Count("a", true) + s.in.Tokenizer.Count("a", true) + s.in.Tokenizer.Count("b c", true))
	for series, want := range map[string]float64{
		"vllm:prompt_tokens_total":                                                  2*n + small,
		"vllm:prefix_cache_queries_total":                                           2*n + small,
		"vllm:generation_tokens_total":                                              10 + 10 + 3*8,
		`vllm:request_success_total{finished_reason="length"}`:                      5,
		`vllm:request_success_total{finished_reason="stop"}`:                        2,
		"vllm:request_params_n_count":                                               5,
		"vllm:request_params_n_sum":                                                 1 + 1 + 3 + 1 + 1,
		"vllm:request_max_num_generation_tokens_sum":                                10 + 10 + 8,
		"vllm:request_generation_tokens_sum":                                        10 + 10 + 3*8,
		"vllm:request_params_max_tokens_count":                                      5,
		"vllm:time_to_first_token_seconds_count":                                    7,
		"vllm:e2e_request_latency_seconds_count":                                    7,
		"vllm:num_requests_running":                                                 0,
		`http_requests_total{handler="/v1/embeddings",method="POST",status="2xx"}`:  1,
		`http_requests_total{handler="/v1/completions",method="POST",status="2xx"}`: 3,
	} {
		if x, ok := got[series]; !ok || x != want {
			t.Errorf("%s: got %v, want %v", series, x, want)
		}
	}
	sum := got[`vllm:prompt_tokens_by_source_total{source="local_compute"}`] + got[`vllm:prompt_tokens_by_source_total{source="local_cache_hit"}`]
	if sum != got["vllm:prompt_tokens_total"] {
		t.Errorf("prompt tokens by source are %v in all, want %v", sum, got["vllm:prompt_tokens_total"])
	}
	first, second := got[`vllm:spec_decode_num_accepted_tokens_per_pos_total{position="0"}`], got[`vllm:spec_decode_num_accepted_tokens_per_pos_total{position="1"}`]
	if accepted := got["vllm:spec_decode_num_accepted_tokens_total"]; accepted == 0 || accepted != first+second || second > first {
		t.Errorf("%v drafts are right, %v and %v by position", accepted, first, second)
	}
	if got["vllm:spec_decode_num_draft_tokens_total"] < got["vllm:spec_decode_num_drafts_total"] {
		t.Errorf("fewer draft tokens than drafts: %v, %v", got["vllm:spec_decode_num_draft_tokens_total"], got["vllm:spec_decode_num_drafts_total"])
	}
	weights := s.in.Built.Machine.WeightBytes()
	if read, steps := got["vllm:estimated_read_bytes_per_gpu_total"], got["vllm:iteration_tokens_total_count"]; read < 0.5*weights*steps {
		t.Errorf("%v bytes were read in %v steps of a model of %v", read, steps, weights)
	}
	if got["vllm:estimated_flops_per_gpu_total"] == 0 || got["vllm:gpu_prefix_cache_hits_total"] != hits {
		t.Errorf("no flops, or the old names say otherwise")
	}
}

// TestClientLeaves checks that a request whose client went away is in no series
// of requests that ended, as with vLLM.
func TestClientLeaves(t *testing.T) {
	s := tiny(t, nil)
	resp, err := http.Post(s.URL()+api.PathCompletions, "application/json", strings.NewReader(`{"prompt":"a","max_tokens":4000,"ignore_eos":true,"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 500)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for end := time.Now().Add(10 * time.Second); s.in.Engine.Snapshot().Running > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	got := scrapeOf(t, s)
	if n := got["vllm:e2e_request_latency_seconds_count"] + got[`vllm:request_success_total{finished_reason="abort"}`]; n != 0 {
		t.Errorf("got %v requests that ended, want none", n)
	}
	if got["vllm:time_to_first_token_seconds_count"] != 1 || got["vllm:num_requests_running"] != 0 {
		t.Errorf("its first token is not counted, or it still runs: %v, %v", got["vllm:time_to_first_token_seconds_count"], got["vllm:num_requests_running"])
	}
}

// TestUncounted checks that calls without a key, and those on paths that vLLM
// leaves out, are in no series of HTTP.
func TestUncounted(t *testing.T) {
	s := tiny(t, func(o *Options) { o.APIKeys = []string{"k"} })
	for _, path := range []string{"/v1/models", "/health", "/load", "/ping", "/version", "/server_info", "/nope", "/tokenizer_info"} {
		send(t, s, exchange{Method: "GET", Path: path})
	}
	got := scrapeOf(t, s)
	for range 100 { // a call is counted after its answer was written
		if got["http_request_duration_highr_seconds_count"] == 2 {
			break
		}
		time.Sleep(5 * time.Millisecond)
		got = scrapeOf(t, s)
	}
	for series, x := range got {
		if strings.HasPrefix(series, "http_requests_total{") {
			delete(got, series)
			if x != 1 || series != `http_requests_total{handler="none",method="GET",status="4xx"}` && series != `http_requests_total{handler="/tokenizer_info",method="GET",status="2xx"}` {
				t.Errorf("%s is %v", series, x)
			}
		}
	}
	if n := got["http_request_duration_highr_seconds_count"]; n != 2 {
		t.Errorf("got %v requests, want 2", n)
	}
}

// TestOtherServers checks which series there are for which server.
func TestOtherServers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Options)
		has    []string
		hasNot []string
	}{
		{"plain", nil, []string{"vllm:kv_cache_usage_perc", "vllm:estimated_flops_per_gpu_total"},
			[]string{"vllm:spec_decode_num_drafts_total", "vllm:gpu_cache_usage_perc", "vllm:lora_requests_info"}},
		{"fixed times", func(o *Options) { o.Fixed = &Spec{Model: "tiny", ITL: time.Millisecond}; o.Setup = setup.Setup{} },
			[]string{"vllm:inter_token_latency_seconds_count", "vllm:request_success_total{finished_reason=\"length\"}"}, nil},
		{"adapters", func(o *Options) { o.Adapters = []Adapter{{Name: "a", Path: "x"}} },
			[]string{`vllm:lora_requests_info{max_lora="1",running_lora_adapters="",waiting_lora_adapters=""}`}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := tiny(t, tc.change)
			mustAnswer(t, s, api.PathCompletions, `{"prompt":"a","max_tokens":2}`)
			got := scrapeOf(t, s)
			for _, series := range tc.has {
				if _, ok := got[series]; !ok {
					t.Errorf("no series %s", series)
				}
			}
			for _, series := range tc.hasNot {
				if _, ok := got[series]; ok {
					t.Errorf("there is a series %s", series)
				}
			}
		})
	}
}
