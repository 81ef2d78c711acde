package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"tokmeter/internal/tokenize"
)

// A Server is a running simulator.
type Server struct {
	spec   Spec
	ln     net.Listener
	tok    *tokenize.Tokenizer
	clock  *clock
	truth  ledger
	serial serial

	ctx    context.Context // ends when the server closes
	cancel context.CancelFunc
	wg     sync.WaitGroup // the accept loop and each connection

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Start serves spec on addr ("127.0.0.1:0" takes a free port) until Close.
// tok counts the tokens of prompts.
func Start(spec Spec, addr string, tok *tokenize.Tokenizer) (*Server, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	clock, err := startClock()
	if err != nil {
		ln.Close()
		return nil, fmt.Errorf("simulator: %w", err)
	}
	s := &Server{spec: spec, ln: ln, tok: tok, clock: clock, conns: map[net.Conn]struct{}{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

// URL is the server's base URL.
func (s *Server) URL() string { return "http://" + s.ln.Addr().String() }

// Model is the name of the one model it serves.
func (s *Server) Model() string { return s.spec.Model }

// Close ends every connection and returns when no goroutine is left.
func (s *Server) Close() error {
	s.cancel()
	err := s.ln.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.clock.close()
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return err
}

func (s *Server) accept() {
	defer s.wg.Done()
	for {
		nc, err := s.ln.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() {
				continue
			}
			return
		}
		s.mu.Lock()
		closed := s.ctx.Err() != nil
		if !closed {
			s.conns[nc] = struct{}{}
			s.wg.Add(1)
		}
		s.mu.Unlock()
		if closed {
			nc.Close()
			return
		}
		go func() {
			defer s.wg.Done()
			s.serveConn(nc)
			nc.Close()
			s.mu.Lock()
			delete(s.conns, nc)
			s.mu.Unlock()
		}()
	}
}
