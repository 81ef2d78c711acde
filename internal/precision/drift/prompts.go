package drift

import (
	"crypto/sha256"
	_ "embed" // the prompts are part of the binary
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
)

// maxPrompts is the most prompts that are asked.
const maxPrompts = 10_000

//go:embed prompts.txt
var promptsText string

// lines are the prompts of the file, one a line.
func lines() []string { return strings.Split(strings.TrimSpace(promptsText), "\n") }

// Prompts yields the first n fixed prompts by index: short texts of many kinds,
// in several languages. Where more are asked for than the file has, they come
// again with a number in front, which makes texts of their own of them.
func Prompts(n int) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		list := lines()
		for i := range n {
			p := list[i%len(list)]
			if k := i / len(list); k > 0 {
				p = fmt.Sprintf("Part %d. %s", k+1, p)
			}
			if !yield(i, p) {
				return
			}
		}
	}
}

// Hash names the set of prompts: the first half of the SHA-256 of its text.
func Hash() string {
	h := sha256.Sum256([]byte(strings.Join(lines(), "\n")))
	return hex.EncodeToString(h[:16])
}
