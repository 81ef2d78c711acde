package control

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"tokmeter/internal/model/sched"
	"tokmeter/internal/python"
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/prompt"
)

// pathEmbeddings is where texts become vectors.
const pathEmbeddings = "/v1/embeddings"

// fixedDimensions is the length of vectors of a server without a model.
const fixedDimensions = 1024

// maxInputs bounds the inputs of one request.
const maxInputs = 2048

// An embedding is one of a response's vectors.
type embedding struct {
	Index  int    `json:"index"`
	Object string `json:"object"`
	Vector any    `json:"embedding"` // numbers, or base64 of little-endian float32
}

type embeddingUsage struct {
	Prompt  int `json:"prompt_tokens"`
	Total   int `json:"total_tokens"`
	Output  int `json:"completion_tokens"`
	Details any `json:"prompt_tokens_details"`
	Out     any `json:"completion_tokens_details"`
}

// embed answers POST /v1/embeddings: one prefill for each input. The vectors
// are made up: each token has its own direction, so that texts with the same
// words are near to each other.
func (s *Control) embed(c *call.Call) bool {
	c.Enter()
	defer c.Leave()
	q, fail := s.readEmbedding(c)
	if fail != nil {
		return c.ReplyError(fail)
	}
	b := newBatch(len(q.inputs))
	arrived := time.Unix(0, c.Arrived)
	reqs := make([]*engine.Request, 0, len(q.inputs))
	for i, ids := range q.inputs {
		r := &engine.Request{Sink: b, Arrived: arrived, Ready: s.in.Ready(arrived, len(ids)), N: 1, Pooling: true,
			Seq: sched.Request{ID: q.id + "-" + strconv.Itoa(i), Prompt: ids, MaxOutput: 1, Adapter: q.adapter, Priority: q.priority}}
		if err := s.in.Engine.Submit(r); err != nil {
			for _, before := range reqs {
				s.in.Engine.Abort(before)
			}
			return c.ReplyError(call.NewError(http.StatusServiceUnavailable, "ServiceUnavailableError", "", err.Error()))
		}
		reqs = append(reqs, r)
	}
	select {
	case <-b.done:
	case <-s.in.Closed:
		return false
	}
	if b.dropped != nil {
		return c.ReplyError(call.NewError(http.StatusInternalServerError, "InternalServerError", "", b.dropped.Error()))
	}
	return s.replyEmbedding(c, q)
}

// An embeddingAsk is a checked request for embeddings.
type embeddingAsk struct {
	id, model, adapter string
	inputs             [][]int
	format             string
	dimensions         int
	priority           int
}

// embeddingFormats are vLLM's.
var embeddingFormats = []string{"float", "base64", "bytes", "bytes_only"}

// readEmbedding reads and checks the body of a request for embeddings.
func (s *Control) readEmbedding(c *call.Call) (*embeddingAsk, *call.Error) {
	f, fail := call.NewForm(c, 5)
	if fail != nil {
		return nil, fail
	}
	q := &embeddingAsk{model: f.Optional("model"), format: "float", id: c.Header.Get("X-Request-Id"), dimensions: s.dimensions()}
	if format := f.Optional("encoding_format"); format != "" {
		q.format = format
	}
	special := f.Flag("add_special_tokens", true)
	dims, cutAt := f.Whole("dimensions"), f.Whole("truncate_prompt_tokens")
	if p := f.Whole("priority"); p != nil {
		q.priority = int(*p)
	}
	if q.id == "" {
		q.id = f.Optional("request_id")
	}
	if q.id == "" || len(q.id) > 256 {
		q.id = call.RandomID()
	}
	if !slices.Contains(embeddingFormats, q.format) {
		list := call.Literals(embeddingFormats)
		f.Add("literal_error", "body.encoding_format", "Input should be "+list, call.Cut(q.format), "{'expected': "+python.Quote(list)+"}")
	}
	if _, ok := f.Fields["input"]; !ok && !f.Has("messages") {
		for _, name := range [...]string{"input", "messages", "messages", "messages", "input", "messages", "input"} {
			f.Missing(name)
		}
	}
	if fail := f.Err(); fail != nil {
		return nil, fail
	}
	if q.format != "float" && q.format != "base64" {
		return nil, call.BadRequest("encoding_format", "The simulator answers with float or base64, not %s.", q.format)
	}
	if q.adapter, fail = s.in.Roster.Find(q.model); fail != nil {
		fail.Param = "" // vLLM names it for text alone
		return nil, fail
	}
	if q.model == "" {
		q.model = s.in.Model()
	}
	if fail = s.readInputs(f, q, special); fail != nil {
		return nil, fail
	}
	if dims != nil {
		if *dims < 1 || *dims > int64(q.dimensions) {
			return nil, call.BadRequest("", "Model %s only supports dimensions in range [1, %d], got %d.", python.Quote(s.in.Model()), q.dimensions, *dims)
		}
		q.dimensions = int(*dims)
	}
	return q, s.fit(q, cutAt)
}

