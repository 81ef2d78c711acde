package measure

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokmeter/internal/cli/argv"
	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
	"tokmeter/internal/python"
)

// A serveBuilder turns checked values into a plan. It can do so again for
// another dataset, once a file was recognised.
type serveBuilder struct {
	*flags.Values
	env      *shell.Env
	prefix   string // request id prefix, the same in every plan
	salt     string // what every prompt begins with; "" for nothing
	acted    string // name of the simulated model; "" where none is simulated
	notActed error  // what is wrong with --simulate
	problems []error
	late     []error // that are told after those of the run itself
	notes    []string
}

func newServeBuilder(ctx context.Context, v *flags.Values, env *shell.Env) *serveBuilder {
	b := &serveBuilder{Values: v, env: env, prefix: v.Text("request-id-prefix")}
	if !v.Given("request-id-prefix") {
		var id [4]byte
		if env.Rand != nil {
			// Where it fails the ids are less random, and nothing else changes.
			_, _ = io.ReadFull(env.Rand, id[:])
		}
		b.prefix = "bench-" + hex.EncodeToString(id[:]) + "-"
	}
	if v.Text("cache") == "salt" {
		var id [8]byte
		if env.Rand != nil {
			_, _ = io.ReadFull(env.Rand, id[:]) // likewise
		}
		b.salt = hex.EncodeToString(id[:])
	}
	if v.Given("simulate") {
		o, built, err := simulated.Find(ctx, env, strings.TrimSpace(v.Text("simulate")))
		if b.notActed = err; err == nil {
			b.acted = simulated.ModelName(o, built)
		}
	}
	return b
}

func (b *serveBuilder) problem(format string, args ...any) {
	b.problems = append(b.problems, fmt.Errorf(format, args...))
}

func (b *serveBuilder) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// dataset is the dataset that was asked for, "" where the file will tell.
func (b *serveBuilder) dataset() string {
	if b.Given("dataset-path") && !b.Given("dataset-name") {
		return ""
	}
	return b.Text("dataset-name")
}

// build makes the plan for a dataset; the error joins all problems.
func (b *serveBuilder) build(dataset string) (plan.Plan, error) {
	b.problems, b.late, b.notes = nil, nil, nil
	p := plan.Plan{
		Version:  plan.Version,
		Seed:     int64(b.Integer("seed")),
		Compat:   b.Text("compat"),
		Target:   b.target(),
		Workload: b.workload(dataset),
		Load:     b.load(dataset),
		Goals:    b.goals(b.List("goodput")),
		SLOs:     b.slos(),
		Light:    b.light(),
		Output:   b.output(),
	}
	p.Workload.NumPrompts = b.lasting(p.Workload.NumPrompts, p.Load)
	p.Target.IgnoreEOS = b.On("ignore-eos") || dataset == "random" || dataset == "timed_trace"
	b.crossChecks(&p)
	err := errors.Join(errors.Join(b.problems...), p.Validate(), errors.Join(b.late...))
	return p, err
}

// grace is how long an interrupted run waits for answers that are under way.
const grace = 30 * time.Second

func (b *serveBuilder) target() plan.Target {
	t := plan.Target{
		Backend:         b.Text("backend"),
		Client:          b.Text("client"),
		Reader:          b.Text("reader"),
		Insecure:        b.On("insecure"),
		CAFile:          b.Text("ca-file"),
		Simulated:       b.Given("simulate"),
		Simulate:        strings.TrimSpace(b.Text("simulate")),
		Virtual:         b.On("virtual"),
		Headers:         b.headers(),
		APIKey:          cmp.Or(b.Text("api-key"), b.env.Getenv("OPENAI_API_KEY")),
		PlainContent:    b.On("content-as-string"),
		NoProbe:         b.On("no-probe"),
		ResetCache:      b.Text("cache") == "reset",
		Model:           b.Text("model"),
		ServedModel:     b.Text("served-model-name"),
		LoRAModules:     b.List("lora-modules"),
		Logprobs:        b.OptionalInt("logprobs"),
		ExtraBody:       b.extraBody(),
		RequestIDPrefix: b.prefix,
		RequestTimeout:  seconds(b.Number("request-timeout-sec")),
		ReadyTimeout:    seconds(b.Number("ready-check-timeout-sec")),
		Warmups:         b.Integer("num-warmups"),
		Profile:         b.On("profile"),
	}
	if t.Reader == "auto" {
		t.Reader = ""
	}
	if len(t.LoRAModules) > 0 {
		t.LoRAAssignment = b.Text("lora-assignment")
	}
	b.address(&t)
	if t.Model == "" {
		t.Model = b.acted
	}
	return t
}

