package sim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tokmeter/internal/model/replay"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim/api"
	"tokmeter/internal/sim/engine"
)

// fast is an engine whose steps last well below a millisecond.
func fast() Options {
	host := 0.1
	return Options{Setup: setup.Setup{Model: "qwen2.5-0.5b", GPU: "h200", HostMs: &host}, Names: []string{"m"}}
}

func serve(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// An answered is what a test reads of an answer, streamed or not.
type answered struct {
	Choices []struct {
		Index   int     `json:"index"`
		Text    string  `json:"text"`
		Reason  *string `json:"finish_reason"`
		Stop    any     `json:"stop_reason"`
		IDs     []int   `json:"token_ids"`
		Prompt  []int   `json:"prompt_token_ids"`
		Message struct {
			Content string `json:"content"`
		} `json:"message"`
		Logprobs *struct {
			Tokens  []string             `json:"tokens"`
			Offsets []int                `json:"text_offset"`
			Values  []float64            `json:"token_logprobs"`
			Top     []map[string]float64 `json:"top_logprobs"`
		} `json:"logprobs"`
	} `json:"choices"`
	Usage *usage `json:"usage"`
}

type usage struct {
	Prompt  int `json:"prompt_tokens"`
	Output  int `json:"completion_tokens"`
	Total   int `json:"total_tokens"`
	Details struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// ask sends a request that is not streamed.
func ask(t *testing.T, s *Server, path, body string) answered {
	t.Helper()
	status, text := post(t, s, path, body)
	if status != 200 {
		t.Fatalf("%s: got %d %s", body, status, text)
	}
	var a answered
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%s: %v in %s", body, err, text)
	}
	return a
}

// stream sends a streamed request and returns its events.
func stream(t *testing.T, s *Server, path, body string) (events []answered) {
	t.Helper()
	status, text := post(t, s, path, body)
	if status != 200 || !strings.HasSuffix(text, "data: [DONE]\n\n") {
		t.Fatalf("%s: got %d %s", body, status, text)
	}
	for _, line := range strings.Split(text, "\n") {
		data, ok := strings.CutPrefix(line, "data: {")
		if !ok {
			continue
		}
		var a answered
		if err := json.Unmarshal([]byte("{"+data), &a); err != nil {
			t.Fatalf("%s: %v in %s", body, err, data)
		}
		events = append(events, a)
	}
	return events
}

func TestUsageEqualsTruth(t *testing.T) {
	s := serve(t, fast())
	events := stream(t, s, api.PathCompletions, `{"prompt":"count these few words","max_tokens":9,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}}`)
	if len(events) != 10 {
		t.Fatalf("got %d events, want one for each of 9 tokens and the usage", len(events))
	}
	for i, e := range events[:9] {
		if e.Usage == nil || e.Usage.Output != i+1 || e.Usage.Total != e.Usage.Prompt+i+1 {
			t.Fatalf("event %d: got usage %+v", i, e.Usage)
		}
		if last := i == 8; last != (e.Choices[0].Reason != nil) {
			t.Fatalf("event %d: finish_reason %v", i, e.Choices[0].Reason)
		}
	}
	truth, u := s.Truth()[0], events[9].Usage
	if u.Output != 9 || truth.Output != 9 || len(truth.Sent) != 9 || len(truth.Due) != 9 || truth.Prompt != u.Prompt || !truth.Complete || truth.Finish != "length" {
		t.Fatalf("got usage %+v, truth %+v", u, truth)
	}
	for i := range truth.Sent {
		if truth.Sent[i] < truth.Due[i] || i > 0 && truth.Due[i] <= truth.Due[i-1] {
			t.Fatalf("token %d: due %d, sent %d", i, truth.Due[i], truth.Sent[i])
		}
	}
	if truth.Queued < truth.Arrived || truth.Scheduled < truth.Queued || truth.Due[0] <= truth.Scheduled {
		t.Fatalf("got times out of order: %+v", truth)
	}
}

func TestCachedTokensOfARepeatedPrompt(t *testing.T) {
	s := serve(t, fast())
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprint(1000 + i)
	}
	body := `{"prompt":[` + strings.Join(ids, ",") + `],"max_tokens":2`
	tests := []struct {
		why, more string
		want      int
	}{
		{"nothing is there", ``, 0},
		{"six full blocks of 16 are", ``, 96},
		{"another salt is another prompt", `,"cache_salt":"x"`, 0},
		{"the same salt is the same", `,"cache_salt":"x"`, 96},
	}
	for _, tt := range tests {
		if got := ask(t, s, api.PathCompletions, body+tt.more+"}").Usage.Details.Cached; got != tt.want {
			t.Errorf("%s: got %d cached tokens, want %d", tt.why, got, tt.want)
		}
	}
	if ok, err := s.in.Engine.ResetPrefixCache(false); !ok || err != nil {
		t.Fatalf("reset of an idle engine: %v, %v", ok, err)
	}
	if got := ask(t, s, api.PathCompletions, body+"}").Usage.Details.Cached; got != 0 {
		t.Errorf("after the reset: got %d cached tokens, want 0", got)
	}
}

