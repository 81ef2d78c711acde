package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

const sseDir = "../../testdata/sse"

// TestRecordingsAreAll checks that the table has a row for every file.
func TestRecordingsAreAll(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sseDir, "*.http"))
	if err != nil || len(files) != 91 {
		t.Fatalf("got %d recordings of six servers (%v), want 91", len(files), err)
	}
	more, err := filepath.Glob("testdata/*.http")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, more...)
	rows := make(map[string]bool)
	all := recordings(t)
	for _, r := range all {
		rows[r.file] = true
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".http"); !rows[name] {
			t.Errorf("%s has no row", name)
		}
	}
	if len(files) != len(rows) || len(rows) != len(all) {
		t.Errorf("got %d files and %d rows, want one a file", len(files), len(all))
	}
}

// TestRecordingsOverTheWire serves each recording from a listener to the real
// clients, in one piece and byte by byte.
func TestRecordingsOverTheWire(t *testing.T) {
	whole := func(c net.Conn, b []byte) { c.Write(b) }
	bytewise := func(c net.Conn, b []byte) {
		for i := range b {
			c.Write(b[i : i+1])
		}
	}
	for _, way := range []struct {
		name   string
		write  func(net.Conn, []byte)
		client func(wire.Config) (wire.Client, error)
	}{
		{"go whole", whole, by(wire.MethodGo)},
		{"go bytewise", bytewise, by(wire.MethodGo)},
		{"auto whole", whole, by(wire.MethodAuto)},
		{"auto bytewise", bytewise, by(wire.MethodAuto)},
		{"std whole", whole, wire.NewStd},
		{"std bytewise", bytewise, wire.NewStd},
	} {
		for _, want := range recordings(t) {
			t.Run(way.name+"/"+want.file, func(t *testing.T) {
				url := serve(t, read(t, want.file), way.write)
				c, err := way.client(wire.Config{URL: url, Clock: wire.NewClock()})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				rec := record.Record{WantPrompt: 7, WantOutput: 8}
				var tl tally
				tl.begin(&rec, dialectOf(t, want.file))
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				timing, err := c.Do(ctx, wire.Call{Body: []byte("{}")}, tl.event)
				tl.finish(&timing, err)
				want.check(t, &rec)
				if want.outcome == "" && !slices.IsSorted(rec.Events) {
					t.Errorf("events are not in order: %v", rec.Events)
				}
				if rec.FirstToken != 0 && rec.FirstToken < rec.Timing.Sent {
					t.Errorf("the first token came at %d, before the request was sent at %d", rec.FirstToken, rec.Timing.Sent)
				}
			})
		}
	}
}

// by makes native clients that read in one way.
func by(m wire.Method) func(wire.Config) (wire.Client, error) {
	return func(cfg wire.Config) (wire.Client, error) {
		cfg.Method = m
		return wire.NewNative(cfg)
	}
}

// check compares a record with the row.
func (want recording) check(t *testing.T, rec *record.Record) {
	t.Helper()
	if diff := cmp.Diff(want.want, want.made(rec)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(rec.Events) != len(rec.PerEvent) {
		t.Errorf("got %d events and %d counts", len(rec.Events), len(rec.PerEvent))
	}
	if n := len(rec.Events); n > 0 && (rec.FirstToken != rec.Events[0] || rec.FirstAnswer != rec.Events[0] || rec.LastToken != rec.Events[n-1]) {
		t.Errorf("got first %d, first answer %d, last %d, want them from %v", rec.FirstToken, rec.FirstAnswer, rec.LastToken, rec.Events)
	}
}

func dialectOf(t testing.TB, file string) protocol.Dialect {
	t.Helper()
	backend := "vllm"
	switch {
	case strings.Contains(file, "-chat"):
		backend = "openai-chat"
	case strings.Contains(file, "-responses"):
		backend = "openai-responses"
	}
	d, err := protocol.New(backend)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(sseDir, name+".http"))
	if errors.Is(err, fs.ErrNotExist) {
		b, err = os.ReadFile(filepath.Join("testdata", name+".http"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// replay hands the events of a recorded answer to event as the wire would.
// Event k arrives at stamp k, counted from 1.
func replay(t testing.TB, answer []byte, event wire.Handler) error {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode != 200:
		return &wire.Error{Outcome: record.HTTPError, Status: resp.StatusCode, Body: body[:min(len(body), 500)], Err: io.EOF}
	case !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"):
		return &wire.Error{Outcome: record.BadStream, Status: 200, Body: body[:min(len(body), 500)], Err: io.EOF}
	}
	var at record.Stamp
	for _, block := range strings.Split(string(body), "\n\n") {
		_, data, ok := strings.Cut("\n"+block, "\ndata: ")
		if !ok {
			continue
		}
		at++
		if !event(wire.Event{Data: []byte(data), At: at}) {
			return nil
		}
	}
	if err != nil {
		return &wire.Error{Outcome: record.CutShort, Err: fmt.Errorf("the connection ended: %w", err)}
	}
	return nil
}

// serve answers one request with the bytes of a recording, closes the
// connection and returns its URL.
func serve(t *testing.T, answer []byte, write func(net.Conn, []byte)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		r := bufio.NewReader(c)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		write(c, answer)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return "http://127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port) + "/v1/completions"
}
