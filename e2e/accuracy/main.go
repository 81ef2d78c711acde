// Command accuracy measures how far a client's numbers are from the truth. It
// serves made-up answers from a process of its own, which keeps when the
// kernel received each request and when the write of each token began; lets
// each client drive it, one after the other, over the same workload; and
// prints each client's numbers beside the truth of its own run, with the CPU
// time that it and the server took, how long it took to send all requests of a
// burst, and its memory.
//
//	go run ./e2e/accuracy                             tokmeter alone
//	go run ./e2e/accuracy -vllm-rs PATH -vllm PATH    side by side with vLLM's clients
//	go run ./e2e/accuracy -readers epoll,go -rounds 3 two of tokmeter's readers in turn, three times, with medians
//	go run ./e2e/accuracy -streams 10000x5x40         10,000 streams of 5 tokens a second, 40 tokens an answer
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
	levels := flag.String("streams", "1,64,1024", "numbers of streams at once, each as STREAMS, STREAMSxRATE or STREAMSxRATExTOKENS, with the tokens a second of a stream and the tokens of an answer")
	tokens := flag.Int("tokens", 200, "tokens of an answer, where a level does not say")
	readers := flag.String("readers", "", "tokmeter's readers to run, such as epoll,go; by default the one that it chooses")
	std := flag.Bool("std", false, "also tokmeter with --client std")
	rounds := flag.Int("rounds", 1, "times that every client runs, in turn; more than once gives medians")
	spec := flag.String("spec", "ttft=50ms,itl=20ms,jitter=0.02", "the server's times, or an engine such as a10g/llama-3-8b/int4")
	flag.Parse()
	loads, err := parseLevels(*levels, load{tokens: *tokens, spec: *spec})
	if err != nil {
		return err
	}
	if *rounds < 1 {
		return fmt.Errorf("-rounds: want at least 1, got %d", *rounds)
	}

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
	clients := tokmeters(programs.tokmeter, *readers, *std)
	if *vllmRS != "" {
		// Its check of the prompts against /tokenize does not end for text.
		clients = append(clients, client{name: "vLLM's Rust client", argv: []string{*vllmRS, "bench", "serve", "--prompt-token-ids"}})
	}
	if *vllm != "" {
		clients = append(clients, client{name: "vLLM's Python client", argv: []string{*vllm, "bench", "serve", "--disable-tqdm"}})
	}
	fmt.Printf("%d cores, %s/%s; server: %s, but for the levels with a rate; times in ms\n\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, *spec)
	fmt.Println(header)
	for _, l := range loads {
		l.tokenizer = tokenizer
		results := make([][]result, len(clients))
		for range *rounds {
			for i, c := range clients {
				r, err := measure(ctx, programs, c, l)
				if err != nil {
					return fmt.Errorf("%s at %s: %w", c.name, l.name(), err)
				}
				results[i] = append(results[i], r)
			}
		}
		for i, c := range clients {
			fmt.Println(medians(results[i]).row(c.name, l))
		}
	}
	return nil
}

// tokmeters are the ways to run tokmeter.
func tokmeters(path, readers string, std bool) (clients []client) {
	argv := func(more ...string) []string {
		return append([]string{path, "bench", "serve", "--no-record", "--no-live"}, more...)
	}
	if readers == "" {
		clients = append(clients, client{name: "tokmeter", argv: argv()})
	}
	for name := range strings.SplitSeq(readers, ",") {
		if name != "" {
			clients = append(clients, client{name: "tokmeter --reader " + name, argv: argv("--reader", name)})
		}
	}
	if std {
		clients = append(clients, client{name: "tokmeter --client std", argv: argv("--client", "std")})
	}
	return clients
}

// parseLevels reads -streams; what a level leaves out is that of usual.
func parseLevels(text string, usual load) (loads []load, err error) {
	for level := range strings.SplitSeq(text, ",") {
		l := usual
		var numbers []int
		for word := range strings.SplitSeq(strings.TrimSpace(level), "x") {
			n, err := strconv.Atoi(word)
			if err != nil || n < 1 || len(numbers) == 3 {
				return nil, fmt.Errorf("-streams: %q is not STREAMS, STREAMSxRATE or STREAMSxRATExTOKENS", level)
			}
			numbers = append(numbers, n)
		}
		l.streams = numbers[0]
		if len(numbers) > 1 {
			l.rate = numbers[1]
			l.spec = fmt.Sprintf("ttft=50ms,itl=%gms,jitter=0.02", 1000/float64(l.rate))
		}
		if len(numbers) > 2 {
			l.tokens = numbers[2]
		}
		loads = append(loads, l)
	}
	return loads, nil
}
