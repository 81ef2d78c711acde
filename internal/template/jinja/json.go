package jinja

import (
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/python"
)

// A jsonWriter writes what Python's json.dumps writes.
type jsonWriter struct {
	b               strings.Builder
	indent          string // of one level, where multi is set
	multi           bool
	comma, colon    string
	ascii, sortKeys bool
}

// toJSON is transformers' filter tojson.
func toJSON(r *run, v any, a []any) any {
	w := &jsonWriter{comma: ", ", colon: ": ", ascii: truth(a[0]), sortKeys: truth(a[3])}
	if a[1] != nil {
		w.multi, w.comma = true, ","
		if s, ok := a[1].(string); ok {
			w.indent = s
		} else {
			w.indent = r.repeat(" ", asInt(a[1], "indent"))
		}
	}
	if a[2] != nil {
		parts := iterate(r, a[2])
		if len(parts) != 2 {
			fail("separators wants two texts")
		}
		w.comma, w.colon = asStr(parts[0], "a separator"), asStr(parts[1], "a separator")
	}
	w.value(r, v, 0)
	return r.bounded(w.b.String())
}

func (w *jsonWriter) value(r *run, v any, depth int) {
	r.step(1)
	if depth > maxDepth {
		fail("nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		fmt.Fprint(&w.b, v)
	case int64:
		fmt.Fprint(&w.b, v)
	case float64:
		w.b.Write(python.AppendJSONFloat(nil, v))
	case string:
		w.b.Write(python.AppendJSONString(nil, v, w.ascii))
	case *list:
		if v.shape > tuple {
			fail("Object of type %s is not JSON serializable", typeName(v))
		}
		w.enclosed("[", "]", len(v.items), depth, func(i int) { w.value(r, v.items[i], depth+1) })
	case *Dict:
		order := w.order(v)
		w.enclosed("{", "}", len(order), depth, func(i int) {
			w.b.Write(python.AppendJSONString(nil, jsonKey(v.keys[order[i]]), w.ascii))
			w.b.WriteString(w.colon)
			w.value(r, v.values[order[i]], depth+1)
		})
	default:
		fail("Object of type %s is not JSON serializable", typeName(v))
	}
	if w.b.Len() > maxOutput {
		fail("the JSON is larger than %d bytes", maxOutput)
	}
}

func (w *jsonWriter) order(d *Dict) []int {
	order := make([]int, len(d.keys))
	for i := range order {
		order[i] = i
	}
	if w.sortKeys {
		slices.SortStableFunc(order, func(i, j int) int { return compare(d.keys[i], d.keys[j], "<") })
	}
	return order
}

func (w *jsonWriter) enclosed(open, end string, n, depth int, each func(i int)) {
	w.b.WriteString(open)
	for i := range n {
		if i > 0 {
			w.b.WriteString(w.comma)
		}
		w.line(depth + 1)
		each(i)
	}
	if n > 0 {
		w.line(depth)
	}
	w.b.WriteString(end)
}

func (w *jsonWriter) line(depth int) {
	if w.multi {
		w.b.WriteByte('\n')
		w.b.WriteString(strings.Repeat(w.indent, depth))
	}
}

// jsonKey is a key as json.dumps writes it.
func jsonKey(k any) string {
	switch k := k.(type) {
	case string:
		return k
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(k)
	case int64:
		return fmt.Sprint(k)
	case float64:
		return string(python.AppendJSONFloat(nil, k))
	}
	fail("keys must be str, int, float, bool or None, not %s", typeName(k))
	return ""
}
