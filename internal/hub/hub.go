// Package hub finds the files of a model or of a dataset: in a folder, in the
// Hugging Face cache, or on the Hugging Face hub.
//
// It looks in that order and stops at the first place that has what is needed,
// so that a run whose files are at hand asks nobody. What it fetches goes into
// the cache in the layout that huggingface_hub reads and writes, checked by size
// and hash, so that Python tools find it and their files are found here.
//
// It promises that a file it names is whole: parts lie under another name until
// they are, and programs that fetch the same file at once wait for one another.
// It sends the token to the hub alone, never to the store that the hub sends a
// download to. It refuses names that would leave the cache. It reads no
// environment: New takes it as arguments.
package hub

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The dataset that `--dataset-name sharegpt` means when no file is given.
const (
	ShareGPTDataset = "anon8231489123/ShareGPT_Vicuna_unfiltered"
	ShareGPTFile    = "ShareGPT_V3_unfiltered_cleaned_split.json"
)

// defaultEndpoint is the hub asked when none is named.
const defaultEndpoint = "https://huggingface.co"

// defaultPatience is huggingface_hub's: how long a server may stay silent.
const defaultPatience = 10 * time.Second

// A Hub says where files are looked for. Its methods may be used by several
// goroutines, and several programs may share one cache.
type Hub struct {
	Cache    string       // the folder with models--org--name in it; "" means no cache, and then nothing can be fetched
	Endpoint string       // scheme and host of the hub; "" means defaultEndpoint
	Token    string       // sent to the hub as bearer; "" means none
	Offline  bool         // never use the network
	HTTP     *http.Client // nil means net/http's own transport; redirects are followed here in any case

	// Progress, if set, hears how many bytes of a file are there and how many
	// there will be (−1 where the server does not say), a few times a second.
	Progress func(file string, done, total int64)

	// Patience is how long a server may be silent before the attempt counts as
	// failed; 0 means 10 s.
	Patience time.Duration

	pause   time.Duration // before a download goes on after a failure; 0 means 1 s
	unsized int64         // most bytes of a file without a size; 0 means maxUnsized
}

// Model returns a folder that has the files of a model, given as a folder, as a
// file in it, or by its name on the hub (org/name). Every name in files must be
// there; those in optional are brought along where the model has them. Only
// these files are fetched. The error is an *Error.
func (h *Hub) Model(ctx context.Context, name string, files, optional []string) (string, error) {
	if info, err := os.Stat(name); err == nil {
		dir := name
		if !info.IsDir() {
			dir = filepath.Dir(name)
		}
		return dir, localFiles(name, dir, files)
	}
	return h.find(ctx, "models", name, files, optional)
}

// Dataset returns the path of a dataset's file, given as that file, as the
// folder it lies in, or by the dataset's name on the hub. The error is an
// *Error.
func (h *Hub) Dataset(ctx context.Context, name, file string) (string, error) {
	if info, err := os.Stat(name); err == nil {
		if !info.IsDir() {
			return name, nil
		}
		if err := localFiles(name, name, []string{file}); err != nil {
			return "", err
		}
		return filepath.Join(name, filepath.FromSlash(file)), nil
	}
	dir, err := h.find(ctx, "datasets", name, []string{file}, nil)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.FromSlash(file)), nil
}

// localFiles checks that a folder has what is needed.
func localFiles(name, dir string, files []string) error {
	for _, file := range files {
		if err := checkFile(file); err != nil {
			return &Error{Name: name, File: file, Reason: err}
		}
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(file))); err != nil || info.IsDir() {
			return &Error{Name: name, File: file, Reason: errNoFile, Hint: "put it into " + dir + " or name another folder"}
		}
	}
	return nil
}