// address sets where the server is and the path of the API.
func (b *serveBuilder) address(t *plan.Target) {
	if backend, ok := protocol.Named(t.Backend); ok {
		t.Endpoint = backend.Dialect.Path()
	}
	if b.Given("endpoint") {
		t.Endpoint = "/" + strings.TrimPrefix(b.Text("endpoint"), "/")
		if strings.Contains(t.Endpoint, "://") {
			b.problem("--endpoint %s: want a path, such as /v1/completions: the address of the server goes to --base-url", b.Text("endpoint"))
		}
	}
	if t.Simulated {
		for _, name := range []string{"base-url", "host", "port"} {
			if b.Given(name) {
				b.problem("--simulate and --%s contradict each other: one asks for a server inside, the other names one", name)
			}
		}
		return
	}
	if !b.Given("base-url") {
		port := b.Integer("port")
		if port < 1 || port > 65535 {
			b.problem("--port: want 1 to 65535, got %d", port)
			port = 1
		}
		t.BaseURL = b.hostURL(port)
		return
	}
	if b.Given("host") || b.Given("port") {
		b.note("--host and --port do not count beside --base-url")
	}
	address := strings.TrimSpace(b.Text("base-url"))
	if halfScheme.MatchString(address) && !strings.Contains(address, "@") { // that may be a password
		b.problem("--base-url %s: want http://HOST:PORT or https://HOST:PORT, with a path or none", address)
	}
	t.BaseURL = strings.TrimRight(withScheme(address), "/")
	if b.Given("endpoint") {
		return
	}
	for _, part := range []string{t.Endpoint, "/v1"} {
		if short, ok := strings.CutSuffix(t.BaseURL, part); ok && part != "" {
			b.note("--base-url is taken without its %s, which is part of the endpoint %s", part, t.Endpoint)
			t.BaseURL = short
			return
		}
	}
	if strings.HasSuffix(t.BaseURL, "/completions") || strings.HasSuffix(t.BaseURL, "/responses") {
		b.problem("--base-url %s ends in the path of an API: that goes to --endpoint, with the --backend that it belongs to", t.BaseURL)
	}
}

// halfScheme is an address whose scheme lost a part of its "://".
var halfScheme = regexp.MustCompile(`^(?i:https?)(:/?[^/]|//|:$)`)

// withScheme puts http:// before an address that has no scheme.
func withScheme(address string) string {
	if address == "" || strings.Contains(address, "://") {
		return address
	}
	return "http://" + strings.TrimPrefix(address, "//")
}

// hostURL is the address of --host and --port. A host may come with a scheme or a
// port of its own, as in a URL; --port wins where it is given too.
func (b *serveBuilder) hostURL(port int) string {
	text := strings.TrimSpace(b.Text("host"))
	scheme, host, ok := strings.Cut(text, "://")
	if !ok {
		scheme, host = "http", text
	}
	if host = strings.Trim(host, "/"); host == "" {
		b.problem("--host %q: want a name or an address, such as 127.0.0.1 or [::1]", text)
		host = "127.0.0.1"
	}
	name, own, has := strings.Cut(host, ":")
	if i := strings.LastIndex(host, "]:"); i >= 0 {
		name, own = host[:i+1], host[i+2:]
	} else if strings.Contains(own, ":") { // IPv6
		has = false
	}
	if has {
		n, err := strconv.Atoi(own)
		switch {
		case err != nil || n < 1 || n > 65535:
			b.problem("--host %s: want a name or an address, such as 127.0.0.1 or [::1]; a URL goes to --base-url", b.Text("host"))
			n = port
		case b.Given("port") && n != port:
			b.problem("--host %s names the port %d and --port %d: leave one out", b.Text("host"), n, port)
		}
		host, port = name, n
	}
	return scheme + "://" + joinHostPort(host, port)
}

// joinHostPort puts an IPv6 address into brackets, with its zone as URLs write
// it.
func joinHostPort(host string, port int) string {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.Contains(host, ":") {
		host = "[" + strings.ReplaceAll(host, "%", "%25") + "]"
	}
	return host + ":" + strconv.Itoa(port)
}

// seconds turns a number of seconds into a duration; what is too long for one
// means no limit.
func seconds(s float64) time.Duration {
	d := s * float64(time.Second)
	switch {
	case d != d:
		return -1
	case d > float64(1<<62):
		return 0
	}
	return time.Duration(d)
}

// headers reads the entries of --header.
func (b *serveBuilder) headers() []plan.Header {
	var out []plan.Header
	for _, kv := range b.keyValues("header") {
		h := plan.Header{Name: kv.Key, Value: kv.Value}
		if i := slices.IndexFunc(out, func(o plan.Header) bool { return strings.EqualFold(o.Name, h.Name) }); i >= 0 {
			out[i] = h
			continue
		}
		out = append(out, h)
	}
	return out
}

// keyValues reads KEY=VALUE words, cut at the first = and stripped.
func (b *serveBuilder) keyValues(flag string) []plan.KeyValue {
	var out []plan.KeyValue
	for _, word := range b.List(flag) {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			if flag == "header" { // the word may be a secret
				b.problem("--%s: want KEY=VALUE, entry %d has no = (it is not shown, for it may be a secret)", flag, len(out)+1)
			} else {
				b.problem("--%s: want KEY=VALUE, got %q", flag, flags.Shorten(word))
			}
			continue
		}
		out = append(out, plan.KeyValue{Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)})
	}
	return out
}

// extraBody is the sampling parameters with --extra-body over them.
func (b *serveBuilder) extraBody() json.RawMessage {
	var body, extra *argv.Object
	body, _ = argv.ParseObject("{}")
	for _, f := range samplingFlags() {
		if !b.Given(f.Name) {
			continue
		}
		value := b.Text(f.Name)
		if f.Kind == flags.Number {
			x := b.Number(f.Name)
			if x-x != 0 {
				b.problem("--%s: want a finite number, got %s", f.Name, value)
				continue
			}
			value = python.Float(x)
		} else {
			value = strconv.Itoa(b.Integer(f.Name))
		}
		body.Set(strings.ReplaceAll(f.Name, "-", "_"), json.RawMessage(value))
	}
	if b.Given("extra-body") {
		extra, _ = argv.ParseObject(b.Text("extra-body"))
		body.Update(extra)
	}
	if len(body.Keys()) == 0 {
		return nil
	}
	return json.RawMessage(body.String())
}
