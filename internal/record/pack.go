package record

import (
	"encoding/binary"
	"errors"
	"time"
	"unicode/utf8"
)

// A record is packed as its fields in the order of appendPacked: numbers as
// varints, moments as distances from the one before. The form lives for one run
// and is no file format. The Index comes first, for it is the order of a Pass.

// errPacked says that packed bytes are not what appendPacked wrote.
var errPacked = errors.New("a packed record is damaged")

// stamps are the moments of r, in the order in which they are packed.
func (r *Record) stamps() [11]*Stamp {
	t := &r.Timing
	return [...]*Stamp{
		&r.Due, &r.Released, &t.Dialed, &t.Connected, &t.Sent, &t.Wrote, &t.FirstByte,
		&r.FirstToken, &r.FirstAnswer, &r.LastToken, &t.Done,
	}
}

// flags are the yes and no of r, in the order in which they are packed.
func (r *Record) flags() [6]*bool {
	t := &r.Timing
	return [...]*bool{&t.Reused, &t.KernelStamped, &t.Framed, &t.Stripped, &r.UsageAlone, &r.CachedTold}
}

// numbers are the other whole numbers of r, in the order in which they are packed.
func (r *Record) numbers() [17]*int {
	t := &r.Timing
	return [...]*int{
		&r.Worker, &r.Session, &r.Turn, &t.Replaced, &t.Redirects, &t.Status,
		&r.PromptTokens.N, &r.OutputTokens.N, &r.CachedTokens, &r.Refused, &r.WantPrompt, &r.WantOutput,
		&r.Unstreamed, &r.Said, &r.Unprefixed, &t.Resent, &t.Disordered,
	}
}

// singles is the flag of a record whose events carried one token each.
const singles = 1 << 20

// appendPacked appends r to dst. It allocates nothing but what dst grows.
func appendPacked(dst []byte, r *Record) []byte {
	var set uint64
	for i, s := range r.stamps() {
		if *s != 0 {
			set |= 1 << i
		}
	}
	for i, f := range r.flags() {
		if *f {
			set |= 1 << (11 + i)
		}
	}
	one := len(r.PerEvent) == len(r.Events)
	for _, n := range r.PerEvent {
		one = one && n == 1
	}
	if one {
		set |= singles
	}
	dst = binary.AppendVarint(dst, int64(r.Index))
	dst = binary.AppendUvarint(dst, set)
	var last Stamp
	for _, s := range r.stamps() {
		if *s != 0 {
			dst = binary.AppendVarint(dst, int64(*s-last))
			last = *s
		}
	}
	for _, n := range r.numbers() {
		dst = binary.AppendVarint(dst, int64(*n))
	}
	for _, n := range [...]int64{r.BytesIn, r.BytesOut, int64(r.Lag), int64(r.ReadInterval)} {
		dst = binary.AppendVarint(dst, n)
	}
	dst = appendMoments(dst, r.Events, r.Due)
	if !one {
		dst = binary.AppendUvarint(dst, uint64(len(r.PerEvent)))
		for _, n := range r.PerEvent {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	dst = appendMoments(dst, r.Bare, r.Due)
	for _, s := range [...]string{string(r.Outcome), string(r.PromptTokens.From), string(r.OutputTokens.From), r.ContentType, r.Finish, r.Model, r.ID, r.Text, r.Err} {
		dst = appendString(dst, s)
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.Beside)))
	for _, s := range r.Beside {
		dst = appendString(dst, s)
	}
	return dst
}

// appendString appends s as the records file would give it back: with U+FFFD for
// every byte that is no UTF-8.
func appendString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendMoments(dst []byte, at []Stamp, last Stamp) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(at)))
	for _, s := range at {
		dst = binary.AppendVarint(dst, int64(s-last))
		last = s
	}
	return dst
}

// packedIndex is the Index of a packed record.
func packedIndex(b []byte) int {
	n, _ := binary.Varint(b)
	return int(n)
}

// An unpacker reads packed records, each into the room of the one before.
type unpacker struct {
	rec      Record
	events   []Stamp
	bare     []Stamp
	perEvent []uint16
	words    map[string]string // those that come again and again

	in  []byte
	bad bool
}

