package replay

// A sent is an arrival on its way to the scheduler.
type sent struct {
	index     int     // of the arrival
	at, ready float64 // seconds: when it was sent, and when the scheduler may see it
}

// before orders what is sent by when the scheduler may see it, then by when it was
// sent.
func (s sent) before(t sent) bool {
	if s.ready != t.ready {
		return s.ready < t.ready
	}
	return s.at < t.at || s.at == t.at && s.index < t.index
}

// ready sends what can be sent and tells when the scheduler may see the next
// request; any is false where none is left that could go by itself.
func (r *run) ready() (at float64, any bool) {
	for r.next < len(r.order) && (r.o.Open == 0 || r.open < r.o.Open) {
		i := r.order[r.next]
		a := &r.arrivals[i]
		at := max(a.At, r.freed)
		if len(r.sent) > 0 && r.sent[0].ready <= at {
			break // it is seen before this one is sent
		}
		n := a.Prompt
		if a.Tokens != nil {
			n = len(a.Tokens)
		}
		r.push(sent{i, at, at + r.frontend(n)})
		r.next++
		r.open++
	}
	if len(r.sent) == 0 {
		return 0, false
	}
	return r.sent[0].ready, true
}

// leave ends one request at a time: another may go.
func (r *run) leave(at float64) {
	if r.o.Open > 0 && r.open == r.o.Open {
		r.freed = at
	}
	r.open--
}

func (r *run) push(x sent) {
	h := append(r.sent, x)
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	r.sent = h
}

func (r *run) pop() sent {
	h := r.sent
	top, n := h[0], len(h)-1
	h[0] = h[n]
	h = h[:n]
	for i := 0; ; {
		least := i
		for _, c := range []int{2*i + 1, 2*i + 2} {
			if c < n && h[c].before(h[least]) {
				least = c
			}
		}
		if least == i {
			break
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
	r.sent = h
	return top
}
