package tokenize

import (
	"encoding/json"
	"fmt"
)

// A post-processor is run once, on a stand-in for the text, when a tokenizer
// is read: what remains is the list of tokens around it. textHere marks where
// the text's own tokens go.
const textHere = -1

// A template is the ids of an encoding with textHere for the text's own.
type template []int

// A processor turns the parts of an encoding into other parts, as the
// library's post-processors do; parts has one element before the first.
type processor interface {
	process(parts []template, special bool) ([]template, error)
	added() int // tokens added to a single text, as the library counts them
}

type noProcessor struct{}

func (noProcessor) process(parts []template, _ bool) ([]template, error) { return parts, nil }

func (noProcessor) added() int { return 0 }

type processorSequence []processor

func (s processorSequence) process(parts []template, special bool) ([]template, error) {
	var err error
	for _, p := range s {
		if parts, err = p.process(parts, special); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func (s processorSequence) added() int {
	n := 0
	for _, p := range s {
		n += p.added()
	}
	return n
}

// A wrapper is BertProcessing or RobertaProcessing.
type wrapper struct {
	first, last int
	doubled     bool // Roberta puts a separator before a second text too
}

func (w wrapper) process(parts []template, special bool) ([]template, error) {
	if !special {
		return parts, nil
	}
	out := make([]template, len(parts))
	for i, p := range parts {
		switch {
		case i == 0:
			out[i] = append(template{w.first}, p...)
		case w.doubled:
			out[i] = append(template{w.last}, p...)
		default:
			out[i] = append(template{}, p...)
		}
		out[i] = append(out[i], w.last)
	}
	return out, nil
}

func (w wrapper) added() int { return 2 }

// A templatePiece is one place of a TemplateProcessing: a text by number, or
// special tokens.
type templatePiece struct {
	text int // -1 for special tokens
	ids  template
}

type templateProcessor struct{ single, pair []templatePiece }

func (t templateProcessor) process(parts []template, special bool) ([]template, error) {
	pieces := t.single
	switch len(parts) {
	case 1:
	case 2:
		pieces = t.pair
	default:
		return nil, fmt.Errorf("post_processor TemplateProcessing: it gets %d parts from the one before it", len(parts))
	}
	out := []template{}
	for _, p := range pieces {
		switch {
		case p.text >= len(parts):
			return nil, fmt.Errorf("post_processor TemplateProcessing: single names the sequence B")
		case p.text >= 0:
			out = append(out, parts[p.text])
		case special:
			out = append(out, p.ids)
		}
	}
	return out, nil
}

func (t templateProcessor) added() int {
	n := 0
	for _, p := range t.single {
		n += len(p.ids)
	}
	return n
}

type processorJSON struct {
	Processors  *[]rawJSON                   `json:"processors"`
	Sep         *tokenPair                   `json:"sep"`
	Cls         *tokenPair                   `json:"cls"`
	TrimOffsets *bool                        `json:"trim_offsets"`
	PrefixSpace *bool                        `json:"add_prefix_space"`
	Single      *[]pieceJSON                 `json:"single"`
	Pair        *[]pieceJSON                 `json:"pair"`
	Special     *map[string]templateSpecials `json:"special_tokens"`
}

type templateSpecials struct {
	IDs []uint32 `json:"ids"`
}

type pieceJSON struct {
	Sequence     *struct{ ID string }
	SpecialToken *struct{ ID string }
}

// A tokenPair is ["token", id].
type tokenPair struct{ id int }

func (p *tokenPair) UnmarshalJSON(data []byte) error {
	var token string
	var id uint32
	both := []any{&token, &id}
	if err := json.Unmarshal(data, &both); err != nil || len(both) != 2 {
		return fmt.Errorf("want [token, id], got %s", data)
	}
	p.id = int(id)
	return nil
}

// newProcessor makes the post-processor of a tokenizer.json.
func newProcessor(raw rawJSON, depth int) (processor, error) {
	var c processorJSON
	kind, err := component("post_processor", raw, &c, depth)
	if err != nil {
		return nil, err
	}
	lacks := func(field string) error { return fmt.Errorf("post_processor %s: %s is missing", kind, field) }
	switch kind {
	case "ByteLevel":
		return noProcessor{}, nil
	case "Sequence":
		if c.Processors == nil {
			return nil, lacks("processors")
		}
		s, err := each(*c.Processors, func(raw rawJSON) (processor, error) { return newProcessor(raw, depth+1) })
		return processorSequence(s), err
	case "BertProcessing", "RobertaProcessing":
		if c.Sep == nil || c.Cls == nil {
			return nil, lacks("sep or cls")
		}
		return wrapper{c.Cls.id, c.Sep.id, c.TrimOffsets != nil && c.PrefixSpace != nil}, nil
	case "TemplateProcessing":
		if c.Single == nil || c.Pair == nil || c.Special == nil {
			return nil, lacks("single, pair or special_tokens")
		}
		single, err := templatePieces(*c.Single, *c.Special)
		if err != nil {
			return nil, err
		}
		pair, err := templatePieces(*c.Pair, *c.Special)
		return templateProcessor{single, pair}, err
	}
	return nil, unknown("post_processor", kind)
}

func templatePieces(pieces []pieceJSON, special map[string]templateSpecials) ([]templatePiece, error) {
	var out []templatePiece
	for _, p := range pieces {
		switch {
		case p.Sequence != nil && p.Sequence.ID == "A":
			out = append(out, templatePiece{text: 0})
		case p.Sequence != nil && p.Sequence.ID == "B":
			out = append(out, templatePiece{text: 1})
		case p.SpecialToken != nil:
			s, ok := special[p.SpecialToken.ID]
			if !ok {
				return nil, fmt.Errorf("post_processor TemplateProcessing: special_tokens has no %q", p.SpecialToken.ID)
			}
			ids := make(template, len(s.IDs))
			for i, id := range s.IDs {
				ids[i] = int(id)
			}
			out = append(out, templatePiece{-1, ids})
		default:
			return nil, fmt.Errorf("post_processor TemplateProcessing: a piece that is neither Sequence A or B nor SpecialToken")
		}
	}
	return out, nil
}

// flatten runs a processor on the stand-in for a text.
func flatten(p processor, special bool) (template, error) {
	parts, err := p.process([]template{{textHere}}, special)
	var out template
	for _, part := range parts {
		out = append(out, part...)
	}
	return out, err
}
