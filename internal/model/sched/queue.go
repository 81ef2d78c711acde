package sched

import "slices"

// A queue is the waiting requests. First come, first served it is a ring;
// by priority it is a heap in the order of less.
type queue struct {
	byPriority bool
	items      []*Request // ring (length is a power of two) or heap
	head, n    int        // of the ring
}

// less orders waiting requests by priority: priority, then arrival, then id as
// text, then order of Add.
func less(a, b *Request) bool {
	switch {
	case a.Priority != b.Priority:
		return a.Priority < b.Priority
	case a.Arrival != b.Arrival:
		return a.Arrival < b.Arrival
	case a.ID != b.ID:
		return a.ID < b.ID
	}
	return a.added < b.added
}

func (q *queue) len() int { return q.n }

func (q *queue) first() *Request {
	if q.byPriority {
		return q.items[0]
	}
	return q.items[q.head]
}

// push adds r at the end, or in its place by priority.
func (q *queue) push(r *Request) {
	q.grow()
	q.n++
	if !q.byPriority {
		q.items[(q.head+q.n-1)&(len(q.items)-1)] = r
		return
	}
	q.items[q.n-1] = r
	q.up(q.n - 1)
}

// unshift adds r at the front, or in its place by priority.
func (q *queue) unshift(r *Request) {
	if q.byPriority {
		q.push(r)
		return
	}
	q.grow()
	q.n++
	q.head = (q.head - 1) & (len(q.items) - 1)
	q.items[q.head] = r
}

func (q *queue) pop() *Request {
	r := q.first()
	q.n--
	if !q.byPriority {
		q.items[q.head] = nil
		q.head = (q.head + 1) & (len(q.items) - 1)
		return r
	}
	q.items[0], q.items[q.n] = q.items[q.n], nil
	q.down(0)
	return r
}

// remove takes r out and reports whether it was there.
func (q *queue) remove(r *Request) bool {
	all := q.list(nil)
	i := slices.Index(all, r)
	if i < 0 {
		return false
	}
	clear(q.items)
	q.head, q.n = 0, 0
	for _, other := range slices.Delete(all, i, i+1) {
		q.push(other)
	}
	return true
}

// list appends the requests to dst in the order in which they would be served.
func (q *queue) list(dst []*Request) []*Request {
	from := len(dst)
	for i := range q.n {
		dst = append(dst, q.items[(q.head+i)&(len(q.items)-1)])
	}
	if q.byPriority {
		slices.SortFunc(dst[from:], func(a, b *Request) int {
			if less(a, b) {
				return -1
			}
			return 1
		})
	}
	return dst
}

// grow makes room for one more.
func (q *queue) grow() {
	if q.n < len(q.items) {
		return
	}
	bigger := make([]*Request, max(16, 2*len(q.items)))
	for i := range q.n {
		bigger[i] = q.items[(q.head+i)&(len(q.items)-1)]
	}
	q.items, q.head = bigger, 0
}

func (q *queue) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !less(q.items[i], q.items[parent]) {
			return
		}
		q.items[i], q.items[parent] = q.items[parent], q.items[i]
		i = parent
	}
}

func (q *queue) down(i int) {
	for {
		c := 2*i + 1
		if c >= q.n {
			return
		}
		if c+1 < q.n && less(q.items[c+1], q.items[c]) {
			c++
		}
		if !less(q.items[c], q.items[i]) {
			return
		}
		q.items[i], q.items[c] = q.items[c], q.items[i]
		i = c
	}
}