// mostWords bounds what an unpacker keeps of words that it takes for few.
const mostWords = 1024

// unpack reads one record, which is valid until the next call.
func (u *unpacker) unpack(b []byte) (*Record, error) {
	u.in, u.bad, u.rec = b, false, Record{}
	r := &u.rec
	r.Index = int(u.varint())
	set := u.uvarint()
	var last Stamp
	for i, s := range r.stamps() {
		if set&(1<<i) != 0 {
			last += Stamp(u.varint())
			*s = last
		}
	}
	for i, f := range r.flags() {
		*f = set&(1<<(11+i)) != 0
	}
	for _, n := range r.numbers() {
		*n = int(u.varint())
	}
	r.BytesIn, r.BytesOut, r.Lag, r.ReadInterval = u.varint(), u.varint(), time.Duration(u.varint()), time.Duration(u.varint())
	r.Events = u.moments(&u.events, r.Due)
	r.PerEvent = u.counts(set&singles != 0, len(r.Events))
	r.Bare = u.moments(&u.bare, r.Due)
	r.Outcome = Outcome(u.word())
	r.PromptTokens.From, r.OutputTokens.From = Source(u.word()), Source(u.word())
	r.ContentType, r.Finish, r.Model = u.word(), u.word(), u.word()
	r.ID, r.Text, r.Err = string(u.bytes()), string(u.bytes()), string(u.bytes())
	if n := u.length(1); n > 0 {
		r.Beside = make([]string, n)
		for i := range r.Beside {
			r.Beside[i] = string(u.bytes())
		}
	}
	if u.bad || len(u.in) > 0 {
		return nil, errPacked
	}
	return r, nil
}

func (u *unpacker) uvarint() uint64 {
	if len(u.in) > 0 && u.in[0] < 0x80 {
		x := uint64(u.in[0])
		u.in = u.in[1:]
		return x
	}
	x, n := binary.Uvarint(u.in)
	if n <= 0 {
		u.bad, u.in = true, nil
		return 0
	}
	u.in = u.in[n:]
	return x
}

func (u *unpacker) varint() int64 {
	x := u.uvarint()
	return int64(x>>1) ^ -int64(x&1)
}

// length reads the number of things that take at least least bytes each.
func (u *unpacker) length(least int) int {
	n := u.uvarint()
	if n > uint64(len(u.in)/least) {
		u.bad, u.in = true, nil
		return 0
	}
	return int(n)
}

// moments reads stamps into *room; nil for none.
func (u *unpacker) moments(room *[]Stamp, last Stamp) []Stamp {
	n := u.length(1)
	if n == 0 {
		return nil
	}
	at := (*room)[:0]
	in := u.in
	for range n {
		// Stands here for what uvarint does, at a third of its time.
		var x uint64
		var shift, i uint
		for ; i < uint(len(in)) && in[i] >= 0x80 && shift < 63; i++ {
			x |= uint64(in[i]&0x7f) << shift
			shift += 7
		}
		if i == uint(len(in)) {
			u.bad, u.in = true, nil
			return nil
		}
		x |= uint64(in[i]) << shift
		in = in[i+1:]
		last += Stamp(int64(x>>1) ^ -int64(x&1))
		at = append(at, last)
	}
	u.in, *room = in, at
	return at
}

// counts reads what the events carried; nil for none.
func (u *unpacker) counts(one bool, n int) []uint16 {
	if !one {
		n = u.length(1)
	}
	if n == 0 {
		return nil
	}
	list := u.perEvent[:0]
	for range n {
		c := uint16(1)
		if !one {
			c = uint16(u.uvarint())
		}
		list = append(list, c)
	}
	u.perEvent = list
	return list
}

func (u *unpacker) bytes() []byte {
	n := u.length(1)
	b := u.in[:n]
	u.in = u.in[n:]
	return b
}

// word reads a text that many records share.
func (u *unpacker) word() string {
	b := u.bytes()
	if len(b) == 0 {
		return ""
	}
	if s, ok := u.words[string(b)]; ok {
		return s
	}
	s := string(b)
	if u.words == nil {
		u.words = map[string]string{}
	}
	if len(u.words) < mostWords {
		u.words[s] = s
	}
	return s
}
