package protocol

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestErrorText(t *testing.T) {
	tests := []struct{ why, body, want string }{
		{"vLLM", `{"error":{"message":"max_tokens must be at least 1, got -5.","type":"BadRequestError","param":"max_tokens","code":400}}`, "max_tokens must be at least 1, got -5."},
		{"lines become one", `{"error":{"message":"1 validation error:\n  {'type': 'x'}\n\n  File"}}`, "1 validation error: {'type': 'x'} File"},
		{"a bare string as error", `{"error": "model not found"}`, "model not found"},
		{"an error in an error", `{"error":{"error":"m"}}`, "m"},
		{"an error object in an error", `{"error":{"error":{"message":"m"}}}`, "m"},
		{"errors in the plural", `{"errors":[{"code":1,"message":"m"}],"messages":[]}`, "m"},
		{"a message beside a status in words", `{"status":"error","msg":"m"}`, "m"},
		{"Baidu", `{"error_code":18,"error_msg":"m"}`, "m"},
		{"MiniMax", `{"base_resp":{"status_code":1002,"status_msg":"m"}}`, "m"},
		{"no success", `{"success":false,"message":"m"}`, "m"},
		{"an error object without a message", `{"error":{"code":7}}`, `{"code":7}`},
		{"old vLLM", `{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}`, "m"},
		{"a message beside a code", `{"code":500,"message":"m"}`, "m"},
		{"a message and nothing else", `{"message":"m"}`, "m"},
		{"FastAPI's detail", `{"detail":"Not Found"}`, "Not Found"},
		{"FastAPI's list", `{"detail":[{"type":"json_invalid","loc":["body",52],"msg":"JSON decode error","input":{}},{"msg":"b"}]}`, "body.52: JSON decode error; b"},
		{"a detail object", `{"detail":{"message":"m"}}`, "m"},
		{"a list of errors", `[{"error":{"code":404,"message":"m"}}]`, "m"},
		{"a bare JSON string", `"too many requests"`, "too many requests"},
		{"plain text", "404 page not found\n", "404 page not found"},
		{"a page", "<html><head><title>502 Bad\nGateway</title></head>", "502 Bad Gateway"},
		{"a page without a title", "<b>x</b>", "<b>x</b>"},
		{"no error in it", `{"choices":[]}`, `{"choices":[]}`},
		{"broken JSON", `{"error":{"mess`, `{"error":{"mess`},
		{"nothing", " \n", ""},
		{"a blank message", `{"error":{"message":" "}}`, `{"error":{"message":" "}}`},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			for _, backend := range Backends() {
				d, _ := New(backend.Name)
				if got := d.ErrorText([]byte(tt.body)); got != tt.want {
					t.Errorf("%s: got %q, want %q", backend.Name, got, tt.want)
				}
			}
		})
	}
}

func TestErrorTextIsBounded(t *testing.T) {
	d, _ := New("vllm")
	got := d.ErrorText([]byte(strings.Repeat("a", 499) + "é" + "b"))
	if want := strings.Repeat("a", 499); got != want {
		t.Errorf("got %d bytes, want 499: no half character at the end", len(got))
	}
}

func FuzzErrorText(f *testing.F) {
	for _, s := range []string{`{"error":{"message":"m"}}`, `{"detail":[{"loc":["a",1],"msg":"b"}]}`, `[[["x"]]]`, "<title>a</title>", "\xff\n", `{"error":[]}`, `{"detail":[{}]}`} {
		f.Add([]byte(s))
	}
	d, _ := New("openai-chat")
	f.Fuzz(func(t *testing.T, body []byte) {
		got := d.ErrorText(body)
		if len(got) > maxErrorText || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n") {
			t.Fatalf("got %q: not one line of at most %d bytes", got, maxErrorText)
		}
		if got == "" && strings.TrimSpace(strings.ToValidUTF8(string(body), "x")) != "" && body[0] == '{' {
			t.Fatalf("nothing is said of %q", body)
		}
	})
}
