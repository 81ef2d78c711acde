package tokenize

import (
	"sync"
	"unicode/utf8"
)

// Classes of extended grapheme clusters (UAX 29).
const (
	clusterOther = iota
	clusterControl
	clusterCR
	clusterLF
	clusterExtend
	clusterPrepend
	clusterSpacing
	clusterRegional
	clusterL
	clusterV
	clusterT
	clusterLV
	clusterLVT
	clusterJoiner
	clusterPicture
	clusterConsonant
)

const (
	inExtend = 1
	inLinker = 2
)

type clusterTables struct {
	class *runeTable
	indic *runeTable // inExtend, inLinker
}

var clusters = sync.OnceValue(func() *clusterTables {
	t := &clusterTables{newRuneTable(), newRuneTable()}
	set := func(section string, class uint8) {
		ranges, _ := rangesOf(section)
		t.class.set(ranges, class)
	}
	set("gcb=Pictographic", clusterPicture)
	set("incb=Consonant", clusterConsonant)
	set("gcb=Control", clusterControl)
	set("gcb=Extend", clusterExtend)
	set("gcb=Prepend", clusterPrepend)
	set("gcb=SpacingMark", clusterSpacing)
	set("gcb=Regional_Indicator", clusterRegional)
	set("gcb=L", clusterL)
	set("gcb=V", clusterV)
	set("gcb=T", clusterT)
	set("gcb=ZWJ", clusterJoiner)
	t.class.set([]runeRange{{hangulS, hangulS + hangulSCount - 1}}, clusterLVT)
	for c := rune(hangulS); c < hangulS+hangulSCount; c += hangulTCount {
		t.class.set([]runeRange{{c, c}}, clusterLV)
	}
	t.class.set([]runeRange{{'\r', '\r'}}, clusterCR)
	t.class.set([]runeRange{{'\n', '\n'}}, clusterLF)
	ranges, _ := rangesOf("incb=Extend")
	t.indic.set(ranges, inExtend)
	ranges, _ = rangesOf("incb=Linker")
	t.indic.set(ranges, inLinker)
	return t
})

// graphemeLen is the length in bytes of the first grapheme cluster of a text.
func graphemeLen(text string) int {
	if len(text) < 2 || text[0] < utf8.RuneSelf && text[1] < utf8.RuneSelf && text[0] != '\r' {
		return min(len(text), 1)
	}
	t := clusters()
	r, size := utf8.DecodeRuneInString(text)
	before := t.class.get(r)
	// What the rules about longer stretches need to know of what went before.
	picture := before == clusterPicture
	regionals := 0
	consonant, linker := before == clusterConsonant, false
	for size < len(text) {
		r, n := utf8.DecodeRuneInString(text[size:])
		after := t.class.get(r)
		if before == clusterRegional {
			regionals++
		}
		if !joins(before, after, picture, regionals, consonant && linker) {
			break
		}
		switch {
		case after == clusterPicture:
			picture = true
		case before == clusterJoiner, after != clusterExtend && after != clusterJoiner:
			picture = false
		}
		switch indic := t.indic.get(r); {
		case after == clusterConsonant:
			consonant, linker = true, false
		case indic == inLinker:
			linker = true
		case indic != inExtend:
			consonant = false
		}
		before = after
		size += n
	}
	return size
}

// joins says whether two characters of a text stay in one cluster. conjunct
// says that a consonant and a linker went before.
func joins(before, after uint8, picture bool, regionals int, conjunct bool) bool {
	switch {
	case before == clusterCR && after == clusterLF:
		return true
	case before == clusterControl, before == clusterCR, before == clusterLF,
		after == clusterControl, after == clusterCR, after == clusterLF:
		return false
	case before == clusterL && (after == clusterL || after == clusterV || after == clusterLV || after == clusterLVT):
		return true
	case (before == clusterLV || before == clusterV) && (after == clusterV || after == clusterT):
		return true
	case (before == clusterLVT || before == clusterT) && after == clusterT:
		return true
	case after == clusterExtend, after == clusterJoiner, after == clusterSpacing, before == clusterPrepend:
		return true
	case after == clusterConsonant:
		return conjunct
	case before == clusterJoiner && after == clusterPicture:
		return picture
	case before == clusterRegional && after == clusterRegional:
		return regionals%2 == 1
	}
	return false
}
