// Package sim is the command that serves a simulated engine, and those that list
// what can be simulated or run it on a virtual clock.
package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/near"
	"tokmeter/internal/sim"
	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/fault"
)

// Commands are sim and the commands under it.
func Commands() []shell.Command {
	return []shell.Command{simCommand(), replayCommand(), calibrateCommand(), hardwareCommand(), modelsCommand(), stepsCommand()}
}

// simCommand serves a simulated engine.
func simCommand() shell.Command {
	return shell.Command{
		Path: "sim", Takes: "[MODEL] [flags]",
		Short: "Serve a simulated inference engine until Ctrl-C",
		Long: `Serves the OpenAI API as vLLM does, scheduled by vLLM's rules, at the speed that
the formulas of docs/simulator.md give the card. Nothing of it was measured on
that card. It is ready when /health answers; Ctrl-C or SIGTERM stops it, exit
code 0. Flags have the names that vllm serve gives them, where it has them.`,
		Flags: simTable(), Words: true,
		First: []string{"model", "gpu", "precision", "tensor-parallel-size", "engine", "port", "tokenizer", "max-model-len", "max-num-seqs", "api-key", "fault"},
		About: docsSim, After: docsFaults(),
		Run: func(ctx context.Context, c *shell.Call) error {
			env := c.Env
			o, err := simOptions(ctx, c, env, c.Words)
			if err != nil {
				return shell.Usage(err)
			}
			shell.PrintNotes(env.Stderr, append(c.Notes, takenNotes(c.Values)...))
			ctx, _, release := env.Interruptible(ctx)
			defer release()
			return shell.KeepInterrupt(ctx, serveSim(c, ctx, env, o))
		},
	}
}

// simOptions turns the flags of sim into what the server is.
func simOptions(ctx context.Context, c *shell.Call, env *shell.Env, args []string) (sim.Options, error) {
	v := c.Values
	if err := v.Check(); err != nil {
		return sim.Options{}, err
	}
	model, err := oneWord(c, "model", args)
	if err != nil {
		return sim.Options{}, err
	}
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	o := sim.Options{
		Names:      v.List("served-model-name"),
		APIKeys:    v.List("api-key"),
		EOS:        v.Number("eos"),
		Prose:      1 - v.Number("tool-calls"),
		DevMode:    v.Text("dev-mode") != "false",
		ServerLoad: v.On("enable-server-load-tracking"),
		MFU:        v.On("enable-mfu-metrics"),
		MetricsV0:  v.Text("metrics-compat") == "v0",
		Seed:       uint64(max(v.Integer("seed"), 0)),
	}
	if key := env.Getenv("VLLM_API_KEY"); key != "" && len(o.APIKeys) == 0 {
		o.APIKeys = []string{key}
	}
	port := v.Integer("port")
	if port < 0 || port > 65535 {
		problem("--port: want 0 to 65535, got %d", port)
	}
	o.Addr = net.JoinHostPort(strings.Trim(v.Text("host"), "[]"), strconv.Itoa(port))
	if n := v.Integer("seed"); n < 0 {
		problem("--seed: want at least 0, got %d", n)
	}
	if !(o.Prose >= 0 && o.Prose <= 1) {
		problem("--tool-calls: want at least 0 and at most 1, got %s", flags.Shorten(v.Text("tool-calls")))
	}
	if !(o.EOS >= 0 && o.EOS < 1) {
		problem("--eos: want at least 0 and less than 1, got %s", flags.Shorten(v.Text("eos")))
	}
	for _, word := range v.List("lora-modules") {
		a, err := adapter(word)
		if err != nil {
			problem("--lora-modules: %w", err)
		}
		o.Adapters = append(o.Adapters, a)
	}
	for _, word := range v.List("fault") {
		set, err := fault.Parse(word)
		if err != nil {
			problem("--fault: %w", err)
		}
		o.Faults = append(o.Faults, set...)
	}
	if o.TLS, err = simTLS(v); err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, simEngine(ctx, c, &o, model, len(args) > 0))
	return o, errors.Join(problems...)
}

