package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode"
)

// pythonNamespace is the line that vLLM's client begins its output with.
func pythonNamespace(list []namedValue) string {
	parts := []string{"subparser='bench'", "bench_type='serve'"}
	for _, n := range list {
		parts = append(parts, n.Name+"="+pythonRepr(n.Value))
	}
	return "Namespace(" + strings.Join(parts, ", ") + ")"
}

// pythonRepr is a value as Python's repr writes it.
func pythonRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case float64:
		switch {
		case math.IsInf(v, 1):
			return "inf"
		case math.IsInf(v, -1):
			return "-inf"
		case v != v:
			return "nan"
		}
		return pythonFloat(v)
	case string:
		return pythonText(v)
	case []string:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = pythonText(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case json.RawMessage:
		d := json.NewDecoder(bytes.NewReader(v))
		d.UseNumber()
		return pythonJSON(d)
	}
	return fmt.Sprint(v)
}

// pythonJSON is the next value of d as Python's json.loads and repr write it;
// None where there is none.
func pythonJSON(d *json.Decoder) string {
	token, err := d.Token()
	if err != nil {
		return "None"
	}
	switch v := token.(type) {
	case json.Number:
		if x, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return pythonRepr(x)
		}
		return v.String()
	case json.Delim:
		var parts []string
		for d.More() {
			part := pythonJSON(d)
			if v == '{' {
				part += ": " + pythonJSON(d)
			}
			parts = append(parts, part)
		}
		_, _ = d.Token() // the bracket; where it is missing there is no more
		if v == '{' {
			return "{" + strings.Join(parts, ", ") + "}"
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return pythonRepr(token)
}

// pythonText is a text in the quotes that Python chooses.
func pythonText(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}
