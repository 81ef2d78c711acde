package precision

import (
	"slices"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/measure"
	"tokmeter/internal/experiment"
	"tokmeter/internal/precision"
)

// The groups of what precision has beside the flags of bench serve.
const (
	groupVariants   = "variants"
	groupExperiment = "experiment options"
	groupTable      = "table options"
)

// docsPrecision is what docs/cli.md says of precision.
const docsPrecision = "Fills the precision table: TTFT, TPOT and speedup of each way of serving a model, with intervals and the reason. " +
	"`tokmeter precision SPEC.yaml` takes a file of [precision-spec.md](precision-spec.md); the short form names variants by flags. " +
	"[precision.md](precision.md) tells how the table is read. The flags of `bench serve` that say what is sent, and at which rate, count here too: " +
	"over those of the file, and the same for every variant. In the short form they begin with ShareGPT, 100 requests at 1 a second, `--ignore-eos` and seed 0; " +
	"ShareGPT is `ShareGPT_V3_unfiltered_cleaned_split.json` of the current folder or of the hub, and simulated variants take random lengths of its size where it is at neither."

// docsPrecisionAfter is what follows the flags.
const docsPrecisionAfter = `
Every flag of ` + "`bench serve`" + ` among server, request, sampling, arrival and dataset options counts as well, except those that a
variant or the experiment says itself: model, address, ` + "`--precision`" + `, results, warm-ups and a rising rate.

Exit codes: 0 where the baseline and another variant have a result, whatever failed beside them (the table says what and why);
1 where one of the two is missing, or an engine can't be stopped; 2 for a spec, flag or dataset that is wrong, before any engine
is started; 5 where the URL of a variant does not answer at the beginning; 130 after Ctrl-C: the run under way is given up, its
engine stopped, what is complete shown, and ` + "`--resume`" + ` goes on. A second Ctrl-C gives engines no time to stop by themselves.
On Linux nothing that an engine started outlives this program, however it ends.
`

// precisionTable is the flags of precision.
func precisionTable() flags.Table { return append(precisionFlags(), benchFlags()...) }

// precisionFlags are those that bench serve does not have.
func precisionFlags() flags.Table {
	v, x, o := groupVariants, groupExperiment, groupTable
	t := flags.Table{
		{Name: "variant", Group: v, Kind: flags.Words1, Joined: true, Meta: "NAME=PRECISION[@URL]", Help: "A way of serving: the model's stub, the label of its precision, and where it is served; given again, one more. Without @URL it is served by --simulate or --command."},
		{Name: "simulate", Group: v, Meta: "CARD", Help: "Simulate the variants on this card, a name of tokmeter sim hardware; settings by vLLM's names may follow behind commas. Without --variant: Llama-3-8B as fp16, fp8, int8 and int4. The engine is vLLM of today unless engine=vllm-v0-2024 is among the settings; the table says which."},
		{Name: "command", Group: v, Meta: "WORDS", Help: "Command that starts an engine for each variant without a URL: {model}, {precision}, {host} and {port} are filled in."},
		{Name: "gpu", Group: v, Meta: "CARD", Help: "Card under real servers, for the speed of light: a name of tokmeter sim hardware, or cpu for this machine's processor."},
		{Name: "baseline", Group: v, Meta: "NAME", Help: "Variant that the others are compared with. Where it is not given: the file's, or the first one."},
		{Name: "price-per-hour", Group: v, Kind: flags.Number, Meta: "X", Help: "Price of each server, for the price of a million tokens."},
		{Name: "currency", Group: v, Meta: "TEXT", Help: "Currency of prices. Where it is not given: the file's, or USD."},

		{Name: "virtual", Group: x, Kind: flags.Toggle, Help: "Run simulated variants on the virtual clock: at once, and nothing is recorded."},
		{Name: "rounds", Group: x, Kind: flags.Integer, Help: "How often every variant has its turn; the order turns round each time. Fewer than three give no intervals. Where it is not given: the file's, or 3; with --virtual 1, for every round would be the same."},
		{Name: "parallel", Group: x, Kind: flags.ToggleNo, Help: "Run all variants at the same time. Where it is not given: only where all are simulated."},
		{Name: "concurrency", Group: x, Meta: "N,N", Help: "Measure with so many requests in flight too, such as 1,8,32."},
		{Name: "slo", Group: x, Meta: "GOALS", Help: "Search the highest rate at which each variant keeps these goals, such as ttft_p99=500,tpot_p99=50."},
		{Name: "drift", Group: x, Kind: flags.Integer, Meta: "N", Help: "Fixed prompts that each variant answers greedily, for the agreement with the baseline's answers."},
		{Name: "cache", Group: x, Choices: []string{experiment.CacheSalt, experiment.CacheReset, experiment.CacheKeep}, Help: "How rounds keep clear of the prefix cache: salt begins their prompts with a text of its own, reset asks the server to empty it, keep does nothing. Where it is not given: the file's, or salt."},
		{Name: "ready-timeout", Group: x, Meta: "TIME", Help: "How long an engine may take to start, such as 15m."},
		{Name: "stop-timeout", Group: x, Meta: "TIME", Help: "How long an engine may take to stop before it is killed, such as 30s."},
		{Name: "resume", Group: x, Kind: flags.Folder, Help: "Go on with the experiment in this folder. The command is otherwise the one that began it."},
		{Name: "retry", Group: x, Kind: flags.Toggle, Help: "With --resume, do again what has failed."},

		{Name: "title", Group: o, Help: "Stands above the table."},
		{Name: "statistic", Group: o, Default: "mean", Choices: []string{"mean", "p50", "p90", "p99"}, Help: "What is shown and compared of TTFT and TPOT."},
		{Name: "wide", Group: o, Kind: flags.Toggle, Help: "Show what stands beside the five columns too: ratios, the speed of light, bytes of weights, power, price."},
		{Name: "format", Group: o, Default: "text", Choices: []string{"text", "markdown", "csv", "json", "html"}, Help: "How the table is printed."},
		{Name: "output-dir", Group: o, Kind: flags.Folder, Help: "Folder of logs, records, state and the table in all formats. Where it is not given one is made under runs; with --virtual nothing is written without it."},
		{Name: "no-live", Group: o, Kind: flags.Toggle, Help: "Show no progress, but what happens."},
	}
	for i := range t {
		t[i].Origin = flags.Own
	}
	return t
}

// benchFlags are the flags of bench serve that count for every variant.
func benchFlags() flags.Table {
	var t flags.Table
	for _, f := range measure.Table() {
		if _, refused := precision.RefusedFlags()[f.Name]; refused || f.Refused != "" {
			continue
		}
		if f.Group == flags.GroupResult || f.Group == measure.GroupLimit || f.Group == measure.GroupStop || f.Name == "cache" || f.Name == "compat" || f.Name == "profile" || f.Name == "virtual" {
			continue
		}
		t = append(t, f)
	}
	return t
}

// benchNames are their names, as a file may have them.
func benchNames() []string {
	var names []string
	for _, f := range benchFlags() {
		names = append(names, f.Name)
	}
	return names
}

// benchGiven is the flags of bench serve that the command line has.
func benchGiven(v *flags.Values) []precision.Flag {
	var out []precision.Flag
	for _, f := range benchFlags() {
		if !v.Given(f.Name) {
			continue
		}
		flag := precision.Flag{Name: f.Name, Values: slices.Clone(v.List(f.Name))}
		if f.Kind != flags.Words && f.Kind != flags.Words1 {
			flag.Values = []string{strings.Join(flag.Values, " ")}
		}
		out = append(out, flag)
	}
	return out
}
