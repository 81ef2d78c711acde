package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/target"
	"tokmeter/internal/wire"
)

// askLimit is how long the server may take for a question before the run.
const askLimit = 10 * time.Second

// proxy says through which proxy a URL is reached, by the environment.
func (r *serveRun) proxy() func(*url.URL) (*url.URL, error) {
	get := func(names ...string) string {
		for _, n := range names {
			if v := r.env.Getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	cfg := httpproxy.Config{
		HTTPProxy:  get("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: get("HTTPS_PROXY", "https_proxy"),
		NoProxy:    get("NO_PROXY", "no_proxy"),
	}
	return cfg.ProxyFunc()
}

// rootCAs reads --ca-file; nil means the system's authorities.
func (r *serveRun) rootCAs() (*x509.CertPool, error) {
	path := r.plan.Target.CAFile
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("", "--ca-file: %w", err)
	}
	pool, err := wire.ParseCA(path, pem)
	return pool, usage(err)
}

// httpClient is for the questions before and after a run, and for the hub.
func (r *serveRun) httpClient() *http.Client {
	proxy := r.proxy()
	return &http.Client{Transport: &http.Transport{
		Proxy:             func(req *http.Request) (*url.URL, error) { return proxy(req.URL) },
		ForceAttemptHTTP2: true,
		DisableKeepAlives: true,
	}}
}

// header is what every request to the server carries: the key of the
// environment, and --header over it.
func (r *serveRun) header() http.Header {
	h := http.Header{}
	if key := r.plan.Target.APIKey; key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
	for _, x := range r.plan.Target.Headers {
		h.Set(x.Name, x.Value)
	}
	return h
}

// bind says how the server is asked.
func (r *serveRun) bind() error {
	pool, err := r.rootCAs()
	if err != nil {
		return err
	}
	client := r.httpClient()
	transport := client.Transport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: r.plan.Target.Insecure, RootCAs: pool, MinVersion: tls.VersionTLS12}
	transport.DisableKeepAlives = false
	transport.DialContext = (&net.Dialer{Timeout: dialLimit}).DialContext
	transport.MaxIdleConnsPerHost = askIdle
	r.server = target.Server{BaseURL: r.plan.Target.BaseURL, Header: r.header(), HTTP: client}
	return nil
}

// dialLimit is how long a connection for a question may take: less than
// askLimit, so that it is told apart from a server that does not answer.
const dialLimit = 8 * time.Second

// askIdle is how many connections are kept for questions: the alignment asks
// so many at once.
const askIdle = 64

// meetServer asks the server which models it has and what it calls itself. A
// server that does not answer these questions may serve all the same; one that
// can't be reached may be there when the run begins.
func (r *serveRun) meetServer(ctx context.Context) error {
	if err := r.bind(); err != nil {
		return err
	}
	unnamed := r.plan.Target.Model == ""
	if unnamed {
		r.say("Model not specified, fetching first model from server...")
	}
	models, raw, err := r.askModels(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.models = models
	r.info.Models = raw
	if err != nil {
		r.away = err
		if unnamed {
			return r.noModel(err)
		}
		if !errors.Is(err, target.ErrUnreachable) {
			r.away = nil
		}
		return nil
	}
	ask, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if r.info.Version, err = r.server.Version(ask); err != nil {
		r.info.Version = nil
	}
	if unnamed {
		return r.takeFirstModel()
	}
	return r.checkModel(ctx)
}

// noModel is the error of a server that was asked for its models in vain.
func (r *serveRun) noModel(err error) error {
	if errors.Is(err, target.ErrUnreachable) {
		return failf(ExitUnreachable, r.reachHint(err), "%w", err)
	}
	return failf(ExitFailed, "name the model with --model", "no model given, and the server does not say which it has: %w", err)
}

// takeFirstModel names the model as vLLM's client does: requests carry its id,
// tokenizer and files go by its root.
func (r *serveRun) takeFirstModel() error {
	if len(r.models) == 0 || r.models[0].ID == "" {
		return failf(ExitFailed, "name the model with --model", "no model given, and /v1/models of %s lists none", r.plan.Target.BaseURL)
	}
	m := r.models[0]
	t := &r.plan.Target
	t.Model = m.Root
	if t.Model == "" {
		t.Model = m.ID
	}
	if t.ServedModel == "" || r.plan.CompatVLLM() { // vLLM's client takes the server's name
		t.ServedModel = m.ID
	}
	r.say("First model name: %s, first model id: %s", m.ID, t.Model)
	return nil
}

// checkModel refuses a model that the server does not have. Names that
// /v1/models does not list may be served all the same (aliases, gateways), so
// the server is asked for one token before that is said; vLLM's client asks
// nothing of the kind.
func (r *serveRun) checkModel(ctx context.Context) error {
	t := &r.plan.Target
	listed := func(name string) bool {
		return slices.ContainsFunc(r.models, func(m target.Model) bool { return m.ID == name })
	}
	name := t.ModelName()
	if len(r.models) == 0 || listed(name) || len(t.LoRAModules) > 0 || r.plan.CompatVLLM() {
		return nil
	}
	rec, err := r.probe(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || !refusesModel(rec) {
		return err
	}
	var offered []string
	for _, m := range r.models {
		offered = append(offered, m.ID)
	}
	hint := fmt.Sprintf("it offers %s", strings.Join(offered, ", "))
	return failf(ExitFailed, hint, "the server at %s does not take the model %q: %d: %s", t.BaseURL, name, rec.Status, rec.Err)
}

// refusesModel reports whether an answer says that there is no such model.
func refusesModel(rec *record.Record) bool {
	switch rec.Status {
	case http.StatusNotFound:
		return true
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return strings.Contains(strings.ToLower(rec.Err), "model")
	}
	return false
}

// wireConfig is how requests reach the server.
func (r *serveRun) wireConfig(clock *wire.Clock) (wire.Config, error) {
	pool, err := r.rootCAs()
	return wire.Config{
		URL:      r.plan.Target.URL(),
		Header:   r.header(),
		Clock:    clock,
		Reader:   r.reader(),
		Whole:    json.Valid,
		Insecure: r.plan.Target.Insecure,
		RootCAs:  pool,
		Proxy:    r.proxy(),
	}, err
}

// reader says how streams are cut into events.
func (r *serveRun) reader() wire.Reader {
	switch {
	case !r.plan.CompatVLLM():
		return wire.ReadEvents
	case r.plan.Target.Backend == "openai-responses":
		return wire.ReadAsVLLMResponses
	}
	return wire.ReadAsVLLM
}

// client makes the client that the plan names; a proxy needs net/http's.
func (r *serveRun) client(clock *wire.Clock) (wire.Client, error) {
	cfg, err := r.wireConfig(clock)
	if err != nil {
		return nil, err
	}
	make := wire.NewNative
	if why := cfg.NeedsStd(); why != "" && r.plan.Target.Client != plan.ClientStd {
		r.warn("client", "%s: the client of net/http is used (--client std)", why)
		r.plan.Target.Client = plan.ClientStd
	}
	if r.plan.Target.Client == plan.ClientStd {
		make = wire.NewStd
	}
	c, err := make(cfg)
	return c, usage(err)
}
