package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFindConfig(t *testing.T) {
	root := t.TempDir()
	write(t, root+"/models/tiny/config.json", "{}")
	write(t, root+"/home/.cache/huggingface/hub/models--org--m/refs/main", "abc\n")
	write(t, root+"/home/.cache/huggingface/hub/models--org--m/snapshots/abc/config.json", "{}")
	write(t, root+"/other/models--org--m/refs/main", "abc")
	write(t, root+"/other/models--org--m/snapshots/abc/config.json", "{}")
	write(t, root+"/other/models--org--evil/refs/main", "../../../models/tiny")
	home := "HOME=" + root + "/home"
	for _, c := range []struct {
		why, model, dir string
		env             []string
		want            string
	}{
		{"a folder", root + "/models/tiny", "", nil, "/models/tiny/config.json"},
		{"a folder as the engine's working directory sees it", "tiny", root + "/models", nil, "/models/tiny/config.json"},
		{"a stub in the hub's cache", "org/m", "", []string{home}, "/home/.cache/huggingface/hub/models--org--m/snapshots/abc/config.json"},
		{"HF_HUB_CACHE comes first", "org/m", "", []string{home, "HF_HUB_CACHE=" + root + "/other"}, "/other/models--org--m/snapshots/abc/config.json"},
		{"a cache without it is passed over", "org/m", "", []string{home, "HF_HOME=" + root + "/nothing"}, "/home/.cache/huggingface/hub/models--org--m/snapshots/abc/config.json"},
		{"a reference that leaves the cache", "org/evil", "", []string{"HF_HUB_CACHE=" + root + "/other"}, ""},
		{"a file of weights", root + "/models/tiny/config.json", "", nil, ""},
		{"no such model", "org/none", "", []string{home}, ""},
		{"nothing", "", root + "/models/tiny", nil, ""},
		{"a zero byte", "a\x00b", "", nil, ""},
	} {
		want := c.want
		if want != "" {
			want = root + want
		}
		if got := findConfig(c.model, c.dir, c.env); got != want {
			t.Errorf("%s: got %q, want %q", c.why, got, want)
		}
	}
}

func TestReadConfig(t *testing.T) {
	for _, c := range []struct {
		why, in string
		want    Facts
	}{
		{"plain", `{ "architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16" }`, Facts{
			Architecture: "LlamaForCausalLM", DType: "bfloat16", Config: json.RawMessage(`{"architectures":["LlamaForCausalLM"],"torch_dtype":"bfloat16"}`),
		}},
		{"quantized with bits", `{"quantization_config":{"quant_method":"gptq","bits":4}}`, Facts{
			Quantization: "gptq 4 bit", Config: json.RawMessage(`{"quantization_config":{"quant_method":"gptq","bits":4}}`),
		}},
		{"quantized without", `{"dtype":"float16","quantization_config":{"quant_method":"fp8"}}`, Facts{
			DType: "float16", Quantization: "fp8", Config: json.RawMessage(`{"dtype":"float16","quantization_config":{"quant_method":"fp8"}}`),
		}},
		{"another shape", `{"architectures":"x"}`, Facts{}},
		{"no object", `null`, Facts{}},
		{"no JSON", `{`, Facts{}},
	} {
		var got Facts
		readConfig(&got, []byte(c.in))
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.why, d)
		}
	}
}

func TestModelPlace(t *testing.T) {
	for _, c := range [][2]string{
		{`{"data":[{"id":"tiny","owned_by":"vllm","root":"/srv/models/tiny"}]}`, "/srv/models/tiny"},
		{`{"model_path":"meta-llama/Meta-Llama-3-8B-Instruct","is_generation":true}`, "meta-llama/Meta-Llama-3-8B-Instruct"},
		{`{"data":[]}`, ""},
		{`{"data":"x"}`, ""},
		{`[`, ""},
	} {
		if got := modelPlace([]byte(c[0])); got != c[1] {
			t.Errorf("%s: got %q, want %q", c[0], got, c[1])
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"architectures":["LlamaForCausalLM"],"torch_dtype":"bfloat16","quantization_config":{"quant_method":"gptq","bits":4}}`))
	f.Add([]byte(`{"quantization_config":{"quant_method":"\u0000","bits":-1e308}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got Facts
		readConfig(&got, b)
		if len(got.Config) > 0 && !json.Valid(got.Config) {
			t.Fatalf("kept %q", got.Config)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Fatal(err)
		}
		modelPlace(b)
	})
}
