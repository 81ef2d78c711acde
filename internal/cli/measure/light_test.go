package measure

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/cli/argv"
	"tokmeter/internal/cli/flags"
)

// TestLimitFlagsLeaveVLLMAlone: whatever beginning of a flag of vLLM's is typed,
// it means the same with the flags of the speed of light as without them.
func TestLimitFlagsLeaveVLLMAlone(t *testing.T) {
	ours := map[string]bool{}
	for _, f := range limitFlags() {
		ours[f.Name] = true
	}
	with := Table()
	var without flags.Table
	for _, f := range with {
		if !ours[f.Name] {
			without = append(without, f)
		}
	}
	if len(without) != len(with)-len(ours) {
		t.Fatalf("the table has %d flags and %d without ours", len(with), len(without))
	}
	read := func(table flags.Table, words ...string) any {
		p, err := argv.Parse(table.Options(), table.Lengthen(words), os.ReadFile)
		if err != nil {
			return "refused"
		}
		return p.Settings
	}
	n := 0
	for _, f := range without {
		for i := 1; i <= len(f.Name); i++ {
			name := "--" + f.Name[:i]
			for _, words := range [][]string{{name}, {name, "1"}, {name + "=1"}, {strings.ReplaceAll(name, "-", "_")}} {
				// A beginning that several flags have may name more of them.
				if diff := cmp.Diff(read(without, words...), read(with, words...)); diff != "" {
					t.Errorf("%q reads otherwise (-without +with):\n%s", words, diff)
				}
				n++
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d words were read", n)
	}
}

// TestCards: -tp, --tp and the whole name are one flag.
func TestCards(t *testing.T) {
	for _, words := range []string{"-tp 2", "--tp 2", "-tp=2", "--tp=2", "--tensor-parallel-size 2", "--tensor_parallel_size=2"} {
		env, _, _ := fakeEnv()
		p, _, err := servePlanOf(env, Table().Lengthen(append(splitWords(words), "--gpu", "a10g"))...)
		if err != nil || p.Light.TP != 2 || p.Light.GPU != "a10g" {
			t.Errorf("%s: got %+v (%v), want two cards", words, p.Light, err)
		}
	}
}
