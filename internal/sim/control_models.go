package sim

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// models are the names that requests may ask for.
type models struct {
	mu       sync.Mutex
	names    []string
	adapters []Adapter
}

func newModels(names []string, adapters []Adapter) *models {
	return &models{names: names, adapters: append([]Adapter(nil), adapters...)}
}

// find returns the adapter that a name stands for, "" for the model itself. An
// empty name is the model. The error is vLLM's.
func (m *models) find(name string) (adapter string, err *apiError) {
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
	return "", &apiError{http.StatusNotFound, "NotFoundError", "model", fmt.Sprintf("The model `%s` does not exist.", name)}
}

func (m *models) isModel(name string) bool {
	for _, n := range m.names {
		if n == name {
			return true
		}
	}
	return false
}

// at is the place of an adapter, -1 where there is none of that name.
func (m *models) at(name string) int {
	for i, a := range m.adapters {
		if a.Name == name {
			return i
		}
	}
	return -1
}

// maxAdapters bounds how many adapters can be loaded at run time.
const maxAdapters = 10000

// load adds an adapter as vLLM does, or replaces it in place.
func (m *models) load(a Adapter, inplace bool) *apiError {
	bad := func(format string, args ...any) *apiError {
		return &apiError{http.StatusBadRequest, "InvalidUserInput", "", sanitize(fmt.Sprintf(format, args...))}
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

// unload removes an adapter as vLLM does. Requests that name it and are on stay
// on.
func (m *models) unload(name string) *apiError {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at(name)
	switch {
	case name == "":
		return &apiError{http.StatusBadRequest, "InvalidUserInput", "", "'lora_name' needs to be provided to unload a LoRA adapter."}
	case at < 0:
		return &apiError{http.StatusNotFound, "NotFoundError", "", sanitize(fmt.Sprintf("The lora adapter '%s' cannot be found.", name))}
	}
	m.adapters = append(m.adapters[:at], m.adapters[at+1:]...)
	return nil
}

// A modelCard is one entry of /v1/models, in vLLM's order of fields.
type modelCard struct {
	ID          string            `json:"id"`
	Object      string            `json:"object"`
	Created     int64             `json:"created"`
	OwnedBy     string            `json:"owned_by"`
	Root        string            `json:"root"`
	Parent      *string           `json:"parent"`
	MaxModelLen *int              `json:"max_model_len"`
	Permission  []modelPermission `json:"permission"`
}

type modelPermission struct {
	ID             string  `json:"id"`
	Object         string  `json:"object"`
	Created        int64   `json:"created"`
	CreateEngine   bool    `json:"allow_create_engine"`
	Sampling       bool    `json:"allow_sampling"`
	Logprobs       bool    `json:"allow_logprobs"`
	SearchIndices  bool    `json:"allow_search_indices"`
	View           bool    `json:"allow_view"`
	FineTuning     bool    `json:"allow_fine_tuning"`
	Organization   string  `json:"organization"`
	Group          *string `json:"group"`
	IsBlockingUser bool    `json:"is_blocking"`
}

// listModels answers GET /v1/models.
func (s *Server) listModels(c *call) bool {
	now := time.Now().Unix()
	card := func(id, root string) modelCard {
		return modelCard{ID: id, Object: "model", Created: now, OwnedBy: owner, Root: root, Permission: []modelPermission{{
			ID: "modelperm-" + randomID(), Object: "model_permission", Created: now, Sampling: true, Logprobs: true, View: true, Organization: "*"}}}
	}
	data := []modelCard{}
	s.models.mu.Lock()
	for _, n := range s.models.names {
		m := card(n, s.root(n))
		m.MaxModelLen = &s.maxLen
		data = append(data, m)
	}
	for _, a := range s.models.adapters {
		m := card(a.Name, a.Path)
		m.Parent = &s.models.names[0]
		data = append(data, m)
	}
	s.models.mu.Unlock()
	return c.reply(http.StatusOK, struct {
		Object string      `json:"object"`
		Data   []modelCard `json:"data"`
	}{"list", data})
}

// owner is what /v1/models says in place of vLLM's name.
const owner = "tokmeter-simulator"

// root is what stands for the model's files.
func (s *Server) root(name string) string {
	if s.built != nil {
		return s.built.Setup.Model
	}
	return name
}

// loadAdapter answers POST /v1/load_lora_adapter. A simulated adapter has no
// weights: any path will do.
func (s *Server) loadAdapter(c *call) bool {
	f, fail := newForm(c, 1)
	if fail != nil {
		return c.replyError(fail)
	}
	a := Adapter{Name: f.text("lora_name"), Path: f.text("lora_path")}
	inplace := f.flag("load_inplace", false)
	f.flag("is_3d_lora_weight", false)
	if fail := f.err(); fail != nil {
		return c.replyError(fail)
	}
	if fail := s.models.load(a, inplace); fail != nil {
		return c.replyError(fail)
	}
	return c.replyBytes(http.StatusOK, "", []byte("Success: LoRA adapter '"+a.Name+"' added successfully."))
}

// unloadAdapter answers POST /v1/unload_lora_adapter.
func (s *Server) unloadAdapter(c *call) bool {
	f, fail := newForm(c, 1)
	if fail != nil {
		return c.replyError(fail)
	}
	name := f.text("lora_name")
	f.whole("lora_int_id")
	if fail := f.err(); fail != nil {
		return c.replyError(fail)
	}
	if fail := s.models.unload(name); fail != nil {
		return c.replyError(fail)
	}
	return c.replyBytes(http.StatusOK, "", []byte("Success: LoRA adapter '"+name+"' removed successfully."))
}
