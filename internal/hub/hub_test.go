package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"net/http/httptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func models() map[string]*fakeRepo {
	return map[string]*fakeRepo{
		"org/model": {commit: commitA, files: map[string]fakeFile{
			"tokenizer.json":        {text: strings.Repeat("tokens ", 1000), large: true},
			"tokenizer_config.json": {text: `{"a": 1}`},
			"sub/dir/x y.txt":       {text: "deep"},
			"empty.txt":             {text: ""},
		}},
		"datasets/" + ShareGPTDataset: {commit: commitB, files: map[string]fakeFile{ShareGPTFile: {text: "[{}]", large: true}}},
		"org/gated":                   {commit: commitA, gated: true},
		"org/private":                 {commit: commitA, private: true, files: map[string]fakeFile{"tokenizer.json": {text: "secret"}}},
		"org/old":                     {moved: "org/model"},
	}
}

// tree lists what lies under a folder: text of files, targets of links.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if target, err := os.Readlink(p); err == nil {
			out[filepath.ToSlash(rel)] = "-> " + filepath.ToSlash(target)
			return nil
		}
		b, err := os.ReadFile(p)
		out[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestModelIsFetchedOnce(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	h.Token = token
	files, optional := []string{"tokenizer.json", "sub/dir/x y.txt"}, []string{"tokenizer_config.json", "chat_template.jinja", "empty.txt"}
	dir, err := h.Model(t.Context(), "org/model", files, optional)
	if err != nil {
		t.Fatal(err)
	}
	repo := f.repos["org/model"]
	for _, name := range []string{"tokenizer.json", "sub/dir/x y.txt", "tokenizer_config.json", "empty.txt"} {
		if got := readAll(t, filepath.Join(dir, filepath.FromSlash(name))); got != repo.files[name].text {
			t.Errorf("%s: got %q", name, got)
		}
	}
	blob := func(name string) string { return repo.files[name].etag() }
	want := map[string]string{"refs/main": commitA, ".no_exist/" + commitA + "/chat_template.jinja": ""}
	for name, file := range repo.files {
		want["blobs/"+blob(name)] = file.text
		want["snapshots/"+commitA+"/"+name] = "-> " + strings.Repeat("../", 2+strings.Count(name, "/")) + "blobs/" + blob(name)
	}
	got := tree(t, filepath.Join(h.Cache, "models--org--model"))
	if os.PathSeparator == '/' { // elsewhere links may not be allowed, and files are copied
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("the cache is not as huggingface_hub lays it out: %s", d)
		}
	}
	before := len(f.requests())
	again, err := h.Model(t.Context(), "org/model", files, optional)
	if err != nil || again != dir {
		t.Fatalf("got %q, %v, want %q", again, err, dir)
	}
	if asked := f.requests()[before:]; len(asked) > 0 {
		t.Fatalf("asked the hub again for what is in the cache: %v", asked)
	}
	h.Offline = true
	if _, err := h.Model(t.Context(), "org/model", files, append(optional, "other.txt")); err != nil {
		t.Fatalf("offline: %v", err)
	}
}

func TestOnlyWhatIsNeededIsFetched(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	if _, err := h.Model(t.Context(), "org/model", []string{"tokenizer_config.json"}, nil); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"HEAD /org/model/resolve/main/tokenizer_config.json",
		"GET /org/model/resolve/" + commitA + "/tokenizer_config.json",
	}
	if d := cmp.Diff(want, f.requests()); d != "" {
		t.Fatal(d)
	}
}

func TestDatasetAndProgress(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	var last string
	h.Progress = func(file string, done, total int64) { last = fmt.Sprintf("%s %d/%d", file, done, total) }
	path, err := h.Dataset(t.Context(), ShareGPTDataset, ShareGPTFile)
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, path); got != "[{}]" {
		t.Fatalf("got %q", got)
	}
	if want := ShareGPTFile + " 4/4"; last != want {
		t.Fatalf("got the progress %q, want %q", last, want)
	}
	if got, err := h.Dataset(t.Context(), path, "other"); err != nil || got != path {
		t.Fatalf("got %q, %v, want the file itself", got, err)
	}
	if got, err := h.Dataset(t.Context(), filepath.Dir(path), ShareGPTFile); err != nil || got != path {
		t.Fatalf("got %q, %v, want the file in its folder", got, err)
	}
}

