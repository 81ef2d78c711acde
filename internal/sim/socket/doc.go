// Package socket is the simulator's side of a connection: reads carry the moment
// at which the kernel received them, and a write takes what fits and never waits.
// Where the system has no stamps the reader's clock is used.
package socket
