package precision

import (
	"fmt"
	"strings"
	"time"

	"tokmeter/internal/experiment"
	"tokmeter/internal/plan"

	"go.yaml.in/yaml/v3"
)

// A key is one word of a spec and what it sets. The tables of keys are what the
// reader and docs/precision-spec.md are made of.
type key[T any] struct {
	name, value, def, help string
	set                    func(d *decoder, to *T, n *yaml.Node) error
}

// common is what a spec says once for its variants.
type common struct {
	spec     *Spec
	model    string
	command  []string
	simulate string
	args     []string
	env      map[string]string
	gpu      string
	served   string
	token    string
	price    float64
}

// specKeys are the words of the file itself.
func specKeys() []key[common] {
	return []key[common]{
		{"title", "text", "", "Stands above the table.", on(func(c *common) *string { return &c.spec.Title }, text)},
		{"baseline", "name", "the first variant", "Variant that the others are compared with.", on(func(c *common) *string { return &c.spec.Baseline }, text)},
		{"variants", "list", "", "The ways of serving, in the order of the table; see below.", variants},
		{"bench", "map", "", "Workload and load by the flags of `tokmeter bench serve`, without their hyphens: `num-prompts: 100`. `true` and `false` are for switches, lists for lists, maps for JSON. The same for every variant.", on(func(c *common) *[]Flag { return &c.spec.Bench }, benchFlags)},
		{"rounds", "number", "3, or 1 on the virtual clock", "How often every variant has its turn; the order turns round each time (A B C D, D C B A, …). Fewer than three give no intervals.", on(func(c *common) *int { return &c.spec.Rounds }, whole)},
		{"parallel", "true or false", "true where all are simulated", "Run all variants at the same time: for simulated ones, and for servers that do not share a machine.", on(func(c *common) **bool { return &c.spec.Parallel }, toggle)},
		{"concurrency", "numbers", "", "Measure each variant with so many requests in flight too: a list, or numbers split by commas.", on(func(c *common) *[]int { return &c.spec.Concurrency }, wholes)},
		{"slo", "goals", "", "Search the highest rate at which each variant keeps these goals, such as `ttft_p99=500,tpot_p99=50`, in milliseconds: `ttft`, `tpot` or `e2el` with `_mean` or a percentile. A failed request is over every limit.", on(func(c *common) *[]plan.SLO { return &c.spec.Goals }, goals)},
		{"search", "map", "", "Bounds of that search; see below.", section(searchKeys, func(c *common) *experiment.Bounds { return &c.spec.Search })},
		{"drift", "number", "0", "Fixed prompts that every variant answers greedily, for the agreement with the baseline's answers.", on(func(c *common) *int { return &c.spec.Drift }, whole)},
		{"warm-up", "map, or off", "", "When an engine that was started counts as warm; see below.", warmUp},
		{"cache", "`salt`, `reset`, `keep`", "`salt`", "How later rounds keep clear of the prefix cache: `salt` begins each round's prompts with a text of its own, equal for all variants; `reset` asks the server to empty its cache before each run; `keep` does nothing.", on(func(c *common) *string { return &c.spec.Cache }, text)},
		{"ready-timeout", "time", "15m", "How long an engine may take to start.", on(func(c *common) *time.Duration { return &c.spec.ReadyTimeout }, duration)},
		{"stop-timeout", "time", "30s", "How long it may take to stop before it is killed.", on(func(c *common) *time.Duration { return &c.spec.StopTimeout }, duration)},
		{"output", "folder", "", "Where logs, records, state and tables go. Where it is not given, one is made.", on(func(c *common) *string { return &c.spec.Output }, text)},
		{"model", "stub", "", "Of variants that do not say theirs.", on(func(c *common) *string { return &c.model }, text)},
		{"command", "words", "", "Of variants that have neither url nor simulate nor a command of their own.", on(func(c *common) *[]string { return &c.command }, words)},
		{"simulate", "card", "", "The same for simulated variants: a card alone, `a10g`, is joined with each variant's model and precision; settings may follow, `a10g,engine=vllm-v0-2024`.", on(func(c *common) *string { return &c.simulate }, text)},
		{"args", "words", "", "Arguments that stand behind every command, before the variant's own.", on(func(c *common) *[]string { return &c.args }, words)},
		{"env", "map", "", "Environment of every command; a variant's own wins.", on(func(c *common) *map[string]string { return &c.env }, textMap)},
		{"gpu", "card", "", "Card under real servers, for the speed of light: a name of `tokmeter sim hardware`, or `cpu` for this machine's processor.", on(func(c *common) *string { return &c.gpu }, text)},
		{"served-model-name", "name", "", "Of variants that do not say theirs.", on(func(c *common) *string { return &c.served }, text)},
		{"tokenizer", "name or path", "", "Of variants that do not say theirs.", on(func(c *common) *string { return &c.token }, text)},
		{"price-per-hour", "number", "", "Of variants that do not say theirs.", on(func(c *common) *float64 { return &c.price }, number)},
		{"currency", "text", "USD", "Of prices.", on(func(c *common) *string { return &c.spec.Currency }, text)},
	}
}

