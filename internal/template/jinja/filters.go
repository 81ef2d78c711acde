package jinja

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokmeter/internal/python"
)

// A filterFunc computes v|name(…).
type filterFunc func(r *run, v any, a args) any

// signed is a filter whose arguments have a Python signature, as in method.
func signed(name, signature string, f func(r *run, v any, a []any) any) filterFunc {
	return func(r *run, v any, a args) any { return f(r, v, bind(name, signature, a)) }
}

// ofText is a filter of a text without arguments.
func ofText(name string, f func(s string) any) filterFunc {
	return signed(name, "", func(r *run, v any, _ []any) any {
		s := toStr(v)
		r.step(len(s)/16 + 1)
		return f(s)
	})
}

// filterNamed finds a filter, nil where it is not known.
func filterNamed(name string) filterFunc {
	if f := sequenceFilter(name); f != nil {
		return f
	}
	switch name {
	case "upper":
		return ofText(name, func(s string) any { return upper(s) })
	case "lower":
		return ofText(name, func(s string) any { return lower(s) })
	case "capitalize":
		return ofText(name, func(s string) any { return capitalize(s) })
	case "title":
		return ofText(name, func(s string) any { return jinjaTitle(s) })
	case "string", "safe":
		return ofText(name, func(s string) any { return s })
	case "wordcount":
		return ofText(name, func(s string) any { return wordCount(s) })
	case "e", "escape", "forceescape":
		return ofText(name, func(s string) any {
			return strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;").Replace(s)
		})
	case "trim":
		return signed(name, "chars=None", func(_ *run, v any, a []any) any { return strip(toStr(v), a[0], "strip") })
	case "replace":
		return signed(name, "old new count=None", func(r *run, v any, a []any) any {
			n := -1
			if a[2] != nil {
				n = clampInt(asInt(a[2], "count"))
			}
			return r.bounded(strings.Replace(toStr(v), toStr(a[0]), toStr(a[1]), n))
		})
	case "indent":
		return signed(name, "width=4 first=False blank=False", indent)
	case "format":
		return func(r *run, v any, a args) any {
			if a.named != nil && len(a.pos) > 0 {
				fail("can't handle positional and keyword arguments at the same time")
			}
			if a.named != nil {
				return percent(r, toStr(v), a.named)
			}
			return percent(r, toStr(v), &list{items: a.pos, shape: tuple})
		}
	case "default", "d":
		return signed(name, "default_value='' boolean=False", func(_ *run, v any, a []any) any {
			if _, u := v.(undefined); u || truth(a[1]) && !truth(v) {
				return a[0]
			}
			return v
		})
	case "tojson":
		return signed(name, "ensure_ascii=False indent=None separators=None sort_keys=False", toJSON)
	case "int":
		return signed(name, "default=0 base=10", func(_ *run, v any, a []any) any { return toInt(v, a[0], a[1]) })
	case "float":
		return signed(name, "default=None", func(_ *run, v any, a []any) any { return toFloat(v, a[0]) })
	case "abs":
		return signed(name, "", func(_ *run, v any, _ []any) any {
			if _, f, _, _ := number(v); f < 0 {
				return negate("-", v)
			}
			return negate("+", v)
		})
	case "round":
		return signed(name, "precision=0 method=None", round)
	}
	return nil
}

// jinjaTitle is the filter title, where a word ends at space, a hyphen or a
// bracket.
func jinjaTitle(s string) string {
	var b strings.Builder
	start := true
	for _, c := range s {
		switch {
		case python.IsSpace(c) || strings.ContainsRune("-({[<", c):
			b.WriteRune(c)
			start = true
			continue
		case start:
			b.WriteString(upper(string(c)))
		default:
			b.WriteString(lower(string(c)))
		}
		start = false
	}
	return b.String()
}

// wordCount counts runs of letters, digits and underscores.
func wordCount(s string) int64 {
	n, in := int64(0), false
	for _, c := range s {
		word := c == '_' || unicode.IsLetter(c) || unicode.IsNumber(c)
		if word && !in {
			n++
		}
		in = word
	}
	return n
}

func indent(r *run, v any, a []any) any {
	pad, ok := a[0].(string)
	if !ok {
		pad = r.repeat(" ", asInt(a[0], "width"))
	}
	lines := splitLines(r, asStr(v, "indent")+"\n", false)
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == 0 && truth(a[1]) || i > 0 && (truth(a[2]) || l != "") {
			b.WriteString(pad)
		}
		b.WriteString(l.(string))
	}
	return r.bounded(b.String())
}

func toInt(v, fallback, base any) any {
	switch v := v.(type) {
	case int64, bool:
		return negate("+", v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fallback
		}
		return truncate(v)
	case string:
		if asInt(base, "base") != 10 {
			fail("int with a base other than 10 is not known")
		}
		s := strings.TrimFunc(v, python.IsSpace)
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
		if f, ok := parseFloat(s); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return truncate(f)
		}
	case undefined:
		fail("%s", v.why)
	}
	return fallback
}

func toFloat(v, fallback any) any {
	if f, ok := parseFloat(v); ok {
		return f
	}
	if fallback == nil {
		return 0.0
	}
	return fallback
}

func parseFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case string:
		f, err := python.ParseFloat(v)
		return f, err == nil
	case undefined:
		fail("%s", v.why)
	}
	_, f, _, ok := number(v)
	return f, ok
}

// round rounds half to even, as Python does; a float comes out even of 0 places.
func round(_ *run, v any, a []any) any {
	i, f, whole, ok := number(v)
	places := asInt(a[0], "precision")
	if !ok {
		fail("type %s doesn't define __round__ method", typeName(v))
	}
	how := "common"
	if a[1] != nil {
		how = asStr(a[1], "method")
	}
	scale := math.Pow(10, float64(places))
	switch how {
	case "common":
		if whole && places >= 0 {
			return i
		}
		if places < 0 || places > 300 {
			return math.RoundToEven(f*scale) / scale
		}
		out, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(places), 64), 64)
		if err != nil {
			fail("%v can't be rounded", f)
		}
		return out
	case "ceil":
		return math.Ceil(f*scale) / scale
	case "floor":
		return math.Floor(f*scale) / scale
	}
	fail("method must be common, ceil or floor")
	return nil
}

// firstRune is the first character of a text.
func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}
