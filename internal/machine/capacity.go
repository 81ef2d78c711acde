package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"tokmeter/internal/atomicfile"
)

// A Capacity is what a machine was found to hold: up to so many streams at so many
// tokens a second, every token came in time and TTFT was true. The server of the
// test shared the machine, so that it may hold more.
type Capacity struct {
	Measured  time.Time `json:"measured"`
	Tokmeter  string    `json:"tokmeter"` // version of the program
	Arch      string    `json:"arch"`
	Cores     float64   `json:"cores"`
	Streams   int       `json:"streams"`           // the most that were held, each of Rate
	Rate      float64   `json:"tokens_per_second"` // of a stream
	Bounded   bool      `json:"bounded"`           // more was too much; else the machine was not brought to its limit
	Prompt    int       `json:"prompt_streams"`    // the most at which the client read within a millisecond (P99), 5 % of the gap between tokens
	TTFTError float64   `json:"ttft_error_ms"`     // mean distance from the truth, at the level where it is least
	Levels    []Level   `json:"levels"`
}

// A Level is what was found at a number of streams. Times are in milliseconds.
type Level struct {
	Streams      int     `json:"streams"`
	Tokens       float64 `json:"tokens_per_second"` // that came, all streams together
	LagP99       float64 `json:"lag_p99_ms"`
	TTFTError    float64 `json:"ttft_error_ms"`     // mean of said − true
	TTFTErrorP99 float64 `json:"ttft_error_p99_ms"` // P99 of its size
	CPU          float64 `json:"cpu"`               // cores that the client used
	Held         bool    `json:"held"`              // 90 % of the tokens a second came, and TTFT was true to 0.1 ms on average
}

// tokensPerSecond is what was held, all streams together.
func (c *Capacity) tokensPerSecond() float64 { return float64(c.Streams) * c.Rate }

// Line says what was found.
func (c *Capacity) Line() string {
	if c.Streams == 0 {
		return "This machine holds not one stream: it is too busy, or has too few cores."
	}
	line := fmt.Sprintf("This machine holds %d streams of %.0f tokens/s, %.0f tokens/s in all", c.Streams, c.Rate, c.tokensPerSecond())
	if !c.Bounded {
		line += ", and more: the limit was not reached"
	}
	line += fmt.Sprintf("; TTFT is %.3f ms from the truth where it is best", c.TTFTError)
	if c.Prompt == 0 {
		return line + ". The client reads later than 1 ms (P99) of any number of streams, which a closed loop's rates hold."
	}
	return line + fmt.Sprintf(". Up to %d streams the client reads within 1 ms (P99).", c.Prompt)
}

// Beyond says why a load is more than c holds; "" where it is not, or c is of
// another machine. Numbers that are not known are 0.
func (c *Capacity) Beyond(streams int, tokens float64) string {
	if c == nil || !c.Bounded || c.Arch != runtime.GOARCH || c.Cores != Now().cores {
		return ""
	}
	const hint = "beyond it times are not true (tokmeter selftest)"
	switch {
	case streams > c.Streams:
		return fmt.Sprintf("up to %d streams at once, where this machine holds %d of %.0f tokens/s: %s", streams, c.Streams, c.Rate, hint)
	case tokens > c.tokensPerSecond():
		return fmt.Sprintf("up to %.0f tokens/s, where this machine holds %.0f: %s", tokens, c.tokensPerSecond(), hint)
	}
	return ""
}

// CapacityFile is where a capacity is kept, in the user's folder for caches; "" where
// the environment names none.
func CapacityFile(getenv func(string) string) string {
	at := func(name string, more ...string) string {
		if dir := getenv(name); dir != "" {
			return filepath.Join(append([]string{dir}, append(more, "tokmeter", "selftest.json")...)...)
		}
		return ""
	}
	if file := at("XDG_CACHE_HOME"); file != "" {
		return file
	}
	switch runtime.GOOS {
	case "windows":
		return at("LocalAppData")
	case "darwin":
		return at("HOME", "Library", "Caches")
	}
	return at("HOME", ".cache")
}

// ReadCapacity reads one; nil where there is none, or none that can be read: a
// self-test makes it anew.
func ReadCapacity(file string) *Capacity {
	b, err := os.ReadFile(file)
	if file == "" || err != nil {
		return nil
	}
	var c Capacity
	if json.Unmarshal(b, &c) != nil || c.Streams < 0 || !(c.Rate >= 0) {
		return nil
	}
	return &c
}

// Write keeps c in a file, whose folder is made.
func (c *Capacity) Write(file string) error {
	if file == "" {
		return errors.New("there is no folder to keep it in: set HOME or XDG_CACHE_HOME")
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return atomicfile.Replace(file, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}
