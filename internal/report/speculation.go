package report

import (
	"fmt"

	"tokmeter/internal/metrics"
)

// A counted is a number of the server's own counters.
type counted struct {
	key     string // in the result file
	label   string // of its row in the text; "" for none
	formula string
	value   any
}

// speculated lists what is shown of speculative decoding, as vLLM's client has
// it.
func speculated(s *metrics.Speculation) []counted {
	return []counted{
		{"spec_decode_acceptance_rate", "Acceptance rate (%):", "accepted tokens / draft tokens, in percent", s.Rate},
		{"spec_decode_acceptance_length", "Acceptance length:", "1 + accepted tokens / drafts", s.Length},
		{"spec_decode_num_drafts", "Drafts:", "drafts that were checked", s.Drafts},
		{"spec_decode_draft_tokens", "Draft tokens:", "tokens in them", s.DraftTokens},
		{"spec_decode_accepted_tokens", "Accepted tokens:", "those that were accepted", s.Accepted},
		{"spec_decode_per_position_acceptance_rates", "", "accepted tokens / drafts, by place in the draft", s.PerPosition},
	}
}

// diffused lists what is shown of a diffusion model, in the order of the text
// block.
func diffused(d *metrics.Diffusion) []counted {
	return []counted{
		{"diffusion_committed_throughput", "Committed throughput (tok/s):", "committed tokens / duration", d.Throughput},
		{"diffusion_steps_per_canvas", "Denoising steps per canvas:", "denoising steps / canvases", d.PerCanvas},
		{"diffusion_committed_per_step", "Committed per denoising step:", "committed tokens / denoising steps", d.PerStep},
		{"diffusion_committed_tokens", "Committed tokens:", "tokens that were committed", d.Committed},
		{"diffusion_denoising_steps", "Denoising steps:", "steps less those that committed a canvas", int(d.Steps)},
		{"diffusion_canvas_positions", "Canvas positions evaluated:", "places of canvases that the model evaluated", d.Positions},
	}
}

// counters sets the numbers of the server's counters.
func counters(o *object, s *metrics.Summary) {
	var all []counted
	if s.Speculation != nil {
		all = append(all, speculated(s.Speculation)...)
	}
	if s.Diffusion != nil {
		all = append(all, diffused(s.Diffusion)...)
	}
	for _, c := range all {
		o.set(c.key, c.value)
	}
}

// counters writes the section of the server's counters; a model that does both
// has the one of diffusion, as in vLLM.
func (t *text) counters() {
	switch {
	case t.s.Diffusion != nil:
		t.head("Diffusion Decoding", '-')
		t.counted(diffused(t.s.Diffusion))
	case t.s.Speculation != nil:
		t.head("Speculative Decoding", '-')
		t.counted(speculated(t.s.Speculation))
		if rates := t.s.Speculation.PerPosition; len(rates) > 0 {
			t.line("Per-position acceptance (%):")
			for i, x := range rates {
				t.row(fmt.Sprintf("  Position %d:", i), fmt.Sprintf("%.2f", x*100))
			}
		}
	}
}

func (t *text) counted(all []counted) {
	for _, c := range all {
		switch v := c.value.(type) {
		case int:
			t.row(c.label, fmt.Sprint(v))
		case float64:
			t.row(c.label, fmt.Sprintf("%.2f", v))
		}
	}
}
