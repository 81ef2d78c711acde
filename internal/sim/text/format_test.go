package text

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/tokenize"
)

// schemas are taken, and values made for them; want is a pattern that each value
// must match as text.
func schemas() map[string][2]string {
	return map[string][2]string{
		"weather": {`{"type":"object","properties":{"city":{"type":"string"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["city","unit"]}`,
			`^\{"city": "[^"]+", "unit": "(celsius|fahrenheit)"\}$`},
		"closed": {`{"type":"object","properties":{"a":{"type":"integer","minimum":3,"maximum":5}},"required":["a"],"additionalProperties":false}`, `^\{"a": [345]\}$`},
		"nested": {`{"type":"object","properties":{"list":{"type":"array","minItems":2,"maxItems":3,"items":{"type":"object","properties":{"x":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}},"required":["x"]}}},"required":["list"]}`,
			`^\{"list": \[(\{"x": 0\.\d+\}(, )?){2,3}\]\}$`},
		"recursive":   {`{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/$defs/tree"}}},"required":["name","children"]}}}`, `^\{"name": `},
		"itself":      {`{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["next"]}`, `^\{"next": `},
		"any":         {`{"anyOf":[{"type":"integer"},{"type":"null"}]}`, `^(\d+|null)$`},
		"one":         {`{"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"n":{"type":"integer"}},"required":["kind","n"]},{"type":"object","properties":{"kind":{"const":"b"}},"required":["kind"]}]}`, `^\{"kind": "[ab]"`},
		"all":         {`{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"boolean"}},"required":["b"]}]}`, `"a": .*"b": `},
		"types":       {`{"type":["string","null"]}`, `^("[^"]*"|null)$`},
		"lengths":     {`{"type":"string","minLength":30,"maxLength":32}`, `^"[^"]{30,32}"$`},
		"short":       {`{"type":"string","maxLength":1}`, `^"[^"]{0,1}"$`},
		"pattern":     {`{"type":"string","pattern":"^[A-Z]{3}-\\d{4}$"}`, `^"[A-Z]{3}-\d{4}"$`},
		"steps":       {`{"type":"integer","multipleOf":7,"minimum":-20,"maximum":20}`, `^-?(0|7|14)$`},
		"fractions":   {`{"type":"number","multipleOf":0.01,"minimum":0,"maximum":1}`, `^[01](\.\d{1,2})?$`},
		"below":       {`{"type":"integer","maximum":-5}`, `^-\d+$`},
		"unique":      {`{"type":"array","items":{"enum":["a","b","c"]},"minItems":3,"uniqueItems":true}`, `^\["[abc]", "[abc]", "[abc]"\]$`},
		"tuple":       {`{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false,"minItems":2}`, `^\["[^"]+", \d+\]$`},
		"dates":       {`{"type":"string","format":"date-time"}`, `^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"$`},
		"uuid":        {`{"type":"string","format":"uuid"}`, `^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$`},
		"map":         {`{"type":"object","additionalProperties":{"type":"integer"},"minProperties":2}`, `^\{("\w+": \d+(, )?){2,}\}$`},
		"constant":    {`{"const":{"a":[1,2,{"b":null}]}}`, `^\{"a": \[1, 2, \{"b": null\}\]\}$`},
		"anything":    {`{}`, `.`},
		"yes":         {`true`, `.`},
		"draft 4":     {`{"type":"integer","minimum":0,"exclusiveMinimum":true,"maximum":2,"exclusiveMaximum":true}`, `^1$`},
		"definitions": {`{"definitions":{"p":{"type":"integer"}},"type":"object","properties":{"x":{"$ref":"#/definitions/p"},"y":{"$ref":"#/definitions/p"}},"required":["x","y"]}`, `^\{"x": \d+, "y": \d+\}$`},
		"no type":     {`{"properties":{"q":{"description":"what to look for","type":"string"}},"required":["q"]}`, `^\{"q": "`},
	}
}

