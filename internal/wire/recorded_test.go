package wire

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
)

// TestRecorded serves the recorded answers of six real servers byte for byte,
// whole, in random pieces and a byte at a time. Every event must come out as a
// slow reader on top of net/http finds it.
func TestRecorded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/sse/*.http")
	if err != nil || len(files) < 91 {
		t.Fatalf("%d recorded answers, want 91: %v", len(files), err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	cuts := []func(int) int{
		func(left int) int { return left },
		func(left int) int { return 1 + random.IntN(min(left, 400)) },
		func(int) int { return 1 },
	}
	var pieces atomic.Pointer[[][]byte]
	s := newRawServer(t, nil, func(c net.Conn, _ int) {
		if _, _, err := readRequest(bufio.NewReader(c)); err != nil {
			return
		}
		for _, piece := range *pieces.Load() {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	})
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		c := open(Config{URL: s.url("/")})
		for _, file := range files {
			recorded, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := expected(t, recorded)
			for i, cut := range cuts {
				var cutUp [][]byte
				for left := recorded; len(left) > 0; {
					n := cut(len(left))
					cutUp, left = append(cutUp, left[:n]), left[n:]
				}
				pieces.Store(&cutUp)
				r := do(t, c, within(t, 20*time.Second), Call{Body: []byte("{}")})
				name := filepath.Base(file)
				if r.outcome() != want.outcome() {
					t.Errorf("%s, cut %d: outcome %s (%v), want %s", name, i, r.outcome(), r.err, want.outcome())
				}
				if d := cmp.Diff(want.events, r.events); d != "" {
					t.Errorf("%s, cut %d (-want +got):\n%s", name, i, d)
				}
				if want.err != nil && want.err.Outcome != record.CutShort && !bytes.Equal(want.err.Body, r.err.Body) {
					t.Errorf("%s, cut %d: body %q, want %q", name, i, r.err.Body, want.err.Body)
				}
				if r.timing.Framed != (r.outcome() != record.CutShort) {
					t.Errorf("%s, cut %d: Framed %v after %s", name, i, r.timing.Framed, r.outcome())
				}
			}
		}
	})
}

// expected is what a recorded answer must come to, found without this package.
func expected(t *testing.T, recorded []byte) (want result) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(recorded)), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode != 200:
		want.err = &Error{Outcome: record.HTTPError, Body: body[:min(len(body), 500)]}
	case !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"):
		want.err = &Error{Outcome: record.BadStream, Body: body[:min(len(body), 500)]}
	default:
		want.events = slowEvents(string(body))
		if err != nil {
			want.err = &Error{Outcome: record.CutShort}
		}
	}
	return want
}
