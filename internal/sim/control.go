package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"tokmeter/internal/sim/engine"
)

// controlRoutes is everything that is served beside generation.
func (s *Server) controlRoutes() map[string]handler {
	health := func(c *call) bool { return c.reply(http.StatusOK, nil) }
	return map[string]handler{
		"GET /health":      health,
		"GET /ping":        health,
		"POST /ping":       health,
		"GET /version":     s.version,
		"GET /v1/models":   s.listModels,
		"POST /tokenize":   s.tokenize,
		"POST /detokenize": s.detokenize,
	}
}

// observers is who is told of steps and requests.
func (s *Server) observers() []engine.Observer { return nil }

func (s *Server) version(c *call) bool {
	return c.reply(http.StatusOK, map[string]any{"version": "tokmeter-simulator", "simulated": true})
}

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
	for _, n := range m.names {
		if n == name {
			return "", nil
		}
	}
	for _, a := range m.adapters {
		if a.Name == name {
			return name, nil
		}
	}
	return "", &apiError{http.StatusNotFound, "NotFoundError", "model", fmt.Sprintf("The model `%s` does not exist.", name)}
}

// listModels lists the model and its adapters.
func (s *Server) listModels(c *call) bool {
	data := []any{}
	add := func(name string, parent any) {
		m := map[string]any{"id": name, "object": "model", "created": s.began.Unix(), "owned_by": "tokmeter-simulator",
			"root": name, "parent": parent}
		if parent == nil {
			m["max_model_len"] = s.maxLen
		}
		data = append(data, m)
	}
	s.models.mu.Lock()
	for _, n := range s.models.names {
		add(n, nil)
	}
	for _, a := range s.models.adapters {
		add(a.Name, s.models.names[0])
	}
	s.models.mu.Unlock()
	return c.reply(http.StatusOK, map[string]any{"object": "list", "data": data})
}

func (s *Server) tokenize(c *call) bool {
	var q struct {
		Prompt     string `json:"prompt"`
		AddSpecial *bool  `json:"add_special_tokens"`
	}
	if err := json.Unmarshal(c.body, &q); err != nil {
		return c.replyError(badRequest("", "%v", err))
	}
	ids := s.tok.Encode(q.Prompt, q.AddSpecial == nil || *q.AddSpecial)
	return c.reply(http.StatusOK, map[string]any{"count": len(ids), "max_model_len": s.maxLen, "tokens": ids, "token_strs": nil})
}

func (s *Server) detokenize(c *call) bool {
	var q struct {
		Tokens []int `json:"tokens"`
	}
	if err := json.Unmarshal(c.body, &q); err != nil {
		return c.replyError(badRequest("", "%v", err))
	}
	return c.reply(http.StatusOK, map[string]any{"prompt": s.tok.Decode(q.Tokens, false)})
}
