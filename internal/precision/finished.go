package precision

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

// A Note stands beside the records of a run: what they do not say.
type Note struct {
	Prompts string  `json:"prompts"` // hash
	Variant string  `json:"variant"`
	PowerW  float64 `json:"power_w,omitempty"` // mean of the card; 0 where not known
}

// noteFile is its name in the run directory.
const noteFile = "job.json"

// Keep writes the note into a run directory.
func (n Note) Keep(dir string) error {
	raw, err := json.Marshal(n)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, noteFile), append(raw, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("note of the run: %w", err)
	}
	return nil
}

// Finished reads a job's run again from its run directory, which has a Note.
func Finished(dir string, j experiment.Job) (experiment.Outcome, error) {
	o := experiment.Outcome{Dir: dir}
	res, err := result.Of(dir)
	if err != nil {
		return o, err
	}
	defer res.Close()
	var n Note
	raw, err := os.ReadFile(filepath.Join(dir, noteFile))
	if err == nil {
		err = json.Unmarshal(bytes.TrimSpace(raw), &n)
	}
	if err != nil {
		return o, fmt.Errorf("note of the run: %w", err)
	}
	o.Prompts, o.IgnoreEOS, o.PowerW = n.Prompts, res.Plan.Target.IgnoreEOS, n.PowerW
	o.Run, err = measured(res, j)
	return o, err
}

// measured is a run as it is compared, with what the run itself doubts.
func measured(res result.Result, j experiment.Job) (compare.Run, error) {
	s := res.Summary
	out, err := compare.FromRecords(res.Records, metrics.ViewOf(res.Plan), s)
	if err != nil {
		return compare.Run{}, err
	}
	out.Variant, out.Round, out.Load, out.Offered = j.Variant.Name, j.Round, j.Load, j.Load.Rate
	for _, w := range s.Warnings {
		if concerns(w.Code) {
			out.Warnings = append(out.Warnings, w)
		}
	}
	return out, nil
}

// concerns reports whether a warning of a run is one of the table's: what its
// numbers or its directory give reason to doubt. compare counts requests and
// failures itself and has limits of its own, and the rest moves neither TTFT
// nor TPOT.
func concerns(code string) bool {
	switch code {
	case record.WarnDirectory:
		return true
	case metrics.WarnFewRequests, metrics.WarnNoSuccess, metrics.WarnFailures, metrics.WarnClientLag,
		metrics.WarnBundledTokens, metrics.WarnStaleConnections, metrics.WarnBelowLimit:
		return false
	}
	return slices.ContainsFunc(metrics.WarningDefinitions(), func(d metrics.WarningDefinition) bool { return d.Code == code })
}
