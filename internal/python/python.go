// Package python writes and reads values as Python does: the repr of floats and
// strings, the words of json.dumps, the complaints of json.loads, float(), and
// the hash of a string. tokmeter's result files, file names, prompts and its
// simulated server follow Python programs byte for byte, and this is the one
// place that knows how. The random numbers of Python and NumPy are in the folder
// random.
//
// It follows CPython 3.12. It is no interpreter: values are Go's, and what a
// container holds is walked by its owner.
package python

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// AppendFloat appends f as float.__repr__ writes it: the shortest digits that
// read back as f, an exponent below 1e-4 and from 1e16, and inf, -inf or nan.
func AppendFloat(dst []byte, f float64) []byte {
	return appendFloat(dst, f, "nan", "inf")
}

// Float is AppendFloat as a string: str(f) and repr(f).
func Float(f float64) string { return string(AppendFloat(nil, f)) }

// AppendJSONFloat appends f as json.dumps writes it with allow_nan, its default:
// repr's digits, and the words NaN, Infinity and -Infinity, which JSON lacks.
func AppendJSONFloat(dst []byte, f float64) []byte {
	return appendFloat(dst, f, "NaN", "Infinity")
}

func appendFloat(dst []byte, f float64, nan, inf string) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, nan...)
	case math.IsInf(f, -1):
		return append(append(dst, '-'), inf...)
	case math.IsInf(f, 1):
		return append(dst, inf...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// Bool is repr of a bool.
func Bool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// underscore is one between two digits.
var underscore = regexp.MustCompile(`([0-9])_([0-9])`)

// errNotFloat is what ParseFloat says of a text that float() refuses.
var errNotFloat = errors.New("not a number")

// ParseFloat reads s as float(s) does: with white space around it, underscores
// between digits, and inf, infinity and nan in any case and with a sign. Numbers
// beyond a float's range are infinite. The error is always the same; the caller
// knows what s was for.
func ParseFloat(s string) (float64, error) {
	t := strings.TrimFunc(s, IsSpace)
	// Twice, because the digit between two underscores belongs to both.
	t = underscore.ReplaceAllString(underscore.ReplaceAllString(t, "$1$2"), "$1$2")
	if len(t) == len("-nan") && (t[0] == '-' || t[0] == '+') && strings.EqualFold(t[1:], "nan") {
		t = t[1:]
	}
	if strings.ContainsAny(t, "xX_") {
		return 0, errNotFloat
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errNotFloat
	}
	return f, nil
}

// IsSpace reports whether str.isspace holds for c, which is also what str.strip
// takes away.
func IsSpace(c rune) bool {
	return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f
}
