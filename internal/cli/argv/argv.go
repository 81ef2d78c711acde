// Package argv reads a command line as vLLM's parser does and hands back plain
// settings. It is a pure function of the words and of the configuration file.
//
// It promises: hyphens and underscores are the same in names; --k=v and --k v
// are the same; an unambiguous beginning of a name is the name; the last one
// wins, and a flag given twice is noted; lists take the words that follow;
// dotted names (--extra-body.a.b=1) build a JSON object; the configuration
// file counts less than the words, wherever it is named.
//
// It refuses what it does not know, naming the nearest names; it never drops a
// word.
package argv

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Kind says how many words belong to an option.
type Kind uint8

// The kinds of options.
const (
	Switch   Kind = iota // none; =true and =false are accepted
	Value                // one
	Optional             // one or none
	List                 // any number
	List1                // at least one
)

// An Option is a name that the command line may use.
type Option struct {
	Name   string // with hyphens
	Kind   Kind
	Dotted bool   // takes dotted names
	Of     string // of a Switch: the option that it sets to false; "" for none
	Joined bool   // given again, its words are added to the earlier ones
	Late   bool   // loses against an option without it where an abbreviation fits both
}

// A Setting is one option with its words. A switch has "true" or "false"; an
// Optional without a word has none.
type Setting struct {
	Name   string
	Values []string
}

// A Result is a command line that was understood.
type Result struct {
	Settings []Setting // each name once, in the order of their first appearance
	Words    []string  // words that belong to no option
	Notes    []string  // what the user should know, such as duplicates
}

// ConfigOption is the name of the option that names the configuration file.
const ConfigOption = "config"

// Parse reads args. The option "config" names a YAML file that readFile
// returns; it takes part only if options list it. The error joins one error
// for each problem.
func Parse(options []Option, args []string, readFile func(path string) ([]byte, error)) (Result, error) {
	names := newNames(options)
	words := scan(names, args)
	problems := words.problems
	var res Result
	res.Words = words.free

	var file []setting
	switch paths := words.all(ConfigOption); {
	case len(paths) > 1:
		problems = append(problems, errors.New("--config is given more than once: name one file"))
	case len(paths) == 1:
		var err error
		if file, err = readConfig(names, paths[0].values[0], readFile); err != nil {
			problems = append(problems, err)
		}
	}
	m := newMerger()
	for _, s := range file {
		problems = append(problems, m.add(s)...)
	}
	m.endOfFile()
	for _, s := range words.settings {
		problems = append(problems, m.add(s)...)
	}
	res.Settings, res.Notes = m.result()
	if err := errors.Join(problems...); err != nil {
		return Result{}, err
	}
	return res, nil
}

// A setting is one use of an option.
type setting struct {
	option Option
	keys   []string // of a dotted name
	more   bool     // the dotted name ended in +
	values []string
}

// scanned is what the words say before anything is merged.
type scanned struct {
	settings []setting
	free     []string
	problems []error
}

// all returns the uses of an option that have a word.
func (s *scanned) all(name string) []setting {
	var found []setting
	for _, x := range s.settings {
		if x.option.Name == name && len(x.values) > 0 {
			found = append(found, x)
		}
	}
	return found
}

// scan splits args into uses of options and free words.
func scan(names *names, args []string) scanned {
	var out scanned
	for i := 0; i < len(args); {
		word := args[i]
		i++
		if isWord(word) {
			out.free = append(out.free, word)
			continue
		}
		if word == "--" {
			out.free = append(out.free, args[i:]...)
			break
		}
		name, value, hasValue := strings.Cut(word, "=")
		s, err := names.use(name)
		if err != nil {
			out.problems = append(out.problems, err)
			for !hasValue && i < len(args) && isWord(args[i]) {
				i++ // the words of an unknown option are no problem of their own
			}
			continue
		}
		n, err := s.take(value, hasValue, args[i:])
		i += n
		if err != nil {
			out.problems = append(out.problems, err)
			continue
		}
		out.settings = append(out.settings, s)
	}
	return out
}

// take gives s its words from the value after = and from the words that
// follow, and returns how many of those it took.
func (s *setting) take(value string, hasValue bool, rest []string) (int, error) {
	name := "--" + s.option.Name
	if s.keys != nil {
		return s.takeDotted(value, hasValue, rest)
	}
	if hasValue {
		s.values = []string{value}
		if s.option.Kind == Switch {
			return 0, s.setSwitch(value)
		}
		return 0, nil
	}
	n := 0
	limit := 1
	switch s.option.Kind {
	case Switch:
		return 0, s.setSwitch("true")
	case List, List1:
		limit = len(rest)
	}
	for n < limit && n < len(rest) && isWord(rest[n]) {
		n++
	}
	s.values = append([]string{}, rest[:n]...)
	switch {
	case n == 0 && s.option.Kind == Value:
		return 0, fmt.Errorf("%s needs a value%s", name, dashHint(rest))
	case n == 0 && s.option.Kind == List1:
		return 0, fmt.Errorf("%s needs at least one value%s", name, dashHint(rest))
	}
	return n, nil
}

// takeDotted is take for a dotted name.
func (s *setting) takeDotted(value string, hasValue bool, rest []string) (int, error) {
	if hasValue {
		s.values = []string{value}
		return 0, nil
	}
	if len(rest) == 0 || strings.HasPrefix(rest[0], "--") {
		return 0, fmt.Errorf("--%s.%s needs a value%s", s.option.Name, strings.Join(s.keys, "."), dashHint(rest))
	}
	s.values = []string{rest[0]}
	return 1, nil
}

// setSwitch gives a switch its value.
func (s *setting) setSwitch(value string) error {
	on, ok := parseBool(value)
	if !ok {
		return fmt.Errorf("--%s is a switch and takes no value such as %q", s.option.Name, value)
	}
	if s.option.Of != "" {
		s.option.Name, on = s.option.Of, !on
	}
	s.values = []string{fmt.Sprint(on)}
	return nil
}

func parseBool(s string) (on, ok bool) {
	switch strings.ToLower(s) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// dashHint helps where the next word looks like an option.
func dashHint(rest []string) string {
	if len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		return fmt.Sprintf("; if %q is the value, write it after =", rest[0])
	}
	return ""
}

// negative is what argparse takes for a negative number and not for an option.
var negative = regexp.MustCompile(`^-(\d+|\d*\.\d+)$`)

// isWord reports whether a word is a value and no option, as argparse decides.
func isWord(s string) bool {
	if !strings.HasPrefix(s, "-") || s == "-" || negative.MatchString(s) {
		return true
	}
	return strings.Contains(s, " ") && !strings.HasPrefix(s, "--")
}
