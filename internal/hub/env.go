package hub

import (
	"os"
	"path/filepath"
	"strings"
)

// New makes a Hub from the variables that huggingface_hub knows: HF_HOME,
// HF_HUB_CACHE (or HUGGINGFACE_HUB_CACHE), XDG_CACHE_HOME, HF_ENDPOINT, HF_TOKEN
// (or HUGGING_FACE_HUB_TOKEN, else the file at HF_TOKEN_PATH or HF_HOME/token),
// HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE. getenv
// returns "" for a variable that is not set; home is the user's home folder, ""
// where there is none.
func New(getenv func(string) string, home string) *Hub {
	first := func(names ...string) string {
		for _, n := range names {
			if v := getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	folder := func(fallback string, names ...string) string {
		if v := first(names...); v != "" {
			return expand(v, getenv, home)
		}
		return fallback
	}
	under := func(dir, name string) string {
		if dir == "" {
			return ""
		}
		return filepath.Join(dir, name)
	}
	root := folder(under(folder(under(home, ".cache"), "XDG_CACHE_HOME"), "huggingface"), "HF_HOME")
	h := &Hub{
		Cache:    folder(under(root, "hub"), "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"),
		Endpoint: strings.TrimRight(first("HF_ENDPOINT"), "/"),
		Offline:  isTrue(first("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")),
	}
	if !isTrue(getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		h.Token = strings.TrimSpace(first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"))
		if h.Token == "" {
			h.Token = readToken(folder(under(root, "token"), "HF_TOKEN_PATH"))
		}
	}
	return h
}

// readToken reads a token that `hf auth login` left; no file means no token.
func readToken(path string) string {
	if path == "" {
		return ""
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// expand resolves $NAME and a leading ~ as Python's expandvars and expanduser.
func expand(path string, getenv func(string) string, home string) string {
	path = os.Expand(path, func(name string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return "$" + name
	})
	if rest, ok := strings.CutPrefix(path, "~"); ok && home != "" && (rest == "" || os.IsPathSeparator(rest[0])) {
		return home + rest
	}
	return path
}

func isTrue(v string) bool {
	switch strings.ToUpper(v) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}
