package result

// identity says which requests were sent.
func identity() part {
	return part{
		Definition{ID: "plan", Title: "Plan", Keys: []Key{
			{Name: "plan_hash", Formula: "hash of what decides about the requests: runs that have the same sent the same prompts, lengths and parameters at the same times, to whatever server; null for runs of versions that had none"},
		}},
		always(func(r *Result) Section {
			if r.Summary.Compat {
				return Section{}
			}
			s := Section{JSON: Fields{{"plan_hash", orNull(r.Head.PlanHash)}}}
			if r.Head.PlanHash != "" {
				s.Text = text("hash:   " + r.Head.PlanHash)
			}
			return s
		}),
	}
}
