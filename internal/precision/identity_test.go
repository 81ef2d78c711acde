package precision

import (
	"fmt"
	"strings"
	"testing"
)

// TestIdentity: what decides about the runs is in it, secrets by their hash
// alone, and what only changes the page is not.
func TestIdentity(t *testing.T) {
	base := func() Spec {
		return Spec{
			Variants: []Variant{{Name: "a", Precision: "fp16", Model: "m", Command: []string{"serve"}, Env: map[string]string{"TOKEN": "secret-1"}}},
			Bench:    []Flag{{"seed", []string{"0"}}, {"header", []string{"Authorization=secret-2"}}},
		}
	}
	s := base()
	first := fmt.Sprint(s.identity())
	if strings.Contains(first, "secret") {
		t.Errorf("a secret is in %s", first)
	}
	tests := []struct {
		reason string
		change func(*Spec)
		same   bool
	}{
		{"a title", func(s *Spec) { s.Title = "T" }, true},
		{"a price", func(s *Spec) { s.Variants[0].Price = 2 }, true},
		{"a card for the limits", func(s *Spec) { s.Variants[0].GPU = "a10g" }, true},
		{"the environment", func(s *Spec) { s.Variants[0].Env = map[string]string{"TOKEN": "secret-3"} }, false},
		{"the workload", func(s *Spec) { s.Bench[0].Values = []string{"1"} }, false},
		{"the rounds", func(s *Spec) { s.Rounds = 2 }, false},
	}
	for _, tt := range tests {
		s := base()
		tt.change(&s)
		if same := fmt.Sprint(s.identity()) == first; same != tt.same {
			t.Errorf("%s: equal is %v, want %v", tt.reason, same, tt.same)
		}
	}
}
