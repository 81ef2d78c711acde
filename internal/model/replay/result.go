package replay

import (
	"encoding/json"
	"fmt"
	"math"
)

// result reads a detailed result, as vllm bench serve --save-detailed and
// tokmeter write it: one object with a list for each field.
func (b *builder) result(f fields) error {
	var r struct {
		In     []int       `json:"input_lens"`
		Out    []int       `json:"output_lens"`
		TTFT   []float64   `json:"ttfts"`
		ITL    [][]float64 `json:"itls"`
		Start  []float64   `json:"start_times"`
		Errors []string    `json:"errors"`
	}
	for key, to := range map[string]any{
		"input_lens": &r.In, "output_lens": &r.Out, "ttfts": &r.TTFT, "itls": &r.ITL, "start_times": &r.Start, "errors": &r.Errors,
	} {
		if raw, ok := f[key]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return fmt.Errorf("%q is %s: want the list of a result saved with --save-detailed", key, short(raw))
			}
		}
	}
	if len(r.Start) == 0 {
		return fmt.Errorf("a result without \"start_times\" does not say when its requests were sent: save it with --save-detailed")
	}
	n := len(r.Start)
	if len(r.In) != n || len(r.Out) != n {
		return fmt.Errorf("a result with %d start_times, %d input_lens and %d output_lens: want as many of each", n, len(r.In), len(r.Out))
	}
	for i := range n {
		s := Sent{Index: i, OK: i >= len(r.Errors) || r.Errors[i] == "", At: r.Start[i], Prompt: r.In[i], Output: r.Out[i]}
		if i < len(r.TTFT) && i < len(r.ITL) && r.TTFT[i] > 0 {
			s.First = s.At + r.TTFT[i]
			s.Last = s.First
			for _, gap := range r.ITL[i] {
				s.Last += gap
			}
		}
		if math.IsNaN(s.Last) || math.IsInf(s.Last, 0) {
			return fmt.Errorf("request %d of the result ends at %v s", i, s.Last)
		}
		if err := b.sent(s); err != nil {
			return fmt.Errorf("request %d of the result: %w", i, err)
		}
	}
	b.format = "result"
	return nil
}
