package replay

import (
	"bytes"
	"compress/gzip"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tokmeter/internal/model/setup"
)

// sameFile compares what matters of arrivals.
func sameFile() cmp.Options {
	return cmp.Options{cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-9), cmpopts.IgnoreFields(Arrival{}, "HashTokens", "Hashes")}
}

func TestRead(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		why  string
		text string
		want File
	}{
		{"plain, of numbers, out of order", `{"arrival": 2.5, "prompt": 10, "output": 3, "priority": -1}
{"at": 0.5, "input": 20, "output": 4, "id": "b"}

`, File{Format: "requests", Arrivals: []Arrival{{ID: "b", At: 0, Prompt: 20, Output: 4}, {ID: "0", At: 2, Prompt: 10, Output: 3, Priority: -1}}}},
		{"what --save-requests writes", `{"index": 0, "prompt": "some text", "prompt_len": 64, "output_len": 32, "due_s": 0.25}`,
			File{Format: "requests", Arrivals: []Arrival{{ID: "0", Prompt: 64, Output: 32}}}},
		{"ids of tokens in place of a text", `{"index": 7, "prompt_token_ids": [1, 2, 3], "prompt_len": 3, "output_len": 32, "due_s": 0.25}`,
			File{Format: "requests", Arrivals: []Arrival{{ID: "7", Prompt: 3, Output: 32, Tokens: []int{1, 2, 3}}}}},
		{"Mooncake counts milliseconds", `{"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}
{"timestamp": 3000, "input_length": 7322, "output_length": 490, "hash_ids": [0, 2]}`,
			File{Format: "mooncake", Arrivals: []Arrival{{ID: "0", Prompt: 6758, Output: 500}, {ID: "1", At: 3, Prompt: 7322, Output: 490}}}},
		{"LLMServingSim's workloads count nanoseconds", `{"input_toks": 4, "output_toks": 2, "arrival_time_ns": 1000000000, "input_tok_ids": [9, 8, 7, 6]}
{"input_toks": 5, "output_toks": 2, "arrival_time_ns": 2000000000}`,
			File{Format: "requests", Arrivals: []Arrival{{ID: "0", Prompt: 4, Output: 2, Tokens: []int{9, 8, 7, 6}}, {ID: "1", At: 1, Prompt: 5, Output: 2}}}},
		{"a trace of vLLM: arrivals by the wall, latencies from the queue", `{"request_id": "a", "input_toks": 5, "output_toks": 3, "arrival_time": 1000.5, "queued_ts": 7, "scheduled_ts": 7.5, "first_token_ts": 8, "last_token_ts": 10}
{"request_id": "b", "input_toks": 5, "output_toks": 1, "arrival_time": 1002, "queued_ts": 9, "scheduled_ts": 9, "first_token_ts": 9.5, "last_token_ts": 9.5}`,
			File{Format: "trace", FromQueue: true, Arrivals: []Arrival{{ID: "a", Prompt: 5, Output: 3}, {ID: "b", At: 1.5, Prompt: 5, Output: 1}},
				Measured: []Measured{{1, 1, 3}, {0.5, nan, 0.5}}}},
		{"measured values in plain files", `{"arrival": 0, "prompt": 5, "output": 3, "ttft_ms": 20, "tpot_ms": 5, "e2el_ms": 30}`,
			File{Format: "requests", Arrivals: []Arrival{{ID: "0", Prompt: 5, Output: 3}}, Measured: []Measured{{0.02, 0.005, 0.03}}}},
		{"an array", ` [{"arrival": 0, "prompt": 5, "output": 3}, {"arrival_ms": 500, "prompt": 6, "output": 3}]`,
			File{Format: "requests", Arrivals: []Arrival{{ID: "0", Prompt: 5, Output: 3}, {ID: "1", At: 0.5, Prompt: 6, Output: 3}}}},
		{"BurstGPT, whose failed requests have no answer", "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,0,1087,Conversation log\n118,GPT-4,417,276,693,API log\n",
			File{Format: "csv", Arrivals: []Arrival{{ID: "0", Prompt: 472, Output: 18}, {ID: "1", At: 113, Prompt: 417, Output: 276}},
				Notes: []string{"1 of 3 requests ask for no output and are left out"}}},
		{"Azure, with dates", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.5,374,44\n2023-11-16 18:15:50.0,396,109\n",
			File{Format: "csv", Arrivals: []Arrival{{ID: "0", Prompt: 374, Output: 44}, {ID: "1", At: 3.5, Prompt: 396, Output: 109}}}},
		{"Splitwise", "arrived_at,num_prefill_tokens,num_decode_tokens\n0.5,374,44\n",
			File{Format: "csv", Arrivals: []Arrival{{ID: "0", Prompt: 374, Output: 44}}}},
		{"without times all come at once", `{"prompt": 5, "output": 3}`,
			File{Format: "requests", Arrivals: []Arrival{{ID: "0", Prompt: 5, Output: 3}}, Notes: []string{"1 of 1 requests have no time of arrival: they arrive at the start"}}},
		{"a result saved with all details", `{"duration": 9.5, "completed": 1, "input_lens": [8, 9], "output_lens": [3, 0], "ttfts": [0.5, 0], "itls": [[0.25, 0.25], []], "start_times": [100.5, 101], "errors": ["", "timeout"]}`,
			File{Format: "result", Arrivals: []Arrival{{ID: "0", Prompt: 8, Output: 3}}, Measured: []Measured{{0.5, 0.25, 1}}, Notes: []string{"1 of 2 requests did not end well and are left out"}}},
		{"the records of a run", `{"index": 1, "outcome": "ok", "due": 5, "first_token": 2000000000, "last_token": 3000000000, "timing": {"sent": 1000000000}, "prompt_tokens": {"n": 8, "from": "usage"}, "output_tokens": {"n": 3, "from": "usage"}}
{"index": 2, "outcome": "timeout", "timing": {"sent": 1}, "prompt_tokens": {"n": 8}, "output_tokens": {"n": 0}}
{"footer": {"records": 2, "sha256": ""}}`,
			File{Format: "run", Arrivals: []Arrival{{ID: "1", Prompt: 8, Output: 3}}, Measured: []Measured{{1, 0.5, 2}}, Notes: []string{"1 of 2 requests did not end well and are left out"}}},
	} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write([]byte(c.text))
		z.Close()
		for how, text := range map[string]string{"plain": c.text, "gzipped": packed.String(), "with a mark of byte order": "\xef\xbb\xbf" + c.text} {
			f, err := Read(strings.NewReader(text))
			if err != nil {
				t.Errorf("%s, %s: %v", c.why, how, err)
				continue
			}
			if d := cmp.Diff(c.want, *f, sameFile()); d != "" {
				t.Errorf("%s, %s: -want +got\n%s", c.why, how, d)
			}
		}
	}
}

