package sched

import (
	"errors"
	"fmt"
)

// v0Watermark is the share of blocks that vLLM V0 kept free at admission
// (BlockSpaceManagerV1, watermark=0.01).
const v0Watermark = 0.01

// defaultConfig2024 is vLLM's of mid-2024 (0.4, 0.5) for a model of maxModelLen
// tokens: whole prompts in batches of up to max(maxModelLen, 2,048) tokens, no
// prefix cache, 256 requests.
func defaultConfig2024(maxModelLen int) Config {
	return Config{
		Profile: V02024, Blocks: 1000, BlockSize: 16, MaxBatchedTokens: max(maxModelLen, 2048), MaxSeqs: 256,
		MaxModelLen: maxModelLen,
	}
}

// Lookahead is the number of slots that are taken beyond a request's tokens: as
// many as drafts where they come from a head with KV entries of its own, which
// then also loses the last block of every prefix hit; else none.
func (c Config) Lookahead() int {
	if c.DraftHead {
		return c.Drafts
	}
	return 0
}

// maxCount bounds every count of a Config, far above any engine's.
const maxCount = 1 << 30

// Validate reports everything that is wrong with the configuration. The rules
// are vLLM's where it has one (SchedulerConfig.verify_max_model_len).
func (c Config) Validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	count := func(name string, v, least int) {
		bad(v < least || v > maxCount, "%s %d: at least %d, at most %d", name, v, least, maxCount)
	}
	bad(c.Profile > V02024, "profile %d: not known", c.Profile)
	bad(c.Policy > Priority, "policy %d: not known", c.Policy)
	count("blocks", c.Blocks, 2)
	count("block size", c.BlockSize, 1)
	count("batched tokens", c.MaxBatchedTokens, 1)
	count("running requests", c.MaxSeqs, 1)
	count("model length", c.MaxModelLen, 2)
	count("long prefill threshold", c.LongPrefillThreshold, 0)
	count("adapters", c.MaxAdapters, 0)
	count("drafts", c.Drafts, 0)
	bad(!(c.Watermark >= 0 && c.Watermark < 1), "watermark %g: from 0 to less than 1", c.Watermark)
	bad(c.MaxBatchedTokens < c.MaxSeqs, "batched tokens %d: at least the running requests, %d", c.MaxBatchedTokens, c.MaxSeqs)
	bad(!c.ChunkedPrefill && c.MaxBatchedTokens < c.MaxModelLen,
		"batched tokens %d: without chunked prefill at least the model length, %d", c.MaxBatchedTokens, c.MaxModelLen)
	bad(c.LongPrefillThreshold > c.MaxModelLen, "long prefill threshold %d: at most the model length, %d", c.LongPrefillThreshold, c.MaxModelLen)
	bad(c.Drafts > 0 && c.Drafts >= c.MaxBatchedTokens, "drafts %d: fewer than the batched tokens, %d", c.Drafts, c.MaxBatchedTokens)
	bad(c.DraftHead && c.Drafts == 0, "draft head: needs drafts")
	if c.Profile == V02024 {
		bad(c.PrefixCaching, "prefix caching: the profile of mid-2024 is followed without it")
		bad(c.ChunkedPrefill, "chunked prefill: the profile of mid-2024 is followed without it")
		bad(c.Policy == Priority, "priority: the profile of mid-2024 serves first come, first served")
		bad(c.Drafts > 0, "drafts: the profile of mid-2024 is followed without speculation")
		bad(c.Async, "asynchronous scheduling: the profile of mid-2024 has none")
		bad(c.LongPrefillThreshold > 0, "long prefill threshold: the profile of mid-2024 has none")
	}
	return errors.Join(errs...)
}
