package fit

import (
	"math"
	"strings"
	"testing"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

func TestReadForward(t *testing.T) {
	got, err := ReadForward([]byte(`[{"case": "mix=8192,32*1@4096", "requests": 33, "median_us": 812.5, "ranks": 1}, {"case": "verify=16*4@4096:3", "median_us": 90}]`))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || len(got[0].Seqs) != 33 || got[0].Seqs[0] != (roofline.Seq{Tokens: 8192, Samples: true}) || got[0].Seqs[32] != (roofline.Seq{Tokens: 1, Context: 4096, Samples: true}) || got[0].MedianUs != 812.5 || len(got[1].Seqs) != 16 || got[1].Seqs[0].Tokens != 4 {
		t.Errorf("got %+v", got)
	}
	for _, c := range []struct{ why, text, want string }{
		{"no list", `{"a": 1}`, "want the list of cases"},
		{"nothing", `[]`, "no case in it"},
		{"no batch", `[{"case": "decode", "median_us": 3}]`, `case "decode": want NAME=`},
		{"no time", `[{"case": "prefill=8", "median_us": 0}]`, "want more than 0"},
		{"too much", `[{"case": "decode=99999999*1@1", "median_us": 3}]`, "want 1 to 16384 sequences"},
	} {
		if _, err := ReadForward([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.why, err, c.want)
		}
	}
}

func FuzzReadForward(f *testing.F) {
	f.Add([]byte(`[{"case": "decode=32*1@8192", "median_us": 3}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, err := ReadForward(raw)
		if err != nil {
			return
		}
		for _, b := range all {
			if len(b.Seqs) == 0 || len(b.Seqs) > mostSeqs || !(b.MedianUs > 0) {
				t.Errorf("%q was read as %d sequences in %v us", b.Case, len(b.Seqs), b.MedianUs)
			}
		}
	})
}

// Times of kernels of a card with other constants are recovered within 3 %, on
// batches that were not among them.
func TestCalibrateFromKernels(t *testing.T) {
	truth, err := roofline.ReadCardYAML([]byte(`
name: a10g
like: a10g
memory_gib: 22.49
bandwidth_gb_s: 500
fp16_tflops: 60
link_gb_s: 32
`))
	if err != nil {
		t.Fatal(err)
	}
	known := setup.Setup{Model: "llama-3-8b", GPU: "a10g", MaxModelLen: 4096}
	real := known
	real.Card = truth
	measured := func(s setup.Setup, cases ...string) []Batch {
		t.Helper()
		b, err := s.Build()
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, c := range cases {
			rows = append(rows, `{"case": "`+c+`", "median_us": 1}`)
		}
		all, err := ReadForward([]byte("[" + strings.Join(rows, ",") + "]"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			all[i].MedianUs = b.Machine.Step(all[i].Seqs).GPU * 1e6
		}
		return all
	}
	c, err := Calibrate("mine", []*Sample{{Name: "kernels", Setup: known, Batches: measured(real, "decode=1*1@100", "decode=32*1@2000", "decode=64*1@500", "prefill=512", "prefill=4000", "prefill=100")}}, 12)
	if err != nil {
		t.Fatal(err)
	}
	mine := known
	if mine.Card, err = roofline.ReadCardYAML(c.YAML); err != nil {
		t.Fatal(err)
	}
	tests := []string{"decode=8*1@1000", "prefill=2000", "decode=48*1@1500"}
	want, got := measured(real, tests...), measured(mine, tests...)
	for i := range want {
		if e := got[i].MedianUs/want[i].MedianUs - 1; math.Abs(e) > 0.03 {
			t.Errorf("%s is off by %+.1f %%", want[i].Case, 100*e)
		}
	}
}
