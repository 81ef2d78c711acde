package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct {
		why, spec string
		want      Set
		err       string
	}{
		{"a chance", "429:0.05", Set{{Kind: RateLimited, Chance: 0.05, For: time.Second}}, ""},
		{"value and chance", "429=30s:0.5", Set{{Kind: RateLimited, Chance: 0.5, For: 30 * time.Second}}, ""},
		{"a key", "reset_mid_stream:0.01,after=10", Set{{Kind: ResetMidStream, Chance: 0.01, After: 10}}, ""},
		{"a header's", "stall=2s,after=5", Set{{Kind: Stall, Chance: 1, For: 2 * time.Second, After: 5}}, ""},
		{"several", "no_usage; merge=8:0.1", Set{{Kind: NoUsage, Chance: 1}, {Kind: Merge, Chance: 0.1, Every: 8}}, ""},
		{"backwards in time", "clock_skew=-1h", Set{{Kind: ClockSkew, Chance: 1, For: -time.Hour}}, ""},
		{"fewer than came", "wrong_usage=-3", Set{{Kind: WrongUsage, Chance: 1, By: -3}}, ""},
		{"switched off", "none", Set{}, ""},
		{"unknown", "418", nil, `fault "418": no such fault; known are 400, 401`},
		{"chance above 1", "429:1.5", nil, "between 0 and 1"},
		{"chance that is none", "429:NaN", nil, "between 0 and 1"},
		{"value of a kind without", "no_usage=0.5", nil, "takes no value"},
		{"key of another kind", "429,after=3", nil, "takes the keys for"},
		{"key of a kind without", "401,after=3", nil, "takes no keys"},
		{"no number", "merge=x", nil, "every"},
		{"every nothing", "merge=0", nil, "between 1 and"},
		{"for ever", "stall=1000h", nil, "at most 1h"},
		{"backwards", "stall=-1s", nil, "no time"},
		{"too long", strings.Repeat("429;", 2000), nil, "too many"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			got, err := Parse(tt.spec)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("got %v, want one line with %q", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Fatalf("%v: %s", err, diff)
			}
		})
	}
}

// TestHelp: every line of the help can be given as it stands.
func TestHelp(t *testing.T) {
	help := Help()
	if len(help) != int(kinds) {
		t.Fatalf("got %d lines, want %d", len(help), kinds)
	}
	for k, line := range help {
		set, err := Parse(line[0])
		if err != nil || len(set) != 1 || set[0].Kind != Kind(k) || line[1] == "" {
			t.Errorf("%q: %+v, %v", line, set, err)
		}
	}
}

// TestDecide: decisions depend on seed, prompt and ordinal alone, come as often
// as they should, and kinds are drawn apart.
func TestDecide(t *testing.T) {
	set, err := Parse("429:0.2;no_usage:0.2")
	if err != nil {
		t.Fatal(err)
	}
	const n = 20000
	refused, both := 0, 0
	for i := range uint64(n) {
		d := set.Decide(7, Key{Prompt: i})
		if again := set.Decide(7, Key{Prompt: i}); again != d {
			t.Fatalf("drawn twice: %+v and %+v", d, again)
		}
		if d.Status == 429 {
			refused++
			if d.NoUsage {
				both++
			}
		}
	}
	if refused < n*18/100 || refused > n*22/100 || both < n*3/100 || both > n*5/100 {
		t.Fatalf("%d of %d refused, %d without usage too, want a fifth and a twenty-fifth", refused, n, both)
	}
	differ := 0
	for i := range uint64(100) {
		if set.Decide(7, Key{Prompt: i}) != set.Decide(8, Key{Prompt: i}) || set.Decide(7, Key{Prompt: i}) != set.Decide(7, Key{Prompt: i, Ordinal: 1}) {
			differ++
		}
	}
	if differ == 0 {
		t.Fatal("seed and ordinal change nothing")
	}
	ready := Set{{Kind: Unavailable, Chance: 1, For: 10 * time.Second}}
	if d := ready.Decide(1, Key{Uptime: 4 * time.Second}); d.Status != 503 || d.RetryAfter != 6*time.Second {
		t.Fatalf("before it is ready: %+v", d)
	}
	if d := ready.Decide(1, Key{Uptime: 10 * time.Second}); d != (Decision{}) {
		t.Fatalf("when it is ready: %+v", d)
	}
}

