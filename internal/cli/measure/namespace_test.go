package measure

import (
	"testing"
)

func TestPythonNamespace(t *testing.T) {
	got := pythonNamespace([]namedValue{{"seed", 0}, {"label", nil}})
	if want := "Namespace(subparser='bench', bench_type='serve', seed=0, label=None)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
