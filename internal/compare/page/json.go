package page

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math"

	"tokmeter/internal/compare"
)

// num is a number of JSON; nil for none.
func num(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

type object = map[string]any

// writeJSON writes one object with everything.
func writeJSON(w io.Writer, p Page) error {
	out := object{"baseline": side(&p.Report.Baseline), "margin": p.Report.Options.Margin, "run_spread": p.Report.Options.Spread}
	var all []object
	for i := range p.Report.Against {
		a := &p.Report.Against[i]
		o := side(&a.Side)
		rows := []object{}
		for k := range a.Rows {
			rows = append(rows, row(&a.Rows[k]))
		}
		o["rows"], o["workload_differences"], o["environment_differences"] = rows, facts(a.Workload), facts(a.Environment)
		o["not_compared"], o["notes"], o["refused"] = list(a.Unequal), list(a.Notes), orNull(a.Refused)
		all = append(all, o)
	}
	out["compared"] = all
	gate := []object{}
	for i := range p.Findings {
		f := &p.Findings[i]
		o := object{"rule": f.Rule.String(), "side": f.Side, "failed": f.Broken, "text": f.Text, "smallest_found": num(f.Sees), "error": nil, "p": num(f.Row.P)}
		if f.Err != nil {
			o["error"] = f.Err.Error()
		}
		gate = append(gate, o)
	}
	out["gate"] = gate
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func side(s *compare.Side) object {
	r := &s.Results[0]
	o := object{"name": s.Name, "tool": r.Tool, "runs": len(s.Results), "requests": nil, "failed": nil}
	if r.Requests >= 0 {
		o["requests"] = r.Requests
	}
	if r.Failed >= 0 {
		o["failed"] = r.Failed
	}
	return o
}

func row(r *compare.Row) object {
	return object{
		"quantity": r.Quantity.String(), "unit": r.Metric.Unit(), "a": num(r.A.Value), "b": num(r.B.Value),
		"change": num(r.Delta()), "low": num(r.Change.Low - (r.Change.Value - r.Delta())), "high": num(r.Change.High - (r.Change.Value - r.Delta())),
		"p": num(r.P), "verdict": string(r.Verdict), "basis": string(r.Basis), "detectable": num(r.Detectable), "more_times": num(r.More),
	}
}

func facts(all []compare.Difference) []object {
	out := []object{}
	for _, d := range all {
		out = append(out, object{"name": d.Name, "a": orNull(d.A), "b": orNull(d.B), "unlike": d.Unlike})
	}
	return out
}

func list(all []string) []string { return append([]string{}, all...) }

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// The parts of JUnit's format that build servers read.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string     `xml:"classname,attr"`
		Name    string     `xml:"name,attr"`
		Failure *junitText `xml:"failure"`
		Error   *junitText `xml:"error"`
		Skipped *junitText `xml:"skipped"`
		Out     string     `xml:"system-out,omitempty"`
	}
	junitText struct {
		Message string `xml:"message,attr"`
	}
)

// writeJUnit writes a test case a rule of the gate; without a gate one a row, which
// fails where the row is worse.
func writeJUnit(w io.Writer, p Page) error {
	s := junitSuite{Name: "tokmeter compare"}
	for i := range p.Findings {
		f := &p.Findings[i]
		c := junitCase{Class: f.Side, Name: f.Rule.String(), Out: f.Text}
		switch {
		case f.Err != nil:
			c.Error = &junitText{f.Err.Error()}
		case f.Broken:
			c.Failure = &junitText{f.Text}
		}
		s.add(c)
	}
	for i := range p.Report.Against {
		a := &p.Report.Against[i]
		if len(p.Findings) > 0 {
			break
		}
		for k := range a.Rows {
			r := &a.Rows[k]
			text := fmt.Sprintf("%s %s → %s, %s (%s)", unit(r), value(r, r.A.Value), value(r, r.B.Value), change(r), verdict(r, p.Report.Options.Margin))
			c := junitCase{Class: a.Side.Name, Name: r.Quantity.String(), Out: text}
			switch r.Verdict {
			case compare.Worse:
				c.Failure = &junitText{text}
			case compare.Better, compare.Same:
			default:
				c.Skipped = &junitText{text}
			}
			s.add(c)
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}
