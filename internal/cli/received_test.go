package cli

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/cli/shell"
)

// goodServer answers completions and lists the model m.
func goodServer(t *testing.T) *faultServer {
	return newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": good()})
}

// TestReceived: what reaches the server, by the flags.
func TestReceived(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		key    string            // OPENAI_API_KEY
		header map[string]string // "" for one that must not be there
		body   map[string]any    // nil for a member that must not be there
	}{
		{"the defaults", nil, "", map[string]string{"Authorization": "", "Content-Type": "application/json"},
			map[string]any{"model": "m", "max_tokens": 4.0, "stream": true, "ignore_eos": true, "temperature": nil}},
		{"the key", nil, "sk-1", map[string]string{"Authorization": "Bearer sk-1"}, nil},
		{"headers over the key", []string{"--header", "Authorization=Basic x", "X-A=b=c"}, "sk-1",
			map[string]string{"Authorization": "Basic x", "X-A": "b=c"}, nil},
		{"a host of the user's own", []string{"--header", "Host=other.example"}, "", map[string]string{"Host": "other.example"}, nil},
		{"request ids", []string{"--request-id-prefix", "p-"}, "", map[string]string{"X-Request-Id": "p-0"}, nil},
		{"sampling", []string{"--temperature", "0", "--top-k", "5"}, "", nil, map[string]any{"temperature": 0.0, "top_k": 5.0}},
		{"the extra body wins", []string{"--temperature", "0", "--extra-body", `{"temperature": 1, "a": {"b": [null]}}`}, "", nil,
			map[string]any{"temperature": 1.0, "a": map[string]any{"b": []any{nil}}}},
		{"the served name", []string{"--model", "org/weights", "--served-model-name", "m"}, "", nil, map[string]any{"model": "m"}},
		{"log probabilities", []string{"--logprobs", "3"}, "", nil, map[string]any{"logprobs": 3.0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.env["OPENAI_API_KEY"] = tt.key
			s := goodServer(t)
			w.serve(s.url(), append([]string{"--num-prompts", "1"}, tt.args...)...).want(t, shell.ExitOK)
			qs := s.questions("POST /v1/completions")
			if len(qs) != 1 {
				t.Fatalf("got %d requests, want 1", len(qs))
			}
			for name, want := range tt.header {
				if got := qs[0].Header.Get(name); got != want {
					t.Errorf("header %s: got %q, want %q", name, got, want)
				}
			}
			var body map[string]any
			if err := json.Unmarshal([]byte(qs[0].Body), &body); err != nil {
				t.Fatal(err)
			}
			for name, want := range tt.body {
				if got, ok := body[name]; fmt.Sprint(got) != fmt.Sprint(want) || ok != (want != nil) {
					t.Errorf("%s: got %v, want %v in %s", name, got, want, qs[0].Body)
				}
			}
			// The key and the headers go with the questions too.
			if auth := tt.header["Authorization"]; auth != "" {
				for _, path := range []string{"GET /v1/models", "POST /tokenize"} {
					if q := s.questions(path); len(q) == 0 || q[0].Header.Get("Authorization") != auth {
						t.Errorf("%s was not asked with %q", path, auth)
					}
				}
			}
			for _, file := range []string{"result.json", "record/run.json"} {
				if b := w.read(file); strings.Contains(b, "sk-1") || strings.Contains(b, "Basic x") {
					t.Errorf("%s holds a secret:\n%s", file, b)
				}
			}
		})
	}
}

// TestBackends: which path each backend asks, and with what prompt.
func TestBackends(t *testing.T) {
	chat := strings.NewReplacer(`"text":" word"`, `"delta":{"content":" word"}`, `"text":" end"`, `"delta":{"content":" end"}`)
	response := streamHead + events(
		`{"type":"response.output_text.delta","delta":" word"}`,
		`{"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens":1}}}`) + "0\r\n\r\n"
	for _, tt := range []struct {
		backend, path, member string
		reply                 answer
	}{
		{"vllm", "/v1/completions", "prompt", good()},
		{"openai", "/v1/completions", "prompt", good()},
		{"openai-chat", "/v1/chat/completions", "messages", says(streamHead + events(chat.Replace(someText), chat.Replace(lastText), usageIs, "[DONE]") + "0\r\n\r\n")},
		{"openai-responses", "/v1/responses", "input", says(response)},
	} {
		t.Run(tt.backend, func(t *testing.T) {
			w := newWorld(t)
			s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST " + tt.path: tt.reply})
			w.serve(s.url(), "--backend", tt.backend).want(t, shell.ExitOK, "Successful requests:                     3  ")
			for _, q := range s.questions("POST " + tt.path) {
				if !strings.Contains(q.Body, `"`+tt.member+`":`) {
					t.Errorf("got %s, want it with %s", q.Body, tt.member)
				}
			}
			if got := w.result()["backend"]; got != tt.backend {
				t.Errorf("backend: got %v, want %s", got, tt.backend)
			}
		})
	}
}

