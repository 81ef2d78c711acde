package tokenize

import "math/bits"

// A pairTable maps 64-bit keys to two 32-bit numbers: merges by their pair,
// trie edges by node and byte. It is filled once and then only read.
type pairTable struct {
	slots []pairSlot
	shift uint
	used  int
}

type pairSlot struct {
	key  uint64 // the key plus one; 0 is an empty slot
	a, b uint32
}

func newPairTable(n int) *pairTable {
	width := max(4, bits.Len(uint(n))+1)
	return &pairTable{slots: make([]pairSlot, 1<<width), shift: uint(64 - width)}
}

func (t *pairTable) slot(key uint64) *pairSlot {
	mask := uint64(len(t.slots) - 1)
	for i := (key * 0x9e3779b97f4a7c15) >> t.shift; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.key == key+1 || s.key == 0 {
			return s
		}
	}
}

func (t *pairTable) get(key uint64) (a, b uint32, ok bool) {
	s := t.slot(key)
	return s.a, s.b, s.key != 0
}

// put sets the numbers of a key; a later one takes the place of an earlier.
func (t *pairTable) put(key uint64, a, b uint32) {
	if t.used*2 >= len(t.slots) {
		old := t.slots
		t.slots = make([]pairSlot, 2*len(old))
		t.shift--
		for _, s := range old {
			if s.key != 0 {
				*t.slot(s.key - 1) = s
			}
		}
	}
	s := t.slot(key)
	if s.key == 0 {
		t.used++
	}
	*s = pairSlot{key + 1, a, b}
}

// A trie holds byte strings with a number each.
type trie struct {
	edges  *pairTable
	values []int32 // by node; -1 where no string ends
	first  [256]bool
}

func newTrie(n int) *trie {
	return &trie{edges: newPairTable(n), values: []int32{-1}}
}

func edge(node uint32, b byte) uint64 { return uint64(node)<<8 | uint64(b) }

func (t *trie) add(s string, value int32) {
	node := uint32(0)
	for i := range len(s) {
		next, _, ok := t.edges.get(edge(node, s[i]))
		if !ok {
			next = uint32(len(t.values))
			t.values = append(t.values, -1)
			t.edges.put(edge(node, s[i]), next, 0)
		}
		node = next
	}
	t.values[node] = value
	if s != "" {
		t.first[s[0]] = true
	}
}

// longest finds the longest string of the trie that text begins with.
func (t *trie) longest(text string) (value int32, size int) {
	value = -1
	node := uint32(0)
	for i := range len(text) {
		next, _, ok := t.edges.get(edge(node, text[i]))
		if !ok {
			break
		}
		node = next
		if v := t.values[node]; v >= 0 {
			value, size = v, i+1
		}
	}
	return value, size
}
