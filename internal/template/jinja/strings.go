package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tokmeter/internal/python"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// upper and lower are Python's, with the special cases of Unicode.
func upper(s string) string { return cases.Upper(language.Und).String(s) }
func lower(s string) string { return cases.Lower(language.Und).String(s) }

// stringMethod is a method of Python's str, nil where it has none.
func stringMethod(s, key string) any {
	switch key {
	case "upper":
		return method(key, "", func(*run, []any) any { return upper(s) })
	case "lower":
		return method(key, "", func(*run, []any) any { return lower(s) })
	case "capitalize":
		return method(key, "", func(*run, []any) any { return capitalize(s) })
	case "title":
		return method(key, "", func(*run, []any) any { return pythonTitle(s) })
	case "swapcase":
		return method(key, "", func(*run, []any) any { return swapcase(s) })
	case "strip", "lstrip", "rstrip":
		return method(key, "chars=None", func(_ *run, a []any) any { return strip(s, a[0], key) })
	case "split", "rsplit":
		return method(key, "sep=None maxsplit=-1", func(r *run, a []any) any {
			return split(r, s, a[0], asInt(a[1], "maxsplit"), key == "rsplit")
		})
	case "splitlines":
		return method(key, "keepends=False", func(r *run, a []any) any { return newList(splitLines(r, s, truth(a[0]))) })
	case "partition":
		return method(key, "sep", func(_ *run, a []any) any {
			before, after, found := strings.Cut(s, notEmpty(a[0]))
			sep := a[0]
			if !found {
				sep = ""
			}
			return &list{items: []any{before, sep, after}, shape: tuple}
		})
	case "join":
		return method(key, "iterable", func(r *run, a []any) any { return joinStrict(r, s, a[0]) })
	case "replace":
		return method(key, "old new count=-1", func(r *run, a []any) any {
			return r.bounded(strings.Replace(s, asStr(a[0], "old"), asStr(a[1], "new"), clampInt(asInt(a[2], "count"))))
		})
	case "startswith", "endswith":
		return method(key, "prefix", func(_ *run, a []any) any { return affix(s, a[0], key == "startswith") })
	case "removeprefix":
		return method(key, "prefix", func(_ *run, a []any) any { return strings.TrimPrefix(s, asStr(a[0], "prefix")) })
	case "removesuffix":
		return method(key, "suffix", func(_ *run, a []any) any { return strings.TrimSuffix(s, asStr(a[0], "suffix")) })
	case "find", "rfind", "index":
		return method(key, "sub", func(_ *run, a []any) any { return find(s, asStr(a[0], "sub"), key) })
	case "count":
		return method(key, "sub", func(_ *run, a []any) any { return int64(strings.Count(s, asStr(a[0], "sub"))) })
	case "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower":
		return method(key, "", func(*run, []any) any { return is(s, key) })
	case "format":
		return &function{key, func(r *run, a args) any { return braces(r, s, a) }}
	}
	return nil
}

func clampInt(n int64) int { return int(min(max(n, -1), 1<<31-1)) }

func notEmpty(v any) string {
	s := asStr(v, "separator")
	if s == "" {
		fail("empty separator")
	}
	return s
}

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return titleRune(s[:n]) + lower(s[n:])
}

// titleRune is the title case of one character.
func titleRune(s string) string { return cases.Title(language.Und, cases.NoLower).String(s) }

// pythonTitle is str.title(): a word is a run of letters.
func pythonTitle(s string) string {
	var b strings.Builder
	inWord := false
	for _, c := range s {
		letter := unicode.IsLetter(c)
		switch {
		case letter && inWord:
			b.WriteString(lower(string(c)))
		case letter:
			b.WriteString(titleRune(string(c)))
		default:
			b.WriteRune(c)
		}
		inWord = letter
	}
	return b.String()
}

