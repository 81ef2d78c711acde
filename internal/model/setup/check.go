package setup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/model/roofline"
)

// problems gathers what is wrong with a setup, a line each.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf(format, args...))
}

func (p problems) err() error {
	return errors.Join(p...)
}

// check finds what is wrong with the settings taken one by one.
func (s Setup) check(p *problems) {
	choice := func(flag, got string, want ...string) {
		if got != "" && !slices.Contains(want, got) {
			p.add("%s %q: want one of %s", flag, got, strings.Join(want, ", "))
		}
	}
	if _, err := roofline.NamePrecision(s.Precision); err != nil {
		p.add("--precision: %v", err)
	}
	if s.Quantization != "" {
		if _, _, err := quantizationOf(s.Quantization); err != nil {
			p.add("--quantization %v", err)
		}
	}
	choice("--kv-cache-dtype", s.KV, "auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2")
	g, err := generationOf(s.Engine)
	if err != nil {
		p.add("--engine %v", err)
	}
	if _, err := hostProfileOf(s.HostProfile); err != nil {
		p.add("host %v", err)
	}
	choice("--scheduling-policy", s.Policy, "fcfs", "priority")
	if s.Constants > roofline.Ideal {
		p.add("--constants %d: want measured, datasheet or ideal", s.Constants)
	}
	const most = 1 << 30
	count := func(flag string, n int) {
		if n < 0 || n > most {
			p.add("%s %d: want a number of 1 and more; leave it out for the engine's default", flag, n)
		}
	}
	count("--num-gpu-blocks-override", s.Blocks)
	count("--max-model-len", s.MaxModelLen)
	count("--max-num-seqs", s.MaxSeqs)
	count("--max-num-batched-tokens", s.MaxBatchedTokens)
	count("--block-size", s.BlockSize)
	count("--long-prefill-token-threshold", s.LongPrefill)
	count("--max-loras", s.MaxAdapters)
	if s.TP < 0 || s.TP > 1024 {
		p.add("--tensor-parallel-size %d: want 1 to 1024 cards", s.TP)
	}
	if s.MemoryUtilization != 0 && !isShare(s.MemoryUtilization) {
		p.add("--gpu-memory-utilization %v: want a share in (0, 1]", s.MemoryUtilization)
	}
	if !(s.Watermark >= 0 && s.Watermark < 1) {
		p.add("--watermark %v: want a share in [0, 1)", s.Watermark)
	}
	if s.HostMs != nil && !(*s.HostMs >= 0 && *s.HostMs <= 10_000) {
		p.add("--host-ms %v: want milliseconds from 0 to 10000", *s.HostMs)
	}
	s.Engine = g.profile
	s.checkTogether(p)
}

// checkTogether finds settings that an engine does not have.
func (s Setup) checkTogether(p *problems) {
	for i, a := range s.Acceptance {
		if !(a >= 0 && a <= 1) {
			p.add("--speculative-config: acceptance of draft %d is %v: want a chance in [0, 1]", i+1, a)
		}
	}
	if len(s.Acceptance) > 64 {
		p.add("--speculative-config: %d drafts a step: want 64 at most", len(s.Acceptance))
	}
	if s.Engine != EngineV02024 {
		return
	}
	not := func(flag string) {
		p.add("%s: the profile %s does not have it: leave it out, or take --engine %s", flag, EngineV02024, EngineV1)
	}
	if s.Async != nil && *s.Async {
		not("--async-scheduling")
	}
	if s.ChunkedPrefill != nil && *s.ChunkedPrefill {
		not("--enable-chunked-prefill")
	}
	if s.LongPrefill != 0 {
		not("--long-prefill-token-threshold")
	}
	if len(s.Acceptance) > 0 {
		not("--speculative-config")
	}
	if s.Policy == "priority" {
		not("--scheduling-policy priority")
	}
}
