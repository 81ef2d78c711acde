package jinja

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// percent is Python's format % values.
func percent(r *run, format string, v any) string {
	values := []any{v}
	if l, ok := v.(*list); ok && l.shape == tuple {
		values = l.items
	}
	d, isDict := v.(*Dict)
	var b strings.Builder
	next := 0
	for {
		before, after, found := strings.Cut(format, "%")
		b.WriteString(before)
		if !found {
			break
		}
		if after == "" {
			fail("incomplete format")
		}
		if after[0] == '%' {
			b.WriteByte('%')
			format = after[1:]
			continue
		}
		if after[0] == '(' {
			key, rest, ok := strings.Cut(after[1:], ")")
			if !ok || !isDict {
				fail("format requires a mapping")
			}
			x, ok := d.get(key)
			if !ok {
				fail("the format names %s, which is not there", repr(key))
			}
			format = rest
			b.WriteString(directive(x, &format))
			continue
		}
		if next == len(values) {
			fail("not enough arguments for format string")
		}
		format = after
		b.WriteString(directive(values[next], &format))
		next++
	}
	if next < len(values) && !isDict {
		fail("not all arguments converted during string formatting")
	}
	return r.bounded(b.String())
}

// directive formats one value by the flags, width, precision and letter at the
// start of *format, and takes them off.
func directive(v any, format *string) string {
	s := *format
	i := 0
	for i < len(s) && strings.IndexByte("-+ 0#", s[i]) >= 0 {
		i++
	}
	flags := s[:i]
	digits := func() int {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n, _ := strconv.Atoi(s[from:i])
		if i-from > 4 {
			fail("the width in a format is too large")
		}
		return n
	}
	width, precision := digits(), -1
	if i < len(s) && s[i] == '.' {
		i++
		precision = digits()
	}
	if i == len(s) {
		fail("incomplete format")
	}
	letter := s[i]
	*format = s[i+1:]
	return pad(convert(v, letter, precision, flags), flags, width, strings.IndexByte("sr", letter) < 0)
}

func convert(v any, letter byte, precision int, flags string) string {
	var out string
	switch letter {
	case 's', 'r':
		if out = toStr(v); letter == 'r' {
			out = repr(v)
		}
		if precision >= 0 && precision < utf8.RuneCountInString(out) {
			out = string([]rune(out)[:precision])
		}
		return out
	case 'd', 'i':
		n, f, whole, ok := number(v)
		if !ok {
			fail("%%%c format: a real number is required, not %s", letter, typeName(v))
		}
		if !whole {
			n = truncate(f)
		}
		out = strconv.FormatInt(n, 10)
	case 'f', 'F', 'e', 'g':
		_, f, _, ok := number(v)
		if !ok || letter == 'g' {
			fail("%%%c can't format %s", letter, typeName(v))
		}
		if precision < 0 {
			precision = 6
		}
		out = strconv.FormatFloat(f, letter|0x20, precision, 64)
	case 'x':
		out = strconv.FormatInt(asInt(v, "%x"), 16)
	default:
		fail("unsupported format character %q", letter)
	}
	if !strings.HasPrefix(out, "-") {
		if strings.Contains(flags, "+") {
			return "+" + out
		}
		if strings.Contains(flags, " ") {
			return " " + out
		}
	}
	return out
}

func pad(s, flags string, width int, numeric bool) string {
	missing := width - utf8.RuneCountInString(s)
	switch {
	case missing <= 0:
		return s
	case strings.Contains(flags, "-"):
		return s + strings.Repeat(" ", missing)
	case strings.Contains(flags, "0") && numeric:
		sign := ""
		if strings.IndexByte("+- ", s[0]) >= 0 {
			sign, s = s[:1], s[1:]
		}
		return sign + strings.Repeat("0", missing) + s
	}
	return strings.Repeat(" ", missing) + s
}

// truncate is Python's int() of a float.
func truncate(f float64) int64 {
	if !(f > -(1<<63) && f < 1<<63) {
		return overflow()
	}
	return int64(f)
}

// braces is str.format with plain fields: {}, {0} and {name}.
func braces(r *run, format string, a args) string {
	var b strings.Builder
	auto := 0
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case (c == '{' || c == '}') && i+1 < len(format) && format[i+1] == c:
			b.WriteByte(c)
			i++
		case c == '}':
			fail("single '}' encountered in format string")
		case c == '{':
			field, _, ok := strings.Cut(format[i+1:], "}")
			if !ok {
				fail("expected '}' before end of string")
			}
			i += len(field) + 1
			b.WriteString(toStr(formatField(field, a, &auto)))
		default:
			b.WriteByte(c)
		}
	}
	return r.bounded(b.String())
}

func formatField(field string, a args, auto *int) any {
	if strings.ContainsAny(field, ":!.[{") {
		fail("the field {%s} of format is not known: only {}, {0} and {name} are", field)
	}
	n, err := strconv.Atoi(field)
	if field == "" {
		n, err = *auto, nil
		*auto++
	}
	if err == nil {
		if n < 0 || n >= len(a.pos) {
			fail("replacement index %d out of range for positional args tuple", n)
		}
		return a.pos[n]
	}
	v, ok := a.get(field)
	if !ok {
		fail("format names %s, which is not given", repr(field))
	}
	return v
}
