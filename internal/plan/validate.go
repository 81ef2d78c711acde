package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/protocol"
)

// Datasets lists what Workload.Dataset may name.
func Datasets() []string {
	return []string{"random", "sharegpt", "burstgpt", "custom", "prefix_repetition", "sonnet", "timed_trace", "requests"}
}

// Metrics lists what Output.Metrics may name.
func Metrics() []string {
	return []string{"ttft", "tpot", "itl", "e2el", "client_queue_time", "e2el_including_client_queue"}
}

// maxSeed is the largest seed: NumPy's generator takes no more.
const maxSeed = math.MaxUint32

// problems collects what is wrong with a plan.
type problems []error

// add notes a problem unless ok.
func (ps *problems) add(ok bool, format string, args ...any) {
	if !ok {
		*ps = append(*ps, fmt.Errorf(format, args...))
	}
}

// Validate reports every problem of the plan at once, joined with errors.Join:
// numbers that are impossible and settings that contradict each other. It
// looks at no file and asks no server. A plan whose dataset is not known yet
// ("" with a path) is checked for all else.
func (p Plan) Validate() error {
	var ps problems
	ps.add(p.Version == Version, "plan version %d is unknown: this is version %d", p.Version, Version)
	ps.add(p.Seed >= 0 && p.Seed <= maxSeed, "--seed: want 0 to %d, got %d", int64(maxSeed), p.Seed)
	ps.add(p.Compat == "" || p.Compat == "vllm", "--compat: want vllm, got %q", p.Compat)
	p.Target.validate(&ps)
	p.Workload.validate(&ps)
	p.Load.validate(&ps)
	p.validateTogether(&ps)
	ps.add(p.Load.Grace >= 0, "grace: want no negative time, got %v", p.Load.Grace)
	p.validateReport(&ps)
	return errors.Join(ps...)
}

// ValidateReport is Validate for what decides about the report alone: goals,
// metrics and percentiles.
func (p Plan) ValidateReport() error {
	var ps problems
	p.validateReport(&ps)
	return errors.Join(ps...)
}

func (t *Target) validate(ps *problems) {
	backend, known := protocol.Named(t.Backend)
	ps.add(known, "--backend %q is unknown: use one of %s", t.Backend, strings.Join(backendNames(), ", "))
	if known && !speaks(backend, t.Endpoint) {
		hint := ""
		if other := backendFor(t.Endpoint); other != "" {
			hint = fmt.Sprintf(": it belongs to the backend %s", other)
		}
		ps.add(false, "--endpoint %s does not fit the backend %s, whose paths end in %s%s", t.Endpoint, t.Backend, backend.Suffix, hint)
	}
	if !t.Simulated {
		ps.add(t.BaseURL != "", "no server is named: want a base URL such as http://127.0.0.1:8000")
		if err := checkBaseURL(t.BaseURL); t.BaseURL != "" && err != nil {
			ps.add(false, "--base-url %w", err)
		}
	}
	ps.add(t.Client == ClientNative || t.Client == ClientStd, "--client: want native or std, got %q", t.Client)
	ps.add(t.Reader == "" || t.Reader == ReaderUring || t.Reader == ReaderEpoll || t.Reader == ReaderGo, "--reader: want uring, epoll or go, got %q", t.Reader)
	ps.add(t.Reader == "" || t.Client == ClientNative, "--reader: the client std reads by itself: leave one of the two out")
	ps.add(!t.Insecure || t.CAFile == "", "--insecure and --ca-file contradict each other: leave one out")
	for _, h := range t.Headers {
		ps.add(isToken(h.Name), "--header %q: the name has a character that HTTP does not allow", h.Name)
		ps.add(!strings.ContainsFunc(h.Value, isControl), "--header %s: the value has a control character", h.Name)
	}
	ps.add(!strings.ContainsFunc(t.APIKey, func(r rune) bool { return isControl(r) || r == '\t' }), "OPENAI_API_KEY has a control character, such as a line break")
	ps.add(!strings.ContainsFunc(t.Endpoint, func(r rune) bool { return r <= ' ' || r == 0x7f }), "--endpoint %q has a blank or a control character", t.Endpoint)
	ps.add(!strings.ContainsFunc(t.RequestIDPrefix, isControl), "--request-id-prefix %q has a control character", t.RequestIDPrefix)
	ps.add(t.LoRAAssignment == "" || t.LoRAAssignment == "random" || t.LoRAAssignment == "round-robin", "--lora-assignment: want random or round-robin, got %q", t.LoRAAssignment)
	ps.add(!slices.Contains(t.LoRAModules, ""), "--lora-modules: a name is empty")
	if t.Logprobs != nil {
		ps.add(*t.Logprobs >= 0, "--logprobs: want at least 0, got %d", *t.Logprobs)
	}
	ps.add(t.ExtraBody == nil || isObject(t.ExtraBody), "--extra-body: want a JSON object")
	ps.add(t.RequestTimeout >= 0, "--request-timeout-sec: want 0 or more seconds, got %v", t.RequestTimeout.Seconds())
	ps.add(t.ReadyTimeout >= 0, "--ready-check-timeout-sec: want 0 or more seconds, got %v", t.ReadyTimeout.Seconds())
	ps.add(t.Warmups >= 0, "--num-warmups: want at least 0, got %d", t.Warmups)
}

// checkBaseURL refuses what no request can go to.
func checkBaseURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		// It may carry a password, and a parser's words help nobody.
		return errors.New("is no address: want http://HOST:PORT or https://HOST:PORT, with a path or none")
	case u.User != nil:
		return errors.New("carries a user name: give it by a header, such as Authorization=Basic …")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%s: want it to begin with http:// or https://", s)
	case u.Hostname() == "":
		return fmt.Errorf("%s names no host", s)
	case !isPort(u.Port()):
		return fmt.Errorf("%s: want a port of 1 to 65535", s)
	case u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(s, "?#"):
		return fmt.Errorf("%s has a query: want scheme, host and path alone", s)
	}
	return nil
}

// isPort reports whether s is a port's number, or none is named.
func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return s == "" || err == nil && n >= 1 && n <= 65535
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// isToken reports whether s is a token of RFC 9110.
func isToken(s string) bool {
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return s != ""
}

func isObject(raw json.RawMessage) bool {
	return json.Valid(raw) && bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))
}

func (p Plan) validateReport(ps *problems) {
	for _, m := range p.Output.Metrics {
		ps.add(slices.Contains(Metrics(), m), "--percentile-metrics: %q is unknown; use some of %s", m, strings.Join(Metrics(), ", "))
	}
	for _, x := range p.Output.Percentiles {
		ps.add(x >= 0 && x <= 100, "--metric-percentiles: want 0 to 100, got %v", x)
	}
	for _, g := range p.Goals {
		ps.add(slices.Contains(SLOLatencies(), g.Metric), "--goodput: metric %q is unknown; use ttft, tpot or e2el", g.Metric)
		ps.add(g.LimitMs >= 0, "--goodput: the limit of %s: want at least 0 ms, got %v", g.Metric, g.LimitMs)
	}
	for _, s := range p.SLOs {
		ps.add(s.Metric != "goodput" || len(p.Goals) > 0, "--goal: %s needs the limits that make a request good: --goodput ttft:200 tpot:50", s)
	}
	for _, kv := range p.Output.Metadata {
		ps.add(kv.Key != "", "--metadata: a key is empty")
	}
}
