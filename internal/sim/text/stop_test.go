package text

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tokmeter/internal/tokenize"
)

// TestStopAsRecorded: stop strings are found, text is held back and tokens are
// counted as vLLM 0.32's frontend does (testdata/record_stop.py).
func TestStopAsRecorded(t *testing.T) {
	raw, err := os.ReadFile("testdata/stop.json")
	if err != nil {
		t.Fatal(err)
	}
	type step struct {
		Tokens, Count int
		Text          string
		Stop          *string
	}
	var cases []struct {
		Texts   []string
		Stop    []string
		Include bool
		Min     int
		Steps   []step
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) < 100 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	v := NewVoice(tokenize.Builtin())
	found := 0
	for i, c := range cases {
		s := &Script{}
		for j, text := range c.Texts {
			s.tokens = append(s.tokens, Token{ID: 1000 + j, Text: text})
		}
		a := v.Answer(Ask{Script: s, Stop: c.Stop, IncludeStop: c.Include, MinTokens: c.Min, IgnoreEOS: true})
		var got []step
		said := 0
		for _, want := range c.Steps {
			for range want.Tokens {
				a.Next()
				said++
			}
			d := a.Delta(said == len(c.Texts))
			g := step{Tokens: want.Tokens, Count: a.Tokens(), Text: d.Text}
			if d.Stopped {
				g.Stop = &d.Stop
				found++
			}
			got = append(got, g)
		}
		if diff := cmp.Diff(c.Steps, got); diff != "" {
			t.Fatalf("case %d, stop %q: %s", i, c.Stop, diff)
		}
	}
	if found < 50 {
		t.Fatalf("%d cases stop, want at least 50", found)
	}
}

// TestStopProse: however an answer is cut into steps, its text is the same.
func TestStopProse(t *testing.T) {
	v := NewVoice(tokenize.Builtin())
	rapid.Check(t, func(t *rapid.T) {
		ask := Ask{
			Seed:        rapid.Uint64().Draw(t, "seed"),
			Stop:        rapid.SliceOfN(rapid.SampledFrom([]string{" the", "e", ". ", ",", "en", " and the", "\n\n"}), 0, 3).Draw(t, "stop"),
			IncludeStop: rapid.Bool().Draw(t, "include"),
			MinTokens:   rapid.IntRange(0, 20).Draw(t, "min"),
			Thinking:    rapid.SampledFrom([]int{0, 0, 3, 30}).Draw(t, "thinking"),
		}
		const n = 60
		run := func(size func() int) (text, reasoning string, count int) {
			a := v.Answer(ask)
			for said := 0; said < n; {
				k := min(size(), n-said)
				for range k {
					a.Next()
				}
				said += k
				d := a.Delta(said == n)
				text, reasoning = text+d.Text, reasoning+d.Reasoning
				if d.Stopped {
					break
				}
			}
			return text, reasoning, a.Tokens()
		}
		t1, r1, c1 := run(func() int { return 1 })
		t2, r2, c2 := run(func() int { return rapid.IntRange(1, 5).Draw(t, "step") })
		if t1 != t2 || r1 != r2 || c1 != c2 {
			t.Fatalf("%+v: %q %q %d, in other steps %q %q %d", ask, r1, t1, c1, r2, t2, c2)
		}
		if ask.IncludeStop {
			return
		}
		for _, s := range ask.Stop {
			if ask.MinTokens == 0 && strings.Contains(r1+t1, s) {
				t.Fatalf("%q is still in %q", s, r1+t1)
			}
		}
	})
}