// variantKeys are the words of a variant.
func variantKeys() []key[Variant] {
	return []key[Variant]{
		{"name", "text", "the precision", "Name in notes and files.", on(func(v *Variant) *string { return &v.Name }, text)},
		{"model", "stub", "", "Model as the table shows it, and as requests name it.", on(func(v *Variant) *string { return &v.Model }, text)},
		{"precision", "label", "the model's, where simulated", "Label of the table, such as fp16, fp8, int8, int4, Q4_0.", on(func(v *Variant) *string { return &v.Precision }, text)},
		{"url", "URL", "", "Server that runs already.", on(func(v *Variant) *string { return &v.URL }, text)},
		{"command", "words", "", "Starts a server: words as in a shell, with quotes but without variables, pipes and globs; or a list. `{model}`, `{served}` (the name in requests), `{tokenizer}`, `{precision}`, `{name}`, `{host}` and `{port}` are filled in; `{port}` must be there.", on(func(v *Variant) *[]string { return &v.Command }, words)},
		{"simulate", "engine", "", "Simulated engine, as `bench serve --simulate` takes it: `a10g/llama-3-8b/int4,max_num_seqs=64`, or set times; a card alone is joined with model and precision.", on(func(v *Variant) *string { return &v.Simulate }, text)},
		{"args", "words", "", "Further arguments of the command.", on(func(v *Variant) *[]string { return &v.Args }, words)},
		{"env", "map", "", "Environment of the command, beside this program's.", on(func(v *Variant) *map[string]string { return &v.Env }, textMap)},
		{"served-model-name", "name", "the model", "Name of the model in requests.", on(func(v *Variant) *string { return &v.Served }, text)},
		{"tokenizer", "name or path", "the model's", "Tokenizer that counts and builds prompts. Prompts are equal only where tokenizers are.", on(func(v *Variant) *string { return &v.Tokenizer }, text)},
		{"gpu", "card", "", "Card under a real server, for the speed of light.", on(func(v *Variant) *string { return &v.GPU }, text)},
		{"weights-bytes", "number", "", "Bytes of weights that a step reads, where neither card nor server says it.", on(func(v *Variant) *float64 { return &v.WeightBytes }, number)},
		{"power-w", "number", "", "Power of the card in watt, where it is not measured.", on(func(v *Variant) *float64 { return &v.PowerW }, number)},
		{"price-per-hour", "number", "", "Price of the server.", on(func(v *Variant) *float64 { return &v.Price }, number)},
	}
}

// warmKeys are the words of warm-up.
func warmKeys() []key[experiment.WarmRule] {
	return []key[experiment.WarmRule]{
		{"batch", "number", "8", "Requests of a batch, all of them at once.", on(func(w *experiment.WarmRule) *int { return &w.Batch }, whole)},
		{"within", "share", "0.1", "The engine is warm once two batches in a row took the same time for a token within this share.", on(func(w *experiment.WarmRule) *float64 { return &w.Within }, number)},
		{"most", "number", "6", "Batches at most; an engine that is not warm by then is measured with a warning. 0 sends none.", on(func(w *experiment.WarmRule) *int { return &w.Most }, wholeOrNone)},
	}
}

// searchKeys are the words of search.
func searchKeys() []key[experiment.Bounds] {
	return []key[experiment.Bounds]{
		{"start", "rate", "1, or the nearest bound", "First rate that is tried, in requests a second.", on(func(b *experiment.Bounds) *float64 { return &b.Start }, number)},
		{"low", "rate", "0.0625", "No lower rate is tried.", on(func(b *experiment.Bounds) *float64 { return &b.Low }, number)},
		{"high", "rate", "1024", "No higher rate is tried.", on(func(b *experiment.Bounds) *float64 { return &b.High }, number)},
		{"tolerance", "share", "0.05", "The search ends once the lowest rate that does not hold is above the highest that does by no more than this.", on(func(b *experiment.Bounds) *float64 { return &b.Tolerance }, number)},
		{"confirm", "number", "1", "Further runs that the found rate must pass; where one fails, the search goes on below. 0 for none.", on(func(b *experiment.Bounds) *int { return &b.Confirm }, wholeOrNone)},
		{"most", "number", "30", "Runs of a search at most.", on(func(b *experiment.Bounds) *int { return &b.Most }, whole)},
	}
}

// on makes a setter of a field and a reader of values.
func on[T, F any](field func(*T) *F, read func(*yaml.Node) (F, error)) func(*decoder, *T, *yaml.Node) error {
	return func(_ *decoder, to *T, n *yaml.Node) error {
		x, err := read(n)
		if err == nil {
			*field(to) = x
		}
		return err
	}
}

// section makes a setter of a map with keys of its own.
func section[T, F any](keys func() []key[F], field func(*T) *F) func(*decoder, *T, *yaml.Node) error {
	return func(d *decoder, to *T, n *yaml.Node) error {
		readMap(d, n, keys(), field(to))
		return nil
	}
}

func warmUp(d *decoder, to *common, n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && (n.Value == "off" || n.Value == "false") {
		to.spec.Warm.Most = -1
		return nil
	}
	readMap(d, n, warmKeys(), &to.spec.Warm)
	return nil
}

func variants(d *decoder, to *common, n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		return fmt.Errorf("want a list, each with name, model, precision and one of url, command, simulate")
	}
	for _, item := range n.Content {
		var v Variant
		readMap(d, d.real(item), variantKeys(), &v)
		to.spec.Variants = append(to.spec.Variants, v)
	}
	return nil
}

// reference is docs/precision-spec.md but for its beginning: the tables of keys.
func reference() string {
	var b strings.Builder
	b.WriteString("## The file\n\n")
	keyTable(&b, specKeys())
	b.WriteString("\n## A variant\n\nOne of `url`, `command` and `simulate` says where it is served.\n\n")
	keyTable(&b, variantKeys())
	b.WriteString("\n## warm-up\n\n`off` sends nothing. Simulated engines need none.\n\n")
	keyTable(&b, warmKeys())
	b.WriteString("\n## search\n\n")
	keyTable(&b, searchKeys())
	return b.String()
}

func keyTable[T any](b *strings.Builder, keys []key[T]) {
	b.WriteString("| key | value | default | meaning |\n|--|--|--|--|\n")
	for _, k := range keys {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.name, k.value, k.def, k.help)
	}
}
