package load

import (
	"fmt"
	"strings"

	"tokmeter/internal/record"
)

// A fault is a stream that a real server or proxy sent, in the shape of the
// reports named with it, and what a tally must make of it.
type fault struct {
	why     string
	api     string // backend; "" is openai-chat
	body    string
	outcome record.Outcome // "" means ok
	words   []string       // in the error
	output  record.Count
	events  int // that carried tokens
	hidden  int // tokens that were never sent
	said    int // by the server, where it is not the count
	strange int // events without their prefix
}

// Events of chat, of completions and of the responses API, each a word.
func chatText(s string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", s)
}
func chatThought(s string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":%q},\"finish_reason\":null}]}\n\n", s)
}
func chatDelta(members string) string {
	return "data: {\"choices\":[{\"index\":0,\"delta\":{" + members + "},\"finish_reason\":null}]}\n\n"
}
func chatWith(s, usage string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}],\"usage\":%s}\n\n", s, usage)
}
func plainText(s string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"text\":%q,\"finish_reason\":null}]}\n\n", s)
}
func responseText(s string) string {
	return fmt.Sprintf("event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":%q}\n\n", s)
}
func responseEnd(status, more string) string {
	return fmt.Sprintf("event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":%q%s}}\n\n", status, more)
}
func usageAlone(usage string) string {
	return "data: {\"choices\":[],\"usage\":" + usage + "}\n\n"
}
func counts(prompt, completion int) string {
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, prompt, completion, prompt+completion)
}

const (
	chatStop  = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	plainStop = "data: {\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\n"
	doneLine  = "data: [DONE]\n\n"
)

// words8 is eight events of text, and running has usage in each of them.
func words8() string { return strings.Repeat(chatText(" w"), 8) }
func running(usage func(i int) int) string {
	var b strings.Builder
	for i := range 8 {
		b.WriteString(chatWith(" w", counts(5, usage(i))))
	}
	return b.String()
}

