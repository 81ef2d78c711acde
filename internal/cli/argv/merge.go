package argv

import (
	"fmt"
	"slices"
	"strings"
)

// merger joins the uses of each option into one setting.
type merger struct {
	order  []string
	plain  map[string][]string
	dotted map[string]*Object // built by dotted words
	keys   map[string]*Object // built by dotted keys of the file
	inFile map[string]bool    // the plain value comes from the file
	twice  []string           // names and keys that were given more than once
	file   bool               // still reading the file
}

func newMerger() *merger {
	return &merger{
		plain:  map[string][]string{},
		dotted: map[string]*Object{},
		keys:   map[string]*Object{},
		inFile: map[string]bool{},
		file:   true,
	}
}

// endOfFile says that the settings after it are words: they win in silence.
func (m *merger) endOfFile() { m.file = false }

// add takes one more use of an option.
func (m *merger) add(s setting) []error {
	name := s.option.Name
	if !slices.Contains(m.order, name) {
		m.order = append(m.order, name)
	}
	if s.keys != nil {
		return m.addDotted(s)
	}
	if old, ok := m.plain[name]; ok && !m.inFile[name] && !m.file {
		if s.option.Joined {
			m.plain[name] = slices.Concat(old, s.values)
			return nil
		}
		m.duplicate("--" + name)
	}
	if m.inFile[name] || m.file {
		m.inFile[name] = m.file
	}
	m.plain[name] = s.values
	return nil
}

// addDotted merges --name.a.b=value into the object of its option.
func (m *merger) addDotted(s setting) []error {
	name := s.option.Name
	value, err := dottedValue(s.values[0], s.more)
	if err != nil {
		return []error{fmt.Errorf("--%s.%s: %w", name, strings.Join(s.keys, "."), err)}
	}
	for _, key := range slices.Backward(s.keys) {
		o := newObject()
		o.set(key, value)
		value = o
	}
	into := m.dotted
	if m.file {
		into = m.keys
	}
	if into[name] == nil {
		into[name] = newObject()
	}
	for _, key := range into[name].merge(value.(*Object)) {
		m.duplicate("--" + name + "." + key)
	}
	return nil
}

func (m *merger) duplicate(name string) {
	if !slices.Contains(m.twice, name) {
		m.twice = append(m.twice, name)
	}
}

// result returns the settings and what there is to say about them.
func (m *merger) result() (settings []Setting, notes []string) {
	for _, name := range m.order {
		if name == ConfigOption {
			continue
		}
		values, whole := m.plain[name]
		word := whole && !m.inFile[name] // the whole object stands in the words
		o := m.dotted[name]
		if keys := m.keys[name]; keys != nil && !word {
			if o != nil {
				keys.merge(o)
			}
			o = keys
		}
		if o != nil {
			if word {
				notes = append(notes, fmt.Sprintf("--%s.KEY replaces the whole of --%s, as it does in vllm: give all of it in one way", name, name))
			}
			values = []string{o.String()}
		}
		settings = append(settings, Setting{Name: name, Values: values})
	}
	if len(m.twice) > 0 {
		notes = append(notes, strings.Join(m.twice, ", ")+" given more than once: the last one counts")
	}
	return settings, notes
}
