package compare

import (
	"slices"
	"strconv"
	"strings"
)

// own is the arguments that every variant has of its own: where it listens, what
// it is called, and the precision itself.
func own() []string {
	return []string{
		"--port", "--host", "--addr", "-p", "--uds", "--api-key", "--model", "-m", "--model-path", "--revision", "--tokenizer", "--tokenizer-path", "--tokenizer-revision",
		"--served-model-name", "--alias", "-a", "--hf-repo", "-hf", "-hfr", "--hf-file", "-hff", "--download-dir", "--load-format", "--log-file",
		"--quantization", "-q", "--dtype", "--torch-dtype", "--precision", "--weights", "--simulate", "--setup",
	}
}

// Flags lists the flags in which two command lines differ, as each has them;
// words that are no flags, which are programs and models, are left out.
func Flags(a, b []string) (first, second []string) {
	p, q := flags(a), flags(b)
	names := map[string]bool{}
	for n := range p {
		names[n] = true
	}
	for n := range q {
		names[n] = true
	}
	for n := range names {
		x, inA := p[n]
		y, inB := q[n]
		if inA == inB && x == y {
			continue
		}
		if inA {
			first = append(first, strings.TrimSpace(n+" "+x))
		}
		if inB {
			second = append(second, strings.TrimSpace(n+" "+y))
		}
	}
	slices.Sort(first)
	slices.Sort(second)
	return first, second
}

// flags are the flags of a command line with their values, without those that a
// variant has of its own. A flag that is given twice has both values.
func flags(args []string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(args); i++ {
		name, value, has := strings.Cut(args[i], "=")
		if len(name) < 2 || name[0] != '-' || number(name) {
			continue
		}
		for !has || value == "" { // words up to the next flag
			if i+1 >= len(args) || len(args[i+1]) > 1 && args[i+1][0] == '-' && !number(args[i+1]) {
				break
			}
			i++
			value = strings.TrimSpace(value + " " + args[i])
			has = false
		}
		if strings.HasPrefix(name, "--") {
			name = strings.ReplaceAll(name, "_", "-")
		}
		if slices.Contains(own(), name) {
			continue
		}
		if before, ok := out[name]; ok {
			value = before + " " + value
		}
		out[name] = value
	}
	return out
}

// number reports whether a word is a negative number rather than a flag.
func number(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && s[0] == '-'
}
