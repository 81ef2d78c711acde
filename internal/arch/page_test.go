package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page that explains the house names rooms and files that there are, and
// every room that carries data.
func TestArchitecturePage(t *testing.T) {
	const page = "../../docs/architecture.md"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	links := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(text, -1)
	if len(links) < 20 {
		t.Fatalf("%d links", len(links))
	}
	for _, l := range links {
		if _, err := os.Stat(filepath.Join(filepath.Dir(page), l[1])); err != nil {
			t.Errorf("%s links to %s, which is not there", page, l[1])
		}
	}
	for _, name := range []string{"cli", "plan", "run", "workload", "schedule", "protocol", "load", "wire", "record", "metrics", "result", "report", "model", "sim", "experiment", "engine", "precision", "compare"} {
		if !strings.Contains(text, "internal/"+name) {
			t.Errorf("%s does not say what internal/%s is for", page, name)
		}
	}
}
