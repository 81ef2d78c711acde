package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every command of the tutorial runs as it stands and answers all requests.
func TestTutorial(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	n, dir := 0, t.TempDir()
	for _, fence := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		for _, line := range strings.Split(strings.TrimSpace(fence[1]), "\n") {
			words, ok := strings.CutPrefix(line, "tokmeter ")
			if !ok {
				t.Fatalf("%q is no command of tokmeter", line)
			}
			out := runIn(t, dir, inWords(words))
			if !regexp.MustCompile(`(?m)^Failed requests: +0 *$`).MatchString(out) {
				t.Errorf("%s\n%s", line, out)
			}
			n++
		}
	}
	if n < 5 {
		t.Errorf("%d commands", n)
	}
}