func TestMovedRepositoryIsFollowed(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	h.Token = token
	dir, err := h.Model(t.Context(), "org/old", []string{"tokenizer_config.json", "tokenizer.json"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, filepath.Join(dir, "tokenizer_config.json")); got != `{"a": 1}` {
		t.Fatalf("got %q", got)
	}
}

func TestLocalFolderAsksNobody(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Model(t.Context(), dir, []string{"tokenizer.json"}, []string{"b"}); err != nil || got != dir {
		t.Fatalf("got %q, %v, want %q", got, err, dir)
	}
	if got, err := h.Model(t.Context(), filepath.Join(dir, "tokenizer.json"), nil, nil); err != nil || got != dir {
		t.Fatalf("got %q, %v, want the folder of the file", got, err)
	}
	if _, err := h.Model(t.Context(), dir, []string{"missing.json"}, nil); !errors.Is(err, errNoFile) {
		t.Fatalf("got %v, want errNoFile", err)
	}
	if asked := f.requests(); len(asked) > 0 {
		t.Fatalf("asked the hub: %v", asked)
	}
}

func TestErrors(t *testing.T) {
	f := newFakeHub(t, models())
	for _, c := range []struct {
		why    string
		name   string
		change func(h *Hub)
		want   error
		words  string
	}{
		{"a gated model without a token", "org/gated", nil, errGated, "/org/gated and set HF_TOKEN"},
		{"a gated model with a token that is not let in", "org/gated", func(h *Hub) { h.Token = token }, errGated, "with the account of this HF_TOKEN"},
		{"a name that is not there", "org/nothing", nil, errNotFound, "check the spelling; for a private one set HF_TOKEN"},
		{"a private model with no token", "org/private", nil, errNotFound, "set HF_TOKEN"},
		{"a token that is not one", "org/model", func(h *Hub) { h.Token = "wrong" }, errToken, "unset HF_TOKEN"},
		{"a name without an owner that is not there", "gpt-0", nil, errNotFound, "check the spelling"},
		{"the network switched off", "org/model", func(h *Hub) { h.Offline = true }, errOffline, "unset HF_HUB_OFFLINE"},
		{"no place for a cache", "org/model", func(h *Hub) { h.Cache = "" }, errCache, "set HF_HOME"},
		{"no hub at that address", "org/model", func(h *Hub) { h.Endpoint = "http://127.0.0.1:1" }, errNetwork, "check the network"},
		{"an endpoint that is no address", "org/model", func(h *Hub) { h.Endpoint = "http://[" }, errNetwork, "HF_ENDPOINT"},
		{"a name with two slashes", "a/b/c", nil, errName, "org/name"},
		{"a path that is not there", "./nothing", nil, errName, "check the path"},
		{"a way out of the cache", "../nothing-here", nil, errName, ""},
		{"a name that would be another in the cache", "a--b/c", nil, errName, ""},
		{"no name", "", nil, errName, ""},
		{"a name with an odd character", "a/b?c", nil, errName, ""},
	} {
		h := f.client(t)
		if c.change != nil {
			c.change(h)
		}
		_, err := h.Model(t.Context(), c.name, []string{"tokenizer.json"}, nil)
		var e *Error
		if !errors.Is(err, c.want) || !errors.As(err, &e) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: got %v, want %v with %q", c.why, err, c.want, c.words)
			continue
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), token) {
			t.Errorf("%s: got %q, want one line without the token", c.why, err)
		}
	}
}

func TestMissingFile(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	_, err := h.Model(t.Context(), "org/model", []string{"tokenizer.model"}, nil)
	want := "org/model: tokenizer.model: has no such file: see its files at " + f.hub.URL + "/org/model/tree/main"
	if !errors.Is(err, errNoFile) || err.Error() != want {
		t.Fatalf("got %v, want %q", err, want)
	}
}

