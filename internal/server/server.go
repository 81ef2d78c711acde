// Package server starts an inference engine, waits until it serves, keeps its
// log and takes it down with everything that it started.
//
// It promises that nothing of an engine outlives its Stop, and on Linux not the
// process that started it either. It tells a crash from slowness and never
// waits without a limit. It knows no flags and prints nothing.
package server
