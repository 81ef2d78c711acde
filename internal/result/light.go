package result

import (
	"encoding/json"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/metrics"
	"tokmeter/internal/model/light"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// addLight puts the speed of light beside the numbers, or what TPOT implies
// where the card is not known. kept is what run.json says of both; names that
// can't be found are a warning; the error is that of the pass.
func addLight(s *metrics.Summary, recs record.Pass, p plan.Plan, kept json.RawMessage) (*metrics.Warning, error) {
	if len(kept) == 0 || s.Compat {
		return nil, nil
	}
	var of light.Subject
	err := json.Unmarshal(kept, &of)
	var found light.Found
	if err == nil {
		found, err = of.Find()
	}
	if err != nil {
		return &metrics.Warning{Code: "limit", Text: "the speed of light of the run can't be told again: " + excerpt.Lines(err.Error())}, nil
	}
	if s.Completed == 0 {
		return nil, nil
	}
	served, err := metrics.ServedOf(recs, p)
	if err == nil {
		judge(s, served, found)
	}
	return nil, err
}

// judge sets the limit in a summary, or what TPOT implies.
func judge(s *metrics.Summary, reqs []light.Request, found light.Found) {
	e := light.Evidence{Counted: true, Simulated: s.Simulated}
	for _, c := range s.OutputSources {
		e.Counted = e.Counted && c.Source != record.FromEvents
	}
	for _, w := range s.Warnings {
		e.Together = e.Together || w.Code == metrics.WarnSharedReads || w.Code == metrics.WarnBundledTokens
	}
	if s.Speculation != nil {
		e.TokensPerStep = s.Speculation.Length
	}
	if found.Light != nil {
		v := found.Light.Judge(reqs, e)
		s.Limited(&v)
		return
	}
	if i, err := light.Imply(found.Model, found.Precision, reqs, e); err == nil {
		s.Implied = &i
	}
}
