// Package lock keeps two programs from writing one file at the same time. A lock
// is the system's advisory one: it ends with the file's descriptor, however the
// program ends, and only those who ask for it heed it.
package lock