// The cases are by the kinds in which servers differ: usage in each event (A),
// usage without the reasoning (B), tokens that were never sent (C), failures that
// look like ends (E), bytes that are no events (G), small things (L).
var faults = []fault{
	// A: vllm#9357, vllm#9028, vllm#8625
	{why: "A: a one in each event, the total at the end", body: running(func(int) int { return 1 }) + chatStop + usageAlone(counts(5, 8)) + doneLine, output: usage(8), events: 8},
	{why: "A: a one in each event and no total", body: running(func(int) int { return 1 }) + chatStop + doneLine, output: texts(8), events: 8, said: 1},
	{why: "A: a number that is repeated", body: running(func(int) int { return 3 }) + chatStop + doneLine, output: texts(8), events: 8, said: 3},
	{why: "A: the total from the first event on", body: running(func(int) int { return 8 }) + chatStop + doneLine, output: usage(8), events: 8},
	{why: "A: the total from the first event on, and alone", body: running(func(int) int { return 8 }) + chatStop + usageAlone(counts(5, 8)) + doneLine, output: usage(8), events: 8},
	{why: "A: it stands still in the middle", body: running(func(i int) int { return min(i+1, 4) }) + chatStop + doneLine, output: texts(8), events: 8, said: 4},
	{why: "A: it stands still, the total at the end", body: running(func(i int) int { return min(i+1, 4) }) + chatStop + usageAlone(counts(5, 8)) + doneLine, output: usage(8), events: 8},
	{why: "A: it counts this event alone, of two and one", body: running(func(i int) int { return 1 + i%2 }) + chatStop + usageAlone(counts(5, 12)) + doneLine, output: usage(12), events: 9},
	{why: "A: it counts this event alone, and no total", body: running(func(i int) int { return 2 - i%2 }) + chatStop + doneLine, output: texts(8), events: 8},
	{why: "A: it is one behind", body: running(func(i int) int { return i }) + chatStop + usageAlone(counts(5, 8)) + doneLine, output: usage(8), events: 8},
	{why: "A: a true running count stays one", body: running(func(i int) int { return i + 1 }) + chatStop + doneLine, output: usage(8), events: 8},
	{why: "A: ones with the finish reason, completions", api: "vllm", body: strings.Repeat("data: {\"choices\":[{\"text\":\" w\"}],\"usage\":{\"completion_tokens\":1,\"prompt_tokens\":5}}\n\n", 4) + plainStop + doneLine, output: texts(4), events: 4, said: 1},
	{why: "A: as strings", body: words8() + chatStop + usageAlone(`{"prompt_tokens":"5","completion_tokens":"8"}`) + doneLine, output: usage(8), events: 8},
	{why: "A: under the names of the responses API", body: words8() + chatStop + usageAlone(`{"input_tokens":5,"output_tokens":8}`) + doneLine, output: usage(8), events: 8},
	{why: "A: the completion left out, the sum said", body: words8() + chatStop + usageAlone(`{"prompt_tokens":5,"completion_tokens":null,"total_tokens":13}`) + doneLine, output: usage(8), events: 8},
	{why: "A: the prompt alone, as the sum of both", body: words8() + chatStop + usageAlone(`{"prompt_tokens":5,"total_tokens":5}`) + doneLine, output: texts(8), events: 8},
	{why: "A: a null and ones by turns", body: strings.Repeat(chatWith(" w", "null")+chatWith(" w", counts(5, 1)), 4) + chatStop + usageAlone(counts(5, 8)) + doneLine, output: usage(8), events: 8},

	// B: vercel/ai#12425, UKGovernmentBEIS/inspect_ai#5528, lobehub/lobehub#8036
	{why: "B: the reasoning in the details", body: strings.Repeat(chatThought("t"), 20) + strings.Repeat(chatText("a"), 2) + chatStop +
		usageAlone(`{"prompt_tokens":5,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":20}}`) + doneLine, output: usage(22), events: 22, said: 2},
	{why: "B: the reasoning in the total alone", body: strings.Repeat(chatThought("t"), 20) + strings.Repeat(chatText("a"), 2) + chatStop +
		usageAlone(`{"prompt_tokens":5,"completion_tokens":2,"total_tokens":27}`) + doneLine, output: usage(22), events: 22, said: 2},
	{why: "B: in both", body: strings.Repeat(chatThought("t"), 20) + strings.Repeat(chatText("a"), 2) + chatStop +
		usageAlone(`{"prompt_tokens":5,"completion_tokens":2,"total_tokens":27,"completion_tokens_details":{"reasoning_tokens":20}}`) + doneLine, output: usage(22), events: 22, said: 2},
	{why: "B: nowhere", body: strings.Repeat(chatThought("t"), 20) + strings.Repeat(chatText("a"), 2) + chatStop + usageAlone(counts(5, 2)) + doneLine, output: texts(22), events: 22, said: 2},
	{why: "B: counted in, as OpenAI and vLLM do", body: strings.Repeat(chatThought("t"), 20) + strings.Repeat(chatText("a"), 2) + chatStop +
		usageAlone(`{"prompt_tokens":5,"completion_tokens":22,"total_tokens":27,"completion_tokens_details":{"reasoning_tokens":20}}`) + doneLine, output: usage(22), events: 22},
	{why: "B: in each event, of the answer alone", body: strings.Repeat(chatThought("t"), 6) + chatWith("a", counts(5, 1)) + chatWith("b", counts(5, 2)) + chatStop + doneLine, output: texts(8), events: 8, said: 2},
	{why: "B: with the finish reason", body: strings.Repeat(chatThought("t"), 6) + strings.Repeat(chatText("a"), 2) +
		"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"reasoning_tokens\":6}}\n\n" + doneLine, output: usage(8), events: 8, said: 2},
	{why: "B: reasoning under Ollama's name", body: strings.Repeat(chatDelta(`"thinking":"t"`), 20) + strings.Repeat(chatText("a"), 2) + chatStop + usageAlone(`{"prompt_tokens":5,"completion_tokens":2,"total_tokens":27}`) + doneLine, output: usage(22), events: 22, said: 2},
	{why: "B: reasoning in OpenRouter's details alone", body: strings.Repeat(chatDelta(`"content":"","reasoning_details":[{"type":"reasoning.text","text":"t"}]`), 20) + strings.Repeat(chatText("a"), 2) + chatStop + usageAlone(counts(5, 22)) + doneLine, output: usage(22), events: 22},
	{why: "B: details under the names of the responses API", body: strings.Repeat(chatThought("t"), 20) + strings.Repeat(chatText("a"), 2) + chatStop +
		usageAlone(`{"prompt_tokens":5,"completion_tokens":2,"output_tokens_details":{"reasoning_tokens":20}}`) + doneLine, output: usage(22), events: 22, said: 2},
	{why: "B: as words of thought in the text", body: strings.Repeat(chatText("t"), 20) + strings.Repeat(chatText("a"), 2) + chatStop +
		usageAlone(`{"prompt_tokens":5,"completion_tokens":2,"total_tokens":27}`) + doneLine, output: usage(22), events: 22, said: 2},
	{why: "B: a gateway that cuts the text anew", body: strings.Repeat(chatText("a"), 9) + chatStop + usageAlone(counts(5, 4)) + doneLine, output: texts(9), events: 9, said: 4},
	{why: "B: responses", api: "openai-responses", body: strings.Repeat("data: {\"type\":\"response.reasoning_text.delta\",\"delta\":\"t\"}\n\n", 5) + strings.Repeat(responseText("a"), 2) +
		responseEnd("completed", `,"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7,"output_tokens_details":{"reasoning_tokens":5}}`), output: usage(7), events: 7, said: 2},

	// C: awslabs/llmeter#99
	{why: "C: hidden reasoning that nothing tells of but the text", body: words8() + chatStop + usageAlone(counts(5, 500)) + doneLine, output: usage(500), events: 8, hidden: 492},
	{why: "C: fewer than bytes, but each event is a word", body: strings.Repeat(chatText(" word"), 8) + chatStop + usageAlone(counts(5, 40)) + doneLine, output: usage(40), events: 8, hidden: 32},
	{why: "C: words of completions", api: "vllm", body: strings.Repeat(plainText(" Word"), 6) + plainText(",") + plainText("\n\n") + plainStop + usageAlone(counts(5, 20)) + doneLine, output: usage(20), events: 8, hidden: 12},
	{why: "C: two words in one of the events: bundles", body: strings.Repeat(chatText(" word"), 8) + chatText(" two words") + chatStop + usageAlone(counts(5, 40)) + doneLine, output: usage(40), events: 10},
	{why: "C: parts of words tell nothing", body: strings.Repeat(chatText("abcde"), 8) + chatStop + usageAlone(counts(5, 20)) + doneLine, output: usage(20), events: 9},
	{why: "C: too few words tell nothing", body: strings.Repeat(chatText(" word"), 4) + chatStop + usageAlone(counts(5, 20)) + doneLine, output: usage(20), events: 5},
	{why: "C: a running count of several a word is believed", body: running(func(i int) int { return 2*i + 2 }) + chatStop + usageAlone(counts(5, 16)) + doneLine, output: usage(16), events: 8},
	{why: "C: hidden reasoning by the details", body: words8() + chatStop + usageAlone(`{"prompt_tokens":5,"completion_tokens":72,"total_tokens":77,"completion_tokens_details":{"reasoning_tokens":64}}`) + doneLine, output: usage(72), events: 8, hidden: 64},
	{why: "C: a few by the details, fewer than bytes", body: words8() + chatStop + usageAlone(`{"prompt_tokens":5,"completion_tokens":12,"completion_tokens_details":{"reasoning_tokens":4}}`) + doneLine, output: usage(12), events: 8, hidden: 4},
	{why: "C: in the total alone, as Gemini has it", body: words8() + chatStop + usageAlone(`{"prompt_tokens":5,"completion_tokens":8,"total_tokens":113}`) + doneLine, output: usage(108), events: 8, hidden: 100, said: 8},
	{why: "C: beside the count, by the details", body: words8() + chatStop + usageAlone(`{"prompt_tokens":5,"completion_tokens":8,"completion_tokens_details":{"reasoning_tokens":100}}`) + doneLine, output: usage(108), events: 8, hidden: 100, said: 8},
	{why: "C: rejected predictions", body: words8() + chatStop + usageAlone(`{"prompt_tokens":5,"completion_tokens":30,"completion_tokens_details":{"reasoning_tokens":0,"rejected_prediction_tokens":22}}`) + doneLine, output: usage(30), events: 8, hidden: 22},
	{why: "C: in the first running count", body: running(func(i int) int { return 400 + i }) + chatStop + doneLine, output: usage(407), events: 8, hidden: 399},
	{why: "C: responses", api: "openai-responses", body: strings.Repeat(responseText(" w"), 8) + responseEnd("completed", `,"usage":{"input_tokens":5,"output_tokens":72,"total_tokens":77,"output_tokens_details":{"reasoning_tokens":64}}`), output: usage(72), events: 8, hidden: 64},
	{why: "C: bundles are no hidden tokens", body: chatText("one two three four") + chatText(" five six seven eight") + chatStop + usageAlone(counts(5, 8)) + doneLine, output: usage(8), events: 3},

	// E: llama.cpp#16104, llama.cpp#16109, vllm#57082, sglang#6693
	{why: "E: error: after tokens", api: "vllm", body: plainText("a") + "error: {\"code\":500,\"message\":\"Compute error.\",\"type\":\"server_error\"}\n\n" + doneLine, outcome: record.StreamError, words: []string{"Compute error."}, output: texts(1), events: 1},
	{why: "E: error: before any token", body: "error: {\"code\":500,\"message\":\"Compute error.\"}\n\n" + doneLine, outcome: record.StreamError, words: []string{"Compute error."}},
	{why: "E: error: without its blank, and without [DONE]", body: chatText("a") + "error:{\"message\":\"no\"}\n\n", outcome: record.StreamError, words: []string{"no"}, output: texts(1), events: 1},
	{why: "E: error: as plain text", body: chatText("a") + "error: slot unavailable\n\n" + doneLine, outcome: record.StreamError, words: []string{"slot unavailable"}, output: texts(1), events: 1},
	{why: "E: error: with its end cut", body: chatText("a") + "error: {\"message\":\"no room\"}", outcome: record.StreamError, words: []string{"no room"}, output: texts(1), events: 1},
	{why: "E: an event of that name", body: chatText("a") + "event: error\ndata: {\"message\":\"no room\"}\n\n" + doneLine, outcome: record.StreamError, words: []string{"no room"}, output: texts(1), events: 1},
	{why: "E: abort with usage and [DONE]", api: "vllm", body: plainText("a") + plainText("b") + strings.Replace(plainStop, "stop", "abort", 1) + usageAlone(counts(5, 2)) + doneLine, outcome: record.StreamError, words: []string{"abort"}, output: usage(2), events: 2},
	{why: "E: abort of a chat, with the last token", body: strings.Replace(chatText("a"), "null", `"abort"`, 1) + doneLine, outcome: record.StreamError, words: []string{"abort"}, output: texts(1), events: 1},
	{why: "E: abort before any token", body: strings.Replace(chatStop, "stop", "abort", 1) + doneLine, outcome: record.StreamError, words: []string{"abort"}},
	{why: "E: a gateway's error", body: chatText("a") + strings.Replace(chatStop, "stop", "error", 1) + doneLine, outcome: record.StreamError, words: []string{`"error"`}, output: texts(1), events: 1},
	{why: "E: a gateway's error, and its words behind it", body: chatText("a") + strings.Replace(chatStop, "stop", "error", 1) + "data: {\"error\":{\"message\":\"Upstream died\"}}\n\n" + doneLine, outcome: record.StreamError, words: []string{`"error"`, "Upstream died"}, output: texts(1), events: 1},
	{why: "E: a gateway's error in the choice", body: chatText("a") + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\",\"error\":{\"message\":\"Upstream died\"}}]}\n\n" + doneLine, outcome: record.StreamError, words: []string{"Upstream died"}, output: texts(1), events: 1},
	{why: "E: capitals", body: chatText("a") + strings.Replace(chatStop, "stop", "ABORT", 1) + doneLine, outcome: record.StreamError, words: []string{"ABORT"}, output: texts(1), events: 1},
	{why: "E: of two choices one", body: "data: {\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[{\"index\":1,\"text\":\"b\",\"finish_reason\":\"abort\"}]}\n\n" + doneLine, api: "vllm", outcome: record.StreamError, words: []string{"abort"}, output: texts(2), events: 2},
	{why: "E: responses: failed", api: "openai-responses", body: responseText("a") + responseEnd("failed", `,"error":{"message":"out of memory"}`), outcome: record.StreamError, words: []string{"failed", "out of memory"}, output: texts(1), events: 1},
	{why: "E: responses: cancelled", api: "openai-responses", body: responseText("a") + responseEnd("cancelled", ""), outcome: record.StreamError, words: []string{"cancelled"}, output: texts(1), events: 1},
	{why: "E: Dynamo's error with its words as the reason", body: chatText("a") + strings.Replace(chatStop, "stop", "error: worker disconnected", 1) + doneLine, outcome: record.StreamError, words: []string{"worker disconnected"}, output: texts(1), events: 1},
	{why: "E: an engine's own word for it", body: chatText("a") + strings.Replace(chatStop, "stop", "deadline_exceeded", 1) + doneLine, outcome: record.StreamError, words: []string{"deadline_exceeded"}, output: texts(1), events: 1},
	{why: "E: a list with an error, as Google's gateway has it", body: chatText("a") + "data: [{\"error\":{\"code\":503,\"message\":\"overloaded\"}}]\n\n" + doneLine, outcome: record.StreamError, words: []string{"overloaded"}, output: texts(1), events: 1},
	{why: "E: errors in the plural", body: chatText("a") + "data: {\"errors\":[{\"code\":3040,\"message\":\"no capacity\"}]}\n\n" + doneLine, outcome: record.StreamError, words: []string{"no capacity"}, output: texts(1), events: 1},
	{why: "E: a status beside a message", body: chatText("a") + "data: {\"statusCode\":503,\"message\":\"no room\"}\n\n" + doneLine, outcome: record.StreamError, words: []string{"no room"}, output: texts(1), events: 1},
	{why: "E: Baidu's error_code", body: chatText("a") + "data: {\"error_code\":336100,\"error_msg\":\"try again\"}\n\n" + doneLine, outcome: record.StreamError, words: []string{"try again"}, output: texts(1), events: 1},
	{why: "E: MiniMax' base_resp", body: chatText("a") + "data: {\"choices\":null,\"base_resp\":{\"status_code\":1002,\"status_msg\":\"rate limit\"}}\n\n" + doneLine, outcome: record.StreamError, words: []string{"rate limit"}, output: texts(1), events: 1},
	{why: "E: no success, in so many words", body: chatText("a") + "data: {\"success\":false,\"message\":\"no room\"}\n\n" + doneLine, outcome: record.StreamError, words: []string{"no room"}, output: texts(1), events: 1},
	{why: "E: words as the data", body: chatText("a") + "data: Error: engine exploded\n\n" + doneLine, outcome: record.StreamError, words: []string{"engine exploded"}, output: texts(1), events: 1},
	{why: "E: words as the data, in brackets", body: chatText("a") + "data: [ERROR] engine exploded\n\n" + doneLine, outcome: record.StreamError, words: []string{"engine exploded"}, output: texts(1), events: 1},
	{why: "E: an exception by the event's name", body: chatText("a") + "event: exception\ndata: {\"message\":\"no room\"}\n\n" + doneLine, outcome: record.StreamError, words: []string{"no room"}, output: texts(1), events: 1},
	{why: "E: error: with JSON over several lines", body: chatText("a") + "error: {\n  \"code\": 500,\n  \"message\": \"Compute error.\"\n}\n\n" + doneLine, outcome: record.StreamError, words: []string{"Compute error."}, output: texts(1), events: 1},
	{why: "E: responses: done with a status that is no end", api: "openai-responses", body: responseText("a") + "data: {\"type\":\"response.done\",\"response\":{\"status\":\"failed\",\"error\":{\"message\":\"out of memory\"}}}\n\n", outcome: record.StreamError, words: []string{"out of memory"}, output: texts(1), events: 1},
	{why: "E: reasons of all sorts are ends", body: chatText("a") + strings.Replace(chatStop, "stop", "model_context_window_exceeded", 1) + doneLine, output: texts(1), events: 1},
	{why: "E: a beat of words is no error", body: chatText("a") + "event: ping\ndata: keepalive\n\n" + chatStop + doneLine, output: texts(1), events: 1},
	{why: "E: an end without a token, and what came instead", body: "data: {\"fault\":\"spike arrest\"}\n\n" + doneLine, outcome: record.Empty, words: []string{"spike arrest"}},
	{why: "E: all of the answer was thought that nobody sent", body: strings.Replace(chatStop, "stop", "length", 1) + usageAlone(`{"prompt_tokens":5,"completion_tokens":8,"completion_tokens_details":{"reasoning_tokens":8}}`) + doneLine, outcome: record.Empty, words: []string{"counted 8"}, output: usage(8), hidden: 8},
	{why: "E: length, stop, tool_calls and content_filter are ends", body: chatText("a") + strings.Replace(chatStop, "stop", "content_filter", 1) + doneLine, output: texts(1), events: 1},

	// G: NVIDIA/NeMo-Agent-Toolkit#1594, gpustack/gpustack#6155
	{why: "G: an error object alone", body: "{\"error\":{\"message\":\"KV cache is full\",\"code\":500}}\n\n", outcome: record.StreamError, words: []string{"KV cache is full"}},
	{why: "G: an error object behind tokens", body: chatText("a") + "{\"error\":{\"message\":\"KV cache is full\",\"code\":500}}\n\n", outcome: record.StreamError, words: []string{"KV cache is full"}, output: texts(1), events: 1},
	{why: "G: an error object without an end of line", body: chatText("a") + "{\"error\":\"KV cache is full\"}", outcome: record.StreamError, words: []string{"KV cache is full"}, output: texts(1), events: 1},
	{why: "G: an error object over several lines", body: chatText("a") + "{\n  \"error\": {\n    \"message\": \"KV cache is full\"\n  }\n}\n", outcome: record.StreamError, words: []string{"KV cache is full"}, output: texts(1), events: 1},
	{why: "G: an error object, then [DONE]", body: chatText("a") + "{\"detail\":\"KV cache is full\"}\n\n" + doneLine, outcome: record.StreamError, words: []string{"KV cache is full"}, output: texts(1), events: 1},
	{why: "G: an object of an unknown shape", body: chatText("a") + "{\"fault\":\"spike arrest\"}\n\n", outcome: record.BadStream, words: []string{"spike arrest"}, output: texts(1), events: 1},
	{why: "G: a proxy's line alone", body: "upstream connect error or disconnect/reset before headers", outcome: record.BadStream, words: []string{"upstream connect error"}},
	{why: "G: a proxy's line behind tokens", body: chatText("a") + "upstream connect error: reset\n", outcome: record.BadStream, words: []string{"upstream connect error"}, output: texts(1), events: 1},
	{why: "G: a proxy's line right behind an event's line", body: strings.TrimSuffix(chatText("a"), "\n") + "stream timeout\n\n", outcome: record.BadStream, words: []string{"stream timeout"}, output: texts(1), events: 1},
	{why: "G: a proxy's line and then [DONE]", body: chatText("a") + "stream timeout\n\n" + doneLine, outcome: record.BadStream, words: []string{"stream timeout"}, output: texts(1), events: 1},
	{why: "G: a page alone", body: "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>nginx</body>\n</html>\n", outcome: record.BadStream, words: []string{"502 Bad Gateway"}},
	{why: "G: a page behind tokens", body: chatText("a") + "<!DOCTYPE html>\n<h1>Error 1015</h1>\n", outcome: record.BadStream, words: []string{"Error 1015"}, output: texts(1), events: 1},
	{why: "G: data: lost at the end", body: words8() + chatStop[len("data: "):] + usageAlone(counts(5, 8)) + "[DONE]\n\n", output: usage(8), events: 8, strange: 2},
	{why: "G: data: lost in the middle", body: words8() + chatText("x")[len("data: "):] + chatText("y") + chatStop + doneLine, output: texts(10), events: 10, strange: 1},
	{why: "G: data: lost everywhere", body: strings.ReplaceAll(words8()+chatStop+usageAlone(counts(5, 8))+doneLine, "data: ", ""), output: usage(8), events: 8, strange: 11},
	{why: "G: data: twice", body: strings.ReplaceAll(words8()+chatStop+doneLine, "data: ", "data: data: "), output: texts(8), events: 8, strange: 10},
	{why: "G: data: twice without blanks", body: strings.ReplaceAll(words8()+chatStop+doneLine, "data: ", "data:data:"), output: texts(8), events: 8, strange: 10},
	{why: "G: a blank before it", body: strings.ReplaceAll(words8()+chatStop+doneLine, "data: ", " data: "), output: texts(8), events: 8, strange: 10},
	{why: "G: a blank before the colon", body: strings.ReplaceAll(words8()+chatStop+doneLine, "data: ", "data : "), output: texts(8), events: 8, strange: 10},
	{why: "G: a byte order mark before each", body: words8() + strings.ReplaceAll(words8()+chatStop+doneLine, "data: ", "\ufeffdata: "), output: texts(16), events: 16, strange: 10},
	{why: "G: no empty line between the events", body: strings.ReplaceAll(words8()+chatStop+doneLine, "\n\n", "\n"), outcome: record.BadStream, words: []string{"no empty line", "choices"}},
	{why: "G: a whole answer", body: "{\"choices\":[{\"message\":{\"content\":\"a b\"},\"finish_reason\":\"stop\"}],\"usage\":" + counts(5, 8) + "}", outcome: record.BadStream, words: []string{"not as a stream", "a b"}},
	{why: "G: messages for deltas", body: strings.ReplaceAll(words8()+chatStop+doneLine, "delta", "message"), output: texts(8), events: 8},
	{why: "G: [DONE] in other letters", body: words8() + "data: [done]\n\n", output: texts(8), events: 8},
	{why: "G: [DONE] in quotes", body: words8() + "data: \"[DONE]\"\n\n", output: texts(8), events: 8},
	{why: "G: a finish reason of null in quotes is none", body: strings.Replace(chatText("a"), ":null", `:"null"`, 1), outcome: record.CutShort, words: []string{"without a finish reason"}, output: texts(1), events: 1},
	{why: "G: a field that nobody knows in a good stream", body: "x-trace: 1\n" + words8() + chatStop + doneLine, output: texts(8), events: 8},
	{why: "G: a comment in a good stream", body: words8() + ": OPENROUTER PROCESSING\n\n" + chatStop + doneLine, output: texts(8), events: 8},
	{why: "G: a field that nobody knows, and no end", body: chatText("a") + "fatal: out of memory\n", outcome: record.BadStream, words: []string{"out of memory"}, output: texts(1), events: 1},

	// L: earendil-works/pi#2017, openresty/lua-cjson#15, chutesai/e2ee-proxy#4
	{why: "L: usage in the last choice", body: chatText("one two three four") + chatText(" five six seven eight") +
		"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\",\"usage\":" + counts(5, 8) + "}]}\n\n" + doneLine, output: usage(8), events: 3},
	{why: "L: usage in the last choice and alone", body: words8() +
		"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\",\"usage\":" + counts(5, 8) + "}]}\n\n" + usageAlone(counts(5, 8)) + doneLine, output: usage(8), events: 8},
	{why: "L: Lua's empty choices", body: words8() + chatStop + "data: {\"choices\":{},\"usage\":" + counts(5, 8) + "}\n\n" + doneLine, output: usage(8), events: 8},
	{why: "L: PHP's empty delta", body: words8() + strings.Replace(chatStop, "{}", "[]", 1) + usageAlone(counts(5, 8)) + doneLine, output: usage(8), events: 8},
	{why: "L: PHP's empty usage", body: strings.Repeat(chatWith(" w", "[]"), 8) + chatStop + doneLine, output: texts(8), events: 8},

	{why: "an event that the end of the body cuts", body: words8() + "data: {\"choices\":[{\"delta\":{\"con", outcome: record.CutShort, words: []string{"in the middle of an event"}, output: texts(8), events: 8},
	{why: "cut in its field", body: words8() + "dat", outcome: record.CutShort, words: []string{"in the middle of an event"}, output: texts(8), events: 8},
	{why: "cut behind a whole one", body: words8() + strings.TrimRight(chatStop, "\n"), output: texts(8), events: 8},
	{why: "cut in [DONE], behind the finish reason", body: words8() + chatStop + "data: [DO", output: texts(8), events: 8},
	{why: "broken in the middle is no cut", body: chatText("a") + "data: {\"choices\":[{\"del\n\n" + chatText("b"), outcome: record.BadStream, words: []string{"no JSON"}, output: texts(1), events: 1},
}
