package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tokmeter/internal/origin"
)

const (
	headerCommit       = "X-Repo-Commit"
	headerLinkedEtag   = "X-Linked-Etag"
	headerLinkedSize   = "X-Linked-Size"
	headerErrorCode    = "X-Error-Code"
	headerErrorMessage = "X-Error-Message"
)

const maxRedirects = 10

// meta is what the hub says about a file.
type meta struct {
	file   string
	url    string // of the file at its commit, on the hub
	commit string
	etag   string // the name of the blob: its SHA-256 (large files) or git hash
	size   int64  // −1 where the hub does not say
}

// ask asks the hub about a file, as huggingface_hub does: the redirect to the
// store of large files is not followed, its headers are the answer. On an error
// the commit may be known all the same.
func (h *Hub) ask(ctx context.Context, r repo, at, file string) (meta, error) {
	m := meta{file: file, size: -1}
	quiet, _, stop := h.impatient(ctx)
	defer stop()
	resp, err := h.send(quiet, http.MethodHead, r.url(h.endpoint(), at, file), nil, func(resp *http.Response) bool {
		if m.commit == "" {
			m.commit = resp.Header.Get(headerCommit)
		}
		return resp.Header.Get(headerLinkedEtag) != ""
	})
	if err != nil {
		return m, h.unreachable(ctx, r, file, err)
	}
	resp.Body.Close()
	if m.commit != "" && !isHex(m.commit, 40) {
		m.commit = ""
	}
	if resp.StatusCode >= 400 {
		return m, h.refused(r, at, file, resp)
	}
	m.etag = cleanEtag(resp.Header.Get(headerLinkedEtag))
	if m.etag == "" {
		m.etag = cleanEtag(resp.Header.Get("Etag"))
	}
	if m.commit == "" || m.etag == "" {
		return m, &Error{Name: r.id, File: file, Reason: errAnswer,
			Err: fmt.Errorf("%s gave status %d without the commit and hash of the file", h.endpoint(), resp.StatusCode), Hint: "check HF_ENDPOINT and the proxy"}
	}
	m.url = r.url(h.endpoint(), m.commit, file)
	m.size = fileSize(resp)
	return m, nil
}

// fileSize is the size of the file that an answer to HEAD is about, −1 where it
// is not known.
func fileSize(resp *http.Response) int64 {
	if n, err := strconv.ParseInt(resp.Header.Get(headerLinkedSize), 10, 64); err == nil && n >= 0 {
		return n
	}
	if resp.StatusCode/100 == 2 {
		return resp.ContentLength
	}
	return -1
}

// cleanEtag turns an ETag into a file's name, "" where that can't be.
func cleanEtag(v string) string {
	v = strings.Trim(strings.TrimPrefix(v, "W/"), `"`)
	if len(v) > 128 || strings.Trim(v, ".") == "" {
		return ""
	}
	for _, c := range []byte(v) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.') {
			return ""
		}
	}
	return v
}

// errSilent is the cause of a context that impatient ends.
var errSilent = errors.New("no byte came in time")

// impatient ends a context when the timer runs out; every sign of life resets
// the timer. The caller must call stop.
func (h *Hub) impatient(ctx context.Context) (quiet context.Context, timer *time.Timer, stop func()) {
	quiet, cancel := context.WithCancelCause(ctx)
	timer = time.AfterFunc(h.patience(), func() { cancel(errSilent) })
	return quiet, timer, func() {
		timer.Stop()
		cancel(nil)
	}
}

// send makes a request and follows redirects until enough says that a response
// answers already. The token goes only to the hub itself.
func (h *Hub) send(ctx context.Context, method, address string, header http.Header, enough func(*http.Response) bool) (*http.Response, error) {
	client := http.Client{}
	if h.HTTP != nil {
		client = *h.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for range maxRedirects {
		req, err := http.NewRequestWithContext(ctx, method, address, nil)
		if err != nil {
			return nil, err
		}
		for k, v := range header {
			req.Header[k] = v
		}
		req.Header.Set("User-Agent", "tokmeter")
		req.Header.Set("Accept-Encoding", "identity")
		if h.Token != "" && h.trusts(req.URL) {
			req.Header.Set("Authorization", "Bearer "+h.Token)
		}
		resp, err := client.Do(req)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return nil, cause
			}
			return nil, err
		}
		next := resp.Header.Get("Location")
		if enough(resp) || resp.StatusCode/100 != 3 || next == "" {
			return resp, nil
		}
		resp.Body.Close()
		to, err := req.URL.Parse(next)
		if err != nil {
			return nil, fmt.Errorf("redirect to %q: %w", next, err)
		}
		address = to.String()
	}
	return nil, fmt.Errorf("more than %d redirects", maxRedirects)
}

// trusts reports whether an address is the hub's own. A mirror that sends on to
// another host does so without the token, be it the public hub: the token was
// given for the endpoint.
func (h *Hub) trusts(u *url.URL) bool {
	b, err := url.Parse(h.endpoint())
	return err == nil && origin.Of(b) == origin.Of(u)
}

// unreachable is the error of a request that got no answer.
func (h *Hub) unreachable(ctx context.Context, r repo, file string, err error) error {
	if ctx.Err() != nil {
		return &Error{Name: r.id, File: file, Reason: errStopped, Err: context.Cause(ctx)}
	}
	return &Error{Name: r.id, File: file, Reason: errNetwork, Err: err,
		Hint: "check the network, HF_ENDPOINT and the proxy, or give a folder that has the file"}
}

// refused is the error of an answer with a status of 400 or more.
func (h *Hub) refused(r repo, at, file string, resp *http.Response) error {
	code, said := resp.Header.Get(headerErrorCode), foreign(resp.Header.Get(headerErrorMessage))
	e := &Error{Name: r.id}
	noToken := "and set HF_TOKEN"
	if h.Token != "" {
		noToken = "with the account of this HF_TOKEN"
	}
	switch {
	case code == "GatedRepo":
		e.Reason = errGated
		e.Hint = "ask for access at " + r.page(h.endpoint()) + " " + noToken
	case code == "EntryNotFound":
		e.File, e.Reason = file, errNoFile
		e.Hint = "see its files at " + r.page(h.endpoint()) + "/tree/" + at
	case resp.StatusCode == http.StatusUnauthorized && strings.HasPrefix(said, "Invalid credentials"):
		e.Reason, e.Hint = errToken, "make another at "+h.endpoint()+"/settings/tokens, or unset HF_TOKEN"
	case code == "RepoNotFound" || resp.StatusCode == http.StatusUnauthorized:
		e.Reason, e.Hint = errNotFound, "check the spelling; for a private one set HF_TOKEN"
		if h.Token != "" {
			e.Hint = "check the spelling, and whether the account of this HF_TOKEN may read it"
		}
	case resp.StatusCode == http.StatusNotFound:
		e.File, e.Reason, e.Hint = file, errNoFile, "check the spelling and HF_ENDPOINT"
	case resp.StatusCode == http.StatusForbidden:
		e.Reason, e.Hint = errDenied, "check what the HF_TOKEN allows"
	default:
		e.File, e.Reason, e.Err, e.Hint = file, errNetwork, &statusError{resp.StatusCode}, "try again later"
	}
	if e.Err == nil && said != "" && e.Reason == errDenied {
		e.Err = errors.New(said)
	}
	return e
}

// A statusError is an answer that says the server has trouble.
type statusError struct{ code int }

func (e *statusError) Error() string {
	return fmt.Sprintf("status %d %s", e.code, http.StatusText(e.code))
}
