package result

import (
	"fmt"
	"strings"

	"tokmeter/internal/metrics"
)

// steady is the part of a run without warm-up and drain.
func steady() part {
	return part{
		Definition{ID: "steady_state", Title: "Steady State", Keys: []Key{
			{Name: "steady_state", Formula: "the part of the run without warm-up and drain: in a closed loop (--max-concurrency without a rate) from the first moment at which 95 % of the limit was under way until the last, in an open one the time of sending, both after the last change of level in their first half; its rates, and ttft and tpot of the requests sent in it; threshold is 0 in an open loop; null where there is none"},
			{Name: "course", Formula: "how the run went, in thirds of the time of sending: mean requests in flight and ttft (ms; from due times in an open loop); saturated says that both rose all the time in an open loop; drift_ttft and drift_tpot are how much they rose over the steady part, as parts of one, 0 where that may be chance or is under 10 %; null under 100 requests"},
		}},
		always(func(r *Result) Section {
			x := r.Summary.Steady
			if r.Summary.Compat {
				return Section{}
			}
			course := Field{"course", courseFields(r.Summary.Course)}
			if x == nil {
				return Section{JSON: Fields{{"steady_state", nil}, course}}
			}
			return Section{
				Label: "Steady state", Headline: true,
				Short: []string{fmt.Sprintf("%.2f req/s, %.2f tok/s out, from %.2f s to %.2f s; median TTFT %.2f ms, TPOT %.2f ms",
					x.RequestThroughput, x.OutputThroughput, x.Start, x.End, x.TTFT.Median, x.TPOT.Median)},
				Text: text(steadyRows(x)...),
				JSON: Fields{{"steady_state", steadyFields(x)}, course},
			}
		}),
	}
}

func steadyRows(x *metrics.Steady) []string {
	var b strings.Builder
	row := func(label, value string) { b.WriteString(Row(label, value)) }
	if x.Threshold > 0 {
		row("Requests under way, at least:", fmt.Sprint(x.Threshold))
	}
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

func courseFields(c *metrics.Course) any {
	if c == nil {
		return nil
	}
	thirds := func(x [3]float64) []float64 { return x[:] }
	return Fields{
		{"saturated", c.Saturated}, {"in_flight", thirds(c.InFlight)}, {"ttft_ms", thirds(c.TTFT)},
		{"drift_ttft", c.DriftTTFT}, {"drift_tpot", c.DriftTPOT},
	}
}
