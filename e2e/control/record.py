"""Records what a vLLM server answers on its control paths, and its /metrics.

    record.py SECTION URL MODEL DIR     send the requests of a section
    record.py adapter MODEL DIR         make a LoRA adapter for the tiny model
    record.py pack MODEL DIR            put all sections together

SECTION is dev, lora, key, pool or busy; e2e/control/run starts the server that
each needs. The recordings are what the tests of internal/sim and
internal/sim/exposition compare the simulator with.
"""

import gzip
import http.client
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

BASE = MODEL = DIR = ""
rows = []


def call(name, method, path, body=None, headers=None, keep=True, raw=None):
    h, data = dict(headers or {}), None
    if raw is not None or body is not None:
        data = (json.dumps(body) if raw is None else raw).encode()
        h.setdefault("Content-Type", "application/json")
    elif method == "POST":
        data = b""
    req = urllib.request.Request(BASE + path, data=data, headers=h, method=method)
    try:
        with urllib.request.urlopen(req, timeout=120) as f:
            status, got, text = f.status, f.headers, f.read()
    except urllib.error.HTTPError as e:
        status, got, text = e.code, e.headers, e.read()
    kind = got.get("content-type", "")
    answer = text.decode("latin-1" if kind == "application/octet-stream" else "utf-8")
    row = dict(name=name, method=method, path=path, headers=h, body=(data or b"").decode(), status=status,
               content_type=kind, answer=answer)
    if got.get("allow"):
        row["allow"] = got["allow"]
    if keep:
        rows.append(row)
    return status, answer


def plain(method, path):
    """Sends a request and does not follow where it is sent to."""
    c = http.client.HTTPConnection(BASE.removeprefix("http://"))
    c.request(method, path)
    r = c.getresponse()
    row = dict(name="redirect", method=method, path=path, headers={}, body="", status=r.status,
               content_type=r.getheader("content-type") or "", answer=r.read().decode())
    for k in ("location", "allow"):
        if r.getheader(k):
            row[k] = r.getheader(k)
    rows.append(row)


def scrape(name):
    with open(f"{DIR}/scrape-{name}.txt", "w") as f:
        f.write(call("scrape", "GET", "/metrics", keep=False)[1])


def complete(prompt, n, **more):
    return call("", "POST", "/v1/completions",
                dict(model="tiny", prompt=prompt, max_tokens=n, ignore_eos=True, **more), keep=False)


def together(*fs):
    ts = [threading.Thread(target=f) for f in fs]
    [t.start() for t in ts]
    [t.join() for t in ts]


