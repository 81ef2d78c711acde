package flags

// GeneralGroups are the parts of what vLLM lists as "options".
func GeneralGroups() []string {
	return []string{GroupServer, GroupRequest, GroupDataset, GroupArrival, GroupResult}
}

// The groups of the help. Those named after a dataset, and the sampling
// parameters, are vLLM's own; the others divide what vLLM lists as "options".
const (
	GroupServer   = "server options"
	GroupRequest  = "request options"
	GroupDataset  = "dataset options"
	GroupArrival  = "arrival options"
	GroupResult   = "result options"
	GroupSampling = "sampling parameters"
)
