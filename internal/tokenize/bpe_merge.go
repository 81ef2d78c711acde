package tokenize

// maxScan is the number of symbols up to which looking through all pairs for
// the lowest rank is quicker than a heap.
const maxScan = 24

// mergeShort merges by looking through the pairs. It takes the lowest rank and
// of these the leftmost, which is the heap's order too.
func (b *bpe) mergeShort(ids []uint32) []uint32 {
	var rank, made [maxScan]uint32
	n := len(ids)
	for i := 0; i+1 < n; i++ {
		rank[i], made[i] = b.pair(ids[i], ids[i+1])
	}
	for {
		best, at := uint32(noRank), -1
		for i := 0; i+1 < n; i++ {
			if rank[i] < best {
				best, at = rank[i], i
			}
		}
		if at < 0 {
			return ids[:n]
		}
		ids[at] = made[at]
		copy(ids[at+1:n], ids[at+2:n])
		n--
		if at+1 < n {
			copy(rank[at+1:n-1], rank[at+2:n])
			copy(made[at+1:n-1], made[at+2:n])
			rank[at], made[at] = b.pair(ids[at], ids[at+1])
		}
		if at > 0 {
			rank[at-1], made[at-1] = b.pair(ids[at-1], ids[at])
		}
	}
}

func (b *bpe) pair(left, right uint32) (rank, id uint32) {
	rank, id, ok := b.merges.get(uint64(left)<<32 | uint64(right))
	if !ok {
		return noRank, 0
	}
	return rank, id
}

// A link is a symbol of a long word; prev and next are places, -1 at the ends.
type link struct {
	id         uint32
	prev, next int32
	gone       bool
}

// A candidate is a pair that could be merged: the link it begins at, its rank
// and what it makes.
type candidate struct {
	rank, id uint32
	at       int32
}

func (c candidate) before(o candidate) bool {
	return c.rank < o.rank || c.rank == o.rank && c.at < o.at
}

// mergeLong merges with a heap, in n log n steps.
func (b *bpe) mergeLong(e *encoding, ids []uint32) []uint32 {
	links := e.links[:0]
	for i, id := range ids {
		links = append(links, link{id: id, prev: int32(i) - 1, next: int32(i) + 1})
	}
	links[len(links)-1].next = -1
	heap := candidates(e.heap[:0])
	push := func(at int32) {
		if at < 0 || links[at].next < 0 {
			return
		}
		if rank, id := b.pair(links[at].id, links[links[at].next].id); rank != noRank {
			heap.push(candidate{rank, id, at})
		}
	}
	for i := range links {
		push(int32(i))
	}
	for len(heap) > 0 {
		c := heap.pop()
		left := &links[c.at]
		if left.gone || left.next < 0 {
			continue
		}
		right := &links[left.next]
		// The pair may have changed since it was pushed.
		if rank, id := b.pair(left.id, right.id); rank == noRank || id != c.id {
			continue
		}
		left.id = c.id
		right.gone = true
		left.next = right.next
		if right.next >= 0 {
			links[right.next].prev = c.at
		}
		push(left.prev)
		push(c.at)
	}
	out := ids[:0]
	for at := int32(0); at >= 0; at = links[at].next {
		out = append(out, links[at].id)
	}
	e.links, e.heap = links, heap
	return out
}

// Candidates are a heap with the best first.
type candidates []candidate

func (h *candidates) push(c candidate) {
	s := append(*h, c)
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !c.before(s[up]) {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = c
	*h = s
}

func (h *candidates) pop() candidate {
	s := *h
	top := s[0]
	last := s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	if len(s) == 0 {
		return top
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= len(s) {
			break
		}
		best := child
		for c := child + 1; c < min(child+4, len(s)); c++ {
			if s[c].before(s[best]) {
				best = c
			}
		}
		if !s[best].before(last) {
			break
		}
		s[i] = s[best]
		i = best
	}
	s[i] = last
	return top
}