// Errors are one line that names the place.
func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"nothing", "", "the file is empty"},
		{"blanks", " \n\t", "the file is empty"},
		{"an empty array", "[]", "no request"},
		{"prose", "hello\nworld\n", "neither JSON nor CSV"},
		{"a broken line", "{\"arrival\": 0, \"prompt\": 5, \"output\": 3}\n{\"arr", "line 2"},
		{"a broken array", `[{"arrival": 0, "prompt": 5, "output": 3}, {`, "entry 2"},
		{"an array without an end", `[{"arrival": 0, "prompt": 5, "output": 3}`, "does not end"},
		{"no prompt", `{"arrival": 0, "output": 3}`, "line 1: no number of prompt tokens"},
		{"a prompt in words", `{"arrival": 0, "prompt": "a text", "output": 3}`, "line 1: no number of prompt tokens"},
		{"no output", `{"arrival": 0, "prompt": 3}`, "line 1: no number of output tokens"},
		{"half a token", `{"arrival": 0, "prompt": 3.5, "output": 3}`, `"prompt" is 3.5`},
		{"a prompt of nothing", `{"arrival": 0, "prompt": 0, "output": 3}`, "a prompt of 0 tokens"},
		{"fewer than no tokens", `{"arrival": 0, "prompt": 5, "output": -3}`, `"output" is -3`},
		{"an arrival in words", `{"arrival": "soon", "prompt": 5, "output": 3}`, `line 1: "arrival" is "soon"`},
		{"a time that is none", `{"timestamp": "yesterday", "prompt": 5, "output": 3}`, `"timestamp" is "yesterday"`},
		{"a time without end", `{"arrival": 1e300, "prompt": 5, "output": 3}`, "arrival at 1e+300 s"},
		{"answers of nothing alone", `{"arrival": 0, "prompt": 5, "output": 0}`, "none of its 1 requests has an answer"},
		{"sessions", `{"sub_requests": []}`, "session of several requests"},
		{"hashes in no list", `{"timestamp": 0, "input_length": 5, "output_length": 3, "hash_ids": 7}`, `"hash_ids" is 7`},
		{"a table of something else", "name,age\nx,3\n", "neither JSON nor CSV with a header"},
		{"a table with a broken number", "timestamp,input_tokens,output_tokens\n0,5,3\n1,x,3\n", "line 3: no number of prompt tokens"},
		{"a result without its times", `{"input_lens": [8], "output_lens": [3]}`, "start_times"},
		{"a result with lists of different length", `{"input_lens": [8], "output_lens": [3, 4], "start_times": [1]}`, "as many of each"},
		{"a result with no list", `{"input_lens": 8}`, "\"input_lens\" is 8"},
		{"no gzip", "\x1f\x8bxx", "gzip"},
	} {
		f, err := Read(strings.NewReader(c.text))
		if err == nil {
			t.Errorf("%s: got %+v, want an error", c.why, f)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %q, want one line with %q", c.why, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	trace, err := os.ReadFile("testdata/rtx4090-llama-3.1-8b/requests.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(trace[:600])
	f.Add([]byte(`[{"arrival": 0, "prompt": [1, 2], "output": 3}]`))
	f.Add([]byte(`{"timestamp": 0, "input_length": 5, "output_length": 3, "hash_ids": ["a", 1]}`))
	f.Add([]byte(`{"input_lens": [8, 9], "output_lens": [3, 2], "ttfts": [0.5, 0], "itls": [[0.25], []], "start_times": [1, 2], "errors": ["", "x"]}`))
	f.Add([]byte("timestamp,input_tokens,output_tokens\n0,5,3\n"))
	f.Add([]byte(`{"index": 1, "outcome": "ok", "timing": {"sent": 1}, "prompt_tokens": {"n": 8}, "output_tokens": {"n": 3}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Read(bytes.NewReader(text))
		if err != nil {
			if file != nil {
				t.Fatalf("a file beside the error %v", err)
			}
			return
		}
		if len(file.Arrivals) == 0 || file.Measured != nil && len(file.Measured) != len(file.Arrivals) {
			t.Fatalf("%d arrivals, %d measured", len(file.Arrivals), len(file.Measured))
		}
		last := 0.0
		for _, a := range file.Arrivals {
			if a.Prompt < 1 || a.Output < 1 || !(a.At >= last) || a.At > 2*maxTime || len(a.Tokens) > 0 && len(a.Tokens) != a.Prompt {
				t.Fatalf("arrival %+v after %v s", a, last)
			}
			last = a.At
		}
	})
}

// The settings of a trace's meta.json fill what no flag sets.
func TestMeta(t *testing.T) {
	f, err := os.Open("testdata/rtx4090-llama-3.1-8b/meta.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := ReadMeta(f)
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	var s setup.Setup
	note := m.Fill(&s)
	want := setup.Setup{
		Model: "meta-llama/Llama-3.1-8B", GPU: "NVIDIA GeForce RTX 4090", Precision: "bf16", Blocks: 2588, BlockSize: 16, MaxSeqs: 256,
		MaxBatchedTokens: 2048, MaxModelLen: 32768, PrefixCaching: &yes, ChunkedPrefill: &yes, Async: &yes, Policy: "fcfs",
	}
	if d := cmp.Diff(want, s); d != "" {
		t.Errorf("an empty setup: -want +got\n%s", d)
	}
	if !strings.Contains(note, "num_gpu_blocks 2588") {
		t.Errorf("note is %q, want the blocks in it", note)
	}
	if _, err := s.Build(); err != nil {
		t.Errorf("what meta.json says cannot be built: %v", err)
	}
	flags := setup.Setup{Model: "qwen3-8b", Blocks: 100, MaxSeqs: 7}
	m.Fill(&flags)
	if flags.Model != "qwen3-8b" || flags.Blocks != 100 || flags.MaxSeqs != 7 || flags.MaxModelLen != 0 {
		t.Errorf("flags were overwritten: %+v", flags)
	}
	if note := (&Meta{}).Fill(&setup.Setup{}); note != "" {
		t.Errorf("an empty meta.json says %q", note)
	}
	if _, err := ReadMeta(strings.NewReader("{")); err == nil {
		t.Error("half a meta.json was read")
	}
}

func FuzzReadMeta(f *testing.F) {
	f.Add([]byte(`{"model": "x", "engine_kwargs": {"max_num_seqs": 3}, "kv_cache": {"num_gpu_blocks": null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ReadMeta(bytes.NewReader(text))
		if err != nil {
			return
		}
		var s setup.Setup
		m.Fill(&s)
		if s.Blocks < 0 || s.MaxSeqs < 0 || s.TP < 0 {
			t.Fatalf("filled with %+v", s)
		}
	})
}

// TestMoments: traces write times in many ways, and zones count.
func TestMoments(t *testing.T) {
	const want = 1715299200.00993 // 2024-05-10 00:00:00.009930 UTC
	for _, s := range []string{
		"2024-05-10 00:00:00.009930", "2024-05-10 00:00:00.0099300", "2024-05-10 00:00:00.009930+00:00", "2024-05-10 02:00:00.009930+02:00",
		"2024-05-09T19:00:00.009930-05:00", "2024-05-10T00:00:00.009930Z", "2024-05-10t00:00:00.009930z", "2024-05-10 00:00:00.009930 +0000",
		"2024-05-10 00:00:00.009930+0000", "2024-05-10 00:00:00.009930+00", "2024-05-10 00:00:00.009930 UTC", "2024-05-10 00:00:00.009930Z",
	} {
		if got, ok := moment(s); !ok || math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: got %f, %v, want %f", s, got, ok, want)
		}
	}
	if got, ok := moment("2024-05-10 00:00:01+00:00"); !ok || got != 1715299201 {
		t.Errorf("without a fraction: got %f, %v", got, ok)
	}
	if got, ok := moment("2024-05-10 02:01+02:00"); !ok || got != 1715299260 {
		t.Errorf("without seconds: got %f, %v", got, ok)
	}
	for _, s := range []string{"", "yesterday", "2024-05-10", "2024-05-10 00:00:00 CET"} {
		if got, ok := moment(s); ok {
			t.Errorf("%q: got %f, want none", s, got)
		}
	}
}

// TestTables: columns are found by their names, in any order.
func TestTables(t *testing.T) {
	for _, c := range []struct{ why, text string }{
		{"BurstGPT with sessions", "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n10.0,aaa,43,GPT-4,906,446,1352,x\n12.5,bbb,2,GPT-4,36,29,65,x\n"},
		{"another order, quotes and a byte order mark", "\ufeff\"Response tokens\",\"Timestamp\",\"Request tokens\"\r\n\"446\",\"10\",\"906\"\r\n\"29\",\"12.5\",\"36\"\r\n"},
		{"two columns of one name: the first counts", "Timestamp,Request tokens,Response tokens,Request tokens\n10,906,446,1\n12.5,36,29,2\n"},
		{"Azure 2024", "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.500000+00:00,906,446\n2024-05-10 00:00:03+00:00,36,29\n"},
		{"Azure 2023", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.5000000,906,446\n2023-11-16 18:17:06.0000000,36,29\n"},
		{"two zones", "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10T02:00:00.5+02:00,906,446\n2024-05-10T00:00:03Z,36,29\n"},
	} {
		f, err := Read(strings.NewReader(c.text))
		if err != nil || len(f.Arrivals) != 2 {
			t.Errorf("%s: %+v, %v", c.why, f, err)
			continue
		}
		for i, want := range []Arrival{{At: 0, Prompt: 906, Output: 446}, {At: 2.5, Prompt: 36, Output: 29}} {
			if got := f.Arrivals[i]; math.Abs(got.At-want.At) > 1e-6 || got.Prompt != want.Prompt || got.Output != want.Output {
				t.Errorf("%s: request %d is %+v, want %+v", c.why, i, got, want)
			}
		}
	}
	for _, c := range []struct{ text, want string }{
		{"Timestamp,Model,Response tokens\n1,GPT-4,2\n", "prompt tokens"},
		{"Timestamp,Model,Request tokens\n1,GPT-4,2\n", "output tokens"},
		{"Model,Request tokens,Response tokens\nGPT-4,1,2\n", "arrival"},
	} {
		if _, err := Read(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), "a column of "+c.want) {
			t.Errorf("got %v, want %q named", err, c.want)
		}
	}
}
