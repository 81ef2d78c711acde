package steps

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"tokmeter/internal/model/sched"
)

// A recorder runs one case and writes its steps.
type recorder struct {
	s      *sched.Scheduler
	c      *scenario
	of     map[*sched.Request]*request
	ids    map[*sched.Request][]byte // as JSON
	tables map[*sched.Request][]int32

	lastRun, lastWait          []*sched.Request
	scheduled, output, victims int
	buf                        []byte
	cost                       int // of the last step
}

// endToken ends a request; token never gives it.
const endToken = 9

// Accept says how many drafts are right by a rule of the request's seed and length.
func (rec *recorder) Accept(r *sched.Request, drafts int) int {
	const wide = 1 << 40 // keeps the product below within 64 bits
	m := int64(drafts) + 1
	v := (rec.of[r].seed%wide*31 + int64(len(r.Prompt)+len(r.Output))*17) % m
	return int((v + m) % m)
}

// Sample returns the token that the request's seed gives at its next position.
func (rec *recorder) Sample(r *sched.Request) (int, bool) {
	rec.output++
	of := rec.of[r]
	if len(r.Output)+1 == of.ends {
		return endToken, true
	}
	return token(of.seed, len(r.Prompt)+len(r.Output)), false
}

// run returns the case as it stands in the output.
func (c *scenario) run(work *int) ([]byte, error) {
	s, err := sched.New(c.sched)
	if err != nil {
		return nil, fmt.Errorf("case %q: %w", c.name, err)
	}
	rec := &recorder{s: s, c: c, of: map[*sched.Request]*request{}, ids: map[*sched.Request][]byte{}, tables: map[*sched.Request][]int32{}}
	added, live := 0, 0
	for step := 0; added < len(c.requests) || live > 0; step++ {
		for added < len(c.requests) && c.requests[added].step <= step {
			r := &c.requests[added]
			if err := s.Add(&r.request); err != nil {
				return nil, fmt.Errorf("case %q: %w", c.name, err)
			}
			rec.of[&r.request], rec.ids[&r.request] = r, appendText(nil, r.id)
			added++
			live++
		}
		live -= rec.abort(step)
		reset := rec.reset(step)
		if *work -= 1 + live + rec.cost; *work < 0 {
			return nil, fmt.Errorf("case %q: %w", c.name, errTooMuch)
		}
		if step >= maxSteps {
			return nil, fmt.Errorf("case %q: it does not end within %d steps", c.name, maxSteps)
		}
		if live > 0 { // an idle engine does not call its scheduler
			live -= rec.step(step, reset)
		}
	}
	head := fmt.Appendf(nil, "\n{\"name\":%s,\"config\":%s,\"totals\":%s,\"steps\":[\n", appendText(nil, c.name), c.config.text(), rec.totals())
	return append(append(head, rec.buf...), "\n]}"...), nil
}

// abort aborts the requests whose time it is and returns how many.
func (rec *recorder) abort(step int) int {
	n := 0
	for _, r := range rec.c.aborts[step] {
		if r.request.Finish == sched.Unfinished {
			rec.s.Abort(&r.request)
			n++
		}
	}
	return n
}

// reset empties the prefix cache if it is due, and returns what is written of it.
func (rec *recorder) reset(step int) string {
	out := ""
	for _, running := range rec.c.resets[step] {
		done := false
		if running {
			done = rec.s.ResetRunning()
		} else {
			done = rec.s.ResetPrefixCache()
		}
		out = fmt.Sprintf(`,"reset":%t`, done)
	}
	return out
}

// step runs one step, writes it and returns how many requests ended in it.
func (rec *recorder) step(step int, reset string) int {
	s, before := rec.s, len(rec.buf)
	if wait := s.Waiting(); len(wait) > 0 { // whose prompt may be looked up in the cache in each step
		rec.cost = len(wait[0].Prompt) / rec.c.config.BlockSize
	} else {
		rec.cost = 0
	}
	st := s.Schedule()
	if len(rec.buf) > 0 {
		rec.buf = append(rec.buf, ",\n"...)
	}
	b := strconv.AppendInt(append(rec.buf, `{"step":`...), int64(step), 10)
	b = append(append(b, reset...), `,"sched":{`...)
	for i, sh := range st.Shares {
		b = rec.pair(b, i, sh.Request, sh.Tokens)
		rec.scheduled += sh.Tokens
	}
	b = append(b, '}')
	run, wait := s.Running(), s.Waiting()
	if !slices.Equal(run, rec.lastRun) {
		b = rec.list(b, "run", run)
	}
	if !slices.Equal(wait, rec.lastWait) {
		b = rec.list(b, "wait", wait)
	}
	rec.lastRun, rec.lastWait = append(rec.lastRun[:0], run...), append(rec.lastWait[:0], wait...)
	b = rec.hits(b, "new", st.New, st.Hits)
	b = rec.hits(b, "resumed", st.Resumed, st.Hits[len(st.New):])
	if len(st.Preempted) > 0 {
		b = rec.list(b, "preempted", st.Preempted)
		rec.victims += len(st.Preempted)
		rec.cost += len(st.Preempted) * len(run)
	}
	b = strconv.AppendInt(append(b, `,"free":`...), int64(s.Free()), 10)
	b = strconv.AppendInt(append(b, `,"cached":`...), int64(s.CachedBlocks()), 10)
	if rec.c.config.RecordBlocks {
		b = rec.blocks(b, run)
	}
	finished := s.Commit(rec)
	if len(finished) > 0 {
		b = rec.list(b, "finished", finished)
		b = strconv.AppendInt(append(b, `,"free_after":`...), int64(s.Free()), 10)
		rec.lastRun = append(rec.lastRun[:0], s.Running()...)
	}
	rec.buf = append(b, '}')
	rec.cost += len(rec.buf) - before
	return len(finished)
}

