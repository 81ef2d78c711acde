package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mostValues bounds the values of a file of many lines.
const mostValues = 5_000_000

// parse reads a file as JSON values, as YAML, or as text.
func parse(f File) (document, error) {
	d := document{name: f.Name, text: string(f.Data)}
	data := bytes.TrimSpace(bytes.TrimPrefix(f.Data, []byte("\xef\xbb\xbf")))
	switch ext := strings.ToLower(path.Ext(f.Name)); {
	case ext == ".yaml" || ext == ".yml":
		var v any
		if err := yaml.Unmarshal(data, &v); err != nil {
			return d, fmt.Errorf("%s: no YAML: %w", f.Name, err)
		}
		d.values = []any{v}
	case len(data) > 0 && (data[0] == '{' || data[0] == '['):
		dec := json.NewDecoder(bytes.NewReader(plainNumbers(data)))
		for len(d.values) < mostValues {
			var v any
			err := dec.Decode(&v)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return d, fmt.Errorf("%s: no JSON: %w", f.Name, err)
			}
			d.values = append(d.values, v)
		}
	}
	return d, nil
}

// plainNumbers writes null for NaN and Infinity, which Python's json writes and
// JSON does not have.
func plainNumbers(data []byte) []byte {
	if !bytes.Contains(data, []byte("NaN")) && !bytes.Contains(data, []byte("Infinity")) {
		return data
	}
	var out bytes.Buffer
	inside := false
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case inside && c == '\\' && i+1 < len(data):
			out.Write(data[i : i+2])
			i++
			continue
		case c == '"':
			inside = !inside
		case !inside:
			if n := word(data[i:]); n > 0 {
				out.WriteString("null")
				i += n - 1
				continue
			}
		}
		out.WriteByte(c)
	}
	return out.Bytes()
}

// word is the length of the number that is none at the start of data.
func word(data []byte) int {
	for _, w := range []string{"NaN", "-Infinity", "Infinity"} {
		if bytes.HasPrefix(data, []byte(w)) {
			return len(w)
		}
	}
	return 0
}

// An object is a JSON object of a file.
type object struct {
	m    map[string]any
	file string
}

// at follows keys to an object; an empty one where there is none.
func (o object) at(keys ...string) object {
	for _, k := range keys {
		m, _ := o.m[k].(map[string]any)
		o.m = m
	}
	return o
}

// has reports whether all of the keys are there.
func (o object) has(keys ...string) bool {
	for _, k := range keys {
		if _, ok := o.m[k]; !ok {
			return false
		}
	}
	return len(keys) > 0
}

// num is a number, also one that is written as a string; NaN where there is none.
func (o object) num(key string) float64 { return number(o.m[key]) }

func number(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int:
		return float64(v)
	case bool:
		return math.NaN()
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return f
		}
	}
	return math.NaN()
}

// text is a value as a word; "" where there is none.
func (o object) text(key string) string {
	switch v := o.m[key].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// list is the objects of a list.
func (o object) list(key string) []object {
	all, _ := o.m[key].([]any)
	var out []object
	for _, v := range all {
		if m, ok := v.(map[string]any); ok {
			out = append(out, object{m, o.file})
		}
	}
	return out
}

// numbers are those of a list, NaN for what is none; nil where there is no list.
func (o object) numbers(key string) []float64 { return numbers(o.m[key]) }

func numbers(v any) []float64 {
	all, ok := v.([]any)
	if !ok {
		return nil
	}
	out := make([]float64, 0, len(all))
	for _, x := range all {
		out = append(out, number(x))
	}
	return out
}

// count is a whole number of things; −1 where it is not known.
func (o object) count(key string) int {
	if n := o.num(key); n >= 0 && n < 1e12 {
		return int(n)
	}
	return -1
}

// meanText is a mean number of tokens as a fact.
func meanText(x float64) string {
	if !(x >= 0) || math.IsInf(x, 0) {
		return ""
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

// numberText is a number as a fact; "" for none.
func numberText(x float64) string {
	switch {
	case math.IsNaN(x):
		return ""
	case math.IsInf(x, 1):
		return "inf"
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}
