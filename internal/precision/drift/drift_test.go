package drift

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/compare"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The answers of servers to one prompt, in their own shapes.
const (
	vllmAnswer  = `{"id":"cmpl-9","object":"text_completion","created":1795521969,"model":"tiny","choices":[{"index":0,"text":" automatically()]","logprobs":{"text_offset":[0,14],"token_logprobs":[-5.97,-5.98],"tokens":[" automatically","()]"],"top_logprobs":[{" automatically":-5.97,"()]":-5.99},{"()]":-5.98}]},"finish_reason":"length","stop_reason":null,"token_ids":null,"prompt_logprobs":null}],"usage":{"prompt_tokens":6,"total_tokens":8,"completion_tokens":2}}`
	llamaAnswer = `{"choices":[{"text":" automatically()]","index":0,"logprobs":{"content":[{"id":4252,"token":" automatically","bytes":[32],"logprob":-5.95,"top_logprobs":[]},{"id":5707,"token":"()]","bytes":[40,41,93],"logprob":-5.97,"top_logprobs":[]}]},"finish_reason":"length"}],"created":1,"model":"tiny","object":"text_completion","usage":{"completion_tokens":2}}`
	ollamaReply = `{"id":"cmpl-371","object":"text_completion","created":1,"model":"tiny","system_fingerprint":"fp_ollama","choices":[{"text":" automatically()]","index":0,"finish_reason":"length"}],"usage":{"prompt_tokens":6,"completion_tokens":2,"total_tokens":8}}`
	chatAnswer  = `{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"strSEEK"},"logprobs":{"content":[{"token":"str","logprob":-5.9,"top_logprobs":[]},{"token":"SEEK","logprob":-5.5,"top_logprobs":[]}]},"finish_reason":"length"}]}`
	tokens      = 2
)

// serve is a server that answers all calls alike and remembers their bodies.
func serve(t *testing.T, do func(w http.ResponseWriter, body map[string]any)) Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m map[string]any
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		m["path"] = r.URL.Path
		m["auth"] = r.Header.Get("Authorization")
		do(w, m)
	}))
	t.Cleanup(s.Close)
	return Client{URL: s.URL, Model: "tiny", MaxTokens: tokens, Timeout: 10 * time.Second, HTTP: s.Client()}
}

