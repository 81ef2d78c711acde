package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// unchunk decodes a body in the pieces that cut makes of it. rest is what
// stands behind the end; done is false when the end did not come.
func unchunk(in []byte, cut func(left int) int) (data, rest []byte, done bool, err error) {
	var c chunked
	for len(in) > 0 && !done {
		piece := in[:cut(len(in))]
		in = in[len(piece):]
		for len(piece) > 0 && !done {
			var got []byte
			var used int
			got, used, done, err = c.next(piece)
			data = append(data, got...)
			if err != nil {
				return data, nil, false, err
			}
			piece = piece[used:]
		}
		rest = append(bytes.Clone(piece), in...)
	}
	return data, rest, done, nil
}

func whole(left int) int { return left }

var chunkedBodies = []struct {
	why, body, data string
	bad, open       bool
	rest            string
}{
	{why: "one chunk", body: "3\r\nabc\r\n0\r\n\r\n", data: "abc"},
	{why: "several", body: "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", data: "abcde"},
	{why: "none", body: "0\r\n\r\n"},
	{why: "hexadecimal in both cases, leading zeros", body: "0A\r\n0123456789\r\n00b\r\n0123456789a\r\n000\r\n\r\n", data: "01234567890123456789a"},
	{why: "extensions", body: "3;a=b;c=\"d;e\"\r\nabc\r\n0;x\r\n\r\n", data: "abc"},
	{why: "space before an extension", body: "3 ;a\r\nabc\r\n0 \r\n\r\n", data: "abc"},
	{why: "trailers", body: "3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n", data: "abc"},
	{why: "data that looks like framing", body: "5\r\n0\r\n\r\n\r\n0\r\n\r\n", data: "0\r\n\r\n"},
	{why: "what is behind is not read", body: "1\r\na\r\n0\r\n\r\nHTTP/1.1", data: "a", rest: "HTTP/1.1"},
	{why: "no end", body: "3\r\nabc\r\n", data: "abc", open: true},
	{why: "no end of the data", body: "5\r\nabc", data: "abc", open: true},
	{why: "no end of the trailers", body: "0\r\nA: b\r\n", open: true},
	{why: "empty size", body: "\r\n\r\n", bad: true},
	{why: "not a number", body: "xyz\r\n", bad: true},
	{why: "negative", body: "-3\r\nabc", bad: true},
	{why: "too large", body: "11112222333344445\r\n", bad: true},
	{why: "longer than its size", body: "3\r\nabcd\r\n", data: "abc", bad: true},
	{why: "size line with LF alone", body: "3\nabc", bad: true},
	{why: "CR in the size line", body: "3;a\rb\r\nabc", bad: true},
	{why: "digits behind a space", body: "3 3\r\nabc", bad: true},
	{why: "an extension without end", body: "3;" + strings.Repeat("x", maxChunkLine), bad: true},
	{why: "a trailer without end", body: "0\r\n" + strings.Repeat("x", maxChunkLine+1), bad: true},
}

func TestChunked(t *testing.T) {
	for _, row := range chunkedBodies {
		// Every place to cut it in two, and a byte at a time.
		cuts := []func(int) int{whole, func(int) int { return 1 }}
		for at := 1; at < min(len(row.body), 80); at++ {
			cuts = append(cuts, func(left int) int {
				if left == len(row.body) {
					return at
				}
				return left
			})
		}
		for _, cut := range cuts {
			data, rest, done, err := unchunk([]byte(row.body), cut)
			if string(data) != row.data || (err != nil) != row.bad || done != (!row.bad && !row.open) || done && string(rest) != row.rest {
				t.Fatalf("%s: data %q, rest %q, done %v, error %v", row.why, data, rest, done, err)
			}
			if err != nil && !errors.As(err, new(badStream)) {
				t.Fatalf("%s: %T", row.why, err)
			}
		}
	}
}

// FuzzChunked compares with net/http's reader of chunks, whatever the cuts.
func FuzzChunked(f *testing.F) {
	for _, row := range chunkedBodies {
		if len(row.body) < 200 {
			f.Add([]byte(row.body), uint64(1))
		}
	}
	f.Add([]byte("3;"+strings.Repeat("x", maxChunkLine*3/4)+"\r\nabc\r\n0\r\n\r\n"), uint64(1))
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		want, wantErr := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(body)))
		// Ours takes size lines of up to maxChunkLine, net/http of half of that.
		longLine := errors.Is(wantErr, httputil.ErrLineTooLong)
		random := rand.New(rand.NewPCG(seed, 1))
		data, _, done, err := unchunk(body, whole)
		again, _, doneAgain, errAgain := unchunk(body, func(left int) int { return 1 + random.IntN(min(left, 5)) })
		if !bytes.Equal(data, again) || done != doneAgain || (err == nil) != (errAgain == nil) {
			t.Fatalf("%q: whole %q %v %v, cut %q %v %v", body, data, done, err, again, doneAgain, errAgain)
		}
		if !bytes.Equal(data, want) {
			// Ours allows what the grammar does and net/http does not: white
			// space before an extension, and much framing for little data.
			if wantErr != nil && bytes.HasPrefix(data, want) && (longLine || bytes.ContainsAny(body, " \t") || strings.Contains(wantErr.Error(), "non-data")) {
				return
			}
			// net/http reads a size line whole and finds its mistakes before the
			// data that came earlier in the same read is taken.
			t.Fatalf("%q: data %q (%v), net/http %q (%v)", body, data, err, want, wantErr)
		}
		if done && wantErr != nil && !longLine && !bytes.ContainsAny(body, " \t") {
			t.Fatalf("%q: done, net/http says %v", body, wantErr)
		}
		// httputil's reader stops at the last chunk's size line; the trailers
		// behind it are ours to judge.
		if wantErr == nil && err != nil && !bytes.Contains(body, []byte("\n0")) && !bytes.HasPrefix(body, []byte("0")) {
			t.Fatalf("%q: %v, net/http takes it", body, err)
		}
	})
}

