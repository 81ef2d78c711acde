package tokenize

import "fmt"

// A model turns a piece of text into ids.
type model interface {
	encode(e *encoding, word string)
	vocabulary
}

// A vocabulary knows tokens by text and by id.
type vocabulary interface {
	size() int
	id(token string) (int, bool)
	token(id int) (string, bool)
}

// A vocab is the vocabulary of a model.
type vocab struct {
	ids    map[string]uint32
	dense  []string // by id, where ids are few enough
	sparse map[uint32]string
}

// maxGap is how many ids without a token the dense table may hold.
const maxGap = 1 << 20

func newVocab(ids map[string]uint32) vocab {
	v := vocab{ids: ids}
	last := uint32(0)
	for _, id := range ids {
		last = max(last, id)
	}
	if int64(last) > int64(len(ids))+maxGap {
		v.sparse = make(map[uint32]string, len(ids))
		for token, id := range ids {
			v.sparse[id] = token
		}
		return v
	}
	v.dense = make([]string, last+1)
	for token, id := range ids {
		v.dense[id] = token
	}
	return v
}

func (v *vocab) size() int { return len(v.ids) }

func (v *vocab) id(token string) (int, bool) {
	id, ok := v.ids[token]
	return int(id), ok
}

func (v *vocab) token(id int) (string, bool) {
	if id < 0 || id > 1<<32-1 {
		return "", false
	}
	if v.sparse != nil {
		s, ok := v.sparse[uint32(id)]
		return s, ok
	}
	if id >= len(v.dense) {
		return "", false
	}
	if s := v.dense[id]; s != "" {
		return s, true
	}
	empty, ok := v.ids[""]
	return "", ok && int(empty) == id
}

// byteTokens gives the ids of <0x00> to <0xFF>, -1 where one is missing.
func byteTokens(v vocabulary) (ids [256]int32) {
	for b := range ids {
		ids[b] = -1
		if id, ok := v.id(fmt.Sprintf("<0x%02X>", b)); ok {
			ids[b] = int32(id)
		}
	}
	return ids
}

// fallback appends the byte tokens of s, or nothing if one is missing.
func fallback(dst []uint32, s string, bytes *[256]int32) ([]uint32, bool) {
	n := len(dst)
	for i := range len(s) {
		id := bytes[s[i]]
		if id < 0 {
			return dst[:n], false
		}
		dst = append(dst, uint32(id))
	}
	return dst, true
}