func TestChoices(t *testing.T) {
	s := serve(t, fast())
	a := ask(t, s, api.PathCompletions, `{"prompt":["one","two words"],"n":3,"max_tokens":4}`)
	if len(a.Choices) != 6 || a.Usage.Output != 24 {
		t.Fatalf("2 prompts of 3 answers: got %d choices, usage %+v", len(a.Choices), a.Usage)
	}
	texts := map[string]bool{}
	for i, c := range a.Choices {
		if c.Index != i {
			t.Fatalf("choice %d has index %d", i, c.Index)
		}
		texts[c.Text] = true
	}
	if len(texts) < 5 {
		t.Fatalf("the answers are the same: %v", texts)
	}
	seen := map[int]int{}
	for _, e := range stream(t, s, api.PathCompletions, `{"prompt":[[5,6],[7]],"n":2,"max_tokens":3,"stream":true}`) {
		seen[e.Choices[0].Index]++
	}
	if fmt.Sprint(seen) != "map[0:3 1:3 2:3 3:3]" {
		t.Fatalf("got events by choice %v", seen)
	}
}

func TestStop(t *testing.T) {
	s := serve(t, fast())
	whole := ask(t, s, api.PathCompletions, `{"prompt":"p","max_tokens":60,"return_token_ids":true}`).Choices[0]
	words := strings.Fields(whole.Text)
	word := words[len(words)/2]
	before, _, _ := strings.Cut(whole.Text, word)

	c := ask(t, s, api.PathCompletions, fmt.Sprintf(`{"prompt":"p","max_tokens":60,"stop":%q}`, word)).Choices[0]
	if c.Text != before || *c.Reason != "stop" || c.Stop != word {
		t.Errorf("stop %q: got %q, %s, %v, want %q", word, c.Text, *c.Reason, c.Stop, before)
	}
	c = ask(t, s, api.PathCompletions, fmt.Sprintf(`{"prompt":"p","max_tokens":60,"stop":[%q],"include_stop_str_in_output":true}`, word)).Choices[0]
	if c.Text != before+word {
		t.Errorf("with the stop string: got %q, want %q", c.Text, before+word)
	}
	id := whole.IDs[20]
	a := ask(t, s, api.PathCompletions, fmt.Sprintf(`{"prompt":"p","max_tokens":60,"stop_token_ids":[%d]}`, id))
	if *a.Choices[0].Reason != "stop" || a.Choices[0].Stop != float64(id) || a.Usage.Output > 21 {
		t.Errorf("stop token %d: got %+v, %+v", id, a.Choices[0], a.Usage)
	}
	waitIdle(t, s)
}

