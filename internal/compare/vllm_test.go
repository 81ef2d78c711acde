package compare_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tokmeter/internal/compare"
)

const saved = `{"date": "20261101-101010", "backend": "vllm", "num_prompts": 3, "request_rate": 2.0, "burstiness": 1.0, "max_concurrency": null,
 "duration": 1.5, "completed": 2, "total_input_tokens": 30, "max_concurrent_requests": 2,
 "input_lens": [10, 20, 30], "output_lens": [3, 1, 0], "ttfts": [0.1, 0.2, 0.0], "itls": [[0.02, 0.04], [], []],
 "start_times": [100.0, 100.5, 101.0], "generated_texts": ["a", "b", ""], "errors": ["", "", "Bad Gateway"]}`

// TestFromVLLM reads a detailed result: one answer of three tokens, one of one,
// and one that failed.
func TestFromVLLM(t *testing.T) {
	nan := math.NaN()
	want := compare.Run{
		Load: compare.Load{Rate: 2}, Offered: 2, Seconds: 1.5, PeakOpen: 2,
		Requests: []compare.Request{
			{Index: 0, OK: true, Prompt: 10, Output: 3, TTFT: 100, TPOT: 30, E2EL: 160, Sent: 0},
			{Index: 1, OK: true, Prompt: 20, Output: 1, TTFT: 200, TPOT: nan, E2EL: 200, Sent: 500},
			{Index: 2, Prompt: 30, TTFT: nan, TPOT: nan, E2EL: nan, Sent: 1000},
		},
	}
	got, err := compare.FromVLLM([]byte(saved))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 0)); d != "" {
		t.Error(d)
	}
	for _, c := range []struct{ why, from, to, says string }{
		{"all at once", `"request_rate": 2.0`, `"request_rate": "inf"`, ""},
		{"not detailed", `"ttfts": [0.1, 0.2, 0.0], `, "", "--save-detailed"},
		{"cut short", `"itls": [[0.02, 0.04], [], []]`, `"itls": []`, "not whole"},
		{"no JSON", `{"date"`, `{`, "--save-result"},
	} {
		r, err := compare.FromVLLM([]byte(strings.Replace(saved, c.from, c.to, 1)))
		if c.says == "" && (err != nil || r.Load != compare.Load{}) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %+v, %v", c.why, r.Load, err)
		}
	}
	closed := strings.NewReplacer(`"request_rate": 2.0`, `"request_rate": "inf"`, `"max_concurrency": null`, `"max_concurrency": 8`).Replace(saved)
	if r, err := compare.FromVLLM([]byte(closed)); err != nil || r.Load != (compare.Load{Concurrency: 8}) {
		t.Errorf("closed loop: got %+v, %v", r.Load, err)
	}
}

// FuzzFromVLLM: whatever the file says, what is read can be compared.
func FuzzFromVLLM(f *testing.F) {
	f.Add([]byte(saved))
	f.Add([]byte(`{"ttfts":[1e308,-1],"itls":[[1e308,1e308],[]],"output_lens":[9,-3],"duration":-1,"request_rate":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := compare.FromVLLM(data)
		if err != nil {
			return
		}
		r.Variant = "v"
		if _, err := compare.Build([]compare.Variant{{Name: "v"}}, []compare.Run{r}, compare.Options{}); err != nil {
			t.Fatal(err)
		}
		for _, q := range r.Requests {
			if q.TTFT < 0 || math.IsInf(q.E2EL, 0) || q.Output < 0 {
				t.Fatalf("got %+v", q)
			}
		}
	})
}
