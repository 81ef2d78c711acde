package sim

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/model/roofline"
)

// unconfirmedMark stands behind a number that a single source gives.
const unconfirmedMark = "?"

// unconfirmedNote explains it.
const unconfirmedNote = unconfirmedMark + " unconfirmed: a single source gives it, and nothing else that is known confirms it"

// A cardColumn is one number of a datasheet.
type cardColumn struct {
	key, head, unit string
	of              func(*roofline.Card) roofline.Quantity
}

func cardColumns() []cardColumn {
	return []cardColumn{
		{"memory_gib", "memory", "GiB", func(c *roofline.Card) roofline.Quantity { return c.Memory }},
		{"bandwidth_gb_s", "bandwidth", "GB/s", func(c *roofline.Card) roofline.Quantity { return c.Bandwidth }},
		{"fp16_tflops", "fp16", "TFLOPS", func(c *roofline.Card) roofline.Quantity { return c.FP16 }},
		{"fp8_tflops", "fp8", "TFLOPS", func(c *roofline.Card) roofline.Quantity { return c.FP8 }},
		{"int8_tops", "int8", "TOPS", func(c *roofline.Card) roofline.Quantity { return c.Int8 }},
		{"fp4_tflops", "fp4", "TFLOPS", func(c *roofline.Card) roofline.Quantity { return c.FP4 }},
		{"link_gb_s", "link", "GB/s", func(c *roofline.Card) roofline.Quantity { return c.Link }},
		{"link_latency_us", "latency", "us", func(c *roofline.Card) roofline.Quantity { return c.Latency }},
	}
}

// quantity writes a number with its marks.
func quantity(q roofline.Quantity, sources *sourceList) string {
	if q.Value == 0 {
		return "-"
	}
	s := short(q.Value)
	if !q.Confirmed {
		s += unconfirmedMark
	}
	return fmt.Sprintf("%s [%d]", s, sources.number(q.Source))
}

// short writes a number with at most five digits that count.
func short(x float64) string { return strconv.FormatFloat(x, 'g', 5, 64) }

// printCards writes the cards, one a line, and the sources of the numbers.
func printCards(w io.Writer, cards []*roofline.Card) error {
	g := grid{left: []bool{true}}
	heads, units := []string{"card"}, []string{""}
	for _, c := range cardColumns() {
		heads, units = append(heads, c.head), append(units, c.unit)
	}
	g.row(append(heads, "kernels")...)
	g.row(units...)
	var sources sourceList
	for _, card := range cards {
		cells := []string{card.Name}
		for _, c := range cardColumns() {
			cells = append(cells, quantity(c.of(card), &sources))
		}
		g.row(append(cells, kernelsOf(card))...)
	}
	if err := g.print(w); err != nil {
		return err
	}
	fmt.Fprint(w, "\nRates are dense, fp16 with 32-bit accumulation, the link's one way. - the card has none.\n\nefficiencies of kernels, where a card has measured ones:\n")
	kernels := grid{left: []bool{true, true, true, true}}
	for _, card := range cards {
		kernelGrid(&kernels, card.Name, card.Kernels, &sources)
	}
	kernelGrid(&kernels, "generic", roofline.Generic(), &sources)
	if err := kernels.print(w); err != nil {
		return err
	}
	fmt.Fprint(w, "\nthe host's time of a step:\n")
	if err := printEngines(w, &sources); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s.\n", unconfirmedNote)
	return sources.print(w)
}

// printEngines writes what the engines spend on the host.
func printEngines(w io.Writer, sources *sourceList) error {
	g := grid{left: []bool{true, true}}
	for _, e := range roofline.Engines() {
		mark := ""
		if !e.Confirmed {
			mark = unconfirmedMark + " "
		}
		text := short(e.HostMs) + " ms a step"
		if e.HostSeqUs > 0 {
			text += ", " + short(e.HostSeqUs) + " us a sequence in it"
		}
		g.row(e.Name, text, fmt.Sprintf("%s[%d]", mark, sources.number(e.Source)))
	}
	return g.print(w)
}

// kernelsOf says where the efficiencies of a card's kernels come from.
func kernelsOf(c *roofline.Card) string {
	switch {
	case len(c.Kernels.GEMM) > 0:
		return "measured"
	case c.Like != "":
		return "of the " + c.Like
	}
	return "generic"
}