func TestNotReady(t *testing.T) {
	set, err := Parse("503=10s")
	if err != nil {
		t.Fatal(err)
	}
	if got := set.NotReady(4 * time.Second); got != 6*time.Second {
		t.Fatalf("got %v, want 6s", got)
	}
	if got := set.NotReady(10*time.Second) + (Set{{Kind: Unavailable, Chance: 0.5, For: time.Hour}}).NotReady(0) + Set(nil).NotReady(0); got != 0 {
		t.Fatalf("got %v, want 0", got)
	}
}

// TestResponses: an answer of /v1/responses that is truncated lacks its last
// event.
func TestResponses(t *testing.T) {
	events := "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\" é\"}\n\n" +
		"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"created_at\":9,\"usage\":{\"output_tokens\":1,\"total_tokens\":3}}}\n\n"
	for spec, want := range map[string]string{
		"truncate": "!response.completed", "no_usage": "!usage", "wrong_usage=4": `"output_tokens":5,"total_tokens":7`,
		"duplicate_ids": `"id":"sim-duplicate"`, "clock_skew=1s": `"created_at":10`, "empty_delta=1": `"delta":""`,
	} {
		set, err := Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		pieces := NewStream(set.Decide(0, Key{})).Events(nil, []byte(events), 1, true)
		wire := string(pieces[0].Bytes)
		if missing, not := strings.CutPrefix(want, "!"); strings.Contains(wire, missing) == not || !strings.Contains(wire, `"delta":" é"`) {
			t.Errorf("%s: %s", spec, wire)
		}
	}
}

func TestWith(t *testing.T) {
	set := Set{{Kind: Stall, Chance: 0.1, For: time.Second}, {Kind: NoUsage, Chance: 1}}
	got, err := set.With("stall=2s,after=5")
	want := Set{{Kind: Stall, Chance: 1, For: 2 * time.Second, After: 5}, {Kind: NoUsage, Chance: 1}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%v: %s", err, diff)
	}
	if got, err := set.With("none"); err != nil || len(got) != 0 {
		t.Fatalf("none: %v, %v", got, err)
	}
	if got, err := set.With(""); err != nil || len(got) != 2 {
		t.Fatalf("empty: %v, %v", got, err)
	}
	if _, err := set.With("nonsense"); err == nil {
		t.Fatal("nonsense was taken")
	}
}

func TestAnswer(t *testing.T) {
	for _, status := range []int{400, 401, 429, 500, 503} {
		d := Decision{Status: status, RetryAfter: 300 * time.Millisecond}
		header, body := d.Answer(8192)
		if !json.Valid(body) || header != "Retry-After: 1\r\n" {
			t.Errorf("%d: header %q, body %s", status, header, body)
		}
	}
}

const testHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// healthy are the steps of a chat of n tokens, the last of which has usage and
// [DONE] with it.
func healthy(n int) []string {
	event := func(rest string) string {
		return `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1000,"model":"m",` + rest + "}\n\n"
	}
	var out []string
	for i := range n {
		s := ""
		if i == 0 {
			s += event(`"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]`)
		}
		finish := "null"
		if i == n-1 {
			finish = `"length"`
		}
		s += event(fmt.Sprintf(`"choices":[{"index":0,"delta":{"content":" t%dé"},"finish_reason":%s}]`, i, finish))
		if i == n-1 {
			s += event(fmt.Sprintf(`"choices":[],"usage":{"prompt_tokens":3,"total_tokens":%d,"completion_tokens":%d}`, n+3, n))
			s += "data: [DONE]\n\n"
		}
		out = append(out, s)
	}
	return out
}

// run is what goes on the wire of an answer of six tokens: a line for each
// piece, with chunk heads and ends of lines made readable.
func run(d Decision) string {
	s := NewStream(d)
	pieces := s.Head(nil, []byte(testHead))
	steps := healthy(6)
	for i, step := range steps {
		pieces = s.Events(pieces, []byte(step), 1, i == len(steps)-1)
	}
	var b strings.Builder
	for _, p := range pieces {
		fmt.Fprintf(&b, "+%v %d tokens", p.Wait, p.Tokens)
		if p.End != Goes {
			fmt.Fprintf(&b, " %s", [...]string{"", "done", "close", "reset"}[p.End])
		}
		fmt.Fprintf(&b, " %q\n", p.Bytes)
	}
	return b.String()
}

