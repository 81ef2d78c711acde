package page_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/page"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

// everythingHostile is a page in which each word that comes from outside tries
// to get out of the place where it stands.
func everythingHostile(bad string) *page.Page {
	p := plainPage()
	p.Title, p.Goals, p.Baseline, p.Notes = bad, bad, bad, []string{bad}
	p.About.Dataset, p.About.Arrivals, p.About.Tokmeter, p.About.Command, p.About.Currency = bad, bad, bad, []string{bad}, bad
	p.About.Cards, p.About.Engines = []page.Named{{Variant: bad, Text: bad}}, []page.Named{{Variant: bad, Text: bad}, {Variant: "a", Text: "b"}}
	for _, v := range p.Views {
		for i := range v.Rows {
			r := &v.Rows[i]
			r.Variant = table.Variant{Name: bad, Model: bad, Precision: bad, Version: bad, Card: bad, Kernel: bad, Simulated: i == 1, Drift: &compare.Agreement{Prompts: 1}}
			r.Limit.Bound, r.LimitRatioFrom, r.Verdict.Text = bad, bad, bad
			r.Verdict.Also = []table.Reason{{Code: table.Saturated, Text: bad}}
		}
	}
	p.Rows[2].Withheld, p.Rows[3].Failure = bad, bad
	p.Differences = []table.Difference{{What: bad, Variants: []string{bad}, Values: []string{bad, bad}, Invalidates: true, Why: bad}}
	p.Warnings = []table.Warning{{Code: bad, Text: bad}}
	for i := range p.Held {
		p.Held[i].Variant, p.Held[i].Text = bad, bad
	}
	return p
}

// TestHTMLHostile: the page has the elements and attributes of its
// template and no other, whatever the words are.
func TestHTMLHostile(t *testing.T) {
	elements, attributes := seen(t, plainPage()), map[string]bool{}
	for k := range seen(t, busyPage()) {
		elements[k] = true
	}
	for k := range elements {
		if _, a, ok := strings.Cut(k, " "); ok {
			attributes[a] = true
		}
	}
	for _, bad := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style><script>alert(1)</script>`,
		`</title><svg onload=alert(1)>`, `]]><b>`, `--><b>`, `javascript:alert(1)`, `{{.Title}}`, "\x00\xff<b>", `&lt;b&gt;`, strings.Repeat("<i>", 5000),
	} {
		for k := range seen(t, everythingHostile(bad)) {
			if _, a, ok := strings.Cut(k, " "); !elements[k] && !(ok && attributes[a] && !strings.HasPrefix(a, "on")) {
				t.Errorf("%.40q makes %q", bad, k)
			}
		}
	}
}

// seen is the elements of a page, and each attribute behind its element.
func seen(t *testing.T, p *page.Page) map[string]bool {
	t.Helper()
	var b bytes.Buffer
	if err := page.HTML(&b, p); err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	d := xml.NewDecoder(&b)
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta"}, xml.HTMLEntity
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			out[e.Name.Local] = true
			for _, a := range e.Attr {
				out[e.Name.Local+" "+a.Name.Local] = true
			}
		}
	}
}

// TestMarkdownText: what stands in a cell or a line of a list is shown
// as it is.
func TestMarkdownText(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"a number is no list", "1.5 is it", "1.5 is it"},
		{"an item of a numbered list", "1. it", `1\. it`},
		{"an item of a list", "- it", `\- it`},
		{"a rule", "--- it", `\--- it`},
		{"less than nothing", "-5 ms", "-5 ms"},
		{"a heading", "# it", `\# it`},
		{"an interval is no link", "1.5× [1.4, 1.6]", "1.5× [1.4, 1.6]"},
		{"a link", "[a](b)", `\[a\](b)`},
		{"a link of digits", "[1](b)", `\[1\](b)`},
		{"a tag", "<b>", `\<b\>`},
		{"an entity", "&lt;", `\&lt;`},
		{"the end of a cell", "a|b", `a\|b`},
		{"lines", "a\n\n# b", `a \# b`},
	} {
		var b bytes.Buffer
		p := plainPage()
		p.Notes = []string{c.in}
		if err := page.Markdown(&b, p, false); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(b.String(), "\n- "+c.want+"\n") {
			t.Errorf("%s: got %q, want its last line %q", c.why, b.String()[len(b.String())-40:], c.want)
		}
	}
}

// TestMarkdownCode: a stub stands in backticks where they can hold it.
func TestMarkdownCode(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"a stub", "org/model_1*", "| `org/model_1*` |"},
		{"a bar ends a cell even in backticks", "a|b", "| `a\\|b` |"},
		{"a backtick ends backticks", "a`b", "| a\\`b |"},
		{"a backslash before a bar would take its backslash", "a\\|b", "| a\\\\\\|b |"},
	} {
		var b bytes.Buffer
		p := plainPage()
		p.Rows[1].Variant.Model = c.in
		if err := page.Markdown(&b, p, false); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), c.want) {
			t.Errorf("%s: got\n%s\nwant in it %s", c.why, b.String(), c.want)
		}
	}
}

// TestOdd: tables with little or with nonsense in them are written too.
func TestOdd(t *testing.T) {
	inf := math.Inf(1)
	nonsense := plainPage()
	for i := range nonsense.Rows {
		r := &nonsense.Rows[i]
		r.Speedup, r.TTFT, r.LimitRatio, r.Near = stats.Interval{Value: []float64{1, inf, nan, -1}[i], Low: nan, High: inf}, estimate(nan, inf, nan), inf, nan
	}
	for name, p := range map[string]*page.Page{
		"no rows":       {Table: &table.Table{}},
		"one row":       {Table: &table.Table{Baseline: "a", Rows: []table.Row{{Baseline: true, Variant: table.Variant{Name: "a"}}}}},
		"no baseline":   {Table: &table.Table{Baseline: "gone", Rows: make([]table.Row, 2)}},
		"short views":   {Table: &table.Table{Rows: make([]table.Row, 2), Views: []table.View{{Load: compare.Load{Concurrency: 1}}, {Load: compare.Load{Concurrency: 2}}}}},
		"nonsense":      nonsense,
		"many variants": {Table: &table.Table{Rows: make([]table.Row, 40)}},
	} {
		for ext, write := range formats() {
			var b bytes.Buffer
			if err := write(&b, p); err != nil {
				t.Errorf("%s, %s: %v", name, ext, err)
			}
			if s := b.String(); strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
				t.Errorf("%s, %s: a number that is none:\n%s", name, ext, s)
			}
			if ext == "json" && !json.Valid(b.Bytes()) {
				t.Errorf("%s: no JSON", name)
			}
		}
	}
}