func TestSchemas(t *testing.T) {
	var all []string
	for name, s := range schemas() {
		t.Run(name, func(t *testing.T) {
			schema, err := parseSchema([]byte(s[0]))
			if err != nil {
				t.Fatal(err)
			}
			want := regexp.MustCompile(s[1])
			for seed := range uint64(200) {
				out, err := schema.Make(rand.New(rand.NewPCG(seed, 1)))
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if !json.Valid(out) || !want.Match(out) || !schema.Valid(out) {
					t.Fatalf("seed %d: got %s, want %s", seed, out, want)
				}
				if seed < 50 {
					all = append(all, fmt.Sprintf(`{"schema":%s,"value":%s}`, s[0], out))
				}
			}
		})
	}
	if path := os.Getenv("TOKMETER_SCHEMA_VALUES"); path != "" { // for a validator of another hand
		if err := os.WriteFile(path, []byte(strings.Join(all, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInvalid: the check that stands before every value says no too.
func TestInvalid(t *testing.T) {
	for _, tt := range [][2]string{
		{`{"type":"integer"}`, `1.5`}, {`{"type":"string"}`, `1`}, {`{"enum":[1,2]}`, `3`}, {`{"minimum":3}`, `2`},
		{`{"exclusiveMaximum":3}`, `3`}, {`{"multipleOf":0.1}`, `0.25`}, {`{"minLength":2}`, `"é"`}, {`{"pattern":"^a"}`, `"ba"`},
		{`{"required":["a"]}`, `{}`}, {`{"additionalProperties":false}`, `{"a":1}`}, {`{"uniqueItems":true}`, `[1,1.0]`},
		{`{"oneOf":[{"type":"number"},{"type":"integer"}]}`, `1`}, {`{"items":{"type":"null"}}`, `[1]`}, {`{"maxItems":0}`, `[1]`},
		{`{"properties":{"a":{"type":"object","maxProperties":0}}}`, `{"a":{"b":1}}`}, {`{"format":"date"}`, `"2020-13-01"`},
		{`{"allOf":[{"type":"string"},{"minLength":2}]}`, `"a"`}, {`false`, `1`}, {`{}`, `{`},
	} {
		s, err := parseSchema([]byte(tt[0]))
		if tt[0] == `false` {
			if err == nil {
				t.Error("a schema that takes nothing was taken")
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt[0], err)
		} else if s.Valid([]byte(tt[1])) {
			t.Errorf("%s takes %s", tt[0], tt[1])
		}
	}
}

// hostile are schemas that are refused, or of which no value is made, at once.
func hostile() map[string]string {
	wide := make([]string, 5000)
	for i := range wide {
		wide[i] = fmt.Sprintf(`"p%d":{"type":"string"}`, i)
	}
	chain := make([]string, 1000)
	for i := range chain {
		chain[i] = fmt.Sprintf(`"d%d":{"type":"object","properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}},"required":["a","b"]}`, i, i+1, i+1)
	}
	bombs := make([]string, 40)
	for i := range bombs {
		bombs[i] = fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`, i, i+1, i+1)
	}
	return map[string]string{
		"endless":       `{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`,
		"ring":          `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`,
		"to itself":     `{"$ref":"#"}`,
		"huge list":     `{"type":"array","minItems":1000000000}`,
		"huge string":   `{"type":"string","minLength":1e12}`,
		"deep":          strings.Repeat(`{"items":`, 5000) + `{}` + strings.Repeat(`}`, 5000),
		"wide":          `{"properties":{` + strings.Join(wide, ",") + `}}`,
		"doubling":      `{"$ref":"#/$defs/d0","$defs":{` + strings.Join(chain, ",") + `,"d1000":{"type":"null"}}}`,
		"all doubling":  `{"$ref":"#/$defs/d0","$defs":{` + strings.Join(bombs, ",") + `,"d40":{"enum":[1,2]}}}`,
		"nested lists":  `{"type":"array","minItems":1000,"items":{"type":"array","minItems":1000,"items":{"type":"array","minItems":1000}}}`,
		"elsewhere":     `{"$ref":"https://example.com/schema.json"}`,
		"not there":     `{"$ref":"#/$defs/none"}`,
		"conflict":      `{"type":"string","enum":[1]}`,
		"no number":     `{"type":"integer","minimum":1.2,"maximum":1.8}`,
		"not":           `{"not":{"type":"null"}}`,
		"pattern":       `{"type":"string","pattern":"(?=a)b"}`,
		"empty repeats": `{"type":"string","minLength":60000,"pattern":"^(((x?)*)*)*$"}`,
		"no such text":  `{"type":"array","minItems":2000,"items":{"type":"string","pattern":"\\B\\b(a|b){0,900}"}}`,
		"long repeat":   `{"type":"string","pattern":"((a{1000}){1000}){1000}"}`,
		"too large":     `{"enum":["` + strings.Repeat("x", 2<<20) + `"]}`,
		"no schema":     `[1]`,
		"no type":       `{"type":"text"}`,
		"broken":        `{"type":`,
	}
}

func TestHostile(t *testing.T) {
	for name, raw := range hostile() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			s, err := parseSchema([]byte(raw))
			if err == nil {
				var out []byte
				out, err = s.Make(rand.New(rand.NewPCG(1, 1)))
				if err == nil {
					t.Fatalf("got %d bytes, %.80s…", len(out), out)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// FuzzSchema: a schema is refused or bounded, and what is made for it is valid.
func FuzzSchema(f *testing.F) {
	for _, s := range schemas() {
		f.Add([]byte(s[0]))
	}
	for name, s := range hostile() {
		if len(s) < 2000 && name != "long repeat" {
			f.Add([]byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parseSchema(raw)
		if err != nil {
			return
		}
		out, err := s.Make(rand.New(rand.NewPCG(1, 2)))
		if err == nil && (!json.Valid(out) || len(out) > 4*maxSize) {
			t.Fatalf("%s: got %s", raw, out)
		}
	})
}

func TestPatterns(t *testing.T) {
	for _, re := range []string{`\d{3}-\d{4}`, `(yes|no)!?`, `[^a-z]+`, `^\w+@\w+\.com$`, `.*`, `[а-я]{4}`, `a{2,}b*`} {
		p, err := newPattern(re)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(100) {
			steps := maxSteps
			s, ok := p.make(rand.New(rand.NewPCG(seed, 1)), 0, &steps)
			if !ok || !regexp.MustCompile(`^(?:`+re+`)$`).MatchString(s) {
				t.Fatalf("%s: %q, %v", re, s, ok)
			}
		}
	}
}

const weather = `[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":1,"maximum":9}},"required":["city","days"]}}},
	{"type":"function","function":{"name":"stop"}}]`

func TestForm(t *testing.T) {
	no := false
	tests := []struct {
		why  string
		wish Wish
		nil  bool
		err  string
	}{
		{"nothing", Wish{}, true, ""},
		{"nulls", Wish{Tools: []byte("null"), ResponseFormat: []byte("null")}, true, ""},
		{"text", Wish{ResponseFormat: []byte(`{"type":"text"}`)}, true, ""},
		{"tools not wanted", Wish{Tools: []byte(weather), ToolChoice: []byte(`"none"`)}, true, ""},
		{"auto by default", Wish{Tools: []byte(weather)}, false, ""},
		{"one of them", Wish{Tools: []byte(weather), ToolChoice: []byte(`"required"`), ParallelToolCalls: &no}, false, ""},
		{"as /v1/responses has them", Wish{Tools: []byte(`[{"type":"function","name":"f","parameters":{}}]`), ToolChoice: []byte(`{"type":"function","name":"f"}`)}, false, ""},
		{"choice without tools", Wish{ToolChoice: []byte(`"auto"`)}, false, "`tools` must be set"},
		{"unknown choice", Wish{Tools: []byte(weather), ToolChoice: []byte(`"maybe"`)}, false, "Invalid value"},
		{"unknown tool", Wish{Tools: []byte(weather), ToolChoice: []byte(`{"type":"function","function":{"name":"x"}}`)}, false, "does not match"},
		{"choice without a name", Wish{Tools: []byte(weather), ToolChoice: []byte(`{}`)}, false, "Expected field"},
		{"no list", Wish{Tools: []byte(`{}`)}, false, "tools: want a list"},
		{"nameless", Wish{Tools: []byte(`[{"type":"function"}]`)}, false, "tools[0]"},
		{"endless arguments", Wish{Tools: []byte(`[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}}}]`)}, false, "tools[0].function.parameters"},
		{"an object", Wish{ResponseFormat: []byte(`{"type":"json_object"}`)}, false, ""},
		{"a schema", Wish{ResponseFormat: []byte(`{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object"}}}`)}, false, ""},
		{"a schema of /v1/responses", Wish{Text: []byte(`{"format":{"type":"json_schema","name":"x","schema":{"type":"object"}}}`)}, false, ""},
		{"a schema that is not there", Wish{ResponseFormat: []byte(`{"type":"json_schema"}`)}, false, "needs the field"},
		{"unknown format", Wish{ResponseFormat: []byte(`{"type":"xml"}`)}, false, "not known"},
		{"choices", Wish{StructuredOutputs: []byte(`{"choice":["a","b"]}`)}, false, ""},
		{"schema as text", Wish{StructuredOutputs: []byte(`{"json":"{\"type\":\"integer\"}"}`)}, false, ""},
		{"two at once", Wish{StructuredOutputs: []byte(`{"choice":["a"],"regex":"a"}`)}, false, "only use one"},
		{"none at all", Wish{StructuredOutputs: []byte(`{}`)}, false, "must use one"},
		{"grammar", Wish{StructuredOutputs: []byte(`{"grammar":"root ::= \"a\""}`)}, false, ""},
		{"guided", Wish{GuidedChoice: []byte(`["a","b"]`)}, false, ""},
		{"guided twice", Wish{GuidedChoice: []byte(`["a","b"]`), GuidedRegex: []byte(`"a"`)}, false, "only use one"},
		{"a guided schema that is none", Wish{GuidedJSON: []byte(`5`)}, false, "guided_json.json"},
		{"bad regex", Wish{StructuredOutputs: []byte(`{"regex":"("}`)}, false, "not supported"},
	}
	v := NewVoice(tokenize.Builtin())
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			f, err := tt.wish.Form()
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || (f == nil) != tt.nil {
				t.Fatalf("got %+v, %v", f, err)
			}
			if f == nil {
				return
			}
			if s, err := f.Script(v, 1, 2, 0, 1); err != nil || s == nil {
				t.Fatalf("got %v, %v", s, err)
			}
		})
	}
}

// TestCalls: what is streamed of a tool call puts together a valid one, in every
// tokenizer, and the answer ends as vLLM's does.
func TestCalls(t *testing.T) {
	choices := map[string]string{`"auto"`: "tool_calls", `"required"`: "tool_calls", `{"type":"function","function":{"name":"get_weather"}}`: "stop"}
	schema, err := parseSchema([]byte(`{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city","days"]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range voices(t) {
		for tc, reason := range choices {
			f, err := Wish{Tools: []byte(weather), ToolChoice: []byte(tc)}.Form()
			if err != nil {
				t.Fatal(err)
			}
			most := 0
			for seed := range uint64(30) {
				s, err := f.Script(v, seed, 5, 0, 1)
				if err != nil || s.FinishReason() != reason {
					t.Fatalf("%s %s: %v, %v", name, tc, s, err)
				}
				calls := map[int]*CallDelta{}
				a := v.Answer(Ask{Seed: seed, Prompt: 5, Script: s})
				n := 0
				for end := false; !end; n++ {
					_, end = a.Next()
					d := a.Delta(end)
					if d.Text != "" || d.Silent != (len(d.Calls) == 0) {
						t.Fatalf("%s %s: %+v", name, tc, d)
					}
					for _, c := range d.Calls {
						if c.Start {
							if calls[c.Index] != nil || c.ID == "" || c.Name == "" {
								t.Fatalf("%s %s: starts twice or badly: %+v", name, tc, c)
							}
							calls[c.Index] = &CallDelta{Name: c.Name}
						}
						calls[c.Index].Arguments += c.Arguments
					}
				}
				most = max(most, len(calls))
				for _, c := range calls {
					if !json.Valid([]byte(c.Arguments)) || c.Name == "get_weather" && !schema.Valid([]byte(c.Arguments)) {
						t.Fatalf("%s %s: %+v", name, tc, c)
					}
				}
				if len(calls) == 0 || a.Tokens() != n || n < s.Tokens() {
					t.Fatalf("%s %s: %d calls in %d of %d tokens", name, tc, len(calls), a.Tokens(), n)
				}
			}
			if (most > 1) != (reason == "tool_calls") {
				t.Errorf("%s %s: at most %d calls", name, tc, most)
			}
		}
	}
}

// TestOneToolOneCall: several calls are of several tools.
func TestOneToolOneCall(t *testing.T) {
	v := NewVoice(tokenize.Builtin())
	for _, choice := range []string{`"auto"`, `"required"`} {
		for tools, most := range map[string]int{`[{"type":"function","function":{"name":"f"}}]`: 1, weather: 2} {
			f, err := Wish{Tools: []byte(tools), ToolChoice: []byte(choice)}.Form()
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for seed := range uint64(200) {
				s, err := f.Script(v, seed, 1, 0, 1)
				if err != nil {
					t.Fatal(err)
				}
				names := map[string]bool{}
				for _, c := range s.calls {
					if names[c.name] {
						t.Fatalf("%s: %s is called twice", choice, c.name)
					}
					names[c.name] = true
				}
				seen = max(seen, len(s.calls))
			}
			if seen != most {
				t.Errorf("%s of %d tools: at most %d calls", choice, most, seen)
			}
		}
	}
}

// TestAuto: a model that may choose calls as often as it should.
func TestAuto(t *testing.T) {
	v := NewVoice(tokenize.Builtin())
	f, err := Wish{Tools: []byte(weather)}.Form()
	if err != nil {
		t.Fatal(err)
	}
	called := 0
	for seed := range uint64(400) {
		s, err := f.Script(v, seed, 1, 0, 0.25)
		if err != nil {
			t.Fatal(err)
		}
		if s != nil {
			called++
		}
	}
	if called < 70 || called > 130 {
		t.Fatalf("called %d times of 400, want about 100", called)
	}
}

// TestScriptText: JSON is said in tokens that give it back, and what is cut is a
// beginning of it.
func TestScriptText(t *testing.T) {
	for name, v := range voices(t) {
		if strings.Contains(name, "bert") || strings.Contains(name, "added") || strings.Contains(name, "t5") {
			continue // these change the text that they are given
		}
		f, err := Wish{ResponseFormat: []byte(`{"type":"json_object"}`)}.Form()
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Script(v, 3, 4, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		ids, texts := say(v.Answer(Ask{Script: s}), 1<<20)
		all := strings.Join(texts, "")
		if diff := cmp.Diff(v.tok.Decode(ids, true), all); diff != "" || !json.Valid([]byte(all)) {
			t.Errorf("%s: %s\n%s", name, all, diff)
		}
		_, cut := say(v.Answer(Ask{Script: s}), 7)
		if !strings.HasPrefix(all, strings.Join(cut, "")) || len(cut) != 7 {
			t.Errorf("%s: %q", name, cut)
		}
	}
}

// FuzzForm: whatever a body asks for is refused in one line or written, and a
// call's pieces put its arguments together.
func FuzzForm(f *testing.F) {
	f.Add([]byte(`{"tools":` + weather + `,"tool_choice":"required"}`))
	f.Add([]byte(`{"response_format":{"type":"json_object"}}`))
	f.Add([]byte(`{"structured_outputs":{"regex":"a{2,3}"}}`))
	f.Add([]byte(`{"text":{"format":{"type":"json_schema","schema":{"type":"array"}}},"tools":[{"type":"function","name":"f"}]}`))
	v := NewVoice(tokenize.Builtin())
	f.Fuzz(func(t *testing.T, body []byte) {
		var w Wish
		if json.Unmarshal(body, &w) != nil {
			return
		}
		form, err := w.Form()
		if err != nil || form == nil {
			return
		}
		s, err := form.Script(v, 1, 2, 0, 1)
		if err != nil {
			return
		}
		a := v.Answer(Ask{Script: s})
		var text, arguments strings.Builder
		for end := false; !end; {
			_, end = a.Next()
			d := a.Delta(end)
			text.WriteString(d.Text)
			for _, c := range d.Calls {
				arguments.WriteString(c.Arguments)
			}
		}
		if form.Calls() == (arguments.Len() == 0) || form.Calls() && text.Len() > 0 {
			t.Fatalf("%s: text %q, arguments %q", body, text.String(), arguments.String())
		}
	})
}
