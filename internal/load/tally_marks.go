package load

import (
	"iter"

	"tokmeter/internal/record"
)

// A mark is one event with a choice.
type mark struct {
	at      record.Stamp
	units   uint16 // choices in it that carry text, or in a blank mark: that do not
	counted uint16 // tokens by the running usage
	ids     uint16 // token ids sent
	is      markIs
}

// markIs says what a mark is.
type markIs uint16

const (
	isText   markIs = 1 << iota // it carries text
	isBlank                     // it carries none, and may be a token nevertheless
	isFinal                     // it carries a finish reason
	isAnswer                    // its text is answer or tool call
)

// maxMarks bounds what is allocated before the first event: a workload may ask
// for far more tokens than come.
const maxMarks = 1024

// maxBlock is how many marks are allocated at once for an answer that goes on.
const maxBlock = 4096

// marks are the events of an answer so far. They lie in blocks, none of which is
// ever copied: an answer of a hundred thousand tokens takes what it needs.
type marks struct {
	blocks [][]mark
	n      int
}

func newMarks(room int) marks {
	return marks{blocks: [][]mark{make([]mark, 0, room)}}
}

func (a *marks) add(m mark) {
	last := len(a.blocks) - 1
	if b := a.blocks[last]; len(b) == cap(b) {
		a.blocks = append(a.blocks, make([]mark, 0, min(2*cap(b), maxBlock)))
		last++
	}
	a.blocks[last] = append(a.blocks[last], m)
	a.n++
}

// all gives the marks in order; each is valid until the next answer begins.
func (a *marks) all() iter.Seq[*mark] {
	return func(yield func(*mark) bool) {
		for _, block := range a.blocks {
			for i := range block {
				if !yield(&block[i]) {
					return
				}
			}
		}
	}
}
