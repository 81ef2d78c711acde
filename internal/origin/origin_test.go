package origin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/origin"
)

func TestOf(t *testing.T) {
	same := [][2]string{
		{"http://a/x", "http://A:80/y?z"},
		{"https://a", "HTTPS://a:443/"},
		{"http://[::1]:8000", "http://[::1]:8000/v1"},
		{"http://user:pass@a", "http://a"},
	}
	for _, pair := range same {
		if a, b := of(t, pair[0]), of(t, pair[1]); a != b {
			t.Errorf("%s and %s: got %s and %s, want one origin", pair[0], pair[1], a, b)
		}
	}
	others := [][2]string{
		{"http://a", "https://a"},
		{"http://a", "http://a:8080"},
		{"http://a", "http://a.b"},
		{"http://a:443", "https://a:443"},
		{"http://localhost", "http://127.0.0.1"},
	}
	for _, pair := range others {
		if a, b := of(t, pair[0]), of(t, pair[1]); a == b {
			t.Errorf("%s and %s: got the same origin %s", pair[0], pair[1], a)
		}
	}
}

func of(t *testing.T, s string) string {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return origin.Of(u)
}

func TestShared(t *testing.T) {
	h := http.Header{
		"Authorization": {"Bearer k"}, "X-Api-Key": {"k"}, "api-key": {"k"}, "Cookie": {"k"}, "Proxy-Authorization": {"k"}, "X-Goog-Api-Key": {"k"},
		"Host": {"a"}, "Accept": {"*/*"}, "content-type": {"application/json"}, "X-Request-Id": {"1"},
	}
	shared, kept := origin.Shared(h)
	want := http.Header{"Accept": {"*/*"}, "content-type": {"application/json"}, "X-Request-Id": {"1"}}
	if d := cmp.Diff(want, shared); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"Api-Key", "Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "X-Goog-Api-Key"}, kept); d != "" {
		t.Error(d)
	}
}

// TestKeep: headers stay with the origin that was asked, go along within it, and
// are there again when a redirect leads back.
func TestKeep(t *testing.T) {
	seen := map[string]http.Header{}
	var home, away *httptest.Server
	away = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen["away"+r.URL.Path] = r.Header
		if r.URL.Path == "/back" {
			http.Redirect(w, r, home.URL+"/end", http.StatusTemporaryRedirect)
		}
	}))
	defer away.Close()
	home = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen["home"+r.URL.Path] = r.Header
		switch r.URL.Path {
		case "/within":
			http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
		case "/away":
			http.Redirect(w, r, away.URL+"/end", http.StatusPermanentRedirect)
		case "/back":
			http.Redirect(w, r, away.URL+"/back", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	}))
	defer home.Close()
	client := origin.Keep(home.Client())
	ask := func(path string) (*http.Response, error) {
		req, err := http.NewRequest(http.MethodGet, home.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Api-Key", "k")
		req.Header.Set("Authorization", "Bearer k")
		req.Header.Set("Cookie", "k")
		req.Header.Set("Accept", "text/plain")
		return client.Do(req)
	}
	for path, want := range map[string]struct {
		at  string
		has bool
	}{
		"/within?key=k": {"home/end", true},
		"/away?key=k":   {"away/end", false},
	} {
		resp, err := ask(path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		got := seen[want.at]
		for _, name := range []string{"X-Api-Key", "Authorization", "Cookie"} {
			if (got.Get(name) != "") != want.has {
				t.Errorf("%s: %s had %s %q", path, want.at, name, got.Get(name))
			}
		}
		if got.Get("Accept") != "text/plain" || got.Get("Referer") != "" {
			t.Errorf("%s: %s had %v", path, want.at, got)
		}
	}
	resp, err := ask("/back")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if seen["away/back"].Get("X-Api-Key") != "" || seen["home/end"].Get("X-Api-Key") == "" {
		t.Errorf("there and back: away had %v, home %v", seen["away/back"], seen["home/end"])
	}
	if _, err := ask("/round"); err == nil || !strings.Contains(err.Error(), "more than 10 redirects") {
		t.Errorf("without end: got %v", err)
	}
}

func TestNote(t *testing.T) {
	parse := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	home, away := parse("https://a/v1?key=k"), parse("http://user:pass@a/v1")
	want := "redirected from https://a:443 to http://a:80, without Authorization, X-Api-Key: name the other address if it may have them"
	if got := origin.Note(home, away, []string{"Authorization", "X-Api-Key"}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := origin.Note(home, away, nil); got != "" {
		t.Errorf("nothing was kept: got %q", got)
	}
	if got := origin.Note(home, parse("https://a:443/other"), []string{"Cookie"}); got != "" {
		t.Errorf("one origin: got %q", got)
	}
}
