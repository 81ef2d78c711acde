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
	req, err := http.NewRequest("POST", s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", "r-1")
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
		texts      string // what one token event holds
	}{
		{"/v1/completions", `{"model":"m","prompt":[1,2,3],"max_tokens":7,"stream":true,"stream_options":{"include_usage":true}}`,
			"data: [DONE]", `"usage":{"prompt_tokens":3,"completion_tokens":7,"total_tokens":10}`, `"text":" `},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_completion_tokens":7,"stream":true,"stream_options":{"include_usage":true}}`,
			"data: [DONE]", `"completion_tokens":7`, `"delta":{"content":" `},
		{"/v1/responses", `{"model":"m","input":"hi","max_output_tokens":7,"stream":true,"store":false}`,
			`data: {"type":"response.incomplete"`, `"output_tokens":7`, `"delta":" `},
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
			tokens := strings.Count(body, tt.texts) + strings.Count(body, strings.TrimSuffix(tt.texts, " ")+".")
			if status != 200 || tokens != 7 || !strings.HasPrefix(last, tt.last) || !strings.Contains(body, tt.usage) {
				t.Fatalf("got status %d, %d tokens, last %q in\n%s", status, tokens, last, body)
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
		{"not streamed", "/v1/completions", `{"model":"m","prompt":"x","max_tokens":3}`, 200, `"text":" the light of"`},
		{"chat, not streamed", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":2}`, 200, `"content":" the light"`},
		{"responses, not streamed", "/v1/responses", `{"model":"m","input":"x","max_output_tokens":2}`, 200, `"text":" the light"`},
		{"unknown model", "/v1/completions", `{"model":"n","prompt":"x"}`, 404, "does not exist"},
		{"impossible length", "/v1/completions", `{"model":"m","prompt":"x","max_tokens":-5}`, 400, "max_tokens"},
		{"no prompt", "/v1/chat/completions", `{"model":"m"}`, 400, "no prompt"},
		{"broken body", "/v1/completions", `{"model":`, 400, "unexpected end"},
		{"unknown path", "/v1/rerank", `{}`, 404, "Not Found"},
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
	s := start(t, DefaultSpec())
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
	if got, err := ParseSpec(""); err != nil || !cmp.Equal(got, DefaultSpec()) {
		t.Fatalf("got %+v, %v, want the defaults", got, err)
	}
	for _, bad := range []string{"ttft", "ttft=1", "ttft=-1ms", "jitter=1", "jitter=x", "seed=-1", "gpu=a10g", "model=", "itl=2h"} {
		if _, err := ParseSpec(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
