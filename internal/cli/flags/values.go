package flags

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"tokmeter/internal/cli/argv"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/near"
	"tokmeter/internal/python"
)

// Values is what the command line gave each flag of a table.
type Values struct {
	Table Table
	cells map[string]*cell
}

// A cell is the value of one flag.
type cell struct {
	def   *Def
	given bool
	words []string
}

// NewValues is the values of a table of which nothing was given.
func NewValues(t Table) *Values {
	v := &Values{Table: t, cells: make(map[string]*cell, len(t))}
	for i := range t {
		v.cells[t[i].Name] = &cell{def: &t[i]}
	}
	return v
}

// ValuesOf is the values that a command line gave.
func ValuesOf(t Table, settings []argv.Setting) *Values {
	v := NewValues(t)
	for _, s := range settings {
		list := s.Values
		if k := t.Named(s.Name).Kind; k != Words && k != Words1 {
			list = []string{strings.Join(s.Values, "")}
		}
		v.Set(s.Name, list)
	}
	return v
}

// Set gives a flag its value: the words of a list, or one.
func (v *Values) Set(name string, list []string) {
	c := v.cells[name]
	c.given, c.words = true, list
}

// Given reports whether the flag was on the command line or in the file.
func (v *Values) Given(name string) bool { return v.cells[name].given }

// Text is the value of a flag, its default where it was not given.
func (v *Values) Text(name string) string {
	c := v.cells[name]
	if !c.given {
		return c.def.Default
	}
	return strings.Join(c.words, " ")
}

// List is the words of a list flag.
func (v *Values) List(name string) []string { return v.cells[name].words }

// On reports whether a switch is on.
func (v *Values) On(name string) bool { return v.Text(name) == "true" }

// Integer is the value of a checked integer flag; 0 where it has none.
func (v *Values) Integer(name string) int {
	n, _ := ParseInt(v.Text(name), v.cells[name].def.Kind == Human)
	return int(n)
}

// Number is the value of a checked number flag; 0 where it has none.
func (v *Values) Number(name string) float64 {
	x, _ := ParseFloat(v.Text(name))
	return x
}

// OptionalInt is the value of an integer flag, nil where it was not given.
func (v *Values) OptionalInt(name string) *int {
	if !v.Given(name) {
		return nil
	}
	n := v.Integer(name)
	return &n
}

// Check returns one error for each value that is not of its flag's kind, not
// one of its choices, or of a flag or choice that is not built.
func (v *Values) Check() error {
	var problems []error
	for i := range v.Table {
		def := &v.Table[i]
		c := v.cells[def.Name]
		if !c.given || def.Taken {
			continue
		}
		if err := def.check(v.Text(def.Name)); err != nil {
			problems = append(problems, fmt.Errorf("--%s: %w", def.Name, err))
			continue
		}
		if def.Refused != "" && !def.IsDefault(v.Text(def.Name)) {
			problems = append(problems, fmt.Errorf("--%s is refused: %s", def.Name, def.Refused))
		}
	}
	return errors.Join(problems...)
}

// check looks at a value of the flag alone.
func (f *Def) check(value string) error {
	switch f.Kind {
	case Toggle, ToggleNo:
		if value != "true" && value != "false" {
			return fmt.Errorf("is a switch and takes no value such as %q", value)
		}
	case Integer, Human:
		if _, err := ParseInt(value, f.Kind == Human); err != nil {
			return err
		}
	case Number:
		if _, err := ParseFloat(value); err != nil {
			return err
		}
	case Object:
		if _, err := argv.ParseObject(value); err != nil {
			return fmt.Errorf("%w, got %q", err, Shorten(value))
		}
	case Ratio:
		if _, _, err := ParseRatio(value); err != nil {
			return err
		}
	case File, Folder:
		if value == "" {
			return errors.New("the path is empty")
		}
	}
	return f.checkChoice(value)
}

// checkChoice refuses what is none of the choices, and those that are not built.
func (f *Def) checkChoice(value string) error {
	if f.Choices == nil {
		return nil
	}
	if f.Name == "precision" {
		if p, err := roofline.NamePrecision(value); err == nil && p != "" {
			return nil // other tools' words, such as f16 and Q4_K_M
		}
	}
	for _, c := range f.Unbuilt {
		if c == value {
			return fmt.Errorf("%s is not built; use one of %s", value, strings.Join(f.Built(), ", "))
		}
	}
	for _, c := range f.Choices {
		if c == value {
			return nil
		}
	}
	if like := near.Names(value, f.Built()); len(like) > 0 {
		return fmt.Errorf("%q is unknown; did you mean %s?", value, like[0])
	}
	return fmt.Errorf("%q is unknown; use one of %s", value, strings.Join(f.Built(), ", "))
}

// IsDefault reports whether a value means the same as the default.
func (f *Def) IsDefault(value string) bool {
	if f.IsSwitch() {
		return value == "false"
	}
	switch f.Kind {
	case Number:
		a, errA := ParseFloat(value)
		b, errB := ParseFloat(f.Default)
		return errA == nil && errB == nil && a == b
	case Integer:
		a, errA := ParseInt(value, false)
		b, errB := ParseInt(f.Default, false)
		return errA == nil && errB == nil && a == b
	}
	plain := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	return plain(value) == plain(f.Default)
}

// ParseInt reads a whole number as Python's int does; human allows 8k and K.
func ParseInt(s string, allowHuman bool) (int64, error) {
	wrong := fmt.Errorf("want a whole number, got %q", Shorten(s))
	last := strings.TrimSpace(s)
	if last == "" || !allowHuman && strings.ContainsAny(last[len(last)-1:], "kKmMgGtT") {
		return 0, wrong
	}
	n, err := argv.HumanInt(s)
	if err != nil {
		return 0, wrong
	}
	if !n.IsInt64() || n.Int64() > math.MaxInt32*int64(2)+1 || n.Int64() < math.MinInt32 {
		return 0, fmt.Errorf("%s is out of range", Shorten(s))
	}
	return n.Int64(), nil
}

// ParseFloat reads a number as Python's float does.
func ParseFloat(s string) (float64, error) {
	x, err := python.ParseFloat(s)
	if err != nil {
		return 0, fmt.Errorf("want a number, got %q", Shorten(s))
	}
	return x, nil
}

// ParseRatio reads one number, or a JSON object with the numbers input and output.
func ParseRatio(s string) (in, out float64, err error) {
	if x, err := ParseFloat(s); err == nil {
		return x, x, nil
	}
	o, err := argv.ParseObject(s)
	if err != nil {
		return 0, 0, fmt.Errorf("want a number or {\"input\": X, \"output\": X}, got %q", Shorten(s))
	}
	var r [2]float64
	for i, key := range []string{"input", "output"} {
		raw, ok := o.Get(key)
		if !ok {
			return 0, 0, fmt.Errorf("want both input and output, got %q", Shorten(s))
		}
		if r[i], err = ParseFloat(strings.Trim(string(raw), `"`)); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", key, err)
		}
	}
	return r[0], r[1], nil
}

// Shorten cuts a value that is too long for a message.
func Shorten(s string) string { return excerpt.Cut(s, 60) }
