package cli

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

// values is what the command line gave each flag of a table.
type values struct {
	table table
	cells map[string]*cell
}

// A cell is the value of one flag.
type cell struct {
	def   *flagDef
	given bool
	words []string
}

// newValues is the values of a table of which nothing was given.
func newValues(t table) *values {
	v := &values{table: t, cells: make(map[string]*cell, len(t))}
	for i := range t {
		v.cells[t[i].Name] = &cell{def: &t[i]}
	}
	return v
}

// valuesOf is the values that a command line gave.
func valuesOf(t table, settings []argv.Setting) *values {
	v := newValues(t)
	for _, s := range settings {
		list := s.Values
		if k := t.named(s.Name).Kind; k != words && k != words1 {
			list = []string{strings.Join(s.Values, "")}
		}
		v.set(s.Name, list)
	}
	return v
}

// set gives a flag its value: the words of a list, or one.
func (v *values) set(name string, list []string) {
	c := v.cells[name]
	c.given, c.words = true, list
}

// given reports whether the flag was on the command line or in the file.
func (v *values) given(name string) bool { return v.cells[name].given }

// text is the value of a flag, its default where it was not given.
func (v *values) text(name string) string {
	c := v.cells[name]
	if !c.given {
		return c.def.Default
	}
	return strings.Join(c.words, " ")
}

// list is the words of a list flag.
func (v *values) list(name string) []string { return v.cells[name].words }

// on reports whether a switch is on.
func (v *values) on(name string) bool { return v.text(name) == "true" }

// integer is the value of a checked integer flag; 0 where it has none.
func (v *values) integer(name string) int {
	n, _ := parseInt(v.text(name), v.cells[name].def.Kind == human)
	return int(n)
}

// number is the value of a checked number flag; 0 where it has none.
func (v *values) number(name string) float64 {
	x, _ := parseFloat(v.text(name))
	return x
}

// optionalInt is the value of an integer flag, nil where it was not given.
func (v *values) optionalInt(name string) *int {
	if !v.given(name) {
		return nil
	}
	n := v.integer(name)
	return &n
}

// check returns one error for each value that is not of its flag's kind, not
// one of its choices, or of a flag or choice that is not built.
func (v *values) check() error {
	var problems []error
	for i := range v.table {
		def := &v.table[i]
		c := v.cells[def.Name]
		if !c.given || def.Taken {
			continue
		}
		if err := def.check(v.text(def.Name)); err != nil {
			problems = append(problems, fmt.Errorf("--%s: %w", def.Name, err))
			continue
		}
		if def.Refused != "" && !def.isDefault(v.text(def.Name)) {
			problems = append(problems, fmt.Errorf("--%s is refused: %s", def.Name, def.Refused))
		}
	}
	return errors.Join(problems...)
}

// check looks at a value of the flag alone.
func (f *flagDef) check(value string) error {
	switch f.Kind {
	case toggle, toggleNo:
		if value != "true" && value != "false" {
			return fmt.Errorf("is a switch and takes no value such as %q", value)
		}
	case integer, human:
		if _, err := parseInt(value, f.Kind == human); err != nil {
			return err
		}
	case number:
		if _, err := parseFloat(value); err != nil {
			return err
		}
	case object:
		if _, err := argv.ParseObject(value); err != nil {
			return fmt.Errorf("%w, got %q", err, shorten(value))
		}
	case ratio:
		if _, _, err := parseRatio(value); err != nil {
			return err
		}
	case file, folder:
		if value == "" {
			return errors.New("the path is empty")
		}
	}
	return f.checkChoice(value)
}

// checkChoice refuses what is none of the choices, and those that are not built.
func (f *flagDef) checkChoice(value string) error {
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
			return fmt.Errorf("%s is not built; use one of %s", value, strings.Join(f.built(), ", "))
		}
	}
	for _, c := range f.Choices {
		if c == value {
			return nil
		}
	}
	if like := near.Names(value, f.built()); len(like) > 0 {
		return fmt.Errorf("%q is unknown; did you mean %s?", value, like[0])
	}
	return fmt.Errorf("%q is unknown; use one of %s", value, strings.Join(f.built(), ", "))
}

// isDefault reports whether a value means the same as the default.
func (f *flagDef) isDefault(value string) bool {
	if f.isSwitch() {
		return value == "false"
	}
	switch f.Kind {
	case number:
		a, errA := parseFloat(value)
		b, errB := parseFloat(f.Default)
		return errA == nil && errB == nil && a == b
	case integer:
		a, errA := parseInt(value, false)
		b, errB := parseInt(f.Default, false)
		return errA == nil && errB == nil && a == b
	}
	plain := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	return plain(value) == plain(f.Default)
}

// parseInt reads a whole number as Python's int does; human allows 8k and K.
func parseInt(s string, allowHuman bool) (int64, error) {
	wrong := fmt.Errorf("want a whole number, got %q", shorten(s))
	last := strings.TrimSpace(s)
	if last == "" || !allowHuman && strings.ContainsAny(last[len(last)-1:], "kKmMgGtT") {
		return 0, wrong
	}
	n, err := argv.HumanInt(s)
	if err != nil {
		return 0, wrong
	}
	if !n.IsInt64() || n.Int64() > math.MaxInt32*int64(2)+1 || n.Int64() < math.MinInt32 {
		return 0, fmt.Errorf("%s is out of range", shorten(s))
	}
	return n.Int64(), nil
}

// parseFloat reads a number as Python's float does.
func parseFloat(s string) (float64, error) {
	x, err := python.ParseFloat(s)
	if err != nil {
		return 0, fmt.Errorf("want a number, got %q", shorten(s))
	}
	return x, nil
}

// parseRatio reads one number, or a JSON object with the numbers input and output.
func parseRatio(s string) (in, out float64, err error) {
	if x, err := parseFloat(s); err == nil {
		return x, x, nil
	}
	o, err := argv.ParseObject(s)
	if err != nil {
		return 0, 0, fmt.Errorf("want a number or {\"input\": X, \"output\": X}, got %q", shorten(s))
	}
	var r [2]float64
	for i, key := range []string{"input", "output"} {
		raw, ok := o.Get(key)
		if !ok {
			return 0, 0, fmt.Errorf("want both input and output, got %q", shorten(s))
		}
		if r[i], err = parseFloat(strings.Trim(string(raw), `"`)); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", key, err)
		}
	}
	return r[0], r[1], nil
}

// shorten cuts a value that is too long for a message.
func shorten(s string) string { return excerpt.Cut(s, 60) }
