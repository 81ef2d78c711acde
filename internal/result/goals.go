package result

// goals is the limits that a run was given, with what became of them.
func goals() part {
	return part{
		Definition{ID: "goals", Title: "Goals", Keys: []Key{
			{Name: "goals", Formula: "with --goal, else null: each limit as goal; met; and what was measured: mean_ms of a mean, within as the share of requests within the limit of a percentile, rate of a throughput, share of success. Failed requests are over every limit of a latency"},
		}},
		always(func(r *Result) Section {
			switch {
			case len(r.Summary.SLOs) > 0:
			case r.Summary.Compat:
				return Section{}
			default:
				return Section{JSON: Fields{{"goals", nil}}}
			}
			var list []any
			var lines []string
			for _, x := range r.Summary.SLOs {
				key := "rate"
				switch {
				case x.Metric == "success":
					key = "share"
				case x.Latency() && x.Percentile == 0:
					key = "mean_ms"
				case x.Latency():
					key = "within"
				}
				list = append(list, Fields{{"goal", x.SLO.String()}, {"met", x.Met}, {key, x.Value}})
				lines = append(lines, x.String())
			}
			return Section{Label: "Goal", Short: lines, Text: text(lines...), JSON: Fields{{"goals", list}}}
		}),
	}
}
