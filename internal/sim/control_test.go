package sim

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim/api"
	"tokmeter/internal/template"
	"tokmeter/internal/tokenize"
)

// recordings is the folder of what a real vLLM answered; e2e/control/run makes
// it.
var recordings = flag.String("recordings", "testdata", "folder of what a real vLLM answered")

// An exchange is one request to a real vLLM 0.32 and its answer.
type exchange struct {
	Name, Method, Path string
	Headers            map[string]string
	Body               string
	Status             int
	ContentType        string `json:"content_type"`
	Answer             string
	Allow, Location    string
}

func unzip(t testing.TB, path string) []byte {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func recorded(t testing.TB) map[string][]exchange {
	t.Helper()
	var all map[string][]exchange
	if err := json.Unmarshal(unzip(t, *recordings+"/control.json.gz"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// tinyTemplate is the chat template of the recorded server's model.
const tinyTemplate = `{% for message in messages %}{{ '<s>' + message['role'] + ': ' }}{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endif %}{{ '</s>' }}{% endfor %}{% if add_generation_prompt %}{{ '<s>assistant: ' }}{% endif %}`

// tiny is a server like the recorded one: its tokenizer, its template, its
// length. The model behind it is another one.
func tiny(t testing.TB, change func(*Options)) *Server {
	t.Helper()
	tok, err := tokenize.Parse(unzip(t, *recordings+"/tiny-tokenizer.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := template.Parse(tinyTemplate, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Names: []string{"tiny"}, Tokenizer: tok, Template: tpl, DevMode: true,
		Setup: setup.Setup{Model: "llama-3.2-1b", GPU: "h100-sxm", MaxModelLen: 4096}}
	if change != nil {
		change(&o)
	}
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send repeats a recorded request.
func send(t testing.TB, s *Server, x exchange) (exchange, http.Header) {
	t.Helper()
	req, err := http.NewRequest(x.Method, s.URL()+x.Path, strings.NewReader(x.Body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range x.Headers {
		req.Header.Set(k, v)
	}
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", x.Method, x.Path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return exchange{Name: x.Name, Method: x.Method, Path: x.Path, Headers: x.Headers, Body: x.Body, Status: resp.StatusCode,
		ContentType: resp.Header.Get("Content-Type"), Answer: string(body), Allow: resp.Header.Get("Allow"),
		Location: resp.Header.Get("Location")}, resp.Header
}

// changing are the parts of answers that differ from one call to the next.
var changing = regexp.MustCompile(`"created":\d+|"modelperm-[0-9a-f]+"|"id":"embd-[0-9a-f]{16}"`)

// plain makes two answers comparable.
func plain(x exchange) exchange {
	x.Answer = changing.ReplaceAllString(x.Answer, "…")
	if rest, ok := strings.CutPrefix(x.Location, "http://"); ok {
		x.Location = "http://host" + rest[strings.Index(rest, "/"):]
	}
	return x
}

// An allowed difference makes the recorded answer the one that we mean to give.
type allowed struct {
	why string
	fix func(*exchange)
}

func status(n int) func(*exchange) {
	return func(x *exchange) {
		*x = exchange{Name: x.Name, Method: x.Method, Path: x.Path, Headers: x.Headers, Body: x.Body, Status: n}
	}
}

func swap(pairs ...string) func(*exchange) {
	return func(x *exchange) { x.Answer = strings.NewReplacer(pairs...).Replace(x.Answer) }
}

// different are all that may differ from vLLM's answers, by name of the call.
// A status alone stands for an answer that is not compared further.
var different = map[string]allowed{
	"models":              {"it says what it is; the model is another", swap("vllm", "tokmeter-simulator", "/models/tiny", "llama-3.2-1b")},
	"models-lora":         {"it says what it is; the model is another", swap("vllm", "tokmeter-simulator", "/models/tiny", "llama-3.2-1b")},
	"models-lower":        {"it says what it is; the model is another", swap("vllm", "tokmeter-simulator", "/models/tiny", "llama-3.2-1b")},
	"server_info":         {"the settings are others", status(200)},
	"server_info-json":    {"the settings are others", status(200)},
	"tokenizer_info":      {"served without a flag; tokenizer_config.json is not kept", status(200)},
	"embeddings":          {"one server answers with text and with vectors", status(200)},
	"load-lora":           {"adapters can be loaded in development mode, without a flag of their own", status(200)},
	"unload-lora":         {"adapters can be loaded in development mode, without a flag of their own", status(200)},
	"embed-dimensions":    {"vectors can be cut to any length", status(200)},
	"embed-dimensions-0":  {"vectors can be cut to any length", status(400)},
	"embed-bytes":         {"vectors come as numbers or base64", status(400)},
	"embed-embed_dtype":   {"vectors come as float32", status(200)},
	"embed-bad-format":    {"pydantic tries five forms of the body; ours has one", status(400)},
	"embed-mixed":         {"pydantic tries five forms of the body; ours has one", status(400)},
	"embed-null":          {"pydantic tries five forms of the body; ours has one", status(400)},
	"embed-number":        {"pydantic tries five forms of the body; ours has one", status(400)},
	"completions":         {"one server answers with text and with vectors", status(200)},
	"abort_requests-bad":  {"not served", status(404)},
	"abort_requests-list": {"not served", status(404)},
	"world":               {"not served", status(404)},
	"weights":             {"not served", status(404)},
	"tokenize-adapter":    {"its error names no adapter that was unloaded", swap()},
}

// unsent are calls that are not repeated.
var unsent = map[string]string{
	"load-one":           "needs a request that is on: TestBusy",
	"pause-busy":         "needs a request that is on: TestBusy",
	"sleep-busy":         "needs a request that is on: TestBusy",
	"reset-busy":         "needs a request that is on: TestBusy",
	"reset-busy-running": "needs a request that is on: TestBusy",
	"load-none":          "a simulated adapter has no weights: any path will do",
	"load-none-rel":      "a simulated adapter has no weights: any path will do",
}

// byPath are paths that vLLM has and the simulator has not, or the reverse.
var byPath = map[string]allowed{
	"/kv_event_sources": {"not served", status(404)},
	"/docs":             {"not served", status(404)},
	"/version":          {"it says what it is", swap(`{"version":"0.32.0"}`, `{"simulated":true,"version":"tokmeter-simulator"}`)},
}

// TestLikeVLLM sends what was sent to a real vLLM 0.32 and compares the answers.
func TestLikeVLLM(t *testing.T) {
	all := recorded(t)
	servers := map[string]func(*Options){
		"dev":  nil,
		"lora": func(o *Options) { o.ServerLoad = true; o.Setup.MaxAdapters = 2 },
		"key":  func(o *Options) { o.APIKeys = []string{"sesame2"}; o.DevMode = false },
		"pool": nil,
		"busy": nil,
	}
	used := map[string]bool{}
	for section, rows := range all {
		t.Run(section, func(t *testing.T) {
			s := tiny(t, servers[section])
			compared := 0
			for _, want := range rows {
				if unsent[want.Name] != "" {
					continue
				}
				if section == "key" && want.Path == "/tokenizer_info" {
					want.Name = "tokenizer_info"
				}
				got, _ := send(t, s, want)
				exact := true
				a, ok := different[want.Name]
				if !ok {
					a, ok = byPath[want.Path]
				}
				if ok {
					used[want.Name], used[want.Path] = true, true
					a.fix(&want)
					exact = want.ContentType != "" || want.Answer != ""
				}
				if !exact && got.Status == want.Status && ok {
					continue
				}
				if strings.HasPrefix(want.Name, "embed") && want.Status == 200 {
					want.Answer, got.Answer = vectors(t, want.Answer), vectors(t, got.Answer)
				}
				compared++
				if d := cmp.Diff(plain(want), plain(got)); d != "" {
					t.Errorf("%s: %s %s %s (-vLLM +ours):\n%s", want.Name, want.Method, want.Path, want.Body, d)
				}
			}
			if compared < len(rows)/2 {
				t.Errorf("only %d of %d answers were compared", compared, len(rows))
			}
		})
	}
	for name := range different {
		if !used[name] {
			t.Errorf("%s is allowed to differ but was not sent", name)
		}
	}
}

// vectors replaces the vectors of an answer by their kind.
func vectors(t *testing.T, answer string) string {
	t.Helper()
	var a struct {
		ID, Object, Model string
		Data              []struct {
			Index     int
			Object    string
			Embedding any
		}
		Usage map[string]any
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		t.Fatalf("%v in %q", err, answer)
	}
	if len(a.ID) == len("embd-0123456789abcdef") {
		a.ID = "embd-"
	}
	for i := range a.Data {
		a.Data[i].Embedding = fmt.Sprintf("%T", a.Data[i].Embedding)
	}
	return fmt.Sprintf("%+v", a)
}

// TestEmbeddings checks the vectors themselves, which are the simulator's own.
func TestEmbeddings(t *testing.T) {
	s := tiny(t, nil)
	ask := func(body string) []float64 {
		t.Helper()
		got, _ := send(t, s, exchange{Method: "POST", Path: "/v1/embeddings", Body: body, Headers: map[string]string{"Content-Type": "application/json"}})
		var a struct {
			Data []struct{ Embedding json.RawMessage }
		}
		if got.Status != 200 || json.Unmarshal([]byte(got.Answer), &a) != nil || len(a.Data) != 1 {
			t.Fatalf("%s: got %d %s", body, got.Status, got.Answer)
		}
		var v []float64
		if json.Unmarshal(a.Data[0].Embedding, &v) == nil {
			return v
		}
		var text string
		if err := json.Unmarshal(a.Data[0].Embedding, &text); err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(raw) >= 4; raw = raw[4:] {
			v = append(v, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
		}
		return v
	}
	dot := func(a, b []float64) (x float64) {
		for i := range a {
			x += a[i] * b[i]
		}
		return x
	}
	full := ask(`{"input":"the cat sat on the mat"}`)
	if n := s.in.Built.Model.Hidden; len(full) != n {
		t.Fatalf("got %d dimensions, want the model's %d", len(full), n)
	}
	if n := dot(full, full); math.Abs(n-1) > 1e-5 {
		t.Errorf("the vector's square is %v, want 1", n)
	}
	if d := cmp.Diff(full, ask(`{"input":"the cat sat on the mat","encoding_format":"base64"}`)); d != "" {
		t.Errorf("base64 has other numbers:\n%s", d)
	}
	if got := ask(`{"input":"the cat","dimensions":16}`); len(got) != 16 {
		t.Errorf("got %d dimensions, want 16", len(got))
	}
	near, far := dot(full, ask(`{"input":"the cat sat on the hat"}`)), dot(full, ask(`{"input":"quarterly revenue grew"}`))
	if near < far+0.2 {
		t.Errorf("similar texts are %v near, others %v", near, far)
	}
}

// TestBusy checks what depends on a request that is on.
func TestBusy(t *testing.T) {
	s := tiny(t, func(o *Options) {
		o.ServerLoad = true
		o.Setup.GPU = "a10g"
		o.Setup.Model = "llama-3-8b"
		o.Setup.Precision = "int4"
	})
	header := map[string]string{"Content-Type": "application/json"}
	call := func(method, path, body string) string {
		t.Helper()
		got, _ := send(t, s, exchange{Method: method, Path: path, Body: body, Headers: header})
		return fmt.Sprintf("%d %s", got.Status, got.Answer)
	}
	start := func() (wait func() string) {
		var got string
		var wg sync.WaitGroup
		wg.Go(func() {
			got = call("POST", api.PathCompletions, `{"prompt":"hello","max_tokens":2000,"ignore_eos":true}`)
		})
		for s.in.Engine.Snapshot().Running == 0 {
			time.Sleep(time.Millisecond)
		}
		return func() string { wg.Wait(); return got }
	}
	wait := start()
	for _, tc := range []struct{ method, path, want, why string }{
		{"GET", "/load", `200 {"server_load":1}`, "one request is on"},
		{"POST", "/reset_prefix_cache", `200 {"success":false}`, "its blocks are in use"},
		{"POST", "/reset_prefix_cache?reset_running_requests=true", `200 {"success":true}`, "it is preempted"},
		{"POST", "/pause", `200 {"status":"paused"}`, "it is ended"},
		{"GET", "/is_paused", `200 {"is_paused":true}`, "at once"},
		{"GET", "/is_sleeping", `200 {"is_sleeping":true}`, "vLLM calls a paused engine sleeping"},
	} {
		if got := call(tc.method, tc.path, ""); got != tc.want {
			t.Errorf("%s %s: got %s, want %s: %s", tc.method, tc.path, got, tc.want, tc.why)
		}
	}
	wait()
	if got := call("POST", "/resume", ""); got != `200 {"status":"resumed"}` {
		t.Errorf("resume: got %s", got)
	}
	metrics := call("GET", "/metrics", "")
	for _, line := range []string{
		`vllm:request_success_total{engine="0",finished_reason="abort",model_name="tiny"} 1.0`,
		`vllm:num_requests_running{engine="0",model_name="tiny"} 0.0`,
		`vllm:time_to_first_token_seconds_count{engine="0",model_name="tiny"} 1.0`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics has no line %s", line)
		}
	}
}

// TestDevMode checks that a server without it has none of its paths, and that
// fixed times say what they have not.
func TestDevMode(t *testing.T) {
	s := tiny(t, func(o *Options) { o.DevMode = false })
	dev := tiny(t, func(o *Options) { o.Fixed = &Spec{TTFT: time.Millisecond, Model: "m"}; o.Setup = setup.Setup{} })
	seen := 0
	for route := range dev.routes {
		if s.routes[route] != nil {
			continue
		}
		seen++
		method, path, _ := strings.Cut(route, " ")
		if got, _ := send(t, s, exchange{Method: method, Path: path}); got.Status != 404 {
			t.Errorf("%s: got %d without development mode, want 404", route, got.Status)
		}
		got, _ := send(t, dev, exchange{Method: method, Path: path})
		if got.Status != 200 && got.Status != 501 && got.Status != 400 {
			t.Errorf("%s: got %d %s with fixed times", route, got.Status, got.Answer)
		}
	}
	if seen != 12 {
		t.Errorf("%d paths are there in development mode alone, want 12", seen)
	}
	if got, _ := send(t, dev, exchange{Method: "POST", Path: "/reset_prefix_cache"}); got.Answer != `{"success":true}` {
		t.Errorf("fixed times keep nothing, so that a reset succeeds: got %s", got.Answer)
	}
}