// TestEnds: an answer ends by itself where its rule says so, after min_tokens,
// with an end of sequence that is counted and has no text.
func TestEnds(t *testing.T) {
	for name, v := range voices(t) {
		sum, n := 0.0, 400
		for seed := range uint64(n) {
			ids, texts := say(v.Answer(Ask{Seed: seed, Length: Length{Mean: 80, Sigma: 0.5}}), 5000)
			sum += float64(len(ids))
			if v.EOS() >= 0 && (ids[len(ids)-1] != v.EOS() || texts[len(ids)-1] != "") {
				t.Fatalf("%s: ends with %d, %q", name, ids[len(ids)-1], texts[len(ids)-1])
			}
			all := strings.Join(texts, "")
			if v.EOS() >= 0 && v.tok.Decode(ids, true) != all || len(ids) > 2 && !strings.HasSuffix(strings.TrimSpace(all), ".") {
				t.Fatalf("%s: %q", name, all)
			}
		}
		if mean := sum / float64(n); math.Abs(mean-80) > 8 {
			t.Errorf("%s: %v tokens on average, want 80", name, mean)
		}
	}
	v := NewVoice(tokenize.Builtin())
	for _, tt := range []struct {
		why  string
		ask  Ask
		want int
	}{
		{"ignore_eos", Ask{Length: Length{Mean: 5}, IgnoreEOS: true}, 300},
		{"no rule", Ask{}, 300},
		{"min_tokens", Ask{Length: Length{Mean: 5}, MinTokens: 50}, 50},
		{"exactly", Ask{Length: Length{Mean: 5}}, 5},
	} {
		if ids, _ := say(v.Answer(tt.ask), 300); len(ids) != tt.want {
			t.Errorf("%s: got %d tokens, want %d", tt.why, len(ids), tt.want)
		}
	}
	f, err := Wish{StructuredOutputs: []byte(`{"choice":["yes"]}`)}.Form()
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Script(v, 0, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for why, ask := range map[string]Ask{"ignore_eos": {Script: s, IgnoreEOS: true}, "min_tokens": {Script: s, MinTokens: 40}} {
		ids, texts := say(v.Answer(ask), 40)
		if len(ids) != 40 || strings.Join(texts, "") != "yes" {
			t.Errorf("%s after a script: %d tokens, %q", why, len(ids), texts)
		}
	}
}

// TestThinking: so many tokens are reasoning, and the answer begins after them.
func TestThinking(t *testing.T) {
	for name, v := range voices(t) {
		a := v.Answer(Ask{Seed: 4, Thinking: 12})
		var reasoning, text string
		for i := range 40 {
			a.Next()
			d := a.Delta(i == 39)
			reasoning, text = reasoning+d.Reasoning, text+d.Text
			if (i < 12) != (d.Reasoning != "" || v.think >= 0 && i == 11) {
				t.Fatalf("%s: token %d: %+v", name, i, d)
			}
		}
		if reasoning == "" || text == "" || a.ReasoningTokens() != 12 || a.Tokens() != 40 {
			t.Fatalf("%s: %q, %q", name, reasoning, text)
		}
	}
}

// TestLogprobs: they fall, sum to no more than 1, name different texts, and are
// the same when asked for again.
func TestLogprobs(t *testing.T) {
	v := NewVoice(tokenize.Builtin())
	a := v.Answer(Ask{Seed: 1})
	for pos := range 200 {
		a.Next()
		tok := a.Delta(false).Tokens[0]
		got := a.Logprobs(nil, pos, tok, 20)
		seen := map[string]bool{}
		sum := 0.0
		for i, p := range got {
			if seen[p.Text] || p.Value > 0 || math.IsInf(p.Value, 0) || i > 0 && p.Value > got[i-1].Value {
				t.Fatalf("%d: %+v", pos, got)
			}
			seen[p.Text] = true
			sum += math.Exp(p.Value)
		}
		if len(got) != 20 || got[0].Token != tok || sum > 1+1e-9 {
			t.Fatalf("%d: %d rows, sum %v: %+v", pos, len(got), sum, got)
		}
		if diff := cmp.Diff(got, a.Logprobs(nil, pos, tok, 20)); diff != "" {
			t.Fatal(diff)
		}
	}
}

// TestAccents: characters of several bytes come whole, and some are several
// tokens of which all but the last add nothing.
func TestAccents(t *testing.T) {
	for name, v := range voices(t) {
		if strings.HasPrefix(name, "small_") {
			continue // most of them know no such letters
		}
		silent := 0
		ids, texts := say(v.Answer(Ask{Seed: 2, Accents: true}), 2000)
		for _, s := range texts {
			if s == "" {
				silent++
			}
			if strings.ContainsRune(s, '\uFFFD') {
				t.Fatalf("%s: %q", name, s)
			}
		}
		all := strings.Join(texts, "")
		if len(all) == len([]rune(all)) || len(ids) != 2000 {
			t.Errorf("%s: only ASCII: %q", name, all)
		}
		t.Logf("%s: %d of 2000 tokens add nothing", name, silent)
	}
}

// TestTexts: what ids add one by one is the text of them all.
func TestTexts(t *testing.T) {
	for name, v := range voices(t) {
		if strings.Contains(name, "bert") || strings.Contains(name, "added") {
			continue // their text changes with what follows
		}
		const s = "Zürich → 東京 🚀 said \"hello\", twice.\n\nAnd then: {\"a\": [1, 2]}"
		ids := v.tok.Encode(s, false)
		if got, want := strings.Join(v.Texts(ids, true), ""), v.tok.Decode(ids, true); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func BenchmarkStops(b *testing.B) {
	v := NewVoice(tokenize.Builtin())
	a := v.Answer(Ask{Seed: 1, Stop: []string{"\nUser:", "</s>"}})
	b.ReportAllocs()
	for b.Loop() {
		a.Next()
		a.Delta(false)
	}
}
