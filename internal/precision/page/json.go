package page

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

// A key is one key of the JSON file outside of its rows, with its unit
// and meaning.
type key struct{ path, unit, meaning string }

// keys documents the file in the order in which it is written; a test
// compares the two.
func keys() []key {
	return append(append(headKeys(), viewKeys()...), searchKeys()...)
}

func headKeys() []key {
	return []key{
		{"tokmeter_precision", "", "version of this format"},
		{"title", "", "as the spec has it"},
		{"simulated", "", "whether any row is simulated"},
		{"baseline", "", "name of the variant that the others are compared with"},
		{"statistic", "", "of TTFT and TPOT: mean, or a percentile such as p99"},
		{"rounds", "", "how often every variant was measured"},
		{"conclusion", "", "the answer in one sentence"},
		{"begun", "", "when the first run began, UTC, as RFC 3339 writes it"},
		{"tokmeter_version", "", "of this program"},
		{"command", "", "that makes the table again, as a shell reads it, without secrets"},
		{"model", "", "the baseline's, and how many others there are"},
		{"dataset", "", "with what decides about its requests"},
		{"load", "", "of the table"},
		{"currency", "", "of prices"},
		{"cards[].variant", "", "name"},
		{"cards[].text", "", "its accelerators with their count"},
		{"engines[].variant", "", "name"},
		{"engines[].text", "", "its engine and version"},
		{"differences[].what", "", "what is not the same for all: prompts, output lengths, version, …"},
		{"differences[].rate_requests_per_s", "requests/s", "where it is of one rate"},
		{"differences[].concurrency", "requests", "where it is of one concurrency"},
		{"differences[].variants[]", "", "names of those that differ from the baseline"},
		{"differences[].values[]", "", "the baseline's, then one for each of variants"},
		{"differences[].invalidates", "", "whether the speedup of variants is withheld for it"},
		{"differences[].text", "", "one sentence"},
		{"warnings[].code", "", "kind of what casts doubt on the table"},
		{"warnings[].text", "", "one sentence"},
		{"notes[]", "", "what happened on the way"},
	}
}

// viewKeys are those of the variants at one load.
func viewKeys() []key {
	var out []key
	for _, f := range loadFields() {
		out = append(out, key{"views[]." + f.key, f.unit, f.meaning})
	}
	const row = "views[].variants[]."
	for _, f := range fields() {
		out = append(out, key{row + f.key, f.unit, f.meaning})
		if f.flat() {
			const end = " end of its 95 % interval; null where there are too few samples to tell"
			out = append(out, key{row + f.key + "_low", f.unit, "lower" + end}, key{row + f.key + "_high", f.unit, "upper" + end})
		}
	}
	return append(out,
		key{row + "evidence[].what", "", "name, with its unit, of a number that the verdict rests on"},
		key{row + "evidence[].value", "", "the number"},
		key{row + "also[].code", "", "of a further reason that holds"},
		key{row + "also[].text", "", "its sentence"})
}

func searchKeys() []key {
	return []key{
		{"slo", "", "what the search for the highest rate found; null without one"},
		{"slo.goals", "", "as the user wrote them"},
		{"slo.variants[].variant", "", "name"},
		{"slo.variants[].rate_requests_per_s", "requests/s", "highest that held; 0 where none did, null where it is withheld"},
		{"slo.variants[].not_held_requests_per_s", "requests/s", "lowest that did not"},
		{"slo.variants[].complete", "", "whether the search came to its end"},
		{"slo.variants[].withheld", "", "why the rate is withheld, and what it needs"},
		{"slo.variants[].text", "", "how it ended"},
	}
}

// JSON writes everything that the table has, in the order of
// docs/precision-output.md. What is not known is null.
func JSON(w io.Writer, p *Page) error {
	o := &object{}
	some, _ := p.simulated()
	o.set("tokmeter_precision", Version)
	o.set("title", word(p.Title))
	o.set("simulated", some)
	o.set("baseline", p.Baseline)
	o.set("statistic", p.statistic())
	o.set("rounds", p.Rounds)
	p.setAbout(o)
	warnings := []any{}
	for _, v := range p.Warnings {
		warnings = append(warnings, codeAndText(v.Code, v.Text))
	}
	o.set("differences", p.differenceTrees())
	o.set("warnings", warnings)
	o.set("notes", append([]string{}, p.Notes...))
	views := []any{}
	for _, v := range p.everyView() {
		views = append(views, viewTree(v))
	}
	o.set("views", views)
	o.set("slo", p.heldTree())
	b, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	return nil
}