func TestMinTokensAndEnds(t *testing.T) {
	o := fast()
	o.EOS = 0.5
	s := serve(t, o)
	short, early := 0, 0
	for i := range 20 {
		if n := ask(t, s, api.PathCompletions, fmt.Sprintf(`{"prompt":"p %d","max_tokens":40}`, i)).Usage.Output; n < 40 {
			short++
		}
		if n := ask(t, s, api.PathCompletions, fmt.Sprintf(`{"prompt":"p %d","max_tokens":40,"min_tokens":30}`, i)).Usage.Output; n < 30 {
			early++
		}
	}
	if short < 15 || early > 0 {
		t.Fatalf("%d of 20 answers ended by themselves, %d before min_tokens", short, early)
	}
	if n := ask(t, s, api.PathCompletions, `{"prompt":"p","max_tokens":40,"ignore_eos":true}`).Usage.Output; n != 40 {
		t.Fatalf("ignore_eos: got %d tokens", n)
	}
}

func TestEchoIDsAndLogprobs(t *testing.T) {
	s := serve(t, fast())
	a := ask(t, s, api.PathCompletions, `{"prompt":"say it again","max_tokens":5,"echo":true}`)
	if !strings.HasPrefix(a.Choices[0].Text, "say it again") || len(a.Choices[0].Text) <= len("say it again") {
		t.Fatalf("echo: got %q", a.Choices[0].Text)
	}
	if a = ask(t, s, api.PathCompletions, `{"prompt":"say it again","max_tokens":0,"echo":true}`); a.Choices[0].Text != "say it again" {
		t.Fatalf("the prompt alone: got %q", a.Choices[0].Text)
	}
	if l := ask(t, s, api.PathCompletions, `{"prompt":[9,8,7],"max_tokens":2,"echo":true,"logprobs":1}`).Choices[0].Logprobs; len(l.Tokens) != 5 || l.Top[0] != nil || l.Values[0] != 0 || l.Values[1] == 0 {
		t.Fatalf("echo with log probabilities: got %+v", l)
	}
	c := ask(t, s, api.PathCompletions, `{"prompt":[9,8,7],"max_tokens":5,"return_token_ids":true,"logprobs":2}`).Choices[0]
	l := c.Logprobs
	if len(c.IDs) != 5 || len(c.Prompt) != 3 || l == nil || len(l.Tokens) != 5 || len(l.Top) != 5 || len(l.Top[0]) != 2 || l.Offsets[0] != 0 || l.Offsets[4] <= l.Offsets[1] {
		t.Fatalf("got %+v, %+v", c, l)
	}
	if got := strings.Join(l.Tokens, ""); strings.TrimSpace(got) != strings.TrimSpace(c.Text) {
		t.Fatalf("tokens %q, text %q", got, c.Text)
	}
	events := stream(t, s, api.PathCompletions, `{"prompt":[9,8,7],"max_tokens":5,"return_token_ids":true,"stream":true}`)
	var ids []int
	for i, e := range events {
		ids = append(ids, e.Choices[0].IDs...)
		if (len(e.Choices[0].Prompt) == 3) != (i == 0) {
			t.Fatalf("event %d has prompt_token_ids %v", i, e.Choices[0].Prompt)
		}
	}
	if fmt.Sprint(ids) != fmt.Sprint(c.IDs) {
		t.Fatalf("streamed ids %v, whole %v", ids, c.IDs)
	}
}

// waitIdle fails unless the engine is soon empty, with every block free.
func waitIdle(t *testing.T, s *Server) engine.Snapshot {
	t.Helper()
	var x engine.Snapshot
	for range 500 {
		if x = s.in.Engine.Snapshot(); x.Running+x.Waiting == 0 && x.Free == x.Blocks {
			return x
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the engine is not empty: %+v", x)
	return x
}

func TestAbandonedRequestsFreeTheirBlocks(t *testing.T) {
	s := serve(t, fast())
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			resp, err := http.Post(s.URL()+api.PathCompletions, "application/json",
				strings.NewReader(fmt.Sprintf(`{"prompt":"p %d","max_tokens":20000,"stream":true}`, i)))
			if err != nil {
				t.Error(err)
				return
			}
			bufio.NewReader(resp.Body).ReadString('\n')
			resp.Body.Close()
		}()
	}
	wg.Wait()
	if x := waitIdle(t, s); x.Aborted != 20 || x.Finished != 0 {
		t.Fatalf("got %+v, want 20 aborted", x)
	}
}

