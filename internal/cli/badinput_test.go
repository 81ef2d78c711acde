package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tokmeter/internal/cli/shell"
)

// TestBadInput: what is wrong with the input is found before any server is
// asked, takes at most three lines, and leaves nothing behind.
func TestBadInput(t *testing.T) {
	const entry = `{"conversations":[{"from":"human","value":"hello there my friend"},{"from":"gpt","value":"hi hi hi hi hi hi"}]}`
	files := map[string]string{
		"empty.json":   "",
		"text.json":    "hello world\n",
		"cut.json":     "[" + entry + "," + entry[:30],
		"wrong.json":   "[" + entry + "," + entry + `,{"conversations":[{"value":5},{"value":"x"}]}]`,
		"none.json":    "[]",
		"custom.jsonl": "{\"prompt\":\"hello\"}\n{\"text\":\"x\"}\n",
		"trace.jsonl":  `{"timestamp":1,"input_length":10,"output_length":5,"hash_ids":[1]}` + "\n" + `{"timestamp":"x","input_length":10,"output_length":5,"hash_ids":[1]}` + "\n",
		"saved.jsonl":  `{"index":0,"prompt":"a","prompt_len":1,"output_len":1,"due_s":0}` + "\n" + `{"index":1,"prompt_len":1,"output_len":1,"due_s":0}` + "\n",
		"burst.csv":    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,GPT-4,x,18,490,Conversation log\n",
		"bad.yaml":     "num-prompts: [1\n",
		"ca.pem":       "no certificate",
		"tok.json":     `{"model":{"type":"Magic"}}`,
		"full/x":       "",
	}
	tests := []struct {
		name, args, says string
	}{
		{"an unknown flag", "--num-promts 3", "unknown flag --num-promts; did you mean --num-prompts?"},
		{"a number that is none", "--num-prompts x", `--num-prompts: want a whole number, got "x"`},
		{"a number that no machine holds", "--num-prompts 4000000000", "--num-prompts: want at most 10000000"},
		{"rate 0", "--request-rate 0", "--request-rate: want more than 0"},
		{"a rate that never comes", "--request-rate 1e-300", "raise the request rate"},
		{"a ramp with a rate", "--ramp-up-strategy linear --ramp-up-start-rps 1 --ramp-up-end-rps 2 --request-rate 4", "contradict each other"},
		{"a flag that is not built", "--plot-timeline", "--plot-timeline is refused: plots are not built"},
		{"a header without a value", "--header secret", "--header: want KEY=VALUE, entry 1 has no ="},
		{"a goal without a limit", "--goodput ttft", "--goodput: want METRIC:MS"},
		{"no dataset", "--dataset-path missing.json", "no such file or directory"},
		{"an empty dataset", "--dataset-path empty.json", "empty.json: the file is empty"},
		{"a dataset of another kind", "--dataset-path text.json", `is neither JSON nor a BurstGPT table: its first line is "hello world"`},
		{"a dataset that is cut off", "--dataset-path cut.json", "cut.json: entry 2: the file ends inside a string"},
		{"a malformed entry", "--dataset-name sharegpt --dataset-path wrong.json", `wrong.json: entry 3: the "value" of the first turn is a number`},
		{"no entry at all", "--dataset-name sharegpt --dataset-path none.json --tokenizer TOKENIZER", "none of 0 entries can be used"},
		{"a malformed line", "--dataset-name custom --dataset-path custom.jsonl", `custom.jsonl: line 2: there is no "prompt", only "text"`},
		{"a malformed trace", "--dataset-path trace.jsonl", `trace.jsonl: line 2: "timestamp" is "x", want a number`},
		{"malformed requests", "--dataset-path saved.jsonl", `saved.jsonl: line 2: there is no "prompt" and no "prompt_token_ids"`},
		{"a malformed table", "--dataset-path burst.csv", `burst.csv: line 2: request tokens are "x"`},
		{"a dataset for no model", "--dataset-name random --dataset-path cut.json", "the dataset random has no file"},
		{"a tokenizer that can't be fetched", "--tokenizer org/name", "--tokenizer: org/name: tokenizer.json: is not in the Hugging Face cache"},
		{"a tokenizer that is none", "--tokenizer tok.json", "Magic"},
		{"a configuration that is none", "--config bad.yaml", "config bad.yaml: no valid YAML: line 1"},
		{"authorities that are none", "--ca-file ca.pem", "--ca-file ca.pem holds no PEM certificate"},
		{"a folder of records that is in use", "--record-dir full", "not empty"},
		{"a result that is a folder", "--save-result --result-filename full", "result file full: it is a folder"},
		{"a result below a file", "--save-result --result-dir ca.pem/x", "result folder ca.pem/x"},
		{"a dataset that is wrong and a folder for the result", "--dataset-path wrong.json --save-result --result-dir some/where", "entry 3"},
		{"a simulator and a server", "--simulate", "--simulate and --base-url contradict each other"},
	}
	for _, named := range []bool{true, false} {
		for _, tt := range tests {
			name, model := tt.name+", a model", []string{"--model", "m"}
			if !named {
				name, model = tt.name+", no model", nil
			}
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				for name, text := range files {
					if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
						t.Fatal(err)
					}
					w.write(name, text)
				}
				s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": good()})
				args := append([]string{"bench", "serve", "--base-url", s.url(), "--record-dir", "record"}, model...)
				for _, a := range strings.Fields(tt.args) {
					if a == "TOKENIZER" {
						a = filepath.Join("..", "tokenize", "testdata", "tokenizers", "gpt2.json")
					}
					args = append(args, a)
				}
				before := w.listing()
				got := w.run(w.absolute(args)...)
				if got.code != shell.ExitUsage || got.stdout != "" || !strings.Contains(strings.ReplaceAll(got.stderr, w.dir+string(os.PathSeparator), ""), tt.says) {
					t.Errorf("got exit code %d, stdout %q and stderr\n%s\nwant %d, nothing and %q", got.code, got.stdout, got.stderr, shell.ExitUsage, tt.says)
				}
				if n := strings.Count(got.stderr, "\n"); n > 3 || strings.Contains(got.stderr, "goroutine ") {
					t.Errorf("%d lines on stderr, want at most 3:\n%s", n, got.stderr)
				}
				if n := s.connections(); n != 0 {
					t.Errorf("the server was asked: %v", s.all())
				}
				if after := w.listing(); after != before {
					t.Errorf("files before:\n%s\nafter:\n%s", before, after)
				}
			})
		}
	}
}

