//go:build linux

package engine

import (
	"fmt"
	"os"
	"os/signal"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is the guard, the false engines and the starter that is
// killed, as the first word after its name says.
func TestMain(m *testing.M) {
	if handled, code := Guard(os.Args[1:], World{os.Stdin, os.Stdout, os.Stderr, signal.Notify}); handled {
		os.Exit(code)
	}
	if len(os.Args) > 2 && os.Args[1] == "fake" {
		os.Exit(fake(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "starter" {
		fmt.Println(starter(os.Args[2:]))
		select {}
	}
	goleak.VerifyTestMain(m)
}
