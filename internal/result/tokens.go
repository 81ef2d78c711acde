package result

import (
	"fmt"
	"strings"

	"tokmeter/internal/metrics"
)

// tokens says who counted the tokens, and what of them vLLM's block does not
// tell.
func tokens() part {
	return part{
		Definition{ID: "tokens", Title: "Tokens", Keys: []Key{
			{Name: "token_source", Formula: "successful requests by who counted their output tokens: usage, token_ids, tokenize (the server's), tokenizer (a local one), events"},
			{Name: "prompt_token_source", Formula: "the same for prompt tokens; asked is the workload's own count"},
			{Name: "input_throughput", Label: "Input token throughput (tok/s):", Formula: "total_input_tokens / duration, in tokens a second"},
			{Name: "input_tokens_asked", Formula: "prompt tokens of the same requests by the workload's tokenizer"},
			{Name: "output_tokens_asked", Formula: "output tokens that the same requests asked for"},
			{Name: "cached_tokens", Formula: "prompt tokens of the same requests that the server's usage says came from its cache; null where it says nothing"},
		}},
		always(func(r *Result) Section {
			s := &r.Summary
			if s.Compat {
				return Section{}
			}
			cached, told := "", any(nil)
			if s.CachedTold {
				cached, told = fmt.Sprintf(", %d from the cache", s.CachedTokens), s.CachedTokens
			}
			return Section{
				Label: "Tokens", Short: []string{tokensLine(s)},
				Text: text(
					cells("Input token throughput (tok/s):", s.InputThroughput),
					fmt.Sprintf("input:  %d tokens, %d asked%s; counted by %s", s.InputTokens, s.AskedInputTokens, cached, sources(s.PromptSources)),
					fmt.Sprintf("output: %d tokens, %d asked; counted by %s", s.OutputTokens, s.AskedOutputTokens, sources(s.OutputSources)),
				),
				JSON: Fields{
					{"token_source", sourceFields(s.OutputSources)}, {"prompt_token_source", sourceFields(s.PromptSources)},
					{"input_throughput", s.InputThroughput}, {"input_tokens_asked", s.AskedInputTokens},
					{"output_tokens_asked", s.AskedOutputTokens}, {"cached_tokens", told},
				},
			}
		}),
	}
}

func tokensLine(s *metrics.Summary) string {
	line := fmt.Sprintf("%.2f tok/s in; prompts counted by %s, answers by %s", s.InputThroughput, sources(s.PromptSources), sources(s.OutputSources))
	if s.CachedTokens > 0 {
		line += fmt.Sprintf("; %d prompt tokens from the cache", s.CachedTokens)
	}
	return line
}

// sources lists who counted tokens, with how often when they are several.
func sources(list []metrics.SourceCount) string {
	var words []string
	for _, c := range list {
		word := string(c.Source)
		if word == "" {
			word = "nobody"
		}
		if len(list) > 1 {
			word += fmt.Sprintf(" (%d)", c.N)
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "nobody"
	}
	return strings.Join(words, ", ")
}

func sourceFields(list []metrics.SourceCount) Fields {
	f := Fields{}
	for _, c := range list {
		name := string(c.Source)
		if name == "" {
			name = "unknown"
		}
		f = append(f, Field{name, c.N})
	}
	return f
}
