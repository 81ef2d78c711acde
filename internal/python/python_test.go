package python

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestFloat has what repr and json.dumps of Python 3.12 write.
func TestFloat(t *testing.T) {
	for _, tt := range []struct {
		x          float64
		repr, dump string // dump is as repr where it is empty
	}{
		{0, "0.0", ""}, {math.Copysign(0, -1), "-0.0", ""}, {1, "1.0", ""}, {0.1, "0.1", ""}, {-2.5, "-2.5", ""},
		{1e-4, "0.0001", ""}, {0.00012345, "0.00012345", ""}, {9.999e-5, "9.999e-05", ""}, {1e-5, "1e-05", ""}, {-1e-5, "-1e-05", ""},
		{123456789, "123456789.0", ""}, {1e15, "1000000000000000.0", ""}, {9999999999999998, "9999999999999998.0", ""},
		{1e16, "1e+16", ""}, {1.5e300, "1.5e+300", ""}, {5e-324, "5e-324", ""}, {math.MaxFloat64, "1.7976931348623157e+308", ""},
		{math.Inf(1), "inf", "Infinity"}, {math.Inf(-1), "-inf", "-Infinity"}, {math.NaN(), "nan", "NaN"},
	} {
		if got := Float(tt.x); got != tt.repr {
			t.Errorf("repr of %v: got %s, want %s", tt.x, got, tt.repr)
		}
		want := tt.dump
		if want == "" {
			want = tt.repr
		}
		if got := string(AppendJSONFloat([]byte("x"), tt.x)); got != "x"+want {
			t.Errorf("json.dumps of %v: got %s, want x%s", tt.x, got, want)
		}
	}
}

func TestFloatReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64().Draw(t, "x")
		got, err := ParseFloat(Float(x))
		if err != nil || math.Float64bits(got) != math.Float64bits(x) && !math.IsNaN(x) {
			t.Fatalf("%v is written %s and read as %v (%v)", x, Float(x), got, err)
		}
	})
}

func TestParseFloat(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		why, text string
		want      float64 // NaN: an error, unless the text has it
	}{
		{"whole", "7", 7}, {"no digit before the point", ".5", 0.5}, {"none after", "5.", 5}, {"an exponent", "1e3", 1000}, {"a plus", "+2", 2},
		{"white space is stripped", " \t1.5\n", 1.5}, {"so is Unicode's", "\u00a01\u2003", 1}, {"and the separators of ASCII", "\x1c1\x1f", 1},
		{"underscores between digits", "1_000.000_1", 1000.0001}, {"each digit between two", "1_2_3", 123},
		{"infinity", "inf", inf}, {"in any case", "-INFINITY", -inf}, {"beyond the range", "1e999", inf}, {"below it", "1e-999", 0},
		{"an underscore at the end", "1_", math.NaN()}, {"two of them", "1__0", math.NaN()}, {"hexadecimal", "0x1p3", math.NaN()},
		{"nothing", "", math.NaN()}, {"white space alone", "  ", math.NaN()}, {"a word", "one", math.NaN()}, {"a comma", "1,5", math.NaN()},
		{"white space inside", "1 2", math.NaN()}, {"two signs", "--1", math.NaN()}, {"the word without its end", "infin", math.NaN()},
	} {
		got, err := ParseFloat(tt.text)
		if math.IsNaN(tt.want) != (err != nil) || err == nil && got != tt.want {
			t.Errorf("%s: %q: got %v (%v), want %v", tt.why, tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"nan", "NaN", "-nan", "+NAN"} {
		if got, err := ParseFloat(text); err != nil || !math.IsNaN(got) {
			t.Errorf("%q: got %v (%v), want NaN", text, got, err)
		}
	}
}

// TestRepr has what Python 3.12's repr writes.
func TestRepr(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, "None"}, {true, "True"}, {false, "False"}, {7, "7"}, {1.0, "1.0"}, {math.Inf(-1), "-inf"},
		{"x", "'x'"}, {"it's", `"it's"`}, {`it's "x"`, `'it\'s "x"'`}, {`"it's"`, `'"it\'s"'`}, {`a\b`, `'a\\b'`}, {"a\nb\tc\r", `'a\nb\tc\r'`},
		{"\x00\x7f", `'\x00\x7f'`}, {"é😀", "'é😀'"}, {"\x00é\u00a0\u200b\u2028\U000e0001", `'\x00é\xa0\u200b\u2028\U000e0001'`},
		{[]string{"a", "b'c"}, `['a', "b'c"]`}, {[]string{}, "[]"},
		{json.RawMessage(`{"b": 1, "a": [1.50, 2e3, null, true, "x", {}]}`), `{'b': 1, 'a': [1.5, 2000.0, None, True, 'x', {}]}`},
	} {
		if got := Repr(tt.value); got != tt.want {
			t.Errorf("%#v: got %s, want %s", tt.value, got, tt.want)
		}
	}
}

// TestJSONString has what json.dumps of Python 3.12 writes, with ensure_ascii and
// without it.
func TestJSONString(t *testing.T) {
	for _, tt := range []struct{ text, ascii, full string }{
		{"a", `"a"`, `"a"`}, {"a\"\\/\b\f\n\r\t", `"a\"\\/\b\f\n\r\t"`, `"a\"\\/\b\f\n\r\t"`},
		{"\x00\x1f\x7f", `"\u0000\u001f\u007f"`, "\"\\u0000\\u001f\x7f\""},
		{"é\u2028", `"\u00e9\u2028"`, "\"é\u2028\""}, {"😀", `"\ud83d\ude00"`, `"😀"`}, {"<&>", `"<&>"`, `"<&>"`},
	} {
		if got := string(AppendJSONString(nil, tt.text, true)); got != tt.ascii {
			t.Errorf("%q: got %s, want %s", tt.text, got, tt.ascii)
		}
		if got := string(AppendJSONString(nil, tt.text, false)); got != tt.full {
			t.Errorf("%q without ensure_ascii: got %s, want %s", tt.text, got, tt.full)
		}
	}
}

func TestJSONStringReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, ascii := rapid.String().Draw(t, "s"), rapid.Bool().Draw(t, "ascii")
		var got string
		if err := json.Unmarshal(AppendJSONString(nil, s, ascii), &got); err != nil || got != s {
			t.Fatalf("%q is written %s and read as %q (%v)", s, AppendJSONString(nil, s, ascii), got, err)
		}
	})
}
