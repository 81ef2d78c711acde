package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
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
		"serve_all":    {"bench", "serve", "--help", "all"},
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

// TestHelpListsEveryFlag: nothing that the table has is missing in --help all.
func TestHelpListsEveryFlag(t *testing.T) {
	env, stdout, _ := fakeEnv("bench", "serve", "--help", "all")
	Main(env)
	for _, f := range measure.Table() {
		if !strings.Contains(stdout.String(), "\n  "+f.Syntax()) {
			t.Errorf("--help all does not show %s", f.Syntax())
		}
	}
	env, stdout, _ = fakeEnv("bench", "serve", "--help=options")
	Main(env)
	if got := stdout.String(); !strings.Contains(got, "--request-rate") || strings.Contains(got, "--top-p") {
		t.Errorf("--help=options: want what vLLM lists as options, got %s", got)
	}
}

// TestHelpIsNarrow: at any width no line of any command's help is wider than the
// terminal where it has a space to be cut at and is no example.
func TestHelpIsNarrow(t *testing.T) {
	for _, c := range commands() {
		for _, about := range []string{"", "all", "model"} {
			if about == "model" && c.Run == nil {
				continue
			}
			for _, width := range []int{40, 57, 63, 64, 80, 119, 200} {
				env, stdout, _ := fakeEnv(append(strings.Fields(c.Path), "--help="+about)...)
				env.Width = width
				if code := Main(env); code != shell.ExitOK {
					t.Fatalf("%s --help=%s: exit code %d", c.Path, about, code)
				}
				for _, l := range strings.Split(stdout.String(), "\n") {
					example := strings.HasPrefix(l, "  ") && strings.Contains(c.Long+jsonTip, l)
					if len([]rune(l)) > width && strings.Contains(strings.TrimSpace(l), " ") && !example {
						t.Errorf("%s --help=%s: %d columns, want at most %d: %q", c.Path, about, len(l), width, l)
					}
				}
			}
		}
	}
}

// TestFirstFlags: the help of a first use has about a dozen flags, and each is one.
func TestFirstFlags(t *testing.T) {
	for _, c := range commands() {
		if len(c.First) > 14 {
			t.Errorf("%s: %d flags of a first use, want about a dozen", c.Path, len(c.First))
		}
		for _, name := range c.First {
			if f := c.Flags.Named(name); f == nil || f.Refused != "" {
				t.Errorf("%s has no flag %s for a first use", c.Path, name)
			}
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

// TestBashCompletes sources the script in a bash that has no bash-completion and
// asks as a key of tabulation does.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash on this machine")
	}
	env, script, _ := fakeEnv("completion", "bash")
	if code := Main(env); code != shell.ExitOK {
		t.Fatalf("exit code %d", code)
	}
	tests := []struct{ name, asked, words, line, answer, want string }{
		{"a command", "be", "(tokmeter be)", "tokmeter be", "bench", "bench"},
		{"a value after =", "bench serve --client=na", "(tokmeter bench serve --client = na)", "tokmeter bench serve --client=na", "native", "native"},
		{"an empty value after =", "bench serve --client=", "(tokmeter bench serve --client = '')", "tokmeter bench serve --client=", "native", "native"},
		{"an empty word", "bench serve --client ", "(tokmeter bench serve --client '')", "tokmeter bench serve --client ", "native", "native"},
		{"a word with a colon", "bench serve --goodput ttft:1", "(tokmeter bench serve --goodput ttft : 1)", "tokmeter bench serve --goodput ttft:1", "ttft:100", "100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// A function stands in for the program and keeps what it was asked.
			asked := filepath.Join(t.TempDir(), "asked")
			cmd := exec.Command(bash, "--norc", "--noprofile", "-c", script.String()+`
compopt() { :; } # bash has it for its own calls alone
tokmeter() { shift; echo "$*" >"$asked"; printf '%s\n:4\n' "$answer"; }
COMP_WORDS=`+tt.words+` COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
__start_tokmeter
printf '%s\n' "${COMPREPLY[@]}"`)
			cmd.Env = append(os.Environ(), "answer="+tt.answer, "line="+tt.line, "asked="+asked)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			question, err := os.ReadFile(asked)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(string(out)); got != tt.want || strings.TrimRight(string(question), "\n") != tt.asked {
				t.Errorf("asked %q and got %q, want %q and %q", question, got, tt.asked, tt.want)
			}
		})
	}
}
