package text

import "bytes"

// A holder searches the text for stop strings as it grows, holds back what may
// be the beginning of one, and cuts it where one is found.
type holder struct {
	stops   [][]byte
	include bool
	min     int // tokens up to which nothing is searched

	keep  int    // characters held back
	long  int    // bytes of the longest stop string
	buf   []byte // text from base on
	sent  int    // bytes of buf that were taken
	total int    // bytes of text so far
	found string
}

func newHolder(stops []string, include bool, minTokens int) holder {
	h := holder{include: include, min: minTokens}
	for _, s := range stops {
		h.stops = append(h.stops, []byte(s))
		h.long = max(h.long, len(s))
		if !include {
			h.keep = max(h.keep, len([]rune(s))-1)
		}
	}
	return h
}

// add appends the text of the n-th token and reports whether a stop string ends
// in it. Where several do, the one that ends first counts, then the one that was
// named first.
func (h *holder) add(text string, n int) bool {
	h.total += len(text)
	if len(h.stops) == 0 {
		return false
	}
	old := len(h.buf)
	h.buf = append(h.buf, text...)
	if n <= h.min || text == "" {
		return false
	}
	best, at := -1, 0
	for _, s := range h.stops {
		from := max(old-len(s)+1, 0)
		i := bytes.Index(h.buf[from:], s)
		if end := from + i + len(s); len(s) > 0 && i >= 0 && (best < 0 || end < best) {
			best, at, h.found = end, from+i, string(s)
		}
	}
	if best < 0 {
		return false
	}
	if h.include {
		at = best
	}
	h.total -= len(h.buf) - at
	h.buf = h.buf[:at]
	return true
}

// take returns the text that may go out; all of it when the answer is over.
func (h *holder) take(over bool) string {
	end := len(h.buf)
	if !over {
		for n := 0; n < h.keep && end > h.sent; n++ {
			end--
			for end > h.sent && h.buf[end]&0xC0 == 0x80 {
				end--
			}
		}
	}
	if end <= h.sent {
		return ""
	}
	out := string(h.buf[h.sent:end])
	h.sent = end
	if drop := h.sent - h.long; drop > 0 {
		h.buf = h.buf[:copy(h.buf, h.buf[drop:])]
		h.sent -= drop
	}
	return out
}
