package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
)

var update = flag.Bool("update", false, "write the golden files again")

// A leakCheck runs tests and wants all their goroutines gone at the end.
type leakCheck struct{ m *testing.M }

// Run returns the exit code of the tests. Scripts wait for servers and clocks most
// of their time, so that two cores carry six of them.
func (l leakCheck) Run() int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		if err := flag.Set(f.Name, "6"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	code := l.m.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestMain(m *testing.M) {
	// The guard of an engine is this very program (see package engine).
	if handled, code := shell.OS().Guard(os.Args[1:]); handled {
		os.Exit(code)
	}
	testscript.Main(leakCheck{m}, map[string]func(){
		"tokmeter": func() { os.Exit(Main(shell.OS())) },
	})
}

// fakeEnv is an outside world that keeps what is written.
func fakeEnv(args ...string) (env *shell.Env, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &shell.Env{
		Args: args, Getenv: func(string) string { return "" },
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Width: 100,
	}, stdout, stderr
}

// golden compares got with a file, or writes the file with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not what the program says; run the test with -update (-file +program):\n%s", path, diff)
	}
}

func TestHelp(t *testing.T) {
	for name, args := range map[string][]string{
		"root":         {"--help"},
		"bench":        {"bench", "-h"},
		"serve":        {"bench", "serve", "--help=all"},
		"serve_group":  {"help", "bench", "serve", "--help=sampling parameters"},
		"serve_search": {"bench", "serve", "--help=Output_Len"},
		"serve_none":   {"bench", "serve", "--model", "x", "--help=zebra"},
		"tokenize":     {"tokenize", "--help"},
		"report":       {"report", "--help"},
		"completion":   {"completion", "--help"},
		"sim":          {"sim", "--help=all"},
		"sim_group":    {"sim", "--help=scheduler and cache options"},
		"sim_hardware": {"sim", "hardware", "--help"},
		"sim_models":   {"sim", "models", "--help"},
		"sim_replay":   {"sim", "replay", "--help"},
		"sim_steps":    {"help", "sim", "steps"},
		"sol":          {"sol", "--help"},
		"precision":    {"precision", "--help"},
		"version":      {"version", "--help"},
	} {
		t.Run(name, func(t *testing.T) {
			env, stdout, stderr := fakeEnv(args...)
			if code := Main(env); code != shell.ExitOK || stderr.Len() > 0 {
				t.Fatalf("got exit code %d and %q, want 0 and nothing", code, stderr)
			}
			golden(t, filepath.Join("testdata", "help", name+".txt"), stdout.Bytes())
		})
	}
}

// TestHelpListsEveryFlag: nothing that the table has is missing in the help.
func TestHelpListsEveryFlag(t *testing.T) {
	env, stdout, _ := fakeEnv("bench", "serve", "--help")
	Main(env)
	for _, f := range measure.Table() {
		if !strings.Contains(stdout.String(), "\n  "+f.Syntax()) {
			t.Errorf("--help does not show %s", f.Syntax())
		}
	}
	env, stdout, _ = fakeEnv("bench", "serve", "--help=options")
	Main(env)
	if got := stdout.String(); !strings.Contains(got, "--request-rate") || strings.Contains(got, "--top-p") {
		t.Errorf("--help=options: want what vLLM lists as options, got %s", got)
	}
}

// TestHelpIsNarrow: no line is wider than the terminal, but for names.
func TestHelpIsNarrow(t *testing.T) {
	env, stdout, _ := fakeEnv("bench", "serve", "--help=all")
	env.Width = 60
	Main(env)
	for _, l := range strings.Split(stdout.String(), "\n") {
		if len(l) > 60 && strings.Contains(strings.TrimSpace(l), "  ") {
			t.Errorf("%d columns, want at most 60: %q", len(l), l)
		}
	}
}

// TestDocs keeps docs/cli.md equal to the table.
func TestDocs(t *testing.T) {
	golden(t, "../../docs/cli.md", []byte(docs()))
}

// TestCompletion asks as the shells' scripts do.
func TestCompletion(t *testing.T) {
	tests := []struct {
		name, want, not string
		words           []string
	}{
		{"names of flags", "--backend\t", "--use-beam-search", []string{"bench", "serve", "--"}},
		{"the negative form", "--no-self-timed\t", "", []string{"bench", "serve", "--no-"}},
		{"choices that are built", "openai-chat\n", "vllm-pooling", []string{"bench", "serve", "--backend", ""}},
		{"choices after a name with underscores", "sharegpt\n", "spec_bench", []string{"bench", "serve", "--dataset_name", "s"}},
		{"choices after =", "round-robin\n", "", []string{"bench", "serve", "--lora-assignment="}},
		{"after a list", "exponential\n", "", []string{"bench", "serve", "--header", "A=1", "B=2", "--ramp-up-strategy", ""}},
		{"entries of a list", "ttft,tpot\n", "ttft,ttft\n", []string{"bench", "serve", "--percentile-metrics", "ttft,"}},
		{"metrics of goals", "e2el:\n", "", []string{"bench", "serve", "--goodput", ""}},
		{"YAML files", "yaml\nyml\n:8\n", "", []string{"bench", "serve", "--config", ""}},
		{"folders", ":16\n", "", []string{"bench", "serve", "--result-dir", ""}},
		{"no files where a number is wanted", ":4\n", "", []string{"bench", "serve", "--port", ""}},
		{"commands", "bench\tMeasure a server\n", "", []string{""}},
		{"cards", "a10g\n", "", []string{"sim", "--gpu", ""}},
		{"models", "llama-3-8b\n", "", []string{"sim", "replay", "--model", ""}},
		{"a card to simulate", "a10g/\n", "", []string{"bench", "serve", "--simulate="}},
		{"a model to simulate", "a10g/llama-3-8b\n", "", []string{"bench", "serve", "--simulate=a10g/l"}},
		{"a precision to simulate", "a10g/llama-3-8b/int4\n", "", []string{"bench", "serve", "--simulate=a10g/llama-3-8b/"}},
		{"engines", "vllm-v0-2024\n", "", []string{"sim", "--engine", ""}},
		{"commands of sim", "hardware\t", "", []string{"sim", ""}},
		{"shells", "bash\nzsh\nfish\n", "", []string{"completion", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env, stdout, _ := fakeEnv(append([]string{"__complete"}, tt.words...)...)
			if code := Main(env); code != shell.ExitOK {
				t.Fatalf("got exit code %d, want 0", code)
			}
			if got := stdout.String(); !strings.Contains(got, tt.want) || tt.not != "" && strings.Contains(got, tt.not) {
				t.Errorf("got\n%s\nwant it with %q and without %q", got, tt.want, tt.not)
			}
		})
	}
}
