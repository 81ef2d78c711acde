package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"tokmeter/internal/hub"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// notes keeps the names of the events, in order.
type notes struct {
	mu   sync.Mutex
	list []string
	on   func(Event)
}

func (n *notes) Observe(e Event) {
	n.mu.Lock()
	n.list = append(n.list, strings.TrimPrefix(fmt.Sprintf("%T", e), "run."))
	n.mu.Unlock()
	if n.on != nil {
		n.on(e)
	}
}

// serves is a server of the model m that answers each request with two tokens.
func serves(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"data":[{"id":"m","root":"org/m"}]}`)
	})
	mux.HandleFunc("POST /v1/completions", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, data := range []string{
			`{"choices":[{"index":0,"text":"a"}]}`, `{"choices":[{"index":0,"text":"b","finish_reason":"length"}]}`,
			`{"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":2,"total_tokens":10}}`, "[DONE]",
		} {
			fmt.Fprintf(w, "data: %s\n\n", data)
			w.(http.Flusher).Flush()
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// asked is a plan of three requests.
func asked(url string) plan.Plan {
	return plan.Plan{
		Version:  plan.Version,
		Target:   plan.Target{Backend: "openai", BaseURL: url, Endpoint: "/v1/completions", Client: plan.ClientNative, RequestIDPrefix: "r-", Model: "m"},
		Workload: plan.Workload{Dataset: "random", NumPrompts: 3, Random: plan.Random{InputLen: 8, OutputLen: 2, BatchSize: 1}},
		Load:     plan.Load{RequestRate: plan.Float(math.Inf(1)), Burstiness: 1, Grace: time.Second},
		Output:   plan.Output{Metrics: []string{"ttft"}, Percentiles: []float64{99}},
	}
}

// place is a world without a network but this machine.
func place(t *testing.T) World {
	return World{Began: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Program: "test", Hub: &hub.Hub{Cache: t.TempDir(), Offline: true}}
}

// TestRun: a run leaves a directory that gives its result, tells what it does in
// order, and leaves its plan as it was.
func TestRun(t *testing.T) {
	p, w, see := asked(serves(t)), place(t), &notes{}
	p.Target.Model = ""
	p.Output.RecordDir = filepath.Join(t.TempDir(), "run")
	before, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Run(t.Context(), p, w, see)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	want := []string{"Opened", "AskingModel", "ModelFound", "Aligned", "Checking", "Starting", "Scheduled", "Running", "Ended"}
	if diff := cmp.Diff(want, see.list); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if after, _ := json.Marshal(p); string(after) != string(before) {
		t.Errorf("the plan was written: %s became %s", before, after)
	}
	if diff := cmp.Diff(Resolved{Model: "org/m", ServedModel: "m"}, out.Resolved); diff != "" {
		t.Errorf("resolved (-want +got):\n%s", diff)
	}
	res, err := result.Of(out.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Close()
	if res.Summary.Completed != 3 || res.Plan.Target.Model != "org/m" || res.Head.PlanHash != out.Plan.Hash() {
		t.Errorf("got %d completed of the model %q, hash %s", res.Summary.Completed, res.Plan.Target.Model, res.Head.PlanHash)
	}
	if err := out.Verdict(&res.Summary); err != nil {
		t.Errorf("verdict: %v", err)
	}
}

// TestHashOfRuns: runs of equal plans have equal hashes wherever they went, and
// a model that the server named counts as one that was given.
func TestHashOfRuns(t *testing.T) {
	hash := func(change func(*plan.Plan)) string {
		p := asked(serves(t))
		p.Output.NoRecord = true
		change(&p)
		out, err := Run(t.Context(), p, place(t), &notes{})
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		return out.Run.Head.PlanHash
	}
	named := func(p *plan.Plan) { p.Target.Model, p.Target.ServedModel = "org/m", "m" }
	first := hash(named)
	for why, row := range map[string]struct {
		change func(*plan.Plan)
		same   bool
	}{
		"another server":                {named, true},
		"a model that the server names": {func(p *plan.Plan) { p.Target.Model = "" }, true},
		"another seed":                  {func(p *plan.Plan) { named(p); p.Seed = 1 }, false},
		"a salt":                        {func(p *plan.Plan) { named(p); p.Workload.Salt = " x " }, false},
	} {
		if same := hash(row.change) == first; same != row.same {
			t.Errorf("%s: the same hash is %v, want %v", why, same, row.same)
		}
	}
}

// TestKinds: what is wrong with a run has the kind that its exit code follows,
// and a run that did not begin leaves nothing.
func TestKinds(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	url := serves(t)
	for _, row := range []struct {
		why    string
		change func(*plan.Plan)
		kind   Kind
		says   string
	}{
		{"a dataset's file that is not there", func(p *plan.Plan) { p.Workload.Dataset, p.Workload.Path = "sharegpt", "/nowhere/x.json" }, Usage, "/nowhere/x.json"},
		{"a tokenizer that is not there", func(p *plan.Plan) { p.Workload.Tokenizer = "org/none" }, Usage, "--tokenizer: "},
		{"a simulator where there is none", func(p *plan.Plan) { p.Target.Simulated = true }, Usage, "--simulate"},
		{"a card that nobody knows", func(p *plan.Plan) { p.Light = plan.Light{GPU: "a11g", Model: "llama-3-8b"} }, Usage, "--gpu needs a card"},
		{"a server that is gone, asked for its model", func(p *plan.Plan) { p.Target.BaseURL, p.Target.Model = gone.URL, "" }, Unreachable, "is the server running"},
		{"a ready check that fails", func(p *plan.Plan) { p.Target.BaseURL, p.Target.ReadyTimeout = gone.URL, time.Second }, Unreachable, "initial test run failed"},
	} {
		t.Run(row.why, func(t *testing.T) {
			p := asked(url)
			p.Output.RecordDir = filepath.Join(t.TempDir(), "above", "run")
			row.change(&p)
			out, err := Run(t.Context(), p, place(t), &notes{})
			var e *Error
			if !errors.As(err, &e) || e.Kind != row.kind || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v, want kind %d and %q", err, row.kind, row.says)
			}
			if _, err := os.Stat(filepath.Dir(p.Output.RecordDir)); out.Begun || err == nil {
				t.Errorf("begun %v, and the run directory was left", out.Begun)
			}
		})
	}
}

// TestInterrupted: a run that is cancelled drains, keeps what it measured, and
// says so.
func TestInterrupted(t *testing.T) {
	p := asked(serves(t))
	p.Load.RequestRate, p.Workload.NumPrompts = 20, 1000
	p.Output.RecordDir = filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancelCause(t.Context())
	w := place(t)
	w.Progress = &record.Progress{}
	see := &notes{on: func(e Event) {
		if _, ok := e.(Running); ok {
			go func() {
				for w.Progress.Done.Load() < 2 {
					time.Sleep(time.Millisecond)
				}
				cancel(ErrInterrupted)
			}()
		}
	}}
	out, err := Run(ctx, p, w, see)
	if err != nil || !out.Begun {
		t.Fatalf("begun %v, %v", out.Begun, err)
	}
	defer out.Close()
	res, err := result.Of(out.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Close()
	var e *Error
	if err := out.Verdict(&res.Summary); !errors.As(err, &e) || e.Kind != Interrupted || !strings.Contains(err.Error(), "of 1000 requests were sent") {
		t.Errorf("verdict: got %v", err)
	}
	if res.Summary.Completed < 2 || !slices.Contains(see.list, "Ended") {
		t.Errorf("%d completed, events %v", res.Summary.Completed, see.list)
	}
}

// TestRehearse: the workload and its times are those of a run, and nothing is
// asked or kept.
func TestRehearse(t *testing.T) {
	p := asked("http://model.invalid")
	p.Load.RequestRate = 2
	p.Output.SaveRequests = filepath.Join(t.TempDir(), "w.jsonl")
	see := &notes{}
	r, err := Rehearse(t.Context(), p, place(t), see)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Due) != 3 || len(r.Lengths) != 3 || r.Lengths[0] != (Length{8, 2}) || r.Prompts == "" || len(r.Warnings) != 1 {
		t.Errorf("got %+v", r)
	}
	if err := r.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.Output.SaveRequests); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"Building", "Saved"}, see.list); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestResolved: what was found out fills what a plan leaves open.
func TestResolved(t *testing.T) {
	p := asked("http://h")
	if diff := cmp.Diff(p, (Resolved{}).Plan(p)); diff != "" {
		t.Errorf("nothing was found out (-want +got):\n%s", diff)
	}
	got := Resolved{Dataset: "d.json", BaseURL: "http://b", Model: "x", ServedModel: "y", Client: plan.ClientStd}.Plan(p)
	if got.Workload.Path != "d.json" || got.Target.BaseURL != "http://b" || got.Target.Model != "x" || got.Target.ModelName() != "y" || got.Target.Client != plan.ClientStd {
		t.Errorf("got %+v", got)
	}
}
