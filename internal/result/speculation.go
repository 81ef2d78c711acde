package result

import (
	"fmt"
	"strings"

	"tokmeter/internal/metrics"
)

// A counted is a number of the server's own counters.
type counted struct {
	Key
	value any
}

// speculation is what a vLLM server counts of speculative decoding, as vLLM's
// client shows it.
func speculation() part {
	return part{
		Definition{ID: "speculation", Title: "Speculative Decoding", VLLM: true, Keys: keysOf(speculated(&metrics.Speculation{}))},
		always(func(r *Result) Section {
			x := r.Summary.Speculation
			if x == nil {
				return Section{}
			}
			all := speculated(x)
			s := Section{JSON: fieldsOf(all)}
			if r.Summary.Diffusion != nil {
				return s // vLLM's client prints one of the two
			}
			rows := rowsOf(all)
			if len(x.PerPosition) > 0 {
				rows = append(rows, "Per-position acceptance (%):")
				for i, rate := range x.PerPosition {
					rows = append(rows, cells(fmt.Sprintf("  Position %d:", i), rate*100))
				}
			}
			s.Text = text(rows...)
			return s
		}),
	}
}

// diffusion is what it counts of a diffusion model.
func diffusion() part {
	return part{
		Definition{ID: "diffusion", Title: "Diffusion Decoding", VLLM: true, Keys: keysOf(diffused(&metrics.Diffusion{}))},
		always(func(r *Result) Section {
			x := r.Summary.Diffusion
			if x == nil {
				return Section{}
			}
			all := diffused(x)
			return Section{JSON: fieldsOf(all), Text: text(rowsOf(all)...)}
		}),
	}
}

func speculated(s *metrics.Speculation) []counted {
	return []counted{
		{Key{"spec_decode_acceptance_rate", "Acceptance rate (%):", "accepted tokens / draft tokens, in percent"}, s.Rate},
		{Key{"spec_decode_acceptance_length", "Acceptance length:", "1 + accepted tokens / drafts"}, s.Length},
		{Key{"spec_decode_num_drafts", "Drafts:", "drafts that were checked"}, s.Drafts},
		{Key{"spec_decode_draft_tokens", "Draft tokens:", "tokens in them"}, s.DraftTokens},
		{Key{"spec_decode_accepted_tokens", "Accepted tokens:", "those that were accepted"}, s.Accepted},
		{Key{"spec_decode_per_position_acceptance_rates", "", "accepted tokens / drafts, by place in the draft"}, s.PerPosition},
	}
}

func diffused(d *metrics.Diffusion) []counted {
	return []counted{
		{Key{"diffusion_committed_throughput", "Committed throughput (tok/s):", "committed tokens / duration"}, d.Throughput},
		{Key{"diffusion_steps_per_canvas", "Denoising steps per canvas:", "denoising steps / canvases"}, d.PerCanvas},
		{Key{"diffusion_committed_per_step", "Committed per denoising step:", "committed tokens / denoising steps"}, d.PerStep},
		{Key{"diffusion_committed_tokens", "Committed tokens:", "tokens that were committed"}, d.Committed},
		{Key{"diffusion_denoising_steps", "Denoising steps:", "steps less those that committed a canvas"}, int(d.Steps)},
		{Key{"diffusion_canvas_positions", "Canvas positions evaluated:", "places of canvases that the model evaluated"}, d.Positions},
	}
}

func keysOf(all []counted) []Key {
	var keys []Key
	for _, c := range all {
		keys = append(keys, c.Key)
	}
	return keys
}

func fieldsOf(all []counted) Fields {
	var f Fields
	for _, c := range all {
		f = append(f, Field{c.Name, c.value})
	}
	return f
}

func rowsOf(all []counted) []string {
	var rows []string
	for _, c := range all {
		if c.Label != "" {
			rows = append(rows, cells(c.Label, c.value))
		}
	}
	return rows
}

// cells is a row without its end of line.
func cells(label string, value any) string {
	word := fmt.Sprint(value)
	if x, ok := value.(float64); ok {
		word = fmt.Sprintf("%.2f", x)
	}
	return strings.TrimSuffix(Row(label, word), "\n")
}
