package tokenize

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
)

// parts makes a tokenizer of three tokens with components of a file's own.
func parts(t *testing.T, components string) *Tokenizer {
	t.Helper()
	tok, err := Parse([]byte(`{"version":"1.0","added_tokens":[],` + components + `,"model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2},"merges":[]}}`))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestSearchWithoutEnd: a pattern that searches for hours is given up, and the
// tokenizer says so from then on.
func TestSearchWithoutEnd(t *testing.T) {
	defer regexp2.StopTimeoutClock()
	tok := parts(t, `"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(?:a|aa)+b"},"behavior":"Isolated","invert":false}`)
	pattern := tok.cutters[0].(*splitter).finder.(*patternFinder)
	(*regexp2.Regexp)(pattern).MatchTimeout = 50 * time.Millisecond
	if got := tok.Encode("aab", false); len(got) != 3 || tok.Err() != nil {
		t.Fatalf("a text that is no trouble: got %v, %v", got, tok.Err())
	}
	if got := tok.Encode(strings.Repeat("a", 60)+"cb", false); len(got) != 0 {
		t.Errorf("got %v, want no ids", got)
	}
	if err := tok.Err(); err == nil || !strings.Contains(err.Error(), "no end of the search in a text of 62 characters after 50ms") {
		t.Errorf("got %v", err)
	}
	if n, text := tok.Count("aab", false), tok.Decode([]int{0}, false); n != 0 || text != "" {
		t.Errorf("afterwards: got %d tokens, %q", n, text)
	}
}

// TestGrowthWithoutEnd: replacements may not fill the memory.
func TestGrowthWithoutEnd(t *testing.T) {
	big := strings.Repeat("a", 1000)
	replace := fmt.Sprintf(`{"type":"Replace","pattern":{"String":"a"},"content":%q}`, big)
	ids := make([]int, 100_000)
	for _, row := range []struct {
		why, components string
		use             func(*Tokenizer)
	}{
		{"replacements in a row", `"normalizer":{"type":"Sequence","normalizers":[` + replace + `,` + replace + `,` + replace + `]}`,
			func(tok *Tokenizer) { tok.Encode("a", false) }},
		{"one replacement of many matches", `"normalizer":` + replace,
			func(tok *Tokenizer) { tok.Count(strings.Repeat("a", 100_000), true) }},
		{"the pieces of a decoded text", `"decoder":` + replace,
			func(tok *Tokenizer) { tok.Decode(ids, false) }},
	} {
		tok := parts(t, row.components)
		row.use(tok)
		if err := tok.Err(); err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
			t.Errorf("%s: got %v", row.why, err)
		}
	}
}
