package template

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder makes a tokenizer's folder with some files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a [folder]*")
	if os.PathSeparator == '\\' {
		dir = filepath.Join(t.TempDir(), "a [folder]")
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	for _, c := range []struct {
		why   string
		files map[string]string
		tools bool
		want  string
	}{
		{"a text in the configuration", map[string]string{"tokenizer_config.json": `{"chat_template": "{{ bos_token }}a{{ messages[0].content }}", "bos_token": "<s>"}`}, false, "<s>aHi"},
		{"a token written as an object", map[string]string{"tokenizer_config.json": `{"chat_template": "{{ eos_token }}", "eos_token": {"__type": "AddedToken", "content": "</s>"}}`}, false, "</s>"},
		{"a token that is not there prints nothing", map[string]string{"tokenizer_config.json": `{"chat_template": "[{{ bos_token }}]", "bos_token": null}`}, false, "[]"},
		{"several by name: the default", map[string]string{"tokenizer_config.json": `{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]}`}, false, "d"},
		{"several by name: with tools", map[string]string{"tokenizer_config.json": `{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]}`}, true, "t"},
		{"a file of its own wins", map[string]string{"tokenizer_config.json": `{"chat_template": "old", "bos_token": "<s>"}`, "chat_template.jinja": "new{{ bos_token }}\r\n"}, false, "new<s>"},
		{"a file beside no configuration", map[string]string{"chat_template.jinja": "alone"}, false, "alone"},
		{"more files", map[string]string{"chat_template.jinja": "d", "additional_chat_templates/tool_use.jinja": "t"}, true, "t"},
		{"tokens in the old file win where the configuration is old", map[string]string{
			"tokenizer_config.json": `{"chat_template": "{{ bos_token }}", "bos_token": "a"}`, "special_tokens_map.json": `{"bos_token": {"content": "b"}}`}, false, "b"},
		{"and are not read where it is not", map[string]string{
			"tokenizer_config.json": `{"chat_template": "{{ bos_token }}", "bos_token": "a", "added_tokens_decoder": {}}`, "special_tokens_map.json": `{"bos_token": "b"}`}, false, "a"},
	} {
		tmpl, err := Load(folder(t, c.files))
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		kwargs := map[string]any{}
		if c.tools {
			kwargs["tools"] = []any{map[string]any{"name": "f"}}
		}
		got, err := tmpl.Render([]Message{{"user", "Hi"}}, true, kwargs)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.why, got, err, c.want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct {
		why   string
		files map[string]string
		want  string
	}{
		{"no file at all", nil, "no chat template"},
		{"a configuration without one", map[string]string{"tokenizer_config.json": `{"bos_token": "<s>"}`}, "no chat template"},
		{"null", map[string]string{"tokenizer_config.json": `{"chat_template": null}`}, "no chat template"},
		{"broken JSON", map[string]string{"tokenizer_config.json": `{"chat_template": `}, "tokenizer_config.json: unexpected end"},
		{"a number", map[string]string{"tokenizer_config.json": `{"chat_template": 5}`}, "want a text, or a list"},
		{"an entry without a name", map[string]string{"tokenizer_config.json": `{"chat_template": [{"template": "x"}]}`}, "entry 0: want name and template"},
		{"a broken template", map[string]string{"tokenizer_config.json": `{"chat_template": "\n{% if %}"}`}, `chat template "default": line 2`},
		{"broken JSON in the old file", map[string]string{"tokenizer_config.json": `{"chat_template": "x"}`, "special_tokens_map.json": "["}, "special_tokens_map.json: unexpected end"},
	} {
		_, err := Load(folder(t, c.files))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.why, err, c.want)
		}
		if want := strings.Contains(c.want, "no chat template"); errors.Is(err, ErrNone) != want {
			t.Errorf("%s: got %v, want ErrNone %t", c.why, err, want)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	named, err := parseAll(map[string]string{"rag": "x"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raising, err := Parse(`{{ raise_exception("no system role") }}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	flood, err := Parse(`{% for i in range(5000) %}{{ "x" * 1000 }}{% endfor %}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	hi := []Message{{"user", "Hi"}}
	for _, c := range []struct {
		why      string
		template *Template
		messages []Message
		kwargs   map[string]any
		want     string
	}{
		{"what the template raises", raising, hi, nil, "chat template: no system role"},
		{"no message", raising, nil, nil, "at least one message"},
		{"no default among several", named, hi, nil, "(there are rag)"},
		{"a text without measure", flood, hi, nil, "of a conversation for which 4194336 are the most"},
		{"a variable that is ours", raising, hi, map[string]any{"messages": nil}, "messages can't be set"},
		{"a variable of no type of a template's", raising, hi, map[string]any{"x": struct{}{}}, "the type struct {}"},
	} {
		if got, err := c.template.Render(c.messages, true, c.kwargs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, %v, want an error with %q", c.why, got, err, c.want)
		}
	}
}

func TestKwargs(t *testing.T) {
	got, err := Kwargs(` {"thinking": false, "n": 3, "f": 3.0, "o": {"z": 1, "a": [null, "x"]}} `)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := Parse(`{{ thinking }} {{ n }} {{ f }} {{ o | tojson }}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := tmpl.Render([]Message{{"user", "Hi"}}, false, got)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(`False 3 3.0 {"z": 1, "a": [null, "x"]}`, text); d != "" {
		t.Fatal(d)
	}
	if got, err := Kwargs("  "); got != nil || err != nil {
		t.Fatalf("got %v, %v, want nothing for no text", got, err)
	}
	for _, c := range []struct{ why, text, want string }{
		{"not an object", `[1]`, "want a JSON object"},
		{"broken", `{"a": `, "want a JSON object such as"},
		{"two objects", `{} {}`, "something follows"},
		{"what is ours", `{"tokenize": true}`, "tokenize can't be set"},
		{"a number that does not fit", `{"a": 99999999999999999999}`, "out of range"},
		{"too deep", `{"a": ` + strings.Repeat("[", 200), "nested more than"},
	} {
		if _, err := Kwargs(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.why, err, c.want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(`{"chat_template": "{{ bos_token }}{% for m in messages %}{{ m.role }}{% endfor %}", "bos_token": {"content": "<s>"}}`, "", `{"eos_token": "x"}`)
	f.Add(`{"chat_template": [{"name": "default", "template": "x"}], "added_tokens_decoder": {}}`, "{% if add_generation_prompt %}a{% endif %}", "")
	f.Add(`{"chat_template": {"default": "x"}}`, "\r\n", "[]")
	f.Fuzz(func(t *testing.T, config, file, special string) {
		c, err := parseConfig([]byte(config))
		if err != nil || c.addSpecial([]byte(special)) != nil {
			return
		}
		if file != "" {
			c.templates = map[string]string{"default": file}
		}
		tmpl, err := parseAll(c.templates, c.special)
		if err != nil {
			return
		}
		_, _ = tmpl.Render([]Message{{"user", "Hi"}}, true, nil)
	})
}

func FuzzKwargs(f *testing.F) {
	f.Add(`{"enable_thinking": false}`)
	f.Add(`{"a": [1, 2.5, {"b": null}], "c": "d"}`)
	f.Fuzz(func(t *testing.T, text string) {
		kwargs, err := Kwargs(text)
		if err != nil {
			return
		}
		tmpl, err := Parse("x", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tmpl.Render([]Message{{"user", "Hi"}}, true, kwargs); err != nil {
			t.Fatalf("got %v for variables that were read", err)
		}
	})
}
