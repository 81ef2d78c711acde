package metrics

import (
	"fmt"
	"slices"
)

// A Grade says how far the numbers of a run can be trusted.
type Grade string

// The grades, the best first.
const (
	Sound    Grade = "sound"    // nothing was found that moved a number
	Doubtful Grade = "doubtful" // some number is off, by about as much as is said
	Invalid  Grade = "invalid"  // the numbers are not those of the server under the load that was asked for
)

// A Finding is something that moved numbers, and by how much.
type Finding struct {
	Code    string
	Grade   Grade    // of a run that has this finding and no other
	Numbers []string // that it moved, in the result file's words
	// UpTo is by how much at most, in milliseconds, or as a part of one where Share
	// says so; 0 where that is not known.
	UpTo  float64
	Share bool
	Text  string // one line
}

// A Verdict is a run's grade with the reasons for it, the gravest first.
type Verdict struct {
	Grade    Grade
	Findings []Finding
	Causes   []string // what went on on the client's machine, where that may be why
}

// The limits of a verdict, as parts of one.
const (
	withholdLimit = 0.10 // failed requests, of all
	poorRate      = 0.80 // delivered rate, of the planned one
	slotLimit     = 0.01 // of a closed loop's time that the client loses
	poorSlot      = 0.10
	lossyLimit    = 0.01 // requests that lost segments
	queueLimit    = 0.20 // of the client's time that it waits for a core
	zeroWindowLag = 1    // ms: a client that reads sooner did not fill its receive queue
)

// The codes of findings that are no warnings.
const (
	findClosedLag   = "closed_loop_lag"
	findNetwork     = "network"
	findReceive     = "receive_queue"
	findLimits      = "client_limits"
	findShared      = "shared_machine"
	findSaturated   = "saturated"
	findDrift       = "drift"
	latenciesNumber = "latencies"
	ratesNumber     = "throughputs"
)

// A FindingDefinition says when a finding is made.
type FindingDefinition struct {
	Code string
	When string
	find func(*evidence) *Finding
	// later says that it needs what the simulator or the speed of light tell.
	later bool
	// ours says that the client's machine may be the cause.
	ours bool
}

// FindingDefinitions returns all that a verdict rests on, in the order in which
// they are told within a grade.
func FindingDefinitions() []FindingDefinition {
	return []FindingDefinition{
		{WarnNoSuccess, "no request succeeded: invalid", (*evidence).findNoSuccess, false, false},
		{WarnFailures, "more than " + part(failLimit) + " of requests failed; invalid above " + part(withholdLimit) + ", where the text has no rates and latencies", (*evidence).findFailures, false, false},
		{findLimits, "requests failed for want of files or local ports: invalid", (*evidence).findLimits, false, false},
		{WarnRate, "requests were sent at less than " + part(rateLimit) + " of the planned pace; invalid under " + part(poorRate), (*evidence).findRate, false, true},
		{WarnLate, "P99 of late is more than " + part(lateLimit) + fmt.Sprintf(" of the median ttft and more than %d ms, where requests have due times; invalid where half of them were later than half the median ttft", lateFloorMs), (*evidence).findLate, false, true},
		{findClosedLag, "the mean client_lag is more than " + part(slotLimit) + " of the mean e2el in a closed loop; invalid above " + part(poorSlot), (*evidence).findClosedLag, false, true},
		{WarnReaderClock, "answers without kernel stamps, and the client waited for a core for more than " + part(queueLimit) + " of its time", (*evidence).findReaderClock, false, true},
		{findReceive, fmt.Sprintf("on another machine's server: a receive queue was full and P99 of client_lag is above %d ms", zeroWindowLag), (*evidence).findReceive, false, true},
		{findNetwork, "segments of more than " + part(lossyLimit) + " of requests or their answers were lost", (*evidence).findNetwork, false, false},
		{WarnClockSteps, "the system's clock was set during the run", (*evidence).findClockSteps, false, false},
		{WarnSimulatorLate, "as the warning", (*evidence).findSimulatorLate, true, true},
		{findShared, "a simulated server shared its cores with other programs, and somebody waited for a core for more than " + part(queueLimit) + " of the time", (*evidence).findShared, true, true},
		{WarnBelowLimit, "as the warning", (*evidence).findBelowLimit, true, false},
		{findSaturated, "in an open loop the requests in flight and TTFT both rose from the first third of the sending to the last", (*evidence).findSaturated, false, false},
		{findDrift, "TTFT or TPOT rose or fell by more than " + part(driftLimit) + " over the steady part", (*evidence).findDrift, false, false},
		{WarnInterrupted, "the run ended before everything was sent", (*evidence).findInterrupted, false, false},
	}
}

