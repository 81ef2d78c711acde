package argv

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// options is a small table with every kind.
func options() []Option {
	return []Option{
		{Name: "port", Kind: Value},
		{Name: "num-prompts", Kind: Value},
		{Name: "num-warmups", Kind: Value},
		{Name: "max-concurrency", Kind: Value},
		{Name: "max-model-len", Kind: Value, Late: true},
		{Name: "save-result", Kind: Switch},
		{Name: "self-timed", Kind: Switch},
		{Name: "no-self-timed", Kind: Switch, Of: "self-timed"},
		{Name: "header", Kind: List},
		{Name: "goodput", Kind: List1},
		{Name: "extra-body", Kind: Value, Dotted: true},
		{Name: "simulate", Kind: Optional, Late: true},
		{Name: "config", Kind: Value, Late: true},
	}
}

// files is a readFile that knows a few texts.
func files(m map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		text, ok := m[path]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	}
}

// show writes a result so that a row can be read.
func show(r Result) string {
	var out []string
	for _, s := range r.Settings {
		out = append(out, s.Name+"="+strings.Join(s.Values, "|"))
	}
	for _, w := range r.Words {
		out = append(out, "word:"+w)
	}
	return strings.Join(out, " ")
}

func TestParse(t *testing.T) {
	tests := []struct {
		name string // why the row is here
		args string // split at spaces; ~ stands for a space inside a word
		want string
	}{
		{"value in the next word", "--port 7", "port=7"},
		{"value after =", "--port=7", "port=7"},
		{"an empty value after = is a value", "--port=", "port="},
		{"a value may hold =", "--port a=b=c", "port=a=b=c"},
		{"underscores are hyphens", "--num_prompts 7 --save_result", "num-prompts=7 save-result=true"},
		{"underscores in a value stay", "--port a_b --header=x_y=z_w", "port=a_b header=x_y=z_w"},
		{"an unambiguous beginning", "--num-p 7", "num-prompts=7"},
		{"a beginning with =", "--num-p=7", "num-prompts=7"},
		{"a beginning that is ambiguous with an option of ours means vLLM's", "--max 7", "max-concurrency=7"},
		{"ours can be shortened where vLLM's do not fit", "--max-m 7", "max-model-len=7"},
		{"the last one wins", "--port 1 --port 2", "port=2"},
		{"the last one wins for lists too", "--header A=1 --header B=2", "header=B=2"},
		{"a negative number is a value", "--port -1", "port=-1"},
		{"a negative fraction is a value", "--port -.5", "port=-.5"},
		{"a single hyphen is a value", "--port -", "port=-"},
		{"a word with a space is a value, though it begins with a hyphen", "--port -a~b", "port=-a b"},
		{"a list ends at the next option", "--header A=1 B=2 --port 3", "header=A=1|B=2 port=3"},
		{"a list may be empty", "--header --port 3", "header= port=3"},
		{"a list after = has one word", "--header=A=1", "header=A=1"},
		{"a switch", "--save-result", "save-result=true"},
		{"a switch with a value", "--save-result=false", "save-result=false"},
		{"the negative form", "--no-self-timed", "self-timed=false"},
		{"the negative form negated", "--no-self-timed=false", "self-timed=true"},
		{"the last form wins", "--no-self-timed --self-timed", "self-timed=true"},
		{"an optional value that is absent", "--simulate --port 1", "simulate= port=1"},
		{"an optional value in the next word", "--simulate ttft=1ms", "simulate=ttft=1ms"},
		{"an optional value after =", "--simulate=ttft=1ms", "simulate=ttft=1ms"},
		{"dotted value in the next word", "--extra-body.temperature 0.7", `extra-body={"temperature":0.7}`},
		{"dotted value after =", "--extra-body.a.b=1", `extra-body={"a":{"b":1}}`},
		{"dotted values merge", "--extra-body.a.b 1 --extra-body.a.c 2 --extra-body.d x", `extra-body={"a":{"b":1,"c":2},"d":"x"}`},
		{"dotted list", "--extra-body.k+ v --extra-body.k+=1,2", `extra-body={"k":["v","1","2"]}`},
		{"a list without + is appended too", "--extra-body.k [1] --extra-body.k [2]", `extra-body={"k":[1,2]}`},
		{"1k is decimal", "--extra-body.n 1k", `extra-body={"n":1000}`},
		{"1K is binary", "--extra-body.n 1K", `extra-body={"n":1024}`},
		{"25.6k", "--extra-body.n 25.6k", `extra-body={"n":25600}`},
		{"2M", "--extra-body.n 2M", `extra-body={"n":2097152}`},
		{"decimals with a binary letter are text", "--extra-body.n 1.5K", `extra-body={"n":"1.5K"}`},
		{"a whole number that is no JSON", "--extra-body.n 007", `extra-body={"n":7}`},
		{"a number with underscores", "--extra-body.n 1_000", `extra-body={"n":1000}`},
		{"a string of JSON", `--extra-body.s "x"`, `extra-body={"s":"x"}`},
		{"true is JSON", "--extra-body.s true", `extra-body={"s":true}`},
		{"NaN is text", "--extra-body.s NaN", `extra-body={"s":"NaN"}`},
		{"a negative dotted value", "--extra-body.s -5", `extra-body={"s":-5}`},
		{"an object merges into dotted keys", `--extra-body.a {"b":1} --extra-body.a.c 2`, `extra-body={"a":{"b":1,"c":2}}`},
		{"a scalar replaces an object", `--extra-body.a.b 1 --extra-body.a 2`, `extra-body={"a":2}`},
		{"underscores of keys stay", "--extra_body.top_p 1", `extra-body={"top_p":1}`},
		{"dotted replaces plain", `--extra-body {"x":1} --extra-body.y 2`, `extra-body={"y":2}`},
		{"dotted replaces a later plain too", `--extra-body.y 2 --extra-body {"x":1}`, `extra-body={"y":2}`},
		{"a dot in a value is no key", "--port=1.5", "port=1.5"},
		{"a shortened dotted name", "--extra.y 2", `extra-body={"y":2}`},
		{"text is not escaped for HTML", "--extra-body.s <b>", `extra-body={"s":"<b>"}`},
		{"free words", "one --port 1 two", "port=1 word:one word:two"},
		{"after two hyphens all words are free", "--port 1 -- --port 2", "port=1 word:--port word:2"},
		{"the file counts less", "--config a.yaml --port 9", "port=9 save-result=true"},
		{"the file counts less, wherever it stands", "--port 9 --config a.yaml", "port=9 save-result=true"},
		{"the file after =", "--config=a.yaml", "port=1 save-result=true"},
		{"keys of the file and of the words merge", "--config dotted.yaml --extra-body.b 2", `extra-body={"a":1,"b":2}`},
		{"a whole object in the words replaces keys of the file", `--config dotted.yaml --extra-body {"c":3}`, `extra-body={"c":3}`},
		{"every kind in a file", "--config all.yaml", `port=8 num-prompts=inf save-result=false self-timed=false header=A=1|B=x y goodput=ttft:1 extra-body={"z":{"a":[1,true,null,"t"]},"b":0.5} simulate=`},
	}
	read := files(map[string]string{
		"a.yaml":      "port: 1\nsave_result: true\n",
		"dotted.yaml": "extra-body.a: 1\n",
		"all.yaml": `
port: 8
num_prompts: .inf
save-result: off
self-timed: false
header: [A=1, B=x y]
goodput: ttft:1
extra-body: {z: {a: [1, true, null, t]}, b: 0.5}
simulate: true
`,
	})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Parse(options(), split(tt.args), read)
			if err != nil {
				t.Fatalf("%s: %v", tt.args, err)
			}
			if got := show(r); got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.args, got, tt.want)
			}
		})
	}
}

