package cli

import (
	"encoding/json"
	"strings"

	"tokmeter/internal/plan"
)

// namespace lists vLLM's flags with their values, after what its client
// changes in them by itself.
func (v *values) namespace(p plan.Plan) []namedValue {
	changed := map[string]any{
		"ignore-eos":        p.Target.IgnoreEOS,
		"self-timed":        p.Schedule.SelfTimed,
		"request-id-prefix": p.Target.RequestIDPrefix,
		"endpoint":          p.Target.Endpoint,
	}
	if v.given("input-len") {
		changed["random-input-len"] = v.integer("input-len")
	}
	if v.given("output-len") {
		for _, name := range []string{"random", "sharegpt", "custom", "hf", "spec-bench", "prefix-repetition"} {
			changed[name+"-output-len"] = v.integer("output-len")
		}
	}
	if v.given("header") {
		changed["header"] = plan.Redacted
	}
	var out []namedValue
	for i := range v.table {
		f := &v.table[i]
		if f.Origin != python {
			continue
		}
		value, ok := changed[f.Name]
		if !ok {
			value = v.value(f)
		}
		out = append(out, namedValue{strings.ReplaceAll(f.Name, "-", "_"), value})
	}
	return out
}

// value is the value of a flag in the type that vLLM gives it.
func (v *values) value(f *flagDef) any {
	text := v.text(f.Name)
	switch {
	case f.isSwitch():
		return text == "true"
	case f.Kind == words || f.Kind == words1:
		if !v.given(f.Name) {
			return nil
		}
		return v.list(f.Name)
	case text == "" && !v.given(f.Name):
		return nil
	case f.Kind == integer || f.Kind == human:
		return v.integer(f.Name)
	case f.Kind == number:
		return v.number(f.Name)
	case f.Kind == object:
		return json.RawMessage(text)
	}
	return text
}
