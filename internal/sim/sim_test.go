package sim

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, spec Spec) *Server {
	t.Helper()
	s, err := Start(Options{Fixed: &spec})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func post(t *testing.T, s *Server, path, body string) (int, string) {
	t.Helper()
	return postAs(t, s, "r-1", path, body)
}

func postAs(t *testing.T, s *Server, id, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("POST", s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", id)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestStreams(t *testing.T) {
	s := start(t, Spec{TTFT: 5 * time.Millisecond, ITL: time.Millisecond, Model: "m"})
	tests := []struct {
		path, body string
		last       string // of the stream
		usage      string
		event      string // of one token
	}{
		{"/v1/completions", `{"model":"m","prompt":[1,2,3],"max_tokens":7,"stream":true,"stream_options":{"include_usage":true}}`,
			"data: [DONE]", `"usage":{"prompt_tokens":3,"total_tokens":10,"completion_tokens":7,`, `"choices":[{"index":0,"text":"`},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_completion_tokens":7,"stream":true,"stream_options":{"include_usage":true}}`,
			"data: [DONE]", `"completion_tokens":7`, `"delta":{"content":"`},
		{"/v1/responses", `{"model":"m","input":"hi","max_output_tokens":7,"stream":true,"store":false}`,
			`data: {"response":{"id":"resp_`, `"output_tokens":7`, `data: {"content_index":0,"delta":"`},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			s.Forget()
			status, body := post(t, s, tt.path, tt.body)
			events := strings.Split(strings.TrimSpace(body), "\n\n")
			last := events[len(events)-1]
			if i := strings.LastIndex(last, "data: "); i >= 0 {
				last = last[i:]
			}
			if n := strings.Count(body, tt.event); status != 200 || n != 7 || !strings.HasPrefix(last, tt.last) || !strings.Contains(body, tt.usage) {
				t.Fatalf("got status %d, %d tokens, last %q in\n%s", status, n, last, body)
			}
			truth := s.Truth()
			if len(truth) != 1 || len(truth[0].Sent) != 7 || truth[0].ID != "r-1" || !truth[0].Complete {
				t.Fatalf("got truth %+v", truth)
			}
			if first := truth[0].Sent[0] - truth[0].Arrived; first < int64(5*time.Millisecond) || first > int64(2*time.Second) {
				t.Fatalf("first token left %d ns after the arrival, want 5 ms or a little more", first)
			}
		})
	}
}

