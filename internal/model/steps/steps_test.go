package steps

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// unzip reads a file of testdata.
func unzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What vLLM's own scheduler did, byte for byte. e2e/scheduler records anew.
func TestRecordings(t *testing.T) {
	tests := []struct{ name, why string }{
		{"recorded", "each rule by itself: eviction, preemption, thresholds, priorities"},
		{"random", "settings and requests drawn at random"},
		{"more", "speculation, adapters, asynchronous steps, aborts, resets"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Run(bytes.NewReader(unzip(t, tt.name+".cases.json.gz")), &out); err != nil {
				t.Fatal(err)
			}
			got, want := out.Bytes(), unzip(t, tt.name+".steps.json.gz")
			if bytes.Equal(got, want) {
				return
			}
			for i, line := range bytes.Split(want, []byte("\n")) {
				ours, rest, _ := bytes.Cut(got, []byte("\n"))
				if !bytes.Equal(line, ours) {
					t.Fatalf("%s: line %d:\n got %.600s\nwant %.600s", tt.why, i+1, ours, line)
				}
				got = rest
			}
			t.Fatalf("%s: more lines than recorded: %.600s", tt.why, got)
		})
	}
}

func TestRefusals(t *testing.T) {
	one := func(config, requests string) string {
		return `{"cases":[{"name":"c","config":{` + config + `},"requests":[` + requests + `]}]}`
	}
	ok := `{"id":"a","arrival_step":0,"prompt":{"len":9,"seed":1},"output_len":2}`
	tests := []struct{ why, file, want string }{
		{"not JSON", `{"cases":`, "cases: unexpected EOF"},
		{"another file", `{}`, `cases: no list "cases"; the file begins {"cases":[{"name":…,"config":{…},"requests":[…]}`},
		{"two values", `{"cases":[]} {}`, "cases: something follows the closing bracket"},
		{"no name", `{"cases":[{}]}`, "case 1: it has no name"},
		{"unknown setting", one(`"blocks":3`, ok), `case "c": config: unknown field "blocks"`},
		{"type", one(`"num_blocks":"3"`, ok), `case "c": config: cannot unmarshal string into Go struct field config.num_blocks of type int`},
		{"policy", one(`"policy":"random"`, ok), `case "c": config: policy "random": fcfs or priority`},
		{"several problems", one(`"num_blocks":1,"watermark":1.5`, ok), `case "c": config: blocks 1: at least 2, at most 1073741824; watermark 1.5: from 0 to less than 1`},
		{"memory of blocks", one(`"num_blocks":1073741824`, ok), `case "c": config: num_blocks 1073741824: at most 4194304`},
		{"memory of tokens", one(`"max_model_len":1073741824,"num_blocks":4000000,"block_size":1073741824`, `{"id":"a","arrival_step":0,"output_len":1,"prompt":{"len":1000000000,"seed":1}}`), `case "c": request "a": the file asks for more tokens, blocks and steps than are run at once; split it`},
		{"no id", one(``, `{}`), `case "c": request 1: it has no id`},
		{"no step", one(``, `{"id":"a"}`), `case "c": request "a": it has no arrival_step`},
		{"far off", one(``, `{"id":"a","arrival_step":20000,"output_len":1}`), `case "c": request "a": arrival_step 20000: a case has at most 20000 steps`},
		{"no output", one(``, `{"id":"a","arrival_step":0,"prompt":[1]}`), `case "c": request "a": output_len: at least 1`},
		{"no prompt", one(``, `{"id":"a","arrival_step":0,"output_len":1}`), `case "c": request "a": prompt: EOF`},
		{"empty prompt", one(``, `{"id":"a","arrival_step":0,"output_len":1,"prompt":[]}`), `case "c": request "a": a prompt of 0 tokens: from 1 to max_model_len − 1 = 4095`},
		{"long prompt", one(``, `{"id":"a","arrival_step":0,"output_len":1,"prompt":{"len":4096,"seed":1}}`), `case "c": request "a": a prompt of 4096 tokens: from 1 to max_model_len − 1 = 4095`},
		{"prompt without seed", one(``, `{"id":"a","arrival_step":0,"output_len":1,"prompt":{"len":4}}`), `case "c": request "a": prompt: {"len", "seed"} or a list of token ids`},
		{"never fits", one(`"num_blocks":4`, `{"id":"a","arrival_step":0,"output_len":40,"prompt":{"len":9,"seed":1}}`), `case "c": request "a": it can never fit: 49 tokens need 4 blocks of 3`},
		{"output as long as int", one(`"num_blocks":4`, `{"id":"a","arrival_step":0,"output_len":9223372036854775807,"prompt":{"len":9,"seed":1}}`), `case "c": request "a": it can never fit: 4096 tokens need 256 blocks of 3`},
		{"same id", one(``, ok+","+ok), `case "c": request "a": there are two with this id`},
		{"order", one(``, `{"id":"b","arrival_step":3,"prompt":[1],"output_len":2},`+ok), `case "c": request "a": arrival_step 0 after 3; sort the requests by it`},
		{"does not end", one(`"max_model_len":40000,"num_blocks":4000`, `{"id":"a","arrival_step":19999,"prompt":[1],"output_len":2}`), `case "c": it does not end within 20000 steps`},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(strings.NewReader(tt.file), &out)
			if err == nil {
				t.Fatalf("got no error and %.200s, want %q", &out, tt.want)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// What Python's json module writes for the same value.
func TestPythonText(t *testing.T) {
	tests := []struct{ why, got, want string }{
		{"an integer stays one", number("0"), "0"},
		{"Python has no negative zero among integers", number("-0"), "0"},
		{"a float keeps its point", number("0.0"), "0.0"},
		{"shortest text", number("0.100"), "0.1"},
		{"exponent becomes digits", number("1e-2"), "0.01"},
		{"small", number("0.00001"), "1e-05"},
		{"digits and exponent", number("1.25e-7"), "1.25e-07"},
		{"smallest that is not", number("0.0001"), "0.0001"},
		{"large", number("1e16"), "1e+16"},
		{"integral", number("1e3"), "1000.0"},
		{"plain", string(appendText(nil, "r1")), `"r1"`},
		{"quotes, backslash and slash", string(appendText(nil, `a"\/`)), `"a\"\\/"`},
		{"controls", string(appendText(nil, "\b\f\n\r\t\x01\x7f")), `"\b\f\n\r\t\u0001` + "\x7f" + `"`},
		{"beyond ASCII", string(appendText(nil, "é中")), `"\u00e9\u4e2d"`},
		{"beyond the basic plane", string(appendText(nil, "😀")), `"\ud83d\ude00"`},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.why, tt.got, tt.want)
		}
	}
}

// Tokens follow the formula of the recordings whatever the seed.
func TestToken(t *testing.T) {
	tests := []struct {
		why  string
		seed int64
		i    int
		want int
	}{
		{"first", 0, 0, 10},
		{"position", 0, 3, 23767},
		{"seed", 1, 0, 13},
		{"negative seed: Python's remainder is never negative", -1, 0, 50007},
		{"a product beyond 64 bits", 9223372036854775807, 1, 35350},
	}
	for _, tt := range tests {
		if got := token(tt.seed, tt.i); got != tt.want {
			t.Errorf("%s: token(%d, %d) = %d, want %d", tt.why, tt.seed, tt.i, got, tt.want)
		}
	}
}

// FuzzRun: any file ends, either in one line of error or in JSON with a step
// list for each case.
func FuzzRun(f *testing.F) {
	f.Add([]byte(`{"cases":[{"name":"a","config":{"num_blocks":9,"block_size":4,"max_model_len":30,"max_num_seqs":2,"max_num_batched_tokens":7,"watermark":1e-3},"requests":[{"id":"x","arrival_step":0,"prompt":{"len":9,"seed":1,"shared_prefix":{"len":4,"seed":2}},"output_len":9,"priority":1},{"id":"y","arrival_step":1,"prompt":[1,2,3],"output_len":5,"abort_step":3}],"resets":[{"step":2,"running":true}]}]}`))
	f.Add([]byte(`{"cases":[{"name":"b","config":{"policy":"priority","num_speculative_tokens":2,"draft_head":true,"async_scheduling":true,"max_loras":1},"requests":[{"id":"x","arrival_step":0,"prompt":{"len":20,"seed":-1},"output_len":9,"ends_at":4,"adapter":"l"}]}]}`))
	f.Add([]byte(`{"cases":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		err := run(data, &out, 1<<18)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		var got struct {
			Cases []struct {
				Steps []struct{ Free *int }
			}
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Errorf("the output is not JSON: %v: %.300s", err, &out)
		}
	})
}
