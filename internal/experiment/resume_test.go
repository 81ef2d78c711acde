package experiment

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tokmeter/internal/compare"
	"tokmeter/internal/plan"
)

// TestResume kills the process at any step, again and again, and resumes: the
// result is that of an undisturbed run.
func TestResume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := named([]string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "variants")]...)
		s.Rounds = rapid.IntRange(1, 3).Draw(t, "rounds")
		s.Answers = rapid.IntRange(0, 1).Draw(t, "drift")
		s.Loads = [][]compare.Load{{{Rate: 1}}, {{Rate: 1}, {Concurrency: 1}, {Concurrency: 8}}}[rapid.IntRange(0, 1).Draw(t, "loads")]
		if rapid.Bool().Draw(t, "slo") {
			s.Goals = []plan.SLO{{Metric: "ttft", Percentile: 99, Limit: 500}}
			s.Search = Bounds{Tolerance: 0.3}
		}
		s.Parallel = rapid.Bool().Draw(t, "parallel")
		bad := rapid.SliceOfN(rapid.IntRange(0, 9), 3, 3).Draw(t, "bad")
		world := func() *world {
			w := newWorld()
			w.badStart = map[string]bool{"b": bad[0] == 0}
			w.badRun = func(j Job) bool { return (j.Round*3+j.Load.Concurrency+j.Number+len(j.Variant.Name))%10 == bad[1] }
			w.badAsk = map[string]bool{"a": bad[2] == 0}
			return w
		}
		want, err := Run(context.Background(), s, world().deps(&memory{}))
		if err != nil {
			t.Fatal(err)
		}
		store := &memory{}
		for {
			store.saves, store.kill = 0, rapid.IntRange(0, 6).Draw(t, "steps")
			d := world().deps(store)
			d.Resume = store.text != nil
			got, err := Run(context.Background(), s, d)
			if errors.Is(err, errKilled) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); d != "" {
				t.Fatalf("after kills (-undisturbed +resumed):\n%s", d)
			}
			break
		}
		// Nothing is left to do.
		w := world()
		d := w.deps(store)
		store.kill, d.Resume = 0, true
		if got, err := Run(context.Background(), s, d); err != nil || len(w.log) != 0 || !cmp.Equal(want, got, cmpopts.EquateNaNs()) {
			t.Fatalf("once more: %v, did %q", err, w.log)
		}
	})
}

// TestResumeRefused: another spec, and a folder that was not to be gone on with.
func TestResumeRefused(t *testing.T) {
	store := &memory{}
	s := named("a", "b")
	s.Identity = map[string]string{"rounds": "1", `variant "a": env`: Hidden + "1"}
	mustRun(t, s, newWorld().deps(store))
	if _, err := Run(context.Background(), s, newWorld().deps(store)); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("got %v, want that there is an experiment already", err)
	}
	d := newWorld().deps(store)
	d.Resume = true
	s.Identity = map[string]string{"rounds": "2", `variant "a": env`: Hidden + "2", "bench.seed": "1"}
	_, err := Run(context.Background(), s, d)
	want := `the experiment that is to go on had another spec: bench.seed was not there; rounds was 1 and is 2; variant "a": env is another: put it back, or begin in another folder`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestRetry does again what failed and nothing else.
func TestRetry(t *testing.T) {
	store := &memory{}
	s := named("a", "b")
	w := newWorld()
	w.badStart = map[string]bool{"b": true}
	mustRun(t, s, w.deps(store))
	w = newWorld()
	d := w.deps(store)
	d.Resume, d.Retry = true, true
	r := mustRun(t, s, d)
	if got, want := w.said(), "start b; measure b 0 r1; stop b"; got != want || len(r.Runs) != 2 || !r.Complete {
		t.Errorf("got %s and %d runs, want %s and 2", got, len(r.Runs), want)
	}
}

// TestFolder: the file is readable at every moment, whatever lies beside it.
func TestFolder(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "x", "y"))
	if s, err := f.Load(); s != nil || err != nil {
		t.Fatalf("got %v, %v, want nothing yet", s, err)
	}
	if err := f.Save(&State{Format: Format}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		var err error
		for i := range 50 {
			s := &State{Format: Format, Steps: make([]Step, i*20)}
			err = errors.Join(err, f.Save(s))
		}
		done <- err
	}()
	for {
		if s, err := f.Load(); err != nil || s == nil {
			t.Fatalf("got %v, %v in between", s, err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			all, err := os.ReadDir(string(f))
			if err != nil || len(all) != 1 {
				t.Errorf("got %v, %v, want the one file", all, err)
			}
			if err := os.WriteFile(filepath.Join(string(f), StateFile), []byte(`{"format": 9}`), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Load(); err == nil || !strings.Contains(err.Error(), "format 9") {
				t.Errorf("got %v, want that the format is another", err)
			}
			return
		default:
		}
	}
}

func FuzzReadState(f *testing.F) {
	f.Add([]byte(`{"format":1,"steps":[{"kind":"search","variant":"a","load":{"Rate":1}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := readState(text)
		if err == nil {
			s.find(Measure, "a", 0, compare.Load{}, 0)
			s.forget()
		}
	})
}

// TestTurns: whatever the numbers, each variant has each round once, no variant
// has two turns apart that could be one, and places even out over two rounds.
func TestTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, rounds := rapid.IntRange(1, 9).Draw(t, "variants"), rapid.IntRange(1, 9).Draw(t, "rounds")
		s := Spec{Variants: make([]Variant, n), Rounds: rounds}
		place := make([]int, n)
		turns := s.turns()
		for i, u := range turns {
			if u.round != i/n {
				t.Fatalf("turn %d is of round %d", i, u.round)
			}
			place[u.variant] += i % n
			if u.round > 0 && i%n == 0 && turns[i-1].variant != u.variant {
				t.Fatalf("round %d begins with %d, the one before ended with %d", u.round, u.variant, turns[i-1].variant)
			}
		}
		if rounds%2 == 0 && slices.Max(place) != slices.Min(place) {
			t.Fatalf("places %v, want equal sums", place)
		}
	})
}
