package ab

import (
	"slices"
	"strings"
	"testing"
)

// TestSplit cuts commands as a shell does.
func TestSplit(t *testing.T) {
	for command, want := range map[string][]string{
		`llama-server -m a.gguf --port {port}`:  {"llama-server", "-m", "a.gguf", "--port", "{port}"},
		`  x   'a b'  "c d"e `:                  {"x", "a b", "c de"},
		`x --json '{"a": {"b": 1}}' \"q\" a\ b`: {"x", "--json", `{"a": {"b": 1}}`, `"q"`, "a b"},
		`x '' "" `:                              {"x", "", ""},
		`A=1 x "back\\slash" 'back\slash'`:      {"A=1", "x", `back\slash`, `back\slash`},
	} {
		got, err := split(command)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, want %q", command, got, err, want)
		}
	}
	if _, err := split(`x 'y`); err == nil || !strings.Contains(err.Error(), "a quote is not closed") {
		t.Errorf("an open quote: got %v", err)
	}
}
