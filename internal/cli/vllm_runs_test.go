package cli

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tokmeter/internal/cli/shell"
)

// A vllmRun is what vLLM's own client sent, printed and saved for the words of
// a command line: e2e/parity/parity.py --golden records it. {url}, {tiny},
// {data} and others stand for places.
type vllmRun struct {
	Name   string
	Words  []string
	Env    map[string]string
	Files  map[string]string // written before the run
	Models []struct{ ID, Root string }

	Sent    []vllmSent // the measured requests, in order of their ids
	Before  []vllmSent // ready checks and warm-ups
	Printed []string   // without blank lines and log lines; # for numbers of the block
	SavedAs []string   `json:"saved_as"` // DATE for the time
	Keys    [][]string // of each result file, in order
}

// A vllmSent is one request.
type vllmSent struct {
	Path, ID string
	Headers  map[string]string
	Body     any
}

// TestRunsAsVLLM: under --compat vllm the same words send the same requests,
// print the same lines and leave the same files as vLLM's own client. Numbers
// that are measured are compared by e2e/parity, which runs both clients.
func TestRunsAsVLLM(t *testing.T) {
	var file struct{ Cases []vllmRun }
	if err := json.Unmarshal(gunzipped(t, "testdata/vllm_runs.json.gz"), &file); err != nil {
		t.Fatal(err)
	}
	places := vllmPlaces(t)
	for i := range file.Cases {
		t.Run(file.Cases[i].Name, func(t *testing.T) { file.Cases[i].test(t, places) })
	}
}

// vllmPlaces makes the folders of tokenizer and data.
func vllmPlaces(t *testing.T) map[string]string {
	dir := t.TempDir()
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const material = "../workload/testdata/"
	config, err := os.ReadFile(material + "tokenizers/tiny.config.json")
	if err != nil {
		t.Fatal(err)
	}
	put("tiny/tokenizer_config.json", config)
	put("tiny/tokenizer.json", gunzipped(t, "../tokenize/builtin.json.gz"))
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(material+"data")); err != nil {
		t.Fatal(err)
	}
	put("data/sharegpt.json", gunzipped(t, material+"data/sharegpt.json.gz"))
	return map[string]string{"tiny": filepath.Join(dir, "tiny"), "data": filepath.Join(dir, "data")}
}

func gunzipped(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vllmServer answers what the cases ask for.
func (c *vllmRun) server(t *testing.T) *faultServer {
	var list []string
	for _, m := range c.Models {
		list = append(list, `{"id":"`+m.ID+`","root":"`+m.Root+`"}`)
	}
	const (
		delta = `{"choices":[{"index":0,"delta":{"content":" word"},"finish_reason":"stop"}]}`
		text  = `{"type":"response.output_text.delta","delta":" word"}`
		over  = `{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":7,"output_tokens":1}}}`
	)
	return newFaultServer(t, map[string]answer{
		"GET /v1/models":            status(200, `{"data":[`+strings.Join(list, ",")+`]}`),
		"POST /v1/completions":      good(),
		"POST /v1/chat/completions": says(streamHead + events(delta, usageIs, "[DONE]") + "0\r\n\r\n"),
		"POST /v1/responses":        says(streamHead + events(text, over) + "0\r\n\r\n"),
		"POST /start_profile":       status(200, ""),
		"POST /stop_profile":        status(200, ""),
	})
}

func (c *vllmRun) test(t *testing.T, places map[string]string) {
	t.Chdir(t.TempDir())
	s := c.server(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.url(), "http://"), ":")
	fill := strings.NewReplacer("{url}", s.url(), "{port}", port, "{tiny}", places["tiny"], "{data}", places["data"])
	for name, content := range c.Files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"bench", "serve"}
	for _, word := range c.Words {
		args = append(args, fill.Replace(word))
	}
	w := &world{t: t, dir: ".", env: map[string]string{"HF_HUB_OFFLINE": "1"}}
	for k, v := range c.Env {
		w.env[k] = v
	}
	got := w.run(append(args, "--no-record", "--compat", "vllm")...)
	got.want(t, shell.ExitOK)

	measured, before := c.received(t, s)
	if diff := gocmp.Diff(c.Sent, measured); diff != "" {
		t.Errorf("requests (-vLLM +ours):\n%s", diff)
	}
	if diff := gocmp.Diff(c.Before, before); diff != "" {
		t.Errorf("requests before the run (-vLLM +ours):\n%s", diff)
	}
	name := strings.NewReplacer(s.url(), "{url}", port, "{port}", places["tiny"], "{tiny}", places["data"], "{data}")
	if diff := gocmp.Diff(c.Printed, masked(got.stdout, name)); diff != "" {
		t.Errorf("output (-vLLM +ours):\n%s", diff)
	}
	c.compareFiles(t)
}

