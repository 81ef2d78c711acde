package workload

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/dataset"
	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
	"tokmeter/internal/template"
	"tokmeter/internal/tokenize"
)

// A goldenCase is one of testdata/cases.json: words of vLLM's command line.
type goldenCase struct {
	Name     string
	Why      string
	Args     []string
	Compat   bool // holds under --compat vllm alone
	Template bool // needs a chat template
	HashSeed int  // PYTHONHASHSEED of the recording
	Sonnet   *struct {
		N         int
		InputLen  int `json:"input_len"`
		OutputLen int `json:"output_len"`
		PrefixLen int `json:"prefix_len"`
		Chat      bool
	}
}

// A recording is what record.py wrote for a case.
type recording struct {
	Requests [][3]any // start of the prompt's hash, prompt length, output length
	Times    []float64
	PyNext   float64 `json:"py_next"`
	NpNext   float64 `json:"np_next"`
	Error    string
}

// TestGolden builds every case with the tokenizers that are free to commit, and
// with the real ones where TOKMETER_TOKENIZERS names their folder, and compares
// with what vLLM's client makes: prompts, lengths, and where the generators are
// left. testdata/record.py made the recordings.
func TestGolden(t *testing.T) {
	var cases []goldenCase
	readJSON(t, "testdata/cases.json", &cases)
	for _, name := range []string{"tiny", "small_llama3", "small_llama2", "llama3", "qwen3", "mistral_nemo", "gptoss"} {
		t.Run(name, func(t *testing.T) {
			tok, render := loadTokenizer(t, name)
			recorded := map[string]recording{}
			readJSON(t, filepath.Join("testdata/golden", name+".json"), &recorded)
			for _, c := range cases {
				if c.Template && render == nil {
					continue
				}
				t.Run(c.Name, func(t *testing.T) {
					rec, ok := recorded[c.Name]
					if !ok {
						t.Fatal("not recorded: run testdata/record.py")
					}
					compareGolden(t, c, rec, tok, render)
				})
			}
		})
	}
}

