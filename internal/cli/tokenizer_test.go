package cli

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/cli/shell"
)

// hubServer answers as the hub does for one model, whose files it has.
func hubServer(t *testing.T, model string, files map[string][]byte) *httptest.Server {
	const commit = "0123456789012345678901234567890123456789"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Repo-Commit", commit)
		rest, ok := strings.CutPrefix(r.URL.Path, "/"+model+"/resolve/")
		_, file, _ := strings.Cut(rest, "/")
		b, known := files[file]
		switch {
		case strings.HasPrefix(r.URL.Path, "/gated/"):
			w.Header().Set("X-Error-Code", "GatedRepo")
			w.WriteHeader(http.StatusUnauthorized)
		case !ok:
			w.Header().Set("X-Error-Code", "RepoNotFound")
			w.WriteHeader(http.StatusUnauthorized)
		case !known:
			w.Header().Set("X-Error-Code", "EntryNotFound")
			w.WriteHeader(http.StatusNotFound)
		default:
			sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(b), b))
			w.Header().Set("Etag", `"`+hex.EncodeToString(sum[:])+`"`)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestTokenizerFromHub: the model's name finds its tokenizer on the hub, and
// what can't be had says why and what to do, and is done without.
func TestTokenizerFromHub(t *testing.T) {
	tokenizer, err := os.ReadFile("../tokenize/testdata/tokenizers/gpt2.json")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"tokenizer.json":          tokenizer,
		"tokenizer_config.json":   []byte(`{"tokenizer_class":"PreTrainedTokenizerFast"}`),
		"config.json":             []byte(`{"model_type":"gpt2"}`),
		"special_tokens_map.json": []byte(`{}`),
		"added_tokens.json":       []byte(`{}`),
		"chat_template.jinja":     []byte(`{{ messages }}`),
	}
	hub := hubServer(t, "org/name", files)
	inside := "prompts are made and cut with the small tokenizer inside"
	for _, tt := range []struct {
		name, model string
		env         map[string]string
		says        string // "" for no warning
	}{
		{"found", "org/name", nil, ""},
		{"gated", "gated/name", nil, "is gated: its owner decides who may read it: ask for access at @/gated/name and set HF_TOKEN; " + inside},
		{"unknown", "no/name", nil, "does not exist on the hub, or is private"},
		{"offline", "org/name", map[string]string{"HF_HUB_OFFLINE": "1"}, "unset HF_HUB_OFFLINE"},
		{"no network", "org/name", map[string]string{"HF_ENDPOINT": "http://127.0.0.1:9"}, "connection refused: check the network, HF_ENDPOINT and the proxy"},
		{"a folder that is none", "/no/such/folder", nil, "is neither a folder nor a name on the hub"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.env["HF_HUB_OFFLINE"], w.env["HF_ENDPOINT"] = "", hub.URL
			for k, v := range tt.env {
				w.env[k] = v
			}
			s := newFaultServer(t, map[string]answer{"GET /v1/models": models(tt.model), "POST /v1/completions": good()})
			got := w.serve(s.url(), "--model", tt.model)
			says := strings.ReplaceAll(tt.says, "@", hub.URL)
			got.want(t, shell.ExitOK, says)
			if tt.says == "" && strings.Contains(got.stdout, inside) {
				t.Errorf("the tokenizer was not taken:\n%s", got.stdout)
			}
			if tt.says != "" && !strings.Contains(w.read("record/run.json"), `"code": "tokenizer"`) {
				t.Error("the run directory does not say so")
			}
			if tt.says == "" {
				// It is in the cache: the hub is asked no more.
				w.env["HF_HUB_OFFLINE"] = "1"
				again := w.serve(s.url(), "--model", tt.model, "--record-dir", w.path("again"))
				again.want(t, shell.ExitOK)
				if strings.Contains(again.stdout, inside) {
					t.Errorf("the cache was not used:\n%s", again.stdout)
				}
				// A model's tokenizer is made of all of these.
				for name := range files {
					if kept, _ := filepath.Glob(w.path("*/hub/models--org--name/snapshots/*/" + name)); len(kept) != 1 {
						t.Errorf("%s was not fetched", name)
					}
				}
			}
		})
	}
}

