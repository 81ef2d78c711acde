package tokenize

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
)

// cacheSlots bounds the words that a cache keeps: at most 64 bytes and 64 ids
// each, so that a cache never grows beyond some 25 MB, and English text fills
// a fifth of that.
const cacheSlots = 1 << 16

// A wordCache remembers the ids of words. A word has one slot, which the last
// word written keeps; entries never change, so that readers need no lock.
type wordCache struct {
	seed  maphash.Seed
	slots []atomic.Pointer[cachedWord]
}

type cachedWord struct {
	word string
	ids  []uint32
}

func newWordCache() *wordCache {
	return &wordCache{maphash.MakeSeed(), make([]atomic.Pointer[cachedWord], cacheSlots)}
}

// get gives the slot of a word, and its ids if they are there.
func (c *wordCache) get(word string) (slot int, ids []uint32) {
	slot = int(maphash.String(c.seed, word) % cacheSlots)
	if w := c.slots[slot].Load(); w != nil && w.word == word {
		return slot, w.ids
	}
	return slot, nil
}

// put keeps a copy of a word and its ids.
func (c *wordCache) put(slot int, word string, ids []uint32) {
	if len(ids) > maxCached {
		return
	}
	c.slots[slot].Store(&cachedWord{strings.Clone(word), slices.Clone(ids)})
}
