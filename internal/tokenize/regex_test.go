package tokenize

import (
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
)

func TestTranslateRefuses(t *testing.T) {
	for _, row := range []struct{ pattern, want, why string }{
		{`(a`, "a ( without its )", "not a pattern"},
		{`a)`, "a ) without its (", "not a pattern"},
		{`[a`, "a [ without its ]", "not a pattern"},
		{`*a`, "a * with nothing before it", "not a pattern"},
		{`a{2}?`, "{2}?", "optional in one engine, lazy in the other"},
		{`a{x}`, "a { that begins no {n,m}", "a literal in one engine only"},
		{`(?i)ab`, "the group (?i)", "its reach differs between engines"},
		{`(?x: a )`, "the group (?x:", "flags that are not read"},
		{`(?<n>a)`, "the group (?<n", "named groups"},
		{`\k<n>`, `the escape \k`, "back references"},
		{`(a)\1`, `the escape \1`, "back references"},
		{`\R`, `the escape \R`, "not in the other engine"},
		{`\X`, `the escape \X`, "not in the other engine"},
		{`\p{Emoji}`, `\p{Emoji}`, "a property without a table"},
		{`\pL`, "without {name}", "an escape that the library reads as a letter"},
		{`[[:nope:]]`, "[:nope:]", "an unknown class"},
		{`[z-a]`, "runs backwards", "not a range"},
		{`[\w-z]`, "a class before a -", "unclear"},
		{`(?i:é)`, "without regard to case", "folding beyond ASCII"},
		{`(?i:ss)`, "ligature", "ß matches it"},
		{`a\`, "a backslash at the end", "not a pattern"},
		{`\xff`, `the escape \xff`, "a byte, not a character"},
		{`\u12`, `\u`, "digits are missing"},
		{strings.Repeat("(", 200), "nested deeper", "a nest without end"},
		{strings.Repeat("[", 200), "nested deeper", "a nest without end"},
		{strings.Repeat("a", maxPattern+1), "longer than", "a pattern without end"},
	} {
		got, err := translate(row.pattern)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: translate(%.40q): got %q, %v, want %q", row.why, row.pattern, got, err, row.want)
		}
	}
}

// slow is the finder of a pattern without its scanner.
func slow(t testing.TB, pattern string) *patternFinder {
	t.Helper()
	translated, err := translate(pattern)
	if err != nil {
		t.Fatal(err)
	}
	re, err := regexp2.Compile(translated, regexp2.None)
	if err != nil {
		t.Fatal(err)
	}
	return (*patternFinder)(re)
}

var scanned = []string{
	patternLlama3, patternQwen2, patternQwen35, patternO200k, patternTekken, patternGPT2,
	patternDeepseekDigits, patternDeepseekCJK, patternDeepseekWords,
}

func spansOf(f finder, text string) (out [][2]int) {
	allMatches(f, text, func(start, end int) bool {
		out = append(out, [2]int{start, end})
		return true
	})
	return out
}

// TestScanners holds the scanners against the pattern engine, on every string
// of the cases and on every code point.
func TestScanners(t *testing.T) {
	var texts []string
	for _, text := range readCases(t, "testdata/cases.json.gz").Strings {
		texts = append(texts, text)
	}
	var b strings.Builder
	for r := rune(0); r < 0x32000; r++ {
		if r > 0x3400 && r%5 != 0 || r >= 0xd800 && r < 0xe000 {
			continue
		}
		for _, s := range []string{"a", "1", " ", "'s", "A"} {
			b.WriteRune(r)
			b.WriteString(s)
		}
		if b.Len() > 4000 {
			texts = append(texts, b.String())
			b.Reset()
		}
	}
	for _, pattern := range scanned {
		fast, ok := scannerFor(pattern)
		if !ok {
			t.Fatalf("no scanner for %s", pattern)
		}
		engine := slow(t, pattern)
		for _, text := range texts {
			compareSpans(t, pattern, text, spansOf(fast, text), spansOf(engine, text))
		}
	}
}

func compareSpans(t *testing.T, pattern, text string, fast, slow [][2]int) {
	t.Helper()
	for i := range max(len(fast), len(slow)) {
		if i >= len(fast) || i >= len(slow) || fast[i] != slow[i] {
			from := 0
			if i > 0 {
				from = slow[i-1][1]
			}
			t.Fatalf("%.30s…: match %d differs at %.60q: got %v, want %v", pattern, i, text[from:], fast[min(i, len(fast)):min(i+1, len(fast))], slow[min(i, len(slow)):min(i+1, len(slow))])
		}
	}
}
