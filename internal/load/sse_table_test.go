package load

import "tokmeter/internal/record"

// A recording is one answer of testdata/sse and what a tally must make of it.
// The name says why it is there: SERVER-CASE.
type recording struct {
	file    string
	outcome record.Outcome // "" means ok
	output  record.Count
	prompt  record.Count // 7 tokens are asked for
	per     []uint16     // tokens in each event that carries some
	bare    int          // events with a choice and no token
	finish  string
	alone   bool // usage in an event of its own
	cached  int
	text    string
	err     string // a part of it
}

func usage(n int) record.Count { return record.Count{N: n, From: record.FromUsage} }
func ids(n int) record.Count   { return record.Count{N: n, From: record.FromTokenIDs} }
func texts(n int) record.Count { return record.Count{N: n, From: record.FromEvents} }
func asked(n int) record.Count { return record.Count{N: n, From: record.FromAsked} }

// ones are n events with one token each; none are n events whose count is not known.
func ones(n int) []uint16 {
	p := none(n)
	for i := range p {
		p[i] = 1
	}
	return p
}
func none(n int) []uint16 { return make([]uint16, n) }

var recordings = []recording{
	{file: "llama-cpp-python-chat-logprobs", output: texts(8), prompt: asked(7), per: none(8), bare: 2, finish: "length", text: "strSEEK indi tmp51peciProcessoci"},
	{file: "llama-cpp-python-chat-multibyte", output: texts(21), prompt: asked(7), per: none(21), bare: 2, finish: "stop", text: "Grüße: 你好，世界 👋🏽 naïve café"},
	{file: "llama-cpp-python-chat-plain", outcome: record.BadStream, err: `{"id":"chatcmpl-7ba3714d-1f04-`},
	{file: "llama-cpp-python-chat-usage", output: texts(8), prompt: asked(7), per: none(8), bare: 2, finish: "length", text: "strSEEK indi tmp51peciProcessoci"},
	{file: "llama-cpp-python-chat", output: texts(8), prompt: asked(7), per: none(8), bare: 2, finish: "length", text: "strSEEK indi tmp51peciProcessoci"},
	{file: "llama-cpp-python-completions-continuous-usage", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: " automaticallycket module generator nchannelsandomape PATH"},
	{file: "llama-cpp-python-completions-logprobs", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: " automaticallycket module generator nchannelsandomape PATH"},
	{file: "llama-cpp-python-completions-multibyte", output: texts(18), prompt: asked(7), per: none(18), bare: 1, finish: "stop", text: "Grüße: 你好，世界 👋🏽 naïve café"},
	{file: "llama-cpp-python-completions-n2", output: texts(4), prompt: asked(7), per: none(4), bare: 1, finish: "length", text: " representable alphabet endtimedecode"},
	{file: "llama-cpp-python-completions-plain", outcome: record.BadStream, err: `{"id":"cmpl-07860804-c851-4f09`},
	{file: "llama-cpp-python-completions-token-ids", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: " automaticallycket module generator nchannelsandomape PATH"},
	{file: "llama-cpp-python-completions-usage", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: " automaticallycket module generator nchannelsandomape PATH"},
	{file: "llama-cpp-python-completions", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: " automaticallycket module generator nchannelsandomape PATH"},
	{file: "llama-cpp-python-error-json", outcome: record.HTTPError, err: `Internal Server Error`},
	{file: "llama-cpp-python-error-max-tokens-text", outcome: record.HTTPError, err: `1 validation error:\n  {'type': 'int_parsing', 'loc': ('body`},
	{file: "llama-cpp-python-error-max-tokens", outcome: record.HTTPError, err: `1 validation error:\n  {'type': 'greater_than_equal', 'loc':`},
	{file: "llama-cpp-python-error-model", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: " automaticallycket module generator nchannelsandomape PATH"},
	{file: "llama-cpp-python-error-path", outcome: record.HTTPError, err: `Not Found`},
	{file: "llama-cpp-python-error-too-long-stream", outcome: record.CutShort, prompt: asked(7), err: "the stream ended without a token, a finish reason or [DONE]"},
	{file: "llama-cpp-python-error-too-long", outcome: record.HTTPError, err: `This model's maximum context length is 4096 tokens, however `},
	{file: "llama.cpp-chat-logprobs", output: texts(8), prompt: asked(7), per: none(8), bare: 2, finish: "length", text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "llama.cpp-chat-multibyte", output: usage(31), prompt: usage(15), per: none(22), bare: 1, finish: "stop", alone: true, cached: 14, text: "Grüße: 你好，世界 👋🏽 naïve café"},
	{file: "llama.cpp-chat-ping", output: usage(30), prompt: usage(15), per: ones(30), bare: 2, finish: "length", alone: true, text: "msgeu receivedeu receivedeueueueueueueueueueueueuInterface09in feeueueueueueueueuInterface"},
	{file: "llama.cpp-chat-plain", outcome: record.BadStream, err: `{"choices":[{"finish_reason":"`},
	{file: "llama.cpp-chat-usage", output: usage(8), prompt: usage(15), per: ones(8), bare: 2, finish: "length", alone: true, cached: 14, text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "llama.cpp-chat", output: texts(8), prompt: asked(7), per: none(8), bare: 2, finish: "length", text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "llama.cpp-completions-continuous-usage", output: usage(8), prompt: usage(5), per: ones(8), bare: 1, finish: "length", cached: 4, text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "llama.cpp-completions-logprobs", output: usage(8), prompt: usage(5), per: ones(8), bare: 1, finish: "length", cached: 4, text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "llama.cpp-completions-multibyte", output: usage(28), prompt: usage(5), per: none(20), finish: "stop", cached: 4, text: "Grüße: 你好，世界 👋🏽 naïve café"},
	{file: "llama.cpp-completions-n2", output: usage(8), prompt: usage(5), per: ones(8), bare: 2, finish: "length", cached: 4, text: " representable alphabet endtimenamespace"},
	{file: "llama.cpp-completions-plain", outcome: record.BadStream, err: `{"choices":[{"text":" automati`},
	{file: "llama.cpp-completions-token-ids", output: usage(8), prompt: usage(5), per: ones(8), bare: 1, finish: "length", cached: 4, text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "llama.cpp-completions-usage", output: usage(8), prompt: usage(5), per: ones(8), bare: 1, finish: "length", cached: 4, text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "llama.cpp-completions", output: usage(8), prompt: usage(5), per: ones(8), bare: 1, finish: "length", text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "llama.cpp-error-json", outcome: record.HTTPError, err: `[json.exception.parse_error.101] parse error at line 1, colu`},
	{file: "llama.cpp-error-max-tokens-text", outcome: record.HTTPError, err: `Field 'max_tokens': [json.exception.type_error.302] type mus`},
	{file: "llama.cpp-error-max-tokens", outcome: record.HTTPError, err: `Field 'max_tokens': Value must be between -1 <= value <= 214`},
	{file: "llama.cpp-error-model", output: usage(8), prompt: usage(5), per: ones(8), bare: 1, finish: "length", cached: 4, text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "llama.cpp-error-path", outcome: record.HTTPError, err: `File Not Found`},
	{file: "llama.cpp-error-too-long-stream", outcome: record.HTTPError, err: `request (6001 tokens) exceeds the available context size (20`},
	{file: "llama.cpp-error-too-long", outcome: record.HTTPError, err: `request (6001 tokens) exceeds the available context size (20`},
	{file: "ollama-chat-logprobs", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: "strSEEK indi tmp51peciProcessoci"},
	{file: "ollama-chat-multibyte", output: usage(35), prompt: usage(15), per: none(24), finish: "stop", alone: true, text: "\"Grüße: 你好，世界 👋🏽 naïve café\" "},
	{file: "ollama-chat-plain", outcome: record.BadStream, err: `{"id":"chatcmpl-589","object":`},
	{file: "ollama-chat-usage", output: usage(8), prompt: usage(15), per: ones(8), bare: 1, finish: "length", alone: true, text: "strSEEK indi tmp51peciProcessoci"},
	{file: "ollama-chat", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: "strSEEK indi tmp51peciProcessoci"},
	{file: "ollama-completions-plain", outcome: record.BadStream, err: `{"id":"cmpl-894","object":"tex`},
	{file: "ollama-completions-usage", output: usage(8), prompt: usage(15), per: ones(8), bare: 1, finish: "length", alone: true, text: "strSEEK indi tmp51peciProcessoci"},
	{file: "ollama-completions", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: "strSEEK indi tmp51peciProcessoci"},
	{file: "ollama-error-json", outcome: record.HTTPError, err: `unexpected EOF`},
	{file: "ollama-error-max-tokens-text", outcome: record.HTTPError, err: `json: cannot unmarshal string into Go struct field Completio`},
	{file: "ollama-error-model", outcome: record.HTTPError, err: `model 'no-such-model' not found`},
	{file: "ollama-error-path", outcome: record.HTTPError, err: `404 page not found`},
	{file: "ollama-error-too-long-stream", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: " pie bg quiet numericentriesWl('*FIELDS"},
	{file: "ollama-error-too-long", outcome: record.BadStream, err: `{"id":"cmpl-998","object":"tex`},
	{file: "transformers-chat-plain", outcome: record.BadStream, err: `{"id":"d3e06331-1091-4c53-8c6a`},
	{file: "transformers-chat-usage", output: usage(8), prompt: usage(15), per: ones(8), bare: 2, finish: "length", text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "transformers-chat", output: usage(8), prompt: usage(15), per: ones(8), bare: 2, finish: "length", text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "transformers-completions-plain", outcome: record.BadStream, err: `{"id":"b3e87176-35b8-456f-9286`},
	{file: "transformers-completions-usage", output: usage(8), prompt: usage(5), per: ones(8), bare: 1, finish: "length", text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "transformers-completions", output: usage(8), prompt: usage(5), per: ones(8), bare: 1, finish: "length", text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "transformers-cut-short", outcome: record.CutShort, output: texts(1), prompt: asked(7), per: none(1), bare: 1, text: "str", err: "the connection"},
	{file: "transformers-error-json", outcome: record.HTTPError, err: `JSON decode error`},
	{file: "transformers-error-max-tokens-text", outcome: record.HTTPError, err: `Internal Server Error`},
	{file: "transformers-error-max-tokens", outcome: record.StreamError, prompt: asked(7), err: "`max_new_tokens` must be greater than 0, but is -5."},
	{file: "transformers-error-model", outcome: record.HTTPError, err: `Server is pinned to 'tiny'; requested 'no-such-model'.`},
	{file: "transformers-error-path", outcome: record.HTTPError, err: `Not Found`},
	{file: "transformers-error-too-long-stream", output: usage(8), prompt: usage(6001), per: ones(8), bare: 1, finish: "length", text: "bytebytebytebytebytebytebytebyte"},
	{file: "vllm-chat-logprobs", output: texts(8), prompt: asked(7), per: none(8), bare: 1, finish: "length", text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "vllm-chat-multibyte", output: usage(31), prompt: usage(15), per: none(30), bare: 1, finish: "stop", alone: true, text: "Grüße: 你好，世界 👋🏽 naïve café"},
	{file: "vllm-chat-plain", outcome: record.BadStream, err: `{"id":"chatcmpl-903d804e3990dc`},
	{file: "vllm-chat-usage", output: usage(8), prompt: usage(15), per: ones(8), bare: 1, finish: "length", alone: true, text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "vllm-chat", output: texts(7), prompt: asked(7), per: none(7), bare: 1, finish: "length", text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "vllm-completions-continuous-usage", output: usage(8), prompt: usage(5), per: ones(8), finish: "length", alone: true, text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "vllm-completions-logprobs", output: texts(5), prompt: asked(7), per: none(5), finish: "length", text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "vllm-completions-multibyte", output: usage(28), prompt: usage(5), per: none(27), finish: "stop", alone: true, text: "Grüße: 你好，世界 👋🏽 naïve café"},
	{file: "vllm-completions-n2", output: usage(8), prompt: usage(5), per: ones(8), finish: "length", alone: true, text: " cltra runsInvalidOperation"},
	{file: "vllm-completions-plain", outcome: record.BadStream, err: `{"id":"cmpl-b9cb96a605b69f3c",`},
	{file: "vllm-completions-token-ids", output: ids(8), prompt: ids(5), per: ones(8), finish: "length", text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "vllm-completions-usage", output: usage(8), prompt: usage(5), per: ones(8), finish: "length", alone: true, text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "vllm-completions", output: texts(8), prompt: asked(7), per: none(8), finish: "length", text: " automaticallycket module automaticallycketroutine lookspow"},
	{file: "vllm-engine-killed", outcome: record.StreamError, output: texts(43), prompt: asked(7), per: none(43), bare: 2, text: " automaticallycket module automaticallycketroutine lookspow module][\"> passwd mo Thiscide getopt derRSTstrap module passwdutorshake '-ct fillcolor otherwiseûtéicient ), seCh                             doing conditions mo ThiscideAttributeError cla dataextraMT�writableex", err: "EngineCore encountered an issue. See stack trace (above) for the root cause."},
	{file: "vllm-error-json", outcome: record.HTTPError, err: `1 validation error:\n  {'type': 'json_invalid', 'loc': 'body`},
	{file: "vllm-error-max-tokens-text", outcome: record.HTTPError, err: `1 validation error:\n  {'type': 'int_parsing', 'loc': 'body.`},
	{file: "vllm-error-max-tokens", outcome: record.HTTPError, err: `max_tokens must be at least 1, got -5. (parameter=max_tokens`},
	{file: "vllm-error-model", outcome: record.HTTPError, err: "The model `no-such-model` does not exist. Valid aliases: tin"},
	{file: "vllm-error-path", outcome: record.HTTPError, err: `Not Found`},
	{file: "vllm-error-too-long-stream", outcome: record.HTTPError, err: `This model's maximum context length is 4096 tokens. However,`},
	{file: "vllm-error-too-long", outcome: record.HTTPError, err: `This model's maximum context length is 4096 tokens. However,`},
	{file: "vllm-interval-4-chat-usage", output: usage(8), prompt: usage(15), per: none(3), bare: 1, finish: "length", alone: true, text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "vllm-interval-4-completions-continuous-usage", output: usage(8), prompt: usage(5), per: []uint16{1, 4, 3}, finish: "length", alone: true, text: " automaticallycket module automaticallycketroutine lookspow"},

	// Beyond the 91, in testdata here: the same server as vllm.
	{file: "vllm-responses", output: usage(8), prompt: usage(15), per: ones(8), finish: "max_output_tokens", alone: true, text: "strSEEK indi tmp51peciProcesspeci"},
	{file: "vllm-completions-n2-continuous-usage", output: usage(8), prompt: usage(5), per: ones(8), finish: "length", alone: true, text: " cltra runsInvalidOperation"},
	{file: "vllm-chat-token-ids", output: ids(8), prompt: ids(15), per: ones(8), bare: 1, finish: "length", text: "strSEEK indi tmp51peciProcesspeci"},
}
