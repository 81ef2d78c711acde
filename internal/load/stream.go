package load

import (
	"context"
	"errors"

	"tokmeter/internal/record"
	"tokmeter/internal/wire"
	"tokmeter/internal/workload"
)

// errTimeout is the cause of a context whose request ran into Job.Timeout.
var errTimeout = errors.New("the request's own time limit ran out")

// errStopped is the cause of a context whose run was stopped.
var errStopped = errors.New("the run was stopped")

// A stream is one request under way. Its goroutine alone touches it.
type stream struct {
	job     *Job
	call    wire.Call
	rec     *record.Record
	tally   tally
	started record.Stamp // close before Sent, which the client tells at the end
	seen    int          // events with tokens that Progress knows of
}

// newStream does everything that can be done before the request is due.
func newStream(j *Job, req workload.Request) *stream {
	return &stream{
		job:  j,
		call: wire.Call{ID: req.ID, Body: req.Body},
		rec: &record.Record{
			Index: req.Index, Session: req.Session, Turn: req.Turn,
			ID: req.ID, Model: req.Model,
			WantPrompt: req.WantPrompt, WantOutput: req.WantOutput,
		},
	}
}

// exchange sends the request and follows its answer to the end; ended is
// called before the record is completed, when the slot is free again.
func (s *stream) exchange(ctx context.Context, ended func()) {
	if limit := s.job.Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errTimeout)
		defer cancel()
	}
	// Not in newStream: a request that waits for its slot holds no buffers.
	s.tally.begin(s.rec, s.job.Dialect)
	s.started = s.job.Clock.Now()
	timing, err := s.job.Client.Do(ctx, s.call, s.event)
	ended()
	s.tally.finish(&timing, err)
	if s.job.Mask != nil && s.rec.Err != "" {
		s.rec.Err = s.job.Mask(s.rec.Err)
	}
}

// event is called for every event of the answer and must not allocate.
func (s *stream) event(e wire.Event) bool {
	more := s.tally.event(e)
	p := s.job.Progress
	if n := s.tally.texts; p != nil && n != s.seen {
		if s.seen == 0 {
			p.TTFTSum.Add(int64(e.At.Sub(s.started)))
			p.TTFTCount.Add(1)
		}
		p.Tokens.Add(int64(n - s.seen))
		s.seen = n
	}
	return more
}
