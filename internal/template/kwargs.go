package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"tokmeter/internal/template/jinja"
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
	v, err := decode(dec, 0)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("chat template kwargs: %w: want a JSON object such as {\"enable_thinking\": false}", err)
	}
	d, ok := v.(*jinja.Dict)
	if !ok {
		return nil, errors.New(`chat template kwargs: want a JSON object such as {"enable_thinking": false}`)
	}
	out := map[string]any{}
	for _, name := range d.Keys() {
		if err := checkKwarg(name); err != nil {
			return nil, err
		}
		out[name], _ = d.Get(name)
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

// maxDepth bounds the nesting of the JSON.
const maxDepth = 100

// decode reads one JSON value, keeping the order of keys.
func decode(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Number:
		return number(tok)
	case json.Delim:
		if tok == '[' {
			return decodeList(dec, depth)
		}
		return decodeDict(dec, depth)
	}
	return tok, nil
}

func number(n json.Number) (any, error) {
	if !strings.ContainsAny(n.String(), ".eE") {
		return n.Int64()
	}
	return n.Float64()
}

func decodeList(dec *json.Decoder, depth int) (any, error) {
	items := []any{}
	for dec.More() {
		v, err := decode(dec, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	_, err := dec.Token()
	return items, err
}

func decodeDict(dec *json.Decoder, depth int) (any, error) {
	d := jinja.NewDict()
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := decode(dec, depth+1)
		if err != nil {
			return nil, err
		}
		d.Set(key.(string), v)
	}
	_, err := dec.Token()
	return d, err
}
