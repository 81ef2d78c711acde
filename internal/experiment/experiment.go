// Package experiment runs several ways of serving as one question: the same
// requests for each, in interleaved rounds, with what was done kept so that a
// stopped experiment goes on where it was.
package experiment
