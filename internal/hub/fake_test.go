package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	token   = "hf_secret"
)

// A fakeFile is one file of a repository.
type fakeFile struct {
	text  string
	large bool // kept in a store of its own, behind a redirect
}

func (f fakeFile) etag() string {
	if f.large {
		sum := sha256.Sum256([]byte(f.text))
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(f.text), f.text))
	return hex.EncodeToString(sum[:])
}

// A fakeRepo is one model or dataset.
type fakeRepo struct {
	commit  string
	files   map[string]fakeFile
	gated   bool
	private bool
	moved   string // the path that it now has
}

// A fakeHub answers as the hub does: HEAD and GET of resolve, redirects to a
// store for large files, error codes in headers.
type fakeHub struct {
	repos map[string]*fakeRepo // models by org/name, datasets by datasets/org/name

	hub, store *httptest.Server

	mu       sync.Mutex
	asked    []string                                      // method and path of every request to the hub
	loads    []string                                      // Range of every GET of a file
	tamper   func(w http.ResponseWriter, text string) bool // answers a GET in place of the server
	noHashes bool                                          // a mirror that names no commit
}

func newFakeHub(t *testing.T, repos map[string]*fakeRepo) *fakeHub {
	t.Helper()
	f := &fakeHub{repos: repos}
	f.store = httptest.NewServer(http.HandlerFunc(f.serveStore))
	f.hub = httptest.NewServer(http.HandlerFunc(f.serveHub))
	t.Cleanup(f.store.Close)
	t.Cleanup(f.hub.Close)
	return f
}

// client is a Hub that asks the fake one.
func (f *fakeHub) client(t *testing.T) *Hub {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &Hub{Cache: t.TempDir(), Endpoint: f.hub.URL, HTTP: &http.Client{Transport: transport}, pause: time.Millisecond, Patience: 5 * time.Second}
}

func (f *fakeHub) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.asked...)
}

func (f *fakeHub) ranges() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.loads...)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set(headerErrorCode, code)
	w.Header().Set(headerErrorMessage, message)
	w.WriteHeader(status)
}

func (f *fakeHub) serveHub(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.Path)
	f.mu.Unlock()
	id, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/resolve/")
	at, file, _ := strings.Cut(rest, "/")
	repo := f.repos[id]
	auth := r.Header.Get("Authorization")
	if auth != "" && auth != "Bearer "+token {
		refuse(w, 401, "", "Invalid credentials in Authorization header")
		return
	}
	switch {
	case repo == nil || repo.private && auth == "":
		refuse(w, 401, "RepoNotFound", "Invalid username or password.")
	case repo.moved != "":
		w.Header().Set("Location", "/"+repo.moved+"/resolve/"+rest)
		w.WriteHeader(http.StatusTemporaryRedirect)
	case repo.gated && auth == "":
		refuse(w, 401, "GatedRepo", "Access to model is restricted.")
	case repo.gated:
		refuse(w, 403, "GatedRepo", "You are not in the authorized list.")
	case at != "main" && at != repo.commit:
		refuse(w, 404, "RevisionNotFound", "Invalid rev id")
	default:
		f.serveFile(w, r, repo, file)
	}
}

func (f *fakeHub) serveFile(w http.ResponseWriter, r *http.Request, repo *fakeRepo, file string) {
	if !f.noHashes {
		w.Header().Set(headerCommit, repo.commit)
	}
	content, ok := repo.files[file]
	if !ok {
		refuse(w, 404, "EntryNotFound", "Entry not found")
		return
	}
	if content.large {
		w.Header().Set(headerLinkedEtag, `"`+content.etag()+`"`)
		w.Header().Set(headerLinkedSize, fmt.Sprint(len(content.text)))
		w.Header().Set("Location", f.store.URL+"/blob?signed=1&text="+url.QueryEscape(content.text))
		w.WriteHeader(http.StatusFound)
		return
	}
	w.Header().Set("Etag", `W/"`+content.etag()+`"`)
	f.serveText(w, r, content.text)
}

// serveStore is the store of large files, which refuses a foreign token.
func (f *fakeHub) serveStore(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.serveText(w, r, r.URL.Query().Get("text"))
}

func (f *fakeHub) serveText(w http.ResponseWriter, r *http.Request, text string) {
	if r.Method == http.MethodGet {
		f.mu.Lock()
		f.loads = append(f.loads, r.Header.Get("Range"))
		tamper := f.tamper
		f.mu.Unlock()
		if tamper != nil && tamper(w, text) {
			return
		}
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
}
