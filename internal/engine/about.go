package engine

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// about asks a ready engine what it says of itself. What it does not tell stays
// unknown: no question is needed.
func (e *Engine) about(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*askLimit)
	defer cancel()
	var told Facts
	places := []string{e.spec.Model}
	for _, q := range []struct {
		path string
		read func(*Facts, []byte)
	}{
		{"/v1/models", readModels},
		{"/version", readVersion},
		{"/props", readProps},
		{"/server_info", readServerInfo},
		{"/get_server_info", readServerInfo}, // SGLang before 0.5.4
		{"/get_model_info", func(*Facts, []byte) {}},
	} {
		if told.Version != "" && q.path == "/get_server_info" {
			continue
		}
		status, body, err := e.ask(ctx, http.MethodGet, q.path, nil, askLimit)
		if err == nil && status == http.StatusOK {
			q.read(&told, body)
			places = append(places, modelPlace(body))
		}
	}
	if e.spec.Cards != nil {
		if cards, err := e.spec.Cards(ctx); err == nil {
			for _, c := range cards {
				add(&told.Cards, c)
			}
		}
	}
	var config Facts
	for _, p := range slices.Backward(places) { // the engine knows it better than the spec
		if path := findConfig(p, e.spec.Dir, e.environ); path != "" {
			readConfigFile(&config, path)
			break
		}
	}
	pause() // for the last lines of a start, which are the slots and the cache of some engines
	e.mu.Lock()
	defer e.mu.Unlock()
	e.config = config
	e.facts = e.facts.merge(told)
}

// merge fills in from o what f does not know.
func (f Facts) merge(o Facts) Facts {
	for _, p := range []struct{ to, from *string }{
		{&f.Engine, &o.Engine}, {&f.Version, &o.Version}, {&f.Model, &o.Model}, {&f.Dir, &o.Dir},
		{&f.Architecture, &o.Architecture}, {&f.DType, &o.DType}, {&f.Quantization, &o.Quantization},
		{&f.KVDType, &o.KVDType}, {&f.Attention, &o.Attention}, {&f.Card, &o.Card},
	} {
		if *p.to == "" {
			*p.to = *p.from
		}
	}
	for _, p := range []struct{ to, from *int }{
		{&f.MaxModelLen, &o.MaxModelLen}, {&f.KVTokens, &o.KVTokens}, {&f.KVBlocks, &o.KVBlocks},
		{&f.BlockSize, &o.BlockSize}, {&f.Parallel, &o.Parallel},
	} {
		if *p.to == 0 {
			*p.to = *p.from
		}
	}
	for _, p := range []struct{ to, from *[]string }{
		{&f.Args, &o.Args}, {&f.Env, &o.Env}, {&f.Kernels, &o.Kernels}, {&f.Cards, &o.Cards}, {&f.Doubts, &o.Doubts},
	} {
		if len(*p.to) == 0 {
			*p.to = *p.from
		}
		*p.to = slices.Clone(*p.to)
	}
	if f.WeightBytes == 0 {
		f.WeightBytes = o.WeightBytes
	}
	if f.ReadySeconds == 0 {
		f.ReadySeconds = o.ReadySeconds
	}
	if len(f.Config) == 0 {
		f.Config = o.Config
	}
	f.Eager = f.Eager || o.Eager
	return f.finish()
}

// readModels reads /v1/models of vLLM and SGLang (max_model_len) and llama.cpp
// (meta).
func readModels(f *Facts, b []byte) {
	var r struct {
		Data []struct {
			OwnedBy     string  `json:"owned_by"`
			MaxModelLen float64 `json:"max_model_len"`
			Meta        struct {
				Context float64 `json:"n_ctx"`
				Size    float64 `json:"size"`
				FType   string  `json:"ftype"`
			} `json:"meta"`
		} `json:"data"`
	}
	if json.Unmarshal(b, &r) != nil || len(r.Data) == 0 {
		return
	}
	m := r.Data[0]
	switch {
	case m.OwnedBy == "vllm" || m.OwnedBy == "sglang":
		set(&f.Engine, m.OwnedBy)
	case m.OwnedBy == "llamacpp":
		set(&f.Engine, "llama.cpp")
	case strings.HasPrefix(m.OwnedBy, "tokmeter"):
		set(&f.Engine, "tokmeter")
	}
	setN(&f.MaxModelLen, whole(m.MaxModelLen))
	setN(&f.MaxModelLen, whole(m.Meta.Context))
	set(&f.Quantization, m.Meta.FType)
	if m.Meta.Size > 0 {
		f.WeightBytes = m.Meta.Size
	}
}

// modelPlace is the folder or stub of the model that an engine serves, from
// /v1/models of vLLM or /get_model_info of SGLang; "" where it says none.
func modelPlace(b []byte) string {
	var r struct {
		Path string `json:"model_path"`
		Data []struct {
			Root string `json:"root"`
		} `json:"data"`
	}
	switch {
	case json.Unmarshal(b, &r) != nil:
		return ""
	case r.Path == "" && len(r.Data) > 0:
		return r.Data[0].Root
	}
	return r.Path
}

// whole is a count that JSON gave, or 0 where it is none.
func whole(v float64) int {
	if v < 0 || v > 1<<52 {
		return 0
	}
	return int(v)
}

// readVersion reads /version of vLLM and TensorRT-LLM.
func readVersion(f *Facts, b []byte) {
	var r struct {
		Version string `json:"version"`
	}
	if json.Unmarshal(b, &r) == nil {
		set(&f.Version, r.Version)
	}
}

// readProps reads /props of llama.cpp.
func readProps(f *Facts, b []byte) {
	var r struct {
		Build string `json:"build_info"`
		FType string `json:"model_ftype"`
		Set   struct {
			Context float64 `json:"n_ctx"`
		} `json:"default_generation_settings"`
	}
	if json.Unmarshal(b, &r) != nil {
		return
	}
	if r.Build != "" {
		set(&f.Engine, "llama.cpp")
		set(&f.Version, r.Build)
	}
	set(&f.Quantization, r.FType)
	setN(&f.MaxModelLen, whole(r.Set.Context))
}

// readServerInfo reads /server_info of SGLang, and of vLLM in its development
// mode, whose vllm_config is the text that its log has too.
func readServerInfo(f *Facts, b []byte) {
	var r struct {
		Version   string          `json:"version"`
		DType     string          `json:"dtype"`
		Quant     string          `json:"quantization"`
		KVDType   string          `json:"kv_cache_dtype"`
		Attention string          `json:"attention_backend"`
		MaxTokens float64         `json:"max_total_num_tokens"`
		VLLM      json.RawMessage `json:"vllm_config"`
	}
	if json.Unmarshal(b, &r) != nil {
		return
	}
	var text string
	if json.Unmarshal(r.VLLM, &text) == nil {
		vllmConfig(f, text)
	}
	set(&f.Version, r.Version)
	if r.DType != "auto" {
		set(&f.DType, r.DType)
	}
	set(&f.Quantization, r.Quant)
	if r.KVDType != "auto" {
		set(&f.KVDType, r.KVDType)
	}
	set(&f.Attention, r.Attention)
	setN(&f.KVTokens, whole(r.MaxTokens))
}
