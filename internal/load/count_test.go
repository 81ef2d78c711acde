package load

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
)

// words counts words, so that a test can tell what was counted.
func words(text string) int { return len(strings.Fields(text)) }

func TestCount(t *testing.T) {
	events := record.Count{N: 9, From: record.FromEvents}
	recs := []*record.Record{
		{Index: 0, Outcome: record.OK, Text: "a b c", OutputTokens: events},
		{Index: 1, Outcome: record.OK, Text: "a b", OutputTokens: record.Count{N: 5, From: record.FromUsage}},
		{Index: 2, Outcome: record.OK, Text: "a", Beside: []string{"think twice", "call()"}},
		{Index: 3, Outcome: record.CutShort, Text: "a b", OutputTokens: events},
		{Index: 4, Outcome: record.OK, Beside: []string{"only thought"}, OutputTokens: events},
		{Index: 5, Outcome: record.OK, OutputTokens: events},
		{Index: 6, Outcome: record.OK, Text: "a b", OutputTokens: record.Count{N: 5, From: record.FromTokenIDs}},
	}
	down := errors.New("404 not found")
	var asked atomic.Int64
	server := func(fail int64) func(context.Context, string) (int, error) {
		return func(_ context.Context, text string) (int, error) {
			if text == "" {
				t.Error("the server was asked about nothing")
			}
			if asked.Add(1) > fail {
				return 0, down
			}
			return words(text), nil
		}
	}
	of := func(from record.Source) map[int]record.Count {
		return map[int]record.Count{0: {N: 3, From: from}, 2: {N: 4, From: from}, 4: {N: 2, From: from}}
	}
	tests := []struct {
		why      string
		c        Counters
		want     map[int]record.Count
		warnings int
	}{
		{"nobody can count: events stay", Counters{}, map[int]record.Count{}, 0},
		{"the server counts", Counters{Server: server(100), Local: words}, of(record.FromServer), 0},
		{"no server: the tokenizer counts", Counters{Local: words}, of(record.FromTokenizer), 0},
		{"a server without /tokenize: the tokenizer counts", Counters{Server: server(0), Local: words}, of(record.FromTokenizer), 1},
		{"neither", Counters{Server: server(0)}, map[int]record.Count{}, 1},
		{"the text alone, whoever counted before", Counters{Local: words, TextAlone: func(r *record.Record) bool { return r.Index == 1 || r.Index == 2 }},
			map[int]record.Count{0: {N: 3, From: record.FromTokenizer}, 1: {N: 2, From: record.FromTokenizer}, 2: {N: 1, From: record.FromTokenizer}, 4: {N: 2, From: record.FromTokenizer}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			asked.Store(0)
			got, warnings, err := Count(t.Context(), record.PassOf(recs...), tt.c)
			if d := cmp.Diff(tt.want, got); d != "" || err != nil {
				t.Error(d)
			}
			if len(warnings) != tt.warnings {
				t.Errorf("got warnings %q", warnings)
			}
		})
	}
}

// What the server counted before it went away keeps its source.
func TestCountServerGoesAway(t *testing.T) {
	var recs []*record.Record
	for i := range 40 {
		recs = append(recs, &record.Record{Index: i, Outcome: record.OK, Text: "a b c"})
	}
	var asked atomic.Int64
	got, warnings, err := Count(t.Context(), record.PassOf(recs...), Counters{
		Server: func(context.Context, string) (int, error) {
			if asked.Add(1) > 10 {
				return 0, errors.New("reset")
			}
			return 3, nil
		},
		Local: words,
	})
	n := make(map[record.Count]int)
	for _, c := range got {
		n[c]++
	}
	want := map[record.Count]int{{N: 3, From: record.FromServer}: 10, {N: 3, From: record.FromTokenizer}: 30}
	if d := cmp.Diff(want, n); d != "" || len(warnings) != 1 || err != nil {
		t.Errorf("%s\nwarnings %q", d, warnings)
	}
	if asked.Load() > 10+askAtOnce {
		t.Errorf("the server was asked %d times, long after it had gone", asked.Load())
	}
}