func swapcase(s string) string {
	var b strings.Builder
	for _, c := range s {
		if unicode.IsUpper(c) {
			b.WriteString(lower(string(c)))
		} else {
			b.WriteString(upper(string(c)))
		}
	}
	return b.String()
}

// strip is strip, lstrip or rstrip, of space or of any of some characters.
func strip(s string, chars any, side string) string {
	drop := python.IsSpace
	if chars != nil {
		set := asStr(chars, "chars")
		drop = func(c rune) bool { return strings.ContainsRune(set, c) }
	}
	if side != "rstrip" {
		s = strings.TrimLeftFunc(s, drop)
	}
	if side != "lstrip" {
		s = strings.TrimRightFunc(s, drop)
	}
	return s
}

// split is split or rsplit, at a separator or at runs of space.
func split(r *run, s string, sep any, limit int64, right bool) any {
	r.step(len(s)/4 + 1)
	var parts []any
	if sep == nil {
		if limit >= 0 {
			fail("split with a limit at spaces is not known")
		}
		for _, f := range strings.FieldsFunc(s, python.IsSpace) {
			parts = append(parts, f)
		}
		return newList(parts)
	}
	mark := notEmpty(sep)
	if !right {
		n := -1
		if limit >= 0 {
			n = clampInt(limit) + 1
		}
		for _, f := range strings.SplitN(s, mark, n) {
			parts = append(parts, f)
		}
		return newList(parts)
	}
	for limit != 0 {
		i := strings.LastIndex(s, mark)
		if i < 0 {
			break
		}
		parts = append(parts, s[i+len(mark):])
		s = s[:i]
		limit--
	}
	parts = append(parts, s)
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return newList(parts)
}

// splitLines is str.splitlines().
func splitLines(r *run, s string, keep bool) []any {
	r.step(len(s)/4 + 1)
	var out []any
	for s != "" {
		i := strings.IndexFunc(s, func(c rune) bool {
			return c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029
		})
		if i < 0 {
			return append(out, s)
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		end := i
		if keep {
			end = i + n
		}
		out = append(out, s[:end])
		s = s[i+n:]
	}
	return out
}

func joinStrict(r *run, sep string, v any) string {
	var parts []string
	for i, x := range iterate(r, v) {
		s, ok := x.(string)
		if !ok {
			fail("sequence item %d: expected str instance, %s found", i, typeName(x))
		}
		parts = append(parts, s)
	}
	return r.bounded(strings.Join(parts, sep))
}

func affix(s string, v any, front bool) bool {
	if l, ok := v.(*list); ok && l.shape == tuple {
		for _, x := range l.items {
			if affix(s, x, front) {
				return true
			}
		}
		return false
	}
	if front {
		return strings.HasPrefix(s, asStr(v, "prefix"))
	}
	return strings.HasSuffix(s, asStr(v, "suffix"))
}

func find(s, sub, how string) int64 {
	i := strings.Index(s, sub)
	if how == "rfind" {
		i = strings.LastIndex(s, sub)
	}
	if i < 0 && how == "index" {
		fail("substring not found")
	}
	if i < 0 {
		return -1
	}
	return int64(utf8.RuneCountInString(s[:i]))
}

// is answers the questions about all characters of a string.
func is(s, what string) bool {
	if what == "isupper" || what == "islower" {
		cased := false
		for _, c := range s {
			up, low := unicode.IsUpper(c) || unicode.IsTitle(c), unicode.IsLower(c)
			if up && what == "islower" || low && what == "isupper" {
				return false
			}
			cased = cased || up || low
		}
		return cased
	}
	for _, c := range s {
		ok := false
		switch what {
		case "isdigit":
			ok = unicode.IsDigit(c)
		case "isalpha":
			ok = unicode.IsLetter(c)
		case "isalnum":
			ok = unicode.IsLetter(c) || unicode.IsNumber(c)
		case "isspace":
			ok = python.IsSpace(c)
		}
		if !ok {
			return false
		}
	}
	return s != ""
}
