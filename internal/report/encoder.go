package report

import (
	"bufio"
	"cmp"
	"io"
	"iter"
	"math"
	"strconv"

	"tokmeter/internal/python"
	"tokmeter/internal/result"
)

// An object is a JSON object that keeps its keys in order, as a Python dict
// does: setting a key again keeps its place.
type object struct {
	keys   []string
	values map[string]any
}

func (o *object) set(key string, value any) {
	if o.values == nil {
		o.values = map[string]any{}
	}
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// A list is a JSON array of values made one at a time, so that those of a long
// run need not be held. An error ends it.
type list iter.Seq2[any, error]

// An encoder writes JSON as Python's json.dumps does by default: ", " and
// ": " between things, ASCII alone, floats as repr writes them, and NaN and
// Infinity as words that JSON does not have.
type encoder struct {
	w      *bufio.Writer
	buf    []byte // of one scalar
	infRaw bool   // Infinity as a word; otherwise the string "inf"
	failed error  // the first of a list
}

func newEncoder(w io.Writer, infRaw bool) *encoder {
	return &encoder{w: bufio.NewWriterSize(w, 64<<10), infRaw: infRaw}
}

// value writes v. Write errors surface at Flush, as bufio keeps the first.
func (e *encoder) value(v any) {
	switch v := v.(type) {
	case nil:
		e.w.WriteString("null")
	case bool:
		e.w.WriteString(strconv.FormatBool(v))
	case int:
		e.buf = strconv.AppendInt(e.buf[:0], int64(v), 10)
		e.w.Write(e.buf)
	case float64:
		e.float(v)
	case string:
		e.string(v)
	case []string:
		elements(e, v)
	case []float64:
		e.floats(v)
	case []any:
		elements(e, v)
	case list:
		e.list(v)
	case *object:
		e.object(v)
	case result.Fields:
		e.fields(v)
	}
}

func (e *encoder) list(l list) {
	e.w.WriteByte('[')
	between := ""
	for v, err := range l {
		if err != nil {
			e.failed = cmp.Or(e.failed, err)
			break
		}
		e.w.WriteString(between)
		e.value(v)
		between = ", "
	}
	e.w.WriteByte(']')
}

// elements writes a slice as an array.
func elements[T any](e *encoder, values []T) {
	e.list(func(yield func(any, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	})
}

// flush ends the output; the error is the first of all.
func (e *encoder) flush() error { return cmp.Or(e.failed, e.w.Flush()) }

// floats is list without a value on the heap for each number.
func (e *encoder) floats(x []float64) {
	e.w.WriteByte('[')
	for i, f := range x {
		if i > 0 {
			e.w.WriteString(", ")
		}
		e.float(f)
	}
	e.w.WriteByte(']')
}

func (e *encoder) object(o *object) {
	e.w.WriteByte('{')
	for i, k := range o.keys {
		if i > 0 {
			e.w.WriteString(", ")
		}
		e.string(k)
		e.w.WriteString(": ")
		e.value(o.values[k])
	}
	e.w.WriteByte('}')
}

func (e *encoder) fields(f result.Fields) {
	e.w.WriteByte('{')
	for i, x := range f {
		if i > 0 {
			e.w.WriteString(", ")
		}
		e.string(x.Key)
		e.w.WriteString(": ")
		e.value(x.Value)
	}
	e.w.WriteByte('}')
}

func (e *encoder) float(f float64) {
	if math.IsInf(f, 0) && !e.infRaw {
		if f > 0 {
			e.string("inf")
		} else {
			e.string("-inf")
		}
		return
	}
	if math.IsNaN(f) && !e.infRaw {
		e.w.WriteString("null")
		return
	}
	e.buf = python.AppendJSONFloat(e.buf[:0], f)
	e.w.Write(e.buf)
}

func (e *encoder) string(s string) {
	e.buf = python.AppendJSONString(e.buf[:0], s, true)
	e.w.Write(e.buf)
}
