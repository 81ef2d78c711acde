package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/stats"
)

// A name is a field that a file may use and what its value is multiplied by.
type name struct {
	key  string
	unit float64
}

// The names of fields, in order of preference. They are compared in lower case,
// with spaces and hyphens as underscores.
func arrivalNames() []name {
	return []name{
		{"arrival", 1}, {"arrival_s", 1}, {"at", 1}, {"at_s", 1}, {"arrived", 1}, {"arrived_at", 1}, {"arrival_time", 1}, {"arrival_time_s", 1},
		{"due_s", 1}, {"due", 1}, {"offset", 1}, {"offset_s", 1}, {"time", 1}, {"time_s", 1}, {"timestamp_s", 1}, {"timestamp", 1}, {"start_time", 1},
		{"arrival_ms", 1e-3}, {"at_ms", 1e-3}, {"due_ms", 1e-3}, {"arrival_time_ms", 1e-3}, {"timestamp_ms", 1e-3},
		{"arrival_ns", 1e-9}, {"at_ns", 1e-9}, {"arrival_time_ns", 1e-9}, {"timestamp_ns", 1e-9},
		{"queued_ts", 1},
	}
}

func promptNames() []name {
	return []name{
		{"prompt_len", 1}, {"prompt_tokens", 1}, {"prompt_length", 1}, {"input_toks", 1}, {"input_tokens", 1}, {"input_len", 1}, {"input_length", 1},
		{"num_prompt_tokens", 1}, {"num_prefill_tokens", 1}, {"contexttokens", 1}, {"context_tokens", 1}, {"request_tokens", 1}, {"isl", 1},
		{"input", 1}, {"prompt", 1}, {"prefill", 1},
	}
}

func outputNames() []name {
	return []name{
		{"output_len", 1}, {"output_tokens", 1}, {"output_toks", 1}, {"output_length", 1}, {"completion_tokens", 1}, {"generated_tokens", 1},
		{"num_output_tokens", 1}, {"num_decode_tokens", 1}, {"generatedtokens", 1}, {"generation_tokens", 1}, {"response_tokens", 1}, {"osl", 1},
		{"output", 1}, {"max_tokens", 1}, {"max_completion_tokens", 1}, {"decode", 1},
	}
}

func tokenNames() []string {
	return []string{"prompt_token_ids", "input_tok_ids", "token_ids", "prompt"}
}

func ttftNames() []name { return []name{{"ttft_ms", 1e-3}, {"ttft_s", 1}, {"ttft", 1}} }
func tpotNames() []name { return []name{{"tpot_ms", 1e-3}, {"tpot_s", 1}, {"tpot", 1}} }
func e2elNames() []name {
	return []name{{"e2el_ms", 1e-3}, {"e2e_ms", 1e-3}, {"latency_ms", 1e-3}, {"e2el_s", 1}, {"e2el", 1}, {"e2e", 1}}
}

// plainKey is a field's name as it is compared.
func plainKey(k string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return '_'
		}
		return r
	}, strings.ToLower(strings.TrimSpace(k)))
}

// fields are the values of one object.
type fields map[string]json.RawMessage

// number finds the first of the names; NaN says that there is none.
func (f fields) number(names []name) (float64, string, error) {
	for _, n := range names {
		raw, ok := f[n.key]
		if !ok || string(raw) == "null" {
			continue
		}
		v, ok := scalar(raw)
		if !ok {
			continue // a text, or a list of token ids: another name has the number
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, n.key, fmt.Errorf("%q is %s: want a number", n.key, short(raw))
		}
		return v * n.unit, n.key, nil
	}
	return math.NaN(), "", nil
}

// given is the first of the names that has a value, whatever it is.
func (f fields) given(names []name) string {
	for _, n := range names {
		if raw, ok := f[n.key]; ok && string(raw) != "null" {
			return n.key
		}
	}
	return ""
}

