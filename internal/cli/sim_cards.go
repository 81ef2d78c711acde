package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/sim/roofline"
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
	fmt.Fprintf(w, "\nRates are dense, fp16 with 32-bit accumulation, the link's one way. - the card has none.\n%s.\n", unconfirmedNote)
	return sources.print(w)
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
	for _, k := range kernelRows(c) {
		g.row(k.name, short(k.value)+mark(k.from.Confirmed), k.unit, k.from.Source)
	}
	if err := g.print(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s.\n", unconfirmedNote)
	return err
}

func mark(confirmed bool) string {
	if confirmed {
		return " "
	}
	return unconfirmedMark
}

// A kernelRow is one efficiency of a card's kernels.
type kernelRow struct {
	name, unit string
	value      float64
	from       roofline.From
}

// kernelRows are the efficiencies that the card has itself.
func kernelRows(c *roofline.Card) []kernelRow {
	var rows []kernelRow
	add := func(from roofline.From, name, unit string, value float64) {
		rows = append(rows, kernelRow{name, unit, value, from})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Kernels.GEMM)) {
		g := c.Kernels.GEMM[name]
		add(g.From, "gemm "+name+" bytes", "of bandwidth", g.Bytes)
		add(g.From, "gemm "+name+" flops", "of peak", g.Flops)
		add(g.From, "gemm "+name+" sharpness", "", g.Sharpness)
		add(g.From, "gemm "+name+" floor", "us", g.Floor)
	}
	k := c.Kernels
	if d := k.Decode; d != nil {
		add(d.From, "decode attention bytes", "of bandwidth", d.Bytes)
		add(d.From, "decode attention skew", "share lost", d.Skew)
		add(d.From, "decode attention floor", "us a layer", d.Floor)
	}
	if p := k.Prefill; p != nil {
		add(p.From, "prefill attention flops", "of peak", p.Flops)
		add(p.From, "prefill attention half", "tokens", p.Half)
		add(p.From, "prefill attention floor", "us a layer", p.Floor)
	}
	if l := k.Layer; l != nil {
		add(l.From, "layer bytes", "of bandwidth", l.Bytes)
		add(l.From, "layer floor", "us a layer", l.Floor)
	}
	if s := k.Sampler; s != nil {
		add(s.From, "sampler floor", "us", s.Floor)
		add(s.From, "sampler row", "us a row", s.Row)
	}
	if a := k.AllReduce; a != nil {
		add(a.From, "all-reduce", "measured sizes", float64(len(a.Bytes)))
	}
	return rows
}

// cardJSON is a card with its numbers, their units and sources.
func cardJSON(c *roofline.Card) any {
	numbers := map[string]any{}
	for _, col := range cardColumns() {
		if q := col.of(c); q.Value != 0 {
			numbers[col.key] = map[string]any{"value": q.Value, "unit": col.unit, "source": q.Source, "confirmed": q.Confirmed}
		}
	}
	kernels := []any{}
	for _, k := range kernelRows(c) {
		kernels = append(kernels, map[string]any{"name": k.name, "value": k.value, "unit": k.unit, "source": k.from.Source, "confirmed": k.from.Confirmed})
	}
	return map[string]any{
		"name": c.Name, "title": c.Title, "aliases": append([]string{}, c.Aliases...),
		"numbers": numbers, "kernels_from": kernelsOf(c), "kernels": kernels,
	}
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
