package control

import (
	"net/http"
	"time"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/instance"
)

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
func (s *Control) listModels(c *call.Call) bool {
	now := time.Now().Unix()
	card := func(id, root string) modelCard {
		return modelCard{ID: id, Object: "model", Created: now, OwnedBy: owner, Root: root, Permission: []modelPermission{{
			ID: "modelperm-" + call.RandomID(), Object: "model_permission", Created: now, Sampling: true, Logprobs: true, View: true, Organization: "*"}}}
	}
	data := []modelCard{}
	names, adapters := s.in.Roster.All()
	for _, n := range names {
		m := card(n, s.root(n))
		m.MaxModelLen = &s.in.MaxLen
		data = append(data, m)
	}
	for _, a := range adapters {
		m := card(a.Name, a.Path)
		m.Parent = &names[0]
		data = append(data, m)
	}
	return c.Reply(http.StatusOK, struct {
		Object string      `json:"object"`
		Data   []modelCard `json:"data"`
	}{"list", data})
}

// owner is what /v1/models says in place of vLLM's name.
const owner = "tokmeter-simulator"

// root is what stands for the model's files.
func (s *Control) root(name string) string {
	if s.in.Built != nil {
		return s.in.Built.Setup.Model
	}
	return name
}

// loadAdapter answers POST /v1/load_lora_adapter. A simulated adapter has no
// weights: any path will do.
func (s *Control) loadAdapter(c *call.Call) bool {
	f, fail := call.NewForm(c, 1)
	if fail != nil {
		return c.ReplyError(fail)
	}
	a := instance.Adapter{Name: f.Text("lora_name"), Path: f.Text("lora_path")}
	inplace := f.Flag("load_inplace", false)
	f.Flag("is_3d_lora_weight", false)
	if fail := f.Err(); fail != nil {
		return c.ReplyError(fail)
	}
	if fail := s.in.Roster.Load(a, inplace); fail != nil {
		return c.ReplyError(fail)
	}
	return c.ReplyBytes(http.StatusOK, "", []byte("Success: LoRA adapter '"+a.Name+"' added successfully."))
}

// unloadAdapter answers POST /v1/unload_lora_adapter.
func (s *Control) unloadAdapter(c *call.Call) bool {
	f, fail := call.NewForm(c, 1)
	if fail != nil {
		return c.ReplyError(fail)
	}
	name := f.Text("lora_name")
	f.Whole("lora_int_id")
	if fail := f.Err(); fail != nil {
		return c.ReplyError(fail)
	}
	if fail := s.in.Roster.Unload(name); fail != nil {
		return c.ReplyError(fail)
	}
	return c.ReplyBytes(http.StatusOK, "", []byte("Success: LoRA adapter '"+name+"' removed successfully."))
}