func TestTokensAreConserved(t *testing.T) {
	s := serve(t, fast())
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			post(t, s, api.PathCompletions, fmt.Sprintf(`{"prompt":"some words %d","max_tokens":%d,"stream":%v}`, i, 1+i, i%2 == 0))
		}()
	}
	wg.Wait()
	x := waitIdle(t, s)
	want := int64(40 * 41 / 2)
	if x.Output != want || x.Finished != 40 {
		t.Fatalf("the engine made %d tokens of %d requests, want %d of 40", x.Output, x.Finished, want)
	}
	sum := 0
	for _, tr := range s.Truth() {
		sum += len(tr.Sent)
	}
	if int64(sum) != want {
		t.Fatalf("the truth has %d tokens, want %d", sum, want)
	}
}

func TestTinyCachePreempts(t *testing.T) {
	o := fast()
	o.Setup.Blocks, o.Setup.MaxModelLen = 40, 512
	s := serve(t, o)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			body := fmt.Sprintf(`{"prompt":[%d,2,3,4],"max_tokens":400}`, 100+i)
			if status, text := post(t, s, api.PathCompletions, body); status != 200 || !strings.Contains(text, `"completion_tokens":400`) {
				t.Errorf("got %d %.200s", status, text)
			}
		}()
	}
	wg.Wait()
	x := waitIdle(t, s)
	n := 0
	for _, tr := range s.Truth() {
		n += tr.Preemptions
	}
	if n == 0 || int64(n) != x.Preemptions {
		t.Fatalf("4 requests of 26 blocks in 39: the truth has %d preemptions, the engine %d", n, x.Preemptions)
	}
}

func TestPriority(t *testing.T) {
	o := fast()
	o.Setup.Policy, o.Setup.MaxSeqs = "priority", 1
	s := serve(t, o)
	if err := s.in.Engine.Pause(engine.PauseKeep); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i, p := range []int{5, 3, 4, 1, 2} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			postAs(t, s, fmt.Sprint("p", p), api.PathCompletions, fmt.Sprintf(`{"prompt":"p","max_tokens":3,"priority":%d,"stream":true}`, p))
		}()
		for range 500 { // arrivals in this order
			if s.in.Engine.Snapshot().Waiting == i+1 {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(2 * time.Duration(s.in.Built.FrontendOf(10)*float64(time.Second))) // the frontend lets the last one through
	if err := s.in.Engine.Resume(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	rows := s.Truth()
	for _, a := range rows {
		for _, b := range rows {
			if a.ID < b.ID && a.Scheduled >= b.Scheduled {
				t.Fatalf("%s was not scheduled before %s", a.ID, b.ID)
			}
		}
	}
}

// TestServedEqualsReplayed: the same arrivals on the virtual clock have the same
// times as served, but for what reading and writing takes.
func TestServedEqualsReplayed(t *testing.T) {
	host := 4.0
	o := Options{Setup: setup.Setup{Model: "llama-3-8b", GPU: "h100-sxm", HostMs: &host}, Names: []string{"m"}}
	s := serve(t, o)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			post(t, s, api.PathCompletions, fmt.Sprintf(`{"prompt":[%d,2,3,4,5,6,7,8],"max_tokens":%d,"stream":true}`, i+50, 10+i))
		}()
		time.Sleep(7 * time.Millisecond)
	}
	wg.Wait()
	rows := s.Truth()
	arrivals := make([]replay.Arrival, len(rows))
	for i, r := range rows {
		at := float64(r.Queued-rows[0].Queued)/1e9 + 1
		arrivals[i] = replay.Arrival{ID: r.Request, At: at, Prompt: r.Prompt, Output: r.Output}
	}
	res, err := replay.Run(s.Built(), arrivals, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		served := float64(r.Due[len(r.Due)-1]-r.Queued) / 1e9
		want := res.Timings[i].Last - res.Timings[i].Arrived - s.Built().Frontend
		if d := served - want; d < -0.008 || d > 0.008 {
			t.Errorf("request %d: served in %.4f s, replayed in %.4f s", i, served, want)
		}
	}
}
