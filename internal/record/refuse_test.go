package record

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A file may come from a program that believed every server: what can't be is
// taken out when it is read.
func TestReadRefuses(t *testing.T) {
	counted := func(f func(*Record)) Record {
		r := Record{
			Timing: Timing{BytesIn: 500, BytesOut: 100}, WantPrompt: 7, WantOutput: 4, Events: []Stamp{1, 2}, PerEvent: []uint16{1, 1},
			PromptTokens: Count{7, FromUsage}, OutputTokens: Count{2, FromUsage},
		}
		f(&r)
		return r
	}
	events := func(n int) Record {
		return counted(func(r *Record) { r.OutputTokens, r.Refused = Count{2, FromEvents}, n })
	}
	tests := []struct {
		why      string
		in, want Record
	}{
		{"what can be stays", counted(func(*Record) {}), counted(func(*Record) {})},
		{"one token a byte can be", counted(func(r *Record) { r.OutputTokens.N = 500 }), counted(func(r *Record) { r.OutputTokens.N = 500 })},
		{"more can't", counted(func(r *Record) { r.OutputTokens.N = 501 }), events(501)},
		{"as many as were asked for can be", counted(func(r *Record) { r.WantOutput, r.OutputTokens.N = 9000, 9000 }), counted(func(r *Record) { r.WantOutput, r.OutputTokens.N = 9000, 9000 })},
		{"an answer that was compressed has its text", counted(func(r *Record) { r.Text, r.OutputTokens.N = string(make([]byte, 800)), 600 }), counted(func(r *Record) { r.Text, r.OutputTokens.N = string(make([]byte, 800)), 600 })},
		{"a number of 32 bits", counted(func(r *Record) { r.OutputTokens.N = math.MaxUint32 }), events(math.MaxUint32)},
		{"below zero", counted(func(r *Record) { r.OutputTokens.N = -1 }), events(-1)},
		{"without the bytes the bound is that of any context", counted(func(r *Record) { r.BytesIn, r.OutputTokens.N = 0, 1<<24+1 }), counted(func(r *Record) { r.BytesIn, r.OutputTokens, r.Refused = 0, Count{2, FromEvents}, 1<<24+1 })},
		{"events that carried more than the answer can hold", counted(func(r *Record) { r.PerEvent = []uint16{1, 65535} }), counted(func(r *Record) { r.PerEvent = nil })},
		{"a prompt", counted(func(r *Record) { r.PromptTokens.N = math.MaxUint32 }), counted(func(r *Record) { r.PromptTokens, r.Refused = Count{7, FromAsked}, math.MaxUint32 })},
		{"more from the cache than the prompt has", counted(func(r *Record) { r.CachedTokens = 8 }), counted(func(*Record) {})},
	}
	for _, tt := range tests {
		got := tt.in
		got.refuse()
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.why, d)
		}
	}
}