func texts(wire string) string {
	var b strings.Builder
	for _, part := range strings.Split(wire, `\"content\":\"`)[1:] {
		b.WriteString(part[:strings.Index(part, `\"`)])
	}
	return b.String()
}

// TestStream: what each fault makes of a healthy stream.
func TestStream(t *testing.T) {
	healthyWire := run(Decision{})
	all := texts(healthyWire)
	if all != " t0é t1é t2é t3é t4é t5é" || strings.Count(healthyWire, "[DONE]") != 1 || !strings.Contains(healthyWire, "6 tokens done") {
		t.Fatalf("a healthy answer is broken: %q\n%s", all, healthyWire)
	}
	tests := []struct {
		spec        string
		has, hasNot []string
		text        string // the whole of it
		times       map[string]int
	}{
		{"reset_mid_stream=3", []string{"+2ms 3 tokens reset"}, []string{"[DONE]", "t3"}, " t0é t1é t2é", nil},
		{"reset_mid_stream=0", []string{"+2ms 0 tokens reset"}, []string{"content"}, "", nil},
		{"reset_mid_stream=6", []string{"+2ms 6 tokens reset"}, []string{"0\\r\\n\\r\\n"}, all, nil},
		{"stall=2s,after=3", []string{"+2s 4 tokens"}, nil, all, map[string]int{"+2s": 1}},
		{"truncate", []string{"0\\r\\n\\r\\n", "6 tokens done"}, []string{"[DONE]"}, all, nil},
		{"truncate=2", []string{"2 tokens done"}, []string{"[DONE]", "usage"}, " t0é t1é", nil},
		{"merge=4", []string{`" t0é t1é t2é t3é\"}`, `\" t4é t5é\"},\"finish_reason\":\"length\"`}, nil, "", map[string]int{"content": 3, "4 tokens": 1}},
		{"empty_delta=2", nil, nil, all, map[string]int{`\"content\":\"\"`: 4, `\"length\"`: 1}},
		{"heartbeat=2", nil, nil, all, map[string]int{": heartbeat\\n\\n": 3}},
		{"split_utf8=5ms", []string{"+5ms"}, nil, "", map[string]int{"+5ms": 6}},
		{"no_usage", []string{"[DONE]"}, []string{"usage"}, all, nil},
		{"wrong_usage=2", []string{`\"prompt_tokens\":3,\"total_tokens\":11,\"completion_tokens\":8`}, nil, all, nil},
		{"slow_headers=1s", []string{`"HTTP/1.1 200 OK\r\n"`, "+1s 0 tokens"}, nil, all, nil},
		{"duplicate_ids", []string{`\"id\":\"sim-duplicate\"`}, []string{"chatcmpl-1"}, all, nil},
		{"close_delimited", []string{"HTTP/1.0 200 OK", "Connection: close", "6 tokens close"}, []string{"chunked", "0\\r\\n\\r\\n"}, all, nil},
		{"clock_skew=1h", []string{`\"created\":4600`}, []string{`\"created\":1000`}, all, nil},
		{"close_delimited;no_usage;heartbeat=3;stall=1s,after=0", []string{"6 tokens close", "+1s 1 tokens"}, []string{"usage"}, all, map[string]int{": heartbeat": 2}},
	}
	for _, tt := range tests {
		t.Run(tt.spec, func(t *testing.T) {
			set, err := Parse(tt.spec)
			if err != nil {
				t.Fatal(err)
			}
			d := set.Decide(1, Key{})
			wire := run(d)
			if !d.Streams() || wire == healthyWire {
				t.Fatalf("nothing is broken: %+v\n%s", d, wire)
			}
			for _, s := range tt.has {
				if !strings.Contains(wire, s) {
					t.Errorf("%s is not in\n%s", s, wire)
				}
			}
			for _, s := range tt.hasNot {
				if strings.Contains(wire, s) {
					t.Errorf("%s is in\n%s", s, wire)
				}
			}
			if got := texts(wire); tt.text != "" && got != tt.text {
				t.Errorf("text %q, want %q\n%s", got, tt.text, wire)
			}
			for s, n := range tt.times {
				if got := strings.Count(wire, s); got != n {
					t.Errorf("%s is %d times, want %d, in\n%s", s, got, n, wire)
				}
			}
		})
	}
}

