package result

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/stats"
)

// intervals says how well the numbers are known, and which are not known at all.
func intervals() part {
	return part{
		Definition{ID: "intervals", Title: "95 % Intervals", Keys: []Key{
			{Name: "intervals", Formula: "of each latency the mean and percentiles as value_ms with low_ms and high_ms, the ends of their 95 % intervals; the ends are null where the requests do not support them, and highest_percentile is the highest that they support; with_cut_off counts requests that timed out or were stopped as longer than what was seen of them; success and goodput are shares; request_throughput and output_throughput are of the steady part, or of the time of sending; null without a successful request. See statistics.md"},
		}},
		always(func(r *Result) Section {
			s := &r.Summary
			if s.Compat {
				return Section{}
			}
			i := s.Intervals
			out := Section{Label: "Intervals", Headline: true}
			if i == nil {
				out.JSON = Fields{{"intervals", nil}}
				return out
			}
			out.JSON, out.Short = Fields{{"intervals", intervalFields(s)}}, intervalLines(i, asked(&r.Plan))
			out.Text = text(intervalTable(s, asked(&r.Plan))...)
			return out
		}),
	}
}

func ends(e metrics.Estimate, unit string) Fields {
	f := Fields{{"value" + unit, e.Value}, {"low" + unit, nil}, {"high" + unit, nil}}
	if e.Known {
		f[1].Value = e.Low
		if !math.IsInf(e.High, 1) {
			f[2].Value = e.High
		}
	}
	return f
}

func intervalFields(s *metrics.Summary) Fields {
	i := s.Intervals
	var out Fields
	for _, l := range i.Latencies {
		f := Fields{{"n", l.N}, {"mean", ends(l.Mean, "_ms")}}
		for _, p := range l.Percentiles {
			f = append(f, Field{strings.ToLower(name(p.P)), append(ends(p.Estimate, "_ms"), Field{"alike", p.Alike})})
		}
		var highest any
		if l.Highest.P > 0 {
			highest = l.Highest.P
		}
		f = append(f, Field{"highest_percentile", highest})
		if l.WithCut != nil {
			cut := Fields{}
			for _, p := range l.WithCut {
				e := ends(p.Estimate, "_ms")
				if math.IsInf(p.Value, 1) {
					e[0].Value = nil
				}
				cut = append(cut, Field{strings.ToLower(name(p.P)), e})
			}
			f = append(f, Field{"with_cut_off", cut})
		}
		out = append(out, Field{string(l.ID), f})
	}
	out = append(out, Field{"success", ends(i.Success, "")})
	if s.HasGoals {
		out = append(out, Field{"goodput", ends(i.Good, "")})
	}
	if c := s.Course; c != nil {
		out = append(out, Field{"request_throughput", ends(c.Requests, "")}, Field{"output_throughput", ends(c.Output, "")})
	}
	return append(out, Field{"cut_off", i.CutOff})
}

func name(p float64) string { return metrics.Percentile{P: p}.Name() }

// intervalLines says in short what is known of the latencies that users ask for
// first, and what is withheld.
func intervalLines(i *metrics.Intervals, asked map[metrics.ID]bool) []string {
	var known, lines []string
	for _, id := range []metrics.ID{metrics.TTFT, metrics.TPOT} {
		l, ok := i.Of(id)
		if !ok || !asked[id] {
			continue
		}
		short := definition(id).Name
		if l.Mean.Known {
			known = append(known, fmt.Sprintf("%s mean %s to %s ms", short, number(l.Mean.Low), number(l.Mean.High)))
		}
		if l.Highest.P > 50 {
			known = append(known, fmt.Sprintf("%s %s %s to %s ms", short, name(l.Highest.P), number(l.Highest.Low), number(l.Highest.High)))
		}
	}
	if len(known) > 0 {
		lines = append(lines, strings.Join(known, "; "))
	}
	if w := withheld(i, asked); w != "" {
		lines = append(lines, w)
	}
	if l, ok := i.Of(metrics.TTFT); ok && asked[metrics.TTFT] && l.WithCut != nil {
		last := l.WithCut[len(l.WithCut)-1]
		lines = append(lines, fmt.Sprintf("%d requests were cut off and took longer than was seen: with them TTFT %s is %s", i.CutOff, name(last.P), atLeast(last)))
	}
	return lines
}

// atLeast is a percentile among lifetimes that were cut off.
func atLeast(p metrics.PercentileInterval) string {
	if math.IsInf(p.Value, 1) {
		return "longer than any request was waited for"
	}
	return fmt.Sprintf("%s ms", number(p.Value))
}