// printCard writes one card with its kernels.
func printCard(w io.Writer, c *roofline.Card) error {
	fmt.Fprintf(w, "%s: %s\n", c.Name, c.Title)
	if len(c.Aliases) > 0 {
		fmt.Fprintf(w, "also: %s\n", strings.Join(c.Aliases, ", "))
	}
	fmt.Fprintf(w, "kernels: %s\n\n", kernelsOf(c))
	g := grid{left: []bool{true, false, true, true}}
	for _, col := range cardColumns() {
		if q := col.of(c); q.Value != 0 {
			g.row(strings.TrimSuffix(col.key, "_"+strings.ToLower(strings.ReplaceAll(col.unit, "/", "_"))), short(q.Value)+mark(q.Confirmed), col.unit, q.Source)
		}
	}
	if err := g.print(w); err != nil {
		return err
	}
	var sources sourceList
	kernels := grid{left: []bool{true, true, true, true}}
	kernelGrid(&kernels, c.Name, c.Kernels, &sources)
	if sibling, err := roofline.FindCard(c.Like); c.Like != "" && err == nil {
		kernelGrid(&kernels, sibling.Name, sibling.Kernels, &sources)
	}
	kernelGrid(&kernels, "generic", roofline.Generic(), &sources)
	fmt.Fprintln(w, "\nefficiencies of kernels; the first that has one counts:")
	if err := kernels.print(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s.\n", unconfirmedNote)
	return sources.print(w)
}

func mark(confirmed bool) string {
	if confirmed {
		return " "
	}
	return unconfirmedMark
}

// A kernelRow is one kernel with its efficiencies.
type kernelRow struct {
	name   string
	values []kernelValue
	from   roofline.From
}

// A kernelValue is one number of a kernel.
type kernelValue struct {
	name, unit string
	value      float64
}

// kernelRows are the kernels that have efficiencies of their own.
func kernelRows(k roofline.Kernels) []kernelRow {
	var rows []kernelRow
	add := func(from roofline.From, name string, values ...kernelValue) {
		rows = append(rows, kernelRow{name, values, from})
	}
	for _, name := range slices.Sorted(maps.Keys(k.GEMM)) {
		g := k.GEMM[name]
		bytes, flops := "of bandwidth", "of peak"
		if g.Relative {
			bytes, flops = "of bf16's", "of bf16's"
		}
		add(g.From, "gemm "+name, kernelValue{"bytes", bytes, g.Bytes}, kernelValue{"flops", flops, g.Flops},
			kernelValue{"sharpness", "", g.Sharpness}, kernelValue{"floor", "us", g.Floor})
	}
	if d := k.Decode; d != nil {
		add(d.From, "attention, decode", kernelValue{"bytes", "of bandwidth", d.Bytes}, kernelValue{"tail", "sequences", d.Tail}, kernelValue{"floor", "us", d.Floor})
	}
	if p := k.Prefill; p != nil {
		add(p.From, "attention, prefill", kernelValue{"flops", "of peak", p.Flops}, kernelValue{"half", "tokens", p.Half}, kernelValue{"floor", "us", p.Floor})
	}
	if l := k.Layer; l != nil {
		add(l.From, "rest of a layer", kernelValue{"bytes", "of bandwidth", l.Bytes}, kernelValue{"floor", "us", l.Floor})
	}
	if s := k.Sampler; s != nil {
		add(s.From, "sampler", kernelValue{"floor", "us", s.Floor}, kernelValue{"row", "us", s.Row})
	}
	if a := k.AllReduce; a != nil {
		add(a.From, "all-reduce", kernelValue{"table", "sizes", float64(len(a.Bytes))})
	}
	return rows
}

// text is the kernel's numbers in one line.
func (k *kernelRow) text() string {
	var parts []string
	for _, v := range k.values {
		parts = append(parts, strings.TrimSpace(v.name+" "+short(v.value)+" "+v.unit))
	}
	return strings.Join(parts, ", ")
}

// kernelGrid adds the kernels of one card to a table.
func kernelGrid(g *grid, name string, k roofline.Kernels, sources *sourceList) {
	for _, row := range kernelRows(k) {
		mark := ""
		if !row.from.Confirmed {
			mark = unconfirmedMark + " "
		}
		g.row(name, row.name, row.text(), fmt.Sprintf("%s[%d]", mark, sources.number(row.from.Source)))
	}
}

// cardJSON is a card with its numbers, their units and sources.
func cardJSON(c *roofline.Card) any {
	numbers := map[string]any{}
	for _, col := range cardColumns() {
		if q := col.of(c); q.Value != 0 {
			numbers[col.key] = map[string]any{"value": q.Value, "unit": col.unit, "source": q.Source, "confirmed": q.Confirmed}
		}
	}
	return map[string]any{
		"name": c.Name, "title": c.Title, "aliases": append([]string{}, c.Aliases...),
		"numbers": numbers, "kernels_from": kernelsOf(c), "kernels": kernelsJSON(c.Kernels),
	}
}

// kernelsJSON is the kernels with their numbers.
func kernelsJSON(k roofline.Kernels) []any {
	out := []any{}
	for _, row := range kernelRows(k) {
		values := map[string]any{}
		for _, v := range row.values {
			values[v.name] = map[string]any{"value": v.value, "unit": v.unit}
		}
		out = append(out, map[string]any{"kernel": row.name, "values": values, "source": row.from.Source, "confirmed": row.from.Confirmed})
	}
	return out
}

// enginesJSON is what engines spend on the host.
func enginesJSON() []any {
	out := []any{}
	for _, e := range roofline.Engines() {
		out = append(out, map[string]any{"name": e.Name, "host_ms": e.HostMs, "host_seq_us": e.HostSeqUs, "source": e.Source, "confirmed": e.Confirmed})
	}
	return out
}

// printModels writes the models, one a line.
func printModels(w io.Writer, models []*roofline.Model) error {
	g := grid{left: []bool{true}}
	g.row("model", "weights", "read", "active", "layers", "hidden", "heads", "head", "ffn", "experts", "vocab", "context", "KV", "own")
	g.row("", "1e9", "1e9", "1e9", "", "", "q/kv", "dim", "", "all/active", "", "tokens", "B/token", "format")
	for _, m := range models {
		ffn, experts := strconv.Itoa(m.Inner), "-"
		if m.Experts > 0 {
			ffn, experts = strconv.Itoa(m.ExpertInner), fmt.Sprintf("%d/%d", m.Experts, m.Active)
		}
		own := m.Precision
		if own == "" {
			own = "16 bit"
		}
		g.row(m.Name, billions(m.Params()), billions(m.ReadParams()), billions(m.ActiveParams()),
			strconv.Itoa(m.Layers), strconv.Itoa(m.Hidden), fmt.Sprintf("%d/%d", m.Heads, m.KVHeads), strconv.Itoa(m.HeadDim),
			ffn, experts, strconv.Itoa(m.Vocab), strconv.Itoa(m.MaxLen), strconv.FormatFloat(m.KVBytesPerToken(2), 'f', -1, 64), own)
	}
	if err := g.print(w); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, "\nread: by a step of many tokens; active: by one token. KV: of a 16-bit cache, all layers in full.\n",
		"Each model's shapes are those of its config.json; --json names it. --model takes these names, those of Hugging Face,\n",
		"a folder with config.json, or a YAML file.\n")
	return err
}

func billions(x float64) string { return strconv.FormatFloat(x/1e9, 'f', 2, 64) }

// modelJSON is a model with its shapes.
func modelJSON(m *roofline.Model) any {
	return map[string]any{
		"name": m.Name, "aliases": append([]string{}, m.Aliases...), "source": m.Source,
		"layers": m.Layers, "hidden": m.Hidden, "heads": m.Heads, "kv_heads": m.KVHeads, "head_dim": m.HeadDim,
		"inner": m.Inner, "vocab": m.Vocab, "tied": m.Tied, "max_len": m.MaxLen,
		"experts": m.Experts, "active": m.Active, "expert_inner": m.ExpertInner, "shared_inner": m.SharedInner,
		"window": m.Window, "window_layers": m.WindowLayers, "precision": m.Precision,
		"params": m.Params(), "read_params": m.ReadParams(), "active_params": m.ActiveParams(),
		"kv_bytes_per_token": m.KVBytesPerToken(2),
	}
}
