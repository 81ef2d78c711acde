package result

import (
	"encoding/json"
	"fmt"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/metrics"
	"tokmeter/internal/model/expect"
	"tokmeter/internal/model/light"
)

const expectedFormula = "with --gpu, else null: whether the server is as fast as the engine's model says for its card, model and load. verdict: as expected, slower or faster, beyond the error of the model; of: tpot or ttft, the latency that it is of; each of ttft and tpot has the means measured_ms, expected_ms and limit_ms (the speed of light), measured_over_expected, and expected_error as a share: four of five measurements that the model was not fitted to were within it; next: what to try; no_verdict in their place says why there is none (simulator.md)"

// expected says whether the server is slower than it should be: the last word of
// a run that was told its card.
func expected() part {
	return part{
		Definition{ID: "expected", Title: "Expected by the Model", Keys: []Key{{Name: "expected", Formula: expectedFormula}}},
		func(r *Result) (Section, error) {
			s := &r.Summary
			if s.Compat {
				return Section{}, nil
			}
			out := Section{Label: "Expected", Headline: true, JSON: Fields{{"expected", nil}}}
			if r.Plan.Light.GPU == "" || s.Limit == nil {
				return out, nil
			}
			reqs, err := metrics.ServedOf(r.Records, r.Plan)
			if err != nil {
				return Section{}, err
			}
			v, err := judgeExpected(r.Head.Limit, reqs, *s.Limit)
			if err != nil {
				why := excerpt.Cut(excerpt.Line(err.Error()), exampleChars)
				out.Short = []string{"no verdict: " + why}
				out.Text, out.JSON = text(out.Short...), Fields{{"expected", Fields{{"no_verdict", why}}}}
				return out, nil
			}
			out.Short = expectedLines(v)
			out.Text, out.JSON = text(out.Short...), Fields{{"expected", expectedFields(v)}}
			return out, nil
		},
	}
}

func judgeExpected(kept json.RawMessage, reqs []light.Request, limit light.Verdict) (expect.Verdict, error) {
	var of light.Subject
	if err := json.Unmarshal(kept, &of); err != nil {
		return expect.Verdict{}, err
	}
	return expect.Judge(of.Setup, reqs, limit)
}

// expectedLines are the verdict and the next step.
func expectedLines(v expect.Verdict) []string {
	first := "as fast as it should be"
	switch v.Grade {
	case expect.Slower:
		first = "slower than it should be"
	case expect.Faster:
		first = "faster than the model says"
	}
	one := func(name string, c expect.Compared) string {
		if c.Measured == 0 {
			return name + " not measured"
		}
		return fmt.Sprintf("%s %s ms measured, %s expected ± %.0f %%, limit %s", name, known(c.Measured), known(c.Expected), 100*c.Error, known(c.Limit))
	}
	return []string{
		fmt.Sprintf("%s: %s; %s", first, one("TPOT", v.TPOT), one("TTFT", v.TTFT)),
		"next: " + v.Next,
	}
}

func expectedFields(v expect.Verdict) Fields {
	one := func(c expect.Compared) any {
		if c.Measured == 0 || c.Expected == 0 {
			return nil
		}
		return Fields{{"measured_ms", c.Measured}, {"expected_ms", c.Expected}, {"limit_ms", c.Limit}, {"measured_over_expected", c.Measured / c.Expected}, {"expected_error", c.Error}}
	}
	return Fields{{"verdict", string(v.Grade)}, {"of", v.Of}, {"tpot", one(v.TPOT)}, {"ttft", one(v.TTFT)}, {"next", v.Next}}
}
