package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

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
		{"completions", pathCompletions, prompt + few + `,"stream":true}`},
		{"completions-usage", pathCompletions, prompt + few + usage + `}}`},
		{"completions-continuous-usage", pathCompletions, prompt + few + usage + `,"continuous_usage_stats":true}}`},
		{"completions-token-ids", pathCompletions, prompt + few + `,"stream":true,"return_token_ids":true}`},
		{"completions-logprobs", pathCompletions, prompt + few + `,"stream":true,"logprobs":2}`},
		{"completions-n2", pathCompletions, prompt + `"max_tokens":4,"temperature":1,"seed":1,"n":2` + usage + `}}`},
		{"completions-plain", pathCompletions, prompt + few + `}`},
		{"chat", pathChat, say + few + `,"stream":true}`},
		{"chat-usage", pathChat, say + few + usage + `}}`},
		{"chat-logprobs", pathChat, say + few + `,"stream":true,"logprobs":true,"top_logprobs":2}`},
		{"chat-plain", pathChat, say + few + `}`},
		{"chat-multibyte", pathChat, say + `"max_tokens":64,"temperature":0,"structured_outputs":{"choice":["Grüße: 你好，世界 👋🏽 naïve café"]}` + usage + `}}`},
		{"responses", pathResponses, `{"model":"tiny","input":"def main(argv):","max_output_tokens":8,"temperature":0,"stream":true,"tool_choice":"none"}`},
		{"error-model", pathCompletions, `{"model":"no-such-model","prompt":"x","max_tokens":8,"stream":true}`},
		{"error-max-tokens", pathCompletions, prompt + `"max_tokens":-5,"stream":true}`},
		{"error-max-tokens-text", pathCompletions, prompt + `"max_tokens":"many","stream":true}`},
		{"error-too-long", pathCompletions, long + `}`},
		{"error-too-long-stream", pathCompletions, long + `,"stream":true}`},
		{"error-json", pathCompletions, prompt + `"stream":tru`},
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
				// The words, too: only the place in a broken body is Go's.
				want, got := w.Body, body
				if tt.name == "error-json" {
					want, got = strings.ReplaceAll(want, "body.52", "body.N"), strings.ReplaceAll(got, fmt.Sprintf("body.%d", len(tt.body)), "body.N")
				}
				if diff := cmp.Diff(want, got); diff != "" {
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
