package hub

import (
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// revision is the branch that names without one mean.
const revision = "main"

// A repo is one model or dataset on the hub.
type repo struct {
	kind string // models or datasets
	id   string // org/name or name
}

// parseRepo checks a name by the rules of huggingface_hub's validate_repo_id.
func parseRepo(kind, name string) (repo, error) {
	bad := &Error{Name: name, Reason: errName, Hint: "check the path, or give it as org/name"}
	if strings.Count(name, "/") > 1 || strings.Contains(name, "--") || strings.Contains(name, "..") ||
		strings.HasSuffix(name, ".git") || len(name) > 96 {
		return repo{}, bad
	}
	for part := range strings.SplitSeq(name, "/") {
		if !repoPart.MatchString(part) {
			return repo{}, bad
		}
	}
	return repo{kind, name}, nil
}

var repoPart = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$`)

// folder is the name of the repository in the cache.
func (r repo) folder() string {
	return r.kind + "--" + strings.ReplaceAll(r.id, "/", "--")
}

// url is where the hub has a file of the repository.
func (r repo) url(endpoint, at, file string) string {
	prefix := "/"
	if r.kind == "datasets" {
		prefix = "/datasets/"
	}
	return endpoint + prefix + r.id + "/resolve/" + url.PathEscape(at) + "/" + escapePath(file)
}

// page is where a person reads about the repository.
func (r repo) page(endpoint string) string {
	if r.kind == "datasets" {
		return endpoint + "/datasets/" + r.id
	}
	return endpoint + "/" + r.id
}

func escapePath(file string) string {
	parts := strings.Split(file, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// checkFile refuses a name that would leave the repository's folder.
func checkFile(file string) error {
	if file == "" || file == "." || strings.ContainsAny(file, "\\\x00") || path.Clean(file) != file || !filepath.IsLocal(filepath.FromSlash(file)) {
		return errPath
	}
	return nil
}
