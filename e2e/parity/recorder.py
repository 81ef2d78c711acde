"""A server that answers like OpenAI's and keeps what it was asked.

    python recorder.py PORTFILE

It listens on a free port of the loopback and writes its number to PORTFILE.
POST /_case takes a scenario and forgets what was recorded; GET /_log gives the
requests since then: when they came (seconds), method, path, headers, body.

A scenario is a JSON object; every member may be missing:
  models     list of /v1/models ({"id", "root"}); [] for none, null for 404
  tokenizer  tokenizer.json by which /tokenize and /detokenize answer; else 404
  metrics    what /metrics answers before the first request and after; else 404
  status     list of statuses of the first answers, then 200; [code, reason] each
  tokens     most tokens of an answer (8)
  ttft, itl  seconds before the first event (0.005) and between events (0.004)
  script     the answer's body as it stands: list of [seconds to wait, text];
             each is one chunk and one write. {n} in it is the number of the
             request's id. Else the body is what vLLM sends for the path.
  framing    "chunked" (default), "length" or "close"
  usage      "last" (default): an event of its own; "none"
"""
import asyncio
import json
import re
import sys
import time


def number(headers):
    """The number at the end of a request's id; -1 where there is none."""
    found = re.search(r"(\d+)$", headers.get("x-request-id", ""))
    return int(found.group(1)) if found else -1


def sse(obj, name=None):
    event = f"event: {name}\n" if name else ""
    return f"{event}data: {json.dumps(obj)}\n\n"


