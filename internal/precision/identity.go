package precision

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"

	"tokmeter/internal/experiment"
)

// identity is the parts of a spec that decide what is run, by name. Parts
// that may hold secrets, such as environments, are there by their hash alone.
func (s *Spec) identity() map[string]string {
	out := map[string]string{}
	plain := func(name string, v any) { out[name] = fmt.Sprint(v) }
	hidden := func(name string, v any) {
		if text := fmt.Sprintf("%q", v); text != `""` && text != "[]" && text != "map[]" {
			sum := sha256.Sum256([]byte(text))
			out[name] = experiment.Hidden + hex.EncodeToString(sum[:6])
		}
	}
	plain("baseline", s.Baseline)
	plain("rounds", s.Rounds)
	plain("parallel", s.InParallel())
	plain("concurrency", s.Concurrency)
	plain("slo", s.Goals)
	if len(s.Goals) > 0 {
		plain("search", s.Search)
	}
	plain("drift", s.Drift)
	plain("warm-up", s.Warm)
	plain("cache", s.Cache)
	plain("variants", strings.Join(s.names(), ", "))
	for _, f := range s.Bench {
		switch f.Name {
		case "header", "api-key", "extra-body":
			hidden("bench."+f.Name, f.Values)
		default:
			plain("bench."+f.Name, strings.Join(f.Values, " "))
		}
	}
	for _, v := range s.Variants {
		at := func(key string) string { return fmt.Sprintf("variant %q: %s", v.Name, key) }
		plain(at("model"), v.Model)
		plain(at("precision"), v.Precision)
		plain(at("simulate"), v.Simulate)
		plain(at("served-model-name"), v.Served)
		plain(at("tokenizer"), v.Tokenizer)
		hidden(at("url"), v.URL)
		hidden(at("command"), v.Command)
		hidden(at("args"), v.Args)
		hidden(at("env"), v.Env) // maps are printed in the order of their keys
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" || v == "[]" })
	return out
}
