// Package metrics turns records into numbers: vLLM's definitions from the
// wire's clock. It reads no clock and no disk.
package metrics