var (
	randomID = regexp.MustCompile(`bench-[0-9a-f]{8}-`)
	dated    = regexp.MustCompile(`\d{8}-\d{6}`)
	aNumber  = regexp.MustCompile(`(:\s+)[\d.]+\s*$`)
)

// received lists what reached the server, in the form of the recording.
func (c *vllmRun) received(t *testing.T, s *faultServer) (measured, before []vllmSent) {
	t.Helper()
	before = []vllmSent{}
	for _, q := range s.all() {
		path := strings.TrimPrefix(q.Path, "POST ")
		if !strings.HasSuffix(path, "completions") && !strings.HasSuffix(path, "responses") {
			continue
		}
		r := vllmSent{Path: path, ID: randomID.ReplaceAllString(q.Header.Get("X-Request-Id"), "bench-#-"), Headers: map[string]string{}}
		for name := range q.Header {
			low := strings.ToLower(name)
			if low == "authorization" || low == "content-type" || strings.HasPrefix(low, "x-") && low != "x-request-id" {
				r.Headers[low] = q.Header.Get(name)
			}
		}
		if err := json.Unmarshal([]byte(q.Body), &r.Body); err != nil {
			t.Fatalf("%s: %v", q.Body, err)
		}
		// prefix_repetition has no ids, and no case of it has warm-ups.
		if r.ID == "" && len(c.Before) > 0 {
			before = append(before, r)
		} else {
			measured = append(measured, r)
		}
	}
	slices.SortStableFunc(measured, func(a, b vllmSent) int { return cmp.Compare(numberOf(a.ID), numberOf(b.ID)) })
	if measured[0].ID == "" {
		// Without ids the order of arrival is that of the connections.
		body := func(r vllmSent) string { b, _ := json.Marshal(r.Body); return string(b) }
		byBody := func(a, b vllmSent) int { return strings.Compare(body(a), body(b)) }
		slices.SortFunc(measured, byBody)
		slices.SortFunc(c.Sent, byBody)
	}
	return measured, before
}

func numberOf(id string) int {
	n, _ := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	return n
}

// masked is the output in the form of the recording.
func masked(stdout string, name *strings.Replacer) []string {
	var out []string
	for _, l := range strings.Split(stdout, "\n") {
		if strings.TrimSpace(l) == "" {
			continue
		}
		if len(l) == 51 {
			l = aNumber.ReplaceAllString(l, "$1#")
		}
		if strings.HasPrefix(l, "Namespace(") {
			l = randomID.ReplaceAllString(l, "bench-#-")
		}
		out = append(out, name.Replace(l))
	}
	return out
}

// compareFiles looks at the names of the result files and at their keys.
func (c *vllmRun) compareFiles(t *testing.T) {
	t.Helper()
	var files []string
	keys := [][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files = append(files, dated.ReplaceAllString(filepath.ToSlash(path), "DATE"))
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		keys = append(keys, keysOf(t, b[strings.LastIndexByte(string(b), '\n')+1:]))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(c.SavedAs, files); diff != "" {
		t.Errorf("files (-vLLM +ours):\n%s", diff)
	}
	if diff := gocmp.Diff(c.Keys, keys); diff != "" {
		t.Errorf("keys (-vLLM +ours):\n%s", diff)
	}
}

// keysOf lists the members of an object in order.
func keysOf(t *testing.T, object []byte) []string {
	t.Helper()
	var keys []string
	d := json.NewDecoder(strings.NewReader(string(object)))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}
