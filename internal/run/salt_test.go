package run

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/protocol"
	"tokmeter/internal/tokenize"
	"tokmeter/internal/workload"
)

// TestSalt: number and salt stand in front of every kind of prompt, and prompts
// that others share are left alone.
func TestSalt(t *testing.T) {
	ids := []int{5, 6}
	tok := tokenize.Builtin()
	r := &work{set: &workload.Set{Items: []workload.Item{
		{Prompt: protocol.Prompt{Text: "a"}, PromptLen: 1},
		{Prompt: protocol.Prompt{IDs: ids}, PromptLen: 2},
		{Prompt: protocol.Prompt{Batch: []string{"a", "b"}}},
		{Prompt: protocol.Prompt{Messages: json.RawMessage(`[{"role":"system","content":"x"},{"role":"user","content":"y"}]`)}},
	}}}
	if err := r.salt("[1] ", tok); err != nil {
		t.Fatal(err)
	}
	n, n1 := len(tok.Encode("0[1] ", false)), len(tok.Encode("1[1] ", false))
	it := r.set.Items
	if it[0].Prompt.Text != "0[1] a" || it[0].PromptLen != 1+n {
		t.Errorf("text: got %+v", it[0])
	}
	if got := it[1].Prompt.IDs; len(got) != 2+n1 || !slices.Equal(got[n1:], ids) || !slices.Equal(ids, []int{5, 6}) {
		t.Errorf("ids: got %v", got)
	}
	if diff := cmp.Diff([]string{"2[1] a", "2[1] b"}, it[2].Prompt.Batch); diff != "" {
		t.Errorf("batch: %s", diff)
	}
	if got := string(it[3].Prompt.Messages); !strings.Contains(got, `"3[1] x"`) || !strings.Contains(got, `"y"`) {
		t.Errorf("messages: got %s", got)
	}
	r.set.Items = []workload.Item{{Prompt: protocol.Prompt{Messages: json.RawMessage(`[{"content":[]}]`)}}}
	if err := r.salt("[1] ", tok); err == nil {
		t.Errorf("messages without a text: want an error")
	}
}
