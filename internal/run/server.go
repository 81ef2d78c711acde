package run

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"tokmeter/internal/load"
	"tokmeter/internal/origin"
	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/target"
	"tokmeter/internal/wire"
	"tokmeter/internal/workload"
)

const (
	// AskTimeout is how long a server may take for a question before a run.
	AskTimeout = 10 * time.Second
	// dialTimeout is how long a connection for a question may take: less than
	// AskTimeout, so that it is told apart from a server that does not answer.
	dialTimeout = 8 * time.Second
	// askIdle is how many connections are kept for questions: the alignment asks
	// so many at once.
	askIdle = 64
)

// Bind says how the server of p is asked about itself. The caller closes the
// idle connections of its HTTP client.
func Bind(p plan.Plan, w World) (target.Server, error) {
	pool, err := rootCAs(p)
	if err != nil {
		return target.Server{}, err
	}
	transport := &http.Transport{
		ForceAttemptHTTP2:   true,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: p.Target.Insecure, RootCAs: pool, MinVersion: tls.VersionTLS12},
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		MaxIdleConnsPerHost: askIdle,
	}
	if w.Proxy != nil {
		transport.Proxy = func(req *http.Request) (*url.URL, error) { return w.Proxy(req.URL) }
	}
	return target.Server{BaseURL: p.Target.BaseURL, Header: header(p), Mask: p.Target.Mask, HTTP: origin.Keep(&http.Client{Transport: transport})}, nil
}

// rootCAs reads --ca-file; nil means the system's authorities.
func rootCAs(p plan.Plan) (*x509.CertPool, error) {
	path := p.Target.CAFile
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, failf(Usage, "", "--ca-file: %w", err)
	}
	pool, err := wire.ParseCA(path, pem)
	return pool, usage(err)
}

// header is what every request to the server carries: the key, and the plan's
// headers over it.
func header(p plan.Plan) http.Header {
	h := http.Header{}
	if key := p.Target.APIKey; key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
	for _, x := range p.Target.Headers {
		h.Set(x.Name, x.Value)
	}
	return h
}

// A server is the one that a run goes to, and what it said of itself.
type server struct {
	target.Server
	job       *job
	resolved  Resolved
	info      record.Server
	models    []target.Model
	away      error     // why it could not be reached when it was asked; nil where it could
	readyBy   time.Time // when the ready check is over
	simulator Simulator // nil where the server is real
	setTimes  bool      // the simulator has no engine behind it, and no counters

	strayed     atomic.Pointer[string] // the first question that a redirect led to another server, in words
	toldStrayed bool
}

// plan is the plan as it runs on this server.
func (s *server) plan() plan.Plan { return s.resolved.Plan(s.job.plan) }

// close gives back what the run holds of its server.
func (s *server) close() error {
	if s.HTTP != nil {
		s.HTTP.CloseIdleConnections()
	}
	if s.simulator == nil {
		return nil
	}
	return s.simulator.Close()
}

// reader says how streams are cut into events.
func reader(p plan.Plan) wire.Reader {
	switch {
	case !p.CompatVLLM():
		return wire.ReadEvents
	case p.Target.Backend == "openai-responses":
		return wire.ReadAsVLLMResponses
	}
	return wire.ReadAsVLLM
}

// client makes the client that the plan names; a proxy needs net/http's.
func (s *server) client(clock *wire.Clock) (wire.Client, error) {
	p := s.plan()
	pool, err := rootCAs(p)
	if err != nil {
		return nil, err
	}
	method, err := wire.ParseMethod(cmp.Or(p.Target.Reader, wire.MethodAuto.String()))
	if err != nil {
		return nil, usage(err)
	}
	cfg := wire.Config{
		Method: method,
		URL:    p.Target.URL(), Header: header(p), Clock: clock, Reader: reader(p), Whole: protocol.PythonReads,
		Insecure: p.Target.Insecure, RootCAs: pool, Proxy: s.job.world.Proxy,
	}
	if why := cfg.NeedsStd(); why != "" && p.Target.Client != plan.ClientStd {
		s.job.doubt("client", "%s: the client of net/http is used (--client std)", why)
		s.resolved.Client = plan.ClientStd
		p = s.plan()
	}
	open := wire.NewNative
	if p.Target.Client == plan.ClientStd {
		open = wire.NewStd
	}
	c, err := open(cfg)
	return c, usage(err)
}

// dialect is how the server is spoken to. Ollama has no limit under OpenAI's
// later name.
func (s *server) dialect() (protocol.Dialect, error) {
	p := s.plan()
	backend := p.Target.Backend
	if s.ollama() && backend == "openai-chat" && !p.CompatVLLM() {
		backend = "ollama"
	}
	d, err := protocol.New(backend)
	if err == nil && p.CompatVLLM() {
		d = protocol.Lenient(d)
	}
	return d, err
}

// ollama reports whether the server's list of models is Ollama's.
func (s *server) ollama() bool {
	return len(s.models) > 0 && s.models[0].Owner == "library"
}

// probeLimit is how long a server may take for the one token of a probe: it may
// have to load the model.
const probeLimit = time.Minute

// probe asks the server for one token.
func (s *server) probe(ctx context.Context) (*record.Record, error) {
	p := s.plan()
	dialect, err := s.dialect()
	if err != nil {
		return nil, usage(err)
	}
	body, err := dialect.AppendBody(nil, protocol.Call{Model: p.Target.ModelName(), Prompt: protocol.Prompt{Text: "Hi"}, MaxTokens: 1, Extra: p.Target.ExtraBody, Plain: p.Target.PlainContent, Compat: p.CompatVLLM()})
	if err != nil {
		return nil, usage(err)
	}
	clock := wire.NewClock()
	client, err := s.client(clock)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	rec := load.Once(ctx, load.Job{Client: client, Dialect: dialect, Clock: clock, Mask: p.Target.Mask}, workload.Request{Body: body})
	return rec, client.Close()
}

// reachHint is the user's next step where err, which may be nil, kept the
// server from being reached.
func reachHint(err error) string {
	var (
		verify *tls.CertificateVerificationError
		header tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &verify):
		return "trust the server's authority with --ca-file FILE, or any certificate with --insecure"
	case errors.As(err, &header), errors.Is(err, http.ErrSchemeMismatch):
		return "it may speak plain HTTP: try http:// in --base-url"
	case err != nil && strings.Contains(err.Error(), "proxyconnect"):
		return "the proxy is that of HTTP_PROXY or HTTPS_PROXY; NO_PROXY names hosts that need none"
	}
	return "is the server running, and are --base-url, --host and --port right?"
}
