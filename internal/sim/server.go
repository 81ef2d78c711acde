package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/text"
	"tokmeter/internal/tokenize"
)

// A Server is a running simulator.
type Server struct {
	opts     Options
	built    *setup.Built // nil where times are fixed
	engine   engine.Engine
	ln       net.Listener
	tok      *tokenize.Tokenizer
	models   *models
	routes   map[string]handler
	voice    *text.Voice
	store    store
	truth    ledger
	inflight atomic.Int64 // requests for text or embeddings that are on
	began    time.Time
	maxLen   int // tokens of a request, prompt and output

	ctx    context.Context // ends when the server closes
	cancel context.CancelFunc
	wg     sync.WaitGroup // the accept loop and each connection

	meter *meter
	doze  dozer
	now   atomic.Pointer[live]

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	seen  map[uint64]int // prompts that faults may have met, by hash
}

// maxFixedLen is the context length of a server with fixed times.
const maxFixedLen = 1 << 20

// Start serves o until Close.
func Start(o Options) (*Server, error) {
	s := &Server{opts: o, tok: o.Tokenizer, conns: map[net.Conn]struct{}{}, began: time.Now(), maxLen: maxFixedLen}
	if s.tok == nil {
		s.tok = tokenize.Builtin()
	}
	s.voice = text.NewVoice(s.tok)
	if err := s.startEngine(); err != nil {
		return nil, err
	}
	addr := o.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		s.engine.Close()
		return nil, fmt.Errorf("simulator: %w", err)
	}
	s.ln = ln
	s.models = newModels(s.opts.Names, s.opts.Adapters)
	s.routes = s.allRoutes()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

// startEngine starts what gives the tokens and names the model after it.
func (s *Server) startEngine() error {
	if f := s.opts.Fixed; f != nil {
		if len(s.opts.Names) == 0 {
			s.opts.Names = []string{f.Model}
		}
		for _, name := range f.Adapters {
			s.opts.Adapters = append(s.opts.Adapters, Adapter{Name: name})
		}
		observe := s.observers()
		e, err := engine.StartFixed(engine.FixedConfig{TTFT: f.TTFT, ITL: f.ITL, Jitter: f.Jitter, Seed: f.Seed}, observe...)
		if err != nil {
			return fmt.Errorf("simulator: %w", err)
		}
		s.engine = e
		return nil
	}
	built, err := s.opts.Setup.Build()
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	if len(s.opts.Names) == 0 {
		s.opts.Names = []string{built.Setup.Model}
	}
	s.built, s.maxLen = built, built.Sched.MaxModelLen
	observe := s.observers()
	e, err := engine.Start(engine.Config{Sched: built.Sched, Machine: built.Machine,
		Acceptance: built.Setup.Acceptance, Seed: s.opts.Seed}, observe...)
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	s.engine = e
	return nil
}

// URL is the server's base URL.
func (s *Server) URL() string { return "http://" + s.ln.Addr().String() }

// Model is the name under which answers carry the model.
func (s *Server) Model() string { return s.opts.Names[0] }

// Built is what the engine runs on, nil where times are fixed.
func (s *Server) Built() *setup.Built { return s.built }

// Lateness says how late the simulator itself was.
func (s *Server) Lateness() engine.Lateness { return s.engine.Lateness() }

// Close ends every connection and returns when no goroutine is left.
func (s *Server) Close() error {
	s.cancel()
	err := s.ln.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.engine.Close()
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
