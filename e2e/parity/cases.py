"""The cases: the same words for both clients, and what the recorder answers.

{url} is the recorder's address, {tiny}, {llama3}, … are folders of tokenizers,
{data} the workload's test data. Every case has the words of `usual` too unless
it says bare. `files` are written into the client's working folder.
"""

usual = ["--base-url", "{url}", "--model", "m", "--tokenizer", "{tiny}", "--request-id-prefix", "p-",
         "--save-result", "--save-detailed", "--result-dir", "res", "--result-filename", "r.json", "--disable-tqdm"]

small = "--num-prompts 6 --random-input-len 12 --random-output-len 5"
sharegpt = "--dataset-name sharegpt --dataset-path {data}/sharegpt.json --num-prompts 6"
custom = "--dataset-name custom --dataset-path {data}/custom.jsonl --num-prompts 6"
chat = "--backend openai-chat --endpoint /v1/chat/completions"
responses = "--backend openai-responses --endpoint /v1/responses"
metrics = "ttft,tpot,itl,e2el,client_queue_time,e2el_including_client_queue"

cases = []


def case(name, words, scenario=None, **more):
    words = words.split() if isinstance(words, str) else words
    cases.append({"name": name, "words": words, "scenario": scenario or {}, **more})


# The datasets, over each API.
case("random", small)
case("random-chat", f"{chat} {small} --seed 3")
case("random-responses", f"{responses} {small} --seed 3")
case("random-vllm", f"--backend vllm {small} --random-range-ratio 0.5 --random-prefix-len 7 --seed 12345")
case("random-seed-max", f"{small} --seed 4294967295")
case("random-batch", f"{small} --random-batch-size 4")
case("random-lengths", "--num-prompts 5 --input-len 31 --output-len 6 --random-input-len 99")
case("random-range-json", ["--num-prompts", "7", "--random-input-len", "40", "--random-range-ratio", '{"input":0.2,"output":0.5}'])
case("sharegpt", f"{sharegpt} --seed 5")
case("sharegpt-chat", f"{chat} {sharegpt} --sharegpt-output-len 9 --seed 5")
case("sharegpt-responses", f"{responses} {sharegpt} --output-len 9 --seed 5")
case("sharegpt-more", "--dataset-name sharegpt --dataset-path {data}/odd.json --num-prompts 40 --seed 2")
case("sharegpt-no-oversample", "--dataset-name sharegpt --dataset-path {data}/odd.json --num-prompts 40 --no-oversample")
case("sharegpt-ordered", f"{sharegpt} --disable-shuffle --ignore-eos")
case("custom", f"{custom} --seed 3")
case("custom-kwargs", ["--chat-template-kwargs", '{"enable_thinking": false}', *custom.split(), "--custom-output-len", "-1"])
case("custom-raw", f"{custom} --skip-chat-template --custom-output-len -1")
case("custom-chat", f"{chat} {custom}", default="Q17")
case("custom-chat-raw", f"{chat} {custom} --skip-chat-template")
case("custom-responses", f"{responses} {custom}", default="Q17")
case("custom-all", "--dataset-name custom --dataset-path {data}/custom.jsonl --num-prompts 0 --skip-chat-template", {"tokens": 2})
case("custom-more", "--dataset-name custom --dataset-path {data}/custom.jsonl --num-prompts 150 --skip-chat-template --seed 6", {"tokens": 2})
case("custom-no-tokenizer", f"{custom} --skip-tokenizer-init")
case("burstgpt", "--dataset-name burstgpt --dataset-path {data}/burstgpt.csv --num-prompts 8 --seed 4")
case("burstgpt-chat", f"{chat} --dataset-name burstgpt --dataset-path {{data}}/burstgpt.csv --num-prompts 8 --seed 4")
case("prefix-repetition", "--dataset-name prefix_repetition --num-prompts 12 --prefix-repetition-prefix-len 16 --prefix-repetition-suffix-len 8 --prefix-repetition-num-prefixes 3 --output-len 4 --seed 2", default="ids")
case("prefix-rest", "--dataset-name prefix_repetition --num-prompts 11 --prefix-repetition-prefix-len 16 --prefix-repetition-suffix-len 8 --prefix-repetition-num-prefixes 3 --seed 2", default="Q18")
case("timed-trace", "--dataset-name timed_trace --dataset-path {data}/trace.jsonl --num-prompts 30 --timed-trace-sec-multiplier 0.0001", default="Q16")
case("timed-trace-rate", "--dataset-name timed_trace --dataset-path {data}/trace.jsonl --num-prompts 12 --no-self-timed --request-rate 40", default="Q16")

