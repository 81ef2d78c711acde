package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"strings"
)

// Hash is the identity of the request sequence: equal hashes mean the same
// prompts, lengths, parameters and due times in the same order. Where the
// server is, how it is reached, secrets, request ids, goals and what is
// reported do not count. A dataset file counts by its name without the
// folders; its content is not looked at.
func (p Plan) Hash() string {
	target := Target{
		Backend:        p.Target.Backend,
		Model:          p.Target.Model,
		ServedModel:    p.Target.ServedModel,
		LoRAModules:    p.Target.LoRAModules,
		LoRAAssignment: p.Target.LoRAAssignment,
		IgnoreEOS:      p.Target.IgnoreEOS,
		Logprobs:       p.Target.Logprobs,
		ExtraBody:      p.Target.ExtraBody,
	}
	work := p.Workload
	work.Path = path.Base(strings.ReplaceAll(work.Path, `\`, "/"))
	load := p.Load
	load.Grace, load.Stop = 0, Stop{}
	b, err := json.Marshal(Plan{
		Version: p.Version, Seed: p.Seed, Compat: p.Compat,
		Target: target, Workload: work, Load: load,
	})
	if err != nil {
		// Only NaN and broken raw JSON cannot be written: Validate refuses both.
		return "invalid"
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
