package server

import (
	"fmt"
	"slices"
	"strings"
)

// A command is a template that has been filled in.
type command struct {
	argv []string
	env  []string // NAME=value that stood before the program
}

// Words splits a command line as a POSIX shell does, without running one: words
// are divided by blanks and line ends, 'single quotes' keep everything,
// "double quotes" keep blanks and let a backslash escape ", \, $ and `, outside
// quotes a backslash escapes any character and joins lines, and # at the start
// of a word begins a comment. Variables, globs, ~ and pipes mean nothing:
// whoever needs them writes sh -c '…'. A quote that is not closed is an error.
func Words(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	in := false
	rs := []rune(line)
	for i := 0; i < len(rs); i++ {
		switch c := rs[i]; {
		case c == '\\' && i+1 == len(rs):
			return nil, fmt.Errorf("command %q: nothing follows the last backslash: leave it out", line)
		case c == '\\':
			i++
			if rs[i] != '\n' {
				word.WriteRune(rs[i])
				in = true
			}
		case c == '\'' || c == '"':
			end := closing(rs, i)
			if end < 0 {
				return nil, fmt.Errorf("command %q: the quote %c is not closed", line, c)
			}
			quoted(&word, rs[i+1:end], c)
			in, i = true, end
		case strings.ContainsRune(" \t\r\n", c):
			if in {
				out = append(out, word.String())
				word.Reset()
			}
			in = false
		case c == '#' && !in:
			for i+1 < len(rs) && rs[i+1] != '\n' {
				i++
			}
		default:
			word.WriteRune(c)
			in = true
		}
	}
	if in {
		out = append(out, word.String())
	}
	return out, nil
}

// closing is where the quote that begins at i ends, or -1.
func closing(rs []rune, i int) int {
	for j := i + 1; j < len(rs); j++ {
		switch {
		case rs[j] == rs[i]:
			return j
		case rs[j] == '\\' && rs[i] == '"':
			j++
		}
	}
	return -1
}

func quoted(w *strings.Builder, rs []rune, quote rune) {
	for i := 0; i < len(rs); i++ {
		if quote == '"' && rs[i] == '\\' && i+1 < len(rs) && strings.ContainsRune("\"\\$`\n", rs[i+1]) {
			i++
			if rs[i] == '\n' {
				continue
			}
		}
		w.WriteRune(rs[i])
	}
}

// Fill replaces {name} by its value in one word; {{ and }} stand for the braces
// themselves. A name without a value, and a brace alone, are errors.
func Fill(word string, values map[string]string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c != '{' && c != '}' {
			out.WriteByte(c)
			continue
		}
		if i+1 < len(word) && word[i+1] == c {
			out.WriteByte(c)
			i++
			continue
		}
		end := strings.IndexByte(word[i:], '}')
		if c == '}' || end < 0 {
			return "", fmt.Errorf("command: %q: a single %c: write %c%c for the brace itself", word, c, c, c)
		}
		name := word[i+1 : i+end]
		v, ok := values[name]
		if !ok {
			return "", fmt.Errorf("command: %q: no placeholder {%s}: there are %s; write {{ and }} for braces", word, name, known(values))
		}
		out.WriteString(v)
		i += end
	}
	return out.String(), nil
}

func known(values map[string]string) string {
	var names []string
	for n := range values {
		names = append(names, "{"+n+"}")
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// expand splits a template and fills its words in. A value never becomes two
// words. NAME=value before the program goes to its environment, as in a shell.
func expand(template string, values map[string]string) (command, error) {
	words, err := Words(template)
	if err != nil {
		return command{}, err
	}
	var c command
	for _, w := range words {
		f, err := Fill(w, values)
		if err != nil {
			return command{}, err
		}
		if len(c.argv) == 0 && isAssignment(w) {
			c.env = append(c.env, f)
			continue
		}
		c.argv = append(c.argv, f)
	}
	if len(c.argv) == 0 || c.argv[0] == "" {
		return command{}, fmt.Errorf("command %q: no program in it", template)
	}
	for _, w := range slices.Concat(c.argv, c.env) {
		if strings.ContainsRune(w, 0) {
			return command{}, fmt.Errorf("command %q: a word has no zero byte", template)
		}
	}
	return c, nil
}

// fromWords is a command of words that are as they should be but for the
// address. NAME=value before the program goes to its environment.
func fromWords(words []string, host, port string) (command, error) {
	fill := strings.NewReplacer("{host}", host, "{port}", port)
	var c command
	for _, w := range words {
		switch {
		case strings.ContainsRune(w, 0):
			return command{}, fmt.Errorf("command %q: a word has no zero byte", words)
		case len(c.argv) == 0 && isAssignment(w):
			c.env = append(c.env, fill.Replace(w))
		default:
			c.argv = append(c.argv, fill.Replace(w))
		}
	}
	if len(c.argv) == 0 || c.argv[0] == "" {
		return command{}, fmt.Errorf("command %q: no program in it", words)
	}
	return c, nil
}

func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	if !ok || name == "" || (name[0] >= '0' && name[0] <= '9') {
		return false
	}
	for _, c := range name {
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
