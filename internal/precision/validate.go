package precision

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/near"
)

// Validate reports everything that is wrong with a filled spec, a line each.
// flags are the names of bench serve's flags; nil leaves names unchecked.
func (s *Spec) Validate(flags []string) error {
	var p problems
	if len(s.Variants) == 0 {
		p.add("variants: none: name at least one way of serving")
	}
	if len(s.Variants) > maxVariants {
		p.add("variants: %d: want %d at most", len(s.Variants), maxVariants)
	}
	seen := map[string]int{}
	for i, v := range s.Variants {
		label := v.label(i)
		if first, ok := seen[v.Name]; ok && v.Name != "" {
			p.add("%s: the name is that of variant %d too: give each its own", label, first+1)
		} else {
			seen[v.Name] = i
		}
		v.validate(&p, label)
	}
	if _, ok := seen[s.Baseline]; !ok && len(s.Variants) > 0 {
		p.add("baseline: %q is no variant%s", s.Baseline, didYouMean(s.Baseline, s.names()))
	}
	s.validateNumbers(&p)
	s.validateBench(&p, flags)
	return p.err()
}

func (s *Spec) names() []string {
	var out []string
	for _, v := range s.Variants {
		out = append(out, v.Name)
	}
	return out
}

// label names a variant in an error.
func (v *Variant) label(i int) string {
	if v.Name == "" {
		return fmt.Sprintf("variant %d", i+1)
	}
	return fmt.Sprintf("variant %q", v.Name)
}

func (s *Spec) validateNumbers(p *problems) {
	x := s.numbers()
	if err := x.Validate(); err != nil {
		*p = append(*p, err)
	}
	for _, c := range s.Concurrency {
		if c < 1 || c > maxOpen {
			p.add("concurrency: %d: want 1 to %d", c, maxOpen)
		}
	}
	if t := s.ReadyTimeout; t <= 0 || t > 24*time.Hour {
		p.add("ready-timeout: %v: want more than 0 and at most 24h", t)
	}
}

// RefusedFlags are flags of bench serve that the experiment sets itself, with
// the reason.
func RefusedFlags() map[string]string {
	const variant = "a variant says it: give it there"
	const own = "the experiment does that itself"
	return map[string]string{
		"model": variant, "served-model-name": variant, "base-url": variant, "host": variant, "port": variant,
		"simulate": variant, "gpu": variant, "model-config": variant, "precision": variant,
		"config": own, "record-dir": own, "no-record": own, "result-dir": own, "result-filename": own,
		"save-result": own, "save-detailed": own, "append-result": own, "label": own, "dry-run": own,
		"save-requests": own, "num-warmups": own, "goodput": "slo searches for the rate that keeps goals",
		"ramp-up-strategy": "a variant is measured at one rate", "ramp-up-start-rps": "a variant is measured at one rate",
		"ramp-up-end-rps": "a variant is measured at one rate", "ready-check-timeout-sec": "ready-timeout says it",
	}
}

func (s *Spec) validateBench(p *problems, flags []string) {
	refused := RefusedFlags()
	for _, f := range s.Bench {
		switch why := refused[f.Name]; {
		case why != "":
			p.add("bench.%s: %s", f.Name, why)
		case flags != nil && !slices.Contains(flags, f.Name):
			p.add("bench.%s: bench serve has no such flag%s", f.Name, didYouMean(f.Name, flags))
		}
	}
	if text := s.Flag("request-rate"); text != "" {
		if rate, err := strconv.ParseFloat(text, 64); err != nil || !(rate > 0) {
			p.add("bench.request-rate: %q: want requests a second, or inf", short(text))
		}
	}
	if text := s.Flag("max-concurrency"); text != "" {
		if n, err := strconv.Atoi(text); err != nil || n < 1 {
			p.add("bench.max-concurrency: %q: want a number of requests", short(text))
		}
	}
}

// placeholder finds what looks like one.
func placeholder() *regexp.Regexp { return regexp.MustCompile(`\{[a-z_-]+\}`) }

func (v *Variant) validate(p *problems, label string) {
	if v.Name == "" {
		p.add("%s: no name: give name or precision", label)
	} else if strings.ContainsAny(v.Name, "/\\\n") || len(v.Name) > 100 {
		p.add("%s: the name is part of file names: leave out slashes, line ends and more than 100 letters", label)
	}
	if v.Precision == "" {
		p.add("%s: no precision: give a label such as fp16, fp8, int4", label)
	}
	n := 0
	for _, has := range []bool{v.URL != "", len(v.Command) > 0, v.Simulate != ""} {
		if has {
			n++
		}
	}
	if n != 1 {
		p.add("%s: want one of url, command and simulate, got %d of them", label, n)
	}
	if v.Model == "" && v.Simulate == "" {
		p.add("%s: no model: give the stub that the table shows", label)
	}
	if v.URL != "" {
		if u, err := url.Parse(v.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			p.add("%s: url %q: want http://host:port", label, short(v.URL))
		}
		if len(v.Env) > 0 || len(v.Args) > 0 {
			p.add("%s: env and args are for a command: the server at url runs already", label)
		}
	}
	v.validateCommand(p, label)
	if v.Simulate != "" {
		if o, err := v.Options(); err != nil {
			p.add("%s: %v", label, err)
		} else if o.Fixed == nil {
			// What does not fit is a row with its reason.
			if _, err := o.Setup.Build(); err != nil && !errors.Is(err, roofline.ErrMemory) {
				for line := range strings.Lines(errors.Join(err, v.Missing).Error()) {
					p.add("%s: simulate %s: %s", label, short(v.Simulate), strings.TrimSpace(line))
				}
			}
		}
	}
	for _, x := range []struct {
		what string
		v    float64
	}{{"weights-bytes", v.WeightBytes}, {"power-w", v.PowerW}, {"price-per-hour", v.Price}} {
		if !(x.v >= 0) || math.IsInf(x.v, 0) {
			p.add("%s: %s: %v: want 0 or more", label, x.what, x.v)
		}
	}
}

func (v *Variant) validateCommand(p *problems, label string) {
	if len(v.Command) == 0 {
		return
	}
	all := slices.Concat(v.Command, v.Args)
	port := false
	for _, w := range all {
		port = port || strings.Contains(w, "{port}")
		for _, name := range placeholder().FindAllString(w, -1) {
			if !slices.Contains(placeholders(), name) {
				p.add("%s: command: %s stands for nothing%s; want %s", label, name, didYouMean(name, placeholders()), strings.Join(placeholders(), ", "))
			}
		}
	}
	if !port {
		p.add("%s: command: no {port} in it: the engine is given a free one", label)
	}
	for name := range v.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			p.add("%s: env: %q is no name of a variable", label, short(name))
		}
	}
}

// short cuts a text for a message.
func short(s string) string { return excerpt.Cut(s, 60) }

// didYouMean is a hint with the nearest name, or nothing.
func didYouMean(name string, names []string) string {
	like := near.Names(name, names)
	if len(like) == 0 {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", like[0])
}