# Real tokenizers.
case("llama3-random", f"{small} --tokenizer {{llama3}} --seed 9", needs="llama3")
case("llama3-sharegpt", f"{sharegpt} --tokenizer {{llama3}} --seed 9", needs="llama3")
case("qwen3-custom", f"{custom} --tokenizer {{qwen3}} --seed 9", needs="qwen3")
case("qwen3-random", f"{small} --tokenizer {{qwen3}} --random-range-ratio 0.3 --seed 9", needs="qwen3")

# What goes into the bodies and heads.
case("sampling", f"{small} --temperature 0 --top-p 0.9 --top-k 20 --min-p 0.05 --frequency-penalty 0.1 --presence-penalty=-0.2 --repetition-penalty 1.1")
case("sampling-chat", f"{chat} {small} --temperature 0.7 --top-p 1 --top-k -1 --repetition-penalty 1.1")
case("sampling-responses", f"{responses} {small} --temperature 0.7 --top-p 0.5")
case("extra-body", [*small.split(), "--temperature", "0.5", "--extra-body", '{"temperature": 0.25, "stop": ["a", "é"], "nested": {"x": [1, 2.5, null, true]}, "max_tokens": 3}'])
case("extra-body-dotted", f"{small} --extra-body.temperature 0.7 --extra-body.a.b=1 --extra-body.list+ x --extra-body.list+=y,z --extra-body.n 25.6k --extra-body.k 8K --extra_body.flag true")
case("extra-body-chat", [*chat.split(), *small.split(), "--extra-body", '{"chat_template_kwargs": {"enable_thinking": false}, "stream_options": {"include_usage": true, "continuous_usage_stats": true}}'])
case("extra-body-mixed", [*small.split(), "--extra-body", '{"a": 1}', "--extra-body.b", "2"])
case("logprobs", f"{small} --logprobs 3")
case("logprobs-chat", f"{chat} {small} --logprobs 3")
case("ignore-eos", f"{chat} {sharegpt} --ignore-eos")
case("headers", [*small.split(), "--header", "X-One=1", "X-Two= a = b ", "--profile"], env={"OPENAI_API_KEY": "sk-test"})
case("header-auth", [*small.split(), "--header", "Authorization=Basic abc", "x-request-id=mine"], env={"OPENAI_API_KEY": "sk-test"})
case("served-name", f"{small} --served-model-name other", {"models": [{"id": "other", "root": "m"}]})
case("lora-random", f"{small} --lora-modules l1 l2 l3 --num-prompts 20 --seed 8")
case("lora-round-robin", f"{small} --lora-modules l1 l2 l3 --lora-assignment round-robin --num-prompts 8")
case("lora-chat", f"{chat} {sharegpt} --lora-modules l1 l2 --num-prompts 9 --seed 1 --request-rate 200")

# Before the run.
case("discovered", ["--base-url", "{url}", "--tokenizer", "{tiny}", "--request-id-prefix", "p-", "--save-result", "--disable-tqdm", *small.split()],
     {"models": [{"id": "served", "root": "org/name"}, {"id": "second", "root": "x"}]}, bare=True)
case("discovered-served-name", ["--base-url", "{url}", "--tokenizer", "{tiny}", "--served-model-name", "mine", "--request-id-prefix", "p-", "--save-result", "--disable-tqdm", *small.split()],
     {"models": [{"id": "served", "root": "org/name"}]}, bare=True, default="served name")
