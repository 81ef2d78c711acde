package cli

import (
	"encoding/json"
	"math"
	"testing"
)

func TestPythonRepr(t *testing.T) {
	// As Python 3.12 writes them.
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, "None"}, {true, "True"}, {false, "False"}, {7, "7"}, {1.0, "1.0"}, {1e-5, "1e-05"}, {math.Inf(1), "inf"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"},
		{"x", "'x'"}, {"it's", `"it's"`}, {`it's "x"`, `'it\'s "x"'`}, {`a\b`, `'a\\b'`}, {"a\nb\tc\r", `'a\nb\tc\r'`},
		{"\x00é\u00a0\u200b\U000e0001", `'\x00é\xa0\u200b\U000e0001'`},
		{[]string{"a", "b'c"}, `['a', "b'c"]`}, {[]string{}, "[]"},
		{json.RawMessage(`{"b": 1, "a": [1.50, 2e3, null, true, "x", {}]}`), `{'b': 1, 'a': [1.5, 2000.0, None, True, 'x', {}]}`},
	} {
		if got := pythonRepr(tt.value); got != tt.want {
			t.Errorf("%#v: got %s, want %s", tt.value, got, tt.want)
		}
	}
	if got, want := pythonNamespace([]namedValue{{"seed", 0}, {"label", nil}}), "Namespace(subparser='bench', bench_type='serve', seed=0, label=None)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
