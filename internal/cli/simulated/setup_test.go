package simulated

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAcceptance: vLLM's words for how often drafts are right.
func TestAcceptance(t *testing.T) {
	tests := []struct {
		name, text string
		want       []float64
		says       string
	}{
		{"one for all", `{"num_speculative_tokens":3,"acceptance":0.8}`, []float64{0.8, 0.8, 0.8}, ""},
		{"one for each", `{"num_speculative_tokens":2,"acceptance":[0.8,0.5]}`, []float64{0.8, 0.5}, ""},
		{"none given", `{"num_speculative_tokens":2}`, []float64{defaultAcceptance, defaultAcceptance}, ""},
		{"vLLM's rates are of all that come", `{"num_speculative_tokens":3,"synthetic_acceptance_rates":[0.8,0.4,0]}`, []float64{0.8, 0.5, 0}, ""},
		{"nothing comes after a rate of 0", `{"num_speculative_tokens":2,"synthetic_acceptance_rates":[0,0]}`, []float64{0, 0}, ""},
		{"vLLM's mean length", `{"num_speculative_tokens":3,"synthetic_acceptance_length":2.5}`, []float64{1, 0.5, 0}, ""},
		{"the drafter is not simulated", `{"num_speculative_tokens":1,"method":"ngram","prompt_lookup_max":4}`, []float64{defaultAcceptance}, ""},
		{"no drafts", `{"acceptance":0.5}`, nil, "num_speculative_tokens: want 1 to 64, got 0"},
		{"too many drafts", `{"num_speculative_tokens":65}`, nil, "want 1 to 64"},
		{"an unknown key", `{"num_speculative_tokens":1,"rate":1}`, nil, `unknown key "rate"`},
		{"a list of another length", `{"num_speculative_tokens":2,"acceptance":[1]}`, nil, "want a number or a list of 2"},
		{"rates of another length", `{"num_speculative_tokens":2,"synthetic_acceptance_rates":[1]}`, nil, "want 2 numbers, got 1"},
		{"no chance", `{"num_speculative_tokens":1,"acceptance":1.5}`, nil, "want 0 to 1, got 1.5"},
		{"rates that grow", `{"num_speculative_tokens":2,"synthetic_acceptance_rates":[0.1,0.2]}`, nil, "may exceed the one before"},
		{"a length that no drafts give", `{"num_speculative_tokens":2,"synthetic_acceptance_length":4}`, nil, "want 1 to 3, got 4"},
		{"two ways", `{"num_speculative_tokens":1,"acceptance":1,"synthetic_acceptance_length":2}`, nil, "give one"},
		{"a text for a number", `{"num_speculative_tokens":"2"}`, nil, "num_speculative_tokens: a string is no value for it"},
		{"no object", `[1]`, nil, "want a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := acceptance(tt.text)
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("got %v, want an error with %q", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzAcceptance: whatever the text is, chances are chances, one for each draft.
func FuzzAcceptance(f *testing.F) {
	f.Add(`{"num_speculative_tokens":3,"synthetic_acceptance_rates":[0.8,0.4,0]}`)
	f.Add(`{"num_speculative_tokens":2,"acceptance":[0.8,0.5]}`)
	f.Add(`{"num_speculative_tokens":3,"synthetic_acceptance_length":2.5}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := acceptance(text)
		if err != nil {
			return
		}
		if len(got) < 1 || len(got) > maxDrafts {
			t.Fatalf("%q: %d chances", text, len(got))
		}
		for _, x := range got {
			if !(x >= 0 && x <= 1) {
				t.Fatalf("%q: chance %v", text, x)
			}
		}
	})
}