// asked are the latencies of the block: vLLM's client shows three where the plan
// names none.
func asked(p *plan.Plan) map[metrics.ID]bool {
	out := map[metrics.ID]bool{}
	for _, name := range p.Output.Metrics {
		out[metrics.ID(name)] = true
	}
	if len(out) == 0 {
		out[metrics.TTFT], out[metrics.TPOT], out[metrics.ITL] = true, true, true
	}
	return out
}

// withheld says which percentiles of the latencies that were asked for are not
// supported; "" where all are.
func withheld(i *metrics.Intervals, asked map[metrics.ID]bool) string {
	var parts []string
	var worst metrics.PercentileInterval
	same, supported := true, false
	for _, l := range i.Latencies {
		at := slices.IndexFunc(l.Percentiles, func(p metrics.PercentileInterval) bool { return !p.Known && p.P > 50 })
		if at < 0 || !asked[l.ID] {
			supported = supported || asked[l.ID]
			continue
		}
		p := l.Percentiles[len(l.Percentiles)-1]
		highest := "none"
		if l.Highest.P > 0 {
			highest = name(l.Highest.P)
		}
		same = same && (len(parts) == 0 || strings.HasPrefix(parts[0], highest+" "))
		parts = append(parts, highest+" of "+definition(l.ID).Name)
		if p.P > worst.P || p.P == worst.P && float64(p.N)/p.Alike < float64(worst.N)/worst.Alike {
			worst = p
		}
	}
	if len(parts) == 0 {
		return ""
	}
	line := fmt.Sprintf("%s needs %d requests for an interval, %d by MLPerf's early stopping; there are %d", name(worst.P), stats.PercentileNeeds(worst.P), stats.EarlyStopping(worst.P), worst.N)
	if worst.N >= stats.PercentileNeeds(worst.P) {
		line += fmt.Sprintf(", which tell as much as %.0f independent ones", float64(worst.N)/worst.Alike)
	}
	highest, _, _ := strings.Cut(parts[0], " ")
	switch {
	case same && supported:
	case same && highest == "none":
		return line + ": no percentile can be said"
	case same:
		return line + ": " + highest + " is the highest that can be said"
	}
	return line + ": the highest that can be said is " + strings.Join(parts, ", ")
}

// intervalTable has a row for each number.
func intervalTable(s *metrics.Summary, asked map[metrics.ID]bool) []string {
	i := s.Intervals
	lines := []string{fmt.Sprintf("%-32s %12s   %s", "", "value", "95 % interval")}
	row := func(label string, e metrics.Estimate, missing string) {
		to := missing
		switch {
		case e.Known && math.IsInf(e.High, 1):
			to = "from " + number(e.Low)
		case e.Known:
			to = number(e.Low) + " to " + number(e.High)
		}
		value := number(e.Value)
		if math.IsInf(e.Value, 1) {
			value = "not reached"
		}
		lines = append(lines, fmt.Sprintf("%-32s %12s   %s", label, value, to))
	}
	for _, l := range i.Latencies {
		n := definition(l.ID).Name
		row(n+", mean (ms)", l.Mean, "too few requests")
		shown := slices.Clone(l.Percentiles)
		if !slices.ContainsFunc(shown, func(p metrics.PercentileInterval) bool { return p.P == l.Highest.P }) && l.Highest.P > 0 {
			shown = append(shown, l.Highest)
			slices.SortFunc(shown, func(a, b metrics.PercentileInterval) int { return cmp.Compare(a.P, b.P) })
		}
		for _, p := range shown {
			row(fmt.Sprintf("%s, %s (ms)", n, name(p.P)), p.Estimate, missing(p))
		}
		for _, p := range l.WithCut {
			row(fmt.Sprintf("%s, %s with cut off (ms)", n, name(p.P)), p.Estimate, "too few requests")
		}
	}
	if c := s.Course; c != nil {
		row("requests (1/s)", c.Requests, "too few requests")
		row("output tokens (1/s)", c.Output, "too few requests")
	}
	row("share that succeeded", i.Success, "-")
	if s.HasGoals {
		row("share that met every goal", i.Good, "-")
	}
	if w := withheld(i, asked); w != "" {
		lines = append(lines, w)
	}
	return lines
}

// number has two decimals, and four where it is less than one.
func number(v float64) string {
	if math.Abs(v) < 1 {
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// missing says why a percentile has no interval.
func missing(p metrics.PercentileInterval) string {
	if p.N < stats.PercentileNeeds(p.P) {
		return fmt.Sprintf("withheld: needs %d", stats.PercentileNeeds(p.P))
	}
	return fmt.Sprintf("withheld: tell as much as %.0f independent ones", float64(p.N)/p.Alike)
}
