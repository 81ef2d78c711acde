//go:build !linux

package memory

import "runtime"

// Look is what can be said of a system whose caches and memory are not read:
// its threads, and the vectors that every processor of its kind has.
func Look() Machine {
	m := Machine{Cores: runtime.GOMAXPROCS(0)}
	if runtime.GOARCH == "arm64" {
		m.Lanes = lanesNEON
	}
	return m
}
