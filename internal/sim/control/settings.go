package control

import (
	"encoding/json"
	"net/http"
	"strconv"

	"tokmeter/internal/model/light"
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/fault"
)

// getConfig answers GET /sim/config.
func (s *Control) getConfig(c *call.Call) bool {
	l := s.in.Settings()
	return c.Reply(http.StatusOK, struct {
		Simulated bool    `json:"simulated"`
		EOS       float64 `json:"eos"`
		Faults    string  `json:"faults"`
		Rules     int     `json:"fault_rules"`
	}{true, l.EOS, l.FaultsText, len(l.Faults)})
}

// setConfig answers POST /sim/config, an object with eos and faults, either of
// which may be absent. It holds for requests that come after it. What the
// engine is made of, its host time among it, can't change while it runs.
func (s *Control) setConfig(c *call.Call) bool {
	f, fail := call.NewForm(c, 1)
	if fail != nil {
		return c.ReplyError(fail)
	}
	l := *s.in.Settings()
	for name, raw := range f.Fields {
		switch name {
		case "eos":
			var x float64
			if err := json.Unmarshal(raw, &x); err != nil || x < 0 || x >= 1 {
				return c.ReplyError(call.BadRequest(name, "eos must be a number in [0, 1), got %s.", call.Shown(raw)))
			}
			l.EOS = x
		case "faults":
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return c.ReplyError(call.BadRequest(name, "faults must be a text as --faults takes it, got %s.", call.Shown(raw)))
			}
			set, err := fault.Parse(text)
			if err != nil {
				return c.ReplyError(call.BadRequest(name, "%v", err))
			}
			l.Faults, l.FaultsText = set, text
		default:
			return c.ReplyError(call.BadRequest(name, "%q can't be changed while the simulator runs: eos and faults can.", name))
		}
	}
	s.in.Set(l)
	return s.getConfig(c)
}

// getLight answers GET /sim/sol: the speed of light of the simulated setup, for
// one request of ?input= and ?output= tokens; with ?explain=true every constant
// with its source.
func (s *Control) getLight(c *call.Call) bool {
	q := call.NewQuery(c)
	const most = 1 << 20
	input, output := q.Between("input", 512, 1, most), q.Between("output", 128, 1, most)
	explain := q.Flag("explain", false)
	if fail := q.Err(); fail != nil {
		return c.ReplyError(fail)
	}
	if s.in.Built == nil {
		return c.ReplyError(call.NewError(http.StatusNotImplemented, "NotImplementedError", "",
			"simulated times are fixed: there is no card whose limit could be told"))
	}
	l, err := light.Build(s.in.Options.Setup)
	if err != nil {
		return replyEngine(c, err)
	}
	return c.Reply(http.StatusOK, struct {
		Simulated bool `json:"simulated"`
		*light.Sheet
	}{true, l.Sheet(light.Question{Input: input, Output: output, Batches: []int{1, 8, 32, 128}, Explain: explain})})
}

// A stepObject is one step as /sim/state shows it. Times are in milliseconds.
type stepObject struct {
	Index     int64   `json:"step"`
	Start     float64 `json:"start_ms"` // since the server began
	Lasts     float64 `json:"lasts_ms"`
	Requests  int     `json:"requests"`
	Tokens    int     `json:"scheduled_tokens"`
	Prefill   int     `json:"prefill_tokens"`
	Sampled   int     `json:"sampled_tokens"`
	Preempted int     `json:"preempted"`
	Running   int     `json:"running"`
	Waiting   int     `json:"waiting"`
	Free      int     `json:"free_blocks"`
	Late      float64 `json:"late_ms"`

	Cost struct {
		Linear    float64 `json:"linear_ms"`
		Attention float64 `json:"attention_ms"`
		Head      float64 `json:"head_ms"`
		Other     float64 `json:"other_ms"`
		Link      float64 `json:"link_ms"`
		Host      float64 `json:"host_ms"`
		Bound     string  `json:"bound"`
	} `json:"cost"`
}

// steps are the last steps of the engine, at most ?steps= of them, the oldest
// first.
func (s *Control) steps(c *call.Call) []stepObject {
	n, err := strconv.Atoi(c.URL.Query().Get("steps"))
	if err != nil {
		n = 32
	}
	out := []stepObject{}
	for _, r := range s.meter.trace.last(max(n, 0)) {
		o := stepObject{Index: r.index, Start: r.start.Sub(s.in.Began).Seconds() * 1e3, Lasts: r.end.Sub(r.start).Seconds() * 1e3,
			Requests: r.requests, Tokens: r.batched, Prefill: r.prefill, Sampled: r.sampled, Preempted: r.preempted,
			Running: r.running, Waiting: r.waiting, Free: r.free, Late: r.late.Seconds() * 1e3}
		k := r.cost
		o.Cost.Linear, o.Cost.Attention, o.Cost.Head = k.Linear*1e3, k.Attention*1e3, k.Head*1e3
		o.Cost.Other, o.Cost.Link, o.Cost.Host, o.Cost.Bound = k.Other*1e3, k.Link*1e3, k.Host*1e3, k.Bound
		out = append(out, o)
	}
	return out
}
