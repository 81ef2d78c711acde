package text

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// A value is JSON with the order of its members kept.
type value struct {
	kind byte // one of "{[s0tn": object, array, string, number, boolean, null
	str  string
	num  float64
	raw  string // of a number
	yes  bool
	list []*value
	keys []string // of list, in an object
}

// Limits of the JSON that is read.
const (
	maxSchemaBytes = 1 << 20
	maxSchemaDepth = 100
)

// parseValue reads JSON of bounded size and depth. Of members with one name the
// last counts, as in Python.
func parseValue(raw []byte) (*value, error) {
	if len(raw) > maxSchemaBytes {
		return nil, fmt.Errorf("%d bytes of JSON are too many, want at most %d", len(raw), maxSchemaBytes)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

func readValue(d *json.Decoder, depth int) (*value, error) {
	if depth > maxSchemaDepth {
		return nil, fmt.Errorf("JSON is nested deeper than %d", maxSchemaDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("no JSON: %w", err)
	}
	switch t := t.(type) {
	case nil:
		return &value{kind: 'n'}, nil
	case bool:
		return &value{kind: 't', yes: t}, nil
	case string:
		return &value{kind: 's', str: t}, nil
	case json.Number:
		f, err := t.Float64()
		if err != nil {
			return nil, fmt.Errorf("number %.40s is too large", t)
		}
		return &value{kind: '0', num: f, raw: t.String()}, nil
	}
	v := &value{kind: byte(t.(json.Delim))}
	at := map[string]int{}
	for d.More() {
		if v.kind == '[' {
			e, err := readValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			v.list = append(v.list, e)
			continue
		}
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("no JSON: %w", err)
		}
		e, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		key := name.(string)
		if i, ok := at[key]; ok {
			v.list[i] = e
			continue
		}
		at[key] = len(v.list)
		v.keys, v.list = append(v.keys, key), append(v.list, e)
	}
	_, err = d.Token()
	return v, err
}

// get is a member of an object, or nil.
func (v *value) get(name string) *value {
	for i, k := range v.keys {
		if k == name {
			return v.list[i]
		}
	}
	return nil
}

// equal compares as JSON Schema does: numbers by value, objects without order.
func (v *value) equal(w *value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case 's':
		return v.str == w.str
	case 't':
		return v.yes == w.yes
	case '0':
		if v.num != w.num || v.raw == w.raw {
			return v.num == w.num
		}
		a, oka := new(big.Float).SetPrec(200).SetString(v.raw)
		b, okb := new(big.Float).SetPrec(200).SetString(w.raw)
		return oka && okb && a.Cmp(b) == 0
	}
	if len(v.list) != len(w.list) {
		return false
	}
	for i, e := range v.list {
		o := e
		if v.kind == '{' {
			if o = w.get(v.keys[i]); o == nil {
				return false
			}
		} else {
			o = w.list[i]
		}
		if !e.equal(o) {
			return false
		}
	}
	return true
}

// append writes v with a space after each comma and colon, as Python does.
func (v *value) append(dst []byte) []byte {
	switch v.kind {
	case 'n':
		return append(dst, "null"...)
	case 't':
		return fmt.Appendf(dst, "%t", v.yes)
	case '0':
		return append(dst, v.raw...)
	case 's':
		return appendString(dst, v.str)
	case '[':
		dst = append(dst, '[')
		for i, e := range v.list {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = e.append(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i, e := range v.list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendString(dst, v.keys[i])
		dst = append(dst, ": "...)
		dst = e.append(dst)
	}
	return append(dst, '}')
}

// appendString writes s as a JSON string, other characters than those that must
// be escaped as they are.
func appendString(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be written
	return append(dst, bytes.TrimRight(b.Bytes(), "\n")...)
}
