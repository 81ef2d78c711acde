package dataset

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
)

func TestReadShareGPT(t *testing.T) {
	const text = `[
 {"conversations": [{"from": "human", "value": "q \u00e9 \ud83d\ude00"}, {"from": "gpt", "value": "a\n"}, {"value": "more"}]},
 {"id": 1},
 {"conversations": [{"value": "alone"}]},
 {"conversations": [], "conversations": [{"value": "no", "value": "last wins"}, {"value": "b"}], "image": "x.png"},
 {"conversations": [{"text": "no value"}, {"value": "c"}], "video": null},
 {"conversations": [{"value": "lone \ud83d end"}, {"value": "NaN is fine"}], "n": [NaN, -Infinity, 1.5e-3]}
]`
	for name, in := range map[string]*Input{"by offset": input(t, text), "kept": stream(t, text)} {
		t.Run(name, func(t *testing.T) {
			c, err := ReadShareGPT(in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(record.Drops{{Reason: NoConversation, N: 1}, {Reason: FewTurns, N: 1}}, c.Dropped); diff != "" {
				t.Error(diff)
			}
			if c.Entries != 6 || c.Len() != 4 || c.Faulty != 1 || !strings.Contains(c.Fault, `entry 5: the first turn has no "value"`) {
				t.Errorf("got %d entries, %d kept, %d faulty (%s), want 6, 4, 1 (entry 5)", c.Entries, c.Len(), c.Faulty, c.Fault)
			}
			var got []Conversation
			for i := range c.Len() {
				conv, err := c.At(i)
				if i == 2 {
					if err == nil || !strings.Contains(err.Error(), "entry 5: ") {
						t.Errorf("got %v, want an error about entry 5", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, conv)
			}
			want := []Conversation{
				{Prompt: "q é 😀", Answer: "a\n"},
				{Prompt: "last wins", Answer: "b", Media: true},
				{Prompt: "lone \xed\xa0\xbd end", Answer: "NaN is fine"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	c, err := ReadShareGPT(input(t, "\ufeff"+`{"conversations": [{"value": "x"}, {"value": "y"}]}`+"\n\n"+`{"conversations": [{"value": "z"}, {"value": "w"}]}`))
	if err != nil || c.Len() != 2 {
		t.Fatalf("one a line: got %v, %v, want 2 entries", c, err)
	}
	if got, _ := c.At(1); got.Prompt != "z" {
		t.Errorf("got %q, want %q", got.Prompt, "z")
	}
}

func TestShareGPTErrors(t *testing.T) {
	const good = `{"conversations": [{"value": "q"}, {"value": "a"}]}`
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "the file is empty"},
		{"not JSON", "hello", "starts with 'h'"},
		{"object without a key", "[" + good + ", {conversations: 1}]", "entry 2: want a key in quotes"},
		{"missing comma", "[" + good + " " + good + "]", "want a comma or ']'"},
		{"element is a number", "[" + good + ", 7]", "entry 2: the entry is a number, want an object"},
		{"conversations is an object", `[{"conversations": {}}]`, `entry 1: "conversations" is an object, want an array`},
		{"conversations is null", `[{"conversations": null}]`, `"conversations" is null`},
		{"cut in a string", "[" + good + `, {"id": "ab`, "entry 2: the file ends inside a string"},
		{"cut between entries", "[" + good + ",", "the file ends"},
		{"cut after an entry", "[" + good, "not complete"},
		{"invalid escape", `[{"id": "a\qb"}]`, `the invalid escape \q`},
		{"short \\u", `[{"id": "a\u12"}]`, "four hexadecimal digits"},
		{"raw control character", "[{\"id\": \"a\tb\"}]", "control character (0x09)"},
		{"not UTF-8", "[{\"id\": \"a\xff\"}]", "not UTF-8"},
		{"bad number", `[{"id": 01}]`, `"01" is not a value`},
		{"bare word", `[{"id": None}]`, `"None" is not a value`},
		{"text after the array", "[" + good + "] x", "more text after the array"},
		{"too deep", "[" + strings.Repeat(`{"a":[`, 1000), "nested more than"},
		{"NUL", "[\x00]", "NUL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, in := range []*Input{input(t, c.text), stream(t, c.text)} {
				_, err := ReadShareGPT(in)
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "dataset f: ") {
					t.Errorf("got %v, want %q", err, c.want)
				}
			}
		})
	}
}

// The file is scanned as a stream: what stays is a few bytes for each entry.
func TestShareGPTMemory(t *testing.T) {
	const entries = 20_000
	var b strings.Builder
	b.WriteByte('[')
	for i := range entries {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id": %d, "conversations": [{"value": %q}, {"value": "a"}]}`, i, strings.Repeat("text ", 200))
	}
	b.WriteByte(']')
	in := input(t, b.String())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := ReadShareGPT(in)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if c.Len() != entries {
		t.Fatalf("got %d entries, want %d", c.Len(), entries)
	}
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(b.Len()/4); got > limit {
		t.Errorf("allocated %d bytes in all for a file of %d, want under %d", got, b.Len(), limit)
	}
}

// FuzzShareGPT compares the scanner with the standard decoder, and an input
// that is read by offset with one that is kept.
func FuzzShareGPT(f *testing.F) {
	f.Add(`[{"conversations": [{"value": "q"}, {"value": "a"}]}, {"id": 1}]`)
	f.Add(`{"conversations": [{"value": "q\n\u00e9"}, {"value": "a"}], "image": ""}`)
	f.Add(`[{"conversations": [{"value": 1}, {"from": "x"}], "n": NaN}]`)
	f.Add("\x1f\x8b")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "\x1f\x8b") {
			_, _ = NewInput("f", strings.NewReader(text))
			return
		}
		a, errA := ReadShareGPT(input(t, text))
		b, errB := ReadShareGPT(stream(t, text))
		if (errA == nil) != (errB == nil) {
			t.Fatalf("by offset %v, kept %v", errA, errB)
		}
		var whole []map[string]any
		if errA != nil {
			return
		}
		if json.Unmarshal([]byte(text), &whole) == nil && len(whole) != a.Entries {
			t.Fatalf("got %d entries, the decoder has %d", a.Entries, len(whole))
		}
		for i := range a.Len() {
			x, errX := a.At(i)
			y, errY := b.At(i)
			if x != y || (errX == nil) != (errY == nil) {
				t.Fatalf("entry %d: by offset %v %v, kept %v %v", i, x, errX, y, errY)
			}
		}
	})
}

func BenchmarkShareGPT(b *testing.B) {
	var s strings.Builder
	s.WriteByte('[')
	for i := range 5000 {
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, `{"id": "c%d", "conversations": [{"from": "human", "value": %q}, {"from": "gpt", "value": %q}, {"from": "human", "value": "more"}]}`,
			i, strings.Repeat("Wie geht es?\n", 40), strings.Repeat("Ganz gut, \"danke\" schön. ", 80))
	}
	s.WriteByte(']')
	text := s.String()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadShareGPT(input(b, text)); err != nil {
			b.Fatal(err)
		}
	}
}
