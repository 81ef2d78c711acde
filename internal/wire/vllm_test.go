package wire

import (
	"bufio"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
)

// latin1 turns text that stands for bytes into them.
func latin1(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// cutAsVLLM runs segments through a cutter and gives its messages up to the
// first that is no JSON, which is "error".
func cutAsVLLM(reader Reader, segments []string) []string {
	got := []string{}
	c := (&Config{Reader: reader, Whole: json.Valid}).cutter()
	fn := func(e Event) bool {
		switch {
		case string(e.Data) == "[DONE]":
		case !json.Valid(e.Data):
			got = append(got, "error")
			return false
		default:
			got = append(got, string(e.Data))
		}
		return true
	}
	for i, s := range segments {
		more, err := c.feed(latin1(s), record.Stamp(i), fn)
		if err != nil {
			return append(got, "error")
		}
		if !more {
			return got
		}
	}
	c.end(0, fn)
	return got
}

// TestReadsAsVLLM compares with what testdata/record_vllm.py recorded of
// vLLM's own class.
func TestReadsAsVLLM(t *testing.T) {
	raw, err := os.ReadFile("testdata/vllm_reader.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name                   string
			Segments               []string
			Completions, Responses []string
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			want := c.Completions
			if joined := joinBesideSpace(c.Segments); len(joined) < len(c.Segments) {
				want = cutAsVLLM(ReadAsVLLM, joined)
			}
			if diff := cmp.Diff(want, cutAsVLLM(ReadAsVLLM, c.Segments)); diff != "" {
				t.Errorf("completions (-vllm +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.Responses, cutAsVLLM(ReadAsVLLMResponses, c.Segments)); diff != "" {
				t.Errorf("responses (-vllm +got):\n%s", diff)
			}
		})
	}
}

// joinBesideSpace joins the segments of which one ends beside the space of a
// "data: ": the defect of vLLM's client that is left out, see ReadAsVLLM.
func joinBesideSpace(segments []string) []string {
	var joined []string
	for _, s := range segments {
		if n := len(joined); n > 0 {
			if before := strings.TrimSpace(joined[n-1]); before == "data:" || strings.HasSuffix(before, "\n\ndata:") {
				joined[n-1] += s
				continue
			}
		}
		joined = append(joined, s)
	}
	return joined
}

// TestCutAnywhere: wherever two reads end, every message comes, and only white
// space is lost.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	messages := []string{
		`{"choices":[{"index":0,"text":" a","finish_reason":null}]}`,
		`{"choices": [{"index": 0, "text": "é x\n y 🙂"}]}`,
		`{"choices":[],"usage":{"completion_tokens":2}}`,
	}
	stream := "data: " + strings.Join(messages, "\n\ndata: ") + "\n\ndata: [DONE]\n\n"
	bare := func(s string) string { return strings.Join(strings.Fields(s), "") }
	for i := range len(stream) {
		for j := i; j <= len(stream); j++ {
			var got []string
			c := (&Config{Reader: ReadAsVLLM, Whole: json.Valid}).cutter()
			fn := func(e Event) bool { got = append(got, bare(string(e.Data))); return true }
			for _, seg := range []string{stream[:i], stream[i:j], stream[j:]} {
				if _, err := c.feed([]byte(seg), 0, fn); err != nil {
					t.Fatalf("%q|%q|%q: %v", stream[:i], stream[i:j], stream[j:], err)
				}
			}
			c.end(0, fn)
			want := []string{bare(messages[0]), bare(messages[1]), bare(messages[2]), "[DONE]"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%q|%q|%q (-want +got):\n%s", stream[:i], stream[i:j], stream[j:], diff)
			}
		}
	}
}

// TestReadsOnAfterDone: vLLM's client does not stop at [DONE], so it comes last.
func TestReadsOnAfterDone(t *testing.T) {
	var got []string
	c := (&Config{Reader: ReadAsVLLM, Whole: json.Valid}).cutter()
	fn := func(e Event) bool { got = append(got, string(e.Data)); return true }
	for _, s := range []string{"data: {}\n\n", "data: [DONE]\n\n", "data: 1\n\n"} {
		if _, err := c.feed([]byte(s), 0, fn); err != nil {
			t.Fatal(err)
		}
	}
	c.end(0, fn)
	if diff := cmp.Diff([]string{"{}", "1", "[DONE]"}, got); diff != "" {
		t.Error(diff)
	}
	c.reset()
	if got = nil; !c.end(0, fn) || got != nil {
		t.Errorf("after reset the end gave %q", got)
	}
}