case("host-port", ["--host", "127.0.0.1", "--port", "{port}", "--model", "org/m", "--tokenizer", "{tiny}", "--request-id-prefix", "p-", "--save-result", "--label", "lab", "--disable-tqdm", *small.split(), "--request-rate", "50", "--max-concurrency", "3"], {"models": [{"id": "org/m", "root": "org/m"}]}, bare=True)
case("config", ["--config", "c.yaml", *small.split(), "--seed", "4"], files={"c.yaml": "base-url: '{url}'\nmodel: m\ntokenizer: '{tiny}'\nrequest-id-prefix: p-\nsave-result: true\nsave_detailed: true\nresult-filename: r.json\ndisable-tqdm: true\nignore-eos: true\nrequest-rate: 80\nseed: 99\n"}, bare=True, python="Q25")
case("ready-check", f"{small} --ready-check-timeout-sec 30 --num-warmups 3")
case("ready-check-waits", f"{small} --ready-check-timeout-sec 30", {"status": [[503, "Service Unavailable"]]})
case("ready-check-chat", f"{chat} {small} --ready-check-timeout-sec 30 --num-warmups 5 --max-concurrency 2 --header X-A=b")
case("warmups-id", f"{sharegpt} --num-warmups 2 --lora-modules l1 l2")
case("alignment", f"{small} --num-prompts 5 --random-input-len 30", {"tokenizer": "{small_llama2}/tokenizer.json"}, default="prompt_len")
case("alignment-equal", f"{small} --num-prompts 5", {"tokenizer": "{tiny}/tokenizer.json"})
case("alignment-prefix", "--dataset-name prefix_repetition --num-prompts 6 --prefix-repetition-prefix-len 16 --prefix-repetition-suffix-len 8 --prefix-repetition-num-prefixes 3 --header X-A=b", {"tokenizer": "{small_llama2}/tokenizer.json"}, env={"OPENAI_API_KEY": "sk-test"}, default="ids Q20")
case("alignment-missing", f"{small} --profile", {"profiler": False})

# When they are sent.
case("rate", f"{small} --num-prompts 40 --request-rate 40 --seed 1", timed=True)
case("rate-bursty", f"{small} --num-prompts 40 --request-rate 40 --burstiness 0.3 --seed 2", timed=True)
case("rate-smooth", f"{small} --num-prompts 40 --request-rate 40 --burstiness 5 --seed 2", timed=True)
case("rate-even", f"{small} --num-prompts 30 --request-rate 30 --burstiness inf", timed=True)
case("ramp-linear", f"{small} --num-prompts 40 --ramp-up-strategy linear --ramp-up-start-rps 10 --ramp-up-end-rps 50 --seed 3 --percentile-metrics {metrics}", timed=True)
case("ramp-exponential", f"{small} --num-prompts 40 --ramp-up-strategy exponential --ramp-up-start-rps 8 --ramp-up-end-rps 64 --burstiness 2", timed=True)
case("rate-lora", f"{sharegpt} --num-prompts 30 --request-rate 40 --lora-modules a b --seed 6", timed=True)
case("concurrency-1", f"{small} --num-prompts 12 --max-concurrency 1 --percentile-metrics {metrics}", ordered=True)
case("concurrency-3", f"{small} --num-prompts 15 --max-concurrency 3 --request-rate 100 --percentile-metrics {metrics} --metric-percentiles 25,50,99.9")

