package shell

import (
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// downloadEvery is how often a download says how far it is, where no terminal
// shows it.
const downloadEvery = 10 * time.Second

// downloads returns a function that shows how far a download is.
func downloads(w io.Writer, terminal bool, now func() time.Time) func(file string, done, total int64) {
	var last time.Time
	return func(file string, done, total int64) {
		whole := total >= 0 && done >= total
		if !whole && now().Sub(last) < downloadEvery && !terminal {
			return
		}
		last = now()
		text := fmt.Sprintf("tokmeter: downloading %s: %.1f MB", filepath.Base(file), float64(done)/1e6)
		if total >= 0 {
			text += fmt.Sprintf(" of %.1f", float64(total)/1e6)
		}
		if terminal {
			fmt.Fprintf(w, "\r\x1b[K%s", text)
			if whole {
				fmt.Fprintln(w)
			}
			return
		}
		fmt.Fprintln(w, text)
	}
}
