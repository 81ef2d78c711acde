"""Writes bodies.json: what vLLM's own client sends for the calls below.

Run it with the Python of an environment that has vLLM 0.32:
    python record_bodies.py > bodies.json
"""

import asyncio
import json

from vllm.benchmarks.lib import endpoint_request_func as erf

URLS = {
    "vllm": "http://x/v1/completions",
    "openai-chat": "http://x/v1/chat/completions",
    "openai-responses": "http://x/v1/responses",
}
FUNCS = {
    "vllm": erf.async_request_openai_completions,
    "openai-chat": erf.async_request_openai_chat_completions,
    "openai-responses": erf.async_request_openai_responses,
}
TEXT = 'Grüße: 你好 👋🏽 "q" \\ / \x01\x7f\t\n\u2028 </script>'
CALLS = [
    {"why": "plain text", "text": TEXT},
    {"why": "ignore_eos", "text": "a", "ignore_eos": True},
    {"why": "extra keys come last, in their order", "text": "a", "extra": {"temperature": 0, "z": None, "a": {"b": [1, 2.5]}}},
    {"why": "extra replaces a key in its place", "text": "a", "extra": {"stream": False, "x": 1, "model": "other"}},
    {"why": "extra replaces an object whole", "text": "a", "extra": {"stream_options": {"continuous_usage_stats": True}}},
    {"why": "extra replaces ignore_eos", "text": "a", "ignore_eos": True, "extra": {"ignore_eos": False}},
    {"why": "half of a surrogate pair", "text": "a\ud83d!"},
    {"why": "log-probabilities", "text": "a", "logprobs": 2},
]
ONLY = {
    "vllm": [
        {"why": "token ids", "ids": [1, 0, 151935]},
        {"why": "a batch", "batch": ["a", "b\n", ""]},
        {"why": "no token ids at all", "ids": []},
    ],
    "openai-chat": [
        {"why": "messages", "messages": [{"role": "system", "content": "ü"}, {"role": "user", "content": [{"type": "text", "text": "a"}]}]},
    ],
}


class Stop(Exception):
    pass


class Session:
    def post(self, url, json, headers):
        self.payload = json
        raise Stop


def payload(backend, call):
    prompt = call.get("text", call.get("ids", call.get("batch", call.get("messages"))))
    session = Session()
    asyncio.run(FUNCS[backend](erf.RequestFuncInput(
        prompt=prompt, api_url=URLS[backend], prompt_len=1, output_len=16, model="m/n",
        logprobs=call.get("logprobs"), ignore_eos=call.get("ignore_eos", False),
        extra_body=call.get("extra")), session))
    return session.payload


out = []
for backend in FUNCS:
    for call in CALLS + ONLY.get(backend, []):
        # The body is kept as text so that the order of its keys is kept too.
        out.append({"backend": backend, **call, "body": json.dumps(payload(backend, call))})
print(json.dumps(out, indent=1))