// find looks in the cache, then on the hub.
func (h *Hub) find(ctx context.Context, kind, name string, files, optional []string) (string, error) {
	r, err := parseRepo(kind, name)
	if err != nil {
		return "", err
	}
	for _, list := range [][]string{files, optional} {
		for _, file := range list {
			if err := checkFile(file); err != nil {
				return "", &Error{Name: name, File: file, Reason: err}
			}
		}
	}
	s := store{dir: filepath.Join(h.Cache, r.folder())}
	if h.Cache != "" {
		if commit, ok := s.ref(revision); ok && s.has(commit, files) {
			return s.snapshot(commit), h.complete(ctx, r, s, commit, optional)
		}
	}
	switch {
	case h.Offline:
		return "", &Error{Name: name, File: firstMissing(s, files), Reason: errOffline,
			Hint: "unset HF_HUB_OFFLINE, or download it first, or name a folder"}
	case h.Cache == "":
		return "", &Error{Name: name, Reason: errCache, Hint: "set HF_HOME to a folder you can write to"}
	}
	return h.fetchAll(ctx, r, s, files, optional)
}

func firstMissing(s store, files []string) string {
	commit, ok := s.ref(revision)
	for _, file := range files {
		if !ok || !s.has(commit, []string{file}) {
			return file
		}
	}
	return ""
}

// complete brings the optional files that a cached snapshot lacks and is not
// known not to have. What must be there is there, so a hub that can't be reached
// is no error here and is not waited for long.
func (h *Hub) complete(ctx context.Context, r repo, s store, commit string, optional []string) error {
	if h.Offline {
		return nil
	}
	brief := *h
	brief.Patience = min(h.patience(), defaultPatience/4)
	for _, file := range optional {
		if s.has(commit, []string{file}) || s.knownAbsent(commit, file) {
			continue
		}
		_, err := brief.fetch(ctx, r, s, commit, file)
		switch {
		case errors.Is(err, errStopped):
			return err
		case err != nil && !errors.Is(err, errNoFile):
			return nil
		}
	}
	return nil
}

// fetchAll fetches files and optional, all of the commit that the first answer
// names, and points the cache's main at it once the needed files are whole.
func (h *Hub) fetchAll(ctx context.Context, r repo, s store, files, optional []string) (string, error) {
	at := revision
	for i, file := range append(append([]string{}, files...), optional...) {
		commit, err := h.fetch(ctx, r, s, at, file)
		if commit != "" {
			at = commit
		}
		if err != nil && (i < len(files) || !errors.Is(err, errNoFile)) {
			return "", err
		}
	}
	if at == revision {
		return "", &Error{Name: r.id, Reason: errNoFile, Hint: "no file was asked for that it has"}
	}
	if err := os.MkdirAll(s.snapshot(at), 0o777); err != nil {
		return "", cacheError(r.id, "", err)
	}
	if err := s.setRef(revision, at); err != nil {
		return "", cacheError(r.id, "", err)
	}
	return s.snapshot(at), nil
}

// fetch makes one file of the repository at a branch or commit whole in the
// cache. It returns the commit where the hub named one, also beside an error.
func (h *Hub) fetch(ctx context.Context, r repo, s store, at, file string) (string, error) {
	m, err := h.ask(ctx, r, at, file)
	if err != nil {
		if errors.Is(err, errNoFile) && m.commit != "" {
			// A note that the next run need not ask again; a cache that can't be
			// written to only costs that question.
			_ = s.setAbsent(m.commit, file)
		}
		return m.commit, err
	}
	if s.has(m.commit, []string{file}) {
		return m.commit, nil
	}
	part, unlock, err := s.lock(ctx, filepath.Join(h.Cache, ".locks", r.folder()), m.etag)
	if err != nil {
		return m.commit, cacheError(r.id, file, err)
	}
	defer unlock()
	if !exists(s.blob(m.etag)) {
		if err := h.download(ctx, r, m, part, s.blob(m.etag)); err != nil {
			return m.commit, err
		}
	}
	if err := s.link(m.commit, file, m.etag); err != nil {
		return m.commit, cacheError(r.id, file, err)
	}
	return m.commit, nil
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

func (h *Hub) endpoint() string {
	if h.Endpoint == "" {
		return defaultEndpoint
	}
	return strings.TrimRight(h.Endpoint, "/")
}

func (h *Hub) mostUnsized() int64 {
	if h.unsized > 0 {
		return h.unsized
	}
	return maxUnsized
}

func (h *Hub) patience() time.Duration {
	if h.Patience > 0 {
		return h.Patience
	}
	return defaultPatience
}