def dev():
    scrape("fresh")
    for n, m, p in [("health", "GET", "/health"), ("ping", "GET", "/ping"), ("ping-post", "POST", "/ping"),
                    ("version", "GET", "/version"), ("models", "GET", "/v1/models"), ("load", "GET", "/load"),
                    ("unknown", "GET", "/nope")]:
        call(n, m, p)
    call("unknown-post", "POST", "/v1/nope", {})
    for m, p in [("POST", "/health"), ("GET", "/v1/completions"), ("POST", "/v1/models"), ("DELETE", "/version"),
                 ("GET", "/tokenize"), ("PUT", "/ping"), ("POST", "/load"), ("GET", "/reset_prefix_cache"), ("GET", "/sleep"),
                 ("POST", "/is_sleeping"), ("POST", "/metrics"), ("GET", "/v1/chat/completions"), ("HEAD", "/health"),
                 ("OPTIONS", "/v1/models"), ("GET", "/pause"), ("POST", "/server_info")]:
        call("method", m, p)
    user = {"role": "user", "content": "Hello"}
    tool = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}}
    parts = [{"type": "text", "text": "Hello"}, {"type": "text", "text": "there"}]
    for n, b in [
        ("text", dict(model="tiny", prompt="Hello, world! How are you?")), ("no-model", dict(prompt="Hello")),
        ("no-special", dict(prompt="Hello", add_special_tokens=False)),
        ("strs", dict(prompt="Hello  wörld 😀\n", return_token_strs=True)), ("empty", dict(prompt="")),
        ("chat", dict(messages=[{"role": "system", "content": "Be brief."}, user])),
        ("chat-nogen", dict(messages=[user], add_generation_prompt=False)),
        ("chat-continue", dict(messages=[user, {"role": "assistant", "content": "Hi"}], add_generation_prompt=False,
                               continue_final_message=True)),
        ("chat-both", dict(messages=[user], add_generation_prompt=True, continue_final_message=True)),
        ("chat-parts", dict(messages=[{"role": "user", "content": parts}], return_token_strs=True)),
        ("chat-special", dict(messages=[user], add_special_tokens=True)),
        ("chat-template", dict(messages=[user], chat_template="{{ messages[0].content }}")),
        ("chat-empty", dict(messages=[])), ("chat-tools", dict(messages=[user], tools=[tool])),
        ("bad-model", dict(model="nope", prompt="Hello")), ("missing", dict(model="tiny")), ("prompt-ids", dict(prompt=[1, 2, 3])),
        ("prompt-null", dict(prompt=None)), ("empty-object", {}), ("list", [1]), ("string", "x"),
        ("specials", dict(prompt="<s>a</s>", return_token_strs=True)),
    ]:
        call("tokenize-" + n, "POST", "/tokenize", b)
    call("tokenize-bad-json", "POST", "/tokenize", raw="{oops")
    call("tokenize-no-body", "POST", "/tokenize", raw="")
    call("tokenize-text-plain", "POST", "/tokenize", raw='{"prompt":"a"}', headers={"Content-Type": "text/plain"})
    for n, b in [
        ("ids", dict(model="tiny", tokens=[45, 46, 300, 301, 302])), ("empty", dict(tokens=[])),
        ("special", dict(tokens=[0, 1, 2, 300])), ("large", dict(tokens=[7999, 8000])), ("huge", dict(tokens=[99999999])),
        ("negative", dict(tokens=[-1])), ("string", dict(tokens="abc")), ("floats", dict(tokens=[1.5])), ("missing", {}),
        ("bad-model", dict(model="nope", tokens=[1])), ("null", dict(tokens=None)), ("strs", dict(tokens=["1", "x"])),
    ]:
        call("detokenize-" + n, "POST", "/detokenize", b)
    call("tokenizer_info", "GET", "/tokenizer_info")
    call("embeddings", "POST", "/v1/embeddings", dict(model="tiny", input="Hello"))
    call("load-lora", "POST", "/v1/load_lora_adapter", dict(lora_name="a", lora_path=f"{DIR}/lora"))
    call("unload-lora", "POST", "/v1/unload_lora_adapter", dict(lora_name="a"))
    for q in ["", "?reset_running_requests=true", "?reset_external=true", "?reset_running_requests=true&reset_external=true",
              "?reset_running_requests=maybe", "?reset_running_requests=1", "?x=1"]:
        call("reset", "POST", "/reset_prefix_cache" + q)
    for n, m, p in [("reset-mm", "POST", "/reset_mm_cache"), ("reset-enc", "POST", "/reset_encoder_cache"),
                    ("is_sleeping", "GET", "/is_sleeping"), ("server_info", "GET", "/server_info"),
                    ("server_info-json", "GET", "/server_info?config_format=json"),
                    ("server_info-bad", "GET", "/server_info?config_format=xml"), ("is_paused", "GET", "/is_paused"),
                    ("pause", "POST", "/pause"), ("is_paused", "GET", "/is_paused"), ("pause-again", "POST", "/pause"),
                    ("resume", "POST", "/resume"), ("is_paused", "GET", "/is_paused"), ("resume-again", "POST", "/resume")]:
        call(n, m, p)
    for m in ["?mode=abort", "?mode=wait", "?mode=keep", "?mode=nope", "?clear_cache=maybe"]:
        call("pause-mode", "POST", "/pause" + m)
        call("resume", "POST", "/resume")
    long = "Hello there, this is a prompt that is long enough to have a block or two of sixteen tokens " * 3
    complete(long, 20)
    complete(long, 20)
    chat = dict(model="tiny", messages=[dict(role="user", content="hi")], max_tokens=5)
    call("", "POST", "/v1/chat/completions", chat, keep=False)
    call("", "POST", "/v1/chat/completions", dict(chat, stream=True, n=2), keep=False)
    complete("a", -1)
    call("", "POST", "/v1/completions", dict(model="nope", prompt="a", max_tokens=1), keep=False)
    call("", "POST", "/v1/responses", dict(model="tiny", input="hi", max_output_tokens=5), keep=False)
    together(*[lambda i=i: complete([i + 10] * 600, 200) for i in range(12)])
    scrape("used")


