package measure

import (
	"fmt"
	"io"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/live"
	"tokmeter/internal/plan"
	"tokmeter/internal/python"
	"tokmeter/internal/record"
	"tokmeter/internal/run"
)

// PrintWarnings writes what gives reason to doubt a run on stderr.
func PrintWarnings(w io.Writer, list []record.Warning) {
	for _, x := range list {
		fmt.Fprint(w, shell.Line("tokmeter: warning: %s", x.Text))
	}
}

// A Watcher prints what a run tells it: the lines of vLLM's client, for those
// who read its output, and on stderr what is ours.
type Watcher struct {
	Env  *shell.Env // whose Stderr several goroutines may write to
	Plan plan.Plan
	Opts Options
	line *live.Line // the progress, while it is shown
}

// Say prints a line of vLLM's client.
func (w *Watcher) Say(format string, args ...any) {
	fmt.Fprint(w.Env.Stdout, shell.Line(format, args...))
}

// sayBeside prints a line that vLLM's client has not: where its output is
// wanted, not among it.
func (w *Watcher) sayBeside(format string, args ...any) {
	if w.Plan.CompatVLLM() {
		fmt.Fprint(w.Env.Stderr, shell.Line(format, args...))
		return
	}
	w.Say(format, args...)
}

// note prints a line of ours on stderr.
func (w *Watcher) note(format string, args ...any) {
	fmt.Fprint(w.Env.Stderr, shell.Line("tokmeter: "+format, args...))
}

// Observe prints an event.
func (w *Watcher) Observe(e run.Event) {
	switch e := e.(type) {
	case run.Opened:
		if w.Plan.CompatVLLM() {
			w.Say("%s", pythonNamespace(w.Opts.Printed))
		}
	case run.Building:
		w.trace()
	case run.AskingModel:
		w.Say("Model not specified, fetching first model from server...")
	case run.ModelFound:
		w.Say("First model name: %s, first model id: %s", e.ID, e.Name)
	case run.Aligned:
		w.aligned(e)
	case run.Saved:
		w.sayBeside("Requests saved to %s", e.Path)
	case run.Warming:
		w.Say("Warming up with %d requests...", e.Requests)
	case run.Warmed:
		w.Say("Warmup run completed.")
	case run.Starting:
		PrintWarnings(w.Env.Stderr, e.Warnings)
		w.Say("Starting main benchmark run...")
	case run.ProfilerStarting:
		w.Say("Starting profiler...")
	case run.ProfilerStarted:
		w.Say("Profiler started")
	case run.Scheduled:
		w.traffic()
	default:
		w.observeServer(e)
	}
}

// observeServer prints what a run tells of its server and of its requests.
func (w *Watcher) observeServer(e run.Event) {
	switch e := e.(type) {
	case run.NotReady:
		if e.Outcome == "" {
			w.note("not ready: %s", e.Reason)
		} else {
			w.note("not ready: %s: %s", e.Outcome, e.Reason)
		}
	case run.Probing:
		w.note("the server does not list the model %q: waiting up to %.0f s for one token of it (--no-probe leaves that out)", e.Model, e.Limit.Seconds())
	case run.Checking:
		w.checking(e)
	case run.Checked:
		w.Say("Initial test run completed.")
	case run.Running:
		if w.Opts.Live {
			w.line = live.Start(w.Env.Stderr, live.Options{
				Progress: e.Progress, Terminal: w.Env.StderrTTY, Width: w.Env.ProgressWidth, Expect: e.Expect,
			})
		}
	case run.Draining:
		wipe := ""
		if w.Opts.Live && w.Env.StderrTTY {
			wipe = "\r\x1b[K"
		}
		fmt.Fprintf(w.Env.Stderr, "%stokmeter: interrupted: waiting up to %.0f s for %d requests under way; interrupt again to cut them\n", wipe, e.Grace.Seconds(), e.Requests)
	case run.Ended:
		w.line.Stop()
	}
}

// trace prints vLLM's line about a trace.
func (w *Watcher) trace() {
	if t := &w.Plan.Workload.Trace; w.Plan.CompatVLLM() && w.Plan.Workload.Dataset == "timed_trace" {
		w.Say("timed-trace: chunk_size: %d, sec_multiplier: %s, label_ts: %q, label_input_length: %q, label_output_length: %q, label_hash_ids: %q",
			t.ChunkSize, python.Float(t.Multiplier), t.Timestamp, t.InputLength, t.OutputLen, t.HashIDs)
	}
}

// aligned prints vLLM's lines about the server's tokenizer.
func (w *Watcher) aligned(e run.Aligned) {
	switch {
	case !w.Plan.CompatVLLM():
	case e.Missing:
		w.Say("WARNING: /tokenize unavailable, skipping alignment.")
	default:
		w.Say("WARNING: tokenizer mismatch (server=%d, expected=%d), re-aligning prompts.", e.Server, e.Asked)
	}
}

// checking prints vLLM's lines before the ready check.
func (w *Watcher) checking(e run.Checking) {
	if w.Plan.CompatVLLM() && !w.Opts.Temperature {
		w.Say("WARNING: vllm bench serve no longer sets temperature==0 (greedy) in requests by default. The default will be determined on the server side and can be model/API specific. For the old behavior, include --temperature=0.")
	}
	w.Say("Starting initial single prompt test run...")
	if e.Timeout <= 0 {
		w.Say("Skipping endpoint ready check.")
		return
	}
	w.Say("Waiting for endpoint to become up in %d seconds", int(e.Timeout.Seconds()))
}

// traffic prints vLLM's lines about the traffic.
func (w *Watcher) traffic() {
	s := &w.Plan.Load
	if s.SelfTimed {
		w.Say("Self timing is set, using the timestamps from the trace file.")
		return
	}
	kind := "Gamma distribution"
	if s.Burstiness == 1 {
		kind = "Poisson process"
	}
	if s.RampStrategy != "" {
		w.Say("Traffic ramp-up strategy: %s.", s.RampStrategy)
		w.Say("Will increase RPS from %d to %d RPS over the duration of the benchmark.", s.RampStartRPS, s.RampEndRPS)
	} else {
		w.Say("Traffic request rate: %s", rateText(s.RequestRate))
	}
	w.Say("Burstiness factor: %s (%s)", rateText(s.Burstiness), kind)
	limit := "None"
	if s.MaxConcurrency > 0 {
		limit = fmt.Sprint(s.MaxConcurrency)
	}
	w.Say("Maximum request concurrency: %s", limit)
}

// rateText is a rate as Python prints it.
func rateText(x plan.Float) string { return python.Float(float64(x)) }
