package sched

import "math/bits"

// A pool is the KV blocks: a free list in order of eviction, counts of users,
// and the prefix cache, which finds a block by the hash of its tokens and all
// before them. Block 0 is the null block of vLLM, never handed out; here it is
// also the ring's fixed point, so that the list needs no special cases.
//
// Equal blocks are not merged: those of one hash form a ring in order of
// insertion, and the table holds the ring's first.
type pool struct {
	caching bool
	n       int // blocks, the null block among them
	free    int
	count   int // different hashes

	next, prev []int32 // free list
	users      []int32
	hash       []uint64
	same, back []int32 // ring of equal blocks; 0 for a block without a hash
	table      []int32 // open addressing: first block of a hash, 0 for none
	shift      uint
}

func newPool(n int, caching bool) *pool {
	p := &pool{caching: caching, n: n, next: make([]int32, n), prev: make([]int32, n), users: make([]int32, n)}
	if caching {
		size := 1 << bits.Len(uint(2*n)) // at most half full
		p.hash, p.same, p.back = make([]uint64, n), make([]int32, n), make([]int32, n)
		p.table, p.shift = make([]int32, size), uint(64-bits.TrailingZeros(uint(size)))
	}
	for i := range n {
		p.next[i], p.prev[i] = int32((i+1)%n), int32((i+n-1)%n)
	}
	p.free = n - 1
	return p
}

// usage is the share of blocks in use.
func (p *pool) usage() float64 { return 1 - float64(p.free)/float64(p.n-1) }

// take appends n blocks from the front of the free list to dst. There must be
// as many. A taken block loses its hash.
func (p *pool) take(n int, dst []int32) []int32 {
	for range n {
		b := p.next[0]
		p.unlink(b)
		if p.caching && p.same[b] != 0 {
			p.forget(b)
		}
		p.users[b] = 1
		dst = append(dst, b)
	}
	return dst
}

// touch gives blocks found in the cache one more user.
func (p *pool) touch(blocks []int32) {
	for _, b := range blocks {
		if p.users[b] == 0 {
			p.unlink(b)
		}
		p.users[b]++
	}
}

// idle counts the blocks that nobody uses.
func (p *pool) idle(blocks []int32) int {
	n := 0
	for _, b := range blocks {
		if p.users[b] == 0 {
			n++
		}
	}
	return n
}

// release takes one user from each of a request's blocks, from the last to the
// first. Those without users go to the free list: without a hash to the front,
// in this order, with a hash to the back.
func (p *pool) release(blocks []int32) {
	front := int32(0)
	for i := len(blocks) - 1; i >= 0; i-- {
		b := blocks[i]
		p.users[b]--
		if p.users[b] > 0 {
			continue
		}
		if p.caching && p.same[b] != 0 {
			p.link(b, p.prev[0])
		} else {
			p.link(b, front)
			front = b
		}
	}
}

// link puts b into the free list behind at.
func (p *pool) link(b, at int32) {
	n := p.next[at]
	p.next[at], p.prev[b], p.next[b], p.prev[n] = b, at, n, b
	p.free++
}

func (p *pool) unlink(b int32) {
	n, v := p.next[b], p.prev[b]
	p.next[v], p.prev[n] = n, v
	p.free--
}

// slot returns the place of h in the table, or the empty place where it would be.
func (p *pool) slot(h uint64) int {
	mask := len(p.table) - 1
	for i := int(h >> p.shift); ; i = (i + 1) & mask {
		if b := p.table[i]; b == 0 || p.hash[b] == h {
			return i
		}
	}
}

// find returns the block with this hash that was inserted first, 0 for none.
func (p *pool) find(h uint64) int32 { return p.table[p.slot(h)] }

// insert gives b, which has no hash, the hash h.
func (p *pool) insert(b int32, h uint64) {
	i := p.slot(h)
	p.hash[b] = h
	first := p.table[i]
	if first == 0 {
		p.table[i], p.same[b], p.back[b] = b, b, b
		p.count++
		return
	}
	last := p.back[first]
	p.same[last], p.back[b], p.same[b], p.back[first] = b, last, first, b
}

// forget takes the hash from b.
func (p *pool) forget(b int32) {
	next, last := p.same[b], p.back[b]
	p.same[b], p.back[b] = 0, 0
	i := p.slot(p.hash[b])
	if next == b {
		p.vacate(i)
		p.count--
		return
	}
	p.same[last], p.back[next] = next, last
	if p.table[i] == b {
		p.table[i] = next
	}
}

// vacate empties place i of the table and moves what probed past it.
func (p *pool) vacate(i int) {
	mask := len(p.table) - 1
	for j := i; ; {
		p.table[i] = 0
		for {
			j = (j + 1) & mask
			b := p.table[j]
			if b == 0 {
				return
			}
			home := int(p.hash[b] >> p.shift)
			if (j-home)&mask >= (j-i)&mask { // its way from home leads over i
				break
			}
		}
		p.table[i] = p.table[j]
		i = j
	}
}

// reset forgets every hash. It refuses while a block is in use.
func (p *pool) reset() bool {
	if p.free != p.n-1 {
		return false
	}
	if p.caching {
		clear(p.table)
		clear(p.same)
		clear(p.back)
		p.count = 0
	}
	return true
}
