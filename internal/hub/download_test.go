package hub

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// leave puts what an earlier attempt left of a file into the cache.
func leave(t *testing.T, h *Hub, file fakeFile, text string) {
	t.Helper()
	path := filepath.Join(h.Cache, "models--org--model", "blobs", file.etag()+".incomplete")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func cut(w http.ResponseWriter, text string, n int) {
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	_, _ = w.Write([]byte(text[:n]))
	panic(http.ErrAbortHandler)
}

func TestDownloads(t *testing.T) {
	file := models()["org/model"].files["tokenizer.json"]
	text := file.text
	n := 0
	for _, c := range []struct {
		why    string
		left   string // of an earlier attempt
		tamper func(w http.ResponseWriter, text string) bool
		ranges []string
		want   error
	}{
		{"from the start", "", nil, []string{""}, nil},
		{"the rest", text[:100], nil, []string{"bytes=100-"}, nil},
		{"nothing is left to fetch", text, nil, nil, nil},
		{"what was left is of another file: fetched once more", strings.Repeat("z", 100), nil, []string{"bytes=100-", ""}, nil},
		{"all of it is of another file", strings.Repeat("z", len(text)), nil, []string{""}, nil},
		{"more was left than there is", text + "more", nil, []string{""}, nil},
		{"a server that knows no ranges", text[:100], func(w http.ResponseWriter, text string) bool {
			_, _ = w.Write([]byte(text))
			return true
		}, []string{"bytes=100-"}, nil},
		{"a server that starts elsewhere", text[:100], func(w http.ResponseWriter, text string) bool {
			if n++; n > 1 {
				return false
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 50-%d/%d", len(text)-1, len(text)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write([]byte(text[50:]))
			return true
		}, []string{"bytes=100-", ""}, nil},
		{"a server that refuses the range", text[:100], func(w http.ResponseWriter, _ string) bool {
			if n++; n > 1 {
				return false
			}
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return true
		}, []string{"bytes=100-", ""}, nil},
		{"cut in the middle: goes on where it was", "", func(w http.ResponseWriter, text string) bool {
			if n++; n == 1 {
				cut(w, text, 3000)
			}
			return false
		}, []string{"", "bytes=3000-"}, nil},
		{"a server in trouble for a moment", "", func(w http.ResponseWriter, _ string) bool {
			if n++; n > 2 {
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}, []string{"", "", ""}, nil},
		{"a server in trouble for good", "", func(w http.ResponseWriter, _ string) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}, []string{"", "", "", "", "", ""}, errNetwork},
		{"a proxy that changes it", "", func(w http.ResponseWriter, text string) bool {
			_, _ = w.Write([]byte(strings.ReplaceAll(text, "t", "T")))
			return true
		}, []string{""}, errCorrupt},
		{"a proxy that adds to it", "", func(w http.ResponseWriter, text string) bool {
			_, _ = w.Write([]byte(text + "<script>"))
			return true
		}, []string{""}, errCorrupt},
		{"a store that refuses", "", func(w http.ResponseWriter, _ string) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		}, []string{""}, errDenied},
		{"an end before its time", "", func(w http.ResponseWriter, text string) bool {
			if n++; n == 1 {
				_, _ = w.Write([]byte(text[:10]))
				return true
			}
			return false
		}, []string{"", "bytes=10-"}, nil},
	} {
		n = 0
		f := newFakeHub(t, models())
		f.tamper = c.tamper
		h := f.client(t)
		h.Token = token
		if c.left != "" {
			leave(t, h, file, c.left)
		}
		dir, err := h.Model(t.Context(), "org/model", []string{"tokenizer.json"}, nil)
		if d := cmp.Diff(c.ranges, f.ranges(), cmp.Transformer("empty", func(v []string) []string { return append([]string{}, v...) })); d != "" {
			t.Errorf("%s: other requests: %s", c.why, d)
		}
		if c.want != nil {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.why, err, c.want)
			}
			for name := range tree(t, h.Cache) {
				if strings.Contains(name, "snapshots") || strings.HasSuffix(name, file.etag()) {
					t.Errorf("%s: left %s behind", c.why, name)
				}
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		if got := readAll(t, filepath.Join(dir, "tokenizer.json")); got != text {
			t.Errorf("%s: got %d bytes, want %d", c.why, len(got), len(text))
		}
		for name := range tree(t, h.Cache) {
			if strings.HasSuffix(name, ".incomplete") || strings.HasSuffix(name, ".tmp") {
				t.Errorf("%s: left %s behind", c.why, name)
			}
		}
	}
}

// TestDownloadWithoutSize: a server that does not say how much it sends is not
// followed until the disk is full.
func TestDownloadWithoutSize(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(headerCommit, commitA)
		w.Header().Set("Etag", `"0123"`)
		if r.Method == http.MethodHead {
			return
		}
		for piece := make([]byte, 64<<10); ; {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	h := &Hub{Cache: t.TempDir(), Endpoint: server.URL, HTTP: &http.Client{Transport: transport}, pause: time.Millisecond, unsized: 2 << 20}
	_, err := h.Model(t.Context(), "org/model", []string{"tokenizer.json"}, nil)
	if !errors.Is(err, errCorrupt) || !strings.Contains(err.Error(), "more than 2 MiB, and the server does not say") {
		t.Errorf("got %v", err)
	}
	for name := range tree(t, h.Cache) {
		if strings.HasSuffix(name, ".incomplete") {
			t.Errorf("left %s behind", name)
		}
	}
}

func TestDamagedDownloadSaysWhatToDo(t *testing.T) {
	f := newFakeHub(t, models())
	f.tamper = func(w http.ResponseWriter, text string) bool {
		_, _ = w.Write([]byte(strings.ToUpper(text)))
		return true
	}
	_, err := f.client(t).Model(t.Context(), "org/model", []string{"tokenizer_config.json"}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "org/model: tokenizer_config.json: came damaged: its hash is ") || !strings.HasSuffix(err.Error(), ": try again; if it stays, the proxy or mirror changes it") {
		t.Fatalf("got %v", err)
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	f := newFakeHub(t, models())
	done := make(chan struct{})
	f.tamper = func(w http.ResponseWriter, text string) bool {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		_, _ = w.Write([]byte(text[:5]))
		w.(http.Flusher).Flush()
		<-done
		return true
	}
	h := f.client(t)
	h.Patience = 30 * time.Millisecond
	_, err := h.Model(t.Context(), "org/model", []string{"tokenizer_config.json"}, nil)
	close(done)
	if !errors.Is(err, errNetwork) || !errors.Is(err, errSilent) {
		t.Fatalf("got %v, want errNetwork: no byte came in time", err)
	}
}

func TestACopyWhereLinksCantBeMade(t *testing.T) {
	s := store{dir: t.TempDir()}
	if err := writeWhole(s.blob("abc"), strings.NewReader("text")); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(s.snapshot(commitA), "x.txt")
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		t.Fatal(err)
	}
	// What the blob's link would be is taken by a folder with something in it, so
	// the link can't take its place; a copy can't either, and says so.
	if err := os.MkdirAll(filepath.Join(at, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := s.link(commitA, "x.txt", "abc"); err == nil {
		t.Fatal("got no error where neither link nor copy can be made")
	}
	if err := s.link(commitA, "y.txt", "abc"); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, filepath.Join(s.snapshot(commitA), "y.txt")); got != "text" {
		t.Fatalf("got %q", got)
	}
	for name := range tree(t, s.dir) {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("left %s behind", name)
		}
	}
}

func TestCacheThatCantBeWritten(t *testing.T) {
	f := newFakeHub(t, models())
	h := f.client(t)
	h.Cache = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(h.Cache, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := h.Model(t.Context(), "org/model", []string{"tokenizer_config.json"}, nil)
	if !errors.Is(err, errCache) || !strings.Contains(err.Error(), "HF_HOME") {
		t.Fatalf("got %v, want errCache", err)
	}
}
