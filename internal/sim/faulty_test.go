package sim

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tokmeter/internal/sim/fault"
)

// askFaulty streams a completion of eight tokens with a fault asked for.
func askFaulty(t *testing.T, s *Server, spec, prompt string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequest("POST", s.URL()+"/v1/completions",
		strings.NewReader(`{"model":"m","prompt":"`+prompt+`","max_tokens":8,"stream":true,"stream_options":{"include_usage":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(fault.Header, spec)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

// said is the text of a stream.
func said(t *testing.T, body string) (text string, events int) {
	t.Helper()
	sc := bufio.NewScanner(strings.NewReader(body))
	for sc.Scan() {
		line, ok := strings.CutPrefix(sc.Text(), "data: ")
		if !ok || line == "[DONE]" {
			continue
		}
		var e struct {
			Choices []struct{ Text string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if len(e.Choices) > 0 {
			text += e.Choices[0].Text
			events++
		}
	}
	return text, events
}

// TestFaultyStreams: what a request asks for goes wrong with its answer alone,
// at a client that shares no code with the project's.
func TestFaultyStreams(t *testing.T) {
	s := start(t, Spec{TTFT: 2 * time.Millisecond, ITL: time.Millisecond, Model: "m"})
	_, healthy, err := askFaulty(t, s, "none", "x")
	if err != nil {
		t.Fatal(err)
	}
	whole, n := said(t, healthy)
	if n != 8 || whole == "" {
		t.Fatalf("got %d events, %q", n, whole)
	}
	tests := []struct {
		spec   string
		status int
		breaks bool // the client meets an error
		events int  // with a choice
		has    string
	}{
		{"429=3s", 429, false, 0, "Too many requests"},
		{"reset_before_headers", 0, true, 0, ""},
		{"reset_mid_stream=3", 200, true, 3, ""},
		{"truncate=3", 200, false, 3, ""},
		{"merge=4", 200, false, 2, "[DONE]"},
		{"empty_delta=4", 200, false, 10, "[DONE]"},
		{"heartbeat=4", 200, false, 8, ": heartbeat\n\n"},
		{"no_usage", 200, false, 8, "[DONE]"},
		{"wrong_usage=-2", 200, false, 8, `"completion_tokens":6`},
		{"close_delimited", 200, false, 8, "[DONE]"},
		{"stall=50ms,after=2", 200, false, 8, "[DONE]"},
	}
	for _, tt := range tests {
		t.Run(tt.spec, func(t *testing.T) {
			resp, body, err := askFaulty(t, s, tt.spec, "x")
			if (err != nil) != tt.breaks {
				t.Fatalf("got %v", err)
			}
			if resp == nil {
				return
			}
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.has) {
				t.Fatalf("got %d %s, want %d with %q", resp.StatusCode, body, tt.status, tt.has)
			}
			if tt.status != 200 {
				if resp.Header.Get("Retry-After") != "3" {
					t.Errorf("Retry-After: got %q, want 3", resp.Header.Get("Retry-After"))
				}
				return
			}
			text, events := said(t, body)
			if events != tt.events || !strings.HasPrefix(whole, text) || tt.has == "[DONE]" && text != whole {
				t.Errorf("got %d events, %q, want %d of %q", events, text, tt.events, whole)
			}
			if tt.spec == "no_usage" && strings.Contains(body, "usage") {
				t.Errorf("usage is there: %s", body)
			}
		})
	}
	_, body, err := askFaulty(t, s, "split_utf8=1ms", "y")
	if text, events := said(t, body); err != nil || events != 8 || !utf8.ValidString(text) {
		t.Errorf("split characters: %v, %d events, %q", err, events, text)
	}
	if resp, body, err := askFaulty(t, s, "nonsense", "x"); err != nil || resp.StatusCode != 400 || !strings.Contains(body, "no such fault") {
		t.Errorf("nonsense: %v, %s", err, body)
	}
	if _, again, err := askFaulty(t, s, "none", "x"); err != nil {
		t.Errorf("the server is hurt: %v", err)
	} else if text, _ := said(t, again); text != whole {
		t.Errorf("got %q, want %q", text, whole)
	}
}

// TestFaultsReproducible: two servers with one seed break the same requests.
func TestFaultsReproducible(t *testing.T) {
	broken := func(seed uint64) string {
		set, err := fault.Parse("429:0.4")
		if err != nil {
			t.Fatal(err)
		}
		spec := Spec{TTFT: time.Millisecond, ITL: time.Millisecond, Model: "m"}
		s, err := Start(Options{Fixed: &spec, Seed: seed, Faults: set})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var out strings.Builder
		for i := range 24 {
			resp, _, err := askFaulty(t, s, "", "prompt "+string(rune('a'+i%12)))
			if err != nil {
				t.Fatal(err)
			}
			out.WriteByte("0123456789"[resp.StatusCode/100])
		}
		return out.String()
	}
	a := broken(1)
	if b := broken(1); a != b {
		t.Fatalf("one seed: %s and %s", a, b)
	}
	if b := broken(2); a == b {
		t.Fatalf("two seeds: both %s", a)
	}
	if !strings.Contains(a, "4") || !strings.Contains(a, "2") {
		t.Fatalf("got %s, want some of both", a)
	}
}

// TestNotReady: a server that is not ready yet says so on /health too.
func TestNotReady(t *testing.T) {
	spec := Spec{TTFT: time.Millisecond, ITL: time.Millisecond, Model: "m"}
	set, err := fault.Parse("503=300ms")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(Options{Fixed: &spec, Faults: set})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var seen []int
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(s.URL() + "/health")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if seen = append(seen, resp.StatusCode); resp.StatusCode == 200 {
			break
		}
	}
	if len(seen) < 2 || seen[0] != 503 || seen[len(seen)-1] != 200 {
		t.Fatalf("got %v, want 503 and then 200", seen)
	}
	if resp, _, err := askFaulty(t, s, "", "x"); err != nil || resp.StatusCode != 200 {
		t.Fatalf("when it is ready: %v", err)
	}
}
