package argv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"
)

// An Object is a JSON object that keeps the order of its keys.
type Object struct {
	keys   []string
	values map[string]any // *Object, []json.RawMessage or json.RawMessage
}

func newObject() *Object { return &Object{values: map[string]any{}} }

// ParseObject reads a JSON object. Of a key that stands twice the last one counts.
func ParseObject(text string) (*Object, error) {
	v, err := parseJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	o, ok := v.(*Object)
	if !ok {
		return nil, errors.New("want a JSON object, such as {\"key\": 1}")
	}
	return o, nil
}

// Keys returns the keys in their order.
func (o *Object) Keys() []string { return append([]string(nil), o.keys...) }

// Set gives key a value, in the place that key has already or at the end.
func (o *Object) Set(key string, value json.RawMessage) { o.set(key, value) }

// Get returns the JSON text of the value of key.
func (o *Object) Get(key string) (json.RawMessage, bool) {
	v, ok := o.values[key]
	if !ok {
		return nil, false
	}
	var b bytes.Buffer
	writeJSON(&b, v)
	return b.Bytes(), true
}

// Update sets every key of with, without looking into the values.
func (o *Object) Update(with *Object) {
	for _, k := range with.keys {
		o.set(k, with.values[k])
	}
}

func (o *Object) set(key string, value any) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// merge puts with over o: objects are merged, lists appended, all else
// replaced. It returns the dotted keys that were replaced.
func (o *Object) merge(with *Object) (replaced []string) {
	for _, k := range with.keys {
		v, old := with.values[k], o.values[k]
		if sub, ok := v.(*Object); ok {
			if oldSub, ok := old.(*Object); ok {
				for _, r := range oldSub.merge(sub) {
					replaced = append(replaced, k+"."+r)
				}
				continue
			}
		}
		if more, ok := v.([]json.RawMessage); ok {
			if oldList, ok := old.([]json.RawMessage); ok {
				o.values[k] = append(oldList[:len(oldList):len(oldList)], more...)
				continue
			}
		}
		if old != nil {
			replaced = append(replaced, k)
		}
		o.set(k, v)
	}
	return replaced
}

// String returns the JSON text.
func (o *Object) String() string {
	var b bytes.Buffer
	writeJSON(&b, o)
	return b.String()
}

func writeJSON(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case *Object:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quote(k))
			b.WriteByte(':')
			writeJSON(b, v.values[k])
		}
		b.WriteByte('}')
	case []json.RawMessage:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(e)
		}
		b.WriteByte(']')
	case json.RawMessage:
		b.Write(v)
	}
}

// quote writes a JSON string without the HTML escapes.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // a string can always be written
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// parseJSON reads one JSON value; objects keep the order of their keys.
func parseJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("no valid JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("no valid JSON: something follows the value")
	}
	return parseRaw(raw)
}

func parseRaw(raw json.RawMessage) (any, error) {
	switch raw[0] {
	case '[':
		list := []json.RawMessage{}
		err := json.Unmarshal(raw, &list)
		return list, err
	case '{':
	default:
		return raw, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	o := newObject()
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		v, err := parseRaw(value)
		if err != nil {
			return nil, err
		}
		o.set(key.(string), v)
	}
	return o, nil
}

// dottedValue reads the value of a dotted name: JSON, else a number such as
// 25.6k, else text. With more it is a list of texts, split at commas.
func dottedValue(text string, more bool) (any, error) {
	if more {
		var list []json.RawMessage
		for _, part := range strings.Split(text, ",") {
			list = append(list, json.RawMessage(quote(part)))
		}
		return list, nil
	}
	if v, err := parseJSON([]byte(text)); err == nil {
		return v, nil
	}
	if n, err := HumanInt(text); err == nil {
		return json.RawMessage(n.String()), nil
	}
	return json.RawMessage(quote(text)), nil
}

var (
	human = regexp.MustCompile(`^(\d+(?:\.\d+)?)([kKmMgGtT])$`)
	plain = regexp.MustCompile(`^[+-]?\d+(_\d+)*$`)
)

// maxNumberLen bounds the work for a text that is no number.
const maxNumberLen = 100

// HumanInt reads a whole number as vLLM does: 1k is 1,000 and 1K 1,024, up to
// t and T; the small letters take decimals (25.6k).
func HumanInt(text string) (*big.Int, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxNumberLen {
		return nil, errors.New("not a whole number")
	}
	if m := human.FindStringSubmatch(text); m != nil {
		power := int64(strings.Index("kmgt", strings.ToLower(m[2])) + 1)
		if m[2] != strings.ToLower(m[2]) {
			n, ok := new(big.Int).SetString(m[1], 10)
			if !ok {
				return nil, fmt.Errorf("%s: %s takes no decimals; did you mean %s%s?", text, m[2], m[1], strings.ToLower(m[2]))
			}
			return n.Lsh(n, uint(10*power)), nil
		}
		f, _, err := big.ParseFloat(m[1], 10, 53, big.ToNearestEven)
		if err != nil {
			return nil, err
		}
		scale := new(big.Float).SetInt(new(big.Int).Exp(big.NewInt(1000), big.NewInt(power), nil))
		n, _ := new(big.Float).SetPrec(53).Mul(f, scale).Int(nil)
		return n, nil
	}
	if !plain.MatchString(text) {
		return nil, fmt.Errorf("%q is not a whole number", text)
	}
	n, ok := new(big.Int).SetString(strings.TrimPrefix(strings.ReplaceAll(text, "_", ""), "+"), 10)
	if !ok {
		return nil, fmt.Errorf("%q is not a whole number", text)
	}
	return n, nil
}