def lora():
    scrape("lora-spec-fresh")
    for n, p in [("models", "/v1/models"), ("load", "/load"), ("tokenizer_info", "/tokenizer_info")]:
        call(n, "GET", p)
    t = threading.Thread(target=lambda: complete("hello", 800))
    t.start()
    time.sleep(0.5)
    call("load-one", "GET", "/load")
    t.join()
    call("load-after", "GET", "/load")
    load, unload, path = "/v1/load_lora_adapter", "/v1/unload_lora_adapter", f"{DIR}/lora"
    for n, b in [
        ("load-ok", dict(lora_name="alpha", lora_path=path)), ("load-twice", dict(lora_name="alpha", lora_path=path)),
        ("load-inplace", dict(lora_name="alpha", lora_path=path, load_inplace=True)),
        ("load-base", dict(lora_name="tiny", lora_path=path)), ("load-none", dict(lora_name="beta", lora_path=f"{DIR}/nothere")),
        ("load-none-rel", dict(lora_name="beta", lora_path="nothere")), ("load-empty-name", dict(lora_name="", lora_path="x")),
        ("load-empty-path", dict(lora_name="x", lora_path="")), ("load-missing-path", dict(lora_name="x")), ("load-missing-both", {}),
        ("load-list", [1]), ("load-type", dict(lora_name=1, lora_path=2)), ("load-second", dict(lora_name="beta", lora_path=path)),
    ]:
        call(n, "POST", load, b)
    call("load-bad-json", "POST", load, raw="{x")
    call("load-plain", "POST", load, raw="{}", headers={"Content-Type": "text/plain"})
    call("models-lora", "GET", "/v1/models")
    t = threading.Thread(target=lambda: call("", "POST", "/v1/completions", dict(
        model="alpha", prompt="hi there", max_tokens=300, ignore_eos=True), keep=False))
    t.start()
    time.sleep(0.3)
    scrape("lora-running")
    t.join()
    again = "one two three " * 5
    complete(again, 60)
    complete(again, 60)
    call("", "POST", "/v1/chat/completions", dict(
        model="beta", messages=[dict(role="user", content="hi")], max_tokens=5, stream=True), keep=False)
    for n, b in [("unload-ok", dict(lora_name="alpha")), ("unload-again", dict(lora_name="alpha")),
                 ("unload-base", dict(lora_name="tiny")), ("unload-empty", dict(lora_name="")), ("unload-missing", {}),
                 ("unload-int", dict(lora_name="beta", lora_int_id="x")), ("unload-second", dict(lora_name="beta"))]:
        call(n, "POST", unload, b)
    call("tokenize-adapter", "POST", "/tokenize", dict(model="alpha", prompt="x"))
    for q in ["", "?level=0", "?level=2", "?level=3", "?level=-1", "?level=x", "?mode=wait", "?mode=keep", "?mode=nope",
              "?level=1&mode=abort"]:
        call("sleep", "POST", "/sleep" + q)
        call("is_sleeping", "GET", "/is_sleeping")
        call("is_paused", "GET", "/is_paused")
        if q == "":
            scrape("sleep1")
        call("wake", "POST", "/wake_up")
        call("is_sleeping", "GET", "/is_sleeping")
    for q in ["?tags=weights", "?tags=kv_cache", "?tags=weights&tags=kv_cache", "?tags=nope"]:
        call("sleep", "POST", "/sleep?level=1")
        call("wake", "POST", "/wake_up" + q)
        call("is_sleeping", "GET", "/is_sleeping")
        call("wake", "POST", "/wake_up")
        call("is_sleeping", "GET", "/is_sleeping")
    call("pause-keep", "POST", "/pause?mode=keep")
    scrape("lora-spec-mfu-used")


