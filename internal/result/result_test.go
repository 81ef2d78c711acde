package result_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

// began is when every run of these tests began.
var began = time.Date(2026, 11, 24, 10, 0, 0, 5, time.UTC)

// ending is how they ended.
func ending() record.Ending {
	return record.Ending{Began: began, Start: 1e6, End: 2e9, Reason: record.AllSent, Sent: 3}
}

// answers are three requests in the order in which they ended.
func answers() []*record.Record {
	var all []*record.Record
	for _, i := range []int{1, 0, 2} {
		at := record.Stamp(1e6 + i*1e8)
		r := &record.Record{
			Index: i, Due: at, Released: at, FirstToken: at + 5e7, LastToken: at + 3e8,
			Events: []record.Stamp{at + 5e7, at + 2e8, at + 3e8}, PerEvent: []uint16{1, 1, 1},
			PromptTokens: record.Count{N: 20, From: record.FromUsage}, OutputTokens: record.Count{N: 3, From: record.FromUsage},
			WantPrompt: 20, WantOutput: 3, Outcome: record.OK, Text: "a b c", Finish: "length",
		}
		r.Sent, r.Wrote, r.FirstByte, r.Done = at+1000, at+2000, at+5e7, at+3e8
		r.Status, r.Framed, r.KernelStamped = 200, true, true
		all = append(all, r)
	}
	return all
}

// head is what run.json says of them.
func head(t *testing.T) record.Head {
	t.Helper()
	p, err := json.Marshal(plan.Plan{Version: plan.Version, Target: plan.Target{Backend: "vllm", Model: "m", IgnoreEOS: true}, Workload: plan.Workload{NumPrompts: 3}})
	if err != nil {
		t.Fatal(err)
	}
	end := ending()
	return record.Head{
		Format: record.Format, Begun: began, Plan: p, Ending: &end,
		Server:   record.Server{Version: json.RawMessage(`{"version": "x", "simulated": true}`)},
		Workload: &record.Workload{Entries: 5, Kept: 3, Dropped: record.Drops{{Reason: "no conversations", N: 2}}, Requests: 3},
		Warnings: []record.Warning{{Code: "tokenizer", Text: "none: at hand"}},
		Counts:   map[int]record.Count{2: {N: 4, From: record.FromServer}},
	}
}

// write makes a run directory of h and the answers.
func write(t *testing.T, h record.Head) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	w, err := record.Create(dir, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range answers() {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if h.Ending != nil {
		w.End(*h.Ending)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// held is the answers as a run has them at hand when it ends.
func held(t *testing.T) *record.Spool {
	t.Helper()
	s := record.NewSpool(t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	for _, r := range answers() {
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestSameFromDiskAndMemory: a run that left a directory and one that left none
// come to the same.
func TestSameFromDiskAndMemory(t *testing.T) {
	got, err := result.Of(write(t, head(t)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := result.From(record.Held(head(t), held(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Summary, got.Summary); diff != "" {
		t.Errorf("(-memory +disk):\n%s", diff)
	}
	s := got.Summary
	if s.Completed != 3 || s.OutputTokens != 10 || !s.Simulated {
		t.Errorf("got %d requests with %d tokens, simulated %v; want 3 with 10 of a simulator", s.Completed, s.OutputTokens, s.Simulated)
	}
	if last := s.Warnings[len(s.Warnings)-1]; last != (record.Warning{Code: "tokenizer", Text: "none: at hand"}) {
		t.Errorf("the last warning is %+v, want the run's own", last)
	}
}

// TestChange: a report may ask the same records for other numbers.
func TestChange(t *testing.T) {
	res, err := result.From(record.Held(head(t), held(t)), func(p *plan.Plan) {
		p.Compat = "vllm"
		p.Goals = []plan.Goal{{Metric: "ttft", LimitMs: 1000}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := res.Summary; !s.Compat || s.Goodput != 1.5/0.9995 || len(s.Warnings) != 0 {
		t.Errorf("got compat %v, goodput %v, warnings %v", s.Compat, s.Goodput, s.Warnings)
	}
}

// TestDoubts: what a directory does not tell is a warning as long as there are
// records, and an error where there is no plan.
func TestDoubts(t *testing.T) {
	for _, tt := range []struct {
		why    string
		change func(*record.Head)
		want   string // in a warning, or in the error where it begins with "error: "
	}{
		{"killed: nobody wrote an ending", func(h *record.Head) { h.Ending = nil }, "did not come to its end"},
		{"another version's simulator", func(h *record.Head) { h.Server.Simulator = json.RawMessage(`[]`) }, "the simulator's account in run.json can't be read"},
		{"counters of another kind", func(h *record.Head) { h.Server.Before = json.RawMessage(`7`) }, "the server's counters in run.json can't be read"},
		{"a card that nobody knows", func(h *record.Head) { h.Limit = json.RawMessage(`{"setup": {"Model": "llama-3-8b", "GPU": "nope"}}`) }, "the speed of light of the run can't be told again"},
		{"killed before the first request", func(h *record.Head) { h.Plan = nil }, "error: the run had not begun"},
		{"a plan of another shape", func(h *record.Head) { h.Plan = json.RawMessage(`[]`) }, "error: the plan in run.json can't be read"},
	} {
		h := head(t)
		tt.change(&h)
		res, err := result.Of(write(t, h))
		if words, ok := strings.CutPrefix(tt.want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: got the error %v, want %q", tt.why, err, words)
			}
			continue
		}
		found := false
		for _, w := range res.Summary.Warnings {
			found = found || strings.Contains(w.Text, tt.want)
		}
		if err != nil || !found {
			t.Errorf("%s: got %v and %v, want the warning %q", tt.why, err, res.Summary.Warnings, tt.want)
		}
	}
}

// TestWarningLines: warnings that run.json has as lines are read as objects.
func TestWarningLines(t *testing.T) {
	dir := write(t, head(t))
	path := filepath.Join(dir, "run.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	all["warnings"] = []any{"count: the server: counts nothing", "no code at all: none"}
	if text, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	res, err := result.Of(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []record.Warning{{Code: "count", Text: "the server: counts nothing"}, {Code: record.WarnDirectory, Text: "no code at all: none"}}
	got := res.Summary.Warnings[len(res.Summary.Warnings)-2:]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
