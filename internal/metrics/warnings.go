package metrics

import (
	"fmt"
	"math"
	"strings"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// The codes of warnings, as they stand in the result file.
const (
	WarnNoSuccess        = "no_success"
	WarnFailures         = "failures"
	WarnInterrupted      = "interrupted"
	WarnClientLag        = "client_lag"
	WarnLate             = "late"
	WarnRate             = "rate_not_delivered"
	WarnFewRequests      = "few_requests"
	WarnClockSteps       = "clock_steps"
	WarnReaderClock      = "reader_clock"
	WarnSharedReads      = "shared_reads"
	WarnBundledTokens    = "bundled_tokens"
	WarnRefusedCount     = "refused_count"
	WarnUnstreamed       = "unstreamed_tokens"
	WarnUndercount       = "usage_undercount"
	WarnContentType      = "content_type"
	WarnUnprefixed       = "unprefixed_events"
	WarnTokenSource      = "token_source"
	WarnPromptLength     = "prompt_length"
	WarnOutputLength     = "output_length"
	WarnCachedTokens     = "cached_tokens"
	WarnStaleConnections = "stale_connections"
	WarnRedirects        = "redirects"
	WarnSimulatorLate    = "simulator_late"
)

// The limits beyond which a warning appears, as parts of one.
const (
	lagLimit        = 0.05 // client's lag, of the shortest latency that it disturbs
	lateLimit       = 0.05 // lateness, of the median TTFT
	lateFloorMs     = 1    // lateness below it disturbs nobody
	rateLimit       = 0.95 // delivered rate, of the planned one
	failLimit       = 0.01
	sharedLimit     = 0.05 // token events that share a read
	firstLimit      = 0.01 // answers whose first token shares its read with the next
	lengthLimit     = 0.05 // prompt tokens counted, against those asked
	shortLimit      = 0.01 // requests whose answer has not the length asked
	cachedLimit     = 0.01
	unstreamedLimit = 0.01
	simulatorLimit  = 0.05 // the simulator's lateness, of the median ITL
)

// evidence is what warnings are made from.
type evidence struct {
	*Summary
	x *tally
	p plan.Plan
}

// A WarningDefinition says when a warning appears.
type WarningDefinition struct {
	Code string
	When string
	text func(*evidence) string // "" when there is nothing to warn of
}

// WarningDefinitions returns every warning, the gravest first.
func WarningDefinitions() []WarningDefinition {
	return []WarningDefinition{
		{WarnNoSuccess, "no request succeeded", (*evidence).noSuccess},
		{WarnFailures, "more than " + part(failLimit) + " of requests failed, those that the user stopped left out", (*evidence).failures},
		{WarnInterrupted, "the run ended before everything was sent", (*evidence).interrupted},
		{WarnClientLag, "with --max-concurrency the mean client_lag is more than " + part(slotLimit) + " of the mean e2el; without kernel stamps P99 of client_lag is more than " + part(lagLimit) + " of the median itl (of ttft where answers have one token)", (*evidence).clientLag},
		{WarnLate, "P99 of late is more than " + part(lateLimit) + fmt.Sprintf(" of the median ttft and more than %d ms, where requests have due times", lateFloorMs), (*evidence).lateness},
		{WarnRate, "requests were sent at less than " + part(rateLimit) + " of the planned pace", (*evidence).rate},
		{WarnFewRequests, "fewer successful requests than the highest percentile needs: 100 for P99", (*evidence).fewRequests},
		{WarnClockSteps, "the system's clock was set during the run", (*evidence).clockSteps},
		{WarnReaderClock, "some or all answers have no kernel stamps", (*evidence).readerClock},
		{WarnSharedReads, "more than " + part(sharedLimit) + " of token events have the stamp of the one before, or more than " + part(firstLimit) + " of first tokens that of the next", (*evidence).sharedReads},
		{WarnBundledTokens, "an event carried several tokens", (*evidence).bundledTokens},
		{WarnRefusedCount, "the server gave a count below zero, or of more tokens than the bytes of the answer or request can hold", (*evidence).refusedCount},
		{WarnUnstreamed, "more than " + part(unstreamedLimit) + " of output tokens were counted by the server and never sent", (*evidence).unstreamed},
		{WarnUndercount, "the server's usage counted fewer output tokens than came", (*evidence).undercount},
		{WarnContentType, "an event stream came under another Content-Type than text/event-stream", (*evidence).contentType},
		{WarnUnprefixed, "events lacked data: or had it twice", (*evidence).unprefixed},
		{WarnTokenSource, "output tokens were counted as events", (*evidence).tokenSource},
		{WarnPromptLength, "the server's prompt tokens differ by more than " + part(lengthLimit) + " from the workload's", (*evidence).promptLength},
		{WarnOutputLength, "more than " + part(shortLimit) + " of answers are longer than asked, or have not the length asked although ignore_eos was sent", (*evidence).outputLength},
		{WarnCachedTokens, part(cachedLimit) + " or more of prompt tokens came from the server's cache", (*evidence).cachedTokens},
		{WarnStaleConnections, "a kept-alive connection was found closed and replaced", (*evidence).staleConnections},
		{WarnRedirects, "a redirect was followed", (*evidence).redirects},
		{WarnSimulatorLate, "the simulator wrote the first or the last token of a step later than " + part(simulatorLimit) + " of the median itl (P99)", (*evidence).simulatorLate},
		{WarnBelowLimit, "with --gpu or --simulate: a mean latency, or the TTFT or TPOT of some request, is below the speed of light", (*evidence).belowLimit},
	}
}

// warn lists what makes a number of the summary doubtful, the gravest first.
func warn(s *Summary, x *tally, p plan.Plan) []Warning {
	e := &evidence{s, x, p}
	var list []Warning
	for _, d := range WarningDefinitions() {
		if text := d.text(e); text != "" {
			list = append(list, Warning{Code: d.Code, Text: text})
		}
	}
	return list
}

func (e *evidence) noSuccess() string {
	if e.Requests == 0 {
		return "no request was sent"
	}
	if e.Completed > 0 {
		return ""
	}
	return fmt.Sprintf("none of %d requests succeeded: every latency is 0 for want of a sample", e.Requests)
}

// stopped is how many requests the user stopped.
func (s *Summary) stopped() int {
	for _, o := range s.Outcomes {
		if o.Outcome == record.Cancelled {
			return o.N
		}
	}
	return 0
}

func (e *evidence) failures() string {
	failed := e.failedByThemselves()
	if e.Completed == 0 || float64(failed) <= failLimit*float64(e.Requests) {
		return ""
	}
	return fmt.Sprintf("%d of %d requests failed (%s): latencies are of those that succeeded and may flatter the server",
		failed, e.Requests, percent(failed, e.Requests))
}

func (e *evidence) interrupted() string {
	if e.Reason == "" || e.Reason == record.AllSent || strings.HasPrefix(e.Reason, record.Stopped) {
		return ""
	}
	return fmt.Sprintf("the run ended early (%s) with %d of %d requests recorded", e.Reason, e.Requests, max(e.p.Workload.NumPrompts, e.Requests))
}

// clientLag compares the client's own delay with what it disturbs: without kernel
// stamps the gap between tokens, or TTFT where answers have one token; with them
// the time that a slot of a closed loop stands empty.
func (e *evidence) clientLag() string {
	if e.Clock == "kernel" {
		if lost := e.slotLost(); lost > slotLimit {
			return fmt.Sprintf("the client read the ends of answers up to %.2f ms late (P99), and a closed loop sends its next requests after that: throughputs may be up to %s low; use fewer streams or more cores", e.Dists[ClientLag].P99, share(lost))
		}
		return ""
	}
	lag, name, against := e.Dists[ClientLag], "ITL", e.Dists[ITL]
	if against.N == 0 || against.Median == 0 {
		name, against = "TTFT", e.Dists[TTFT]
	}
	if lag.N == 0 || against.N == 0 || lag.P99 <= lagLimit*against.Median {
		return ""
	}
	return fmt.Sprintf("the client read its answers up to %.2f ms late (P99), more than %s of the median %s of %.2f ms; without kernel stamps it is part of the latencies: use fewer streams or more cores",
		lag.P99, part(lagLimit), name, against.Median)
}

// slotLost is the part of a closed loop's time that its slots stand empty, for the
// client reads the ends of answers late; 0 where no request waits for another's end.
func (e *evidence) slotLost() float64 {
	lag, whole := e.Dists[ClientLag], e.Dists[E2EL]
	if e.p.Load.MaxConcurrency == 0 || lag.N == 0 || whole.Mean <= 0 {
		return 0
	}
	return lag.Mean / (lag.Mean + whole.Mean)
}

func (e *evidence) lateness() string {
	late, ttft := e.Dists[Late], e.Dists[TTFT]
	if !e.p.Load.OpenLoop() || late.P99 <= lateFloorMs || late.P99 <= lateLimit*ttft.Median {
		return ""
	}
	return fmt.Sprintf("requests were sent up to %.2f ms after their due time (P99): read ttft_from_due and e2el_from_due, and use more cores or a lower rate",
		late.P99)
}

// rate compares the pace at which requests were sent with the pace at which
// they were due.
func (e *evidence) rate() string {
	if !e.p.Load.OpenLoop() {
		return ""
	}
	if e.delivered() >= rateLimit {
		return ""
	}
	planned, took := e.x.spans()
	why := "the client did not keep up"
	if e.p.Load.MaxConcurrency > 0 {
		why = "--max-concurrency held requests back: read client_queue_time and e2el_from_due"
	}
	n := float64(e.x.sent - 1)
	return fmt.Sprintf("%.2f requests/s were sent where %.2f were planned; %s", n/took, n/planned, why)
}

// delivered is the part of the planned pace at which requests were sent; 1 where
// that is not known.
func (e *evidence) delivered() float64 {
	planned, took := e.x.spans()
	if e.x.sent < 2 || planned <= 0 || took <= 0 {
		return 1
	}
	return planned / took
}

// spans are the seconds from the first request to the last, by plan and as sent.
func (t *tally) spans() (planned, took float64) {
	return seconds(t.lastSent.due - t.firstSent.due), seconds(t.lastSent.sent - t.firstSent.sent)
}

// fewRequests looks at the highest percentile below 100 that was asked: the
// value at P percent needs 100/(100−P) samples to be one of them.
func (e *evidence) fewRequests() string {
	highest := 0.0
	for _, p := range percentilesOf(e.p) {
		if p < 100 {
			highest = max(highest, p)
		}
	}
	need := int(math.Ceil(100/(100-highest) - 1e-9))
	if e.Completed == 0 || e.Completed >= need {
		return ""
	}
	return fmt.Sprintf("P%v of %d successful requests lies between the two slowest: use %d or more", highest, e.Completed, need)
}

func (e *evidence) clockSteps() string {
	if e.ClockSteps == 0 {
		return ""
	}
	return fmt.Sprintf("the system's clock was set %d times during the run: kernel stamps near these moments may be off", e.ClockSteps)
}

func (e *evidence) readerClock() string {
	switch e.Clock {
	case "reader":
		return "the kernel gave no stamps: latencies include the time until the client read its answers"
	case "mixed":
		return "the kernel stamped only a part of the answers: the latencies of the others include the time until the client read them"
	}
	return ""
}

// sharedReads has a limit of its own for first tokens: a client that is held
// up when many answers begin reads the first token with the next, at whose
// time it then seems to have come.
func (e *evidence) sharedReads() string {
	events := float64(e.x.sharedStamps) > sharedLimit*float64(e.x.events)
	first := float64(e.x.sharedFirst) > firstLimit*float64(e.Completed)
	switch {
	case first:
		return fmt.Sprintf("%s of first tokens and %s of all token events share the time of another: the server or the network sends several at once, or the client was too busy to read the earlier one before the later came, and then TTFT is said too high",
			percent(e.x.sharedFirst, e.Completed), percent(e.x.sharedStamps, e.x.events))
	case events:
		return fmt.Sprintf("%s of token events arrived together with the one before and have a gap of 0: the server or the network sends several at once",
			percent(e.x.sharedStamps, e.x.events))
	}
	return ""
}

func (e *evidence) bundledTokens() string {
	if e.x.bundled == 0 {
		return ""
	}
	return fmt.Sprintf("%s of token events carried several tokens: ITL is per event; read ITL per Token beside it", percent(e.x.bundled, e.x.events))
}

func (e *evidence) tokenSource() string {
	weak := 0
	for _, c := range e.OutputSources {
		switch c.Source {
		case record.FromUsage, record.FromTokenIDs, record.FromServer, record.FromTokenizer:
		default:
			weak += c.N
		}
	}
	if weak == 0 {
		return ""
	}
	return fmt.Sprintf("the output tokens of %d of %d answers were counted as events, which may carry several: give a --tokenizer or a server that reports usage",
		weak, e.Completed)
}

// promptLength compares totals where the server did the counting.
func (e *evidence) promptLength() string {
	got, asked := e.x.countedPrompt, e.x.countedOfAsked
	if asked == 0 || math.Abs(float64(got-asked)) <= lengthLimit*float64(asked) {
		return ""
	}
	return fmt.Sprintf("the server counted %d prompt tokens where the workload counted %d: another tokenizer, a chat template, or truncation", got, asked)
}

// outputLength matters only where the length was to be met exactly.
func (e *evidence) outputLength() string {
	off, longer := e.x.lengthOff, e.x.longer
	if float64(longer) > shortLimit*float64(e.Completed) {
		return fmt.Sprintf("%d of %d answers are longer than asked: the server does not keep to the limit in the name that this API gives it (set its own with --extra-body)", longer, e.Completed)
	}
	if !e.p.Target.IgnoreEOS || float64(off) <= shortLimit*float64(e.Completed) {
		return ""
	}
	return fmt.Sprintf("%d of %d answers have not the length asked although the end of text was to be ignored: the server may not know ignore_eos", off, e.Completed)
}

func (e *evidence) cachedTokens() string {
	if e.InputTokens == 0 || float64(e.CachedTokens) < cachedLimit*float64(e.InputTokens) {
		return ""
	}
	return fmt.Sprintf("%s of prompt tokens came from the server's prefix cache: TTFT is that of a warm cache; use --cache salt or another --seed for a cold one",
		percent(e.CachedTokens, e.InputTokens))
}

func (e *evidence) staleConnections() string {
	if e.Replaced == 0 {
		return ""
	}
	return fmt.Sprintf("the server had closed %d kept-alive connections before they were used again; each was replaced before sending", e.Replaced)
}

func (e *evidence) refusedCount() string {
	n, first := e.x.refused, e.x.firstRefused
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("the server's counts of %d requests can't be (%d tokens in the first of them) and were not used: their tokens were counted in another way", n, first)
}

func (e *evidence) redirects() string {
	if e.Redirects == 0 {
		return ""
	}
	words := fmt.Sprintf("%d redirects were followed, and their round trips are part of TTFT: use the final address as --base-url", e.Redirects)
	if e.Stripped > 0 {
		words += fmt.Sprintf("; %d requests were led to another server, which was not sent your key and other headers", e.Stripped)
	}
	return words
}

// percent writes n of total with one decimal.
func percent(n, total int) string {
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(total))
}

func part(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) }