func TestPlainAndErrors(t *testing.T) {
	s := start(t, Spec{TTFT: time.Millisecond, ITL: time.Microsecond, Model: "m"})
	tests := []struct {
		why, path, body string
		status          int
		want            string
	}{
		{"not streamed", "/v1/completions", `{"model":"m","prompt":"x","max_tokens":3}`, 200, `"completion_tokens":3`},
		{"chat, not streamed", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":2}`, 200, `"message":{"role":"assistant","content":"`},
		{"responses, not streamed", "/v1/responses", `{"model":"m","input":"x","max_output_tokens":2}`, 200, `"output_tokens":2`},
		{"a request without a model means the one there is", "/v1/completions", `{"prompt":"x","max_tokens":1}`, 200, `"model":"m"`},
		{"SageMaker's path takes both", "/invocations", `{"messages":[{"role":"user","content":"x"}],"max_tokens":1}`, 200, "chat.completion"},
		{"unknown model", "/v1/completions", `{"model":"n","prompt":"x"}`, 404, "The model `n` does not exist. Valid aliases: m."},
		{"impossible length", "/v1/completions", `{"model":"m","prompt":"x","max_tokens":-5}`, 400, `{"error":{"message":"max_tokens must be at least 1, got -5. (parameter=max_tokens, value=-5)","type":"BadRequestError","param":"max_tokens","code":400}}`},
		{"a length that is no number", "/v1/completions", `{"model":"m","prompt":"x","max_tokens":"many"}`, 400, `{"error":{"message":"1 validation error:\n  {'type': 'int_parsing', 'loc': 'body.max_tokens', 'msg': 'Input should be a valid integer, unable to parse string as an integer', 'input': 'many'}","type":"Bad Request","param":"body.max_tokens","code":400}}`},
		{"a number in quotes, as pydantic takes it", "/v1/completions", `{"prompt":"x","max_tokens":"2","temperature":"0.5","n":1.0}`, 200, `"completion_tokens":2`},
		{"a length with a fraction", "/v1/completions", `{"prompt":"x","max_tokens":2.5}`, 400, `'type': 'int_from_float', 'loc': 'body.max_tokens', 'msg': 'Input should be a valid integer, got a number with a fractional part', 'input': '2.5'}`},
		{"nulls are defaults", "/v1/completions", `{"prompt":"x","max_tokens":null,"n":null,"stop":null,"logprobs":null,"stream":null,"stream_options":null,"seed":null,"temperature":null}`, 200, `"completion_tokens":16`},
		{"no prompt", "/v1/completions", `{"model":"m"}`, 400, "Either prompt or prompt_embeds must be provided and non-empty."},
		{"no messages", "/v1/chat/completions", `{"model":"m"}`, 400, `{'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required', 'input': '<dict of 1 items>'}`},
		{"an empty conversation", "/v1/chat/completions", `{"messages":[]}`, 400, "Cannot apply chat template to an empty conversation."},
		{"no body", "/v1/completions", ``, 400, `{'type': 'missing', 'loc': 'body', 'msg': 'Field required', 'input': 'None'}`},
		{"a body that is no object", "/v1/completions", `[]`, 400, "'input': '<list of 0 items>'"},
		{"temperature as Python prints it", "/v1/completions", `{"prompt":"x","temperature":3}`, 400, "temperature must be in [0, 2], got 3.0. (parameter=temperature, value=3.0)"},
		{"beyond every context", "/v1/completions", `{"prompt":"x","max_tokens":1048577}`, 400, "max_tokens=1048577 cannot be greater than max_model_len=1048576."},
		{"an empty salt", "/v1/completions", `{"prompt":"x","cache_salt":""}`, 400, "Parameter 'cache_salt' must be a non-empty string if provided."},
		{"no tool in the list", "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}],"tools":[]}`, 400, "`tools` must not be an empty array."},
		{"a choice of no tool", "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}],"tool_choice":"auto"}`, 400, "When using `tool_choice`, `tools` must be set."},
		{"broken body", "/v1/completions", `{"model":`, 400, "JSON decode error"},
		{"an empty stop string", "/v1/completions", `{"prompt":"x","stop":[""]}`, 400, "stop cannot contain an empty string."},
		{"n of nothing", "/v1/completions", `{"prompt":"x","n":0}`, 400, "n must be at least 1, got 0."},
		{"several greedy answers are equal", "/v1/completions", `{"prompt":"x","n":2,"temperature":0}`, 400, "n must be 1 when using greedy sampling, got 2."},
		{"min above max", "/v1/completions", `{"prompt":"x","min_tokens":20}`, 400, "min_tokens must be less than or equal to max_tokens=16, got 20."},
		{"options of a stream without one", "/v1/completions", `{"prompt":"x","stream_options":{"include_usage":true}}`, 400, "Stream options can only be defined when `stream=True`."},
		{"more log probabilities than vLLM gives", "/v1/completions", `{"prompt":"x","logprobs":21}`, 400, "Requested sample logprobs of 21, which is greater than max allowed: 20 (parameter=logprobs, value=21)"},
		{"unknown path", "/v1/nowhere", `{}`, 404, `{"detail":"Not Found"}`},
		{"wrong method", "/sim/state", `{}`, 405, `{"detail":"Method Not Allowed"}`},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			status, body := post(t, s, tt.path, tt.body)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Fatalf("got %d %s, want %d with %q", status, body, tt.status, tt.want)
			}
		})
	}
}

func TestManyStreamsAndAbandoned(t *testing.T) {
	s := start(t, Spec{TTFT: 2 * time.Millisecond, ITL: 2 * time.Millisecond, Model: "m"})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			resp, err := http.Post(s.URL()+"/v1/completions", "application/json",
				strings.NewReader(`{"model":"m","prompt":[1],"max_tokens":20,"stream":true}`))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if i%5 == 0 { // leaves after the first line
				bufio.NewReader(resp.Body).ReadString('\n')
				return
			}
			b, err := io.ReadAll(resp.Body)
			if err != nil || !strings.Contains(string(b), "[DONE]") {
				t.Errorf("stream %d: %v, %d bytes", i, err, len(b))
			}
		}()
	}
	wg.Wait()
	whole := 0
	for _, tr := range s.Truth() {
		if tr.Complete {
			whole++
		}
	}
	if whole < 40 {
		t.Fatalf("got %d whole truths, want at least 40", whole)
	}
}

func TestInfo(t *testing.T) {
	s := start(t, defaultSpec())
	for _, path := range []string{"/health", "/version", "/v1/models", "/sim/truth"} {
		resp, err := http.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Fatalf("%s: status %d", path, resp.StatusCode)
		}
		if path != "/health" && !json.Valid(b) {
			t.Fatalf("%s: no JSON: %s", path, b)
		}
		if path == "/version" && !strings.Contains(string(b), "simulat") {
			t.Fatalf("/version hides what it is: %s", b)
		}
	}
}

func TestParseSpec(t *testing.T) {
	got, err := ParseSpec("ttft=120ms, itl=5ms,jitter=0,seed=9,model=x")
	want := Spec{TTFT: 120 * time.Millisecond, ITL: 5 * time.Millisecond, Seed: 9, Model: "x"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%v: %s", err, diff)
	}
	if got, err := ParseSpec(""); err != nil || !cmp.Equal(got, defaultSpec()) {
		t.Fatalf("got %+v, %v, want the defaults", got, err)
	}
	for _, bad := range []string{"ttft", "ttft=1", "ttft=-1ms", "jitter=1", "jitter=x", "seed=-1", "gpu=a10g", "model=", "itl=2h"} {
		if _, err := ParseSpec(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