func TestFileNamesThatLeaveTheRepository(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	for _, name := range []string{"", ".", "..", "../x", "a/../../x", "/etc/passwd", `a\b`, "a//b", "a/", "./a", "a\x00b"} {
		if _, err := h.Model(t.Context(), "org/model", []string{name}, nil); !errors.Is(err, errPath) {
			t.Errorf("%q: got %v, want errPath", name, err)
		}
		if _, err := h.Dataset(t.Context(), t.TempDir(), name); !errors.Is(err, errPath) {
			t.Errorf("%q in a folder: got %v, want errPath", name, err)
		}
	}
	if asked := f.requests(); len(asked) > 0 {
		t.Fatalf("asked the hub: %v", asked)
	}
}

func TestAMirrorThatNamesNoCommit(t *testing.T) {
	f := newFakeHub(t, models())
	f.noHashes = true
	_, err := f.client(t).Model(t.Context(), "org/model", []string{"tokenizer_config.json"}, nil)
	if !errors.Is(err, errAnswer) || !strings.Contains(err.Error(), "HF_ENDPOINT") {
		t.Fatalf("got %v, want errAnswer", err)
	}
}

func TestCachedModelNeedsNoHub(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	files := []string{"tokenizer_config.json"}
	if _, err := h.Model(t.Context(), "org/model", files, nil); err != nil {
		t.Fatal(err)
	}
	f.hub.Close()
	if _, err := h.Model(t.Context(), "org/model", files, []string{"chat_template.jinja"}); err != nil {
		t.Fatalf("got %v, want the files of the cache", err)
	}
	_, err := h.Model(t.Context(), "org/model", []string{"tokenizer.json"}, nil)
	if !errors.Is(err, errNetwork) {
		t.Fatalf("got %v, want errNetwork", err)
	}
}

func TestSeveralAtOnce(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	f.tamper = func(http.ResponseWriter, string) bool { time.Sleep(20 * time.Millisecond); return false }
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			dir, err := h.Model(t.Context(), "org/model", []string{"tokenizer.json"}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if b, err := os.ReadFile(filepath.Join(dir, "tokenizer.json")); err != nil || string(b) != f.repos["org/model"].files["tokenizer.json"].text {
				t.Errorf("got %d bytes, %v", len(b), err)
			}
		})
	}
	all.Wait()
	if n := len(f.ranges()); n != 1 {
		t.Fatalf("the file was fetched %d times, want once", n)
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	f.tamper = func(http.ResponseWriter, string) bool {
		cancel(errors.New("the user had enough"))
		time.Sleep(10 * time.Millisecond)
		return false
	}
	_, err := h.Model(ctx, "org/model", []string{"tokenizer.json"}, nil)
	if err != nil && (!errors.Is(err, errStopped) || !strings.Contains(err.Error(), "the user had enough")) {
		t.Fatalf("got %v, want errStopped with its cause", err)
	}
	if err == nil {
		t.Fatal("got no error from a cancelled download")
	}
}

// TestTokenStaysWithTheEndpoint: a mirror that sends on, be it to the public hub,
// does so without the token; within the endpoint the token goes along.
func TestTokenStaysWithTheEndpoint(t *testing.T) {
	var mu sync.Mutex
	tokens := map[string]bool{} // by host: whether any request had the token
	seen := func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		tokens[r.Host] = tokens[r.Host] || r.Header.Get("Authorization") != ""
	}
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen(r)
		if path, ok := strings.CutPrefix(r.URL.Path, "/moved"); ok {
			http.Redirect(w, r, defaultEndpoint+path, http.StatusTemporaryRedirect)
			return
		}
		http.Redirect(w, r, "/moved"+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(mirror.Close)
	public := roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "huggingface.co" {
			seen(r)
			return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{headerErrorCode: {"EntryNotFound"}}, Body: http.NoBody, Request: r}, nil
		}
		return mirror.Client().Transport.RoundTrip(r)
	})
	h := &Hub{Cache: t.TempDir(), Endpoint: mirror.URL, Token: token, HTTP: &http.Client{Transport: public}}
	if _, err := h.Model(t.Context(), "org/model", []string{"tokenizer.json"}, nil); !errors.Is(err, errNoFile) {
		t.Fatalf("got %v, want errNoFile", err)
	}
	want := map[string]bool{strings.TrimPrefix(mirror.URL, "http://"): true, "huggingface.co": false}
	if d := cmp.Diff(want, tokens); d != "" {
		t.Errorf("who got the token: %s", d)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