# What is printed and saved.
case("all-metrics", f"{small} --percentile-metrics {metrics} --metric-percentiles 25,50,99.9,100 --goodput ttft:1000 tpot:500 e2el:2000 --metadata a=1 b=two=2 --label L --max-concurrency 4 --request-rate 50")
case("goodput-missed", f"{small} --goodput ttft:0.0001 --percentile-metrics e2el")
case("names-unknown", f"{small} --percentile-metrics ttft,nonsense,e2el --metric-percentiles 50.0,99.90", default="names that are no metrics are refused")
case("append", f"{small} --append-result", files={"res/r.json": '{"old": 1}'})
case("append-alone", ["--base-url", "{url}", "--model", "m", "--tokenizer", "{tiny}", "--append-result", "--result-filename", "x.json", "--disable-tqdm", *small.split()], bare=True)
case("name-ramp", ["--base-url", "{url}", "--model", "org/m", "--tokenizer", "{tiny}", "--save-result", "--disable-tqdm", *small.split(), "--ramp-up-strategy", "linear", "--ramp-up-start-rps", "20", "--ramp-up-end-rps", "40", "--max-concurrency", "7"], {"models": [{"id": "org/m", "root": "org/m"}]}, bare=True)
case("pytorch", f"{small} --metadata a=1 --seed 4 --request-rate 100 --header X-A=b --temperature 0", env={"SAVE_TO_PYTORCH_BENCHMARK_FORMAT": "1"})
case("no-usage", f"{sharegpt}", {"usage": "none"})
case("no-usage-chat", f"{chat} {sharegpt}", {"usage": "none"})
case("no-tokenizer-no-usage", f"{custom} --skip-tokenizer-init", {"usage": "none"})
case("failures", f"{small} --num-prompts 8 --max-concurrency 1", {"status": [[200, "OK"], [500, "Internal Server Error"], [429, "Too Many Requests"], [404, "Not Found"]]}, ordered=True)
case("all-fail", f"{small}", {"status": [[500, "Internal Server Error"]] * 6})

# What the stream looks like. {T} is a completions event, {D} a chat one.


def t(text, finish=None, **more):
    import json

    return json.dumps({"id": "c{n}", "object": "text_completion", "choices": [{"index": 0, "text": text, "finish_reason": finish}], **more})


def d(delta, finish=None, **more):
    import json

    return json.dumps({"id": "c{n}", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})


def u(n, prompt=11):
    import json

    return json.dumps({"id": "c{n}", "choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": n, "total_tokens": n + prompt}})


