package cli

import (
	"slices"
	"strings"

	"tokmeter/internal/cli/argv"
)

// A kind says what a flag's value is.
type kind uint8

const (
	text     kind = iota
	toggle        // a switch
	toggleNo      // a switch with a --no- form; neither is the default
	integer       // a whole number
	human         // a whole number that may be written as 8k
	number        // a floating-point number or inf
	object        // a JSON object, also as --name.key value
	ratio         // a number, or an object that is written as JSON or dotted
	words         // any number of words
	words1        // at least one word
	optional      // text that may be left out
	file          // the path of a file
	folder        // the path of a folder
)

// An origin says whose flag it is.
type origin uint8

const (
	vllmServe origin = iota // of vllm bench serve
	rust                    // of vLLM's client in Rust
	own                     // of tokmeter
)

// A flagDef is one line of the table of flags: all there is to know about a
// flag except what it does to the plan.
type flagDef struct {
	Name    string
	Short   string // another name, after a single hyphen; "" for none
	Group   string
	Kind    kind
	Default string // as text; "" means none
	Meta    string // what stands for the value in the help
	Help    string
	Origin  origin
	Choices []string // what the value must be; nil for anything
	Unbuilt []string // those of Choices that are refused
	Joined  bool     // of a list: given again, it goes on
	Taken   bool     // it is read and counts for nothing
	Refused string   // why any value but the default is refused; "" where the flag is built
}

// options is the flag as the parser of the command line sees it; a switch with
// a --no- form is two.
func (f *flagDef) options() []argv.Option {
	o := argv.Option{Name: f.Name, Late: f.Origin != vllmServe || f.Taken, Joined: f.Joined}
	switch f.Kind {
	case toggle:
		o.Kind = argv.Switch
	case toggleNo:
		o.Kind = argv.Switch
		return []argv.Option{o, {Name: "no-" + f.Name, Kind: argv.Switch, Of: f.Name, Late: o.Late}}
	case words:
		o.Kind = argv.List
	case words1:
		o.Kind = argv.List1
	case optional:
		o.Kind = argv.Optional
	case object, ratio:
		o.Kind, o.Dotted = argv.Value, true
	default:
		o.Kind = argv.Value
	}
	return []argv.Option{o}
}

// lengthen writes the short names of flags in full, after one hyphen or two.
func (t table) lengthen(args []string) []string {
	out := slices.Clone(args)
	for i, word := range out {
		if word == "--" {
			break
		}
		for _, f := range t {
			rest, ok := strings.CutPrefix(word, "-"+f.Short)
			if !ok {
				rest, ok = strings.CutPrefix(word, "--"+f.Short)
			}
			switch {
			case !ok || f.Short == "":
			case rest == "" || rest[0] == '=' || f.Kind == object && rest[0] == '.':
				out[i] = "--" + f.Name + rest
			case f.Taken && len(rest) == 1: // -O3, as compilers have it
				out[i] = "--" + f.Name + "=" + rest
			}
		}
	}
	return out
}

// isSwitch reports whether the flag stands without a value.
func (f *flagDef) isSwitch() bool { return f.Kind == toggle || f.Kind == toggleNo }

// syntax is the flag as it stands in the help, such as "--port PORT".
func (f *flagDef) syntax() string {
	name := "--" + f.Name
	if f.Short != "" {
		name = "-" + f.Short + ", " + name
	}
	meta := f.metavar()
	switch f.Kind {
	case toggle:
		return name
	case toggleNo:
		return name + ", --no-" + f.Name
	case words:
		return name + " [" + meta + " ...]"
	case words1:
		return name + " " + meta + " [" + meta + " ...]"
	case optional:
		return name + " [" + meta + "]"
	}
	return name + " " + meta
}

// metavar is what stands for the value.
func (f *flagDef) metavar() string {
	switch {
	case f.Meta != "":
		return f.Meta
	case f.Choices != nil && len(f.Choices) <= 4:
		return "{" + strings.Join(f.Choices, ",") + "}"
	}
	switch f.Kind {
	case integer, human:
		return "N"
	case number:
		return "X"
	case object:
		return "JSON"
	case file:
		return "FILE"
	case folder:
		return "DIR"
	}
	last := f.Name[strings.LastIndexByte(f.Name, '-')+1:]
	return strings.ToUpper(last)
}

// describe is the help text with the choices, the default and what is not
// built.
func (f *flagDef) describe() string {
	s := f.Help
	if len(f.Choices) > 4 || (f.Choices != nil && f.Meta != "") {
		s += " One of " + strings.Join(f.built(), ", ") + "."
	}
	if len(f.Unbuilt) > 0 {
		s += " Not built: " + strings.Join(f.Unbuilt, ", ") + "."
	}
	if f.Default != "" && !f.isSwitch() {
		s += " (default: " + f.Default + ")"
	}
	if f.Refused != "" {
		s += " [refused: " + f.Refused + "]"
	}
	return s
}

// built returns the choices that are not refused.
func (f *flagDef) built() []string {
	var out []string
	for _, c := range f.Choices {
		if !slices.Contains(f.Unbuilt, c) {
			out = append(out, c)
		}
	}
	return out
}

// A table is the flags of one command, in the order of its help.
type table []flagDef

// named finds a flag.
func (t table) named(name string) *flagDef {
	for i := range t {
		if t[i].Name == name {
			return &t[i]
		}
	}
	return nil
}

// options returns the table for the parser of the command line.
func (t table) options() []argv.Option {
	var out []argv.Option
	for i := range t {
		out = append(out, t[i].options()...)
	}
	return out
}

// groups returns the titles in the order of the table.
func (t table) groups() []string {
	var out []string
	for i := range t {
		if !slices.Contains(out, t[i].Group) {
			out = append(out, t[i].Group)
		}
	}
	return out
}
