package light

import (
	"math"
	"testing"

	"tokmeter/internal/model/setup"
)

func build(t *testing.T, s setup.Setup) *Light {
	t.Helper()
	l, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestTable is a table of Llama-3-8B on all cards that was computed from the
// datasheets by other means: TPOT of one request without context, TTFT of 1,000
// tokens and the batch at which compute takes as long as memory. Attention is 16
// bit whatever the weights are, so that native 8 bit does not halve TTFT.
func TestTable(t *testing.T) {
	for _, c := range []struct {
		gpu              string
		fp16, fp8, int4  float64 // TPOT ms; 0 where the table has none
		ttft, ttftNative float64 // ms, fp16 and native 8 bit
		batch            float64
	}{
		{"t4", 46.9, 25.1, 14.6, 219, 0, 203},
		{"l4", 50.0, 26.8, 15.6, 117, 59.9, 403},
		{"a10", 25.0, 13.4, 7.8, 114, 0, 208},
		{"a10g", 25.0, 13.4, 7.8, 203, 0, 117},
		{"a40", 21.6, 11.5, 6.7, 95, 0, 215},
		{"rtx-4090", 14.9, 8.0, 4.6, 86, 43.9, 164},
		{"l40s", 17.4, 9.3, 5.4, 39, 19.8, 419},
		{"a100-40", 9.65, 0, 0, 46, 0, 201},
		{"a100-80-pcie", 7.76, 0, 0, 46, 0, 161},
		{"a100-80-sxm", 7.36, 0, 0, 46, 0, 153},
		{"h100-pcie", 7.50, 0, 0, 18.8, 0, 378},
		{"h100-sxm", 4.48, 2.40, 1.40, 14.4, 7.32, 295},
		{"h200", 3.13, 0, 0, 14.4, 0, 206},
		{"b200", 1.95, 0, 0, 6.3, 0, 292},
		{"mi300x", 2.83, 0, 0, 10.9, 0, 247},
	} {
		near := func(what string, got, want float64) {
			t.Helper()
			// One in the last digit that the table has.
			tolerance := 0.05
			switch {
			case want >= 20 && what != "TPOT":
				tolerance = 0.6
			case want < 10 && what == "TPOT":
				tolerance = 0.06
			}
			if want > 0 && math.Abs(got-want) > tolerance {
				t.Errorf("%s: %s is %.3f, want %v", c.gpu, what, got, want)
			}
		}
		for precision, want := range map[string]float64{"fp16": c.fp16, "fp8": c.fp8, "int4": c.int4} {
			if want == 0 {
				continue
			}
			l := build(t, setup.Setup{Model: "llama-3-8b", GPU: c.gpu, Precision: precision})
			s := l.Sheet(Question{Input: 1000, Output: 1})
			near("TPOT", s.WeightsMs, want)
			switch precision {
			case "fp16":
				near("TTFT", s.Alone.TTFT, c.ttft)
				near("batch", s.Balance, c.batch)
			case "fp8":
				near("TTFT", s.Alone.TTFT, c.ttftNative)
			}
		}
	}
}