def key():
    for n, h in [("models-nokey", None), ("models-wrong", "Bearer nope"), ("models-overridden", "Bearer sesame"),
                 ("models-lower", "bearer sesame2"), ("models-basic", "Basic sesame"), ("models-bare", "sesame"),
                 ("models-space", "Bearer  sesame2")]:
        call(n, "GET", "/v1/models", headers={"Authorization": h} if h else None)
    for p in ["/health", "/version", "/load", "/ping", "/v1/nope", "/nope", "/v2/x", "/inference/x", "/v1models"]:
        call("nokey", "GET", p)
    for m, p in [("POST", "/tokenize"), ("POST", "/v1/completions"), ("OPTIONS", "/v1/models"), ("POST", "/detokenize"),
                 ("HEAD", "/v1/models")]:
        call("nokey", m, p, {} if m == "POST" else None)
    for m, p in [("POST", "/reset_prefix_cache"), ("POST", "/reset_mm_cache"), ("POST", "/reset_encoder_cache"), ("POST", "/sleep"),
                 ("POST", "/wake_up"), ("GET", "/is_sleeping"), ("GET", "/server_info"), ("POST", "/pause"), ("POST", "/resume"),
                 ("GET", "/is_paused"), ("GET", "/tokenizer_info"), ("GET", "/"), ("GET", "/v1"), ("GET", "//health"),
                 ("POST", "/start_profile")]:
        call("nodev", m, p, headers={"Authorization": "Bearer sesame2"})


def pool():
    call("models", "GET", "/v1/models")
    path = "/v1/embeddings"
    for n, b in [
        ("text", dict(model="tiny", input="Hello, world!")), ("base64", dict(model="tiny", input="Hello, world!", encoding_format="base64")),
        ("batch", dict(model="tiny", input=["one", "two three"])), ("ids", dict(model="tiny", input=[42, 1964, 333])),
        ("ids-batch", dict(model="tiny", input=[[42, 1964], [333]])), ("no-model", dict(input="x")),
        ("dimensions", dict(model="tiny", input="x", dimensions=16)), ("dimensions-0", dict(model="tiny", input="x", dimensions=0)),
        ("bad-model", dict(model="nope", input="x")), ("missing", dict(model="tiny")), ("empty", dict(model="tiny", input="")),
        ("empty-list", dict(model="tiny", input=[])), ("bad-format", dict(model="tiny", input="x", encoding_format="x")),
        ("bytes", dict(model="tiny", input="x", encoding_format="bytes")),
        ("messages", dict(model="tiny", messages=[{"role": "user", "content": "Hello"}])),
        ("too-long", dict(model="tiny", input=[5] * 5000)), ("truncate", dict(model="tiny", input=[5] * 5000, truncate_prompt_tokens=8)),
        ("mixed", dict(model="tiny", input=["a", 1])), ("null", dict(model="tiny", input=None)), ("number", dict(model="tiny", input=3)),
        ("oov", dict(model="tiny", input=[999999])), ("user", dict(model="tiny", input="x", user="me")),
        ("nospecial", dict(model="tiny", input="x", add_special_tokens=False)),
        ("embed_dtype", dict(model="tiny", input="x", encoding_format="base64", embed_dtype="float16")), ("list", [1]),
        ("request_id", dict(model="tiny", input="x", request_id="rq1")),
    ]:
        call("embed-" + n, "POST", path, b)
    call("embed-bad-json", "POST", path, raw="{x")
    call("embed-plain", "POST", path, raw='{"input":"x"}', headers={"Content-Type": "text/plain"})
    call("embed-header-id", "POST", path, dict(model="tiny", input="x"), headers={"X-Request-Id": "abc"})
    call("completions", "POST", "/v1/completions", dict(model="tiny", prompt="x"))
    call("embed-get", "GET", path)


