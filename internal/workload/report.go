package workload

// count fills the totals of the report.
func (s *Set) count() {
	r := &s.Report
	seen := make(map[[32]byte]struct{}, len(s.Items))
	r.Requests, r.PromptToks, r.OutputToks = len(s.Items), 0, 0
	for i := range s.Items {
		it := &s.Items[i]
		seen[promptSum(it.Prompt)] = struct{}{}
		r.PromptToks += it.PromptLen
		r.OutputToks += it.OutputLen
	}
	r.Unique = len(seen)
}