class Recorder:
    def __init__(self):
        self.scenario, self.log, self.count, self.tokenizer = {}, [], 0, None

    def start_case(self, scenario):
        self.scenario, self.log, self.count, self.tokenizer = scenario, [], 0, None
        if path := scenario.get("tokenizer"):
            from tokenizers import Tokenizer

            self.tokenizer = Tokenizer.from_file(path)

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                at = time.monotonic()
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ", 2)
                headers = {}
                for name, value in (l.split(":", 1) for l in lines[1:] if l):
                    name = name.strip().lower()
                    headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
                body = await self.body(reader, headers)
                if not await self.answer(writer, at, method, path, headers, body):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    @staticmethod
    async def body(reader, headers):
        if headers.get("transfer-encoding") == "chunked":
            parts = []
            while size := int((await reader.readline()).split(b";")[0], 16):
                parts.append(await reader.readexactly(size))
                await reader.readline()
            await reader.readline()
            return b"".join(parts)
        return await reader.readexactly(int(headers.get("content-length", 0)))

    async def answer(self, writer, at, method, path, headers, body):
        """Answers one request; False closes the connection."""
        if path == "/_case":
            self.start_case(json.loads(body))
            return await self.plain(writer, {})
        if path == "/_log":
            return await self.plain(writer, self.log)
        try:
            parsed = json.loads(body) if body else None
        except ValueError:
            parsed = {"not JSON": body.decode("latin-1")}
        self.log.append({"at": at, "method": method, "path": path, "headers": headers, "body": parsed})
        s = self.scenario
        if path.endswith("/models"):
            models = s.get("models", [{"id": "m", "root": "m"}])
            if models is None:
                return await self.plain(writer, {"detail": "Not Found"}, 404, "Not Found")
            return await self.plain(writer, {"object": "list", "data": [{"object": "model", **m} for m in models]})
        if path.endswith("/tokenize") and self.tokenizer:
            ids = self.tokenizer.encode(parsed["prompt"], add_special_tokens=parsed.get("add_special_tokens", True)).ids
            return await self.plain(writer, {"count": len(ids), "max_model_len": 4096, "tokens": ids, "token_strs": None})
        if path.endswith("/detokenize") and self.tokenizer:
            return await self.plain(writer, {"prompt": self.tokenizer.decode(parsed["tokens"], skip_special_tokens=False)})
        if path.endswith(("/start_profile", "/stop_profile")) and s.get("profiler", True):
            return await self.plain(writer, "", text=True)
        if path == "/metrics" and s.get("metrics"):
            return await self.plain(writer, s["metrics"][bool(self.count)], text=True)
        if path == "/version":
            return await self.plain(writer, {"version": "0.32.0"})
        if path.endswith(("completions", "responses")):
            return await self.stream(writer, path, headers, parsed)
        return await self.plain(writer, {"detail": "Not Found"}, 404, "Not Found")

    @staticmethod
    async def plain(writer, obj, status=200, reason="OK", text=False):
        data = (obj if text else json.dumps(obj)).encode()
        kind = "text/plain" if text else "application/json"
        writer.write(f"HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()
        return True

    async def stream(self, writer, path, headers, body):
        s = self.scenario
        count, self.count = self.count, self.count + 1
        statuses = s.get("status", [])
        if count < len(statuses) and statuses[count][0] != 200:
            status, reason = statuses[count]
            return await self.plain(writer, {"error": {"message": "told to fail", "code": status}}, status, reason)
        if script := s.get("script"):
            n = str(number(headers))
            pieces = [(wait, text.replace("{n}", n)) for wait, text in script]
        else:
            pieces = self.pieces(path, body)
        framing = s.get("framing", "chunked")
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
        if framing == "chunked":
            head += "Transfer-Encoding: chunked\r\n"
        elif framing == "length":
            head += f"Content-Length: {sum(len(t.encode()) for _, t in pieces)}\r\n"
        else:
            head += "Connection: close\r\n"
        writer.write(head.encode() + b"\r\n")
        for wait, text in pieces:
            await asyncio.sleep(wait)
            data = text.encode()
            if framing == "chunked":
                data = b"%x\r\n%s\r\n" % (len(data), data)
            writer.write(data)
            await writer.drain()
        if framing == "chunked":
            if s.get("cut"):  # the connection ends where a chunk should follow
                return False
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return framing != "close"

    def pieces(self, path, body):
        s = self.scenario
        n = min(body.get("max_tokens") or body.get("max_completion_tokens") or body.get("max_output_tokens") or 16, s.get("tokens", 8))
        ttft, itl = s.get("ttft", 0.005), s.get("itl", 0.004)
        words = [f" w{i}" for i in range(n)]
        prompt = json.dumps(body.get("prompt") or body.get("messages") or body.get("input"))
        used = {"prompt_tokens": len(prompt) // 4, "completion_tokens": n, "total_tokens": len(prompt) // 4 + n}
        if path.endswith("responses"):
            events = responses(words, used, body)
        elif path.endswith("chat/completions"):
            events = chat(words, used, body, s)
        else:
            events = completions(words, used, body, s)
        return [(ttft if i == 0 else itl, e) for i, e in enumerate(events)]


def finish(i, words):
    return "length" if i == len(words) - 1 else None


def tail(base, used, s):
    if s.get("usage", "last") == "last":
        return [sse({**base, "choices": [], "usage": used}) + "data: [DONE]\n\n"]
    return ["data: [DONE]\n\n"]


def completions(words, used, body, s):
    base = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": body.get("model")}
    events = [sse({**base, "choices": [{"index": 0, "text": w, "logprobs": None, "finish_reason": finish(i, words)}]}) for i, w in enumerate(words)]
    return events + tail(base, used, s)


def chat(words, used, body, s):
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body.get("model")}
    role = [sse({**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})]
    events = [sse({**base, "choices": [{"index": 0, "delta": {"content": w}, "finish_reason": finish(i, words)}]}) for i, w in enumerate(words)]
    return role + events + tail(base, used, s)


def responses(words, used, body):
    usage = {"input_tokens": used["prompt_tokens"], "output_tokens": used["completion_tokens"], "total_tokens": used["total_tokens"]}
    made = {"id": "resp_1", "object": "response", "status": "in_progress", "model": body.get("model"), "output": [], "usage": None}
    events = [sse({"type": "response.created", "sequence_number": 0, "response": made}, "response.created")]
    for i, w in enumerate(words):
        name = "response.output_text.delta"
        events.append(sse({"type": name, "sequence_number": i + 1, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": w}, name))
    done = {**made, "status": "completed", "usage": usage}
    return events + [sse({"type": "response.completed", "sequence_number": len(words) + 1, "response": done}, "response.completed")]


async def main():
    server = await asyncio.start_server(Recorder().serve, "127.0.0.1", 0, limit=1 << 26, backlog=1024)
    with open(sys.argv[1], "w") as f:
        f.write(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


asyncio.run(main())