// TestLoRA: modules are dealt in turn, and the seed deals them at random.
func TestLoRA(t *testing.T) {
	asked := func(s *faultServer) []string {
		var names []string
		for _, q := range s.questions("POST /v1/completions") {
			var body struct{ Model string }
			_ = json.Unmarshal([]byte(q.Body), &body)
			names = append(names, body.Model)
		}
		return names
	}
	w := newWorld(t)
	s := goodServer(t)
	w.serve(s.url(), "--lora-modules", "a", "b", "--lora-assignment", "round-robin", "--num-prompts", "4", "--max-concurrency", "1").want(t, shell.ExitOK)
	if got, want := asked(s), []string{"a", "b", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	s = goodServer(t)
	w.serve(s.url(), "--lora-modules", "a", "b", "--num-prompts", "20", "--max-concurrency", "1", "--record-dir", w.path("second")).want(t, shell.ExitOK)
	if got := asked(s); !slices.Contains(got, "a") || !slices.Contains(got, "b") || len(got) != 20 {
		t.Errorf("got %v, want 20 of a and b", got)
	}
}

// TestWarmupAndProfile: warm-ups go first and are not counted, the profiler
// runs around the measurement.
func TestWarmupAndProfile(t *testing.T) {
	w := newWorld(t)
	s := newFaultServer(t, map[string]answer{
		"GET /v1/models": models("m"), "POST /v1/completions": good(),
		"POST /start_profile": status(200, ""), "POST /stop_profile": status(200, ""),
	})
	got := w.serve(s.url(), "--num-warmups", "5", "--profile", "--ready-check-timeout-sec", "5")
	got.want(t, shell.ExitOK, "Waiting for endpoint to become up in 5 seconds\nInitial test run completed.\nWarming up with 5 requests...\nWarmup run completed.\n"+
		"Starting main benchmark run...\nStarting profiler...\nProfiler started\nTraffic request rate: inf\n", "Stopping profiler...\nProfiler stopped\n", "Successful requests:                     3  ")
	var order []string
	for _, q := range s.all() {
		if strings.HasPrefix(q.Path, "POST /v1") || strings.HasSuffix(q.Path, "profile") {
			order = append(order, strings.TrimPrefix(q.Path, "POST "))
		}
	}
	c := "/v1/completions"
	if want := []string{c, c, c, c, c, c, "/start_profile", c, c, c, "/stop_profile"}; !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
	t.Run("a server without a profiler", func(t *testing.T) {
		w := newWorld(t)
		w.serve(goodServer(t).url(), "--profile").want(t, shell.ExitOK, "the profiler did not obey: /start_profile answered 404")
	})
}

// TestLateServer: the ready check waits for a server that is still starting,
// also where it has to say which model it has.
func TestLateServer(t *testing.T) {
	for name, args := range map[string][]string{
		"a named model":   {"--model", "m"},
		"the first one":   nil,
		"another dataset": {"--model", "m", "--dataset-name", "sonnet"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := ln.Addr().String()
			ln.Close()
			up := make(chan *faultServer, 1)
			opens := time.AfterFunc(900*time.Millisecond, func() {
				ln, err := net.Listen("tcp", addr)
				if err != nil {
					t.Error(err)
					return
				}
				up <- serveFaults(ln, map[string]answer{
					"GET /v1/models": func(c net.Conn, n int, q asked) bool {
						return []answer{status(503, "loading"), models("m")}[min(n, 1)](c, n, q)
					},
					"POST /v1/completions": good(),
				})
			})
			defer func() {
				if !opens.Stop() {
					(<-up).close()
				}
			}()
			got := w.run(append([]string{"bench", "serve", "--base-url", "http://" + addr, "--num-prompts", "2", "--no-live", "--no-record", "--ready-check-timeout-sec", "20"}, args...)...)
			got.want(t, shell.ExitOK, "Initial test run completed.", "Successful requests:                     2  ", "tokmeter: not ready: http://"+addr)
		})
	}
	t.Run("it never comes", func(t *testing.T) {
		w := newWorld(t)
		got := w.serve(deadURL(t), "--ready-check-timeout-sec", "1")
		got.want(t, shell.ExitUnreachable, "connection refused (is the server running")
		wantOneLine(t, got)
		w.wantNothing("record", "result.json")
		if got.took > 10*time.Second {
			t.Errorf("took %v, want a little more than 1 s", got.took)
		}
	})
	t.Run("it answers with errors", func(t *testing.T) {
		w := newWorld(t)
		s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": status(500, "no")})
		got := w.serve(s.url(), "--ready-check-timeout-sec", "1")
		got.want(t, shell.ExitFailed, "initial test run failed: "+s.url()+"/v1/completions: in 1s (--ready-check-timeout-sec): the server was not ready in time: http_error: HTTP 500 Internal Server Error: no")
		w.wantNothing("record", "result.json")
	})
}

