package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ardanlabs/jinja"
)

// Kwargs reads the JSON object of --chat-template-kwargs into variables for
// Render. Whole numbers stay whole and objects keep the order of their keys, as
// in Python. Empty text gives no variable. The error says what is wrong with the
// JSON.
func Kwargs(text string) (map[string]any, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	v, err := decode(dec)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("chat template kwargs: %w: want a JSON object such as {\"enable_thinking\": false}", err)
	}
	if !v.IsDict() {
		return nil, errors.New(`chat template kwargs: want a JSON object such as {"enable_thinking": false}`)
	}
	d := v.AsDict()
	out := make(map[string]any, d.Len())
	for _, k := range d.Keys {
		if err := checkKwarg(k); err != nil {
			return nil, err
		}
		out[k] = d.Data[k]
	}
	return out, nil
}

// checkKwarg refuses what apply_chat_template takes for itself and what would
// change the text in a way that is not offered.
func checkKwarg(name string) error {
	switch name {
	case "conversation", "messages", "add_generation_prompt", "tokenize", "chat_template", "continue_final_message":
		return fmt.Errorf("chat template kwargs: %s can't be set: name variables of the template alone", name)
	}
	return nil
}

// maxDepth bounds the nesting of foreign JSON and templates.
const maxDepth = 1000

// decode reads one JSON value, keeping the order of keys.
func decode(dec *json.Decoder) (jinja.Value, error) { return decodeAt(dec, 0) }

func decodeAt(dec *json.Decoder, depth int) (jinja.Value, error) {
	if depth > maxDepth {
		return jinja.None(), fmt.Errorf("nested more than %d deep", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return jinja.None(), err
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return jinja.FromGoValue(tok), nil
	}
	if delim == '[' {
		var items []jinja.Value
		for dec.More() {
			v, err := decodeAt(dec, depth+1)
			if err != nil {
				return v, err
			}
			items = append(items, v)
		}
		_, err = dec.Token()
		return jinja.NewList(items), err
	}
	d := jinja.NewDict()
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return d, err
		}
		v, err := decodeAt(dec, depth+1)
		if err != nil {
			return v, err
		}
		d.AsDict().Set(key.(string), v)
	}
	_, err = dec.Token()
	return d, err
}