// TestTokenizerFolder: a folder and a file are taken as they are; a chat
// template renders custom prompts, once.
func TestTokenizerFolder(t *testing.T) {
	tokenizer, err := os.ReadFile("../tokenize/testdata/tokenizers/gpt2.json")
	if err != nil {
		t.Fatal(err)
	}
	setup := func(t *testing.T) (*world, *faultServer) {
		w := newWorld(t)
		if err := os.Mkdir(w.path("model"), 0o755); err != nil {
			t.Fatal(err)
		}
		w.write("model/tokenizer.json", string(tokenizer))
		w.write("model/tokenizer_config.json", `{"chat_template":"{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<bot>{{ mood }}"}`)
		w.write("custom.jsonl", `{"prompt":"hello"}`+"\n")
		return w, newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": good()})
	}
	for _, tt := range []struct {
		name   string
		args   []string
		prompt string
	}{
		{"rendered", nil, "<user>hello<bot>"},
		{"with variables", []string{"--chat-template-kwargs", `{"mood":"glad"}`}, "<user>hello<bot>glad"},
		{"as it is", []string{"--skip-chat-template"}, "hello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, s := setup(t)
			w.serve(s.url(), append([]string{"--tokenizer", w.path("model"), "--dataset-name", "custom", "--dataset-path", w.path("custom.jsonl"), "--num-prompts", "1"}, tt.args...)...).want(t, shell.ExitOK)
			var body struct{ Prompt string }
			if err := json.Unmarshal([]byte(s.questions("POST /v1/completions")[0].Body), &body); err != nil || body.Prompt != tt.prompt {
				t.Errorf("got %q, %v, want %q", body.Prompt, err, tt.prompt)
			}
		})
	}
	t.Run("a broken template", func(t *testing.T) {
		w, s := setup(t)
		w.write("model/tokenizer_config.json", `{"chat_template":"{% if %}"}`)
		got := w.serve(s.url(), "--tokenizer", w.path("model"), "--dataset-name", "custom", "--dataset-path", w.path("custom.jsonl"))
		got.want(t, shell.ExitUsage, "(add --skip-chat-template to send the prompts as they are)")
		wantOneLine(t, got)
		if s.connections() != 0 {
			t.Error("the server was asked")
		}
	})
	t.Run("a file", func(t *testing.T) {
		w, s := setup(t)
		if err := os.Rename(w.path("model/tokenizer.json"), w.path("model/mine.json")); err != nil {
			t.Fatal(err)
		}
		got := w.serve(s.url(), "--tokenizer", filepath.Join(w.path("model"), "mine.json"))
		got.want(t, shell.ExitOK)
	})
}

// TestCountingOrder: tokens are counted by the server's usage, then by its
// /tokenize, then by a local tokenizer, then by events, and the result says by
// whom.
func TestCountingOrder(t *testing.T) {
	plain := says(streamHead + events(someText, lastText, "[DONE]") + "0\r\n\r\n")
	three := status(200, `{"count":3,"max_model_len":100,"tokens":[1,2,3]}`)
	local := []string{"--tokenizer", "../tokenize/testdata/tokenizers/gpt2.json"}
	for _, tt := range []struct {
		name     string
		reply    answer
		tokenize answer
		args     []string
		source   string
		total    float64
	}{
		{"usage", good(), three, local, "usage", 6},
		{"the server's tokenizer", plain, three, local, "tokenize", 9},
		{"a local tokenizer", plain, status(404, ""), local, "tokenizer", 12},
		{"a server that does not speak vLLM's form", plain, status(200, `{"tokens":[1]}`), local, "tokenizer", 12},
		{"nobody", plain, status(404, ""), nil, "events", 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": tt.reply, "POST /tokenize": tt.tokenize})
			w.serve(s.url(), tt.args...).want(t, shell.ExitOK)
			res := w.result()
			if src := res["token_source"].(map[string]any); src[tt.source] != 3.0 || len(src) != 1 {
				t.Errorf("token_source: got %v, want 3 by %s", src, tt.source)
			}
			if res["total_output_tokens"] != tt.total {
				t.Errorf("got %v tokens, want %v", res["total_output_tokens"], tt.total)
			}
			// A later report counts the same.
			w.run("report", w.path("record")).want(t, shell.ExitOK, fmt.Sprintf("Total generated tokens:                  %-10.0f\n", tt.total))
		})
	}
}

// TestPromptsByServer: without a tokenizer the server's /tokenize cuts the
// texts of a dataset; without that the tokenizer inside does.
func TestPromptsByServer(t *testing.T) {
	args := []string{"--dataset-path", "../../testdata/sharegpt.json", "--sharegpt-output-len", "4"}
	t.Run("by its /tokenize", func(t *testing.T) {
		w := newWorld(t)
		s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": good(),
			"POST /tokenize": status(200, `{"count":5,"tokens":[1,2,3,4,5]}`)})
		w.serve(s.url(), append(args, "--verbose")...).want(t, shell.ExitOK, "the server's /tokenize was asked instead", "15 asked; counted by usage")
	})
	t.Run("it has none", func(t *testing.T) {
		w := newWorld(t)
		s := goodServer(t)
		w.serve(s.url(), args...).want(t, shell.ExitOK, "prompts are made and cut with the small tokenizer inside")
		if n := len(s.questions("POST /tokenize")); n > 40 { // those that were under way, of 300 entries
			t.Errorf("/tokenize was asked %d times", n)
		}
	})
}
