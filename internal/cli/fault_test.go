package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A faultServer is a server on a raw listener. It keeps what it was asked and
// answers as its fault says, so that what it does wrong is exact.
type faultServer struct {
	ln   net.Listener
	done chan struct{}

	mu    sync.Mutex
	conns map[net.Conn]bool
	made  int
	asked []asked
	wg    sync.WaitGroup
}

// asked is one request that reached the server.
type asked struct {
	Path   string // method and path
	Header http.Header
	Body   string
	At     time.Time
}

// An answer writes what the server says to the n-th request for its path,
// counted from 0. It reports whether the connection stays open.
type answer func(c net.Conn, n int, q asked) bool

// newFaultServer serves until the test ends. Paths that are not in answers get
// 404, those whose answer is nil none at all.
func newFaultServer(t testing.TB, answers map[string]answer) *faultServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serveFaults(ln, answers)
	t.Cleanup(s.close)
	return s
}

func serveFaults(ln net.Listener, answers map[string]answer) *faultServer {
	s := &faultServer{ln: ln, done: make(chan struct{}), conns: map[net.Conn]bool{}}
	s.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.made++
			s.conns[c] = true
			s.mu.Unlock()
			s.wg.Go(func() { s.serve(c, answers) })
		}
	})
	return s
}

func (s *faultServer) serve(c net.Conn, answers map[string]answer) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	in := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		q := asked{Path: req.Method + " " + req.URL.Path, Header: req.Header, Body: string(body), At: time.Now()}
		q.Header.Set("Host", req.Host)
		n := s.keep(q)
		reply, known := answers[q.Path]
		switch {
		case !known:
			reply = status(404, `{"detail":"Not Found"}`)
		case reply == nil:
			reply = s.hang
		}
		if !reply(c, n, q) {
			return
		}
	}
}

// keep notes a question and returns how many for its path came before it.
func (s *faultServer) keep(q asked) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.asked {
		if other.Path == q.Path {
			n++
		}
	}
	s.asked = append(s.asked, q)
	return n
}

func (s *faultServer) url() string { return "http://" + s.ln.Addr().String() }

// connections is how many were made so far.
func (s *faultServer) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

// questions are those for a path.
func (s *faultServer) questions(path string) []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []asked
	for _, q := range s.asked {
		if q.Path == path {
			out = append(out, q)
		}
	}
	return out
}

// all is every question in the order in which they came.
func (s *faultServer) all() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// die closes the listener and cuts every connection.
func (s *faultServer) die() {
	s.ln.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		cut(c)
	}
}

func (s *faultServer) close() {
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	s.die()
	s.wg.Wait()
}

// hang never answers; it ends with the server.
func (s *faultServer) hang(net.Conn, int, asked) bool {
	<-s.done
	return false
}

// cut resets a connection.
func cut(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

// status answers with a body of JSON.
func status(code int, body string) answer {
	return func(c net.Conn, _ int, _ asked) bool {
		_, err := fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", code, http.StatusText(code), len(body), body)
		return err == nil
	}
}

// models answers /v1/models with names.
func models(ids ...string) answer {
	var list []string
	for _, id := range ids {
		list = append(list, fmt.Sprintf(`{"id":%q,"object":"model","root":%q}`, id, id))
	}
	return status(200, `{"object":"list","data":[`+strings.Join(list, ",")+`]}`)
}

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// events is a stream of data lines, each an event in a chunk of its own.
func events(lines ...string) string {
	var b bytes.Buffer
	for _, l := range lines {
		e := "data: " + l + "\n\n"
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(e), e)
	}
	return b.String()
}

const (
	someText = `{"choices":[{"index":0,"text":" word","finish_reason":null}]}`
	lastText = `{"choices":[{"index":0,"text":" end","finish_reason":"length"}]}`
	usageIs  = `{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}`
)

// says writes a text and keeps the connection.
func says(s string) answer {
	return func(c net.Conn, _ int, _ asked) bool {
		_, err := io.WriteString(c, s)
		return err == nil
	}
}

// saysAndCloses writes a text and ends the connection.
func saysAndCloses(s string) answer {
	return func(c net.Conn, _ int, _ asked) bool {
		_, _ = io.WriteString(c, s)
		return false
	}
}

// saysAndCuts writes a text, lets it arrive and resets the connection.
func saysAndCuts(s string) answer {
	return func(c net.Conn, _ int, _ asked) bool {
		_, _ = io.WriteString(c, s)
		time.Sleep(20 * time.Millisecond)
		cut(c)
		return false
	}
}

// dripping is an answer that never ends.
func dripping() answer {
	return func(c net.Conn, _ int, _ asked) bool {
		for s := streamHead; ; s = events(someText) {
			if _, err := io.WriteString(c, s); err != nil {
				return false
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// good is an answer of two tokens.
func good() answer {
	return says(streamHead + events(someText, lastText, usageIs, "[DONE]") + "0\r\n\r\n")
}

// discardLog is for servers of net/http that are meant to fail.
func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
