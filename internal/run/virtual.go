package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tokmeter/internal/metrics"
	"tokmeter/internal/model/replay"
	"tokmeter/internal/record"
	"tokmeter/internal/workload"
)

// virtualURL stands where a run on the virtual clock has no server's address.
const virtualURL = "virtual:"

// virtually makes a run in which no time passes and nothing is sent: the engine
// of the plan is replayed on a virtual clock, and its records are those that a
// client without any delay would have.
func (j *job) virtually(ctx context.Context, f found, d draft, dir *directory) (out Outcome, err error) {
	s := &server{job: j, resolved: Resolved{Dataset: f.dataset, BaseURL: virtualURL}, setTimes: true}
	r := prepared{server: s, tokens: d.tokens, subject: d.subject, work: d.work}
	if err := j.save(r.work); err != nil {
		return out, err
	}
	r.prompts = r.set.Hash()
	if err := r.work.salt(j.plan.Workload.Salt, r.orInside()); err != nil {
		return out, err
	}
	v, err := newReplay(f.engine, r)
	if err != nil {
		return out, err
	}
	if err := s.note(v.account(f.engine)); err != nil {
		return out, err
	}
	j.tell(Checking{})
	j.tell(Starting{slices.Clone(j.doubts)})
	j.tell(Scheduled{})
	sent := sent{records: record.NewSpool(dir.path())}
	stopped, err := v.cut(ctx)
	if err != nil {
		return out, err
	}
	v.sink = sent.records
	if dir.writer != nil {
		v.sink = record.Tee(sent.records, dir.writer)
	}
	if err := dir.describe(j, r, nil); err != nil {
		return out, err
	}
	dir.begun = true
	sent.ending, err = v.run(ctx)
	if stopped != "" && sent.ending.End != 0 {
		sent.ending.Reason = record.Stopped + stopped
	}
	j.tell(Ended{})
	if sent.ending.End == 0 {
		return out, err
	}
	out, finishErr := j.finish(ctx, r, sent, dir)
	return out, errors.Join(err, finishErr)
}

// A replayed run turns what the engine does into records.
type replayed struct {
	prepared
	began    time.Time
	arrivals []replay.Arrival
	options  replay.Options
	made     func() (*replay.Result, error)
	sink     record.Sink
	live     map[int]*record.Record // that have begun and not ended
	failed   error                  // of the sink
	rules    *stopper
}

// virtualStart is the stamp at which the requests begin: a stamp of 0 means that
// the moment never came.
const virtualStart = record.Stamp(time.Microsecond)

func newReplay(e Engine, r prepared) (*replayed, error) {
	s := e.Setup()
	if s == nil {
		return nil, failf(Usage, "name an engine, such as --simulate a10g/llama-3-8b/int4", "--virtual: set times have no engine to replay")
	}
	built, err := s.Build()
	if err != nil {
		return nil, usage(err)
	}
	v := &replayed{prepared: r, began: r.job.world.Began, live: map[int]*record.Record{}}
	tokens, i := r.orInside(), -1
	for due := range r.due.Arrivals() {
		i++
		it := &r.set.Items[i]
		a := replay.Arrival{ID: r.id(i), At: due.Seconds(), Output: it.OutputLen, Tokens: it.Prompt.IDs}
		if a.Tokens == nil {
			text, err := virtualText(it)
			if err != nil {
				return nil, failf(Usage, "", "--virtual: request %d: %w", i, err)
			}
			a.Tokens = tokens.Encode(text, true)
		}
		a.Prompt = len(a.Tokens)
		v.arrivals = append(v.arrivals, a)
	}
	p := r.server.plan()
	v.options = replay.Options{Seed: uint64(p.Seed), Open: p.Load.MaxConcurrency, Token: v.token, Ended: v.ended, Refused: v.refused}
	v.made = func() (*replay.Result, error) { return replay.Run(built, v.arrivals, v.options) }
	v.rules = newStopper(p)
	return v, nil
}

