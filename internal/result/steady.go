package result

import (
	"fmt"
	"strings"

	"tokmeter/internal/metrics"
)

// steady is the part of a closed loop in which the load was full.
func steady() part {
	return part{
		Definition{ID: "steady_state", Title: "Steady State", Keys: []Key{
			{Name: "steady_state", Formula: "closed loops (--max-concurrency without a rate) alone: the part of the run from the first moment at which 95 % of the limit was under way until the last; its rates, and ttft and tpot of the requests sent in it; null where there is none"},
		}},
		always(func(r *Result) Section {
			x := r.Summary.Steady
			if x == nil {
				if r.Summary.Compat {
					return Section{}
				}
				return Section{JSON: Fields{{"steady_state", nil}}}
			}
			return Section{
				Label: "Steady state",
				Short: []string{fmt.Sprintf("%.2f req/s, %.2f tok/s out, from %.2f s to %.2f s; median TTFT %.2f ms, TPOT %.2f ms",
					x.RequestThroughput, x.OutputThroughput, x.Start, x.End, x.TTFT.Median, x.TPOT.Median)},
				Text: text(steadyRows(x)...),
				JSON: Fields{{"steady_state", steadyFields(x)}},
			}
		}),
	}
}

func steadyRows(x *metrics.Steady) []string {
	var b strings.Builder
	row := func(label, value string) { b.WriteString(Row(label, value)) }
	row("Requests under way, at least:", fmt.Sprint(x.Threshold))
	row("Full load from, to (s):", fmt.Sprintf("%.2f, %.2f", x.Start, x.End))
	row("Steady request throughput (req/s):", fmt.Sprintf("%.2f", x.RequestThroughput))
	row("Steady input throughput (tok/s):", fmt.Sprintf("%.2f", x.InputThroughput))
	row("Steady output throughput (tok/s):", fmt.Sprintf("%.2f", x.OutputThroughput))
	row("Median steady TTFT (ms):", fmt.Sprintf("%.2f", x.TTFT.Median))
	row("P99 steady TTFT (ms):", fmt.Sprintf("%.2f", x.TTFT.P99))
	row("Median steady TPOT (ms):", fmt.Sprintf("%.2f", x.TPOT.Median))
	row("P99 steady TPOT (ms):", fmt.Sprintf("%.2f", x.TPOT.P99))
	return []string{strings.TrimSuffix(b.String(), "\n")}
}

func steadyFields(x *metrics.Steady) Fields {
	f := Fields{
		{"threshold", x.Threshold}, {"start_s", x.Start}, {"end_s", x.End}, {"completed", x.Completed},
		{"request_throughput", x.RequestThroughput}, {"input_throughput", x.InputThroughput}, {"output_throughput", x.OutputThroughput},
	}
	f = append(f, Describe(metrics.TTFT, x.TTFT)...)
	return append(f, Describe(metrics.TPOT, x.TPOT)...)
}
