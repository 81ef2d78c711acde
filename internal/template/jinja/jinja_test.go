package jinja

import (
	"strings"
	"testing"
	"time"
)

func now() time.Time { return time.Date(2026, 3, 7, 9, 5, 4, 0, time.UTC) }

func render(source string, vars map[string]any) (string, error) {
	t, err := Compile(source)
	if err != nil {
		return "", err
	}
	return t.Render(vars, now)
}

func TestWhatIsNotKnownIsRefusedByName(t *testing.T) {
	for _, c := range []struct{ why, source, want string }{
		{"a filter of jinja2's that is not here", `{{ "a" | truncate(1) }}`, "line 1: no filter named 'truncate'"},
		{"a filter of no one's", "\n{{ 1 | foo }}", "line 2: no filter named 'foo'"},
		{"a test", `{{ 1 is escaped }}`, "no test named 'escaped'"},
		{"a filter given to map", `{{ [1] | map("foo") | list }}`, "no filter named 'foo'"},
		{"a tag", `{% include "x" %}`, `the tag "include" is not known`},
		{"inheritance", `{% block b %}{% endblock %}`, `the tag "block" is not known`},
		{"a method of Python's", `{{ "a".zfill(3) }}`, "the method zfill"},
		{"the template itself", `{{ self }}`, "self is not known"},
		{"a random text", `{{ lipsum() }}`, "lipsum is random"},
		{"arguments from a list", `{{ dict(**x) }}`, "arguments with ** are not known"},
		{"numbers of other bases", `{{ 0x10 }}`, "only decimal numbers"},
		{"escapes by name", `{{ "\N{DIGIT ONE}" }}`, `the escape \N`},
		{"a field of format with a width", `{{ "{:5}".format(1) }}`, "the field {:5}"},
		{"a generator in print", `{{ [1] | map("string") }}`, "a generator can't be printed"},
		{"a whole number that does not fit", `{{ 2 ** 64 }}`, "leaves 64 bits"},
		{"a dict's method that would change it", `{{ {}.update(a=1) }}`, "the method update"},
	} {
		if got, err := render(c.source, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, %v, want an error with %q", c.why, got, err, c.want)
		}
	}
}

func TestHostileTemplatesEnd(t *testing.T) {
	big := strings.Repeat
	for _, c := range []struct{ why, source, want string }{
		{"a large template", big("a", maxSource+1), "larger than"},
		{"many brackets", "{{ " + big("(", 1000), "nested more than"},
		{"many signs", "{{ " + big("-", 5000) + "1 }}", "nested more than"},
		{"many nots", "{{ " + big("not ", 5000) + "1 }}", "nested more than"},
		{"many blocks", big("{% if 1 %}", 5000), "nested more than"},
		{"many elses", "{{ " + big("1 if 0 else ", 5000) + "1 }}", "nested more than"},
		{"a macro that calls itself", `{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}`, "nested more than"},
		{"loops in loops", big("{% for i in range(100000) %}", 4) + big("{% endfor %}", 4), "too many steps"},
		{"a text doubled and doubled", `{% set ns = namespace(s="abcdefgh") %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}`, "too many steps"},
		{"a text times a lot", `{{ "a" * 10000000000 }}`, "larger than"},
		{"a list times a lot", `{{ [1] * 10000000000 }}`, "too many steps"},
		{"much padding", `{{ "%99999d" % 1 }}`, "width in a format is too large"},
		{"a long range", `{{ range(1000000) }}`, "Range too big"},
	} {
		if _, err := render(c.source, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.why, err, c.want)
		}
	}
}

func TestVariables(t *testing.T) {
	d := NewDict()
	d.Set("z", 1)
	d.Set("a", []any{int64(2), nil, 2.5, true, "x"})
	got, err := render(`{{ d | tojson }} {{ m | tojson }} {{ n }} {{ b }}`, map[string]any{"d": d, "m": map[string]any{"b": 1, "a": 2}, "n": 7, "b": false})
	if want := `{"z": 1, "a": [2, null, 2.5, true, "x"]} {"a": 2, "b": 1} 7 False`; err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	if _, err := render("", map[string]any{"t": time.Second}); err == nil {
		t.Fatal("got no error for a variable of an unknown type")
	}
}

func TestRenderingLeavesNothingBehind(t *testing.T) {
	tmpl, err := Compile(`{% set x = x | default(0) + 1 %}{{ x }}{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}`)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, err := tmpl.Render(nil, now); err != nil || got != "11" {
			t.Fatalf("got %q, %v, want 11", got, err)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"", "a{{ b }}c", "{% for m in messages %}{{ loop.index }}{{ m.role }}{% endfor %}", "{%- if x -%} a {%+ endif +%}",
		`{{ "a\u00e9" ~ 'b' | upper }}`, "{# c #}{% raw %}{{{% endraw %}", "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{{ ns.a }}",
		`{% macro m(a, b=1) %}{{ a }}{{ caller() }}{% endmacro %}{% call m(1) %}x{% endcall %}`, `{{ [1, 2][::-1] | tojson(indent=2) }}`,
		`{{ "%s %05.1f" % ("a", 2.5) }}{{ 1 if x else 2 }}{{ a.b.0[1:2] }}`, `{{ {"a": (1, 2.5e3)}["a"] is not defined }}`, "{{ 7 // -2 ** 3 % 2 }}",
	} {
		f.Add(s)
	}
	vars := map[string]any{"messages": []any{map[string]any{"role": "user", "content": "x"}}, "x": 1}
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := Compile(source)
		if err != nil {
			return
		}
		first, err := tmpl.Render(vars, now)
		second, err2 := tmpl.Render(vars, now)
		if first != second || (err == nil) != (err2 == nil) {
			t.Fatalf("got %q, %v and then %q, %v", first, err, second, err2)
		}
	})
}

func BenchmarkRender(b *testing.B) {
	tmpl, err := Compile(`{% for m in messages %}{{ '<' + m['role'] + '>' + m.content | trim + '</>' }}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}`)
	if err != nil {
		b.Fatal(err)
	}
	vars := map[string]any{"messages": []any{map[string]any{"role": "user", "content": strings.Repeat("word ", 500)}}, "add_generation_prompt": true}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tmpl.Render(vars, now); err != nil {
			b.Fatal(err)
		}
	}
}
