package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"tokmeter/internal/atomicfile"
)

// Format is the version of the run directory's format. A reader refuses a
// higher one.
const Format = 1

// The files of a run directory.
const (
	headFile    = "run.json"
	recordsFile = "records.jsonl.gz"
)

// A Head is the content of run.json: everything about a run but its records.
type Head struct {
	Format   int    `json:"format"`
	Tokmeter string `json:"tokmeter"` // version of the program
	// Begun is the wall time at which the directory was made.
	Begun time.Time `json:"begun"`
	// Args is the command line. Whoever fills it takes secrets out before.
	Args []string        `json:"args,omitempty"`
	Plan json.RawMessage `json:"plan,omitempty"` // a plan.Plan, secrets taken out
	// PlanHash is the plan's hash: runs that have the same sent the same requests.
	PlanHash    string      `json:"plan_hash,omitempty"`
	Environment Environment `json:"environment"`
	Server      Server      `json:"server"`
	// Options are vLLM's names and values of the command line, an object in the
	// order of vLLM's parser: the PyTorch records repeat them.
	Options json.RawMessage `json:"options,omitempty"`
	// Workload says what was kept and dropped, and why; nil before it is built.
	Workload *Workload `json:"workload,omitempty"`
	// Limit names the card and the model whose speed of light the run is
	// compared with; missing where they are not known.
	Limit json.RawMessage `json:"limit,omitempty"`
	// Warnings are what was found out before and during the run.
	Warnings []Warning `json:"warnings,omitempty"`
	// Counts has, by the record's index, the tokens of answers that were
	// counted after the run. A reader puts them into the records.
	Counts map[int]Count `json:"counts,omitempty"`
	// Records is the number of records written; 0 until the run ended.
	Records int `json:"records"`
	// Ending is nil while the run is on, and for ever when it was killed.
	Ending *Ending `json:"ending,omitempty"`
}

// An Environment says where the client ran. It names no host and no user.
type Environment struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Cores  int    `json:"cores"` // logical CPUs that the process may use
	Go     string `json:"go"`
	CPU    string `json:"cpu,omitempty"`    // model name, where the system says it
	Kernel string `json:"kernel,omitempty"` // release, on Linux
	// ClockSource is the kernel's, such as tsc or kvm-clock, on Linux.
	ClockSource string `json:"clock_source,omitempty"`
}

// A Server holds what the server said of itself, as it said it.
type Server struct {
	Version json.RawMessage `json:"version,omitempty"` // answer of /version
	Models  json.RawMessage `json:"models,omitempty"`  // answer of /v1/models
	// Simulator is what the server inside says of itself; missing for a real one.
	Simulator json.RawMessage `json:"simulator,omitempty"`
	// Before and After are the server's counters at the run's beginning and end.
	Before json.RawMessage `json:"counters_before,omitempty"`
	After  json.RawMessage `json:"counters_after,omitempty"`
}

// Simulated reports whether the server says that it is tokmeter's simulator.
func (s Server) Simulated() bool {
	var v struct{ Simulated bool }
	return json.Unmarshal(s.Version, &v) == nil && v.Simulated
}

// Here describes the machine and the program that it is called in.
func Here() Environment {
	return Environment{
		OS:          runtime.GOOS,
		Arch:        runtime.GOARCH,
		Cores:       runtime.NumCPU(),
		Go:          runtime.Version(),
		CPU:         cpuModel("/proc/cpuinfo"),
		Kernel:      firstLine("/proc/sys/kernel/osrelease"),
		ClockSource: firstLine("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
	}
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

func cpuModel(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// writeHead replaces run.json in dir in one step, so that a reader sees one head
// or the other.
func writeHead(dir string, h Head) error {
	b, err := json.MarshalIndent(h, "", "  ")
	if err == nil {
		err = atomicfile.Replace(filepath.Join(dir, headFile), func(w io.Writer) error {
			_, err := w.Write(append(b, '\n'))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("run directory: can't write %w", err)
	}
	return nil
}

// readHead reads run.json of dir.
func readHead(dir string) (Head, error) {
	var h Head
	path := filepath.Join(dir, headFile)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h, fmt.Errorf("%s is no run directory: it has no %s (give the folder that a run printed at its start)", dir, headFile)
	case err != nil:
		return h, fmt.Errorf("run directory %s: %w", dir, err)
	}
	if err := json.Unmarshal(b, &h); err != nil {
		return h, fmt.Errorf("run directory %s: %s: %w", dir, headFile, err)
	}
	if h.Format < 1 || h.Format > Format {
		return h, fmt.Errorf("run directory %s has format %d, this tokmeter reads 1 to %d (use a tokmeter as recent as the one that wrote it)", dir, h.Format, Format)
	}
	return h, nil
}

// Name is the default name of a run's directory: the time to the second and
// the last part of the model's name, such as 20261124-132230-Llama-3-8B.
// Whatever a file system might refuse becomes a hyphen.
func Name(t time.Time, model string) string {
	model = strings.TrimRight(strings.ReplaceAll(model, `\`, "/"), "/")
	if i := strings.LastIndexByte(model, '/'); i >= 0 {
		model = model[i+1:]
	}
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, model)
	clean = strings.Trim(clean, ".-")
	if len(clean) > 80 {
		clean = strings.TrimRight(clean[:80], ".-")
	}
	name := t.Format("20060102-150405")
	if clean != "" {
		name += "-" + clean
	}
	return name
}
