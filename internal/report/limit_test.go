package report_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tokmeter/internal/metrics"
	"tokmeter/internal/model/light"
)

// limited is a run of which the speed of light is known, and is beaten.
func limited() light.Verdict {
	return light.Verdict{
		Model: "llama-3-8b", GPU: "a10g", Precision: "int4", KV: "fp8", TP: 2, Policy: "vLLM V1", Requests: 10,
		Alone: light.Latencies{
			TTFT: light.Spread{Mean: 60, P50: 55, P90: 90, P99: 120},
			TPOT: light.Spread{Mean: 25, P50: 25, P90: 26, P99: 27},
			E2EL: light.Spread{Mean: 400, P50: 390, P90: 600, P99: 800},
		},
		Load: light.Latencies{
			TTFT: light.Spread{Mean: 69, P50: 60, P90: 110, P99: 209},
			TPOT: light.Spread{Mean: 26.3, P50: 26.1, P90: 28, P99: 29.3},
			E2EL: light.Spread{Mean: 450, P50: 440, P90: 700, P99: 900},
		},
		OverAlone: light.Ratios{TTFT: 1.77, TPOT: 0.9, E2EL: 1.2}, OverLoad: light.Ratios{TTFT: 1.54, TPOT: 0.86, E2EL: 1.1},
		BandwidthUse: 0.609, FlopUse: 0.12, TTFTBound: "compute", TPOTBound: "weights",
		RoundTripMs: 0.2, TokensPerStep: 1.8, CachedTokens: 40, BelowAlone: 2,
		Below:  []string{"the mean TPOT is 0.90 of its limit on an empty server"},
		Causes: []string{"another card"}, Unconfirmed: []string{"memory", "link"},
	}
}

func TestLimit(t *testing.T) {
	r := ours()
	r.Plan.Output.SaveDetailed = false
	l := limited()
	r.Summary.Limited(&l)
	check(t, "limit.txt", part(text(t, r), "Speed of Light", "Client"))
	var got struct {
		Limit    json.RawMessage `json:"speed_of_light"`
		Warnings []struct{ Code, Text string }
	}
	if err := json.Unmarshal([]byte(resultJSON(t, r)), &got); err != nil {
		t.Fatal(err)
	}
	check(t, "limit.json", string(got.Limit)+"\n")
	last := got.Warnings[len(got.Warnings)-1]
	if last.Code != metrics.WarnBelowLimit || !strings.Contains(last.Text, "0.90 of its limit") || !strings.Contains(last.Text, "another card") {
		t.Fatalf("got the warning %+v, want what is below the limit and why", last)
	}
}

// TestLimitWords: what the block says where a part is not there.
func TestLimitWords(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(*metrics.Summary)
		want   string
		not    string
	}{
		{"a load that the engine can't serve has no limit and says why", func(s *metrics.Summary) {
			l := limited()
			l.NoLoad, l.Load, l.OverLoad = "request 3 is too\nlong", light.Latencies{}, light.Ratios{}
			s.Limit = &l
		}, "load:   no limit: request 3 is too long", "a bound for that policy"},
		{"without a card there is the line of what is implied", func(s *metrics.Summary) {
			s.Implied = &light.Implication{Text: "a TPOT of 42.52 ms implies at least 353 GB/s"}
		}, "a TPOT of 42.52 ms implies at least 353 GB/s", "measured"},
		{"nothing is said where nothing is known", func(*metrics.Summary) {}, "", "Speed of Light"},
	} {
		r := ours()
		c.change(&r.Summary)
		got := part(text(t, r), "Speed of Light", "Client")
		if !strings.Contains(got, c.want) || c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("%s: got\n%s\nwant %q and not %q", c.why, got, c.want, c.not)
		}
	}
}

// TestLimitCompat: vLLM's block and keys know no limit.
func TestLimitCompat(t *testing.T) {
	r := ours()
	r.Summary.Compat = true
	l := limited()
	r.Summary.Limit = &l
	r.Summary.Implied = &light.Implication{Text: "implied"}
	for name, got := range map[string]string{"text": text(t, r), "result": resultJSON(t, r)} {
		if strings.Contains(got, "Speed of Light") || strings.Contains(got, "speed_of_light") || strings.Contains(got, "implied") {
			t.Errorf("%s under --compat vllm tells of the limit:\n%s", name, got)
		}
	}
}

// part is the lines of a text from the one with a word to the one with another.
func part(text, from, to string) string {
	_, after, ok := strings.Cut(text, from)
	if !ok {
		return ""
	}
	_, after, _ = strings.Cut(after, "\n")
	before, _, _ := strings.Cut(after, "-"+to)
	return strings.TrimRight(before, "-") // the next header's filling
}
