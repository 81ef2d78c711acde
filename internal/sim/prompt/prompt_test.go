package prompt

import "testing"

func TestPrompts(t *testing.T) {
	tests := []struct {
		why, raw string
		n        int // prompts; 0: refused
	}{
		{"text", `"a b"`, 1},
		{"token ids", `[1,2,3]`, 1},
		{"texts", `["a","b"]`, 2},
		{"lists of ids", `[[1],[2,3],[4]]`, 3},
		{"nothing", ``, 0},
		{"null", `null`, 0},
		{"the empty text", `""`, 0},
		{"the empty list", `[]`, 0},
		{"an empty list of ids", `[[1],[]]`, 0},
		{"a negative id", `[1,-2]`, 0},
		{"a number", `7`, 0},
		{"mixed", `["a",[1]]`, 0},
	}
	for _, tt := range tests {
		items, err := Read([]byte(tt.raw))
		if (err == nil) != (tt.n > 0) || len(items) != tt.n {
			t.Errorf("%s: got %d prompts, %v, want %d", tt.why, len(items), err, tt.n)
		}
	}
}

func TestConversation(t *testing.T) {
	ts, err := ReadTurns([]byte(`[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","text":" there"}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Render(nil, ts, Ask{Generation: true})
	want := "system: Be brief.\n\nuser: Hi there\n\nassistant:"
	if err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	for _, bad := range []string{`{}`, `[{"content":"x"}]`, `[{"role":"user","content":7}]`, `"x"`, ``} {
		if ts, err := ReadTurns([]byte(bad)); err == nil {
			t.Errorf("%s was taken as %v", bad, ts)
		}
	}
}
