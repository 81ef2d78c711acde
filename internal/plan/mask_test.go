package plan

import "testing"

func TestMask(t *testing.T) {
	target := Target{APIKey: "sk-1234567890", Headers: []Header{
		{Name: "Authorization", Value: "Basic dXNlcjpwdw=="}, {Name: "X-Tenant", Value: "ab"}, {Name: "X-Key", Value: `q"uote/d`},
	}}
	for _, tt := range []struct{ why, text, want string }{
		{"the key", "Incorrect API key provided: Bearer sk-1234567890", "Incorrect API key provided: Bearer ***"},
		{"twice", "sk-1234567890, sk-1234567890", "***, ***"},
		{"a header", "got Basic dXNlcjpwdw==", "got ***"},
		{"a header's credentials alone", "got dXNlcjpwdw==", "got ***"},
		{"as JSON", `{"key":"q\"uote/d"}`, `{"key":"***"}`},
		{"as PHP's JSON", `{"key":"q\"uote\/d"}`, `{"key":"***"}`},
		{"in a page", "<p>q&#34;uote/d</p>", "<p>***</p>"},
		{"in a URL's path", "/k/q%22uote%2Fd", "/k/***"},
		{"in a URL", "?k=q%22uote%2Fd", "?k=***"},
		{"cut at the end of the words", "provided: sk-123456", "provided: ***"},
		{"short values are words", "cab", "cab"},
		{"nothing", "", ""},
	} {
		if got := target.Mask(tt.text); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.why, got, tt.want)
		}
	}
	if got := (&Target{}).Mask("a"); got != "a" {
		t.Errorf("without secrets: %q", got)
	}
}
