package result

import (
	"fmt"
	"io"
	"strings"

	"tokmeter/internal/metrics"
)

// A Section is one part of what is said of a run. Reports write the sections
// down in their order and know none of them.
type Section struct {
	ID    string // short and stable, such as "speed_of_light"
	Title string // of its whole text
	// VLLM says that vLLM's client has it too: it stands inside the block and
	// among vLLM's keys.
	VLLM bool

	// Headline says that it tells rates or latencies, which are withheld where too
	// many requests failed: see metrics.Summary.Withheld.
	Headline bool

	// Short is what matters of it, a line each; none where nothing does. Label
	// stands before each of them.
	Label string
	Short []string
	// Text writes the whole of it; nil where there is nothing to read.
	Text func(io.Writer)
	// JSON is its keys of the result file.
	JSON     Fields
	Warnings []metrics.Warning // what it gives reason to doubt
}

// Fields is a JSON object in the order in which it is written. A value is nil,
// bool, int, float64, string, []string, []float64, []any of these, or Fields.
type Fields []Field

// A Field is one member of a JSON object. A key that ends in a unit, such as
// _ms, has a number; where that is not known the key is left out.
type Field struct {
	Key   string
	Value any
}

// A Key documents a key of the result file.
type Key struct {
	Name    string
	Label   string // of its row in the text; "" for none
	Formula string
}

// A Definition says what a section has to tell, for docs/metrics.md.
type Definition struct {
	ID, Title string
	VLLM      bool
	Keys      []Key
}

// A part is a section before a run: its definition, and how it is made.
type part struct {
	Definition
	// make has an error where a pass over the records has one.
	make func(*Result) (Section, error)
}

// parts is every section in the order of the report. One more is a file with its
// part, and a line here.
func parts() []part {
	return []part{
		speculation(),
		diffusion(),
		identity(),
		beyond(metrics.FirstAnswer),
		beyond(metrics.ITLPerToken),
		beyond(metrics.TTFTFromDue, metrics.E2ELFromDue),
		intervals(),
		steady(),
		goals(),
		speedOfLight(),
		dataset(),
		tokens(),
		answers(),
		client(),
		simulator(),
		verdict(),
		outcomes(),
		warnings(),
		expected(),
	}
}

// Definitions lists the sections with their keys, in the order of the report.
func Definitions() []Definition {
	var all []Definition
	for _, p := range parts() {
		all = append(all, p.Definition)
	}
	return all
}

// tell makes the sections of r. Each one's warnings are among the summary's
// before the next one is made.
func (r *Result) tell() error {
	for _, p := range parts() {
		s, err := p.make(r)
		if err != nil {
			return err
		}
		if s.Text == nil && s.JSON == nil && s.Short == nil {
			continue
		}
		s.ID, s.Title, s.VLLM = p.ID, p.Title, p.VLLM
		r.Summary.Warnings = append(r.Summary.Warnings, s.Warnings...)
		r.Sections = append(r.Sections, s)
	}
	return nil
}

// always is a part that reads no records.
func always(make func(*Result) Section) func(*Result) (Section, error) {
	return func(r *Result) (Section, error) { return make(r), nil }
}

// Row is a label and its value in vLLM's columns of 40 and 10 characters.
func Row(label, value string) string { return fmt.Sprintf("%-40s %-10s\n", label, value) }

// text is the whole text of a section, line by line.
func text(lines ...string) func(io.Writer) {
	all := strings.Join(lines, "\n") + "\n"
	return func(w io.Writer) { _, _ = io.WriteString(w, all) } // who gives the writer keeps its error
}

// spread is a distribution in one line.
func spread(d metrics.Dist) string {
	if d.N == 0 {
		return "not known"
	}
	return fmt.Sprintf("P50 %.3f ms, P99 %.3f ms, max %.3f ms", d.P50, d.P99, d.Max)
}

// spreadFields is a distribution's keys of the result file; none where it is not
// known.
func spreadFields(name string, d metrics.Dist) Fields {
	if d.N == 0 {
		return nil
	}
	return Fields{{"p50_" + name + "_ms", d.P50}, {"p99_" + name + "_ms", d.P99}, {"max_" + name + "_ms", d.Max}}
}

// Describe is the keys that vLLM's result file has of a latency.
func Describe(id metrics.ID, d metrics.Dist) Fields {
	f := Fields{{"mean_" + string(id) + "_ms", d.Mean}, {"median_" + string(id) + "_ms", d.Median}, {"std_" + string(id) + "_ms", d.Std}}
	for _, p := range d.Percentiles {
		f = append(f, Field{strings.ToLower(p.Name()) + "_" + string(id) + "_ms", p.Value})
	}
	return f
}

// orNull has null for a word that is not known.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
