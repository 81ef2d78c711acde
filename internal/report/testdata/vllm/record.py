"""Makes vLLM's own client report on made-up requests, and keeps what it says.

Run it with a Python that has vLLM 0.32:  python record.py [CASE ...]
For each CASE/case.json it writes CASE/stdout.txt, CASE/result.json, the
file's name in CASE/name.txt, and CASE/pytorch.json. Nothing is sent: the
functions that send, pace and count are replaced by ones that hand out the
requests of the case, and everything from there on is vLLM's.
"""

import asyncio
import contextlib
import datetime as dt
import io
import json
import os
import sys
import tempfile
import time
from http import HTTPStatus
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ["SAVE_TO_PYTORCH_BENCHMARK_FORMAT"] = "1"
os.environ["TZ"] = "UTC"
time.tzset()

from vllm.benchmarks import serve  # noqa: E402
from vllm.benchmarks.lib.endpoint_request_func import RequestFuncOutput  # noqa: E402
from vllm.utils.argparse_utils import FlexibleArgumentParser  # noqa: E402

NS = 1e9
RESULT_TIME = dt.datetime(2026, 11, 24, 10, 11, 12)
state = SimpleNamespace(now=RESULT_TIME, clock=[])


class Clock(dt.datetime):
    @classmethod
    def now(cls, tz=None):
        return state.now


class Tokens(str):
    """A text that knows how many tokens it has."""

    count = 0


def tokenizer(text, add_special_tokens=True):
    return SimpleNamespace(input_ids=[0] * text.count)


def output_of(r, backend):
    """What vLLM's request function would return for the record."""
    out = RequestFuncOutput()
    t = r["timing"]
    sent = t["sent"]
    out.start_time = sent / NS
    out.prompt_len = r.get("want_prompt", 0)
    chunks = sorted(r.get("events", []) + r.get("bare", []))
    responses = backend == "openai-responses"
    if chunks:
        out.ttft = (chunks[0] - sent) / NS
        out.itl = [(b - a) / NS for a, b in zip(chunks, chunks[1:])]
    usage = r["output_tokens"].get("from") == "usage" and (responses or r.get("usage_alone"))
    if usage:
        out.output_tokens = r["output_tokens"]["n"]
        out.prompt_len = r["prompt_tokens"]["n"]
    if t.get("status") == 200 and chunks:
        out.success = not (responses and r["outcome"] == "stream_error")
    # The responses API keeps latency and text of failures whose end it saw.
    ended = responses and t.get("status") == 200 and t.get("framed") and r["outcome"] != "bad_stream"
    if chunks and (out.success or ended):
        out.latency = (chunks[-1] - sent) / NS
        out.generated_text = Tokens(r.get("text", ""))
        out.generated_text.count = r["output_tokens"]["n"]
    if out.success:
        return out
    if t.get("status", 0) not in (0, 200):
        out.error = HTTPStatus(t["status"]).phrase
    else:
        out.error = r.get("err", "")
    return out


async def nothing(*args, **kwargs):
    return None


def run(name):
    folder = os.path.join(HERE, name)
    with open(os.path.join(folder, "case.json"), encoding="utf-8") as f:
        case = json.load(f)
    records, ending = case["records"], case["ending"]
    began = dt.datetime.fromisoformat(ending["began"]).replace(tzinfo=None)

    def at(stamp):
        return began + dt.timedelta(microseconds=stamp // 1000)

    samples = [
        SimpleNamespace(prompt=str(i), prompt_len=r["want_prompt"], expected_output_len=1,
                        multi_modal_data=None, request_overrides=None, chat_messages=None,
                        request_id=str(i), lora_request=None, timestamp=None)
        for i, r in enumerate(records)
    ]
    # One reading before the first request, one for each request as it is let
    # go, one at the end.
    duration = (ending["end"] - ending["start"]) / NS
    state.clock = [0.0] + [r["released"] / NS for r in records] + [duration]

    async def get_request(requests, rate, burstiness, strategy, start, end, self_timed):
        for i, request in enumerate(requests):
            state.now = at(records[i]["released"])
            yield request, serve._get_current_request_rate(
                strategy, start, end, i, len(requests), rate)
        state.now = RESULT_TIME

    parser = FlexibleArgumentParser()
    serve.add_cli_args(parser)
    with tempfile.TemporaryDirectory() as tmp:
        args = parser.parse_args(["--model", "org/tiny-model", "--disable-tqdm",
                                  "--num-prompts", str(len(records)), "--result-dir", tmp,
                                  "--backend", "vllm", "--result-filename", "",
                                  "--request-id-prefix", "bench-"]
                                 + case["args"])
        args.save_result = True
        args.save_detailed = name not in ("responses", "many")

        async def request(request_func_input, session, pbar=None):
            return output_of(records[int(request_func_input.prompt)], args.backend)

        serve.ASYNC_REQUEST_FUNCS = {**serve.ASYNC_REQUEST_FUNCS, args.backend: request}
        serve.get_samples = lambda args, tokenizer: samples
        serve.get_tokenizer = lambda *a, **k: tokenizer
        serve.get_request = get_request
        serve._align_prompts_to_server_tokenizer = keep
        serve.fetch_spec_decode_metrics = nothing
        serve.fetch_diffusion_metrics = nothing
        serve.datetime = Clock
        serve.time = SimpleNamespace(perf_counter=lambda: state.clock.pop(0), time=time.time)
        state.now = at(ending["start"])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            asyncio.run(serve.main_async(args))
        files = sorted(os.listdir(tmp))
        result = [f for f in files if not f.endswith(".pytorch.json")][0]
        keep_file(folder, "name.txt", result)
        for source, kept in ((result, "result.json"), (result[:-5] + ".pytorch.json", "pytorch.json")):
            if source not in files or (name == "many" and kept == "pytorch.json"):
                # vLLM makes no file of no record; twelve times many latencies is much
                continue
            with open(os.path.join(tmp, source), encoding="utf-8") as f:
                keep_file(folder, kept, f.read().replace(tmp, "DIR"))
    lines = printed.getvalue().splitlines(keepends=True)
    first = [i for i, line in enumerate(lines)
             if line.startswith(("Failed requests during", "tip:", "====="))][0]
    keep_file(folder, "stdout.txt", "".join(lines[first:]))
    print(name, result)


async def keep(base_url, model_id, requests, ssl):
    return requests


def keep_file(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n") as f:
        f.write(text)


names = sys.argv[1:] or sorted(
    d for d in os.listdir(HERE) if os.path.isdir(os.path.join(HERE, d)))
for case_name in names:
    run(case_name)
