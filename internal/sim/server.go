package sim

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim/api"
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/control"
	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/instance"
	"tokmeter/internal/sim/truth"
)

// What a server is made of has rooms of its own.
type (
	// Options say what a server is.
	Options = instance.Options
	// A Spec is a server of set times.
	Spec = instance.Spec
	// An Adapter is one LoRA adapter.
	Adapter = instance.Adapter
)

// A Server is a running simulator.
type Server struct {
	in     *instance.Instance
	watch  call.Watch
	ledger truth.Ledger
	routes map[string]call.Handler
	ln     net.Listener

	closing chan struct{}  // closed by Close
	wg      sync.WaitGroup // the accept loop and each connection

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// Start serves o until Close.
func Start(o Options) (*Server, error) {
	s := &Server{conns: map[net.Conn]struct{}{}, closing: make(chan struct{})}
	in, err := instance.New(o, s.closing)
	if err != nil {
		return nil, err
	}
	beside := control.New(in, &s.ledger)
	if err := in.Start(beside.Observer()); err != nil {
		return nil, err
	}
	addr := o.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		in.Engine.Close()
		return nil, fmt.Errorf("simulator: %w", err)
	}
	s.in, s.watch, s.ln = in, beside, ln
	s.routes = api.New(in, &s.ledger).Routes()
	maps.Copy(s.routes, beside.Routes())
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

// URL is the server's base URL.
func (s *Server) URL() string {
	scheme := "http://"
	if s.in.Options.TLS != nil {
		scheme = "https://"
	}
	return scheme + s.ln.Addr().String()
}

// Model is the name under which answers carry the model.
func (s *Server) Model() string { return s.in.Model() }

// Built is what the engine runs on, nil where times are fixed.
func (s *Server) Built() *setup.Built { return s.in.Built }

// Lateness says how late the simulator itself was.
func (s *Server) Lateness() engine.Lateness { return s.in.Engine.Lateness() }

// Truth returns what happened to every finished request for an answer, in order
// of arrival.
func (s *Server) Truth() []truth.Record {
	rows, _ := s.ledger.Rows()
	return rows
}

// Forget drops the truths kept so far.
func (s *Server) Forget() { s.ledger.Forget() }

// Close ends every connection and returns when no goroutine is left.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	err := s.ln.Close()
	s.in.Engine.Close()
	s.wg.Wait()
	s.in.Work.Wait()
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
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() {
				continue
			}
			return
		}
		s.mu.Lock()
		closed := s.closed
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