// simTLS is how HTTPS is served; nil without a certificate.
func simTLS(v *flags.Values) (*tls.Config, error) {
	cert, key := v.Text("ssl-certfile"), v.Text("ssl-keyfile")
	switch {
	case cert == "" && key != "":
		return nil, errors.New("--ssl-keyfile needs --ssl-certfile")
	case cert == "":
		return nil, nil
	case key == "":
		key = cert
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("--ssl-certfile, --ssl-keyfile: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}

// simEngine sets what gives the tokens: an engine, or set times. named says that
// a word named the model.
func simEngine(ctx context.Context, c *shell.Call, o *sim.Options, model string, named bool) error {
	v := c.Values
	if !v.Given("fixed") {
		var err error
		if o.Setup, err = simulated.EngineSetup(v, model); err != nil {
			return err
		}
		missing := simulated.FindModel(ctx, c.Env, &o.Setup)
		if _, err = o.Setup.Build(); err != nil && named {
			return errors.Join(orCommand(c, o.Setup.Model, shell.AsLines(err)), missing)
		}
		if err != nil {
			return errors.Join(shell.AsLines(err), missing)
		}
		return nil
	}
	var problems []error
	for _, f := range append(simulated.EngineFlags(), simulated.SchedulerFlags()...) {
		if v.Given(f.Name) {
			problems = append(problems, fmt.Errorf("--fixed and --%s contradict each other: set times have no engine behind them", f.Name))
		}
	}
	if named {
		problems = append(problems, fmt.Errorf("--fixed and the model %s contradict each other: name it with --served-model-name", flags.Shorten(model)))
	}
	spec, err := sim.ParseSpec(v.Text("fixed"))
	if err != nil {
		problems = append(problems, fmt.Errorf("--fixed: %w", err))
	}
	o.Fixed = &spec
	return errors.Join(problems...)
}

// orCommand adds to the error about the first word that it may have been meant
// for a command.
func orCommand(c *shell.Call, word string, err error) error {
	var names []string
	for _, sub := range Commands()[1:] {
		names = append(names, strings.TrimPrefix(sub.Path, "sim "))
	}
	if like := near.Names(word, names); len(like) > 0 {
		return shell.Usagef("", "%s knows no model and no command %q; did you mean %s %s?", c.Path, flags.Shorten(word), c.Path, like[0])
	}
	return err
}

// adapter reads an entry of --lora-modules: NAME=PATH, as vLLM has it, NAME
// alone, or a JSON object.
func adapter(word string) (sim.Adapter, error) {
	if strings.HasPrefix(word, "{") {
		return adapterJSON(word)
	}
	name, path, _ := strings.Cut(word, "=")
	if name == "" {
		return sim.Adapter{}, fmt.Errorf("%q has no name: want NAME=PATH", flags.Shorten(word))
	}
	return sim.Adapter{Name: name, Path: path}, nil
}

// serveSim serves until the first interrupt.
func serveSim(c *shell.Call, ctx context.Context, env *shell.Env, o sim.Options) error {
	if err := findTokenizer(c, ctx, env, &o); err != nil {
		return err
	}
	s, err := sim.Start(o)
	if err != nil {
		hint := ""
		if errors.As(err, new(*net.OpError)) {
			hint = "choose another with --port, or --port 0 for a free one"
		}
		return shell.Failf(shell.ExitFailed, hint, "%w", err)
	}
	if env.Spare != nil {
		env.Spare(1) // for the thread that waits for the end of each step
	}
	out := &simPrinter{env: env}
	out.opening(s, &o)
	<-ctx.Done()
	out.closing(s)
	return s.Close()
}

// A simPrinter writes what sim says of itself.
type simPrinter struct{ env *shell.Env }

func (p *simPrinter) line(format string, args ...any) {
	fmt.Fprint(p.env.Stdout, shell.Line(format, args...))
}

// opening says what is served and where.
func (p *simPrinter) opening(s *sim.Server, o *sim.Options) {
	p.line("tokmeter sim: a simulated engine; nothing that it answers was computed by a model or measured on a card")
	if b := s.Built(); b != nil {
		for _, l := range setupLines(b) {
			p.line("%s", l)
		}
	} else {
		p.line("%-11s set times: %v to the first token, %v between tokens, jitter %v", "engine", o.Fixed.TTFT, o.Fixed.ITL, o.Fixed.Jitter)
	}
	name := o.TokenizerName
	if name == "" {
		name = "the small one inside (name another with --tokenizer)"
	}
	p.line("%-11s %s", "tokenizer", name)
	for _, a := range o.Adapters {
		p.line("%-11s %s", "adapter", a.Name)
	}
	if b := s.Built(); b != nil {
		for _, n := range b.Notes {
			p.line("%-11s %s", "note", n)
		}
	}
	p.line("%-11s %s, as model %s", "serving on", s.URL(), s.Model())
	p.line("%-11s /v1/completions, /v1/chat/completions, /v1/responses, /metrics, /sim/truth; Ctrl-C stops", "look at")
}

// closing says how late the simulator was.
func (p *simPrinter) closing(s *sim.Server) {
	l := s.Lateness()
	if s.Built() == nil {
		p.line("stopped after %d simulated tokens", l.Steps)
		p.late("each token", l.First)
		return
	}
	p.line("stopped after %d simulated steps", l.Steps)
	p.late("first write of a step", l.First)
	p.late("last write of a step", l.Last)
}

func (p *simPrinter) late(what string, q engine.Quantiles) {
	x := simulated.LateMs(q)
	p.line("late: %s P50 %.3f ms, P99 %.3f ms, max %.3f ms", what, x.P50, x.P99, x.Max)
}

// setupLines says what an engine is, one thing a line.
func setupLines(b *setup.Built) []string {
	var out []string
	line := func(name, format string, args ...any) {
		out = append(out, fmt.Sprintf("%-11s %s", name, fmt.Sprintf(format, args...)))
	}
	s := &b.Setup
	model := s.Model
	if strings.Contains(b.Model.Name, "/") { // of the cache of Hugging Face, where it has a long path
		model = b.Model.Name
	}
	line("model", "%s, weights %s, KV cache %s", model, s.Precision, kvText(s.KV))
	cards := ""
	if s.TP > 1 {
		cards = fmt.Sprintf("%d x ", s.TP)
	}
	line("card", "%s%s", cards, cardText(b))
	line("engine", "%s, %s scheduling, prefix caching %s, chunked prefill %s, policy %s", s.Engine, syncText(s.Async), onText(s.PrefixCaching), onText(s.ChunkedPrefill), s.Policy)
	if n := len(s.Acceptance); n > 0 {
		line("drafts", "%d a step, accepted with chance %v, each given the one before", n, s.Acceptance)
	}
	line("constants", "%s (tokmeter sim hardware %s lists them with their sources)", simulated.ConstantsText(s.Constants), s.GPU)
	line("KV blocks", "%d of %d tokens, one of them never used: %d tokens", s.Blocks, s.BlockSize, (s.Blocks-1)*s.BlockSize)
	line("limits", "max_num_seqs %d, max_num_batched_tokens %d, max_model_len %d", s.MaxSeqs, s.MaxBatchedTokens, s.MaxModelLen)
	return out
}

func cardText(b *setup.Built) string {
	if b.Card == nil {
		return b.Setup.GPU
	}
	if b.Card.Title == "" {
		return b.Card.Name
	}
	return b.Card.Name + " (" + b.Card.Title + ")"
}

func kvText(kv string) string {
	if kv == "" || kv == "auto" {
		return "16 bit"
	}
	return kv
}

func onText(on *bool) string {
	if on != nil && *on {
		return "on"
	}
	return "off"
}

func syncText(async *bool) string {
	if async != nil && *async {
		return "asynchronous"
	}
	return "synchronous"
}
