package dataset

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tokmeter/internal/record"
)

func TestReadCustom(t *testing.T) {
	in := stream(t, "\ufeff"+`{"prompt": "a \u00e9", "output_tokens": 7}`+"\r\n\n  \n"+`{"output_tokens": "12", "prompt": ""}`+"\n"+`{"prompt": "c", "output_tokens": 3.9}`+"\n"+`{"prompt": "d"}`)
	got, err := ReadCustom(in)
	if err != nil {
		t.Fatal(err)
	}
	want := []Prompt{{Text: "a é", Line: 1}, {Text: "", Line: 4}, {Text: "c", Line: 5}, {Text: "d", Line: 6}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Prompt{})); diff != "" {
		t.Error(diff)
	}
	for i, want := range []int{7, 12, 3} {
		if n, err := got[i].OutputTokens(in); err != nil || n != want {
			t.Errorf("line %d: got %d, %v, want %d", got[i].Line, n, err, want)
		}
	}
	if _, err := got[3].OutputTokens(in); err == nil || !strings.Contains(err.Error(), `line 6: there is no "output_tokens"`) {
		t.Errorf("got %v, want an error about line 6", err)
	}
}

func TestLineErrors(t *testing.T) {
	custom := func(in *Input) error { _, err := ReadCustom(in); return err }
	output := func(in *Input) error {
		ps, err := ReadCustom(in)
		if err == nil {
			_, err = ps[0].OutputTokens(in)
		}
		return err
	}
	trace := func(in *Input) error { _, err := ReadTrace(in, usualLabels(), 10); return err }
	requests := func(in *Input) error { _, err := ReadRequests(in); return err }
	for _, c := range []struct {
		name string
		read func(*Input) error
		text string
		want string
	}{
		{"empty", custom, "\n", "the file is empty"},
		{"not an object", custom, `{"prompt": "a"}` + "\n[1]", "line 2: the line is an array, want an object"},
		{"two objects", custom, `{"prompt": "a"} {"prompt": "b"}`, "line 1: more text after the object"},
		{"no prompt", custom, `{"text": "a"}`, `line 1: there is no "prompt", only "text"`},
		{"number", custom, `{"prompt": 5}`, `line 1: "prompt" is a number`},
		{"broken", custom, `{"prompt": "a}`, "line 1: the line ends inside a string"},
		{"no whole number", output, `{"prompt": "a", "output_tokens": "many"}`, `"output_tokens" is "many"`},
		{"null", output, `{"prompt": "a", "output_tokens": null}`, `"output_tokens" is null`},
		{"no output at all", output, `{"prompt": "a", "output_tokens": 0}`, `"output_tokens" is 0`},
		{"other labels", trace, `{"time": 1, "in": 2}`, `there is no "input_length", only "in", "time" (name the field with --timed-trace-label-input-length)`},
		{"no output length", trace, `{"timestamp": 1, "input_length": 2}`, "--timed-trace-label-output-length"},
		{"no time", trace, `{"input_length": 1, "output_length": 2}`, "--timed-trace-label-timestamp"},
		{"negative length", trace, `{"timestamp": 1, "input_length": -2, "output_length": 1}`, `"input_length" is -2`},
		{"hash ids", trace, `{"timestamp": 1, "input_length": 2, "output_length": 1, "hash_ids": [[1]]}`, `"hash_ids" holds [1]`},
		{"time is text", trace, `{"timestamp": "noon", "input_length": 2, "output_length": 1}`, `"timestamp" is "noon"`},
		{"nothing asked", requests, `{"prompt_len": 1, "output_len": 2}`, `there is no "prompt"`},
		{"both", requests, `{"prompt": "a", "prompt_token_ids": [1], "prompt_len": 1, "output_len": 2}`, "both"},
		{"ids", requests, `{"prompt_token_ids": ["a"], "prompt_len": 1, "output_len": 2}`, "array of token ids"},
		{"due", requests, `{"prompt": "a", "prompt_len": 1, "output_len": 2, "due_s": -1}`, `"due_s" is -1`},
		{"no length", requests, `{"prompt": "a", "output_len": 2}`, `"prompt_len" is missing`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.read(stream(t, c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q on one line", err, c.want)
			}
		})
	}
}