// TestSplit: no piece but the last of a pair ends with whole characters.
func TestSplit(t *testing.T) {
	s := NewStream(Decision{SplitUTF8: time.Millisecond})
	pieces := s.Events(nil, []byte(healthy(1)[0]), 1, true)
	if len(pieces) != 2 || utf8.Valid(pieces[0].Bytes) || !utf8.Valid(append(dechunk(pieces[0].Bytes), dechunk(pieces[1].Bytes)...)) {
		t.Fatalf("%+v", pieces)
	}
}

// dechunk takes the framing of chunks away.
func dechunk(b []byte) []byte {
	var out []byte
	for len(b) > 0 {
		head, rest, _ := bytes.Cut(b, []byte("\r\n"))
		var n int
		if _, err := fmt.Sscanf(string(head), "%x", &n); err != nil || n+2 > len(rest) {
			return append(out, "?"...)
		}
		out, b = append(out, rest[:n]...), rest[n+2:]
	}
	return out
}

func TestWhole(t *testing.T) {
	head := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n")
	body := []byte(`{"id":"c-1","created":5,"choices":[{"text":"é"}],"usage":{"completion_tokens":4,"total_tokens":6}}`)
	tests := []struct {
		spec string
		want string
	}{
		{"no_usage", `HTTP/1.1 200 OK|Content-Type: application/json|Content-Length: 48||{"id":"c-1","created":5,"choices":[{"text":"é"}]} 0`},
		{"wrong_usage=1;duplicate_ids;clock_skew=-10s", `HTTP/1.1 200 OK|Content-Type: application/json|Content-Length: 109||{"id":"sim-duplicate","created":0,"choices":[{"text":"é"}],"usage":{"completion_tokens":5,"total_tokens":7}} 0`},
		{"close_delimited", `HTTP/1.0 200 OK|Content-Type: application/json|Connection: close||` + string(body) + ` 2`},
		{"truncate", `HTTP/1.1 200 OK|Content-Type: application/json|Content-Length: 99||` + string(body[:len(body)/2]) + ` 2`},
		{"reset_mid_stream", `HTTP/1.1 200 OK|Content-Type: application/json|Content-Length: 99||` + string(body[:len(body)/2]) + ` 3`},
	}
	for _, tt := range tests {
		t.Run(tt.spec, func(t *testing.T) {
			set, err := Parse(tt.spec)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			pieces := set.Decide(0, Key{}).Whole(head, body)
			for _, p := range pieces {
				b.Write(p.Bytes)
			}
			fmt.Fprintf(&b, " %d", pieces[len(pieces)-1].End)
			if diff := cmp.Diff(strings.ReplaceAll(tt.want, "Content-Length: 48", "Content-Length: 50"), strings.ReplaceAll(b.String(), "\r\n", "|")); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// FuzzParse: a spec is refused in one line or can be decided on.
func FuzzParse(f *testing.F) {
	for _, line := range Help() {
		f.Add(line[0])
	}
	f.Add("429:0.5;stall=2s,after=5")
	f.Fuzz(func(t *testing.T, spec string) {
		set, err := Parse(spec)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n") {
				t.Fatalf("more than a line: %v", err)
			}
			return
		}
		d := set.Decide(1, Key{Prompt: 2})
		if d.Stall < 0 || d.SlowHeaders < 0 || d.Merge < 0 {
			t.Fatalf("%q: %+v", spec, d)
		}
	})
}

// FuzzEvents: whatever a server says, pieces come out and each token is counted
// once.
func FuzzEvents(f *testing.F) {
	for i := range uint8(kinds) {
		f.Add(healthy(1)[0], i, uint8(3))
	}
	f.Add("event: response.output_text.delta\ndata: {\"delta\":\"x\"}\n\n", uint8(9), uint8(1))
	f.Fuzz(func(t *testing.T, events string, kind, tokens uint8) {
		k := Kind(kind) % kinds
		r := traits()[k].std
		r.Kind, r.Chance = k, 1
		s := NewStream(Set{r}.Decide(0, Key{}))
		pieces := s.Events(nil, []byte(events), int(tokens), false)
		pieces = s.Events(pieces, []byte(events), int(tokens), true)
		if len(pieces) == 0 || pieces[len(pieces)-1].End == Goes {
			t.Fatalf("%v: the answer does not end: %+v", k, pieces)
		}
		last := 0
		for _, p := range pieces {
			if p.Tokens < last || p.Tokens > 2*int(tokens) {
				t.Fatalf("%v: %d tokens after %d", k, p.Tokens, last)
			}
			last = p.Tokens
		}
	})
}