func (rec *recorder) pair(b []byte, i int, r *sched.Request, n int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return strconv.AppendInt(append(append(b, rec.ids[r]...), ':'), int64(n), 10)
}

func (rec *recorder) list(b []byte, name string, rs []*sched.Request) []byte {
	b = append(append(append(b, `,"`...), name...), `":[`...)
	for i, r := range rs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, rec.ids[r]...)
	}
	return append(b, ']')
}

func (rec *recorder) hits(b []byte, name string, rs []*sched.Request, hits []int) []byte {
	if len(rs) == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":{`...)
	for i, r := range rs {
		b = rec.pair(b, i, r, hits[i])
	}
	return append(b, '}')
}

// blocks writes the tables that differ from the step before.
func (rec *recorder) blocks(b []byte, run []*sched.Request) []byte {
	now := make(map[*sched.Request][]int32, len(run))
	n := 0
	for _, r := range run {
		table := slices.Clone(rec.s.Blocks(r))
		now[r] = table
		rec.cost += len(table)
		if slices.Equal(table, rec.tables[r]) {
			continue
		}
		if n == 0 {
			b = append(b, `,"blocks":{`...)
		} else {
			b = append(b, ',')
		}
		n++
		b = append(append(b, rec.ids[r]...), ":["...)
		for i, id := range table {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(id), 10)
		}
		b = append(b, ']')
	}
	if n > 0 {
		b = append(b, '}')
	}
	rec.tables = now
	return b
}

func (rec *recorder) totals() string {
	p := rec.s.Prefix()
	return fmt.Sprintf(`{"scheduled_tokens":%d,"output_tokens":%d,"preemptions":%d,"requests":%d,"queries":%d,"hits":%d,"preempted_requests":%d,"preempted_queries":%d,"preempted_hits":%d}`,
		rec.scheduled, rec.output, rec.victims, p.Requests, p.Queries, p.Hits, p.PreemptedRequests, p.PreemptedQueries, p.PreemptedHits)
}

// text is the config in full.
func (c config) text() string {
	return fmt.Sprintf(`{"num_blocks":%d,"block_size":%d,"max_num_batched_tokens":%d,"max_num_seqs":%d,"max_model_len":%d,`+
		`"enable_prefix_caching":%t,"enable_chunked_prefill":%t,"policy":"%s","long_prefill_token_threshold":%d,`+
		`"long_prefill_token_threshold_adaptive":%t,"scheduler_reserve_full_isl":%t,"watermark":%s,"record_blocks":%t%s}`,
		c.Blocks, c.BlockSize, c.MaxBatchedTokens, c.MaxSeqs, c.MaxModelLen, c.PrefixCaching, c.ChunkedPrefill, c.Policy,
		c.LongPrefill, c.LongAdaptive, c.ReserveFull, number(string(c.Watermark)), c.RecordBlocks, c.more())
}

// more is the settings that are written only where they are set.
func (c config) more() string {
	out := ""
	if c.Drafts != 0 {
		out += fmt.Sprintf(`,"num_speculative_tokens":%d`, c.Drafts)
	}
	if c.DraftHead {
		out += `,"draft_head":true`
	}
	if c.MaxAdapters != 0 {
		out += fmt.Sprintf(`,"max_loras":%d`, c.MaxAdapters)
	}
	if c.Async {
		out += `,"async_scheduling":true`
	}
	return out
}

// number writes a JSON number as Python does after reading it: an integer stays
// one, another becomes the shortest text of its float.
func number(s string) string {
	if !strings.ContainsAny(s, ".eE") {
		if s == "-0" {
			return "0"
		}
		return s
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if e, _ := strconv.Atoi(exp); e < -4 || e >= 16 {
		return mantissa + "e" + exp
	}
	out := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(out, ".") {
		out += ".0"
	}
	return out
}

// appendText writes s as Python's json.dumps does: ASCII alone.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c >= 0x20 && c < utf8.RuneSelf && c != 0x7f:
			b = append(b, byte(c))
		case c == 0x7f:
			b = append(b, 0x7f)
		case c > 0xffff:
			hi, lo := utf16.EncodeRune(c)
			b = fmt.Appendf(b, `\u%04x\u%04x`, hi, lo)
		default:
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(b, '"')
}
