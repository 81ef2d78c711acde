package sim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/sim/api"
	"tokmeter/internal/sim/call"
)

func get(t *testing.T, s *Server, method, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestStoredResponses(t *testing.T) {
	s := serve(t, fast())
	post(t, s, api.PathResponses, `{"request_id":"resp_a","input":"x","max_output_tokens":3}`)
	if status, text := get(t, s, "GET", api.PathResponses+"/resp_a"); status != 200 || !strings.Contains(text, `"status":"incomplete"`) || !strings.Contains(text, `"output_tokens":3`) {
		t.Fatalf("got %d %s", status, text)
	}
	if status, text := get(t, s, "GET", api.PathResponses+"/resp_b"); status != 404 || !strings.Contains(text, "Response with id 'resp_b' not found.") {
		t.Fatalf("got %d %s", status, text)
	}
	if status, text := get(t, s, "POST", api.PathResponses+"/resp_a/cancel"); status != 400 || !strings.Contains(text, "Cannot cancel a synchronous response.") {
		t.Fatalf("got %d %s", status, text)
	}
	if status, text := post(t, s, api.PathResponses, `{"request_id":"resp_c","input":"x","max_output_tokens":4,"background":true}`); status != 200 || !strings.Contains(text, `"status":"queued"`) {
		t.Fatalf("got %d %s", status, text)
	}
	for range 500 {
		if _, text := get(t, s, "GET", api.PathResponses+"/resp_c"); strings.Contains(text, `"output_tokens":4`) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	post(t, s, api.PathResponses, `{"request_id":"resp_d","input":"x","max_output_tokens":20000,"background":true}`)
	if status, text := get(t, s, "POST", api.PathResponses+"/resp_d/cancel"); status != 200 || !strings.Contains(text, `"status":"cancelled"`) {
		t.Fatalf("got %d %s", status, text)
	}
	for range 500 {
		if s.in.Engine.Snapshot().Aborted == 1 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	long := strings.Repeat("many words that fill blocks, ", 40)
	post(t, s, api.PathResponses, `{"request_id":"resp_e","input":"`+long+`","max_output_tokens":4}`)
	if status, text := post(t, s, api.PathResponses, `{"input":"and then?","previous_response_id":"resp_e","max_output_tokens":4}`); status != 200 || strings.Contains(text, `"cached_tokens":0`) {
		t.Fatalf("the next turn of a conversation finds nothing cached: %d %s", status, text)
	}
	if status, text := post(t, s, api.PathResponses, `{"input":"x","previous_response_id":"resp_none"}`); status != 404 || !strings.Contains(text, "not found") {
		t.Fatalf("got %d %s", status, text)
	}
	if x := waitIdle(t, s); x.Aborted != 1 || x.Finished != 4 {
		t.Fatalf("got %+v", x)
	}
	if _, text := get(t, s, "GET", api.PathResponses+"/resp_d"); !strings.Contains(text, `"status":"cancelled"`) {
		t.Fatalf("got %s", text)
	}
}

func TestKeys(t *testing.T) {
	o := fast()
	o.APIKeys = []string{"k1", "k2"}
	s := serve(t, o)
	tests := []struct {
		why, header string
		want        int
	}{
		{"none", "", 401}, {"wrong", "Bearer k3", 401}, {"right", "Bearer k2", 200}, {"another scheme", "Basic k1", 401},
	}
	for _, tt := range tests {
		req, err := http.NewRequest("GET", s.URL()+"/v1/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.header != "" {
			req.Header.Set("Authorization", tt.header)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want || resp.Header.Get("Server") != call.ServerName {
			t.Errorf("%s: got %d from %s, want %d", tt.why, resp.StatusCode, resp.Header.Get("Server"), tt.want)
		}
	}
	if status, _ := get(t, s, "GET", "/health"); status != 200 {
		t.Errorf("health asks for a key: %d", status)
	}
}

// TestSlowReader: a client that does not read gets what was held in fewer
// events, and holds up neither the engine nor anybody else.
func TestSlowReader(t *testing.T) {
	s := serve(t, fast())
	nc, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	shrinkBuffers(t, s, nc)
	const tokens = 1500
	text := fmt.Sprintf(`{"prompt":"p","max_tokens":%d,"stream":true,"return_token_ids":true,"stream_options":{"include_usage":true}}`, tokens)
	fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", api.PathCompletions, len(text), text)
	for range 3000 {
		if s.in.Engine.Snapshot().Finished == 1 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if x := waitIdle(t, s); x.Output != tokens {
		t.Fatalf("the engine waited for a reader: %+v", x)
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events, ids := 0, 0
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 16<<20)
	var last answered
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: {")
		if !ok {
			continue
		}
		last = answered{}
		if err := json.Unmarshal([]byte("{"+data), &last); err != nil {
			t.Fatal(err)
		}
		for _, c := range last.Choices {
			events++
			ids += len(c.IDs)
		}
	}
	if ids != tokens || events >= tokens || last.Usage == nil || last.Usage.Output != tokens {
		t.Fatalf("got %d tokens in %d events, usage %+v", ids, events, last.Usage)
	}
}

// shrinkBuffers gives a connection's both ends small buffers.
func shrinkBuffers(t *testing.T, s *Server, client net.Conn) {
	t.Helper()
	if err := client.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		s.mu.Lock()
		for c := range s.conns {
			if err := c.(*net.TCPConn).SetWriteBuffer(16 << 10); err != nil {
				t.Error(err)
			}
		}
		n := len(s.conns)
		s.mu.Unlock()
		if n > 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the connection was not accepted")
}

func TestToolsAndFormats(t *testing.T) {
	s := serve(t, fast())
	const tools = `"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city","days"]}}}],"messages":[{"role":"user","content":"x"}],"max_tokens":200`
	type choice struct {
		Message struct {
			Content string  `json:"content"`
			Calls   []call1 `json:"tool_calls"`
		} `json:"message"`
		Delta struct {
			Calls []call1 `json:"tool_calls"`
		} `json:"delta"`
		Reason string `json:"finish_reason"`
	}
	type chat struct {
		Choices []choice `json:"choices"`
	}
	check := func(c call1) {
		t.Helper()
		var args struct {
			City *string `json:"city"`
			Days *int    `json:"days"`
		}
		if err := json.Unmarshal([]byte(c.Function.Arguments), &args); err != nil || args.City == nil || args.Days == nil || c.Function.Name != "weather" || c.ID == "" {
			t.Fatalf("got call %+v: %v", c, err)
		}
	}
	_, text := post(t, s, api.PathChat, `{"tool_choice":"required",`+tools+`}`)
	var a chat
	if err := json.Unmarshal([]byte(text), &a); err != nil || len(a.Choices) != 1 || len(a.Choices[0].Message.Calls) == 0 || a.Choices[0].Reason != "tool_calls" {
		t.Fatalf("%v in %s", err, text)
	}
	check(a.Choices[0].Message.Calls[0])

	_, text = post(t, s, api.PathChat, `{"stream":true,"tool_choice":{"type":"function","function":{"name":"weather"}},`+tools+`}`)
	var whole call1
	reason := ""
	for _, line := range strings.Split(text, "\n") {
		data, ok := strings.CutPrefix(line, "data: {")
		if !ok {
			continue
		}
		var e chat
		if err := json.Unmarshal([]byte("{"+data), &e); err != nil {
			t.Fatal(err)
		}
		for _, d := range e.Choices[0].Delta.Calls {
			whole.ID += d.ID
			whole.Function.Name += d.Function.Name
			whole.Function.Arguments += d.Function.Arguments
		}
		reason = e.Choices[0].Reason
	}
	check(whole)
	if reason != "stop" {
		t.Fatalf("a named tool ends with %q, want stop", reason)
	}

	_, text = post(t, s, api.PathChat, `{"messages":[{"role":"user","content":"x"}],"max_tokens":200,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}}}}`)
	a = chat{}
	var got struct {
		OK *bool `json:"ok"`
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil || json.Unmarshal([]byte(a.Choices[0].Message.Content), &got) != nil || got.OK == nil {
		t.Fatalf("%v in %s", err, text)
	}

	status, text := post(t, s, api.PathResponses, `{"input":"x","stream":true,"max_output_tokens":200,"tool_choice":"required","tools":[{"type":"function","name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]}`)
	for _, want := range []string{"event: response.function_call_arguments.delta", "event: response.function_call_arguments.done", `"type":"function_call"`, "event: response.completed"} {
		if !strings.Contains(text, want) {
			t.Fatalf("status %d: %q is not in %s", status, want, text)
		}
	}
}

// A call1 is a tool call or a part of it.
type call1 struct {
	ID       string `json:"id"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// TestSpeculation: the tokens of one step come in one event.
func TestSpeculation(t *testing.T) {
	o := fast()
	o.Setup.Acceptance = []float64{0.9, 0.8, 0.7}
	s := serve(t, o)
	events := stream(t, s, api.PathCompletions, `{"prompt":"p","max_tokens":200,"stream":true,"return_token_ids":true,"stream_options":{"include_usage":true}}`)
	ids := 0
	for _, e := range events {
		for _, c := range e.Choices {
			ids += len(c.IDs)
		}
	}
	last := events[len(events)-1]
	truth := s.Truth()[0]
	if ids != 200 || last.Usage.Output != 200 || len(events) > 120 || len(truth.Sent) != 200 || len(truth.Due) != len(events)-1 {
		t.Fatalf("got %d tokens in %d events, usage %+v; the truth has %d tokens of %d steps", ids, len(events), last.Usage, len(truth.Sent), len(truth.Due))
	}
}

// TestEngineOf2024 serves by the rules of V0.
func TestEngineOf2024(t *testing.T) {
	o := fast()
	o.Setup.Engine = "vllm-v0-2024"
	s := serve(t, o)
	if a := ask(t, s, api.PathCompletions, `{"prompt":["one","two"],"max_tokens":7}`); a.Usage.Output != 14 || *a.Choices[1].Reason != "length" {
		t.Fatalf("got %+v", a)
	}
	waitIdle(t, s)
}

// TestIntervals: events of several tokens, but for the first and the last.
func TestIntervals(t *testing.T) {
	s := serve(t, fast())
	var sizes []int
	for _, e := range stream(t, s, api.PathCompletions, `{"prompt":"p","max_tokens":10,"stream":true,"return_token_ids":true,"stream_interval":4}`) {
		sizes = append(sizes, len(e.Choices[0].IDs))
	}
	if fmt.Sprint(sizes) != "[1 4 4 1]" {
		t.Fatalf("got events of %v tokens", sizes)
	}
}

func TestParseTarget(t *testing.T) {
	o, err := parseTarget("a10g/meta-llama/Llama-3-8B/int4, engine=vllm-v0-2024,tp=2,max-num-seqs=64,host_ms=3,async=false,name=x,eos=0.01,acceptance=0.8+0.5")
	s := o.Setup
	if err != nil || s.GPU != "a10g" || s.Model != "meta-llama/Llama-3-8B" || s.Precision != "int4" || s.Engine != "vllm-v0-2024" ||
		s.TP != 2 || s.MaxSeqs != 64 || *s.HostMs != 3 || *s.Async || o.Names[0] != "x" || o.EOS != 0.01 || len(s.Acceptance) != 2 {
		t.Fatalf("got %+v, %v", o, err)
	}
	if o, err := ParseSimulate("h100/llama-3-8b"); err != nil || o.Fixed != nil || o.Setup.Precision != "" {
		t.Fatalf("got %+v, %v", o, err)
	}
	if o, err := ParseSimulate("ttft=5ms,model=a/b"); err != nil || o.Fixed == nil || o.Fixed.Model != "a/b" {
		t.Fatalf("got %+v, %v", o, err)
	}
	for _, bad := range []string{"", "a10g", "/m", "a10g/", "a10g/m,tp", "a10g/m,tp=x", "a10g/m,colour=red", "a10g/m,constants=none", "a10g//int4"} {
		if _, err := parseTarget(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
