package protocol

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// asEqual compares what two events say, not where their bytes lie.
var asEqual = cmp.Options{cmpopts.IgnoreUnexported(Event{}), cmpopts.EquateEmpty()}

const (
	vllmChunk     = `{"id":"cmpl-b246c8197c41bcf1","object":"text_completion","created":1795521969,"model":"tiny","choices":[{"index":0,"text":" automatically","logprobs":null,"finish_reason":null,"stop_reason":null,"prompt_token_ids":null,"token_ids":null}]}`
	vllmChatChunk = `{"id":"chatcmpl-9ef2ca4dc1cfce0f","object":"chat.completion.chunk","created":1795521991,"model":"tiny","choices":[{"index":0,"delta":{"content":" indi"},"logprobs":null,"finish_reason":null,"token_ids":null}]}`
	spacedChunk   = `{"id": "cmpl-1", "object": "text_completion", "created": 1795522133, "model": "tiny", "choices": [{"text": "\ud83d\udc4b\n", "index": 0, "logprobs": null, "finish_reason": null}]}`
	responseDelta = `{"type":"response.output_text.delta","content_index":0,"delta":" indi","item_id":"msg_1","logprobs":[],"output_index":0,"sequence_number":5}`
)

func TestScan(t *testing.T) {
	text := func(k Kind, s string) Event { return Event{HasChoice: true, Delta: Delta{Kind: k, Text: []byte(s)}} }
	tests := []struct {
		why     string
		backend string // "" means openai-chat
		data    string
		want    Event
		quick   bool // read without the decoder
	}{
		{why: "vLLM's completions", data: vllmChunk, want: text(Answer, " automatically"), quick: true},
		{why: "vLLM's chat", data: vllmChatChunk, want: text(Answer, " indi"), quick: true},
		{why: "llama-cpp-python: spaces and escapes, a pair above U+FFFF", data: spacedChunk, want: text(Answer, "👋\n"), quick: true},
		{why: "every short escape", data: `{"choices":[{"text":"\"\\\/\b\f\n\r\t\u00e9"}]}`, want: text(Answer, "\"\\/\b\f\n\r\té"), quick: true},
		{why: "half of a pair alone is replaced", data: `{"choices":[{"text":"a\ud83dz\udc4b\ud83d\u0041"}]}`, want: text(Answer, "a\uFFFDz\uFFFD\uFFFDA"), quick: true},
		{why: "white space around", data: " \r\n" + vllmChunk + "\t\n", want: text(Answer, " automatically"), quick: true},
		{why: "the end", data: "[DONE]", want: Event{Delta: Delta{Kind: Done}}},
		{why: "the end with spaces", data: "  [DONE] \r", want: Event{Delta: Delta{Kind: Done}}},
		{why: "the end in other letters and quotes", data: `"[Done]"`, want: Event{Delta: Delta{Kind: Done}}},
		{why: "no data is no event", data: "  ", want: Event{}},

		{why: "role alone", data: `{"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}`, want: text(Role, ""), quick: true},
		{why: "role with null content", data: `{"choices":[{"delta":{"role":"assistant","content":null}}]}`, want: text(Role, ""), quick: true},
		{why: "role with empty content", data: `{"choices":[{"delta":{"role":"assistant","content":""}}]}`, want: text(Role, ""), quick: true},
		{why: "role with text is text", data: `{"choices":[{"delta":{"role":"assistant","content":"str"}}]}`, want: text(Answer, "str"), quick: true},
		{why: "role at the end is the end", data: `{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":"length"}]}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Finish: "length"}}, quick: true},
		{why: "empty text", data: `{"choices":[{"text":"","index":1,"finish_reason":null}]}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Choice: 1}}, quick: true},
		{why: "null text", data: `{"choices":[{"text":null}]}`, want: text(Blank, ""), quick: true},
		{why: "empty delta with finish reason", data: `{"choices":[{"finish_reason":"stop","index":0,"delta":{}}]}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Finish: "stop"}}, quick: true},
		{why: "an unusual finish reason", data: `{"choices":[{"finish_reason":"eos_token","text":"x"}]}`, want: Event{HasChoice: true, Delta: Delta{Kind: Answer, Text: []byte("x"), Finish: "eos_token"}}, quick: true},
		{why: "an empty finish reason is none", data: `{"choices":[{"finish_reason":"","text":"x"}]}`, want: text(Answer, "x"), quick: true},
		{why: "a choice without anything", data: `{"choices":[{}]}`, want: text(Blank, ""), quick: true},

		{why: "reasoning_content", data: `{"choices":[{"delta":{"reasoning_content":"hm"}}]}`, want: text(Reasoning, "hm"), quick: true},
		{why: "reasoning", data: `{"choices":[{"delta":{"content":"","reasoning":"hm"}}]}`, want: text(Reasoning, "hm"), quick: true},
		{why: "both spellings carry the same text: it counts once", data: `{"choices":[{"delta":{"reasoning":"hm","reasoning_content":"hm","content":null}}]}`, want: text(Reasoning, "hm"), quick: true},
		{why: "reasoning ends and the answer begins in one delta", data: `{"choices":[{"delta":{"reasoning":"hm","content":"Yes"}}]}`,
			want: Event{HasChoice: true, Delta: Delta{Kind: Answer, Text: []byte("Yes"), Beside: []byte("hm")}}},
		{why: "no tool calls, in so many words", data: `{"choices":[{"delta":{"content":"x","tool_calls":[],"function_call":null,"refusal":null}}]}`, want: text(Answer, "x"), quick: true},
		{why: "a tool call's name", data: `{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get_weather","arguments":""}}]}}]}`, want: text(Tool, "get_weather")},
		{why: "a tool call's arguments", data: `{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"ci"}}]}}]}`, want: text(Tool, `{"ci`)},
		{why: "an old function call", data: `{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{}"}}}]}`, want: text(Tool, "f{}")},
		{why: "arguments as an object", data: `{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}]}`, want: text(Tool, `f{"a":1}`)},
		{why: "a tool call without words", data: `{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1"}]}}]}`, want: text(Blank, "")},
		{why: "a refusal is what the user reads", data: `{"choices":[{"delta":{"refusal":"No."}}]}`, want: text(Answer, "No.")},
		{why: "content as a list of parts", data: `{"choices":[{"delta":{"content":[{"type":"text","text":"a"},"b",{"type":"thinking","thinking":[{"type":"text","text":"t"}]}]}}]}`,
			want: Event{HasChoice: true, Delta: Delta{Kind: Answer, Text: []byte("ab"), Beside: []byte("t")}}},

		{why: "usage in an event of its own", data: `{"choices":[],"usage":{"prompt_tokens":15,"total_tokens":23,"completion_tokens":8}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 15, Completion: 8, Total: 23}}, quick: true},
		{why: "usage without choices at all", data: `{"usage":{"prompt_tokens":15,"completion_tokens":8}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 15, Completion: 8}}},
		{why: "usage with cached tokens", data: `{"choices":[],"usage":{"completion_tokens":8,"prompt_tokens":15,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":14}}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 15, Completion: 8, Cached: 14, HasCached: true}}, quick: true},
		{why: "usage beside a choice", data: `{"choices":[{"text":"a"}],"usage":{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":null}}`, want: Event{HasChoice: true, Delta: Delta{Kind: Answer, Text: []byte("a")}, Usage: Usage{Present: true, Prompt: 5, Completion: 1}}, quick: true},
		{why: "usage null", data: `{"choices":[{"text":"a"}],"usage":null}`, want: text(Answer, "a"), quick: true},
		{why: "cached tokens of none are known to be none", data: `{"choices":[],"usage":{"completion_tokens":8,"prompt_tokens":15,"prompt_tokens_details":{"cached_tokens":0}}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 15, Completion: 8, HasCached: true}}, quick: true},
		{why: "details of tokens that may not have been sent", data: `{"choices":[],"usage":{"completion_tokens":8,"prompt_tokens":15,"completion_tokens_details":{"reasoning_tokens":5,"rejected_prediction_tokens":2,"audio_tokens":0}}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 15, Completion: 8, Reasoning: 5, Rejected: 2}}, quick: true},
		{why: "reasoning and cached tokens beside the counts, as SGLang and Moonshot have them", data: `{"choices":[],"usage":{"completion_tokens":8,"prompt_tokens":15,"reasoning_tokens":5,"cached_tokens":3}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 15, Completion: 8, Reasoning: 5, Cached: 3, HasCached: true}}},
		{why: "cached tokens under DeepSeek's name", data: `{"choices":[],"usage":{"completion_tokens":8,"prompt_tokens":15,"prompt_cache_hit_tokens":4}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 15, Completion: 8, Cached: 4, HasCached: true}}},
		{why: "usage in a choice, as Moonshot has it", data: `{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":5,"completion_tokens":8}}]}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Finish: "stop"}, Usage: Usage{Present: true, Prompt: 5, Completion: 8}}},
		{why: "usage in a choice and outside: once", data: `{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":5,"completion_tokens":8}}],"usage":{"prompt_tokens":6,"completion_tokens":9}}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Finish: "stop"}, Usage: Usage{Present: true, Prompt: 6, Completion: 9}}},
		{why: "no usage in a choice, in so many words", data: `{"choices":[{"delta":{"content":"x"},"usage":null,"error":null}]}`, want: text(Answer, "x"), quick: true},
		{why: "no choices as an empty object, as Lua writes it", data: `{"choices":{},"usage":{"prompt_tokens":5,"completion_tokens":8}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 5, Completion: 8}}},
		{why: "an empty delta as a list, as PHP writes it", data: `{"choices":[{"delta":[],"finish_reason":"stop"}]}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Finish: "stop"}}},
		{why: "an empty choice as a list", data: `{"choices":[ [ ] ]}`, want: text(Blank, "")},
		{why: "no usage as a list", data: `{"choices":[{"delta":{"content":"x"}}],"usage":[]}`, want: text(Answer, "x")},
		{why: "no details as a list", data: `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":8,"prompt_tokens_details":[],"completion_tokens_details":[]}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 5, Completion: 8}}},
		{why: "no tool calls as an object", data: `{"choices":[{"delta":{"content":"x","tool_calls":{}}}]}`, want: text(Answer, "x")},
		{why: "no text as a list", data: `{"choices":[{"text":[]}]}`, want: text(Blank, "")},
		{why: "no error as a list or object", data: `{"choices":[{"text":"x"}],"error":{}}`, want: text(Answer, "x")},
		{why: "an error in a choice, as OpenRouter has it", data: `{"choices":[{"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"Upstream died"}}]}`, want: Event{Delta: Delta{Kind: Error, Text: []byte("Upstream died")}}},
		{why: "usage in each of two choices", data: `{"choices":[{"index":0,"text":"a","usage":{"prompt_tokens":5,"completion_tokens":8,"total_tokens":13}},{"index":1,"text":"b","usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}}]}`,
			want: Event{HasChoice: true, Delta: Delta{Kind: Answer, Text: []byte("a")}, More: []Delta{{Kind: Answer, Choice: 1, Text: []byte("b")}}, Usage: Usage{Present: true, Prompt: 5, Completion: 14, Total: 19}}},
		{why: "usage in the delta", data: `{"choices":[{"delta":{"usage":{"prompt_tokens":5,"completion_tokens":8}},"finish_reason":"stop"}]}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Finish: "stop"}, Usage: Usage{Present: true, Prompt: 5, Completion: 8}}},
		{why: "usage where Groq has it", data: `{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":5,"completion_tokens":8}}}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Finish: "stop"}, Usage: Usage{Present: true, Prompt: 5, Completion: 8}}},
		{why: "usage as strings", data: `{"choices":[],"usage":{"prompt_tokens":"5","completion_tokens":" 8 ","total_tokens":"NaN"}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 5, Completion: 8}}},
		{why: "usage by the names of the responses API", data: `{"choices":[],"usage":{"input_tokens":5,"output_tokens":8,"input_tokens_details":{"cached_tokens":2}}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 5, Completion: 8, Cached: 2, HasCached: true}}},
		{why: "usage by both names: the API's own count", data: `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":8,"input_tokens":6,"output_tokens":9}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 5, Completion: 8}}},
		{why: "a completion that is left out is the total without the prompt", data: `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":null,"total_tokens":13}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 5, Completion: 8, Total: 13}}},
		{why: "reasoning under Ollama's name", data: `{"choices":[{"delta":{"content":"","thinking":"hm"}}]}`, want: text(Reasoning, "hm")},
		{why: "reasoning under two names, one of them known", data: `{"choices":[{"delta":{"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]}}]}`, want: text(Reasoning, "hm"), quick: true},
		{why: "reasoning in details alone", data: `{"choices":[{"delta":{"content":"","reasoning_details":[{"type":"reasoning.summary","summary":"hm"}]}}]}`, want: text(Reasoning, "hm")},
		{why: "reasoning as an object", data: `{"choices":[{"delta":{"reasoning":{"content":"hm"}}}]}`, want: text(Reasoning, "hm")},
		{why: "blocks of thought", data: `{"choices":[{"delta":{"thinking_blocks":[{"type":"thinking","thinking":"hm"}]}}]}`, want: text(Reasoning, "hm")},
		{why: "no reasoning, in so many words", data: `{"choices":[{"delta":{"content":"x","thinking":null,"reasoning_details":[]}}]}`, want: text(Answer, "x"), quick: true},
		{why: "a message is a delta that says it is whole", data: `{"choices":[{"message":{"role":"assistant","content":"x"},"delta":null}]}`, want: Event{HasChoice: true, Whole: true, Delta: Delta{Kind: Answer, Text: []byte("x")}}},
		{why: "a choice that is null is an empty one", data: `{"choices":[null]}`, want: text(Blank, "")},
		{why: "an index as a string or a float", data: `{"choices":[{"index":"1","text":"a"},{"index":2.0,"text":"b"}]}`, want: Event{HasChoice: true, Delta: Delta{Kind: Answer, Choice: 1, Text: []byte("a")}, More: []Delta{{Kind: Answer, Choice: 2, Text: []byte("b")}}}},
		{why: "a finish reason of null in quotes is none", data: `{"choices":[{"text":"x","finish_reason":"null"}]}`, want: text(Answer, "x"), quick: true},
		{why: "a finish reason as an object, as SGLang has it inside", data: `{"choices":[{"text":"","finish_reason":{"type":"abort","message":"gone"}}]}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Finish: "abort"}}},
		{why: "a count as a float", data: `{"choices":[],"usage":{"prompt_tokens":15.0,"completion_tokens":8e0}}`, want: Event{Delta: Delta{Kind: UsageOnly}, Usage: Usage{Present: true, Prompt: 15, Completion: 8}}},
		{why: "no choice and no usage", data: `{"choices":[],"prompt_filter_results":[{"index":0}]}`, want: Event{}, quick: true},
		{why: "llama.cpp's timings", data: `{"choices":[{"finish_reason":"length","index":0,"delta":{}}],"timings":{"cache_n":0,"prompt_ms":0.754,"predicted_per_second":-3.7e+2}}`, want: Event{HasChoice: true, Delta: Delta{Kind: Blank, Finish: "length"}}, quick: true},

		{why: "token ids", data: `{"choices":[{"index":0,"text":"a","prompt_token_ids":[319, 2456,10],"token_ids":[4252,1]}]}`, want: Event{HasChoice: true, HasIDs: true, PromptIDs: 3, Delta: Delta{Kind: Answer, Text: []byte("a"), TokenIDs: 2}}, quick: true},
		{why: "an empty list of ids is a list", data: `{"choices":[{"text":"","token_ids":[]}]}`, want: Event{HasChoice: true, HasIDs: true, Delta: Delta{Kind: Blank}}, quick: true},
		{why: "chat has the prompt's ids beside the choices", data: `{"choices":[{"delta":{"role":"assistant","content":""}}],"prompt_token_ids":[1,2]}`, want: Event{HasChoice: true, PromptIDs: 2, Delta: Delta{Kind: Role}}, quick: true},
		{why: "log-probabilities are walked over", data: `{"choices":[{"delta":{"content":"str"},"logprobs":{"content":[{"token":"}\"]","logprob":-5.9,"bytes":[115],"top_logprobs":[{"a":{}}]}]}}]}`, want: text(Answer, "str"), quick: true},
		{why: "several choices in an event", data: `{"choices":[{"index":1,"text":"b"},{"index":0,"text":"","finish_reason":"stop"}]}`,
			want: Event{HasChoice: true, Delta: Delta{Kind: Answer, Choice: 1, Text: []byte("b")}, More: []Delta{{Kind: Blank, Finish: "stop"}}}},
		{why: "a key that is there twice: the last one counts", data: `{"choices":[{"text":"a","text":"b"}]}`, want: text(Answer, "b")},
		{why: "a key written with an escape", data: `{"ch\u006fices":[{"text":"b"}]}`, want: text(Answer, "b")},
		{why: "text that is not UTF-8", data: "{\"choices\":[{\"text\":\"a\xff\"}]}", want: text(Answer, "a\uFFFD")},

		{why: "an error object", data: `{"error":{"message":"engine died","type":"InternalServerError","param":null,"code":500}}`, want: Event{Delta: Delta{Kind: Error, Text: []byte("engine died")}}},
		{why: "an error as a bare string", data: `{"error":"max_new_tokens must be greater than 0"}`, want: Event{Delta: Delta{Kind: Error, Text: []byte("max_new_tokens must be greater than 0")}}},
		{why: "an error beside a choice is an error", data: `{"choices":[{"text":"a"}],"error":{"message":"m"}}`, want: Event{Delta: Delta{Kind: Error, Text: []byte("m")}}},
		{why: "an error that is null is none", data: `{"error":null,"choices":[{"text":"a"}]}`, want: text(Answer, "a"), quick: true},
		{why: "an empty error beside a choice is none", data: `{"error":"","choices":[{"text":"a"}]}`, want: text(Answer, "a")},
		{why: "an empty error alone is one", data: `{"error":{}}`, want: Event{Delta: Delta{Kind: Error, Text: []byte(`{"error":{}}`)}}},
		{why: "old vLLM's error", data: `{"object":"error","message":"m","code":400}`, want: Event{Delta: Delta{Kind: Error, Text: []byte("m")}}},
		{why: "FastAPI's detail", data: `{"detail":"Not Found"}`, want: Event{Delta: Delta{Kind: Error, Text: []byte("Not Found")}}},

		{why: "a token", backend: "openai-responses", data: responseDelta, want: text(Answer, " indi"), quick: true},
		{why: "reasoning text", backend: "openai-responses", data: `{"type":"response.reasoning_text.delta","delta":"hm"}`, want: text(Reasoning, "hm"), quick: true},
		{why: "a summary of reasoning", backend: "openai-responses", data: `{"type":"response.reasoning_summary_text.delta","delta":"hm"}`, want: text(Reasoning, "hm"), quick: true},
		{why: "arguments of a call", backend: "openai-responses", data: `{"delta":"{\"a","type":"response.function_call_arguments.delta"}`, want: text(Tool, `{"a`), quick: true},
		{why: "an empty delta", backend: "openai-responses", data: `{"type":"response.output_text.delta","delta":""}`, want: text(Blank, ""), quick: true},
		{why: "a type of no interest", backend: "openai-responses", data: `{"type":"response.created","response":{"error":null,"status":"in_progress","usage":null}}`, want: Event{}, quick: true},
		{why: "the text again, whole: no token", backend: "openai-responses", data: `{"type":"response.output_text.done","text":"all"}`, want: Event{}, quick: true},
		{why: "completed", backend: "openai-responses", data: `{"type":"response.completed","response":{"status":"completed","error":null,"usage":{"input_tokens":5,"output_tokens":8,"input_tokens_details":{"cached_tokens":4}}}}`,
			want: Event{Delta: Delta{Kind: UsageOnly, Finish: "completed"}, Usage: Usage{Present: true, Prompt: 5, Completion: 8, Cached: 4, HasCached: true}}},
		{why: "completed with a status that is no end", backend: "openai-responses", data: `{"type":"response.completed","response":{"status":"cancelled","usage":{"input_tokens":5,"output_tokens":8}}}`,
			want: Event{Delta: Delta{Kind: Error, Text: []byte(`the response ended with status "cancelled"`)}, Usage: Usage{Present: true, Prompt: 5, Completion: 8}}},
		{why: "completed with an error", backend: "openai-responses", data: `{"type":"response.completed","response":{"status":"failed","error":{"message":"out of memory"}}}`,
			want: Event{Delta: Delta{Kind: Error, Text: []byte(`the response ended with status "failed": out of memory`)}}},
		{why: "cancelled", backend: "openai-responses", data: `{"type":"response.cancelled","response":{}}`,
			want: Event{Delta: Delta{Kind: Error, Text: []byte(`the response ended with status "cancelled"`)}}},
		{why: "incomplete because the engine gave it up", backend: "openai-responses", data: `{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"abort"}}}`,
			want: Event{Delta: Delta{Kind: Error, Text: []byte(`the response ended with status "incomplete" and reason "abort"`)}}},
		{why: "details of a response", backend: "openai-responses", data: `{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":5,"output_tokens":8,"total_tokens":13,"output_tokens_details":{"reasoning_tokens":6}}}}`,
			want: Event{Delta: Delta{Kind: UsageOnly, Finish: "completed"}, Usage: Usage{Present: true, Prompt: 5, Completion: 8, Total: 13, Reasoning: 6}}},
		{why: "completed at the limit, as vLLM says it", backend: "openai-responses", data: `{"type":"response.completed","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":5,"output_tokens":8}}}`,
			want: Event{Delta: Delta{Kind: UsageOnly, Finish: "max_output_tokens"}, Usage: Usage{Present: true, Prompt: 5, Completion: 8}}},
		{why: "incomplete without usage", backend: "openai-responses", data: `{"type":"response.incomplete","response":{}}`, want: Event{Delta: Delta{Finish: "incomplete"}}},
		{why: "failed", backend: "openai-responses", data: `{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"boom"}}}`, want: Event{Delta: Delta{Kind: Error, Text: []byte("boom")}}},
		{why: "an error event", backend: "openai-responses", data: `{"type":"error","code":"x","message":"boom","param":null}`, want: Event{Delta: Delta{Kind: Error, Text: []byte("boom")}}},
		{why: "an error without a type", backend: "openai-responses", data: `{"error":{"message":"boom"}}`, want: Event{Delta: Delta{Kind: Error, Text: []byte("boom")}}},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			d, quick := dialectOf(t, tt.backend)
			var ev Event
			if err := d.Scan([]byte(tt.data), &ev); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, ev, asEqual); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got := quick(trim([]byte(tt.data)), &Event{}); got != tt.quick {
				t.Errorf("read without the decoder: got %v, want %v", got, tt.quick)
			}
		})
	}
}

func dialectOf(t testing.TB, backend string) (Dialect, func([]byte, *Event) bool) {
	t.Helper()
	if backend == "" {
		backend = "openai-chat"
	}
	d, err := New(backend)
	if err != nil {
		t.Fatal(err)
	}
	if backend == "openai-responses" {
		return d, quickResponse
	}
	return d, quickChunk
}

func TestScanRefuses(t *testing.T) {
	tests := []struct{ why, data, want string }{
		{"cut in the middle", `{"choices":[{"text":"a`, "no JSON object"},
		{"something behind it", vllmChunk + "x", "no JSON object"},
		{"two objects in an event", vllmChunk + vllmChunk, "no JSON object"},
		{"a list", `[1]`, "no JSON object"},
		{"a bare string", `"text"`, "no JSON object"},
		{"null", `null`, "no JSON object"},
		{"plain text", `Internal Server Error`, `"Internal Server Error"`},
		{"a control character in a string", "{\"choices\":[{\"text\":\"a\nb\"}]}", "no JSON object"},
		{"an escape that is none", `{"choices":[{"text":"\x"}]}`, "no JSON object"},
		{"a number that is none", `{"created":01,"choices":[{"text":"a"}]}`, "no JSON object"},
		{"a literal that is none", `{"x":nul,"choices":[{"text":"a"}]}`, "no JSON object"},
		{"choices that are no list", `{"choices":"a"}`, "choices is not an array"},
		{"a choice that is no object", `{"choices":["a"]}`, "choice is not an object"},
		{"a delta that is no object", `{"choices":[{"delta":"a"}]}`, "delta is not an object"},
		{"text that is no string", `{"choices":[{"text":7}]}`, "text is not a string"},
		{"content that is no string", `{"choices":[{"delta":{"content":{"a":1}}}]}`, "content is not a string"},
		{"an index below 0", `{"choices":[{"index":-1,"text":"a"}]}`, "index"},
		{"an index without end", `{"choices":[{"index":4096,"text":"a"}]}`, "index"},
		{"tool calls that are none", `{"choices":[{"delta":{"tool_calls":[1]}}]}`, "tool_calls"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			for _, backend := range []string{"vllm", "openai-chat"} {
				d, _ := dialectOf(t, backend)
				var ev Event
				err := d.Scan([]byte(tt.data), &ev)
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: got error %v, want one line with %q", backend, err, tt.want)
				}
			}
		})
	}
	d, _ := dialectOf(t, "openai-responses")
	for _, data := range []string{`{`, `7`, `{"type":"response.output_text.delta","delta":7}`} {
		if err := d.Scan([]byte(data), &Event{}); err == nil {
			t.Errorf("%s: got no error", data)
		}
	}
}

// Every recorded event is read alike by both readers, and those that come
// once a token are read without the decoder.
func TestQuickReadsRecordings(t *testing.T) {
	events := recordedEvents(t)
	if len(events) < 600 {
		t.Fatalf("got %d recorded events, want at least 600", len(events))
	}
	slow := 0
	for _, data := range events {
		var quick, full Event
		if !quickChunk(data, &quick) {
			slow++
			continue
		}
		if err := decodeChunk(data, &full); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(full, quick, asEqual); diff != "" {
			t.Errorf("%s (-decoder +quick)\n%s", data, diff)
		}
	}
	// The two error events of the recordings.
	if slow != 2 {
		t.Errorf("%d of %d recorded events need the decoder, want 2", slow, len(events))
	}
}

func recordedEvents(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("../../testdata/sse/*.http")
	if err != nil || len(files) != 91 {
		t.Fatalf("got %d recordings (%v), want 91", len(files), err)
	}
	line := regexp.MustCompile(`(?m)^data: (\{.*\})$`)
	var events [][]byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range line.FindAllSubmatch(b, -1) {
			events = append(events, m[1])
		}
	}
	return events
}

func TestScanAllocatesNothing(t *testing.T) {
	usage := `{"choices":[],"usage":{"prompt_tokens":15,"total_tokens":23,"completion_tokens":8}}`
	for _, tt := range []struct{ backend, data string }{
		{"vllm", vllmChunk}, {"openai-chat", vllmChatChunk}, {"vllm", spacedChunk}, {"vllm", usage},
		{"vllm", "[DONE]"}, {"openai-responses", responseDelta},
	} {
		d, _ := dialectOf(t, tt.backend)
		data, ev := []byte(tt.data), new(Event)
		if n := testing.AllocsPerRun(100, func() {
			if err := d.Scan(data, ev); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: got %v allocations, want 0", tt.data, n)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	for _, bb := range []struct{ name, backend, data string }{
		{"completions", "vllm", vllmChunk}, {"chat", "openai-chat", vllmChatChunk},
		{"escapes", "vllm", spacedChunk}, {"responses", "openai-responses", responseDelta},
	} {
		b.Run(bb.name, func(b *testing.B) {
			d, _ := dialectOf(b, bb.backend)
			data, ev := []byte(bb.data), new(Event)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Scan(data, ev); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecoder is what every event would cost without the scanner.
func BenchmarkDecoder(b *testing.B) {
	data := []byte(vllmChunk)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := decodeChunk(data, new(Event)); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzScan(f *testing.F) {
	for i, data := range recordedEvents(f) {
		if i%9 == 0 {
			f.Add(data)
		}
	}
	for _, s := range []string{spacedChunk, responseDelta, `{"choices":[{"delta":{"content":"\ud83d\u00"}}]}`,
		`{"choices":[{"text":"a"}],"error":"","usage":{"prompt_tokens":1e3}}`, `{"choices":[{"index":0}],"choices":null}`,
		`{"type":"response.completed","response":{"usage":{"input_tokens":1}}}`, `{"object":"error","message":"m"}`, "[DONE]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = trim(data)
		for _, r := range []struct {
			name   string
			quick  func([]byte, *Event) bool
			decode func([]byte, *Event) error
		}{{"chunk", quickChunk, decodeChunk}, {"response", quickResponse, decodeResponse}} {
			var quick, full Event
			if !r.quick(data, &quick) {
				continue
			}
			if err := r.decode(data, &full); err != nil {
				t.Fatalf("%s: the quick reader takes what the decoder refuses: %v", r.name, err)
			}
			if diff := cmp.Diff(full, quick, asEqual); diff != "" {
				t.Fatalf("%s (-decoder +quick)\n%s", r.name, diff)
			}
		}
		for _, backend := range []string{"vllm", "openai-responses"} {
			d, _ := New(backend)
			var ev Event
			err := d.Scan(data, &ev)
			if err == nil && len(data) > 0 && !isDone(data) && !json.Valid(data) {
				t.Fatalf("%s: broken JSON was taken for an event", backend)
			}
		}
	})
}