// setAbout sets what was measured, where and when.
func (p *Page) setAbout(o *object) {
	a := &p.About
	var begun any
	if !a.Begun.IsZero() {
		begun = a.Begun.UTC().Format(time.RFC3339)
	}
	o.set("conclusion", word(p.conclusion()))
	o.set("begun", begun)
	o.set("tokmeter_version", word(a.Tokmeter))
	o.set("command", word(commandLine(a.Command)))
	o.set("model", word(p.model()))
	o.set("dataset", word(a.Dataset))
	o.set("load", loadText(p.Load))
	o.set("currency", word(a.Currency))
	for _, list := range []struct {
		key string
		of  []Named
	}{{"cards", a.Cards}, {"engines", a.Engines}} {
		trees := []any{}
		for _, n := range list.of {
			x := &object{}
			x.set("variant", n.Variant)
			x.set("text", word(n.Text))
			trees = append(trees, x)
		}
		o.set(list.key, trees)
	}
}

func (p *Page) differenceTrees() []any {
	out := []any{}
	for _, d := range p.Differences {
		x := &object{}
		x.set("what", d.What)
		var l compare.Load
		if d.Load != nil {
			l = *d.Load
		}
		for _, f := range loadFields() {
			x.set(f.key, f.of(l))
		}
		x.set("variants", append([]string{}, d.Variants...))
		x.set("values", append([]string{}, d.Values...))
		x.set("invalidates", d.Invalidates)
		x.set("text", d.Why)
		out = append(out, x)
	}
	return out
}

func codeAndText(code, text string) *object {
	x := &object{}
	x.set("code", code)
	x.set("text", text)
	return x
}

func viewTree(v table.View) *object {
	rows := []any{}
	for i := range v.Rows {
		rows = append(rows, rowTree(&v.Rows[i]))
	}
	x := &object{}
	for _, f := range loadFields() {
		x.set(f.key, f.of(v.Load))
	}
	x.set("variants", rows)
	return x
}

func (p *Page) heldTree() any {
	if p.Goals == "" && len(p.Held) == 0 {
		return nil
	}
	list := []any{}
	for _, h := range p.Held {
		x := &object{}
		x.set("variant", h.Variant)
		x.set("rate_requests_per_s", h.rate())
		x.set("not_held_requests_per_s", told(h.Above))
		x.set("complete", h.Complete)
		x.set("withheld", word(h.Withheld))
		x.set("text", h.Text)
		list = append(list, x)
	}
	o := &object{}
	o.set("goals", p.Goals)
	o.set("variants", list)
	return o
}

// rowTree is a row with what only the JSON file has at its end.
func rowTree(r *table.Row) *object {
	o := &object{}
	for _, f := range fields() {
		e, estimate := f.of(r).(stats.Interval)
		switch {
		case f.flat():
			o.setFlat(f.key, e, estimate)
		case estimate:
			o.set(f.key, estimateTree(e))
		default:
			o.set(f.key, f.of(r))
		}
	}
	evidence, also := []any{}, []any{}
	for _, e := range r.Verdict.Evidence {
		x := &object{}
		x.set("what", e.What)
		x.set("value", finite(e.Value))
		evidence = append(evidence, x)
	}
	for _, a := range r.Verdict.Also {
		also = append(also, codeAndText(string(a.Code), a.Text))
	}
	o.set("evidence", evidence)
	o.set("also", also)
	return o
}

func estimateTree(e stats.Interval) *object {
	x := &object{}
	x.set("value", finite(e.Value))
	x.set("low", told(e.Low))
	x.set("high", told(e.High))
	x.set("n", e.N)
	return x
}

// setFlat sets an estimate as numbers beside each other, null where it is not known:
// what reads a key that ends in a unit finds a number.
func (o *object) setFlat(key string, e stats.Interval, known bool) {
	if !known {
		e.Value = math.NaN()
	}
	o.set(key, finite(e.Value))
	o.set(key+"_low", told(e.Low))
	o.set(key+"_high", told(e.High))
}

// An object is a JSON object whose keys stand in the order in which they were
// set.
type object struct {
	keys   []string
	values []any
}

func (o *object) set(key string, value any) {
	o.keys, o.values = append(o.keys, key), append(o.values, value)
}

// MarshalJSON writes the keys in their order.
func (o *object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, k := range o.keys {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(o.values[i])
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}
