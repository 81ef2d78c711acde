package roofline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Efficiencies are the constants that a Machine uses, with everything inherited
// filled in: shares of the card's own rates, and the host's times.
type Efficiencies struct {
	GEMM    map[string]GEMM
	Decode  Decode
	Prefill Prefill
	Host    Host

	used []string
}

// GEMMs are the names of the kernels that the machine's precision uses.
func (e Efficiencies) GEMMs() []string { return e.used }

// Efficiencies tells what the machine's times are made of.
func (m *Machine) Efficiencies() Efficiencies {
	e := Efficiencies{
		GEMM: map[string]GEMM{}, Decode: m.kernel.decode, Prefill: m.kernel.prefill, used: []string{"bf16"},
		Host: Host{Step: m.host * 1e3, Seq: m.hostSeq / micro, Frontend: m.frontend * 1e3, FrontendToken: m.frontendToken / micro, From: m.hostFrom},
	}
	if k := m.fmt.kernel; k != "bf16" {
		e.used = append(e.used, k)
	}
	if m.expert.times > 0 {
		e.used = append(e.used, "moe")
	}
	for _, name := range e.used {
		g := m.kernel.gemm[name]
		g.Relative = false // it is resolved
		e.GEMM[name] = g
	}
	return e
}

// CardYAML is the machine's card as a file for --gpu: the datasheet, the kernels
// in use and the host with their own numbers, which source speaks for, and all
// else by the card it was made from.
func (m *Machine) CardYAML(name, source string) (string, error) {
	if err := checkName("card", name); err != nil {
		return "", err
	}
	c, e := m.setup.Card, m.Efficiencies()
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("name: %s", strconv.Quote(name))
	line("title: %s", strconv.Quote(c.Title))
	like := c.Like
	if m.catalogue.Card(c.Name) != nil {
		like = c.Name
	}
	for _, f := range [][2]string{{"like", like}, {"arch", c.Arch}, {"road", c.Road}} {
		if f[1] != "" {
			line("%s: %s", f[0], strconv.Quote(f[1]))
		}
	}
	if c.NoBF16 {
		line("no_bf16: true")
	}
	for i, q := range c.quantities() {
		if q.Value > 0 {
			line("%s: {value: %s, source: %s, confirmed: %t}", quantityKeys()[i], number(q.Value), strconv.Quote(q.Source), q.Confirmed)
		}
	}
	line("host: {step_ms: %s, seq_us: %s, frontend_ms: %s, frontend_token_us: %s, source: %s}",
		number(e.Host.Step), number(e.Host.Seq), number(e.Host.Frontend), number(e.Host.FrontendToken), strconv.Quote(source))
	line("kernels:")
	line("  gemm:")
	for _, n := range e.used {
		g := e.GEMM[n]
		line("    %s: {bytes: %s, flops: %s, sharpness: %s, floor_us: %s, wide: %s, tile: %s, again: %s, unpack: %s, source: %s}",
			n, number(g.Bytes), number(g.Flops), number(g.Sharpness), number(g.Floor), number(g.Wide), number(g.Tile), number(g.Again), number(g.Unpack), strconv.Quote(source))
	}
	d, p := e.Decode, e.Prefill
	line("  decode: {floor_us: %s, bytes: %s, fill_us: %s, fill_seqs: %s, fill_share: %s, tail: %s, mixed: %s, mixed_seq_us: %s, serial_ns: %s, source: %s}",
		number(d.Floor), number(d.Bytes), number(d.Fill), number(d.FillSeqs), number(d.FillShare), number(d.Tail), number(d.Mixed), number(d.MixedSeq), number(d.Serial), strconv.Quote(source))
	line("  prefill: {floor_us: %s, flops: %s, half: %s, source: %s}", number(p.Floor), number(p.Flops), number(p.Half), strconv.Quote(source))
	return b.String(), nil
}

// number has six digits: more than any constant is known to.
func number(v float64) string {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return "0"
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// quantityKeys are the keys of a card's quantities, in their order.
func quantityKeys() []string {
	return []string{"memory_gib", "bandwidth_gb_s", "fp16_tflops", "fp8_tflops", "int8_tops", "fp4_tflops", "link_gb_s", "link_latency_us"}
}
