package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tokmeter/internal/python"
	"tokmeter/internal/sim/api"
	"tokmeter/internal/sim/call"

	"github.com/google/go-cmp/cmp"
)

// TestAnswersHaveVLLMsShape sends the requests that were recorded from vLLM 0.32
// and compares what comes back, text by text of the same shape: every key in its
// order, every null, every type.
func TestAnswersHaveVLLMsShape(t *testing.T) {
	var want map[string]struct {
		Status int    `json:"status"`
		Body   string `json:"body"`
	}
	if err := json.Unmarshal(unzip(t, *recordings+"/streams.json.gz"), &want); err != nil {
		t.Fatal(err)
	}
	s := tiny(t, nil)
	const (
		prompt = `{"model":"tiny","prompt":"def main(argv):",`
		say    = `{"model":"tiny","messages":[{"role":"user","content":"def main(argv):"}],`
		few    = `"max_tokens":8,"temperature":0,"seed":1`
		usage  = `,"stream":true,"stream_options":{"include_usage":true`
	)
	long := `{"model":"tiny","prompt":"` + strings.Repeat("def main ", 3000) + `","max_tokens":8`
	tests := []struct{ name, path, body string }{
		{"completions", api.PathCompletions, prompt + few + `,"stream":true}`},
		{"completions-usage", api.PathCompletions, prompt + few + usage + `}}`},
		{"completions-continuous-usage", api.PathCompletions, prompt + few + usage + `,"continuous_usage_stats":true}}`},
		{"completions-token-ids", api.PathCompletions, prompt + few + `,"stream":true,"return_token_ids":true}`},
		{"completions-logprobs", api.PathCompletions, prompt + few + `,"stream":true,"logprobs":2}`},
		{"completions-n2", api.PathCompletions, prompt + `"max_tokens":4,"temperature":1,"seed":1,"n":2` + usage + `}}`},
		{"completions-plain", api.PathCompletions, prompt + few + `}`},
		{"chat", api.PathChat, say + few + `,"stream":true}`},
		{"chat-usage", api.PathChat, say + few + usage + `}}`},
		{"chat-logprobs", api.PathChat, say + few + `,"stream":true,"logprobs":true,"top_logprobs":2}`},
		{"chat-plain", api.PathChat, say + few + `}`},
		{"chat-multibyte", api.PathChat, say + `"max_tokens":64,"temperature":0,"structured_outputs":{"choice":["Grüße: 你好，世界 👋🏽 naïve café"]}` + usage + `}}`},
		{"responses", api.PathResponses, `{"model":"tiny","input":"def main(argv):","max_output_tokens":8,"temperature":0,"stream":true,"tool_choice":"none"}`},
		{"error-model", api.PathCompletions, `{"model":"no-such-model","prompt":"x","max_tokens":8,"stream":true}`},
		{"error-max-tokens", api.PathCompletions, prompt + `"max_tokens":-5,"stream":true}`},
		{"error-max-tokens-text", api.PathCompletions, prompt + `"max_tokens":"many","stream":true}`},
		{"error-too-long", api.PathCompletions, long + `}`},
		{"error-too-long-stream", api.PathCompletions, long + `,"stream":true}`},
		{"error-json", api.PathCompletions, prompt + `"stream":tru`},
		{"error-path", "/v1/completion_s", prompt + `"n":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := post(t, s, tt.path, tt.body)
			w, ok := want[tt.name]
			if !ok || status != w.Status {
				t.Fatalf("got status %d, want %d (recorded: %v)", status, w.Status, ok)
			}
			if strings.HasPrefix(tt.name, "error") {
				if diff := cmp.Diff(w.Body, body); diff != "" {
					t.Fatal(diff)
				}
				return
			}
			if diff := cmp.Diff(shapes(t, w.Body), shapes(t, body)); diff != "" {
				t.Fatalf("got\n%s\nwant\n%s\n%s", body, w.Body, diff)
			}
		})
	}
}

// shapes is the shape of each event, equal ones in a row once.
func shapes(t *testing.T, body string) []string {
	t.Helper()
	var out []string
	for _, event := range strings.Split(strings.TrimSpace(body), "\n\n") {
		head, data, ok := strings.Cut(event, "data: ")
		if !ok {
			head, data = "", event
		}
		if data != "[DONE]" {
			data = shape(t, data)
		}
		if s := head + data; len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	return out
}

// shape writes JSON with its values replaced by their types, but for those that
// say what happened. Lists of equal shapes are one element.
func shape(t *testing.T, data string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(data))
	dec.UseNumber()
	var buf bytes.Buffer
	if err := shapeNext(dec, "", &buf); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return buf.String()
}

func shapeNext(dec *json.Decoder, key string, out *bytes.Buffer) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	switch x := tok.(type) {
	case json.Delim:
		if x == '[' {
			return shapeList(dec, key, out)
		}
		return shapeObject(dec, key, out)
	case string:
		switch key {
		case "object", "type", "role", "finish_reason", "status", "reason", "truncation", "tool_choice":
			fmt.Fprintf(out, "%q", x)
		default:
			out.WriteString("string")
		}
	case json.Number:
		out.WriteString("number")
	case bool:
		fmt.Fprint(out, x)
	default:
		out.WriteString("null")
	}
	return nil
}

func shapeList(dec *json.Decoder, key string, out *bytes.Buffer) error {
	out.WriteByte('[')
	last := ""
	for dec.More() {
		var one bytes.Buffer
		if err := shapeNext(dec, key, &one); err != nil {
			return err
		}
		if one.String() != last {
			last = one.String()
			out.WriteString(last + ",")
		}
	}
	out.WriteByte(']')
	_, err := dec.Token()
	return err
}

func shapeObject(dec *json.Decoder, key string, out *bytes.Buffer) error {
	out.WriteByte('{')
	last := ""
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return err
		}
		name := k.(string)
		if key == "top_logprobs" && name != "token" && name != "logprob" && name != "bytes" && name != "top_logprobs" {
			name = "token" // names are tokens there
		}
		var one bytes.Buffer
		if err := shapeNext(dec, name, &one); err != nil {
			return err
		}
		if name == "prompt_tokens_details" {
			continue // vLLM's are null, or not there, without --enable-prompt-tokens-details
		}
		if s := name + ":" + one.String(); s != last {
			last = s
			out.WriteString(s + ",")
		}
	}
	out.WriteByte('}')
	_, err := dec.Token()
	return err
}

// TestBrokenBodies: every path says the same of a body that is no JSON, in the
// words of Python's reader, which names the character at which it gave up.
func TestBrokenBodies(t *testing.T) {
	s := tiny(t, nil)
	for _, tt := range []struct{ why, body, loc, words string }{
		{"a name without quotes", `{oops`, "body.1", "Expecting property name enclosed in double quotes"},
		{"the end in the middle of a word", `{"prompt":"x","stream":tru`, "body.23", "Expecting value"},
		{"no comma", `{"prompt":"x" "stream":true}`, "body.14", "Expecting ',' delimiter"},
		{"characters are counted, not bytes", `{"prompt":"Grüße" 1}`, "body.18", "Expecting ',' delimiter"},
		{"two objects", `{} {}`, "body.3", "Extra data"},
		{"blanks alone", "  ", "body.2", "Expecting value"},
		{"a text without its end", `{"prompt":"x`, "body.10", "Unterminated string starting at"},
	} {
		want := `{"error":{"message":` + call.Quote("1 validation error:\n  {'type': 'json_invalid', 'loc': '"+tt.loc+
			"', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', 'ctx': {'error': "+python.Quote(tt.words)+"}}") +
			`,"type":"Bad Request","param":"` + tt.loc + `","code":400}}`
		for _, path := range []string{api.PathCompletions, api.PathChat, api.PathResponses, "/invocations", "/tokenize", "/detokenize", "/v1/embeddings", "/v1/load_lora_adapter"} {
			got, _ := send(t, s, exchange{Method: "POST", Path: path, Body: tt.body, Headers: map[string]string{"Content-Type": "application/json"}})
			if got.Status != 400 || got.Answer != want {
				t.Errorf("%s: %s: got %d\n%s\nwant\n%s", tt.why, path, got.Status, got.Answer, want)
			}
		}
	}
}