usage = {"usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}}
so_far = lambda n: {"usage": {"prompt_tokens": 11, "completion_tokens": n, "total_tokens": n + 11}}
gap = 0.02


def stream(name, segments, api="", **more):
    script = [[gap, s] for s in segments]
    words = f"{api} {sharegpt} --num-prompts 4 --percentile-metrics ttft,tpot,itl,e2el"
    case("stream-" + name, words, {"script": script, **more.pop("scenario", {})}, stream=True, **more)


end = f"data: {u(3)}\n\ndata: [DONE]\n\n"
stream("role-first", [f"data: {d({'role': 'assistant', 'content': ''})}\n\n", f"data: {d({'content': ' one'})}\n\n", f"data: {d({'content': ' two'})}\n\n", f"data: {d({}, 'stop')}\n\n", end], chat, default="Q3")
stream("reasoning", [f"data: {d({'role': 'assistant', 'content': ''})}\n\n", f"data: {d({'reasoning_content': 'hm'})}\n\n", f"data: {d({'content': ' two'})}\n\n", f"data: {d({'content': ''}, 'stop')}\n\n", end], chat, default="Q3")
stream("bundled", [f"data: {t(' a b c d')}\n\n", f"data: {t(' e f g h')}\n\n", f"data: {t(' i', 'length')}\n\n", f"data: {u(9)}\n\ndata: [DONE]\n\n"])
stream("together", [f"data: {t(' a')}\n\ndata: {t(' b')}\n\n", f"data: {t(' c', 'length')}\n\n" + end])
stream("usage-last", [f"data: {t(' a')}\n\n", f"data: {t(' b')}\n\n", f"data: {t(' c', 'stop', **usage)}\n\n", "data: [DONE]\n\n"], default="Q8")
stream("usage-everywhere", [f"data: {t(' a', **so_far(1))}\n\n", f"data: {t(' b', 'stop', **so_far(3))}\n\n", end])
stream("error-inside", [f"data: {t(' a')}\n\n", 'data: {"error": {"message": "broke", "code": 500}}\n\n', "data: [DONE]\n\n"], default="Q14")
stream("error-first", ['data: {"error": {"message": "broke", "code": 500}}\n\n', "data: [DONE]\n\n"], default="Q14")
stream("cut-clean", [f"data: {t(' a')}\n\n", f"data: {t(' b')}\n\n"], default="Q14")
stream("cut-hard", [f"data: {t(' a')}\n\n", f"data: {t(' b')}\n\n"], scenario={"cut": True}, default="Q14")
stream("cut-close", [f"data: {t(' a')}\n\n", f"data: {t(' b')}\n\n"], scenario={"framing": "close"}, default="Q14")
stream("close", [f"data: {t(' a')}\n\n", f"data: {t(' b', 'stop')}\n\n", end], scenario={"framing": "close"})
stream("length", [f"data: {t(' a')}\n\n", f"data: {t(' b', 'stop')}\n\n", end], scenario={"framing": "length"})
stream("empty", ["data: [DONE]\n\n"])
stream("empty-texts", [f"data: {t('')}\n\n", f"data: {t('')}\n\n", f"data: {t(' c')}\n\n", f"data: {t('', 'stop')}\n\n", end], default="Q3")
stream("spaces-cut", [f"data: {t(' a')}\n\ndata: " + '{"choices":[{"index":0,"text":"x ', ' y z","finish_reason":null}]}\n\n', f"data: {t(' c', 'stop')}\n\n", end], default="Q4")
stream("comment-first", [": ping\n\n", f"data: {t(' a')}\n\n", f"data: {t(' b', 'stop')}\n\n", end], default="Q5")
stream("comment-between", [f"data: {t(' a')}\n\n", ": ping\n\n", f"data: {t(' b')}\n\n", f"data: {t(' c', 'stop')}\n\n", end], default="Q5")
stream("comment-glued", [f"data: {t(' a')}\n\n", f": ping\n\ndata: {t(' b')}\n\n", f"data: {t(' c', 'stop')}\n\n", end], default="Q5")
stream("crlf", [f"data: {t(' a')}\r\n\r\n", f"data: {t(' b')}\r\n\r\n", f"data: {t(' c', 'stop')}\r\n\r\n", "data: [DONE]\r\n\r\n"], default="Q6")
stream("crlf-together", [f"data: {t(' a')}\r\n\r\n", f"data: {t(' b')}\r\n\r\ndata: {t(' c', 'stop')}\r\n\r\n", "data: [DONE]\r\n\r\n"], default="Q6")
stream("crlf-first-together", [f"data: {t(' a')}\r\n\r\ndata: {t(' b')}\r\n\r\n", f"data: {t(' c', 'stop')}\r\n\r\n"], default="Q6")
stream("no-space", [f"data:{t(' a')}\n\n", f"data:{t(' b', 'stop')}\n\n", "data:[DONE]\n\n"], default="Q7")
stream("no-space-later", [f"data: {t(' a')}\n\n", f"data:{t(' b', 'stop')}\n\n", "data: [DONE]\n\n"], default="Q7")
stream("event-lines", [f"event: x\ndata: {t(' a')}\n\n", f"event: x\ndata: {t(' b', 'stop')}\n\n", "data: [DONE]\n\n"], default="Q7")
stream("event-lines-together", [f"event: x\ndata: {t(' a')}\n\nevent: x\ndata: {t(' b', 'stop')}\n\ndata: [DONE]\n\n"], default="Q7")
stream("id-lines", [f"id: 1\ndata: {t(' a')}\n\n", f"id: 2\ndata: {t(' b', 'stop')}\n\n", end], default="Q7")
stream("broken-json", [f"data: {t(' a')}\n\n", 'data: {"choices": [\n\n', end], default="Q4")
stream("late-newlines", [f"data: {t(' a')}", "\n\n", f"data: {t(' b', 'stop')}", "\n\n" + end])
stream("cut-in-event", [f"data: {t(' a')}\n\ndata: " + t(" b")[:30], t(" b")[30:] + "\n\n", f"data: {t(' c', 'stop')}\n\n", end])
stream("after-done", [f"data: {t(' a')}\n\n", f"data: {t(' b', 'stop')}\n\n", "data: [DONE]\n\n", f"data: {t(' late')}\n\n", end], default="done")
stream("no-done", [f"data: {t(' a')}\n\n", f"data: {t(' b', 'stop')}\n\n", f"data: {u(3)}\n\n"])
stream("bom", ["\ufeff" + f"data: {t(' a')}\n\n", f"data: {t(' b', 'stop')}\n\n", end], default="Q7")
stream("unicode", [f"data: {t(' é')}\n\n", f"data: {t('🙂')}\n\n", f"data: {t(chr(0x2028), 'stop')}\n\n", end])
stream("zero-usage", [f"data: {t(' a')}\n\n", f"data: {t(' b', 'stop')}\n\n", f"data: {u(0, 0)}\n\ndata: [DONE]\n\n"], default="Q8", compat="usage of zeros")
stream("tools", [f"data: {d({'role': 'assistant', 'content': None})}\n\n", f"data: {d({'tool_calls': [{'index': 0, 'function': {'name': 'f', 'arguments': '{'}}]})}\n\n", f"data: {d({}, 'tool_calls')}\n\n", end], chat, default="Q3")
stream("no-delta", [f"data: {d({'content': 'x'})}\n\n", 'data: {"choices":[{"index":0,"finish_reason":"stop"}]}\n\n', end], chat, default="Q7", compat="a choice without delta")

resp = lambda kind, **m: __import__("json").dumps({"type": kind, **m})
ev = lambda kind, **m: f"event: {kind}\ndata: {resp(kind, **m)}\n\n"
delta, done = "response.output_text.delta", "response.completed"
counts = {"response": {"usage": {"input_tokens": 11, "output_tokens": 3}}}
stream("responses", [ev("response.created"), ev(delta, delta=" a"), ev(delta, delta=" b"), ev(done, **counts)], responses)
stream("responses-reasoning", [ev("response.reasoning_text.delta", delta="hm"), ev(delta, delta=" b"), ev(done, **counts)], responses)
stream("responses-unfinished", [ev(delta, delta=" a"), ev(delta, delta=" b")], responses)
stream("responses-failed", [ev(delta, delta=" a"), ev("response.failed", response={"error": {"message": "no"}})], responses, compat="words of errors")
stream("responses-error", [ev(delta, delta=" a"), ev("error", error={"message": "no"}), ev(done, **counts)], responses, compat="words of errors")
stream("responses-no-delta", [ev("response.created"), ev(done, **counts)], responses)
stream("responses-incomplete", [ev(delta, delta=" a"), ev("response.incomplete", **counts)], responses)
stream("responses-comments", [": ping\n\n", ev(delta, delta=" a"), ": ping\n\n", ev(delta, delta=" b"), ev(done, **counts)], responses)
stream("responses-crlf", [ev(delta, delta=" a").replace("\n", "\r\n"), ev(done, **counts).replace("\n", "\r\n")], responses, default="Q6")

# What the server tells about speculation.


def spec(drafts, tokens, accepted, positions):
    lines = [f'vllm:spec_decode_num_drafts_total{{model_name="m"}} {drafts}.0', f'vllm:spec_decode_num_draft_tokens_total{{model_name="m"}} {tokens}.0',
             f'vllm:spec_decode_num_accepted_tokens_total{{model_name="m"}} {accepted}.0']
    lines += [f'vllm:spec_decode_num_accepted_tokens_per_pos_total{{model_name="m",position="{i}"}} {n}.0' for i, n in enumerate(positions)]
    return "# HELP x\n" + "\n".join(lines) + "\n"


def diffusion(steps, positions, committed):
    return "".join(f'vllm:diffusion_{k}_total{{model_name="m"}} {v}.0\n' for k, v in (("num_denoising_steps", steps), ("num_canvas_positions", positions), ("num_committed_tokens", committed)))


before, after = spec(10, 30, 12, [8, 3, 1]), spec(110, 330, 200, [90, 70, 40])
case("spec-decode", f"{small}", {"metrics": [before, after]})
case("diffusion", f"{small}", {"metrics": [diffusion(10, 320, 64), diffusion(110, 3520, 704)]})
