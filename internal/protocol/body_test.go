package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// TestAppendBodyAsVLLM compares with the bodies that vLLM's own client wrote
// (testdata/record_bodies.py), key for key.
func TestAppendBodyAsVLLM(t *testing.T) {
	raw, err := os.ReadFile("testdata/bodies.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Backend, Why, Text, Body string
		IDs                      []int           `json:"ids"`
		Batch                    []string        `json:"batch"`
		Messages                 json.RawMessage `json:"messages"`
		IgnoreEOS                bool            `json:"ignore_eos"`
		Extra                    json.RawMessage `json:"extra"`
		Logprobs                 *int            `json:"logprobs"`
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 28 {
		t.Fatalf("got %d recorded bodies, want 28", len(cases))
	}
	for _, tt := range cases {
		t.Run(tt.Backend+"/"+tt.Why, func(t *testing.T) {
			d, err := New(tt.Backend)
			if err != nil {
				t.Fatal(err)
			}
			// encoding/json has no way to hold half a pair; a lenient encoder
			// writes it as three bytes.
			text := strings.ReplaceAll(tt.Text, "\uFFFD", "\xed\xa0\xbd")
			call := Call{
				Model: "m/n", MaxTokens: 16, IgnoreEOS: tt.IgnoreEOS, Logprobs: tt.Logprobs, Extra: tt.Extra, Compat: true,
				Prompt: Prompt{Text: text, IDs: tt.IDs, Batch: tt.Batch, Messages: tt.Messages},
			}
			body, err := d.AppendBody([]byte("before"), call)
			if err != nil {
				t.Fatal(err)
			}
			want := compactText(t, tt.Body)
			if diff := cmp.Diff("before"+want, asciiOnly(body)); diff != "" {
				t.Errorf("compat (-vLLM +got)\n%s", diff)
			}
			call.Compat = false
			if body, err = d.AppendBody(nil, call); err != nil {
				t.Fatal(err)
			}
			want = strings.Replace(want, `"repetition_penalty":1.0,`, "", 1)
			want = strings.Replace(want, `"logprobs":null,`, "", 1)
			if diff := cmp.Diff(want, asciiOnly(body)); diff != "" {
				t.Errorf("default (-want +got)\n%s", diff)
			}
		})
	}
}

func compactText(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(s)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// asciiOnly writes what is outside ASCII as Python's json.dumps does.
func asciiOnly(body []byte) string {
	var b strings.Builder
	for _, r := range string(body) {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		}
	}
	return b.String()
}

func TestAppendBodyOfInvalidText(t *testing.T) {
	d, _ := New("vllm")
	body, err := d.AppendBody(nil, Call{Model: "m", Prompt: Prompt{Text: "a\xffb\xed\xa0\xc3\xa9\xf0\x9f\x91"}, MaxTokens: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Prompt string }
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if want := "a\uFFFDb\uFFFD\uFFFDé\uFFFD\uFFFD\uFFFD"; got.Prompt != want {
		t.Errorf("got %q, want %q", got.Prompt, want)
	}
}

func TestAppendBodyRefuses(t *testing.T) {
	messages := json.RawMessage(`[{"role":"user","content":"a"}]`)
	tests := []struct {
		why, backend string
		call         Call
		want         string
	}{
		{"messages for completions", "vllm", Call{Prompt: Prompt{Messages: messages}}, "--backend openai-chat"},
		{"ids for chat", "openai-chat", Call{Prompt: Prompt{IDs: []int{1}}}, "--backend vllm"},
		{"a batch for chat", "openai-chat", Call{Prompt: Prompt{Batch: []string{"a"}}}, "batch"},
		{"ids for responses", "openai-responses", Call{Prompt: Prompt{IDs: []int{1}}}, "--backend vllm"},
		{"a batch for responses", "openai-responses", Call{Prompt: Prompt{Batch: []string{"a"}}}, "batch"},
		{"messages that are no list", "openai-chat", Call{Prompt: Prompt{Messages: json.RawMessage(`{}`)}}, "not a JSON array"},
		{"messages that are no JSON", "openai-chat", Call{Prompt: Prompt{Messages: json.RawMessage(`[`)}}, "chat messages"},
		{"an extra list", "vllm", Call{Extra: json.RawMessage(`[1]`)}, "not an object"},
		{"extra that is no JSON", "vllm", Call{Extra: json.RawMessage(`{"a":NaN}`)}, "not valid JSON"},
		{"two extra objects", "vllm", Call{Extra: json.RawMessage(`{}{}`)}, "not valid JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			d, _ := New(tt.backend)
			_, err := d.AppendBody(nil, tt.call)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestExtraTwice(t *testing.T) {
	d, _ := New("openai-responses")
	body, err := d.AppendBody(nil, Call{Model: "m", Prompt: Prompt{Text: "a"}, MaxTokens: 1, Extra: json.RawMessage(` {"a": 1, "b": 2, "a": 3} `)})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"model":"m","input":"a","max_output_tokens":1,"stream":true,"store":false,"a":3,"b":2}`
	if string(body) != want {
		t.Errorf("got %s, want %s: as Python reads a key that is there twice", body, want)
	}
}

func TestNew(t *testing.T) {
	for _, b := range Backends() {
		if d, err := New(b.Name); err != nil || !strings.HasSuffix(d.Path(), b.Suffix) {
			t.Errorf("%s: %v, path %v ends otherwise than %s", b.Name, err, d, b.Suffix)
		}
	}
	for _, name := range []string{"tgi", "ollama", "lmdeploy"} {
		d, _ := New(name)
		body, err := d.AppendBody(nil, Call{Model: "m", Prompt: Prompt{Text: "a"}, MaxTokens: 7})
		if err != nil || !strings.Contains(string(body), `"max_tokens":7`) || strings.Contains(string(body), "max_completion_tokens") {
			t.Errorf("%s: %s, %v: want max_tokens alone", name, body, err)
		}
	}
	if _, err := New("tgx"); err == nil || !strings.Contains(err.Error(), "openai-chat") {
		t.Errorf("got error %v, want one with the names that there are", err)
	}
}

// FuzzAppendBody checks that any text comes out as it went in.
func FuzzAppendBody(f *testing.F) {
	f.Add("Grüße 👋🏽\x00\"\\", `{"a":1}`)
	f.Add("\xed\xa0\xbd\xff", `{"model":null}`)
	f.Fuzz(func(t *testing.T, text, extra string) {
		d, _ := New("vllm")
		body, err := d.AppendBody(nil, Call{Model: text, Prompt: Prompt{Text: text}, MaxTokens: 1})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Model, Prompt string }
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		want := strings.ToValidUTF8(text, "")
		if want == text && (got.Prompt != text || got.Model != text) {
			t.Fatalf("got %q, want %q", got.Prompt, text)
		}
		body, err = d.AppendBody(nil, Call{Model: "m", Prompt: Prompt{Text: "a"}, Extra: json.RawMessage(extra)})
		if err == nil && !json.Valid(body) {
			t.Fatalf("extra %q made %s", extra, body)
		}
	})
}

// TestLeftOut: a null in the extra body takes a member out, but not where vLLM's
// client is followed.
func TestLeftOut(t *testing.T) {
	d, _ := New("openai-chat")
	call := Call{Model: "m", Prompt: Prompt{Text: "a"}, MaxTokens: 8, Extra: []byte(`{"stream_options":null,"max_completion_tokens": null,"max_tokens":8,"stop":null}`)}
	body, err := d.AppendBody(nil, call)
	if want := `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"stream":true,"max_tokens":8,"stop":null}`; err != nil || string(body) != want {
		t.Errorf("got %s, %v, want %s", body, err, want)
	}
	call.Compat = true
	if body, err = d.AppendBody(nil, call); err != nil || !strings.Contains(string(body), `"stream_options":null`) || !strings.Contains(string(body), `"stop":null`) {
		t.Errorf("compat: got %s, %v, want the nulls in it", body, err)
	}
}

// TestPlainContent: content that is text alone goes as a string, other content as
// it is.
func TestPlainContent(t *testing.T) {
	d, _ := New("openai-chat")
	for _, tt := range []struct {
		prompt Prompt
		want   string
	}{
		{Prompt{Text: "a\n"}, `[{"role":"user","content":"a\n"}]`},
		{Prompt{Messages: []byte(`[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`)}, `[{"role":"system","content":"s"},{"role":"user","content":"ab"}]`},
		{Prompt{Messages: []byte(`[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"b"}]}]`)}, `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"b"}]}]`},
		{Prompt{Messages: []byte(`[{"role":"tool","content":null}]`)}, `[{"role":"tool","content":null}]`},
	} {
		body, err := d.AppendBody(nil, Call{Model: "m", Prompt: tt.prompt, MaxTokens: 1, Plain: true})
		if err != nil || !strings.Contains(string(body), `"messages":`+tt.want+`,`) {
			t.Errorf("got %s, %v, want %s", body, err, tt.want)
		}
	}
	for _, bad := range []string{`[1]`, `{}`, `["a"]`} {
		if body, err := d.AppendBody(nil, Call{Prompt: Prompt{Messages: []byte(bad)}, Plain: true}); err == nil {
			t.Errorf("%s: got %s, want an error", bad, body)
		}
	}
}

// TestLenient: what Python's json takes for a number is one.
func TestLenient(t *testing.T) {
	d, _ := New("vllm")
	const data = `{"choices":[{"text":"NaN w","logprobs":{"top_logprobs":[{" w":-0.5," x":-Infinity," y":NaN," z":Infinity}]}}]}`
	if err := d.Scan([]byte(data), &Event{}); err == nil {
		t.Error("strict JSON took -Infinity")
	}
	var ev Event
	if err := Lenient(d).Scan([]byte(data), &ev); err != nil || string(ev.Text) != "NaN w" {
		t.Errorf("got %q, %v", ev.Text, err)
	}
	for text, want := range map[string]bool{data: true, `{"a":nan}`: false, `{"a":-NaN}`: false, `{"a":`: false} {
		if got := PythonReads([]byte(text)); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