// virtualText is what the engine would cut into tokens.
func virtualText(it *workload.Item) (string, error) {
	switch {
	case it.Prompt.Batch != nil:
		return "", fmt.Errorf("a request of several prompts can't be replayed: leave out --random-batch-size")
	case it.Prompt.Messages != nil:
		return string(it.Prompt.Messages), nil
	}
	return it.Prompt.Text, nil
}

// id is the x-request-id of a request.
func (r prepared) id(i int) string {
	return fmt.Sprintf("%s%d", r.job.plan.Target.RequestIDPrefix, i)
}

// account is what the simulator says of itself where it never acted.
func (v *replayed) account(e Engine) metrics.Simulator {
	x := e.Account()
	x.Virtual = true
	return x
}

func stampOf(seconds float64) record.Stamp {
	return virtualStart + record.Stamp(seconds*float64(time.Second))
}

// run replays the requests.
func (v *replayed) run(ctx context.Context) (record.Ending, error) {
	if err := context.Cause(ctx); err != nil {
		return record.Ending{}, err
	}
	res, err := v.made()
	if err != nil {
		return record.Ending{}, failf(Failed, "", "--virtual: %w", err)
	}
	for _, rec := range v.live { // none is left where every request ended
		v.deliver(rec)
	}
	return record.Ending{
		Began: v.began, Start: virtualStart, End: stampOf(res.Duration), Reason: record.AllSent, Sent: len(v.arrivals),
	}, v.failed
}

// token notes n tokens of a request.
func (v *replayed) token(i int, at float64, n int) {
	rec := v.live[i]
	if rec == nil {
		rec = v.begin(i)
		rec.Events = make([]record.Stamp, 0, v.arrivals[i].Output)
		rec.PerEvent = make([]uint16, 0, v.arrivals[i].Output)
		v.live[i] = rec
	}
	rec.Events, rec.PerEvent = append(rec.Events, stampOf(at)), append(rec.PerEvent, uint16(n))
	rec.OutputTokens.N += n
}

func (v *replayed) begin(i int) *record.Record {
	it := &v.set.Items[i]
	rec := &record.Record{
		Index: i, ID: v.arrivals[i].ID, Model: it.Model, Due: stampOf(v.arrivals[i].At),
		PromptTokens: record.Count{N: v.arrivals[i].Prompt, From: record.FromUsage}, OutputTokens: record.Count{From: record.FromUsage},
		WantPrompt: it.PromptLen, WantOutput: it.OutputLen,
	}
	rec.Timing.KernelStamped, rec.Timing.Framed = true, true
	return rec
}

// ended completes the record of a request that has its last token.
func (v *replayed) ended(i int, t replay.Timing) {
	rec := v.live[i]
	delete(v.live, i)
	if rec == nil {
		rec = v.begin(i)
	}
	rec.Released, rec.Timing.Sent = rec.Due, stampOf(t.Arrived)
	rec.Timing.Wrote = rec.Timing.Sent
	if n := len(rec.Events); n > 0 {
		rec.FirstToken, rec.FirstAnswer, rec.LastToken = rec.Events[0], rec.Events[0], rec.Events[n-1]
		rec.Timing.FirstByte, rec.Timing.Done = rec.FirstToken, rec.LastToken
	}
	rec.Timing.Status, rec.Timing.Reused = 200, true
	rec.CachedTokens, rec.CachedTold = t.Cached, true
	rec.Finish, rec.Outcome = "length", record.OK
	v.deliver(rec)
}

// refused is a request that the engine could never serve; vLLM answers 400.
func (v *replayed) refused(i int, t replay.Timing, err error) {
	rec := v.begin(i)
	rec.Released, rec.Timing.Sent = rec.Due, stampOf(t.Arrived)
	rec.Timing.FirstByte, rec.Timing.Done, rec.Timing.Status = rec.Timing.Sent, rec.Timing.Sent, 400
	rec.PromptTokens, rec.OutputTokens = record.Count{}, record.Count{}
	rec.Outcome, rec.Err = record.HTTPError, err.Error()
	v.deliver(rec)
}

func (v *replayed) deliver(rec *record.Record) {
	if err := v.sink.Add(rec); err != nil && v.failed == nil {
		v.failed = err
	}
}
