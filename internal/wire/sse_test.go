package wire

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
)

// slowEvents reads a whole stream by the letter of the WHATWG grammar, a
// character at a time and with none of the parser's code. At the end it hands
// on what the parser promises to: see parser.end and show.
func slowEvents(stream string) (events []string) {
	stream = strings.TrimPrefix(stream, "\xef\xbb\xbf")
	var lines []string
	var line []byte
	for i := 0; i < len(stream); i++ {
		switch b := stream[i]; {
		case b == '\r' && i+1 < len(stream) && stream[i+1] == '\n':
			i++
			fallthrough
		case b == '\r', b == '\n':
			lines = append(lines, string(line))
			line = line[:0]
		default:
			line = append(line, b)
		}
	}
	whole := len(lines)
	if len(line) > 0 {
		lines = append(lines, string(line))
	}
	lines = append(lines, "")
	var name string
	var data []string
	for i, l := range lines {
		cut := ""
		if i >= whole {
			cut = "…"
		}
		if l == "" {
			if data != nil {
				e := strings.Join(data, "\n")
				if name != "" {
					e = name + "|" + e
				}
				events = append(events, e+cut)
			}
			name, data = "", nil
			continue
		}
		field, value, _ := strings.Cut(l, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "data":
			data = append(data, value)
		case "event":
			name = value
		case "", "id", "retry":
		default:
			events = append(events, "!"+l+cut)
		}
	}
	return events
}

// parse feeds a stream in the pieces that cut makes of it.
func parse(t testing.TB, p *parser, stream []byte, cut func(left int) int) (events []string) {
	t.Helper()
	take := func(e Event) bool {
		events = append(events, show(e))
		return true
	}
	p.reset()
	for len(stream) > 0 {
		n := cut(len(stream))
		piece := bytes.Clone(stream[:n]) // a buffer that is overwritten afterwards
		if more, err := p.feed(piece, 1, take); err != nil || !more {
			t.Fatalf("feed: %v, %v", more, err)
		}
		for i := range piece {
			piece[i] = '#'
		}
		stream = stream[n:]
	}
	p.end(1, take)
	return events
}

