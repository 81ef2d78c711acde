package control

import (
	"net/http"
	"net/url"
	"testing"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/instance"
	"tokmeter/internal/sim/truth"
)

// FuzzAsks reads any body as a request for embeddings, as a chat to count and as
// a change of settings: no panic, and what is taken is within bounds.
func FuzzAsks(f *testing.F) {
	for _, s := range []string{`{"input":"a"}`, `{"input":["a","b"],"encoding_format":"base64","dimensions":4}`, `{"input":[1,2,3],"truncate_prompt_tokens":-1}`,
		`{"input":[[1],[2]],"priority":1e30}`, `{"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"continue_final_message":true}`,
		`{"messages":[{"role":1}]}`, `{"messages":"x","chat_template_kwargs":{"a":[1]}}`, `{"input":[]}`, `{"input":[[]]}`, `{"input":[99999999]}`} {
		f.Add([]byte(s))
	}
	in, err := instance.New(instance.Options{Setup: setup.Setup{Model: "llama-3.2-1b", GPU: "h100-sxm", MaxModelLen: 4096}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	s := New(in, &truth.Ledger{})
	header := http.Header{"Content-Type": {"application/json"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := &call.Call{Request: &http.Request{Method: "POST", Header: header, URL: &url.URL{Path: pathEmbeddings}}, Content: body}
		q, fail := s.readEmbedding(c)
		switch {
		case fail != nil && (fail.Status < 400 || fail.Status > 499):
			t.Fatalf("%q: status %d", body, fail.Status)
		case fail == nil && (len(q.inputs) == 0 || q.dimensions < 1 || q.dimensions > s.dimensions()):
			t.Fatalf("%q: %d inputs, %d dimensions", body, len(q.inputs), q.dimensions)
		}
		if fail == nil {
			for _, ids := range q.inputs {
				if len(ids) == 0 || len(ids) > in.MaxLen {
					t.Fatalf("%q: an input of %d tokens", body, len(ids))
				}
			}
		}
		if form, _ := call.ParseForm(body, 2); form != nil {
			if _, fail := s.formChat(form, true); fail != nil && fail.Status != http.StatusBadRequest {
				t.Fatalf("%q: status %d", body, fail.Status)
			}
			_ = form.Err()
		}
	})
}
