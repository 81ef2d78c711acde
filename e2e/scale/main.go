// Command scale shows that a run of tokmeter does not grow with the number of its
// requests. It answers from a process of its own, as fast as it can, lets
// `tokmeter bench serve` send many requests there and prints the memory that it
// took and how long after the last answer its result came.
//
//	go run ./e2e/scale -requests 1000000 -tokens 100      a long run
//	go run ./e2e/scale -requests 100000 -kill 10s         what a kill -9 loses
//
// Arguments behind -- go to tokmeter.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"tokmeter/internal/record"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// A setting is what the flags say.
type setting struct {
	requests, tokens, streams int
	prompt                    int // tokens; 0 for one short text
	kill                      time.Duration
	keep                      bool
	tokmeter                  string
}

func run() error {
	var s setting
	flag.IntVar(&s.requests, "requests", 100_000, "requests to send")
	flag.IntVar(&s.tokens, "tokens", 100, "tokens of each answer")
	flag.IntVar(&s.prompt, "prompt", 0, "tokens of each prompt, all different; 0 sends one short text")
	flag.IntVar(&s.streams, "streams", 64, "requests under way at once")
	flag.DurationVar(&s.kill, "kill", 0, "kill tokmeter after so long and count the records that are lost")
	flag.BoolVar(&s.keep, "record", true, "keep the run directory while it runs; false for --no-record")
	flag.StringVar(&s.tokmeter, "tokmeter", "", "the program to run; built where it is not given")
	serve := flag.Bool("serve", false, "be the server")
	flag.Parse()
	if *serve {
		return answer(s.tokens)
	}
	return s.measure(flag.Args())
}

// measure runs tokmeter against the server and prints what it took.
func (s setting) measure(more []string) error {
	dir, err := os.MkdirTemp(".", ".scale")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if s.tokmeter == "" {
		s.tokmeter = filepath.Join(dir, "tokmeter")
		if out, err := exec.Command("go", "build", "-o", s.tokmeter, "./cmd/tokmeter").CombinedOutput(); err != nil {
			return fmt.Errorf("build: %w: %s", err, out)
		}
	}
	server, address, last, err := start(s.tokens)
	if err != nil {
		return err
	}
	defer server()
	args := []string{
		"bench", "serve", "--base-url", "http://" + address, "--model", "none", "--no-live", "--ready-check-timeout-sec", "0",
		"--num-prompts", strconv.Itoa(s.requests), "--max-concurrency", strconv.Itoa(s.streams),
	}
	if s.prompt > 0 {
		args = append(args, "--dataset-name", "random", "--random-input-len", strconv.Itoa(s.prompt), "--random-output-len", strconv.Itoa(s.tokens))
	} else {
		args = append(args, "--dataset-name", "custom", "--skip-tokenizer-init", "--dataset-path", filepath.Join(dir, "prompts.jsonl"))
	}
	if err := os.WriteFile(filepath.Join(dir, "prompts.jsonl"), []byte(`{"prompt": "Once upon a time"}`+"\n"), 0o600); err != nil {
		return err
	}
	kept := filepath.Join(dir, "run")
	if s.keep {
		args = append(args, "--record-dir", kept)
	} else {
		args = append(args, "--no-record")
	}
	cmd := exec.Command(s.tokmeter, append(args, more...)...)
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1")
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	if s.kill > 0 {
		time.Sleep(s.kill)
		// What the server has sent by now is what tokmeter could have kept.
		state := last()
		if err := cmd.Process.Kill(); err != nil {
			return err
		}
		_ = cmd.Wait() // it was killed
		return lost(kept, state)
	}
	if err := cmd.Wait(); err != nil {
		text, _ := os.ReadFile(out.Name())
		return fmt.Errorf("tokmeter: %w\n%s", err, text)
	}
	ended := time.Now()
	state := last()
	use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	fmt.Printf("%d requests of %d tokens, %d at once: %.1f s in all, the result %.1f s after the last answer, %.0f MB resident, %.1f s of CPU\n",
		s.requests, s.tokens, s.streams, ended.Sub(began).Seconds(), ended.Sub(state.last).Seconds(), float64(use.Maxrss)/1024,
		(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	return nil
}

// lost prints how far behind the server's answers the records of a killed run are.
func lost(dir string, state progress) error {
	r, err := record.Open(dir)
	if err != nil {
		return err
	}
	n := 0
	var cut *record.Cut
	for _, err := range r.Records() {
		if errors.As(err, &cut) {
			break
		}
		if err != nil {
			return err
		}
		n++
	}
	missing := state.answers - int64(n)
	fmt.Printf("killed: %d answers were sent, %d records kept, %d missing", state.answers, n, missing)
	if state.rate > 0 {
		fmt.Printf(": the last %.2f s", float64(missing)/state.rate)
	}
	fmt.Println()
	return nil
}

// A progress is what the server has sent.
type progress struct {
	answers int64
	rate    float64 // answers a second, over the last seconds
	last    time.Time
}

// start starts the server. stop ends it, and state asks what it has sent.
func start(tokens int) (stop func(), address string, state func() progress, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", nil, err
	}
	cmd := exec.Command(self, "-serve", "-tokens", strconv.Itoa(tokens))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, "", nil, err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", nil, err
	}
	told := bufio.NewReader(pipe)
	line, err := told.ReadString('\n')
	if err != nil {
		return nil, "", nil, err
	}
	state = func() progress {
		var p progress
		var at int64
		fmt.Fprintln(in)
		line, _ := told.ReadString('\n')
		_, _ = fmt.Sscan(line, &p.answers, &p.rate, &at)
		p.last = time.Unix(0, at)
		return p
	}
	return func() { _ = in.Close(); _ = cmd.Wait() }, strings.TrimSpace(line), state, nil
}

// answer is the server: every request is answered with so many tokens at once.
// It ends with its standard input, and tells for each line of it how many
// answers were sent.
func answer(tokens int) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	var sent, last, before atomic.Int64
	reply := text(tokens)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go follow(c, reply, func() { sent.Add(1); last.Store(time.Now().UnixNano()) })
		}
	}()
	const over = 2 * time.Second
	go func() {
		for {
			was := sent.Load()
			time.Sleep(over)
			before.Store(sent.Load() - was)
		}
	}()
	in := bufio.NewReader(os.Stdin)
	for {
		if _, err := in.ReadString('\n'); err != nil {
			return nil
		}
		fmt.Println(sent.Load(), float64(before.Load())/over.Seconds(), last.Load())
	}
}

// text is the whole answer to a request.
func text(tokens int) []byte {
	var body strings.Builder
	for range tokens {
		body.WriteString(`data: {"id":"a","object":"text_completion","choices":[{"index":0,"text":" word","finish_reason":null}]}` + "\n\n")
	}
	body.WriteString(`data: {"id":"a","choices":[{"index":0,"text":"","finish_reason":"length"}]}` + "\n\n")
	fmt.Fprintf(&body, `data: {"id":"a","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":%d,"total_tokens":%d}}`+"\n\ndata: [DONE]\n\n", tokens, tokens+4)
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s", body.Len(), body.String())
}

// follow answers the requests of one connection.
func follow(c net.Conn, reply []byte, sent func()) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		length, path := 0, ""
		for i := 0; ; i++ {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimSpace(line)
			if line == "" {
				break
			}
			if i == 0 {
				path = strings.Fields(line)[1]
			}
			if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Content-Length") {
				length, _ = strconv.Atoi(strings.TrimSpace(value))
			}
		}
		if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
			return
		}
		if path != "/v1/completions" {
			_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		if _, err := c.Write(reply); err != nil {
			return
		}
		sent()
	}
}
