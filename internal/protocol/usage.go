package protocol

import "encoding/json"

// usageNames are the members of a usage object.
type usageNames struct{ prompt, completion, promptDetails, completionDetails string }

var (
	chatUsage     = usageNames{"prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"}
	responseUsage = usageNames{"input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"}
)

// usageOf reads the first of the objects that has a usage. The names of the other
// API are taken where those of its own are not there. A completion that is left
// out is the total without the prompt.
func usageOf(own *usageNames, places ...object) Usage {
	other := &responseUsage
	if own == other {
		other = &chatUsage
	}
	for _, u := range places {
		if v := usageBy(u, own, other); v.Present {
			return v
		}
	}
	return Usage{}
}

func usageBy(u object, own, other *usageNames) Usage {
	var v Usage
	var p, c bool
	v.Prompt, p = firstCount(u[own.prompt], u[other.prompt])
	v.Completion, c = firstCount(u[own.completion], u[other.completion])
	if v.Present = p || c; !v.Present {
		return Usage{}
	}
	v.Total, _ = u.count("total_tokens")
	if !c && p && v.Prompt > 0 && v.Total > v.Prompt {
		v.Completion = v.Total - v.Prompt
	}
	details, others := u.sub(own.completionDetails), u.sub(other.completionDetails)
	v.Reasoning, _ = firstCount(details["reasoning_tokens"], others["reasoning_tokens"], u["reasoning_tokens"])
	v.Rejected, _ = firstCount(details["rejected_prediction_tokens"], others["rejected_prediction_tokens"])
	v.Cached, v.HasCached = firstCount(
		u.sub(own.promptDetails)["cached_tokens"], u.sub(other.promptDetails)["cached_tokens"],
		u["cached_tokens"], u["prompt_cache_hit_tokens"],
	)
	return v
}

// add adds the usage of another choice: the prompt is the same.
func (u *Usage) add(v Usage) {
	if !u.Present {
		*u = v
		return
	}
	u.Completion += v.Completion
	u.Reasoning += v.Reasoning
	u.Rejected += v.Rejected
	if v.Total > 0 {
		u.Total += v.Total - v.Prompt
	}
}

// firstCount is the first of the values that is a count.
func firstCount(values ...json.RawMessage) (n int, ok bool) {
	for _, raw := range values {
		if n, ok = (object{"n": raw}).count("n"); ok {
			return n, true
		}
	}
	return 0, false
}
