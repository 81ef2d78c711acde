package workload

import (
	"fmt"
	"strings"

	"tokmeter/internal/dataset"
)

// A Report says how a workload came about.
type Report struct {
	Entries     int           `json:"entries,omitempty"`     // entries in the dataset
	Kept        int           `json:"kept,omitempty"`        // of these, the ones that became requests
	Dropped     dataset.Drops `json:"dropped,omitempty"`     // entries that cannot be used, and why
	Unused      int           `json:"unused,omitempty"`      // entries that were not needed
	Oversampled int           `json:"oversampled,omitempty"` // requests that repeat others to reach --num-prompts
	TooLong     int           `json:"too_long,omitempty"`    // requests that --max-model-len took out
	Requests    int           `json:"requests"`
	Unique      int           `json:"unique_prompts"`
	PromptToks  int           `json:"prompt_tokens"` // asked, over all requests
	OutputToks  int           `json:"output_tokens"` // asked, over all requests
	Warnings    []string      `json:"warnings,omitempty"`
}

// String tells the report in a line or two, for people.
func (r Report) String() string {
	var b strings.Builder
	if r.Entries > 0 {
		fmt.Fprintf(&b, "%d entries: %d kept", r.Entries, r.Kept)
		if len(r.Dropped) > 0 {
			fmt.Fprintf(&b, ", %d dropped (%s)", r.Dropped.Total(), reasons(r.Dropped))
		}
		if r.Unused > 0 {
			fmt.Fprintf(&b, ", %d not needed", r.Unused)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%d requests, %d different prompts", r.Requests, r.Unique)
	if r.Oversampled > 0 {
		fmt.Fprintf(&b, ", %d of them repeats", r.Oversampled)
	}
	if r.TooLong > 0 {
		fmt.Fprintf(&b, ", %d left out as too long", r.TooLong)
	}
	fmt.Fprintf(&b, ", %d prompt and %d output tokens", r.PromptToks, r.OutputToks)
	return b.String()
}

// reasons lists drops for people.
func reasons(d dataset.Drops) string {
	parts := make([]string, len(d))
	for i, x := range d {
		parts[i] = fmt.Sprintf("%d %s", x.N, x.Reason)
	}
	if len(parts) == 0 {
		return "it has none"
	}
	return strings.Join(parts, ", ")
}

// count fills the totals of the report.
func (s *Set) count() {
	r := &s.Report
	seen := make(map[[32]byte]struct{}, len(s.Items))
	r.Requests, r.PromptToks, r.OutputToks = len(s.Items), 0, 0
	for i := range s.Items {
		it := &s.Items[i]
		seen[promptSum(it.Prompt)] = struct{}{}
		r.PromptToks += it.PromptLen
		r.OutputToks += it.OutputLen
	}
	r.Unique = len(seen)
}
