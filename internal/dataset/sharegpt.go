package dataset

import (
	"errors"
	"io"
	"strconv"

	"tokmeter/internal/record"
)

// Reasons for which a ShareGPT entry is left out before any token is counted.
const (
	NoConversation = "no conversations"
	FewTurns       = "fewer than two turns"
)

// A Conversation is the part of a ShareGPT entry that becomes a request.
type Conversation struct {
	Prompt string // the first turn
	Answer string // the second turn
	Media  bool   // the entry names an image or a video
}

// Conversations are the entries of a ShareGPT file with at least two turns.
//
// What is kept of a plain file is where each entry stands, 16 bytes for each,
// so that a file of any size takes a few megabytes; At reads the entry again.
// Of an input that cannot be read by offset (gzip, a pipe) the two turns of
// each entry are kept.
type Conversations struct {
	Entries int          // entries in the file
	Dropped record.Drops // why some of them are not among the kept
	Faulty  int          // kept entries whose first two turns have no text; At refuses them
	Fault   string       // what is wrong with the first of these, as an error would say it

	in    *Input
	spans []span
	held  []heldEntry
}

type span struct {
	at    int64
	size  uint32
	entry uint32 // number in the file, from 1
}

type heldEntry struct {
	Conversation
	fault string
	entry int
}

// ReadShareGPT reads a JSON array of entries, or entries one after another as
// in JSONL. Each has "conversations", an array of turns with "value".
func ReadShareGPT(in *Input) (*Conversations, error) {
	c := &Conversations{in: in}
	s := newScanner(in.r)
	s.skipBOM()
	switch s.peek() {
	case '[':
		s.array(func(int) { c.read(s) })
		if s.err == nil && s.peek() != 0 {
			s.fail("more text after the array")
		}
	case '{':
		for s.err == nil && s.peek() == '{' {
			c.read(s)
		}
		if s.err == nil && s.peek() != 0 {
			s.fail("want an object, found %s", s.kind())
		}
	case 0:
		if s.err == nil {
			return nil, in.fail("", "give the ShareGPT file", "the file is empty")
		}
	default:
		return nil, in.fail("", "want ShareGPT: an array of objects with \"conversations\"", "starts with %s", s.found())
	}
	if s.err != nil {
		return nil, c.failed(s.err)
	}
	return c, nil
}

// read takes the next entry of s.
func (c *Conversations) read(s *scanner) {
	c.Entries++
	s.peek()
	e := entry{hold: c.in.again == nil}
	start := s.offset()
	e.read(s)
	if s.err != nil {
		return
	}
	if e.turns < 2 {
		if e.found {
			c.Dropped.Add(FewTurns, 1)
		} else {
			c.Dropped.Add(NoConversation, 1)
		}
		return
	}
	if e.fault != "" {
		if c.Faulty == 0 {
			c.Fault = c.faultError(c.Entries, e.fault).Error()
		}
		c.Faulty++
	}
	if e.hold {
		c.held = append(c.held, heldEntry{e.Conversation, e.fault, c.Entries})
		return
	}
	size := s.offset() - start
	if size > maxToken {
		s.fail("an entry of more than %d MB", maxToken>>20)
		return
	}
	c.spans = append(c.spans, span{start, uint32(size), uint32(c.Entries)})
}

// failed is the error of a file that is not JSON or not ShareGPT.
func (c *Conversations) failed(err error) error {
	at := ""
	if c.Entries > 0 {
		at = "entry " + strconv.Itoa(c.Entries)
	}
	e := c.in.fail(at, "entries are objects with \"conversations\": [{\"value\": …}, …]", "%v", err)
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		switch {
		case syntax.cut, errors.Is(syntax.err, io.ErrUnexpectedEOF):
			e.Hint = "the file is not complete: fetch it again"
		case syntax.err != nil:
			e.Hint, e.Err = "", syntax.err
		}
	}
	return e
}

func (c *Conversations) faultError(entry int, fault string) *Error {
	return c.in.fail("entry "+strconv.Itoa(entry), "each turn wants a \"value\" that is a string: repair the entry or take it out", "%s", fault)
}

// Len returns how many entries were kept.
func (c *Conversations) Len() int { return len(c.spans) + len(c.held) }

// At returns kept entry i, in the order of the file. It reads the file where
// the entry is not in memory, and may be called by many goroutines. An entry
// without text in its first two turns is an error.
func (c *Conversations) At(i int) (Conversation, error) {
	if len(c.held) > 0 {
		h := &c.held[i]
		if h.fault != "" {
			return Conversation{}, c.faultError(h.entry, h.fault)
		}
		return h.Conversation, nil
	}
	at := c.spans[i]
	text := make([]byte, at.size)
	if _, err := c.in.again.ReadAt(text, at.at); err != nil {
		return Conversation{}, &Error{File: c.in.name, At: "entry " + strconv.Itoa(int(at.entry)),
			What: systemText(err), Hint: "the file must not change during the run", Err: err}
	}
	s := scanBytes(text, at.at)
	e := entry{hold: true}
	e.read(s)
	if s.err != nil || e.turns < 2 {
		return Conversation{}, c.in.fail("entry "+strconv.Itoa(int(at.entry)), "the file must not change during the run", "is not what it was when it was read first")
	}
	if e.fault != "" {
		return Conversation{}, c.faultError(int(at.entry), e.fault)
	}
	return e.Conversation, nil
}

// An entry is one element of the file while it is read.
type entry struct {
	Conversation
	hold  bool   // read the texts too
	found bool   // it has "conversations"
	turns int    // how many
	fault string // what is wrong with the first two turns
}

func (e *entry) read(s *scanner) {
	if !s.want("an object", "the entry") {
		return
	}
	s.object(func(key string) {
		switch key {
		case "conversations":
			e.conversations(s)
		case "image", "video":
			k := s.kind()
			start := s.pos
			s.skip()
			empty := k == "null" || k == "a string" && s.pos-start == 2
			e.Media = e.Media || !empty
		default:
			s.skip()
		}
	})
}

func (e *entry) conversations(s *scanner) {
	e.found, e.turns, e.fault = true, 0, ""
	if !s.want("an array", `"conversations"`) {
		return
	}
	s.array(func(i int) {
		e.turns++
		switch i {
		case 0:
			e.turn(s, "first", &e.Prompt)
		case 1:
			e.turn(s, "second", &e.Answer)
		default:
			s.skip()
		}
	})
}

// turn reads the text of one turn into to.
func (e *entry) turn(s *scanner, name string, to *string) {
	problem := "the " + name + " turn has no \"value\""
	if k := s.kind(); k != "an object" {
		problem = "the " + name + " turn is " + k
		s.skip()
	} else {
		s.object(func(key string) {
			if key != "value" {
				s.skip()
				return
			}
			switch k := s.kind(); {
			case k != "a string":
				problem = "the \"value\" of the " + name + " turn is " + k
				s.skip()
			case e.hold:
				problem, *to = "", s.str()
			default:
				problem = ""
				s.rawString()
			}
		})
	}
	if e.fault == "" {
		e.fault = problem
	}
}
