package page

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/compare/history"
)

// A Line is a quantity over a history.
type Line struct {
	compare.Quantity
	Values  []float64 // one an entry; NaN for none
	Changes []compare.Change
}

// Lines are quantities over entries, those that some entry has.
func Lines(all []history.Entry, of []compare.Quantity) []Line {
	var out []Line
	for _, q := range of {
		l := Line{Quantity: q}
		some := false
		for i := range all {
			v := all[i].Result.Number(q)
			some = some || !math.IsNaN(v)
			l.Values = append(l.Values, v)
		}
		if some {
			l.Changes = compare.Changes(l.Values)
			out = append(out, l)
		}
	}
	return out
}

// HistoryText draws each line with a character an entry, and names its changes.
func HistoryText(to io.Writer, all []history.Entry, lines []Line) error {
	w := &writer{to: to}
	w.line("%d runs, %s to %s", len(all), all[0].When.Format("2006-01-02 15:04"), all[len(all)-1].When.Format("2006-01-02 15:04"))
	w.line("")
	for _, l := range lines {
		low, high := ends2(l.Values)
		w.line("%-30s %s  %.4g to %.4g %s, last %.4g", l.Quantity, sparks(l.Values, low, high), low, high, l.Metric.Unit(), last(l.Values))
		for _, c := range l.Changes {
			w.line("%-30s %s", "", changeText(&l, c, all[c.At]))
		}
	}
	return w.err
}

// changeText is a change point in words.
func changeText(l *Line, c compare.Change, e history.Entry) string {
	share := c.After/c.Before - 1
	word := "better"
	if (share > 0) == l.Metric.Latency() {
		word = "worse"
	}
	return fmt.Sprintf("%s from %s (%s) on: %.4g → %.4g, %+.1f %% (p %s)", word, e.When.Format("2006-01-02 15:04"), e.Name, c.Before, c.After, 100*share, chance(c.P))
}

// mostSparks is how many entries the terminal shows, the last ones.
const mostSparks = 60

func sparks(x []float64, low, high float64) string {
	levels := []rune("▁▂▃▄▅▆▇█")
	if len(x) > mostSparks {
		x = x[len(x)-mostSparks:]
	}
	var out strings.Builder
	for _, v := range x {
		switch {
		case math.IsNaN(v):
			out.WriteRune('·')
		case !(high > low):
			out.WriteRune(levels[3])
		default:
			out.WriteRune(levels[min(7, int((v-low)/(high-low)*8))])
		}
	}
	return out.String()
}

func ends2(x []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range x {
		if !math.IsNaN(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	return low, high
}

func last(x []float64) float64 {
	for i := len(x) - 1; i >= 0; i-- {
		if !math.IsNaN(x[i]) {
			return x[i]
		}
	}
	return math.NaN()
}

var historyPage = template.Must(template.New("history").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>tokmeter history</title>
<style>body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:62em;padding:0 1em;color:#222}h2{font-size:1em;margin:1.5em 0 .2em}li{color:#a40e26}</style></head><body>
<h1>{{.Title}}</h1>
{{range .Charts}}<h2>{{.Name}}</h2>
<svg width="960" height="120" viewBox="0 0 960 120" role="img"><rect width="960" height="120" fill="#f6f8fa"/>{{range .Marks}}<line x1="{{.}}" x2="{{.}}" y1="0" y2="120" stroke="#cf222e" stroke-dasharray="4 3"/>{{end}}
<polyline fill="none" stroke="#0969da" stroke-width="1.5" points="{{.Points}}"/>{{range .Dots}}<circle cx="{{.X}}" cy="{{.Y}}" r="3" fill="{{if .Failed}}#cf222e{{else}}#0969da{{end}}"><title>{{.Title}}</title></circle>{{end}}
<text x="4" y="14" font-size="11">{{.High}}</text><text x="4" y="116" font-size="11">{{.Low}}</text></svg>
{{with .Changes}}<ul>{{range .}}<li>{{.}}</li>{{end}}</ul>{{end}}
{{end}}</body></html>
`))

type (
	chart struct {
		Name, Points, Low, High string
		Marks                   []float64
		Dots                    []dot
		Changes                 []string
	}
	dot struct {
		X, Y   float64
		Title  string
		Failed bool
	}
)

// HistoryHTML draws each line as SVG in one file.
func HistoryHTML(w io.Writer, all []history.Entry, lines []Line) error {
	var charts []chart
	for i := range lines {
		charts = append(charts, chartOf(&lines[i], all))
	}
	return historyPage.Execute(w, struct {
		Title  string
		Charts []chart
	}{fmt.Sprintf("%d runs", len(all)), charts})
}

func chartOf(l *Line, all []history.Entry) chart {
	low, high := ends2(l.Values)
	c := chart{Name: l.String() + " (" + l.Metric.Unit() + ")", Low: fmt.Sprintf("%.4g", low), High: fmt.Sprintf("%.4g", high)}
	room := math.Max(high-low, 1e-12)
	at := func(i int) float64 { return 20 + 920*float64(i)/math.Max(1, float64(len(l.Values)-1)) }
	var points []string
	for i, v := range l.Values {
		if math.IsNaN(v) {
			continue
		}
		y := 105 - 90*(v-low)/room
		points = append(points, fmt.Sprintf("%.1f,%.1f", at(i), y))
		c.Dots = append(c.Dots, dot{at(i), y, fmt.Sprintf("%s: %.4g", all[i].Name, v), all[i].Failed})
	}
	c.Points = strings.Join(points, " ")
	for _, ch := range l.Changes {
		c.Marks = append(c.Marks, (at(ch.At)+at(max(0, ch.At-1)))/2)
		c.Changes = append(c.Changes, changeText(l, ch, all[ch.At]))
	}
	return c
}