// TestModels: what the server lists, and what is done without.
func TestModels(t *testing.T) {
	noModel := status(404, `{"error":{"message":"The model x does not exist."}}`)
	t.Run("the first one is taken", func(t *testing.T) {
		w := newWorld(t)
		s := newFaultServer(t, map[string]answer{
			"GET /v1/models":       status(200, `{"data":[{"id":"served","root":"org/Weights-7B"},{"id":"other"}]}`),
			"POST /v1/completions": good(),
		})
		got := w.run("bench", "serve", "--base-url", s.url(), "--num-prompts", "1", "--no-live", "--record-dir", w.path("record"), "--save-result", "--result-filename", w.path("result.json"))
		got.want(t, shell.ExitOK, "First model name: served, first model id: org/Weights-7B\n")
		if body := s.questions("POST /v1/completions")[0].Body; !strings.Contains(body, `"model":"served"`) {
			t.Errorf("got %s", body)
		}
		if got := w.result()["model_id"]; got != "org/Weights-7B" {
			t.Errorf("model_id: got %v", got)
		}
	})
	t.Run("a wrong name", func(t *testing.T) {
		w := newWorld(t)
		s := newFaultServer(t, map[string]answer{"GET /v1/models": models("a/b", "c"), "POST /v1/completions": noModel})
		got := w.serve(s.url(), "--model", "x")
		got.want(t, shell.ExitFailed, `does not take the model "x": HTTP 404 Not Found: `, "(it offers a/b, c)")
		wantOneLine(t, got)
		w.wantNothing("record", "result.json")
	})
	t.Run("a name that is not listed but served", func(t *testing.T) {
		w := newWorld(t)
		s := newFaultServer(t, map[string]answer{"GET /v1/models": models("a"), "POST /v1/completions": good()})
		w.serve(s.url(), "--model", "alias").want(t, shell.ExitOK)
	})
	t.Run("no list, a wrong name", func(t *testing.T) {
		w := newWorld(t)
		s := newFaultServer(t, map[string]answer{"POST /v1/completions": noModel})
		w.serve(s.url(), "--model", "x").want(t, shell.ExitFailed, "The model x does not exist.", "Result saved to ")
	})
	t.Run("no list, no name", func(t *testing.T) {
		w := newWorld(t)
		s := newFaultServer(t, map[string]answer{"POST /v1/completions": good()})
		got := w.run("bench", "serve", "--base-url", s.url(), "--record-dir", w.path("record"))
		got.want(t, shell.ExitFailed, "no model given, and the server does not say which it has: /v1/models answered 404", "(name the model with --model)")
		w.wantNothing("record")
	})
	t.Run("an empty list, no name", func(t *testing.T) {
		w := newWorld(t)
		s := newFaultServer(t, map[string]answer{"GET /v1/models": models()})
		w.run("bench", "serve", "--base-url", s.url(), "--no-record").want(t, shell.ExitFailed, "lists none (name the model with --model)")
	})
	t.Run("no key", func(t *testing.T) {
		w := newWorld(t)
		no := status(401, `{"error":"Unauthorized"}`)
		s := newFaultServer(t, map[string]answer{"GET /v1/models": no, "POST /v1/completions": no, "POST /tokenize": no})
		w.serve(s.url()).want(t, shell.ExitFailed, "http_error: HTTP 401 Unauthorized: {\"error\":\"Unauthorized\"} (set OPENAI_API_KEY")
	})
}