func split(args string) []string {
	words := strings.Fields(args)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "~", " ")
	}
	return words
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, args, want string }{
		{"unknown, near", "--prot 1", "unknown flag --prot; did you mean --port?"},
		{"two letters swapped and one missing", "--num-porpts 1", "unknown flag --num-porpts; did you mean --num-prompts?"},
		{"part of a name", "--prompts 1", "unknown flag --prompts; did you mean --num-prompts?"},
		{"unknown, nothing near", "--zzzz 1", "unknown flag --zzzz; --help lists all flags"},
		{"ambiguous", "--num 1", "--num may mean --num-prompts or --num-warmups"},
		{"one hyphen", "-port 1", "unknown flag -port: flags begin with two hyphens"},
		{"no value", "--port", "--port needs a value"},
		{"an option in place of the value", "--port --save-result", `--port needs a value; if "--save-result" is the value, write it after =`},
		{"no value for a list that needs one", "--goodput", "--goodput needs at least one value"},
		{"a value for a switch", "--save-result=7", `--save-result is a switch and takes no value such as "7"`},
		{"keys where there are none", "--port.a 1", "--port takes no keys: --port.a has no meaning"},
		{"an empty key", "--extra-body..a 1", "--extra-body..a has an empty key"},
		{"no dotted value", "--extra-body.a", "--extra-body.a needs a value"},
		{"two problems", "--prot 1 --goodput", "unknown flag --prot; did you mean --port?\n--goodput needs at least one value"},
		{"two files", "--config a.yaml --config a.yaml", "--config is given more than once: name one file"},
		{"a file of another kind", "--config a.json", "config a.json: want a .yaml or .yml file"},
		{"a file that is missing", "--config b.yaml", "config: open b.yaml: file does not exist"},
		{"an unknown key in the file", "--config bad.yaml", "config bad.yaml: line 2: unknown flag --prot; did you mean --port?"},
		{"an abbreviation in the file", "--config short.yaml", "config short.yaml: line 1: unknown flag --num-prompt; did you mean --num-prompts?"},
		{"a broken file", "--config broken.yaml", "config broken.yaml: no valid YAML: line 1: did not find expected node content"},
		{"an empty file", "--config empty.yaml", "config empty.yaml: the file is empty"},
		{"a file that is a list", "--config list.yaml", "config list.yaml: want lines such as port: 8000"},
		{"a key twice", "--config twice.yaml", "config twice.yaml: line 2: port stands twice"},
		{"a key without a value", "--config null.yaml", "config null.yaml: line 1: port: has no value"},
		{"a list for one value", "--config lists.yaml", "config lists.yaml: line 1: port: want one value, not a list"},
		{"a map for one value", "--config map.yaml", "config map.yaml: line 1: port: want a value, not a map"},
		{"a switch for a value", "--config bool.yaml", "config bool.yaml: line 1: port: want a value, not true"},
		{"a file that names a file", "--config nest.yaml", "config nest.yaml: line 1: config names another file: put all in one"},
	}
	read := files(map[string]string{
		"a.yaml": "port: 1\n", "short.yaml": "num_prompt: 1\n", "bad.yaml": "port: 1\nprot: 2\n", "broken.yaml": "a: [", "empty.yaml": "",
		"list.yaml": "- a\n", "twice.yaml": "port: 1\nport: 2\n", "null.yaml": "port:\n", "lists.yaml": "port: [1]\n",
		"map.yaml": "port: {a: 1}\n", "bool.yaml": "port: true\n", "nest.yaml": "config: a.yaml\n",
	})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(options(), split(tt.args), read)
			if err == nil {
				t.Fatalf("%s: no error, want %q", tt.args, tt.want)
			}
			if err.Error() != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.args, err, tt.want)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	tests := []struct {
		name, args string
		want       []string
	}{
		{"nothing to say", "--port 1", nil},
		{"twice", "--port 1 --port 1", []string{"--port given more than once: the last one counts"}},
		{"both spellings are one flag", "--num-prompts 1 --num_prompts 2", []string{"--num-prompts given more than once: the last one counts"}},
		{"a key twice", "--extra-body.a.b 1 --extra-body.a.b 2", []string{"--extra-body.a.b given more than once: the last one counts"}},
		{"keys over a whole object", "--extra-body {} --extra-body.a 1", []string{"--extra-body.KEY replaces the whole of --extra-body, as it does in vllm: give all of it in one way"}},
		{"a word over the file is what the file is for", "--config a.yaml --port 2", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Parse(options(), split(tt.args), files(map[string]string{"a.yaml": "port: 1\n"}))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, r.Notes); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.args, diff)
			}
		})
	}
}

