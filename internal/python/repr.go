package python

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Repr is repr(v) of nil, a bool, a whole number, a float64, a string, a list of
// strings, or JSON as json.loads reads it, with the keys of its objects in order.
// Other values are as fmt prints them.
func Repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return Bool(v)
	case float64:
		return Float(v)
	case string:
		return Quote(v)
	case []string:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = Quote(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case json.RawMessage:
		d := json.NewDecoder(bytes.NewReader(v))
		d.UseNumber()
		return reprJSON(d)
	}
	return fmt.Sprint(v)
}

// reprJSON is the next value of d; None where there is none.
func reprJSON(d *json.Decoder) string {
	token, err := d.Token()
	if err != nil {
		return "None"
	}
	switch v := token.(type) {
	case json.Number:
		if x, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return Float(x)
		}
		return v.String()
	case json.Delim:
		var parts []string
		for d.More() {
			part := reprJSON(d)
			if v == '{' {
				part += ": " + reprJSON(d)
			}
			parts = append(parts, part)
		}
		_, _ = d.Token() // the bracket; where it is missing there is no more
		if v == '{' {
			return "{" + strings.Join(parts, ", ") + "}"
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return Repr(token)
}
