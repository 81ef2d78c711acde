// Package alarm waits for absolute moments more exactly than Go's timers do,
// which round a wait up to whole milliseconds when the process is idle. An
// Alarm belongs to one goroutine, which should be locked to its thread; Wake
// may be called from anywhere. It promises to return close after the moment
// and never before it, and refuses nothing: a moment in the past returns at once.
package alarm
