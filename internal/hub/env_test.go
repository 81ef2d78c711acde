package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestNew(t *testing.T) {
	home := t.TempDir()
	join := func(parts ...string) string { return filepath.Join(append([]string{home}, parts...)...) }
	if err := os.MkdirAll(join("hf"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(join("hf", "token"), []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why  string
		env  map[string]string
		want Hub
	}{
		{"nothing set", nil, Hub{Cache: join(".cache", "huggingface", "hub")}},
		{"XDG", map[string]string{"XDG_CACHE_HOME": join("xdg")}, Hub{Cache: join("xdg", "huggingface", "hub")}},
		{"HF_HOME, with its token", map[string]string{"HF_HOME": join("hf"), "XDG_CACHE_HOME": "x"}, Hub{Cache: join("hf", "hub"), Token: "from file"}},
		{"a tilde and a variable", map[string]string{"HF_HOME": "~/$WHERE", "WHERE": "hf"}, Hub{Cache: filepath.Join(home+"/hf", "hub"), Token: "from file"}},
		{"the cache alone", map[string]string{"HF_HUB_CACHE": join("c"), "HUGGINGFACE_HUB_CACHE": "x", "HF_HOME": "y"}, Hub{Cache: join("c")}},
		{"its old name", map[string]string{"HUGGINGFACE_HUB_CACHE": join("c")}, Hub{Cache: join("c")}},
		{"a token beats the file", map[string]string{"HF_HOME": join("hf"), "HF_TOKEN": " abc\n"}, Hub{Cache: join("hf", "hub"), Token: "abc"}},
		{"a token file elsewhere", map[string]string{"HF_TOKEN_PATH": join("hf", "token")}, Hub{Cache: join(".cache", "huggingface", "hub"), Token: "from file"}},
		{"no token unless asked", map[string]string{"HF_TOKEN": "abc", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, Hub{Cache: join(".cache", "huggingface", "hub")}},
		{"a mirror", map[string]string{"HF_ENDPOINT": "https://mirror.example/"}, Hub{Cache: join(".cache", "huggingface", "hub"), Endpoint: "https://mirror.example"}},
		{"offline", map[string]string{"HF_HUB_OFFLINE": "yes"}, Hub{Cache: join(".cache", "huggingface", "hub"), Offline: true}},
		{"offline by transformers' name", map[string]string{"TRANSFORMERS_OFFLINE": "1"}, Hub{Cache: join(".cache", "huggingface", "hub"), Offline: true}},
		{"0 is not offline", map[string]string{"HF_HUB_OFFLINE": "0"}, Hub{Cache: join(".cache", "huggingface", "hub")}},
	} {
		got := New(func(name string) string { return c.env[name] }, home)
		if d := cmp.Diff(&c.want, got, cmpopts.IgnoreUnexported(Hub{})); d != "" {
			t.Errorf("%s: %s", c.why, d)
		}
	}
	if got := New(func(string) string { return "" }, ""); got.Cache != "" {
		t.Errorf("no home: got the cache %q, want none", got.Cache)
	}
}

func TestCleanEtag(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"a strong one", `"abc"`, "abc"},
		{"a weak one", `W/"abc"`, "abc"},
		{"bare", "abc-1.2_3", "abc-1.2_3"},
		{"a way out", `"../x"`, ""},
		{"dots", `".."`, ""},
		{"nothing", `""`, ""},
		{"too long for a file name", strings.Repeat("a", 129), ""},
		{"another name on some disks", `"a:b"`, ""},
	} {
		if got := cleanEtag(c.in); got != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"org/model", "../x", "a--b", "datasets/a/b", "a.git", "W/\"abc\"", commitA, commitA + "\n", "a/..", "C:x", "x/./y"} {
		f.Add(s)
	}
	root := f.TempDir()
	inside := func(t *testing.T, path string) {
		if rel, err := filepath.Rel(root, path); err != nil || !filepath.IsLocal(rel) || rel == "." {
			t.Fatalf("%q leaves its folder", path)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := parseRepo("models", s); err == nil {
			inside(t, filepath.Join(root, r.folder()))
			if strings.ContainsAny(r.folder(), `/\`) {
				t.Fatalf("the folder %q is more than one", r.folder())
			}
		}
		if checkFile(s) == nil {
			inside(t, filepath.Join(root, filepath.FromSlash(s)))
		}
		if etag := cleanEtag(s); etag != "" {
			inside(t, filepath.Join(root, etag))
		}
		if commit, ok := parseRef([]byte(s)); ok {
			inside(t, filepath.Join(root, commit))
		}
	})
}
