package scrape

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// values are all numbers of a text by family, in order.
func values(text string) map[string][]float64 {
	out := map[string][]float64{}
	for name, f := range Read([]byte(text)) {
		for _, m := range f.Metric {
			if v, ok := Value(m); ok {
				out[name] = append(out[name], v)
			}
		}
	}
	return out
}

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		why, text string
		want      map[string][]float64
	}{
		{"nothing", "", map[string][]float64{}},
		{"no type", "a 1\nb 2.5", map[string][]float64{"a": {1}, "b": {2.5}}},
		{"a counter and a gauge", "# TYPE a_total counter\na_total 3\n# TYPE g gauge\ng -1\n", map[string][]float64{"a_total": {3}, "g": {-1}}},
		{"labels with what could end them", `a{x="} 7",y="\"\n"} 4` + "\n", map[string][]float64{"a": {4}}},
		{"a time behind the value", "a 5 1700000000000\n", map[string][]float64{"a": {5}}},
		{"infinity", "a +Inf\n", map[string][]float64{"a": {math.Inf(1)}}},
		{"lines of Windows", "a 1\r\nb 2\r\n", map[string][]float64{"a": {1}, "b": {2}}},
		{"a broken line", "a 1\nb{ 2\nc 3\n", map[string][]float64{"a": {1}, "c": {3}}},
		{"several", "x\na 1\ny y\nb 2\nz z", map[string][]float64{"a": {1}, "b": {2}}},
		{"one family in two places", "a{e=\"0\"} 1\nb 1\na{e=\"1\"} 2\nbroken\na{e=\"2\"} 3\n", map[string][]float64{"a": {1, 2, 3}, "b": {1}}},
		{"HTML", "<html><body>502</body></html>", map[string][]float64{}},
	} {
		if diff := cmp.Diff(tt.want, values(tt.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.why, diff)
		}
	}
}

func TestHistogram(t *testing.T) {
	const text = `# TYPE h histogram
h_bucket{le="0.1"} 1
h_bucket{le="+Inf"} 3
h_sum 2.5
h_count 3
`
	f := Read([]byte(text))["h"]
	if f == nil || len(f.Metric) != 1 {
		t.Fatalf("got %v", f)
	}
	h := f.Metric[0].Histogram
	if h.GetSampleCount() != 3 || h.GetSampleSum() != 2.5 || len(h.Bucket) != 2 || h.Bucket[0].GetCumulativeCount() != 1 {
		t.Errorf("got %v", h)
	}
	if v, ok := Value(f.Metric[0]); ok {
		t.Errorf("a histogram has the value %v", v)
	}
}

func TestLabel(t *testing.T) {
	m := Read([]byte(`a{x="1",y="z"} 4` + "\n"))["a"].Metric[0]
	if Label(m, "y") != "z" || Label(m, "none") != "" {
		t.Errorf("got %q and %q", Label(m, "y"), Label(m, "none"))
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("# HELP a b\n# TYPE a counter\na{x=\"y\"} 1\n"))
	f.Add([]byte("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count x\n{\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, family := range Read(text) {
			if len(family.Metric) == 0 {
				t.Fatalf("%q: family %q is empty", text, name)
			}
		}
	})
}