func TestReadTrace(t *testing.T) {
	in := stream(t, `{"timestamp": 0, "input_length": 20, "output_length": 3, "hash_ids": [1, "b"]}
{"timestamp": "2.5", "input_length": 5.0, "output_length": 4}
{"broken": `)
	got, err := ReadTrace(in, usualLabels(), 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []TraceEntry{{Input: 20, Output: 3, HashIDs: []string{"1", "b"}}, {Time: 2.5, Input: 5, Output: 4}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadRequests(t *testing.T) {
	got, err := ReadRequests(stream(t, `{"index": 0, "prompt": "a\u2028 <b> \ud83d\ude00", "prompt_len": 3, "output_len": 4, "due_s": 0.0}
{"prompt_token_ids": [5, 6], "prompt_len": 2, "output_len": 1, "due_s": 1.000000001, "model": "lora"}
{"prompt": ["x", ""], "prompt_len": 2, "output_len": 0, "due_s": 1e-9}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Saved{
		{Prompt: "a\u2028 <b> 😀", PromptLen: 3, OutputLen: 4},
		{Index: 1, IDs: []int{5, 6}, PromptLen: 2, OutputLen: 1, Due: time.Second + 1, Model: "lora"},
		{Index: 2, Batch: []string{"x", ""}, PromptLen: 2, Due: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadBurstGPT(t *testing.T) {
	const head = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
	got, err := ReadBurstGPT(stream(t, "\ufeff"+head+"1,GPT-4,10,20,30,API log\n\n2,ChatGPT,1,2,3,x\n3,GPT-4,5,0,5,x\n4,GPT-4,7.0,8,15,x\n5,GPT-4,9,,9,x\n6,\"GPT-4\",1,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Rows{Entries: 6, Dropped: record.Drops{{Reason: "model is not GPT-4", N: 1}, {Reason: "no response tokens", N: 2}}, Kept: []Row{{10, 20}, {7, 8}, {1, 2}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct{ why, text string }{
		{"underscores for blanks", "Timestamp,Model,Request_tokens,Response_tokens\n1,GPT-4,10,20\n"},
		{"two columns of one name: the first counts", "Model,Request tokens,Response tokens,Request tokens\nGPT-4,10,20,9\n"},
		{"blanks around the fields", "Model, Request tokens, Response tokens\nGPT-4 , 10, 20\n"},
		{"a session and an elapsed time among them", "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n1,s,43,GPT-4,10,20,30,x\n"},
		{"any order", "Response tokens,Model,Log Type,Request tokens\n20,GPT-4,x,10\n"},
		{"quotes and a byte order mark", "\ufeff\"Timestamp\",\"Model\",\"Request tokens\",\"Response tokens\"\n\"1\",\"GPT-4\",\"10\",\"20\"\n"},
		{"other capitals, blanks and CRLF", "timestamp, model, request tokens, response tokens\r\n1,GPT-4,10,20\r\n"},
	} {
		got, err := ReadBurstGPT(stream(t, c.text))
		if err != nil || len(got.Kept) != 1 || got.Kept[0] != (Row{10, 20}) {
			t.Errorf("%s: got %+v, %v", c.why, got, err)
		}
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "the file is empty"},
		{"no column of requests", "Timestamp,Model,Response tokens,Total tokens\n1,GPT-4,20,30\n", `there is no column "Request tokens"`},
		{"no column of responses", "Timestamp,Model,Request tokens,Total tokens\n1,GPT-4,20,30\n", `there is no column "Response tokens"`},
		{"other columns", "a,b,c,d\n1,2,3,4\n", `line 1: there is no column "Model": the columns are "a", "b", "c", "d"`},
		{"text", head + "1,GPT-4,10,many,30,x\n", `line 2: Response tokens: "many" is not a number`},
		{"no request tokens", head + "1,GPT-4,,5,30,x\n", `line 2: request tokens are ""`},
		{"too many fields", head + "1,GPT-4,1,5,30,x,y\n", "line 2: 7 fields, the header has 6"},
		{"open quote", head + "1,\"GPT-4,1,5,30,x\n", "line 2"},
		{"negative", head + "1,GPT-4,-1,5,30,x\n", "out of range"},
	} {
		if _, err := ReadBurstGPT(stream(t, c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestLines(t *testing.T) {
	got, err := ReadLines(stream(t, "one\r\n\ntwo\rthree"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one\n", "\n", "two\n", "three"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := ReadLines(stream(t, "a\xff")); err == nil {
		t.Error("text that is not UTF-8 was taken")
	}
	if n := len(SonnetLines()); n < 200 {
		t.Errorf("got %d lines of poems, want 200 or more", n)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"prompt": "a", "output_tokens": 1}` + "\n" + `{"prompt": "b"}`))
	f.Add([]byte(`{"timestamp": 1, "input_length": 2, "output_length": 3, "hash_ids": [1, "2"]}`))
	f.Add([]byte(`{"prompt": ["a"], "prompt_len": 1, "output_len": 2, "due_s": 0.5}`))
	f.Add([]byte("Timestamp,Model,Request tokens,Response tokens\n1,GPT-4,2,3\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func(*Input) error{
			func(in *Input) error {
				ps, err := ReadCustom(in)
				for _, p := range ps {
					_, _ = p.OutputTokens(in)
				}
				return err
			},
			func(in *Input) error { _, err := ReadTrace(in, usualLabels(), 5); return err },
			func(in *Input) error { _, err := ReadRequests(in); return err },
			func(in *Input) error { _, err := ReadBurstGPT(in); return err },
			func(in *Input) error { _, err := ReadLines(in); return err },
		} {
			in, err := NewInput("f", bytes.NewReader(b))
			if err != nil {
				return
			}
			if err := read(in); err != nil && !strings.HasPrefix(err.Error(), "dataset f: ") {
				t.Errorf("got %q, want an error that names the file", err)
			}
		}
	})
}

// Python: json.loads(s).encode("utf-8", "surrogatepass")
func TestUnquote(t *testing.T) {
	for _, c := range []struct{ why, raw, want string }{
		{"every escape", `\"\\\/\b\f\n\r\t`, "\"\\/\b\f\n\r\t"},
		{"basic plane", `\u00e9\u6570\u0000`, "é数\x00"},
		{"pair", `\ud83d\ude00`, "😀"},
		{"high half alone", `a\ud83db`, "a\xed\xa0\xbdb"},
		{"low half alone", `\ude00`, "\xed\xb8\x80"},
		{"halves the wrong way round", `\ude00\ud83d`, "\xed\xb8\x80\xed\xa0\xbd"},
		{"high half before a pair", `\ud83d\ud83d\ude00`, "\xed\xa0\xbd😀"},
		{"high half before another escape", `\ud83d\n`, "\xed\xa0\xbd\n"},
		{"high half at the end", `\ud83d\ude0`, ""},
	} {
		s := scanBytes([]byte(`"`+c.raw+`"`), 0)
		if got := s.str(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
	if r, ok := Half("\xed\xa0\xbdx"); !ok || r != 0xd83d {
		t.Errorf("got %x, %v, want d83d", r, ok)
	}
	if _, ok := Half("\xed\x9f\xbf"); ok {
		t.Error("U+D7FF is taken for half of a pair")
	}
}

// FuzzUnquote compares with the standard decoder, which knows no half pairs.
func FuzzUnquote(f *testing.F) {
	f.Add(`a\n\u00e9\ud83d\ude00`)
	f.Add(`\ud83d\ud83d\ude00\udc00x`)
	f.Fuzz(func(t *testing.T, text string) {
		s := scanBytes([]byte(`"`+text+`"`), 0)
		got := s.str()
		if s.err != nil || s.peek() != 0 || s.err != nil {
			return
		}
		var want string
		if err := json.Unmarshal([]byte(`"`+text+`"`), &want); err != nil {
			t.Fatalf("taken, but the decoder says %v", err)
		}
		var b strings.Builder
		for i := 0; i < len(got); {
			if _, ok := Half(got[i:]); ok {
				b.WriteRune('\uFFFD')
				i += 3
				continue
			}
			b.WriteByte(got[i])
			i++
		}
		if b.String() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