func compareGolden(t *testing.T, c goldenCase, rec recording, tok Tokenizer, render Template) {
	p := casePlan(t, c)
	rnd, err := NewRandoms(p.Seed)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Plan: p, Tokenizer: tok, Template: render, Randoms: rnd, Workers: 2, Data: openData(t, p.Workload.Path)}
	if p.Workload.SkipTokenizer {
		cfg.Tokenizer = nil
	}
	set, err := Build(t.Context(), cfg)
	if rec.Error != "" {
		if err == nil {
			t.Fatalf("got no error, vLLM says %s", rec.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var got, want [][3]any
	for _, it := range set.Items {
		got = append(got, [3]any{hashed(it.Prompt)[:16], it.PromptLen, it.OutputLen})
	}
	for _, r := range rec.Requests {
		want = append(want, [3]any{r[0].(string)[:16], int(r[1].(float64)), int(r[2].(float64))})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-vLLM +ours):\n%s", diff)
	}
	for i, s := range rec.Times {
		first := 0.0
		if !c.Compat {
			first = slices.Min(rec.Times)
		}
		if got := set.Items[i].At.Seconds(); math.Abs(got-(s-first)) > 1e-6 {
			t.Errorf("request %d is due at %v, want %v", i, got, s-first)
		}
	}
	if rec.Times != nil && !c.Compat && p.Seed != 0 {
		return // vLLM's client seeds with 0 for a timed trace (quirk Q18)
	}
	if got := rnd.Py.Float64(); got != rec.PyNext {
		t.Errorf("Python's generator draws %v next, want %v", got, rec.PyNext)
	}
	if got := rnd.Np.Float64(); got != rec.NpNext {
		t.Errorf("NumPy's generator draws %v next, want %v", got, rec.NpNext)
	}
}

// hashed is the hash of a prompt as record.py writes it.
func hashed(p protocol.Prompt) string {
	text := p.Text
	switch {
	case p.Batch != nil:
		parts := make([]string, len(p.Batch))
		for i, s := range p.Batch {
			parts[i] = hashed(protocol.Prompt{Text: s})
		}
		text = strings.Join(parts, ",")
	case p.IDs != nil:
		parts := make([]string, len(p.IDs))
		for i, id := range p.IDs {
			parts[i] = strconv.Itoa(id)
		}
		text = strings.Join(parts, ",")
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// basePlan has vLLM's defaults.
func basePlan(dataset string) *plan.Plan {
	return &plan.Plan{
		Target: plan.Target{Backend: "openai", Model: "m", RequestIDPrefix: "bench-"},
		Workload: plan.Workload{
			Dataset: dataset, NumPrompts: 1000,
			Random: plan.Random{InputLen: 1024, OutputLen: 128, BatchSize: 1},
			Custom: plan.Custom{OutputLen: 256},
			Prefix: plan.Prefix{PrefixLen: 256, SuffixLen: 256, NumPrefixes: 10, OutputLen: 128},
			Sonnet: plan.Sonnet{InputLen: 550, OutputLen: 150, PrefixLen: 200},
			Trace: plan.Trace{ChunkSize: 16, Multiplier: 1, Timestamp: "timestamp", InputLength: "input_length",
				OutputLen: "output_length", HashIDs: "hash_ids"},
		},
	}
}

// casePlan reads the words of a case. It is no command line: a word that it
// does not know fails the test.
func casePlan(t *testing.T, c goldenCase) *plan.Plan {
	t.Helper()
	p := basePlan("")
	w := &p.Workload
	if c.Compat {
		p.Compat = "vllm"
	}
	whole := func(to *int) func(string) error {
		return func(s string) (err error) { *to, err = strconv.Atoi(s); return err }
	}
	text := func(to *string) func(string) error { return func(s string) error { *to = s; return nil } }
	ignore := func(string) error { return nil }
	set := map[string]func(string) error{
		"dataset-name": text(&w.Dataset), "dataset-path": text(&w.Path), "num-prompts": whole(&w.NumPrompts),
		"seed":             func(s string) (err error) { p.Seed, err = strconv.ParseInt(s, 10, 64); return err },
		"random-input-len": whole(&w.Random.InputLen), "input-len": whole(&w.Random.InputLen),
		"random-output-len": whole(&w.Random.OutputLen), "random-prefix-len": whole(&w.Random.PrefixLen),
		"random-batch-size": whole(&w.Random.BatchSize),
		"random-range-ratio": func(s string) error {
			var both struct{ Input, Output float64 }
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				err = json.Unmarshal([]byte(s), &both)
			} else {
				both.Input, both.Output = f, f
			}
			w.Random.InputRange, w.Random.OutputRange = both.Input, both.Output
			return err
		},
		"sharegpt-output-len": whole(&w.ShareGPT.OutputLen), "custom-output-len": whole(&w.Custom.OutputLen),
		"prefix-repetition-prefix-len": whole(&w.Prefix.PrefixLen), "prefix-repetition-suffix-len": whole(&w.Prefix.SuffixLen),
		"prefix-repetition-num-prefixes": whole(&w.Prefix.NumPrefixes), "prefix-repetition-output-len": whole(&w.Prefix.OutputLen),
		"output-len": func(s string) error {
			n, err := strconv.Atoi(s)
			w.Random.OutputLen, w.ShareGPT.OutputLen, w.Custom.OutputLen, w.Prefix.OutputLen = n, n, n, n
			return err
		},
		"timed-trace-chunk-hash-size":     whole(&w.Trace.ChunkSize),
		"timed-trace-sec-multiplier":      func(s string) (err error) { w.Trace.Multiplier, err = strconv.ParseFloat(s, 64); return err },
		"timed-trace-label-timestamp":     text(&w.Trace.Timestamp),
		"timed-trace-label-input-length":  text(&w.Trace.InputLength),
		"timed-trace-label-output-length": text(&w.Trace.OutputLen), "timed-trace-label-hash-ids": text(&w.Trace.HashIDs),
		"request-rate": ignore, "burstiness": ignore, "ramp-up-strategy": ignore, "ramp-up-start-rps": ignore, "ramp-up-end-rps": ignore,
	}
	flags := map[string]*bool{"no-oversample": &w.NoOversamp, "disable-shuffle": &w.NoShuffle, "skip-chat-template": &w.SkipChat, "skip-tokenizer-init": &w.SkipTokenizer}
	args := slices.Clone(c.Args)
	// The last of two words wins, but a general length wins over all.
	general := map[string]string{}
	for i := 0; i < len(args); i++ {
		name := strings.TrimPrefix(args[i], "--")
		if b, ok := flags[name]; ok {
			*b = true
			continue
		}
		i++
		if name == "input-len" || name == "output-len" {
			general[name] = args[i]
			continue
		}
		f, ok := set[name]
		if !ok {
			t.Fatalf("unknown word --%s", name)
		}
		if err := f(args[i]); err != nil {
			t.Fatalf("--%s %s: %v", name, args[i], err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(general)) {
		if err := set[name](general[name]); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Sonnet; s != nil {
		w.Dataset, w.NumPrompts = "sonnet", s.N
		w.Sonnet = plan.Sonnet{InputLen: s.InputLen, OutputLen: s.OutputLen, PrefixLen: s.PrefixLen}
		if s.Chat {
			p.Target.Backend = "openai-chat"
		}
	}
	return p
}

// openData opens a file of testdata/data; {data}/x.json may lie there as x.json.gz.
func openData(t testing.TB, path string) *dataset.Input {
	t.Helper()
	if path == "" {
		return nil
	}
	path = strings.ReplaceAll(path, "{data}", "testdata/data")
	in, err := dataset.Open(path)
	if err != nil {
		in, err = dataset.Open(path + ".gz")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

func readJSON(t testing.TB, path string, to any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// small are the tokenizers that are free to commit, and where they lie.
var small = map[string]string{
	"tiny":         "../tokenize/builtin.json.gz",
	"small_llama3": "../tokenize/testdata/tokenizers/llama3.json",
	"small_llama2": "../tokenize/testdata/tokenizers/llama2.json",
}

// loadTokenizer loads a tokenizer with its chat template; it skips the test of
// a real one that is not there.
func loadTokenizer(t testing.TB, name string) (Tokenizer, Template) {
	t.Helper()
	dir := filepath.Join(os.Getenv("TOKMETER_TOKENIZERS"), name)
	if path, ok := small[name]; ok {
		dir = t.TempDir()
		copyFile(t, path, filepath.Join(dir, "tokenizer.json"))
		copyFile(t, filepath.Join("testdata/tokenizers", name+".config.json"), filepath.Join(dir, "tokenizer_config.json"))
	} else if os.Getenv("TOKMETER_TOKENIZERS") == "" {
		t.Skip("e2e/tokenizers runs this on real tokenizers")
	}
	tok, err := tokenize.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := template.Load(dir)
	if errors.Is(err, template.ErrNone) {
		return tok, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return tok, func(user string) (string, error) {
		return tmpl.Render([]template.Message{{Role: "user", Content: user}}, true, nil)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(from, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