// streamHandler is a good server on net/http.
func streamHandler(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	switch r.URL.Path {
	case "/old/completions":
		http.Redirect(w, r, "/v1/completions", http.StatusTemporaryRedirect)
	case "/round/completions":
		http.Redirect(w, r, "/round/completions", http.StatusTemporaryRedirect)
	case "/v1/completions":
		w.Header().Set("Content-Type", "text/event-stream")
		for _, l := range []string{someText, lastText, usageIs, "[DONE]"} {
			fmt.Fprintf(w, "data: %s\n\n", l)
			w.(http.Flusher).Flush()
		}
	default:
		http.NotFound(w, r)
	}
}

// TestTransport: TLS, proxies, IPv6 and redirects.
func TestTransport(t *testing.T) {
	quiet := func(s *httptest.Server) *httptest.Server {
		s.Config.ErrorLog = discardLog()
		return s
	}
	secure := quiet(httptest.NewUnstartedServer(http.HandlerFunc(streamHandler)))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	plain := httptest.NewServer(http.HandlerFunc(streamHandler))
	t.Cleanup(func() { secure.Close(); plain.Close() })
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	ok := "Successful requests:                     3  "
	for _, tt := range []struct {
		name, url string
		args      []string
		proxy     string
		code      int
		says      string
	}{
		{"TLS of an unknown authority", secure.URL, nil, "", shell.ExitUnreachable, "certificate signed by unknown authority (trust the server's authority with --ca-file FILE, or any certificate with --insecure)"},
		{"TLS, any certificate", secure.URL, []string{"--insecure"}, "", shell.ExitOK, ok},
		{"TLS, its authority", secure.URL, []string{"--ca-file", "CA"}, "", shell.ExitOK, ok},
		{"HTTP/2", secure.URL, []string{"--ca-file", "CA", "--client", "std"}, "", shell.ExitOK, ok},
		{"plain HTTP to TLS", "http" + strings.TrimPrefix(secure.URL, "https"), nil, "", shell.ExitFailed, "(the server speaks TLS: try https:// in --base-url)"},
		{"TLS to plain HTTP", "https" + strings.TrimPrefix(plain.URL, "http"), nil, "", shell.ExitUnreachable, "(it may speak plain HTTP: try http:// in --base-url)"},
		{"net/http's client", plain.URL, []string{"--client", "std"}, "", shell.ExitOK, ok},
		{"a proxy", "http://model.invalid:8000", nil, plain.URL, shell.ExitOK, "model.invalid:8000 is reached through the proxy " + plain.URL},
		{"no proxy for this host", plain.URL, nil, "http://127.0.0.1:9", shell.ExitOK, ok},
		{"a redirect", plain.URL, []string{"--endpoint", "/old/completions"}, "", shell.ExitOK, ok},
		{"a redirect without end", plain.URL, []string{"--endpoint", "/round/completions"}, "", shell.ExitFailed, "more than 10 redirects"},
		{"a wrong path", plain.URL, []string{"--endpoint", "/v2/completions"}, "", shell.ExitFailed, "http_error: HTTP 404 Not Found: 404 page not found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.env["http_proxy"] = tt.proxy
			args := slices.Clone(tt.args)
			if i := slices.Index(args, "CA"); i >= 0 {
				args[i] = w.write("ca.pem", ca)
			}
			w.serve(tt.url, args...).want(t, tt.code, tt.says)
		})
	}
	t.Run("IPv6", func(t *testing.T) {
		w := newWorld(t)
		ln, err := net.Listen("tcp", "[::1]:0")
		if err != nil {
			t.Skip("no IPv6 here: ", err)
		}
		s := serveFaults(ln, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": good()})
		defer s.close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		got := w.run("bench", "serve", "--model", "m", "--host", "::1", "--port", port, "--num-prompts", "3", "--no-live", "--no-record")
		got.want(t, shell.ExitOK, ok)
		if host := s.questions("POST /v1/completions")[0].Header.Get("Host"); host != "[::1]:"+port {
			t.Errorf("Host: got %q", host)
		}
	})
}
