"""Record what vLLM's client makes of streams, by its own class and the loops
around it, without a server:

    python record_vllm.py OUT.json

Run with the Python of an environment that has vLLM 0.32. Each case is a list
of segments as the connection was read; recorded is, for completions, what the
loop of async_request_openai_completions hands to json.loads, and for responses
what async_request_openai_responses does. "error" ends a case at text that is
no JSON or no UTF-8.
"""
import json
import random
import sys

from vllm.benchmarks.lib import endpoint_request_func as e

ok = '{"choices":[{"index":0,"text":" a","finish_reason":null}]}'
two = '{"choices":[{"index":0,"text":"x  y\\n\\n z"}]}'
uni = '{"choices":[{"index":0,"text":"é🙂\u2028"}]}'
cases = {
    "plain": [f"data: {ok}\n\n", f"data: {two}\n\n", "data: [DONE]\n\n"],
    "together": [f"data: {ok}\n\ndata: {two}\n\ndata: [DONE]\n\n"],
    "no newlines": [f"data: {ok}", f"data: {two}", "data: [DONE]"],
    "newlines later": [f"data: {ok}", "\n\n", f"data: {two}\n", "\n", "data: [DONE]\n\n"],
    "space at a boundary": ['data: {"choices":[{"text":"x ', ' y"}]}\n\n', f"data: {ok}\n\n"],
    "newline at a boundary": [f"data: {ok}\n", f"\ndata: {two}\n\n", f"data: {ok}\n\n"],
    "comment alone": [": ping\n\n", f"data: {ok}\n\n", f"data: {two}\n\n"],
    "comment between": [f"data: {ok}\n\n", ": ping\n\n", f"data: {ok}\n\n", f"data: {ok}\n\ndata: {two}\n\n", f"data: {ok}\n\n"],
    "comment in front": [f": ping\n\ndata: {ok}\n\n", f"data: {two}\n\n"],
    "comment behind": [f"data: {ok}\n\n: ping\n\n", f"data: {two}\n\n"],
    "crlf": [f"data: {ok}\r\n\r\n", f"data: {two}\r\n\r\n", "data: [DONE]\r\n\r\n"],
    "crlf together": [f"data: {ok}\r\n\r\n", f"data: {ok}\r\n\r\ndata: {two}\r\n\r\n", f"data: {ok}\r\n\r\n"],
    "no space": [f"data:{ok}\n\n", f"data:{two}\n\n"],
    "no space together": [f"data: {ok}\n\ndata:{two}\n\ndata: {ok}\n\n"],
    "event lines": [f"event: x\ndata: {ok}\n\n", f"event: x\ndata: {two}\n\n"],
    "event lines together": [f"event: x\ndata: {ok}\n\nevent: x\ndata: {two}\n\n"],
    "id behind data": [f"data: {ok}\nid: 7\n\ndata: {two}\n\n"],
    "two data lines": ["data: {\ndata: }\n\ndata: {}\n\n"],
    "cut in a character": [f"data: {uni}\n\n".encode()[:45], f"data: {uni}\n\n".encode()[45:], f"data: {ok}\n\n"],
    "not utf-8": [f"data: {ok}\n\n", b"data: {\"a\":\"\xff\"}\n\n", f"data: {ok}\n\n"],
    "not utf-8 at the end": [f"data: {ok}\n\n", b"data: {\"a\":\"\xe2\x82", f"data: {ok}\n\n"],
    "byte order mark": ["\ufeff" + f"data: {ok}\n\n", f"data: {ok}\n\n"],
    "broken JSON": [f"data: {ok}\n\n", 'data: {"choices": [\n\n', f"data: {ok}\n\n"],
    "broken JSON whole": [f"data: {ok}\n\ndata: {{]\n\ndata: {ok}\n\n"],
    "empty lines": ["\n\n", "\n\n\n\n", f"\n\n\n\ndata: {ok}\n\n\n\n\ndata: {ok}\n\n", "  ", f"data: {ok}\n\n"],
    "odd space": [f"data: {ok}\x0b\x0c\n\n", f"data: {ok}\u2028\n\ndata:   {two}  \n\n", f"\u00a0data: {ok}\n\ndata: {ok}\n\n"],
    "done glued": [f"data: [DONE]\n\ndata: {ok}\n\n", "data: [DONE]"],
    "a number": ["data: 1", "2\n\n", f"data: {ok}\n\n"],
    "no json at all": ["hello\n\n", "world\n\n"],
    "only data": ["data: \n\ndata:\n\n", f"data: {ok}\n\n"],
    "long": ["data: " + '{"choices":[{"text":"' + "ab " * 300, "cd " * 300 + '"}]}\n\n', f"data: {ok}\n\n"],
}
rnd = random.Random(5)
for i in range(60):
    pieces = [f"data: {ok}\n\n", f"data: {two}\n\n", f"data: {uni}\n\n", ": ping\n\n", f"data: {ok}\r\n\r\n", f"event: a\ndata: {ok}\n\n", f"data:{ok}\n\n", "data: [DONE]\n\n", "\n\n"]
    weights = [8, 8, 8] + [rnd.random() < 0.3 for _ in range(6)]
    raw = "".join(rnd.choices(pieces, weights, k=rnd.randint(2, 8))).encode()
    cuts = sorted({0, len(raw), *(rnd.randrange(len(raw)) for _ in range(rnd.randint(0, 8)))})
    cases[f"random {i}"] = [raw[a:b] for a, b in zip(cuts, cuts[1:])]


def completions(segments):
    handler = e.StreamedResponseHandler()
    for chunk_bytes in segments:
        chunk_bytes = chunk_bytes.strip()
        if not chunk_bytes:
            continue
        for message in handler.add_chunk(chunk_bytes):
            if not message.startswith(":"):
                yield message.removeprefix("data: ")


def responses(segments):
    handler = e.StreamedResponseHandler()
    for chunk_bytes in segments:
        for message in handler.add_chunk(chunk_bytes):
            chunk = e._extract_sse_data(message)
            if chunk and chunk != "[DONE]":
                yield chunk


def run(loop, segments):
    out = []
    try:
        for message in loop(segments):
            if message != "[DONE]":
                json.loads(message)
                out.append(message)
    except ValueError:
        out.append("error")
    return out


recorded = []
for name, segments in cases.items():
    raw = [s.encode() if isinstance(s, str) else s for s in segments]
    recorded.append({"name": name, "segments": [s.decode("latin-1") for s in raw], "completions": run(completions, raw), "responses": run(responses, raw)})
json.dump({"vllm": "0.32.0", "note": "segments are bytes as Latin-1", "cases": recorded}, open(sys.argv[1], "w"), indent=0)
