package protocol

import "encoding/json"

// usageNames are the members of a usage object.
type usageNames struct{ prompt, completion, promptDetails, completionDetails string }

var (
	chatUsage     = usageNames{"prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"}
	responseUsage = usageNames{"input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"}
)

func usageOf(u object, names *usageNames) Usage {
	var v Usage
	var p, c bool
	v.Prompt, p = u.count(names.prompt)
	v.Completion, c = u.count(names.completion)
	v.Present = p || c
	if !v.Present {
		return Usage{}
	}
	v.Total, _ = u.count("total_tokens")
	details := u.sub(names.completionDetails)
	v.Reasoning = firstCount(details["reasoning_tokens"], u["reasoning_tokens"])
	v.Rejected, _ = details.count("rejected_prediction_tokens")
	for _, said := range []json.RawMessage{
		u.sub(names.promptDetails)["cached_tokens"], u["cached_tokens"], u["prompt_cache_hit_tokens"],
	} {
		if v.Cached, v.HasCached = (object{"n": said}).count("n"); v.HasCached {
			break
		}
	}
	return v
}

// firstCount is the first of the values that is a count, else 0.
func firstCount(values ...json.RawMessage) int {
	for _, raw := range values {
		if n, ok := (object{"n": raw}).count("n"); ok {
			return n
		}
	}
	return 0
}
