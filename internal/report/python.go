package report

import (
	"bufio"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
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

// A list is a JSON array of n values made one at a time, so that the samples
// of a long run need not be held twice.
type list struct {
	n  int
	at func(i int) any
}

// An encoder writes JSON as Python's json.dumps does by default: ", " and
// ": " between things, ASCII alone, floats as repr writes them, and NaN and
// Infinity as words that JSON does not have.
type encoder struct {
	w      *bufio.Writer
	num    []byte
	infRaw bool // Infinity as a word; otherwise the string "inf"
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
		e.num = strconv.AppendInt(e.num[:0], int64(v), 10)
		e.w.Write(e.num)
	case float64:
		e.float(v)
	case string:
		e.text(v)
	case []string:
		e.list(len(v), func(i int) any { return v[i] })
	case []float64:
		e.floats(v)
	case []any:
		e.list(len(v), func(i int) any { return v[i] })
	case []Arg:
		o := &object{}
		for _, a := range v {
			o.set(a.Name, a.Value)
		}
		e.object(o)
	case list:
		e.list(v.n, v.at)
	case *object:
		e.object(v)
	}
}

func (e *encoder) list(n int, at func(int) any) {
	e.w.WriteByte('[')
	for i := range n {
		if i > 0 {
			e.w.WriteString(", ")
		}
		e.value(at(i))
	}
	e.w.WriteByte(']')
}

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
		e.text(k)
		e.w.WriteString(": ")
		e.value(o.values[k])
	}
	e.w.WriteByte('}')
}

func (e *encoder) float(f float64) {
	if math.IsInf(f, 0) && !e.infRaw {
		if f > 0 {
			e.text("inf")
		} else {
			e.text("-inf")
		}
		return
	}
	if math.IsNaN(f) && !e.infRaw {
		e.w.WriteString("null")
		return
	}
	e.num = appendPythonFloat(e.num[:0], f)
	e.w.Write(e.num)
}

// appendPythonFloat appends f as Python's float.__repr__ writes it, and the
// words of json.dumps where repr's would be "inf" and "nan".
func appendPythonFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	abs := math.Abs(f)
	if abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// pythonFloat is str(f) of a Python float: the repr, with "inf" for Infinity.
func pythonFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	return string(appendPythonFloat(nil, f))
}

const hexDigits = "0123456789abcdef"

func (e *encoder) text(s string) {
	e.w.WriteByte('"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			e.ascii(c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r >= 0x10000 {
			r -= 0x10000
			e.unicode(0xd800 + r>>10)
			e.unicode(0xdc00 + r&0x3ff)
		} else {
			e.unicode(r)
		}
		i += size
	}
	e.w.WriteByte('"')
}

func (e *encoder) ascii(c byte) {
	switch c {
	case '"', '\\':
		e.w.WriteByte('\\')
		e.w.WriteByte(c)
	case '\n':
		e.w.WriteString(`\n`)
	case '\r':
		e.w.WriteString(`\r`)
	case '\t':
		e.w.WriteString(`\t`)
	case '\b':
		e.w.WriteString(`\b`)
	case '\f':
		e.w.WriteString(`\f`)
	default:
		if c < ' ' || c == 0x7f {
			e.unicode(rune(c))
			return
		}
		e.w.WriteByte(c)
	}
}

func (e *encoder) unicode(r rune) {
	e.w.WriteString(`\u`)
	for shift := 12; shift >= 0; shift -= 4 {
		e.w.WriteByte(hexDigits[r>>shift&0xf])
	}
}
