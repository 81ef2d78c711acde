package expect

import (
	"strings"
	"testing"

	"tokmeter/internal/model/light"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// served is a load with the times of an engine, a factor slower.
func served(t *testing.T, s setup.Setup, factor float64) []light.Request {
	t.Helper()
	reqs := make([]light.Request, 60)
	for i := range reqs {
		reqs[i] = light.Request{At: float64(i) / 4, Prompt: 200, Output: 100}
	}
	s.Constants = roofline.Measured
	b, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	m, err := times(b, reqs, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range reqs {
		reqs[i].TTFT, reqs[i].TPOT = factor*m.ttft/1000, factor*m.tpot/1000
		reqs[i].E2EL = reqs[i].TTFT + 99*reqs[i].TPOT
	}
	return reqs
}

func TestJudge(t *testing.T) {
	named := setup.Setup{Model: "llama-3-8b", GPU: "a10g", Precision: "int4", TP: 1}
	off := false
	of := func(change func(*setup.Setup)) setup.Setup { s := named; change(&s); return s }
	tests := []struct {
		why    string
		is     setup.Setup // what the server is
		factor float64
		grade  Grade
		next   string
	}{
		{"what was named", named, 1, AsExpected, "--tensor-parallel-size 2: the model expects TPOT"},
		{"within the error of 16 %", named, 1.1, AsExpected, "--tensor-parallel-size 2"},
		{"weights of 16 bit where int4 was named", of(func(s *setup.Setup) { s.Precision = "fp16" }), 1, Slower, "the kernel of the weights"},
		{"a slow host", named, 6, Slower, "no single setting"},
		{"more cards than were named", of(func(s *setup.Setup) { s.TP = 4 }), 1, Faster, "check the card"},
		{"an engine without asynchronous scheduling", of(func(s *setup.Setup) { s.Async = &off }), 1.02, AsExpected, "--tensor-parallel-size"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			reqs := served(t, tt.is, tt.factor)
			l, err := light.Build(named)
			if err != nil {
				t.Fatal(err)
			}
			v, err := Judge(named, reqs, l.Judge(reqs, light.Evidence{Counted: true}))
			if err != nil {
				t.Fatal(err)
			}
			if v.Grade != tt.grade || !strings.Contains(v.Next, tt.next) {
				t.Errorf("got %s (TPOT %+v, TTFT %+v), next %q; want %s, %q", v.Grade, v.TPOT, v.TTFT, v.Next, tt.grade, tt.next)
			}
			if e := roofline.ExpectedErrors(); v.TPOT.Error != e.Token || v.TTFT.Error != e.TTFT || e.Token == 0 {
				t.Errorf("errors %v and %v, want those that were held out: %+v", v.TPOT.Error, v.TTFT.Error, e)
			}
			if v.TPOT.Limit <= 0 || v.TPOT.Limit > v.TPOT.Expected {
				t.Errorf("limit %v, expected %v", v.TPOT.Limit, v.TPOT.Expected)
			}
		})
	}
}

// TestJudgeRefuses: what the engine can't serve has no verdict.
func TestJudgeRefuses(t *testing.T) {
	s := setup.Setup{Model: "llama-3-70b", GPU: "a10g", Precision: "fp16"}
	if _, err := Judge(s, nil, light.Verdict{}); err == nil {
		t.Error("a model that does not fit has a verdict")
	}
	s = setup.Setup{Model: "llama-3-8b", GPU: "a10g", Precision: "int4"}
	if _, err := Judge(s, []light.Request{{Prompt: 1 << 22, Output: 2}}, light.Verdict{}); err == nil {
		t.Error("a request that is too long has a verdict")
	}
}
