package argv

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/near"
)

// names finds options by what the user wrote.
type names struct {
	options []Option
	exact   map[string]Option
	whole   bool // no abbreviations
}

func newNames(options []Option) *names {
	n := &names{options: options, exact: make(map[string]Option, len(options))}
	for _, o := range options {
		n.exact[o.Name] = o
	}
	return n
}

// exactly finds options by their whole names alone, as a file should write
// them.
func (n *names) exactly() *names { return &names{options: n.options, exact: n.exact, whole: true} }

// use turns a word that begins with a hyphen, without its =value, into the use
// of an option.
func (n *names) use(word string) (setting, error) {
	bare, ok := strings.CutPrefix(word, "--")
	if !ok {
		return setting{}, fmt.Errorf("unknown flag %s: flags begin with two hyphens", word)
	}
	base, dotted, isDotted := strings.Cut(bare, ".")
	option, err := n.resolve(base)
	if err != nil {
		return setting{}, err
	}
	s := setting{option: option}
	if !isDotted {
		return s, nil
	}
	if !option.Dotted {
		return setting{}, fmt.Errorf("--%s takes no keys: --%s.%s has no meaning", option.Name, option.Name, dotted)
	}
	dotted, s.more = strings.CutSuffix(dotted, "+")
	s.keys = strings.Split(dotted, ".")
	if slices.Contains(s.keys, "") {
		return setting{}, fmt.Errorf("%s has an empty key", word)
	}
	return s, nil
}

// resolve finds an option by its name, with hyphens or underscores, or by an
// unambiguous beginning of it.
func (n *names) resolve(written string) (Option, error) {
	name := strings.ReplaceAll(written, "_", "-")
	if o, ok := n.exact[name]; ok {
		return o, nil
	}
	if name == "" {
		return Option{}, errors.New("a flag without a name")
	}
	var first, late []Option
	for _, o := range n.options {
		if n.whole || !strings.HasPrefix(o.Name, name) {
			continue
		}
		if o.Late {
			late = append(late, o)
		} else {
			first = append(first, o)
		}
	}
	found := append(first, late...)
	switch {
	case len(first) == 1, len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Option{}, fmt.Errorf("--%s may mean %s", name, list(optionNames(found)))
	}
	if meant, ok := otherNames()[name]; ok {
		if _, here := n.exact[meant]; here {
			return Option{}, fmt.Errorf("unknown flag --%s; did you mean --%s?", name, meant)
		}
	}
	if like := near.Names(name, optionNames(n.options)); len(like) > 0 {
		return Option{}, fmt.Errorf("unknown flag --%s; did you mean %s?", name, list(like))
	}
	return Option{}, fmt.Errorf("unknown flag --%s; --help lists all flags", name)
}

// otherNames are what other benchmark clients call a flag: their spelling is not
// near to ours.
func otherNames() map[string]string {
	return map[string]string{
		"num-requests": "num-prompts", "requests": "num-prompts", "n": "num-prompts", "rate": "request-rate", "qps": "request-rate", "rps": "request-rate",
		"concurrency": "max-concurrency", "users": "max-concurrency", "url": "base-url", "server": "base-url", "input-tokens": "input-len",
		"output-tokens": "output-len", "max-tokens": "output-len", "dataset": "dataset-name", "slo": "goodput", "timeout": "request-timeout-sec",
	}
}

func optionNames(options []Option) []string {
	var out []string
	for _, o := range options {
		out = append(out, o.Name)
	}
	return out
}

// maxShown is how many names a message lists.
const maxShown = 4

// list writes names as "--a, --b or --c".
func list(names []string) string {
	rest := ""
	if len(names) > maxShown {
		rest = fmt.Sprintf(" or %d others", len(names)-maxShown)
		names = names[:maxShown]
	}
	if len(names) == 1 {
		return "--" + names[0] + rest
	}
	joined := "--" + strings.Join(names[:len(names)-1], ", --")
	if rest != "" {
		return joined + ", --" + names[len(names)-1] + rest
	}
	return joined + " or --" + names[len(names)-1]
}
