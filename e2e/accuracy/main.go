// Command accuracy measures how far a client's numbers are from the truth. It
// serves made-up answers from a process of its own, which keeps when the
// kernel received each request and when the write of each token began; lets
// each client drive it, one after the other, over the same workload; and
// prints each client's numbers beside the truth of its own run, with the CPU
// time and memory that it took.
//
//	go run ./e2e/accuracy                             tokmeter alone
//	go run ./e2e/accuracy -vllm-rs PATH -vllm PATH    side by side with vLLM's clients
//	go run ./e2e/accuracy -spec h100/llama-3-8b/fp8   the times of a simulated engine
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	vllmRS := flag.String("vllm-rs", "", "vLLM's Rust client, to run beside")
	vllm := flag.String("vllm", "", "vLLM's Python program, to run beside")
	levels := flag.String("streams", "1,64,1024", "numbers of streams at once")
	tokens := flag.Int("tokens", 200, "tokens of each answer")
	std := flag.Bool("std", false, "also tokmeter with --client std")
	spec := flag.String("spec", "ttft=50ms,itl=20ms,jitter=0.02", "the server's times, or an engine such as a10g/llama-3-8b/int4")
	flag.Parse()

	dir, err := os.MkdirTemp("", "accuracy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs, err := build(ctx, dir)
	if err != nil {
		return err
	}
	tokenizer, err := writeTokenizer(dir)
	if err != nil {
		return err
	}
	clients := []client{{name: "tokmeter", argv: []string{programs.tokmeter, "bench", "serve", "--no-record", "--no-live"}}}
	if *std {
		clients = append(clients, client{name: "tokmeter --client std",
			argv: []string{programs.tokmeter, "bench", "serve", "--no-record", "--no-live", "--client", "std"}})
	}
	if *vllmRS != "" {
		// Its check of the prompts against /tokenize does not end for text.
		clients = append(clients, client{name: "vLLM's Rust client", argv: []string{*vllmRS, "bench", "serve", "--prompt-token-ids"}})
	}
	if *vllm != "" {
		clients = append(clients, client{name: "vLLM's Python client", argv: []string{*vllm, "bench", "serve", "--disable-tqdm"}})
	}
	fmt.Printf("%d cores, %s/%s; server: %s; %d tokens an answer; times in ms\n\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, *spec, *tokens)
	fmt.Println(header)
	for _, level := range strings.Split(*levels, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(level))
		if err != nil || n < 1 {
			return fmt.Errorf("-streams: %q is no positive number", level)
		}
		for _, c := range clients {
			r, err := measure(ctx, programs, c, load{streams: n, tokens: *tokens, spec: *spec, tokenizer: tokenizer})
			if err != nil {
				return fmt.Errorf("%s at %d streams: %w", c.name, n, err)
			}
			fmt.Println(r.row(c.name, n))
		}
	}
	return nil
}
