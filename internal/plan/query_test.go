package plan

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestRedactedQuery(t *testing.T) {
	for _, tt := range []struct{ why, address, want string }{
		{"no query", "/v1/completions", "/v1/completions"},
		{"Azure's version stays", "/chat/completions?api-version=2024-10-21", "/chat/completions?api-version=2024-10-21"},
		{"a key, among others", "/v1?x=1&api-key=s3cret&y=2", "/v1?x=1&api-key=***&y=2"},
		{"Google's key", "/v1?key=s3cret", "/v1?key=***"},
		{"capitals", "/v1?Access_Token=s3cret", "/v1?Access_Token=***"},
		{"Azure's function", "/v1?code=s3cret&sig=s3cret", "/v1?code=***&sig=***"},
		{"a value with an equals sign", "/v1?token=s3cret==", "/v1?token=***"},
		{"no value", "/v1?key=&token", "/v1?key=&token"},
	} {
		if got := RedactedQuery(tt.address); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.why, got, tt.want)
		}
	}
}

// TestQueryIsNotWritten: a key in the endpoint's query reaches no file, and not
// by the server's words either.
func TestQueryIsNotWritten(t *testing.T) {
	p := Plan{Target: Target{Endpoint: "/v1/completions?api-key=s3cret%2Fa&x=1"}}
	b, err := json.Marshal(p)
	if err != nil || strings.Contains(string(b), "s3cret") || !strings.Contains(string(b), "x=1") {
		t.Errorf("%v: %s", err, b)
	}
	if got := p.Target.Mask("no route for s3cret%2Fa, nor s3cret/a"); got != "no route for ***, nor ***" {
		t.Errorf("got %q", got)
	}
	if p.Target.URL() != "/v1/completions?api-key=s3cret%2Fa&x=1" {
		t.Errorf("requests go to %q", p.Target.URL())
	}
}
