package engine

import (
	"fmt"
	"strconv"
	"strings"
)

// A command is words with the address filled in.
type command struct {
	argv []string
	env  []string // NAME=value that stood before the program
}

// argv is the command's words with the address filled in. NAME=value before the
// program goes to its environment.
func (s Spec) argv(port int) (command, error) {
	fill := strings.NewReplacer("{host}", s.host(), "{port}", strconv.Itoa(port))
	var c command
	for _, w := range s.Argv {
		switch {
		case strings.ContainsRune(w, 0):
			return command{}, fmt.Errorf("command %q: a word has no zero byte", s.Argv)
		case len(c.argv) == 0 && isAssignment(w):
			c.env = append(c.env, fill.Replace(w))
		default:
			c.argv = append(c.argv, fill.Replace(w))
		}
	}
	if len(c.argv) == 0 || c.argv[0] == "" {
		return command{}, fmt.Errorf("command %q: no program in it", s.Argv)
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
