package cli

import (
	"encoding/json"
	"strconv"
	"strings"

	"tokmeter/internal/plan"
)

// changes is what vLLM's client changes in its flags by itself.
func (v *values) changes(p plan.Plan) map[string]any {
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
	return changed
}

// asTyped is what stands in the namespace before vLLM's client changes it.
func (v *values) asTyped(p plan.Plan) []namedValue {
	return v.namespace(map[string]any{
		"request-id-prefix":       p.Target.RequestIDPrefix,
		"random-mm-bucket-config": pythonSource(v.text("random-mm-bucket-config")),
	})
}

// A pythonSource is a value in Python's own words.
type pythonSource string

// namespace lists vLLM's flags with their values; those in changed come from
// there.
func (v *values) namespace(changed map[string]any) []namedValue {
	var out []namedValue
	for i := range v.table {
		f := &v.table[i]
		if f.Origin != python {
			continue
		}
		value, ok := changed[f.Name]
		switch {
		case f.Name == "header" && v.given(f.Name):
			value = plan.Redacted
		case !ok:
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
	case f.Kind == toggleNo && !v.given(f.Name):
		return nil
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
		if n, err := strconv.Atoi(text); err == nil && !v.given(f.Name) {
			return n // argparse takes a default as it stands
		}
		return v.number(f.Name)
	case f.Kind == object:
		return json.RawMessage(text)
	}
	return text
}