var streams = []struct{ why, stream string }{
	{"nothing", ""},
	{"LF", "data: a\n\ndata: b\n\n"},
	{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n"},
	{"CR", "data: a\r\rdata: b\r\r"},
	{"all three, mixed", "data: a\r\n\ndata: b\n\rdata: c\r\r\ndata: d\n\r\n"},
	{"no space", "data:a\n\ndata:  b\n\n"},
	{"several data lines", "data: a\ndata:b\ndata\ndata: c\n\n"},
	{"empty data is an event", "data\n\ndata:\n\ndata: \n\n"},
	{"no data is none", "event: x\n\n\n\ndata: a\n\n"},
	{"names", "event: error\ndata: a\n\ndata: b\nevent: late\nevent: later\n\ndata: c\n\n"},
	{"comments", ": hi\n\n:\n\ndata: a\n: in it\n\n:data: b\n\n"},
	{"id and retry are ignored, unknown fields stray", "id: 1\nretry: 5\ndata: a\nfoo: b\nbar\n\ndatax: b\n\n data: c\n\n"},
	{"byte order mark, once", "\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n"},
	{"half a byte order mark", "\xef\xbbdata: a\n\ndata: b\n\n"},
	{"a byte order mark that is cut off", "\xef\xbb"},
	{"characters", "data: Grüße 你好 👋🏽\n\n"},
	{"CR in the middle of a data line ends it", "data: a\rb\n\ndata: c\r\rdata: d\n\n"},
	{"an end without its empty line", "data: a\n\ndata: [DONE]\n"},
	{"an end in a line", "data: a\n\ndata: b\ndata: [DO"},
	{"lines of a proxy", "data: a\n\nupstream connect error\n\n<html>\n<title>502</title>\n"},
	{"an error object without its field", "data: a\n\n{\"error\":{\"message\":\"no\"}}"},
	{"an end in a field's name", "data: a\n\nda"},
	{"an end after CR", "data: a\r\n\r"},
	{"long", "data: " + strings.Repeat("x", 70<<10) + "\n\ndata: y\n\n"},
	{"colon in the value", "data: {\"a\":1}\n\n"},
	{"NUL", "data: \x00\nevent: \x00\n\n"},
}

func TestParser(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	cuts := []struct {
		name string
		cut  func(int) int
	}{
		{"whole", func(left int) int { return left }},
		{"bytes", func(int) int { return 1 }},
		{"random", func(left int) int { return 1 + random.IntN(min(left, 7)) }},
	}
	var p parser
	for _, row := range streams {
		for _, cut := range cuts {
			got := parse(t, &p, []byte(row.stream), cut.cut)
			if d := cmp.Diff(slowEvents(row.stream), got); d != "" {
				t.Errorf("%s, %s (-slow +parser):\n%s", row.why, cut.name, d)
			}
		}
	}
}

// TestSlowReader pins the plain reader itself to the standard's own examples.
func TestSlowReader(t *testing.T) {
	for _, row := range []struct {
		stream string
		want   []string
	}{
		{"data: YHOO\ndata: +2\ndata: 10\n\n", []string{"YHOO\n+2\n10"}},
		{": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", []string{"first event", "second event", " third event"}},
		{"data\n\ndata\ndata\n\n", []string{"", "\n"}},
		{"data:test\n\ndata: test\n\n", []string{"test", "test"}},
		{"event: add\ndata: 73857293\n\n", []string{"add|73857293"}},
	} {
		if d := cmp.Diff(row.want, slowEvents(row.stream)); d != "" {
			t.Errorf("%q (-want +got):\n%s", row.stream, d)
		}
	}
}

func TestParserStamps(t *testing.T) {
	var p parser
	var at []record.Stamp
	take := func(e Event) bool { at = append(at, e.At); return true }
	for i, piece := range []string{"data: a\n\ndata: b", "\n", "\ndata: c\n\n", "data: d\r\n\r", "\n"} {
		p.feed([]byte(piece), record.Stamp(i+1), take)
	}
	if d := cmp.Diff([]record.Stamp{1, 3, 3, 4}, at); d != "" {
		t.Errorf("stamps (-want +got):\n%s", d)
	}
}

func TestParserLimit(t *testing.T) {
	var p parser
	take := func(Event) bool { t.Error("an event came"); return true }
	line := []byte(strings.Repeat("x", 1<<20))
	for i := range 100 {
		if _, err := p.feed(line, 1, take); err != nil {
			if !errors.As(err, new(badStream)) || i < maxEvent>>20-1 {
				t.Errorf("after %d MB: %v", i, err)
			}
			return
		}
	}
	t.Error("an event of 100 MB was taken")
}

func TestParserStops(t *testing.T) {
	for _, stream := range []string{"data: a\n\ndata: b\n\n", "event: x\ndata: a\n\ndata: b\n\n"} {
		var p parser
		n := 0
		more, err := p.feed([]byte(stream), 1, func(Event) bool { n++; return false })
		if more || err != nil || n != 1 {
			t.Errorf("%q: more %v, error %v, %d events", stream, more, err, n)
		}
	}
}

// TestParserIsLinear: a stream whose lines end with CR must not have its rest
// searched for an LF again and again; it would take minutes.
func TestParserIsLinear(t *testing.T) {
	for _, unit := range []string{"\r", "data:\r\r"} {
		var p parser
		stream := bytes.Repeat([]byte(unit), 8<<20/len(unit))
		began := time.Now()
		if _, err := p.feed(stream, 1, func(Event) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%q: 8 MB took %v", unit, took)
		}
	}
}

// FuzzParser compares the parser with the plain reader, whatever the cuts.
func FuzzParser(f *testing.F) {
	for _, row := range streams {
		if len(row.stream) < 1000 {
			f.Add([]byte(row.stream), uint64(3))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 1))
		var p parser
		want := slowEvents(string(stream))
		for _, cut := range []func(int) int{
			func(left int) int { return left },
			func(left int) int { return 1 + random.IntN(min(left, 9)) },
		} {
			if d := cmp.Diff(want, parse(t, &p, stream, cut)); d != "" {
				t.Fatalf("%q (-slow +parser):\n%s", stream, d)
			}
		}
	})
}

// BenchmarkEvents reads events as vLLM sends them, in reads of 32 kB.
func BenchmarkEvents(b *testing.B) {
	event := `data: {"id":"cmpl-b9cb96a605b69f3c","object":"text_completion","created":1795521990,"model":"tiny","choices":[{"index":0,"text":" automatically","logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":null}` + "\n\n"
	for _, kind := range []struct{ name, event string }{
		{"LF", event},
		{"CRLF", strings.ReplaceAll(event, "\n", "\r\n")},
		{"named", "event: response.output_text.delta\n" + event},
	} {
		b.Run(kind.name, func(b *testing.B) {
			stream := []byte(strings.Repeat(kind.event, largeBuffer/len(kind.event)))
			var p parser
			n := 0
			take := func(e Event) bool { n += len(e.Data); return true }
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.feed(stream, 1, take); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
