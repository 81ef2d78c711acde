package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// An Option is one option of the command line in vLLM's name. Value is nil,
// bool, int, float64, string, []string or json.RawMessage.
type Option struct {
	Name  string
	Value any
}

// Options is the JSON object that the run directory keeps of the command line,
// in the order of list and with numbers as Python writes them. Secrets must be
// redacted by the caller.
func Options(list []Option) json.RawMessage {
	o := &object{}
	for _, x := range list {
		v := x.Value
		if raw, ok := v.(json.RawMessage); ok {
			var err error
			if v, err = ordered(raw); err != nil {
				v = string(raw)
			}
		}
		o.set(x.Name, v)
	}
	var b bytes.Buffer
	e := newEncoder(&b, false)
	e.value(o)
	_ = e.w.Flush() // a buffer takes everything
	return b.Bytes()
}

// ordered reads JSON into values for the encoder, which writes them as they
// were: objects in their order, whole numbers apart from others.
func ordered(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := orderedValue(d)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	return v, err
}

func orderedValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		if n, err := strconv.Atoi(t.String()); err == nil {
			return n, nil
		}
		return t.Float64()
	case json.Delim:
		if t == '[' {
			return orderedList(d)
		}
		return orderedObject(d)
	}
	return t, nil
}

func orderedList(d *json.Decoder) (any, error) {
	all := []any{}
	for d.More() {
		v, err := orderedValue(d)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	_, err := d.Token()
	return all, err
}

func orderedObject(d *json.Decoder) (any, error) {
	o := &object{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := orderedValue(d)
		if err != nil {
			return nil, err
		}
		o.set(key.(string), v) // the decoder takes no other key
	}
	_, err := d.Token()
	return o, err
}
