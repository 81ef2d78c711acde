package workload

import (
	"testing"

	"tokmeter/internal/protocol"
)

// BenchmarkRandom prepares 1,000 prompts of 1,024 random tokens, as a run with
// vLLM's defaults does: under two seconds on two cores is promised.
func BenchmarkRandom(b *testing.B) {
	for _, name := range []string{"tiny", "llama3", "qwen3"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer() // a tokenizer remembers words: a run begins with a fresh one
				tok, _ := loadTokenizer(b, name)
				b.StartTimer()
				mustBuild(b, basePlan("random"), "", func(c *Config) { c.Tokenizer, c.Workers = tok, 0 })
			}
		})
	}
}

// BenchmarkPrefixRepetition prepares as many prompts of 512 tokens.
func BenchmarkPrefixRepetition(b *testing.B) {
	tok, _ := loadTokenizer(b, "tiny")
	b.ReportAllocs()
	for b.Loop() {
		mustBuild(b, basePlan("prefix_repetition"), "", func(c *Config) { c.Tokenizer, c.Workers = tok, 0 })
	}
}

func BenchmarkShareGPT(b *testing.B) {
	tok, _ := loadTokenizer(b, "tiny")
	p := basePlan("sharegpt")
	b.ReportAllocs()
	for b.Loop() {
		data := openData(b, "{data}/sharegpt.json")
		mustBuild(b, p, "", func(c *Config) { c.Tokenizer, c.Workers, c.Data = tok, 0, data })
	}
}

// BenchmarkRequests writes 1,000 bodies of 1,024 tokens.
func BenchmarkRequests(b *testing.B) {
	tok, _ := loadTokenizer(b, "tiny")
	p := basePlan("random")
	s := mustBuild(b, p, "", func(c *Config) { c.Tokenizer, c.Workers = tok, 0 })
	d, err := protocol.New("openai")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		requests(b, s, d, p)
	}
}