def busy():
    for m, p in [("GET", "/health/"), ("GET", "/v1/models/"), ("POST", "/tokenize/"), ("GET", "/tokenize/"), ("GET", "/health//"),
                 ("GET", "/nope/"), ("GET", "//health"), ("GET", "/v1/models/tiny"), ("GET", "/v1"), ("GET", "/")]:
        plain(m, p)
    for n, m, p in [("pause-busy", "POST", "/pause"), ("sleep-busy", "POST", "/sleep"), ("reset-busy", "POST", "/reset_prefix_cache"),
                    ("reset-busy-running", "POST", "/reset_prefix_cache?reset_running_requests=true")]:
        t = threading.Thread(target=lambda: complete("hello", 1500))
        t.start()
        time.sleep(0.5)
        call(n, m, p)
        call("resume", "POST", "/resume")
        call("wake", "POST", "/wake_up")
        t.join()
    call("abort_requests-bad", "POST", "/abort_requests", raw="{x")
    call("abort_requests-list", "POST", "/abort_requests", [1])
    for n, m, p in [("sleep-asleep", "POST", "/sleep"), ("sleep-twice", "POST", "/sleep?level=2"),
                    ("reset-asleep", "POST", "/reset_prefix_cache"), ("wake", "POST", "/wake_up"), ("wake-awake", "POST", "/wake_up"),
                    ("is_sleeping", "GET", "/is_sleeping"), ("world", "GET", "/get_world_size"), ("weights", "GET", "/weight_info")]:
        call(n, m, p)


def adapter():
    """A LoRA adapter of rank 8 on the query projections of the tiny model."""
    import torch
    from safetensors.torch import save_file
    with open(f"{MODEL}/config.json") as f:
        c = json.load(f)
    hidden, inner = c["hidden_size"], c["num_attention_heads"] * c["head_dim"]
    weights = {}
    for i in range(c["num_hidden_layers"]):
        name = f"base_model.model.model.layers.{i}.self_attn.q_proj."
        weights[name + "lora_A.weight"] = torch.randn(8, hidden) * 0.01
        weights[name + "lora_B.weight"] = torch.zeros(inner, 8)
    os.makedirs(f"{DIR}/lora", exist_ok=True)
    save_file(weights, f"{DIR}/lora/adapter_model.safetensors")
    with open(f"{DIR}/lora/adapter_config.json", "w") as f:
        json.dump(dict(peft_type="LORA", r=8, lora_alpha=16, target_modules=["q_proj"], bias="none", task_type="CAUSAL_LM",
                       base_model_name_or_path="tiny"), f)


def shortened(row):
    """Leaves out what no test compares: long vectors, texts of metrics, settings."""
    if row["name"].startswith("server_info") and row["status"] == 200:
        row["answer"] = "{}"
    if row["content_type"] == "application/octet-stream":
        row["answer"] = str(len(row["answer"]))
    if row["path"] == "/v1/embeddings" and row["status"] == 200 and row["content_type"] == "application/json":
        a = json.loads(row["answer"])
        for d in a["data"]:
            d["embedding"] = d["embedding"][:16]
        row["answer"] = json.dumps(a, separators=(",", ":"))
    return {k: v.replace(MODEL, "/models/tiny").replace(DIR + "/", "/tmp/adapters/") if isinstance(v, str) else v
            for k, v in row.items()}


def zipped(name, text):
    with open(f"{DIR}/{name}.gz", "wb") as f, gzip.GzipFile(filename="", fileobj=f, mode="wb", mtime=0) as g:
        g.write(text.encode())


def pack():
    sections = {}
    for n in ("dev", "lora", "key", "pool", "busy"):
        with open(f"{DIR}/{n}.json") as f:
            sections[n] = [shortened(r) for r in json.load(f) if not r["content_type"].startswith("text/plain")]
    zipped("control.json", json.dumps(sections, ensure_ascii=False, indent=0))
    for n in ("fresh", "used", "lora-spec-fresh", "lora-running", "sleep1", "lora-spec-mfu-used"):
        with open(f"{DIR}/scrape-{n}.txt") as f:
            zipped(n + ".txt", f.read())
    with open(f"{MODEL}/tokenizer.json") as f:
        zipped("tiny-tokenizer.json", f.read())


if __name__ == "__main__":
    what = sys.argv[1]
    if what in ("adapter", "pack"):
        MODEL, DIR = sys.argv[2:]
        globals()[what]()
    else:
        BASE, MODEL, DIR = sys.argv[2:]
        globals()[what]()
        with open(f"{DIR}/{what}.json", "w") as f:
            json.dump(rows, f)
