package instance

import (
	"fmt"
	"net/http"
	"slices"
	"sync"

	"tokmeter/internal/sim/call"
)

// A Roster is the names that requests may ask for: the model's and those of its
// adapters.
type Roster struct {
	mu       sync.Mutex
	names    []string
	adapters []Adapter
}

func newRoster(names []string, adapters []Adapter) *Roster {
	return &Roster{names: names, adapters: append([]Adapter(nil), adapters...)}
}

// Find returns the adapter that a name stands for, "" for the model itself. An
// empty name is the model. The error is vLLM's.
func (m *Roster) Find(name string) (adapter string, err *call.Error) {
	if name == "" {
		return "", nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isModel(name) {
		return "", nil
	}
	if m.at(name) >= 0 {
		return name, nil
	}
	return "", call.NewError(http.StatusNotFound, "NotFoundError", "model", fmt.Sprintf("The model `%s` does not exist.", name))
}

func (m *Roster) isModel(name string) bool {
	for _, n := range m.names {
		if n == name {
			return true
		}
	}
	return false
}

// at is the place of an adapter, -1 where there is none of that name.
func (m *Roster) at(name string) int {
	for i, a := range m.adapters {
		if a.Name == name {
			return i
		}
	}
	return -1
}

// All are the names of the model and its adapters.
func (m *Roster) All() (names []string, adapters []Adapter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.names), slices.Clone(m.adapters)
}

// maxAdapters bounds how many adapters can be loaded at run time.
const maxAdapters = 10000

// Load adds an adapter as vLLM does, or replaces it in place.
func (m *Roster) Load(a Adapter, inplace bool) *call.Error {
	bad := func(format string, args ...any) *call.Error {
		return call.NewError(http.StatusBadRequest, "InvalidUserInput", "", call.Sanitize(fmt.Sprintf(format, args...)))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at(a.Name)
	switch {
	case a.Name == "" || a.Path == "":
		return bad("Both 'lora_name' and 'lora_path' must be provided.")
	case m.isModel(a.Name):
		return bad("The lora adapter '%s' conflicts with a served base model.", a.Name)
	case at >= 0 && !inplace:
		return bad("The lora adapter '%s' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.", a.Name)
	case at >= 0:
		m.adapters[at] = a
	case len(m.adapters) >= maxAdapters:
		return bad("The simulator keeps at most %d adapters.", maxAdapters)
	default:
		m.adapters = append(m.adapters, a)
	}
	return nil
}

// Unload removes an adapter as vLLM does. Requests that name it and are on stay
// on.
func (m *Roster) Unload(name string) *call.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at(name)
	switch {
	case name == "":
		return call.NewError(http.StatusBadRequest, "InvalidUserInput", "", "'lora_name' needs to be provided to unload a LoRA adapter.")
	case at < 0:
		return call.NewError(http.StatusNotFound, "NotFoundError", "", call.Sanitize(fmt.Sprintf("The lora adapter '%s' cannot be found.", name)))
	}
	m.adapters = append(m.adapters[:at], m.adapters[at+1:]...)
	return nil
}