// FuzzParse looks for words that break the parser, and checks what must hold
// for all that it accepts.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"--port\n1", "--num_p=1\n--port\n-1", "--header\nA=B\nC=D\n--simulate", "--extra-body.a.b+\nx,y\n--extra-body.a.c=1.5k",
		"--extra-body\n{}\n--extra-body.x\n[1,{\"a\":2}]", "--no-self-timed\n--\nx", "-x\n--\n--", "--config\nf.yaml\nword", "--=\n--.a\n---",
	} {
		f.Add(s, "port: 1\nheader: [a, b]\nextra-body: {a: {b: 1}}\n")
	}
	f.Add("--config=f.yaml", "a: &a [1]\nextra-body: {x: *a, y: [*a, *a]}\nsave-result: yes\n")
	f.Fuzz(func(t *testing.T, line, yaml string) {
		args := strings.Split(line, "\n")
		read := func(string) ([]byte, error) { return []byte(yaml), nil }
		r, err := Parse(options(), args, read)
		if err != nil {
			return
		}
		kinds := map[string]Kind{}
		for _, o := range options() {
			kinds[o.Name] = o.Kind
		}
		seen := map[string]bool{}
		for _, s := range r.Settings {
			kind, known := kinds[s.Name]
			n := len(s.Values)
			switch {
			case !known || seen[s.Name]:
				t.Fatalf("%q: setting %q is unknown or stands twice", args, s.Name)
			case kind == Switch && (n != 1 || s.Values[0] != "true" && s.Values[0] != "false"),
				kind == Value && n != 1, kind == Optional && n > 1, kind == List1 && n == 0:
				t.Fatalf("%q: %s has the words %q", args, s.Name, s.Values)
			}
			seen[s.Name] = true
		}
		if slices.Contains(args, "--") {
			return
		}
		again, err := Parse(options(), append(args, "--num-warmups=last"), read)
		if err != nil {
			t.Fatalf("%q: with one more flag: %v", args, err)
		}
		if got := value(again, "num-warmups"); got != "last" {
			t.Fatalf("%q: the last --num-warmups lost: got %q", args, got)
		}
	})
}

