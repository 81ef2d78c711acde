package text

import (
	"encoding/json"
	"errors"
	"fmt"
)

func (f *Form) readStructured(raw json.RawMessage, at string) (err error) {
	if !present(raw) {
		return nil
	}
	var r struct {
		JSON          json.RawMessage `json:"json"`
		Regex         *string         `json:"regex"`
		Choice        []string        `json:"choice"`
		Grammar       *string         `json:"grammar"`
		JSONObject    *bool           `json:"json_object"`
		StructuralTag json.RawMessage `json:"structural_tag"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("%s: want an object with json, regex, choice, grammar, json_object or structural_tag", at)
	}
	kinds := 0
	for _, there := range []bool{present(r.JSON), r.Regex != nil, r.Choice != nil, r.Grammar != nil, r.JSONObject != nil, present(r.StructuralTag)} {
		if there {
			kinds++
		}
	}
	if kinds != 1 {
		return refusal(fmt.Sprintf("You can only use one kind of structured outputs constraint, and must use one: %d are given", kinds))
	}
	switch {
	case r.Grammar != nil:
		if f.grammar, err = newGrammar(*r.Grammar); err != nil {
			return fmt.Errorf("%s.grammar: %w", at, err)
		}
	case present(r.StructuralTag):
		tag := []byte(r.StructuralTag)
		var text string
		if json.Unmarshal(tag, &text) == nil { // a tag comes as text
			tag = []byte(text)
		}
		if f.grammar, err = newTag(tag); err != nil {
			return fmt.Errorf("%s.structural_tag: %w", at, err)
		}
	case r.Regex != nil:
		if f.pattern, err = newPattern(*r.Regex); err != nil {
			return fmt.Errorf("%s.regex: %w", at, err)
		}
	case r.Choice != nil:
		if len(r.Choice) == 0 {
			return fmt.Errorf("%s.choice: the list is empty", at)
		}
		f.options = r.Choice
	case present(r.JSON):
		schema := []byte(r.JSON)
		var text string
		if json.Unmarshal(schema, &text) == nil { // a schema may come as text
			schema = []byte(text)
		}
		if f.schema, err = parseSchema(schema); err != nil {
			return fmt.Errorf("%s.json: %w", at, err)
		}
	default:
		f.object = *r.JSONObject
	}
	return nil
}

// readGuided reads the fields that vLLM had before structured_outputs.
func (f *Form) readGuided(w Wish) error {
	for _, old := range []struct {
		field, key string
		raw        json.RawMessage
	}{
		{"guided_json", "json", w.GuidedJSON}, {"guided_regex", "regex", w.GuidedRegex},
		{"guided_choice", "choice", w.GuidedChoice}, {"guided_grammar", "grammar", w.GuidedGrammar},
	} {
		if !present(old.raw) {
			continue
		}
		if f.formatted() {
			return refusal("You can only use one kind of structured outputs constraint")
		}
		raw, err := json.Marshal(map[string]json.RawMessage{old.key: old.raw})
		if err != nil {
			return err
		}
		if err := f.readStructured(raw, old.field); err != nil {
			return err
		}
	}
	return nil
}

// A tag is a structural tag, of xgrammar's first form (structures) or second
// (format), or a piece of one.
type tag struct {
	Type       string          `json:"type"`
	Structures []tagged        `json:"structures"`
	Format     *tag            `json:"format"`
	Begin      string          `json:"begin"`
	Content    *tag            `json:"content"`
	End        json.RawMessage `json:"end"`
	Tags       []*tag          `json:"tags"`
	Elements   []*tag          `json:"elements"`
	Value      string          `json:"value"`
	JSONSchema json.RawMessage `json:"json_schema"`
	Pattern    string          `json:"pattern"`
}

type tagged struct {
	Begin  string          `json:"begin"`
	Schema json.RawMessage `json:"schema"`
	End    string          `json:"end"`
}

// newTag makes the grammar that a structural tag stands for: an answer that is
// free to be prose says one of the tags.
func newTag(raw []byte) (*grammar, error) {
	var t tag
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, errors.New("want an object with structures or format")
	}
	root := &part{kind: either}
	g := &grammar{rules: map[string]*part{"root": root}, start: "root"}
	for _, s := range t.Structures {
		schema, err := parseSchema(s.Schema)
		if err != nil {
			return nil, fmt.Errorf("the schema of %.40q: %w", s.Begin, err)
		}
		root.subs = append(root.subs, &part{kind: row, subs: []*part{{kind: literal, text: s.Begin}, {kind: inJSON, schema: schema}, {kind: literal, text: s.End}}})
	}
	if t.Format != nil {
		p, err := t.Format.part(0)
		if err != nil {
			return nil, err
		}
		root.subs = append(root.subs, p)
	}
	if len(root.subs) == 0 {
		return nil, errors.New("want structures or format")
	}
	return g, g.check()
}

// part is what an answer says for t.
func (t *tag) part(depth int) (*part, error) {
	if depth > 50 {
		return nil, errors.New("nested deeper than 50")
	}
	all := func(kind partKind, list []*tag) (*part, error) {
		p := &part{kind: kind}
		for _, sub := range list {
			q, err := sub.part(depth + 1)
			if err != nil {
				return nil, err
			}
			p.subs = append(p.subs, q)
		}
		if len(p.subs) == 0 {
			return nil, fmt.Errorf("%s: the list is empty", t.Type)
		}
		return p, nil
	}
	switch t.Type {
	case "const_string":
		return &part{kind: literal, text: t.Value}, nil
	case "any_text":
		return &part{kind: literal, text: "so it is"}, nil
	case "json_schema":
		schema, err := parseSchema(t.JSONSchema)
		return &part{kind: inJSON, schema: schema}, err
	case "regex":
		return pattern1(t.Pattern)
	case "sequence":
		return all(row, t.Elements)
	case "or":
		return all(either, t.Elements)
	case "triggered_tags", "tags_with_separator":
		return all(either, t.Tags)
	case "tag", "":
		if t.Content == nil {
			return nil, errors.New("a tag has no content")
		}
		content, err := t.Content.part(depth + 1)
		if err != nil {
			return nil, err
		}
		var end string
		if ends := []string{}; json.Unmarshal(t.End, &end) != nil && json.Unmarshal(t.End, &ends) == nil && len(ends) > 0 {
			end = ends[0]
		}
		return &part{kind: row, subs: []*part{{kind: literal, text: t.Begin}, content, {kind: literal, text: end}}}, nil
	}
	return nil, fmt.Errorf("the type %.40q of a tag is not simulated; want const_string, json_schema, regex, sequence, or, tag, triggered_tags or tags_with_separator", t.Type)
}
