package metrics

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// all are the numbers that every disturbance of the load moves.
func all() []string { return []string{latenciesNumber, ratesNumber} }

func (e *evidence) findNoSuccess() *Finding {
	if e.Completed > 0 {
		return nil
	}
	return &Finding{Grade: Invalid, Numbers: all(), Text: e.noSuccess()}
}

func (e *evidence) findFailures() *Finding {
	failed := e.failedByThemselves()
	if e.Completed == 0 || float64(failed) <= failLimit*float64(e.Requests) {
		return nil
	}
	f := &Finding{Grade: Doubtful, Numbers: all(), UpTo: float64(failed) / float64(e.Requests), Share: true}
	f.Text = fmt.Sprintf("%d of %d requests failed (%s): rates and latencies are those of the others", failed, e.Requests, percent(failed, e.Requests))
	if e.Withheld() {
		f.Grade = Invalid
		f.Text = fmt.Sprintf("%d of %d requests failed (%s): rates and latencies of the others do not stand for the server and are left out here; the result file has them", failed, e.Requests, percent(failed, e.Requests))
	}
	return f
}

// findLimits knows the system's words for its limits.
func (e *evidence) findLimits() *Finding {
	n, limit := 0, ""
	for _, f := range e.Failures {
		switch {
		case strings.Contains(f.Example, "too many open files"):
			n, limit = n+f.N, "the limit of open files"
			if e.Client != nil && e.Client.Files > 0 {
				limit += fmt.Sprintf(", %d (ulimit -n)", e.Client.Files)
			}
		case strings.Contains(f.Example, "cannot assign requested address"):
			n, limit = n+f.N, "the local ports"
			if e.Client != nil && e.Client.Ports > 0 {
				limit += fmt.Sprintf(", %d (net.ipv4.ip_local_port_range)", e.Client.Ports)
			}
		}
	}
	if n == 0 {
		return nil
	}
	return &Finding{Grade: Invalid, Numbers: all(), Text: fmt.Sprintf("%d of %d requests failed on the client's side: it ran into %s", n, e.Requests, limit)}
}

func (e *evidence) findRate() *Finding {
	text := e.rate()
	if text == "" {
		return nil
	}
	delivered := e.delivered()
	f := &Finding{Grade: Doubtful, Numbers: all(), UpTo: 1 - delivered, Share: true, Text: text}
	if e.p.Load.MaxConcurrency == 0 {
		if delivered < poorRate {
			f.Grade = Invalid
		}
	}
	return f
}

func (e *evidence) findLate() *Finding {
	if e.lateness() == "" {
		return nil
	}
	late, ttft := e.Dists[Late], e.Dists[TTFT]
	f := &Finding{Grade: Doubtful, Numbers: []string{string(TTFT), string(E2EL)}, UpTo: late.P99}
	if late.Median > ttft.Median/2 {
		f.Grade = Invalid
	}
	f.Text = fmt.Sprintf("%s of requests were sent late, up to %.1f ms (P99): users would have waited that much longer than TTFT says",
		percent(e.LateSends, e.x.sent), late.P99)
	return f
}

// findClosedLag looks at the time between the end of an answer and the request
// that follows it: latencies do not have it, rates do.
func (e *evidence) findClosedLag() *Finding {
	lag, lost := e.Dists[ClientLag], e.slotLost()
	if e.p.Load.OpenLoop() || lost <= slotLimit {
		return nil
	}
	f := &Finding{Grade: Doubtful, Numbers: []string{ratesNumber}, UpTo: lost, Share: true}
	if lost > poorSlot {
		f.Grade = Invalid
	}
	f.Text = fmt.Sprintf("throughputs may be up to %s low: the client read the ends of answers %.1f ms late on average, and only then sent the next requests", share(lost), lag.Mean)
	return f
}

func (e *evidence) findReaderClock() *Finding {
	if e.Clock != "reader" && e.Clock != "mixed" || e.queued() <= queueLimit {
		return nil
	}
	return &Finding{Grade: Doubtful, Numbers: []string{latenciesNumber},
		Text: "latencies hold the client's own delay, for answers have no kernel stamps"}
}

func (e *evidence) findReceive() *Finding {
	lag := e.Dists[ClientLag]
	if e.Client == nil || e.onThisMachine() || e.Client.ZeroWindows+e.Client.Pruned == 0 || lag.P99 <= zeroWindowLag {
		return nil
	}
	return &Finding{Grade: Doubtful, Numbers: []string{string(ITL), string(TPOT), ratesNumber}, UpTo: lag.P99,
		Text: fmt.Sprintf("ITL and TPOT may be the client's: receive queues were full %d times, and the server was told to wait", e.Client.ZeroWindows+e.Client.Pruned)}
}

// onThisMachine says that the server is reached through the loopback. The counters
// of the network are of all programs together, and most of what they count on a
// machine that tests and serves itself is others'.
func (e *evidence) onThisMachine() bool {
	u, err := url.Parse(e.p.Target.BaseURL)
	if err != nil || e.p.Target.Simulated {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func (e *evidence) findNetwork() *Finding {
	n := e.x.lossy
	if float64(n) <= lossyLimit*float64(e.Requests) {
		return nil
	}
	return &Finding{Grade: Doubtful, Numbers: []string{latenciesNumber}, UpTo: float64(n) / float64(e.Requests), Share: true,
		Text: fmt.Sprintf("the network lost %d segments of %d of %d requests (%s): their latencies hold the time until these were sent again, 200 ms or more where nothing followed", e.x.lost, n, e.Requests, percent(n, e.Requests))}
}

func (e *evidence) findClockSteps() *Finding {
	if e.ClockSteps == 0 || e.Clock == "reader" {
		return nil
	}
	return &Finding{Grade: Doubtful, Numbers: []string{latenciesNumber}, Text: e.clockSteps()}
}

func (e *evidence) findSimulatorLate() *Finding {
	text := e.simulatorLate()
	if text == "" {
		return nil
	}
	late := max(e.Simulator.First.P99, e.Simulator.Last.P99)
	return &Finding{Grade: Doubtful, Numbers: []string{string(TTFT), string(ITL)}, UpTo: late,
		Text: fmt.Sprintf("TTFT and ITL of single tokens may be up to %.2f ms high: the simulator itself wrote late", late)}
}

// findShared is about a server inside this process: where the server is elsewhere,
// its own clock is its own affair.
func (e *evidence) findShared() *Finding {
	c := e.Client
	if c == nil || c.Wall <= 0 || !e.Simulated || e.Simulator != nil && e.Simulator.Virtual {
		return nil
	}
	machine := max(float64(c.Machine), c.Cores, 1)
	crowded := c.Pressure.Seconds() > queueLimit*c.Wall.Seconds() && e.queued() > queueLimit
	if c.Others.Seconds() <= 0.2*machine*c.Wall.Seconds() || !crowded {
		return nil
	}
	return &Finding{Grade: Doubtful, Numbers: all(), Text: "latencies may be high: the simulated server did not have the cores for itself"}
}

func (e *evidence) findBelowLimit() *Finding {
	if text := e.belowLimit(); text != "" {
		return &Finding{Grade: Doubtful, Numbers: []string{latenciesNumber}, Text: text}
	}
	return nil
}

func (e *evidence) findInterrupted() *Finding {
	if text := e.interrupted(); text != "" {
		return &Finding{Grade: Doubtful, Numbers: all(), Text: text}
	}
	return nil
}
