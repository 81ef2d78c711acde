package metrics

import (
	"fmt"

	"tokmeter/internal/record"
)

// A doubt adds up where servers said other things of their successful answers
// than what came.
type doubt struct {
	unstreamed, answersUnstreamed int // tokens that were counted and never sent
	said, came, answersUnder      int // tokens by usage and those that came, where fewer were counted
	otherType                     int // event streams under another Content-Type
	firstType                     string
	unprefixed                    int // events
}

func (d *doubt) take(r *record.Record) {
	switch {
	case r.Unstreamed > 0:
		d.unstreamed += r.Unstreamed
		d.answersUnstreamed++
	case r.Said > 0:
		d.said += r.Said
		d.came += r.OutputTokens.N
		d.answersUnder++
	}
	if r.ContentType != "" {
		if d.otherType++; d.otherType == 1 {
			d.firstType = r.ContentType
		}
	}
	d.unprefixed += r.Unprefixed
}

func (e *evidence) unstreamed() string {
	d := e.x.doubt
	if float64(d.unstreamed) <= unstreamedLimit*float64(e.OutputTokens) {
		return ""
	}
	return fmt.Sprintf("the server counted %d output tokens that were never streamed, in %d of %d answers (hidden reasoning, rejected predictions): throughput counts them, TPOT is over the tokens that came",
		d.unstreamed, d.answersUnstreamed, e.Completed)
}

func (e *evidence) undercount() string {
	d := e.x.doubt
	if d.answersUnder == 0 {
		return ""
	}
	return fmt.Sprintf("the server's usage counted %d output tokens where %d came, in %d of %d answers: it leaves the reasoning out, counts single events, or a gateway cuts the text into more pieces than tokens; what came was counted",
		d.said, d.came, d.answersUnder, e.Completed)
}

func (e *evidence) contentType() string {
	d := e.x.doubt
	if d.otherType == 0 {
		return ""
	}
	name := fmt.Sprintf("Content-Type %q", d.firstType)
	if d.firstType == "none" {
		name = "no Content-Type"
	}
	return fmt.Sprintf("%d of %d event streams came with %s instead of text/event-stream: they were read, but other clients may refuse them; look at the proxy",
		d.otherType, e.Completed, name)
}

func (e *evidence) unprefixed() string {
	n := e.x.doubt.unprefixed
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d events lacked \"data:\" or had it twice: they were read, but other clients lose them; look at what rewrites the stream", n)
}
