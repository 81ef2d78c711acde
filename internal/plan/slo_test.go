package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSLOs(t *testing.T) {
	tests := []struct {
		text string
		want []SLO
		back string // as it is written
	}{
		{"ttft_p99<500ms", []SLO{{"ttft", 99, 500}}, "ttft_p99<=500ms"},
		{" TTFT_P99.9 <= 0.5s , tpot_mean < 50", []SLO{{"ttft", 99.9, 500}, {"tpot", 0, 50}}, "ttft_p99.9<=500ms tpot_mean<=50ms"},
		{"e2el_median=2s", []SLO{{"e2el", 50, 2000}}, "e2el_p50<=2000ms"},
		{"request_throughput>10,output_throughput>=1e3", []SLO{{"request_throughput", 0, 10}, {"output_throughput", 0, 1000}}, "request_throughput>=10 output_throughput>=1000"},
		{"success>99.9%", []SLO{{"success", 0, 0.999}}, "success>=99.9%"},
		{"success=0.5", []SLO{{"success", 0, 0.5}}, "success>=50%"},
		{"goodput>=2.5", []SLO{{"goodput", 0, 2.5}}, "goodput>=2.5"},
	}
	for _, tt := range tests {
		got, err := ParseSLOs(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", tt.text, d)
		}
		var words []string
		for _, s := range got {
			words = append(words, s.String())
		}
		if back := strings.Join(words, " "); back != tt.back {
			t.Errorf("%s is written %q, want %q", tt.text, back, tt.back)
		}
		if again, err := ParseSLOs(strings.Join(words, ",")); err != nil || !cmp.Equal(again, got) {
			t.Errorf("%s: read again it is %v, %v", tt.text, again, err)
		}
	}
	for text, want := range map[string]string{
		"":                      "NAME<LIMIT",
		"ttft_p99":              "NAME<LIMIT",
		"ttft<500":              "which statistic?",
		"ttft_p0<5":             "which statistic?",
		"ttft_p101<5":           "which statistic?",
		"ttft_pnan<5":           "which statistic?",
		"ttft_p99>500":          "want <",
		"ttft_p99<0":            "a time above 0",
		"ttft_p99<inf":          "a time above 0",
		"ttft_p99<5h":           "a time above 0",
		"itl_p99<5":             `there is no "itl_p99"`,
		"request_throughput<5":  "want >",
		"request_throughput>5%": "a share such as 99%",
		"success>101%":          "a share such as 99%",
		"success>nan":           "a number above 0",
		"ttft_p99<5,":           "NAME<LIMIT",
	} {
		if got, err := ParseSLOs(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v and %v, want an error with %q", text, got, err, want)
		}
	}
}

func FuzzParseSLOs(f *testing.F) {
	for _, s := range []string{"ttft_p99<500ms", "success>99%", "e2el_median=2s,goodput>=2.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseSLOs(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Errorf("the error has control characters: %q", err)
			}
			return
		}
		for _, s := range all {
			if _, err := ParseSLOs(s.String()); err != nil {
				t.Errorf("%q was read as %s, which is refused: %v", text, s, err)
			}
		}
	})
}

func TestSLOCount(t *testing.T) {
	tests := []struct {
		p         float64
		within, n int
		want      bool
	}{
		{99, 99, 100, true}, {99, 98, 100, false}, {50, 1, 2, true}, {51, 1, 2, false}, {100, 3, 3, true}, {100, 2, 3, false},
	}
	for _, tt := range tests {
		for _, over := range []string{"slow", "failed"} {
			c := SLO{"ttft", tt.p, 10}.Count()
			for i := range tt.n {
				switch {
				case i < tt.within:
					c.Add(10)
				case over == "slow":
					c.Add(10.1)
				default:
					c.Fail()
				}
			}
			share, got := c.Result()
			if got != tt.want || share != float64(tt.within)/float64(tt.n) {
				t.Errorf("P%v with %d of %d, the others %s: got %v and %v, want %v", tt.p, tt.within, tt.n, over, got, share, tt.want)
			}
		}
	}
}
