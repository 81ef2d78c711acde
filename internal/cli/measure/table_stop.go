package measure

import (
	"time"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/plan"
)

// GroupStop is the group of the flags that end a run, or repeat it.
const GroupStop = "ending options"

// stopFlags say when a run ends before everything was sent.
func stopFlags() flags.Table {
	g := GroupStop
	return flags.Table{
		{Name: "until", Group: g, Meta: "RULE", Origin: flags.Own, Help: "Stop as soon as a latency is known well enough: \"ttft_p99 ±5%\" (or +-5%) when its 95 % interval is that narrow, \"ttft_p99 < 200ms\" when MLPerf's early stopping says that it is met, or is missed. Of ttft, tpot and e2el, with mean, median or pN. --num-prompts is the most that is sent."},
		{Name: "min-duration", Group: g, Kind: flags.Number, Default: "0", Meta: "SEC", Origin: flags.Own, Help: "--until does not stop the run before. With a finite rate and no --num-prompts, as many requests as it takes."},
		{Name: "max-duration", Group: g, Kind: flags.Number, Default: "0", Meta: "SEC", Origin: flags.Own, Help: "Send nothing after this time; answers under way may end. 0 for no limit. With a finite rate and no --num-prompts, as many requests as it takes."},
		{Name: "max-errors", Group: g, Kind: flags.Integer, Default: "0", Origin: flags.Own, Help: "Stop when so many requests have failed; 0 for no limit."},
		{Name: "max-error-rate", Group: g, Kind: flags.Number, Default: "0", Meta: "PART", Origin: flags.Own, Help: "Stop when more than this part of the requests has failed, such as 0.05, once 20 have ended; 0 for no limit."},
		{Name: "num-runs", Group: g, Kind: flags.Integer, Default: "1", Origin: flags.Rust, Help: "Make the run so many times, and tell how much differs from run to run beyond what the requests of each explain."},
		{Name: "run-seeds", Group: g, Default: "fresh", Origin: flags.Own, Choices: []string{"fresh", "same"}, Help: "Seeds of --num-runs: fresh counts up from --seed, so that a prefix cache does not help the later runs; same sends the same requests."},
		{Name: "stop-when-saturated", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "Stop an open loop when the server does not keep up: for 30 s or more, requests in flight and TTFT have risen all the time."},
	}
}

// stop reads them.
func (b *serveBuilder) stop() plan.Stop {
	s := plan.Stop{
		MinDuration: seconds(b.Number("min-duration")), MaxDuration: seconds(b.Number("max-duration")),
		MaxErrors: b.Integer("max-errors"), MaxErrorRate: b.Number("max-error-rate"), Saturated: b.On("stop-when-saturated"),
	}
	if b.Given("until") {
		u, err := plan.ParseUntil(b.Text("until"))
		if err != nil {
			b.problem("--until %w", err)
		} else {
			s.Until = &u
		}
	}
	if b.Given("min-duration") && s.Until == nil {
		b.note("--min-duration has nothing to hold back without --until, but it decides how many requests a finite rate sends")
	}
	return s
}

// lasting is how many requests a finite rate sends within the longer of the
// durations that were asked for; n where there is none, or the user said how many.
func (b *serveBuilder) lasting(n int, l plan.Load) int {
	most := max(l.Stop.MinDuration, l.Stop.MaxDuration)
	if b.Given("num-prompts") || !l.FiniteRate() || most <= 0 || most > 240*time.Hour {
		return n
	}
	const margin = 1.1 // arrivals come by chance
	return max(1, int(margin*float64(l.RequestRate)*most.Seconds())+1)
}

// mostRuns is more than anybody waits for.
const mostRuns = 1000

func (b *serveBuilder) checkRuns() {
	n := b.Integer("num-runs")
	if n < 1 || n > mostRuns {
		b.problem("--num-runs: want 1 to %d, got %d", mostRuns, n)
	}
	if b.Given("run-seeds") && n == 1 {
		b.note("--run-seeds does not count without --num-runs")
	}
}
