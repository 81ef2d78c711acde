package selftest

import (
	"bufio"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"sync"
)

// address is how the server says where it serves.
var address = regexp.MustCompile(`serving on +(http://\S+?),?(?:\s|$)`)

// Start starts the command of a server, `tokmeter sim`, and returns its URL as soon as
// it says it, and what ends it and returns when it is gone.
func Start(cmd *exec.Cmd) (url string, stop func(), err error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	lines := bufio.NewScanner(out)
	for url == "" && lines.Scan() {
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			url = m[1]
		}
	}
	var gone sync.WaitGroup
	gone.Go(func() { _, _ = io.Copy(io.Discard, out) }) // it says more when it ends
	stop = func() {
		_ = cmd.Process.Kill() // it has nothing to keep
		gone.Wait()
		_ = cmd.Wait() // the error is the kill
	}
	if url == "" {
		stop()
		return "", nil, errors.New("it ended before it served")
	}
	return url, stop, nil
}