// scalar reads a number, as such or as text.
func scalar(raw json.RawMessage) (float64, bool) {
	s := string(raw)
	if len(s) > 2 && s[0] == '"' {
		s = s[1 : len(s)-1]
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// count finds a number of tokens; ok is false where no name is there.
func (f fields) count(what string, names []name) (n int, ok bool, err error) {
	v, key, err := f.number(names)
	switch {
	case err != nil:
		return 0, false, err
	case key == "":
		return 0, false, nil
	case v != math.Trunc(v) || v < 0 || v > maxTokens:
		return 0, false, fmt.Errorf("%q is %v: want a number of %s tokens", key, v, what)
	}
	return int(v), true, nil
}

// tokens finds the prompt's own token ids.
func (f fields) tokens() []int {
	for _, key := range tokenNames() {
		raw := bytes.TrimSpace(f[key])
		if len(raw) == 0 || raw[0] != '[' {
			continue
		}
		var ids []int
		if json.Unmarshal(raw, &ids) == nil && len(ids) > 0 {
			return ids
		}
	}
	return nil
}

// hashes finds Mooncake's names of a prompt's stretches.
func (f fields) hashes() ([]uint64, error) {
	raw, ok := f["hash_ids"]
	if !ok || string(raw) == "null" {
		return nil, nil
	}
	var ids []json.RawMessage
	if json.Unmarshal(raw, &ids) != nil {
		return nil, fmt.Errorf("\"hash_ids\" is %s: want a list", short(raw))
	}
	out := make([]uint64, len(ids))
	for i, id := range ids {
		h := fnv.New64a()
		h.Write(bytes.TrimSpace(id))
		out[i] = h.Sum64()
	}
	return out, nil
}

// short is a value for a message.
func short(raw []byte) string { return excerpt.Cut(string(raw), 40) }

// object takes one request in JSON.
func (b *builder) object(m map[string]json.RawMessage) error {
	f := make(fields, len(m))
	for k, v := range m {
		f[plainKey(k)] = v
	}
	if _, ok := f["footer"]; ok && len(f) == 1 {
		return nil // the end of a run directory's records
	}
	if _, ok := f["sub_requests"]; ok {
		return fmt.Errorf("a session of several requests (\"sub_requests\"): give each turn as a request of its own")
	}
	if _, ok := f["timing"]; ok {
		return b.record(f)
	}
	if _, ok := f["input_lens"]; ok {
		return b.result(f)
	}
	a, format, err := f.arrival(b)
	if err != nil {
		return err
	}
	meas, err := f.measured(b, a.Output)
	if err != nil {
		return err
	}
	if b.queued {
		format = "trace"
	}
	b.add(format, a, meas)
	return nil
}

// arrival reads what every request has.
func (f fields) arrival(b *builder) (a Arrival, format string, err error) {
	format = "requests"
	at, key, err := f.number(arrivalNames())
	if err != nil {
		return a, "", err
	}
	switch {
	case key == "":
		if raw, ok := f["timestamp"]; ok {
			if at, ok = moment(strings.Trim(string(raw), `"`)); !ok {
				return a, "", fmt.Errorf("\"timestamp\" is %s: want a number, or a date and time", short(raw))
			}
			break
		}
		if bad := f.given(arrivalNames()); bad != "" {
			return a, "", fmt.Errorf("%q is %s: want a number of seconds", bad, short(f[bad]))
		}
		b.untimed++
		at = 0
	case key == "timestamp" && f["input_length"] != nil:
		at, format = at*1e-3, "mooncake" // in milliseconds, unlike all others
	}
	a.At = at
	var ok bool
	if a.Prompt, ok, err = f.count("prompt", promptNames()); err != nil {
		return a, "", err
	}
	a.Tokens = f.tokens()
	switch {
	case !ok && a.Tokens == nil:
		return a, "", fmt.Errorf("no number of prompt tokens: %s", readHint)
	case !ok || a.Tokens != nil && len(a.Tokens) != a.Prompt:
		a.Prompt = len(a.Tokens)
	}
	if a.Output, ok, err = f.count("output", outputNames()); err != nil {
		return a, "", err
	}
	if !ok {
		return a, "", fmt.Errorf("no number of output tokens: %s", readHint)
	}
	if a.Hashes, err = f.hashes(); err != nil {
		return a, "", err
	}
	a.HashTokens = 512
	if v, key, err := f.number([]name{{"priority", 1}}); err != nil {
		return a, "", err
	} else if key != "" {
		a.Priority = int(max(min(v, 1<<30), -1<<30))
	}
	for _, key := range []string{"id", "request_id", "index"} {
		if raw, ok := f[key]; ok && string(raw) != "null" && len(raw) < 200 {
			a.ID = strings.Trim(string(raw), `"`)
			break
		}
	}
	return a, format, checkRow(a)
}

// measured reads what an engine took for the request. Stamps of the engine's
// clock count from its queue, for the arrival is on another clock.
func (f fields) measured(b *builder, output int) (Measured, error) {
	var m Measured
	var err error
	stamp := func(key string) float64 {
		v, _, e := f.number([]name{{key, 1}})
		if e != nil {
			err = e
		}
		return v
	}
	queued, first, last := stamp("queued_ts"), stamp("first_token_ts"), stamp("last_token_ts")
	if err != nil {
		return m, err
	}
	if q := first - queued; q >= 0 && last >= first {
		b.measured, b.queued = true, true
		return Measured{TTFT: q, TPOT: stats.TPOT(first, last, float64(output)), E2EL: last - queued}, nil
	}
	for _, x := range []struct {
		to    *float64
		names []name
	}{{&m.TTFT, ttftNames()}, {&m.TPOT, tpotNames()}, {&m.E2EL, e2elNames()}} {
		v, key, err := f.number(x.names)
		if err != nil {
			return m, err
		}
		*x.to = v
		b.measured = b.measured || key != ""
	}
	return m, nil
}

// record reads a line of a run directory's records: stamps in nanoseconds, the
// arrival being the moment before the request's first byte was written.
func (b *builder) record(f fields) error {
	var r struct {
		Outcome    string
		Index      int
		ID         string
		FirstToken int64 `json:"first_token"`
		LastToken  int64 `json:"last_token"`
		Timing     struct{ Sent int64 }
		Prompt     struct{ N int } `json:"prompt_tokens"`
		Output     struct{ N int } `json:"output_tokens"`
	}
	text, err := json.Marshal(f)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return fmt.Errorf("no record of a run (%v): fetch the file again", err)
	}
	return b.sent(Sent{
		ID: r.ID, Index: r.Index, OK: r.Outcome == "ok", Prompt: r.Prompt.N, Output: r.Output.N,
		At: float64(r.Timing.Sent) / 1e9, First: float64(r.FirstToken) / 1e9, Last: float64(r.LastToken) / 1e9,
	})
}

// A Sent is one request of a run as the client recorded it. Moments are seconds
// of one clock, 0 where they never came.
type Sent struct {
	ID             string
	Index          int
	OK             bool
	At             float64 // before its first byte was written
	First, Last    float64 // tokens
	Prompt, Output int     // tokens
}

// FromRun makes a file of a run's requests. Those that did not end well are left
// out: what they took of the server is not known.
func FromRun(sent []Sent) (*File, error) {
	b := &builder{}
	for _, s := range sent {
		if err := b.sent(s); err != nil {
			return nil, fmt.Errorf("request %d: %w", s.Index, err)
		}
	}
	return b.file()
}

func (b *builder) sent(s Sent) error {
	if !s.OK {
		b.failed++
		return nil
	}
	if s.ID == "" {
		s.ID = strconv.Itoa(s.Index)
	}
	a := Arrival{ID: s.ID, At: s.At, Prompt: s.Prompt, Output: s.Output}
	if err := checkRow(a); err != nil {
		return err
	}
	m := Measured{TTFT: math.NaN(), TPOT: math.NaN(), E2EL: math.NaN()}
	if s.First > s.At && s.Last >= s.First {
		b.measured = true
		m = Measured{TTFT: s.First - s.At, TPOT: stats.TPOT(s.First, s.Last, float64(s.Output)), E2EL: s.Last - s.At}
	}
	b.add("run", a, m)
	return nil
}

// moment reads a date and time as traces write them, in seconds: with T or a
// blank, with any fraction or none, perhaps without seconds, with a zone or in UTC.
func moment(s string) (float64, bool) {
	s = strings.TrimSpace(strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(s)), "UTC"))
	s = strings.Replace(s, "T", " ", 1)
	for _, zone := range []string{"", "Z07:00", " Z07:00", "Z0700", " Z0700", "Z07", " Z07"} {
		for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04"} {
			if t, err := time.Parse(layout+zone, s); err == nil {
				return float64(t.Unix()) + float64(t.Nanosecond())/1e9, true
			}
		}
	}
	return 0, false
}