func value(r Result, name string) string {
	for _, s := range r.Settings {
		if s.Name == name {
			return strings.Join(s.Values, "|")
		}
	}
	return ""
}

// FuzzObject checks that what is written of an object is read again the same.
func FuzzObject(f *testing.F) {
	f.Add(`{"a": 1, "b": {"c": [1, 2, {"d": null}]}, "a": 2}`)
	f.Add(`{"\u2028<": "x"}`)
	f.Add(`[]`)
	f.Add(`{} x`)
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ParseObject(text)
		if err != nil {
			return
		}
		again, err := ParseObject(o.String())
		if err != nil {
			t.Fatalf("%q became %q: %v", text, o, err)
		}
		if again.String() != o.String() {
			t.Fatalf("%q became %q and then %q", text, o, again)
		}
	})
}

func TestHumanInt(t *testing.T) {
	tests := []struct{ in, want, why string }{
		{"12", "12", "plain"},
		{"-3", "-3", "negative"},
		{"+3", "3", "Python's int takes a sign"},
		{" 3 ", "3", "and spaces around"},
		{"1_000", "1000", "and underscores between digits"},
		{"1k", "1000", "small letters are decimal"},
		{"1K", "1024", "capital letters are binary"},
		{"25.6k", "25600", "decimals"},
		{"1.0001k", "1000", "cut, not rounded, as int does"},
		{"3g", "3000000000", "giga"},
		{"1T", "1099511627776", "tera"},
		{"1.5K", "", "no decimals with binary letters"},
		{"1__0", "", "no two underscores"},
		{"1e3", "", "no exponent"},
		{"", "", "nothing"},
		{"-1k", "", "no sign with a letter"},
	}
	for _, tt := range tests {
		got, err := HumanInt(tt.in)
		switch {
		case tt.want == "" && err == nil:
			t.Errorf("%q: got %v, want an error (%s)", tt.in, got, tt.why)
		case tt.want != "" && (err != nil || got.String() != tt.want):
			t.Errorf("%q: got %v, %v, want %s (%s)", tt.in, got, err, tt.want, tt.why)
		}
	}
}

func TestReadErrorIsWrapped(t *testing.T) {
	_, err := Parse(options(), []string{"--config", "no.yaml"}, files(nil))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that wraps fs.ErrNotExist", err)
	}
}
