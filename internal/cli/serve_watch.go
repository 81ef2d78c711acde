package cli

import (
	"fmt"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/live"
	"tokmeter/internal/plan"
	"tokmeter/internal/python"
	"tokmeter/internal/run"
)

// A watcher prints what a run tells it: the lines of vLLM's client, for those
// who read its output, and on stderr what is ours.
type watcher struct {
	env  *Env // whose Stderr several goroutines may write to
	plan plan.Plan
	opts runOptions
	line *live.Line // the progress, while it is shown
}

// say prints a line of vLLM's client.
func (w *watcher) say(format string, args ...any) {
	fmt.Fprint(w.env.Stdout, oneLine(format, args...))
}

// oneLine is a line with its end; what comes from a server or a file in it moves
// no terminal's cursor and begins no line of its own.
func oneLine(format string, args ...any) string {
	return strings.Map(excerpt.Printable, fmt.Sprintf(format, args...)) + "\n"
}

// sayBeside prints a line that vLLM's client has not: where its output is
// wanted, not among it.
func (w *watcher) sayBeside(format string, args ...any) {
	if w.plan.CompatVLLM() {
		fmt.Fprint(w.env.Stderr, oneLine(format, args...))
		return
	}
	w.say(format, args...)
}

// note prints a line of ours on stderr.
func (w *watcher) note(format string, args ...any) {
	fmt.Fprint(w.env.Stderr, oneLine("tokmeter: "+format, args...))
}

// Observe prints an event.
func (w *watcher) Observe(e run.Event) {
	switch e := e.(type) {
	case run.Opened:
		if w.plan.CompatVLLM() {
			w.say("%s", pythonNamespace(w.opts.Printed))
		}
	case run.Building:
		w.trace()
	case run.AskingModel:
		w.say("Model not specified, fetching first model from server...")
	case run.ModelFound:
		w.say("First model name: %s, first model id: %s", e.ID, e.Name)
	case run.Aligned:
		w.aligned(e)
	case run.Saved:
		w.sayBeside("Requests saved to %s", e.Path)
	case run.Warming:
		w.say("Warming up with %d requests...", e.Requests)
	case run.Warmed:
		w.say("Warmup run completed.")
	case run.Starting:
		printWarnings(w.env.Stderr, e.Warnings)
		w.say("Starting main benchmark run...")
	case run.ProfilerStarting:
		w.say("Starting profiler...")
	case run.ProfilerStarted:
		w.say("Profiler started")
	case run.Scheduled:
		w.traffic()
	default:
		w.observeServer(e)
	}
}

// observeServer prints what a run tells of its server and of its requests.
func (w *watcher) observeServer(e run.Event) {
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
		w.say("Initial test run completed.")
	case run.Running:
		if w.opts.Live {
			w.line = live.Start(w.env.Stderr, live.Options{
				Progress: e.Progress, Terminal: w.env.StderrTTY, Width: w.env.progressWidth, Expect: e.Expect,
			})
		}
	case run.Draining:
		wipe := ""
		if w.opts.Live && w.env.StderrTTY {
			wipe = "\r\x1b[K"
		}
		fmt.Fprintf(w.env.Stderr, "%stokmeter: interrupted: waiting up to %.0f s for %d requests under way; interrupt again to cut them\n", wipe, e.Grace.Seconds(), e.Requests)
	case run.Ended:
		w.line.Stop()
	}
}

// trace prints vLLM's line about a trace.
func (w *watcher) trace() {
	if t := &w.plan.Workload.Trace; w.plan.CompatVLLM() && w.plan.Workload.Dataset == "timed_trace" {
		w.say("timed-trace: chunk_size: %d, sec_multiplier: %s, label_ts: %q, label_input_length: %q, label_output_length: %q, label_hash_ids: %q",
			t.ChunkSize, python.Float(t.Multiplier), t.Timestamp, t.InputLength, t.OutputLen, t.HashIDs)
	}
}

// aligned prints vLLM's lines about the server's tokenizer.
func (w *watcher) aligned(e run.Aligned) {
	switch {
	case !w.plan.CompatVLLM():
	case e.Missing:
		w.say("WARNING: /tokenize unavailable, skipping alignment.")
	default:
		w.say("WARNING: tokenizer mismatch (server=%d, expected=%d), re-aligning prompts.", e.Server, e.Asked)
	}
}

// checking prints vLLM's lines before the ready check.
func (w *watcher) checking(e run.Checking) {
	if w.plan.CompatVLLM() && !w.opts.Temperature {
		w.say("WARNING: vllm bench serve no longer sets temperature==0 (greedy) in requests by default. The default will be determined on the server side and can be model/API specific. For the old behavior, include --temperature=0.")
	}
	w.say("Starting initial single prompt test run...")
	if e.Timeout <= 0 {
		w.say("Skipping endpoint ready check.")
		return
	}
	w.say("Waiting for endpoint to become up in %d seconds", int(e.Timeout.Seconds()))
}

// traffic prints vLLM's lines about the traffic.
func (w *watcher) traffic() {
	s := &w.plan.Load
	if s.SelfTimed {
		w.say("Self timing is set, using the timestamps from the trace file.")
		return
	}
	kind := "Gamma distribution"
	if s.Burstiness == 1 {
		kind = "Poisson process"
	}
	if s.RampStrategy != "" {
		w.say("Traffic ramp-up strategy: %s.", s.RampStrategy)
		w.say("Will increase RPS from %d to %d RPS over the duration of the benchmark.", s.RampStartRPS, s.RampEndRPS)
	} else {
		w.say("Traffic request rate: %s", rateText(s.RequestRate))
	}
	w.say("Burstiness factor: %s (%s)", rateText(s.Burstiness), kind)
	limit := "None"
	if s.MaxConcurrency > 0 {
		limit = fmt.Sprint(s.MaxConcurrency)
	}
	w.say("Maximum request concurrency: %s", limit)
}

// rateText is a rate as Python prints it.
func rateText(x plan.Float) string { return python.Float(float64(x)) }
