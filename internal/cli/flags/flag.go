// Package flags is the table of flags as data: all there is to know about a flag
// except what it does. Of one table come the parser's options, the values of a
// command line, the help, the completion and the docs. Each value is read once,
// by package argv.
package flags

import (
	"slices"
	"strings"

	"tokmeter/internal/cli/argv"
)

// A Kind says what a flag's value is.
type Kind uint8

const (
	Text     Kind = iota
	Toggle        // a switch
	ToggleNo      // a switch with a --no- form; neither is the default
	Integer       // a whole number
	Human         // a whole number that may be written as 8k
	Number        // a floating-point number or inf
	Object        // a JSON object, also as --name.key value
	Ratio         // a number, or an object that is written as JSON or dotted
	Words         // any number of words
	Words1        // at least one word
	Optional      // text that may be left out
	File          // the path of a file
	Folder        // the path of a folder
)

// An Origin says whose flag it is.
type Origin uint8

const (
	VllmServe Origin = iota // of vllm bench serve
	Rust                    // of vLLM's client in Rust
	Own                     // of tokmeter
)

// A Def is one line of the table of flags: all there is to know about a
// flag except what it does to the plan.
type Def struct {
	Name    string
	Short   string // another name, after a single hyphen; "" for none
	Group   string
	Kind    Kind
	Default string // as text; "" means none
	Meta    string // what stands for the value in the help
	Help    string
	Origin  Origin
	Choices []string // what the value must be; nil for anything
	Unbuilt []string // those of Choices that are refused
	Joined  bool     // of a list: given again, it goes on
	Taken   bool     // it is read and counts for nothing
	Refused string   // why any value but the default is refused; "" where the flag is built
}

// options is the flag as the parser of the command line sees it; a switch with
// a --no- form is two.
func (f *Def) options() []argv.Option {
	o := argv.Option{Name: f.Name, Late: f.Origin != VllmServe || f.Taken, Joined: f.Joined}
	switch f.Kind {
	case Toggle:
		o.Kind = argv.Switch
	case ToggleNo:
		o.Kind = argv.Switch
		return []argv.Option{o, {Name: "no-" + f.Name, Kind: argv.Switch, Of: f.Name, Late: o.Late}}
	case Words:
		o.Kind = argv.List
	case Words1:
		o.Kind = argv.List1
	case Optional:
		o.Kind = argv.Optional
	case Object, Ratio:
		o.Kind, o.Dotted = argv.Value, true
	default:
		o.Kind = argv.Value
	}
	return []argv.Option{o}
}

// Lengthen writes the short names of flags in full, after one hyphen or two.
func (t Table) Lengthen(args []string) []string {
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
			case rest == "" || rest[0] == '=' || f.Kind == Object && rest[0] == '.':
				out[i] = "--" + f.Name + rest
			case f.Taken && len(rest) == 1: // -O3, as compilers have it
				out[i] = "--" + f.Name + "=" + rest
			}
		}
	}
	return out
}

// IsSwitch reports whether the flag stands without a value.
func (f *Def) IsSwitch() bool { return f.Kind == Toggle || f.Kind == ToggleNo }

// Syntax is the flag as it stands in the help, such as "--port PORT".
func (f *Def) Syntax() string {
	name := "--" + f.Name
	if f.Short != "" {
		name = "-" + f.Short + ", " + name
	}
	meta := f.Metavar()
	switch f.Kind {
	case Toggle:
		return name
	case ToggleNo:
		return name + ", --no-" + f.Name
	case Words:
		return name + " [" + meta + " ...]"
	case Words1:
		return name + " " + meta + " [" + meta + " ...]"
	case Optional:
		return name + " [" + meta + "]"
	}
	return name + " " + meta
}

// Metavar is what stands for the value.
func (f *Def) Metavar() string {
	switch {
	case f.Meta != "":
		return f.Meta
	case f.Choices != nil && len(f.Choices) <= 4:
		return "{" + strings.Join(f.Choices, ",") + "}"
	}
	switch f.Kind {
	case Integer, Human:
		return "N"
	case Number:
		return "X"
	case Object:
		return "JSON"
	case File:
		return "FILE"
	case Folder:
		return "DIR"
	}
	last := f.Name[strings.LastIndexByte(f.Name, '-')+1:]
	return strings.ToUpper(last)
}

// Describe is the help text with the choices, the default and what is not
// built.
func (f *Def) Describe() string {
	s := f.Help
	if len(f.Choices) > 4 || (f.Choices != nil && f.Meta != "") {
		s += " One of " + strings.Join(f.Built(), ", ") + "."
	}
	if len(f.Unbuilt) > 0 {
		s += " Not built: " + strings.Join(f.Unbuilt, ", ") + "."
	}
	if f.Default != "" && !f.IsSwitch() {
		s += " (default: " + f.Default + ")"
	}
	if f.Refused != "" {
		s += " [refused: " + f.Refused + "]"
	}
	return s
}

// Brief is the first sentence of the help text, with the choices and the default.
func (f *Def) Brief() string {
	first, _, more := strings.Cut(f.Help, ". ")
	if more {
		first += "."
	}
	if len(f.Choices) > 4 {
		first += " One of " + strings.Join(f.Built(), ", ") + "."
	}
	if f.Default != "" && !f.IsSwitch() {
		first += " (default: " + f.Default + ")"
	}
	return first
}

// Built returns the choices that are not refused.
func (f *Def) Built() []string {
	var out []string
	for _, c := range f.Choices {
		if !slices.Contains(f.Unbuilt, c) {
			out = append(out, c)
		}
	}
	return out
}

// A Table is the flags of one command, in the order of its help.
type Table []Def

// Named finds a flag.
func (t Table) Named(name string) *Def {
	for i := range t {
		if t[i].Name == name {
			return &t[i]
		}
	}
	return nil
}

// Options returns the table for the parser of the command line.
func (t Table) Options() []argv.Option {
	var out []argv.Option
	for i := range t {
		out = append(out, t[i].options()...)
	}
	return out
}

// Groups returns the titles in the order of the table.
func (t Table) Groups() []string {
	var out []string
	for i := range t {
		if !slices.Contains(out, t[i].Group) {
			out = append(out, t[i].Group)
		}
	}
	return out
}
