package record

import (
	"fmt"
	"strings"
)

// A Workload says how the requests of a run came about.
type Workload struct {
	Entries     int       `json:"entries,omitempty"`     // entries in the dataset
	Kept        int       `json:"kept,omitempty"`        // of these, the ones that became requests
	Dropped     Drops     `json:"dropped,omitempty"`     // entries that cannot be used, and why
	Unused      int       `json:"unused,omitempty"`      // entries that were not needed
	Oversampled int       `json:"oversampled,omitempty"` // requests that repeat others to reach --num-prompts
	TooLong     int       `json:"too_long,omitempty"`    // requests that --max-model-len took out
	Requests    int       `json:"requests"`
	Unique      int       `json:"unique_prompts"`
	PromptToks  int       `json:"prompt_tokens"` // asked, over all requests
	OutputToks  int       `json:"output_tokens"` // asked, over all requests
	Warnings    []Warning `json:"warnings,omitempty"`
}

// String tells it in a line or two, for people.
func (w Workload) String() string {
	var b strings.Builder
	if w.Entries > 0 {
		fmt.Fprintf(&b, "%d entries: %d kept", w.Entries, w.Kept)
		if len(w.Dropped) > 0 {
			fmt.Fprintf(&b, ", %d dropped (%s)", w.Dropped.Total(), w.Dropped)
		}
		if w.Unused > 0 {
			fmt.Fprintf(&b, ", %d not needed", w.Unused)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%d requests, %d different prompts", w.Requests, w.Unique)
	if w.Oversampled > 0 {
		fmt.Fprintf(&b, ", %d of them repeats", w.Oversampled)
	}
	if w.TooLong > 0 {
		fmt.Fprintf(&b, ", %d left out as too long", w.TooLong)
	}
	fmt.Fprintf(&b, ", %d prompt and %d output tokens", w.PromptToks, w.OutputToks)
	return b.String()
}

// String lists drops for people.
func (d Drops) String() string {
	parts := make([]string, len(d))
	for i, x := range d {
		parts[i] = fmt.Sprintf("%d %s", x.N, x.Reason)
	}
	if len(parts) == 0 {
		return "it has none"
	}
	return strings.Join(parts, ", ")
}

// A Drop is a reason for which entries of a dataset were left out.
type Drop struct {
	Reason string `json:"reason"`
	N      int    `json:"n"`
}

// Drops counts entries that were left out, by reason, in order of appearance.
type Drops []Drop

// Add counts n more entries for reason; it ignores n = 0.
func (d *Drops) Add(reason string, n int) {
	if n == 0 {
		return
	}
	for i := range *d {
		if (*d)[i].Reason == reason {
			(*d)[i].N += n
			return
		}
	}
	*d = append(*d, Drop{reason, n})
}

// Total returns how many entries were left out.
func (d Drops) Total() int {
	n := 0
	for _, x := range d {
		n += x.N
	}
	return n
}