// TestWholeReads: chunks that came together are one segment, as the streams of
// vLLM's client have it; those that came apart are several.
func TestWholeReads(t *testing.T) {
	t.Parallel()
	const one, two = "data: {\"a\": \" x ", " y \"}\n\n"
	chunk := func(s string) string { return big.NewInt(int64(len(s))).Text(16) + "\r\n" + s + "\r\n" }
	head := streamHead + "Transfer-Encoding: chunked\r\n\r\n"
	for name, c := range map[string]struct {
		reader Reader
		writes []string
		want   string
	}{
		"together": {ReadAsVLLM, []string{head + chunk(one) + chunk(two) + "0\r\n\r\n"}, `{"a": " x  y "}`},
		"apart":    {ReadAsVLLM, []string{head + chunk(one), chunk(two) + "0\r\n\r\n"}, `{"a": " xy "}`},
		"standard": {ReadEvents, []string{head + chunk(one), chunk(two) + "0\r\n\r\n"}, `{"a": " x  y "}`},
	} {
		t.Run(name, func(t *testing.T) {
			bothClients(t, func(t *testing.T, open func(Config) Client) {
				s := newRawServer(t, nil, func(conn net.Conn, _ int) {
					if _, _, err := readRequest(bufio.NewReader(conn)); err != nil {
						return
					}
					for _, w := range c.writes {
						io.WriteString(conn, w)
						time.Sleep(100 * time.Millisecond)
					}
				})
				r := do(t, open(Config{URL: s.url("/"), Reader: c.reader, Whole: json.Valid}), within(t, 10*time.Second), Call{})
				if diff := cmp.Diff([]string{c.want}, r.events); diff != "" || !r.timing.Framed {
					t.Errorf("framed %v (-want +got):\n%s", r.timing.Framed, diff)
				}
			})
		})
	}
}

// TestBursts: what has come is one read to vLLM's reader, however much it is: a
// burst that is cut at every few kilobytes loses the blanks that stand at a cut.
func TestBursts(t *testing.T) {
	var events, body strings.Builder
	const many = 600
	for i := range many {
		data := "{\"a\": \"" + strings.Repeat("x", i%41) + "\"}"
		events.WriteString(data)
		body.WriteString("data: " + data + "\n\n")
	}
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		sent := make(chan struct{})
		s := newRawServer(t, nil, func(conn net.Conn, _ int) {
			if _, _, err := readRequest(bufio.NewReader(conn)); err == nil {
				io.WriteString(conn, sized(body.String()))
				close(sent)
			}
		})
		c := open(Config{URL: s.url("/"), Reader: ReadAsVLLM, Whole: json.Valid})
		var got strings.Builder
		held := false
		_, err := c.Do(within(t, 10*time.Second), Call{}, func(e Event) bool {
			if !held { // the whole burst is there before the reader looks again
				<-sent
				held = true
			}
			got.Write(e.Data)
			return true
		})
		// The first read may have ended anywhere, and its cut costs an event a blank.
		if lost := len(events.String()) - len(got.String()); err != nil || lost < -len("data:") || lost > 80 {
			t.Errorf("%v, %d bytes of %d were lost", err, lost, len(events.String()))
		}
	})
}

// FuzzReadsAsVLLM looks for bytes that the reader does not come through, and
// for events that depend on where a stream without white space is cut.
func FuzzReadsAsVLLM(f *testing.F) {
	f.Add([]byte("data: {}\n\ndata: [DONE]\n\n"), 3)
	f.Add([]byte(": x\n\nevent: a\ndata: 1\ndata: 2\n\n\xe2\x80\xa8"), 9)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		at = max(0, min(at, len(b)))
		for _, reader := range []Reader{ReadAsVLLM, ReadAsVLLMResponses} {
			c := (&Config{Reader: reader, Whole: json.Valid}).cutter()
			total := 0
			fn := func(e Event) bool { total += len(e.Data); return true }
			for _, seg := range [][]byte{b[:at], b[at:]} {
				if _, err := c.feed(seg, 0, fn); err != nil {
					break
				}
			}
			c.end(0, fn)
			if total > len(b)+len("[DONE]") {
				t.Fatalf("%d bytes of events out of %d", total, len(b))
			}
		}
	})
}
