package memory

import (
	"slices"
	"strconv"
	"strings"
)

// Numbers of 32 bit in a vector register.
const (
	lanesSSE    = 4
	lanesNEON   = 4
	lanesAVX    = 8
	lanesAVX512 = 16
)

// cpuInfo takes what /proc/cpuinfo tells: of x86 "model name" and "flags", of
// ARM "Features" alone.
func (m *Machine) cpuInfo(text string) {
	var flags []string
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); key {
		case "model name":
			if m.CPU == "" {
				m.CPU = value
			}
		case "flags", "Features":
			if flags == nil {
				flags = strings.Fields(value)
			}
		}
	}
	has := func(name string) bool { return slices.Contains(flags, name) }
	switch {
	case has("sve"): // the length of its vectors is not told
	case has("avx512f"):
		m.Lanes = lanesAVX512
	case has("avx"):
		m.Lanes = lanesAVX
	case has("sse2"):
		m.Lanes = lanesSSE
	case has("asimd"):
		m.Lanes = lanesNEON
	}
	m.Dot8 = has("avx512_vnni") || has("avx_vnni") || has("asimddp")
	m.Matrix = has("amx_tile") || has("sme")
	m.Half = has("avx512_bf16") || has("avx512_fp16") || has("asimdhp") || has("bf16")
}

// memAvailable is /proc/meminfo's MemAvailable in bytes, 0 where there is none.
func memAvailable(text string) int64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err == nil && n >= 0 && n < 1<<50 {
				return n << 10
			}
		}
	}
	return 0
}

// A cache is one that a core sees; cores that share it see the same list.
type cache struct {
	level  int
	kind   string
	shared string
	bytes  int64
}

// kib reads a size such as 32768K or 32M, in bytes; 0 where it is none.
func kib(s string) int64 {
	shift := 0
	switch {
	case strings.HasSuffix(s, "K"):
		shift = 10
	case strings.HasSuffix(s, "M"):
		shift = 20
	case strings.HasSuffix(s, "G"):
		shift = 30
	}
	n, err := strconv.ParseInt(strings.TrimRight(s, "KMG"), 10, 64)
	if err != nil || n < 0 || n > 1<<30 {
		return 0
	}
	return n << shift
}

// lastCaches adds up the caches of the highest level, each of them once, and
// tells the largest.
func lastCaches(list []cache) (all, one int64) {
	level := 0
	for _, c := range list {
		if c.kind != "Instruction" {
			level = max(level, c.level)
		}
	}
	var seen []string
	for _, c := range list {
		if c.level != level || c.kind == "Instruction" || slices.Contains(seen, c.shared) {
			continue
		}
		seen = append(seen, c.shared)
		all += c.bytes
		one = max(one, c.bytes)
	}
	return all, one
}