// absolute puts the world's folder before the words that name a file of it.
func (w *world) absolute(args []string) []string {
	for i, a := range args {
		if i > 0 && strings.HasPrefix(args[i-1], "--") && (strings.HasSuffix(args[i-1], "-path") || strings.HasSuffix(args[i-1], "-dir") ||
			strings.HasSuffix(args[i-1], "-file") || strings.HasSuffix(args[i-1], "-filename") || args[i-1] == "--config" || strings.HasSuffix(a, ".json")) && !strings.HasPrefix(a, "..") {
			args[i] = w.path(a)
		}
	}
	return args
}

// listing is every file and folder of the world.
func (w *world) listing() string {
	w.t.Helper()
	var names []string
	err := filepath.WalkDir(w.dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(names, "\n")
}

// TestUnwritable: a folder that the system protects.
func TestUnwritable(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("wants a folder that not even root may write to")
	}
	for name, args := range map[string][]string{
		"the result":  {"--save-result", "--result-filename", "/proc/result.json"},
		"the records": {"--record-dir", "/proc/records"},
		"the saved":   {"--save-requests", "/proc/requests.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := newFaultServer(t, nil)
			got := w.run(append([]string{"bench", "serve", "--base-url", s.url(), "--model", "m", "--num-prompts", "1"}, args...)...)
			got.want(t, shell.ExitUsage, "/proc")
			wantOneLine(t, got)
			if s.connections() != 0 {
				t.Error("the server was asked")
			}
		})
	}
}
