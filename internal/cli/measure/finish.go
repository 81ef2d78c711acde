package measure

import (
	"encoding/json"
	"errors"
	"strings"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/report"
	"tokmeter/internal/result"
	"tokmeter/internal/run"
)

// Finish reports a run and says how it went.
func Finish(env *shell.Env, out run.Outcome, see *Watcher) error {
	defer out.Close()
	res, err := result.From(out.Run, nil)
	// First what is to last: the terminal may be gone, or nobody read the output.
	path, saved := report.Save(res)
	errs := []error{err, report.Text(env.Stdout, res, see.Opts.Verbose)}
	if out.Plan.Target.Profile { // it stopped with the last answer; vLLM's client tells of it behind the numbers
		see.Say("Stopping profiler...")
		if out.Profiled {
			see.Say("Profiler stopped")
		}
	}
	errs = append(errs, saved)
	if err == nil && see.Opts.Keep != nil {
		see.Opts.Keep(res.Summary)
	}
	if path != "" {
		see.sayBeside("Result saved to %s", path)
	}
	if out.Dir != "" {
		see.sayBeside("Records kept in %s", out.Dir)
	}
	verdict := out.Verdict(&res.Summary)
	if verdict == nil {
		verdict = missed(res.Summary.SLOs)
	}
	return errors.Join(append(errs, verdict)...)
}

// missed is the error of a run that missed limits of --goal; nil where it met all.
func missed(all []metrics.SLOResult) error {
	var out []string
	for _, r := range all {
		if !r.Met {
			out = append(out, r.String())
		}
	}
	if len(out) == 0 {
		return nil
	}
	return shell.Failf(shell.ExitGoalMissed, "", "--goal: %s", strings.Join(out, "; "))
}

// Options is the command line as vLLM's client has it in the end.
func (o *Options) Options(p plan.Plan) json.RawMessage {
	list := []report.Option{{Name: "subparser", Value: "bench"}, {Name: "bench_type", Value: "serve"}}
	for _, n := range o.Namespace {
		v := n.Value
		if n.Name == "dataset_name" {
			v = p.Workload.Dataset // a file's kind may have been found out
		}
		list = append(list, report.Option{Name: n.Name, Value: v})
	}
	return report.Options(list)
}

// isHeaderFlag reports whether a word is --header, in full or shortened.
func isHeaderFlag(word string) bool {
	name, _, _ := strings.Cut(word, "=")
	return len(name) > len("--h") && strings.HasPrefix("--header", name)
}

// isKeyFlag reports whether a word is --api-key, in full or shortened.
func isKeyFlag(word string) bool {
	name, _, _ := strings.Cut(word, "=")
	return len(name) > len("--") && strings.HasPrefix("--api-key", strings.ReplaceAll(name, "_", "-"))
}

// cutValue takes the value out of NAME=VALUE, and of --header=NAME=VALUE.
func cutValue(word string) string {
	flag := ""
	if strings.HasPrefix(word, "--") {
		name, rest, ok := strings.Cut(word, "=")
		if !ok {
			return word
		}
		flag, word = name+"=", rest
	}
	name, _, ok := strings.Cut(word, "=")
	if !ok {
		return flag + plan.Redacted
	}
	return flag + name + "=" + plan.Redacted
}