func TestHead(t *testing.T) {
	for _, row := range []struct {
		why, head string
		want      head
		bad       bool
	}{
		{why: "vLLM's", head: "HTTP/1.1 200 OK\r\ndate: x\r\nserver: uvicorn\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n",
			want: head{status: 200, length: -1, chunked: true, contentType: "text/event-stream; charset=utf-8"}},
		{why: "keep-alive limits", head: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nKeep-Alive: timeout=5, max=100\r\n\r\n", want: head{status: 200, length: 1, idle: 5e9}},
		{why: "the last of the connection", head: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nKeep-Alive: timeout=5, max=0\r\n\r\n", want: head{status: 200, length: 1, idle: 5e9, close: true}},
		{why: "both framings: nothing else is read from the connection", head: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", want: head{status: 200, length: -1, chunked: true, close: true}},
		{why: "no framing", head: "HTTP/1.1 200 OK\r\n\r\n", want: head{status: 200, length: -1, close: true}},
		{why: "the same length twice", head: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", want: head{status: 200, length: 1}},
		{why: "several connection tokens", head: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Upgrade , Close\r\n\r\n", want: head{status: 200, length: 1, close: true}},
		{why: "304 has no body", head: "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", want: head{status: 304}},
		{why: "a folded header", head: "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\n", want: head{status: 200, length: 1}},
		{why: "identity is no coding", head: "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 1\r\n\r\n", want: head{status: 200, length: 1}},
		{why: "HTTP/2 in plain", head: "HTTP/2.0 200 OK\r\n\r\n", bad: true},
		{why: "no status", head: "HTTP/1.1 OK\r\n\r\n", bad: true},
		{why: "status of four digits", head: "HTTP/1.1 2000 OK\r\n\r\n", bad: true},
		{why: "negative length", head: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", bad: true},
		{why: "empty length", head: "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", bad: true},
		{why: "signed length", head: "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", bad: true},
		{why: "identity is no transfer coding", head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", want: head{status: 200, length: -1, close: true}},
		{why: "unknown transfer coding", head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", bad: true},
		{why: "a line without a colon", head: "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", bad: true},
	} {
		if end := headEnd([]byte(row.head), 0); end != len(row.head) {
			t.Errorf("%s: the head ends at %d of %d", row.why, end, len(row.head))
		}
		got, err := parseHead([]byte(row.head))
		if (err != nil) != row.bad {
			t.Errorf("%s: error %v", row.why, err)
		} else if d := cmp.Diff(row.want, got, cmp.AllowUnexported(head{})); d != "" && !row.bad {
			t.Errorf("%s (-want +got):\n%s", row.why, d)
		}
	}
}

// FuzzHead: what both we and net/http take means the same.
func FuzzHead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.0 404 No\r\nTransfer-Encoding: chunked\r\nLocation: /x\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 404 No\r\nLocation: /x\r\n \n\r\n"))
	f.Add([]byte("HTTP/1.1 200\nKeep-Alive: timeout=5, max=3\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		end := headEnd(b, 0)
		if end < 0 {
			return
		}
		got, err := parseHead(b[:end])
		if err != nil {
			return
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b[:end])), nil)
		if err != nil || resp.StatusCode < 200 || resp.StatusCode == 204 || resp.StatusCode == 304 {
			return
		}
		if got.status != resp.StatusCode {
			t.Errorf("%q: status %d, net/http %d", b, got.status, resp.StatusCode)
		}
		if resp.ProtoMinor >= 1 && got.chunked != (len(resp.TransferEncoding) > 0) {
			t.Errorf("%q: chunked %v, net/http %q", b, got.chunked, resp.TransferEncoding)
		}
		if !got.chunked && resp.ContentLength >= 0 && got.length != resp.ContentLength {
			t.Errorf("%q: length %d, net/http %d", b, got.length, resp.ContentLength)
		}
		// net/http keeps the blank of a folded line that is empty; white space at
		// the end is no part of a value (RFC 9112, 5.1 and 5.2).
		if d := resp.Header["Location"]; len(d) == 1 && strings.TrimRight(d[0], " ") != got.location {
			t.Errorf("%q: location %q, net/http %q", b, got.location, d)
		}
	})
}