// Judge adds to the verdict what the simulator and the speed of light tell, when the
// summary has it. Under plan.CompatVLLM there is no verdict.
func (s *Summary) Judge() {
	if !s.Compat {
		s.judge(&evidence{Summary: s}, true)
	}
}

// judge adds the findings of one time.
func (s *Summary) judge(e *evidence, later bool) {
	v := Verdict{Grade: Sound, Findings: s.Verdict.Findings, Causes: s.Verdict.Causes}
	for _, d := range FindingDefinitions() {
		if d.later != later {
			continue
		}
		if f := d.find(e); f != nil {
			f.Code = d.Code
			v.Findings = append(v.Findings, *f)
			if d.ours {
				v.Causes = e.causes()
			}
		}
	}
	place := []Grade{Invalid, Doubtful}
	slices.SortStableFunc(v.Findings, func(a, b Finding) int { return slices.Index(place, a.Grade) - slices.Index(place, b.Grade) })
	if len(v.Findings) > 0 {
		v.Grade = v.Findings[0].Grade
	}
	s.Verdict = v
}

// Withheld says that too many requests failed for the rates and latencies of the
// others to stand for the server.
func (s *Summary) Withheld() bool {
	return !s.Compat && s.Requests > 0 && float64(s.failedByThemselves()) > withholdLimit*float64(s.Requests)
}

// failedByThemselves leaves out what the user stopped.
func (s *Summary) failedByThemselves() int { return s.Failed - s.stopped() }

// causes are what went on on the client's machine that may delay it.
func (e *evidence) causes() []string {
	c := e.Client
	if c == nil || c.Wall <= 0 {
		return nil
	}
	var list []string
	say := func(when bool, format string, args ...any) {
		if when {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	wall, cores := c.Wall.Seconds(), max(c.Cores, 1)
	machine := max(float64(c.Machine), cores)
	others, own := c.Others.Seconds()/wall, c.Own.Seconds()/wall
	say(others > 0.1*machine, "other programs used %.1f of %.0f cores", others, machine)
	say(own > 0.8*cores, "tokmeter itself used %.1f of %.4g cores", own, cores)
	say(c.Stolen.Seconds() > 0.01*wall*machine, "the hypervisor gave %s of the cores' time to others", share(c.Stolen.Seconds()/wall/machine))
	say(c.Throttled.Seconds() > 0.01*wall, "a control group's quota held the process for %.1f s", c.Throttled.Seconds())
	say(e.queued() > queueLimit, "tokmeter's threads waited for a core for %s of their time", share(e.queued()))
	say(c.LongestPause.Seconds()*msPerSecond > 1, "garbage collection stopped tokmeter for up to %.1f ms", c.LongestPause.Seconds()*msPerSecond)
	return list
}

// queued is the part of the time in which threads of the process could have run
// that they waited for a core.
func (e *evidence) queued() float64 {
	if e.Client == nil || e.Client.Own+e.Client.Queued <= 0 {
		return 0
	}
	return e.Client.Queued.Seconds() / (e.Client.Own + e.Client.Queued).Seconds()
}

// share writes a part of one in percent.
func share(f float64) string { return fmt.Sprintf("%.1f %%", 100*f) }