func TestShapes(t *testing.T) {
	both := []string{" automatically", "()]"}
	for _, c := range []struct {
		why, endpoint, reply string
		want                 compare.Answer
	}{
		{"vLLM, SGLang, llama-cpp-python: OpenAI's old shape", "", vllmAnswer, compare.Answer{Text: " automatically()]", Tokens: both, LogProbs: []float64{-5.97, -5.98}, Finish: "length"}},
		{"llama.cpp: the shape of chats in completions", "", llamaAnswer, compare.Answer{Text: " automatically()]", Tokens: both, LogProbs: []float64{-5.95, -5.97}, Finish: "length"}},
		{"Ollama gives none here", "", ollamaReply, compare.Answer{Text: " automatically()]", Tokens: nil, LogProbs: nil, Finish: "length"}},
		{"a chat", "/v1/chat/completions", chatAnswer, compare.Answer{Text: "strSEEK", Tokens: []string{"str", "SEEK"}, LogProbs: []float64{-5.9, -5.5}, Finish: "length"}},
		{"a null among the numbers", "", `{"choices":[{"text":"ab","logprobs":{"tokens":["a","b"],"token_logprobs":[null,-1]}}]}`, compare.Answer{Text: "ab", Tokens: []string{"a", "b"}, LogProbs: []float64{math.NaN(), -1}, Finish: ""}},
		{"a probability above one is none", "", `{"choices":[{"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[3]}}]}`, compare.Answer{Text: "a", Tokens: []string{"a"}, LogProbs: []float64{math.NaN()}, Finish: ""}},
		{"lists of two lengths are left out", "", `{"choices":[{"text":"ab","logprobs":{"tokens":["a","b"],"token_logprobs":[-1]}}]}`, compare.Answer{Text: "ab", Tokens: nil, LogProbs: nil, Finish: ""}},
		{"an empty answer is one", "", `{"choices":[{"text":"","finish_reason":"stop"}]}`, compare.Answer{Text: "", Tokens: nil, LogProbs: nil, Finish: "stop"}},
	} {
		c2 := serve(t, func(w http.ResponseWriter, body map[string]any) { io.WriteString(w, c.reply) })
		c2.Endpoint = c.endpoint
		got, err := Ask(t.Context(), c2, 1, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		if d := cmp.Diff([]compare.Answer{c.want}, got, cmpopts.EquateNaNs()); d != "" {
			t.Errorf("%s: (-want +got)\n%s", c.why, d)
		}
	}
}

func TestBodies(t *testing.T) {
	var got []map[string]any
	c := serve(t, func(w http.ResponseWriter, body map[string]any) {
		got = append(got, body)
		if strings.HasSuffix(body["path"].(string), "chat/completions") {
			io.WriteString(w, chatAnswer)
			return
		}
		io.WriteString(w, vllmAnswer)
	})
	c.Header = http.Header{"Authorization": {"Bearer secret"}}
	if _, err := Ask(t.Context(), c, 1, nil, nil); err != nil {
		t.Fatal(err)
	}
	c.Endpoint = "/v1/chat/completions"
	if _, err := Ask(t.Context(), c, 1, nil, nil); err != nil {
		t.Fatal(err)
	}
	first := "The three states of matter that everyone meets at home are"
	want := []map[string]any{
		{"path": "/v1/completions", "auth": "Bearer secret", "model": "tiny", "prompt": first, "max_tokens": 2.0, "temperature": 0.0, "seed": 0.0, "stream": false, "cache_prompt": false, "logprobs": 1.0},
		{"path": "/v1/chat/completions", "auth": "Bearer secret", "model": "tiny", "messages": []any{map[string]any{"role": "user", "content": first}},
			"max_tokens": 2.0, "temperature": 0.0, "seed": 0.0, "stream": false, "cache_prompt": false, "logprobs": true, "top_logprobs": 1.0},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if len(c.Header) != 1 {
		t.Errorf("the caller's headers became %v", c.Header)
	}
}

func TestRefusedExtras(t *testing.T) {
	for _, c := range []struct {
		why     string
		refused []string
		words   string // of the refusal, with the name at its end
		calls   int    // for three answers
		fails   bool
	}{
		{"nothing", nil, "", 3, false},
		{"log-probabilities: the refusal is remembered", []string{"logprobs"}, "not supported: ", 4, false},
		{"an argument that OpenAI does not know", []string{"cache_prompt"}, "Unrecognized request argument supplied: ", 4, false},
		{"both", []string{"cache_prompt", "logprobs"}, "unknown field: ", 5, false},
		{"a refusal of something else is an error", []string{"seed"}, "no ", 1, true},
	} {
		calls := 0
		client := serve(t, func(w http.ResponseWriter, body map[string]any) {
			calls++
			for _, name := range c.refused {
				if _, ok := body[name]; ok {
					http.Error(w, c.words+name, http.StatusBadRequest)
					return
				}
			}
			io.WriteString(w, ollamaReply)
		})
		got, err := Ask(t.Context(), client, 3, nil, nil)
		if (err != nil) != c.fails || calls != c.calls || !c.fails && len(got) != 3 {
			t.Errorf("%s: got %d answers by %d calls, %v; want %d calls", c.why, len(got), calls, err, c.calls)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		why    string
		status int
		body   string
		want   string
	}{
		{"status with the server's words", 404, "{\"error\":\"no model\n tiny\"}", `drift: prompt 1 of 2: the server answered 404 Not Found: {"error":"no model tiny"}`},
		{"an error in a success", 200, `{"error":{"message":"loading"}}`, `the server answered an error: {"message":"loading"}`},
		{"a page", 200, "<html>", "the answer is no JSON of completions"},
		{"no choices", 200, `{"choices":[]}`, "the answer has no choices"},
		{"no text", 200, `{"choices":[{"message":{"content":"x"}}]}`, "the answer has no text"},
		{"a wrong kind", 200, `{"choices":7}`, "the answer is no JSON of completions"},
	} {
		cl := serve(t, func(w http.ResponseWriter, _ map[string]any) {
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		_, err := Ask(t.Context(), cl, 2, nil, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s on one line", c.why, err, c.want)
		}
	}
	for _, c := range []struct {
		why  string
		c    Client
		n    int
		want string
	}{
		{"no prompts", Client{URL: "http://x"}, 0, "want 1 to 10000"},
		{"a URL without a scheme", Client{URL: "localhost:8000"}, 1, "must begin with http://"},
		{"no tokens", Client{URL: "http://x", MaxTokens: -1}, 1, "-1 tokens an answer"},
		{"nobody there", Client{URL: "http://127.0.0.1:1", HTTP: http.DefaultClient}, 1, "is the server still running?"},
	} {
		if _, err := Ask(t.Context(), c.c, c.n, nil, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.why, err, c.want)
		}
	}
}

func TestSlow(t *testing.T) {
	gate := make(chan struct{})
	c := serve(t, func(http.ResponseWriter, map[string]any) { <-gate })
	defer close(gate)
	c.Timeout = 20 * time.Millisecond
	if _, err := Ask(t.Context(), c, 1, nil, nil); !errors.Is(err, errSlow) || !strings.Contains(err.Error(), "20ms") {
		t.Errorf("got %v, want that it took too long", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	cancel(cause)
	if _, err := Ask(ctx, c, 1, nil, nil); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}

// TestResume stops after two answers, tears the last line and goes on: the file
// and the answers are those of an undisturbed run.
func TestResume(t *testing.T) {
	calls, limit := 0, 1000
	c := serve(t, func(w http.ResponseWriter, body map[string]any) {
		if calls++; calls > limit {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"choices":[{"text":%q,"logprobs":{"tokens":["a"],"token_logprobs":[null]}}]}`, "re: "+body["prompt"].(string))
	})
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.jsonl")
	want, err := AskFile(t.Context(), c, whole, 5)
	if err != nil || len(want) != 5 || calls != 5 {
		t.Fatalf("got %d answers by %d calls, %v", len(want), calls, err)
	}
	path := filepath.Join(dir, "a.jsonl")
	calls, limit = 0, 2
	if got, err := AskFile(t.Context(), c, path, 5); err == nil || len(got) != 2 {
		t.Fatalf("got %d answers and %v, want 2 and an error", len(got), err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)-3], 0o666); err != nil {
		t.Fatal(err)
	}
	calls, limit = 0, 1000
	got, err := AskFile(t.Context(), c, path, 5)
	if err != nil || calls != 4 {
		t.Fatalf("got %d calls, %v; want 4: the whole answer is kept, the torn one asked for again", calls, err)
	}
	if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	b1, _ := os.ReadFile(whole)
	b2, _ := os.ReadFile(path)
	if !bytes.Equal(b1, b2) {
		t.Errorf("files differ:\n%s\n%s", b1, b2)
	}
	c.MaxTokens++
	if _, err := AskFile(t.Context(), c, path, 5); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("got %v, want a refusal: the answers are of another length", err)
	}
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := AskFile(t.Context(), c, path, 1); err != nil || len(got) != 1 {
		t.Errorf("an empty file: got %d answers, %v", len(got), err)
	}
}

func TestPrompts(t *testing.T) {
	list := lines()
	if len(list) < 50 {
		t.Errorf("got %d prompts, want 50 at least", len(list))
	}
	seen := map[string]bool{}
	n := 0
	for i, p := range Prompts(3 * len(list)) {
		if i != n || p == "" || seen[p] || len(p) > 300 || strings.TrimSpace(p) != p {
			t.Errorf("prompt %d: %q is empty, long, blank at an end or twice there", i, p)
		}
		seen[p] = true
		n++
	}
	// Answers are kept across versions of the program: the texts may not change
	// without the hash, and the hash is in each file.
	if got, want := Hash(), "b37f31865635c40967db75564823f49d"; got != want {
		t.Errorf("got hash %s, want %s", got, want)
	}
}

func TestReadErrors(t *testing.T) {
	head := `{"tokmeter_drift":1,"prompts":"x","max_tokens":2,"endpoint":"/v1/completions","model":"m"}` + "\n"
	for _, c := range []struct{ why, text, want string }{
		{"nothing", "", "the file is empty"},
		{"another file", "{\"a\":1}\n", "line 1: this is no file of answers"},
		{"a later version", "{\"tokmeter_drift\":2}\n", "line 1: version 2"},
		{"no JSON", head + "{\n", "line 2"},
		{"an index that no prompt has", head + "{\"index\":-1}\n", "line 2: prompt -1"},
		{"an answer twice", head + "{\"index\":1}\n{\"index\":1}\n", "line 3: a second answer to prompt 1"},
		{"numbers without tokens", head + "{\"index\":1,\"tokens\":[\"a\"],\"logprobs\":[1,2]}\n", "line 2: 2 log-probabilities of 1 tokens"},
	} {
		if _, _, err := Read(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.why, err, c.want)
		}
	}
}

// FuzzRead: whatever a file holds, what is read is written and read as the same.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"tokmeter_drift":1,"prompts":"x","max_tokens":2}` + "\n" + `{"index":1,"text":"a b","tokens":["a"," b"],"logprobs":[-1,null],"finish":"stop"}` + "\n"))
	f.Add([]byte("{\"tokmeter_drift\":1}\n{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, list, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var w bytes.Buffer
		if err := encode(&w, h); err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if err := Write(&w, a); err != nil {
				t.Fatal(err)
			}
		}
		h2, again, err := Read(&w)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(list, again, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" || h != h2 {
			t.Errorf("(-want +got)\n%s", d)
		}
	})
}

// FuzzParse: no answer of a server is a panic.
func FuzzParse(f *testing.F) {
	for _, s := range []string{vllmAnswer, llamaAnswer, ollamaReply, chatAnswer} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, chat bool) {
		a, err := parse(b, chat)
		if err == nil && a.LogProbs != nil && len(a.LogProbs) != len(a.Tokens) {
			t.Errorf("%d log-probabilities of %d tokens", len(a.LogProbs), len(a.Tokens))
		}
	})
}
