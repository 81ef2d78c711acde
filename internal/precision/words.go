package precision

import (
	"errors"
	"fmt"
	"strings"
)

// Words splits a command as a shell does: at spaces and line ends, with single
// and double quotes and backslashes. Nothing else of a shell is understood, and
// nothing is replaced. The error says that a quote has no end.
func Words(s string) ([]string, error) {
	var out []string
	var word strings.Builder
	in := false // a word
	quote := rune(0)
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			if quote == '"' && r != '"' && r != '\\' && r != '$' && r != '`' {
				word.WriteByte('\\')
			}
			if r != '\n' {
				word.WriteRune(r)
			}
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, in = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			if in {
				out = append(out, word.String())
				word.Reset()
			}
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("%q: a quote has no end", short(s))
	}
	if in {
		out = append(out, word.String())
	}
	if len(out) == 0 {
		return nil, errors.New("no word in it")
	}
	return out, nil
}

// ParseVariant reads the short form NAME=PRECISION[@URL]. NAME is the model's
// stub; without a URL the variant is served by the card of --simulate, which may
// have settings behind commas, or by the command. Its name is the precision.
func ParseVariant(text, simulate string, command []string) (Variant, error) {
	fail := func(why string) (Variant, error) {
		return Variant{}, fmt.Errorf("--variant %q: %s: want NAME=PRECISION or NAME=PRECISION@URL, such as meta-llama/Meta-Llama-3-8B-Instruct=fp16@http://127.0.0.1:8000", short(text), why)
	}
	name, rest, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fail("no name")
	}
	precision, url, hasURL := strings.Cut(rest, "@")
	if precision == "" {
		return fail("no precision")
	}
	v := Variant{Name: precision, Model: name, Precision: precision}
	switch {
	case hasURL && url == "":
		return fail("no URL behind @")
	case hasURL:
		v.URL = url
	case simulate != "":
		v.Simulate = simulate
		v.joinSimulate()
	case len(command) > 0:
		v.Command = command
	default:
		return fail("nothing serves it: add @URL, --simulate or --command")
	}
	return v, nil
}

// Distinct gives variants of the short form that share a precision names of
// their own: precision and number.
func Distinct(all []Variant) {
	count := map[string]int{}
	for _, v := range all {
		count[v.Name]++
	}
	nth := map[string]int{}
	for i := range all {
		name := all[i].Name
		if count[name] > 1 {
			nth[name]++
			all[i].Name = fmt.Sprintf("%s-%d", name, nth[name])
		}
	}
}

// Stubs are the variants of `tokmeter precision --simulate CARD`: Llama-3-8B as
// its users find it in four formats.
func Stubs(simulate string) []Variant {
	var out []Variant
	for _, s := range [][2]string{
		{"fp16", "meta-llama/Meta-Llama-3-8B-Instruct"},
		{"fp8", "neuralmagic/Meta-Llama-3-8B-Instruct-FP8"},
		{"int8", "astronomer/Llama-3-8B-Instruct-GPTQ-8-Bit"},
		{"int4", "nm-testing/Meta-Llama-3-8B-Instruct-GPTQ"},
	} {
		out = append(out, Variant{Name: s[0], Model: s[1], Precision: s[0], Simulate: simulateWith(simulate, s[1], s[0])})
	}
	return out
}