// readInputs reads input, which is a text, token ids or a list of either, or the
// messages of a chat.
func (s *Control) readInputs(f *call.Form, q *embeddingAsk, special bool) *call.Error {
	if !f.Has("input") && f.Has("messages") {
		text, fail := s.formChat(f, false)
		if fail == nil {
			fail = f.Err()
		}
		q.inputs = [][]int{s.in.Tokenizer.Encode(text, special)}
		return fail
	}
	raw := bytes.TrimSpace(f.Fields["input"])
	var list []json.RawMessage
	if len(raw) > 0 && raw[0] == '[' && json.Unmarshal(raw, &list) == nil && len(list) == 0 {
		return call.BadRequest("", "You must pass at least one prompt")
	}
	items, fail := prompt.Read(raw)
	if fail != nil {
		if string(raw) == `""` {
			return call.BadRequest("", "The decoder prompt cannot be empty")
		}
		at, kind, msg, input := "body.input", "list_type", "Input should be a valid list", call.Shown(raw)
		if len(list) > 0 {
			at, kind, msg, input = "body.input.0", "int_type", "Input should be a valid integer", call.Shown(list[0])
		}
		f.Add(kind, at, msg, input, "")
		return f.Err()
	}
	if len(items) > maxInputs {
		return call.BadRequest("input", "The simulator takes at most %d inputs, got %d.", maxInputs, len(items))
	}
	for _, it := range items {
		if it.IDs == nil {
			it.IDs = s.in.Tokenizer.Encode(it.Text, special)
		}
		for _, id := range it.IDs {
			if id >= s.in.Tokenizer.VocabSize() {
				return call.BadRequest("", "Token id %d is out of vocabulary", id)
			}
		}
		q.inputs = append(q.inputs, it.IDs)
	}
	return nil
}

// fit cuts inputs where that was asked for and refuses those that are too long.
func (s *Control) fit(q *embeddingAsk, cutAt *int64) *call.Error {
	for i, ids := range q.inputs {
		if cutAt != nil && *cutAt != 0 {
			n := s.in.MaxLen
			if *cutAt > 0 {
				n = int(min(*cutAt, int64(s.in.MaxLen)))
			}
			if len(ids) > n {
				ids = ids[len(ids)-n:]
			}
			q.inputs[i] = ids
		}
		switch {
		case len(ids) == 0:
			return call.BadRequest("", "The decoder prompt cannot be empty")
		case len(ids) > s.in.MaxLen:
			return call.BadRequest("input_tokens", "This model's maximum context length is %d tokens. However, your prompt contains %d input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=%d)",
				s.in.MaxLen, len(ids), len(ids))
		}
	}
	return nil
}

// dimensions is the length of the model's vectors.
func (s *Control) dimensions() int {
	if s.in.Built != nil && s.in.Built.Model != nil {
		return s.in.Built.Model.Hidden
	}
	return fixedDimensions
}

func (s *Control) replyEmbedding(c *call.Call, q *embeddingAsk) bool {
	data := make([]embedding, len(q.inputs))
	var u embeddingUsage
	for i, ids := range q.inputs {
		u.Prompt += len(ids)
		v := direction(ids, q.dimensions)
		data[i] = embedding{Index: i, Object: "embedding"}
		if q.format == "float" {
			wide := make([]float64, len(v))
			for j, x := range v {
				wide[j] = float64(x)
			}
			data[i].Vector = wide
			continue
		}
		packed := make([]byte, 0, 4*len(v))
		for _, x := range v {
			packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(x))
		}
		data[i].Vector = base64.StdEncoding.EncodeToString(packed)
	}
	u.Total = u.Prompt
	return c.Reply(http.StatusOK, struct {
		ID      string         `json:"id"`
		Object  string         `json:"object"`
		Created int64          `json:"created"`
		Model   string         `json:"model"`
		Data    []embedding    `json:"data"`
		Usage   embeddingUsage `json:"usage"`
	}{"embd-" + q.id, "list", time.Now().Unix(), q.model, data, u})
}

// mostTokens bounds the work of one vector.
const mostTokens = 256

// direction is a vector of length one made of the tokens of a text, at most
// mostTokens of them evenly spread.
func direction(ids []int, n int) []float32 {
	sum := make([]float64, n)
	stride := max(1, (len(ids)+mostTokens-1)/mostTokens)
	for i := 0; i < len(ids); i += stride {
		x := uint64(ids[i])*0x9e3779b97f4a7c15 + 0x1234567
		for j := range sum {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			sum[j] += float64(int64(x)) / (1 << 63)
		}
	}
	norm := 0.0
	for _, x := range sum {
		norm += x * x
	}
	if norm == 0 {
		norm = 1
	}
	v := make([]float32, n)
	for j, x := range sum {
		v[j] = float32(x / math.Sqrt(norm))
	}
	return v
}

// A batch waits for the inputs of one request.
type batch struct {
	done chan struct{}

	mu      sync.Mutex
	left    int
	dropped error
}

func newBatch(n int) *batch { return &batch{done: make(chan struct{}), left: n} }

// Sample ends each input at once: a prefill is all there is to it.
func (b *batch) Sample(*engine.Request) (int, bool) { return 0, true }

// Emit counts an input that is done.
func (b *batch) Emit(*engine.Request, int, time.Time) bool {
	b.end(nil)
	return false
}

// Drop counts an input that the engine gave up.
func (b *batch) Drop(_ *engine.Request, why error) { b.end(why) }

func (b *batch) end(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if why != nil {
		b.dropped = why
	}
	b.left--
	if b.left == 0 {
		close(b.done)
	}
}
