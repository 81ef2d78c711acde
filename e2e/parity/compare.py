"""What differs between two runs of the same words: requests, output, files."""
import json
import re

# What the machine decides, not the client: compared by shape alone.
measured = re.compile(r"^(duration|.*throughput|request_goodput|(mean|median|std|p[\d.]+)_\w+_ms|ttfts|itls|latencies|start_times|queue_times|date|max_output_tokens_per_s|max_concurrent_requests)$")
# Rows of the block with whole numbers that both clients must agree on.
exact_rows = ("Successful requests:", "Failed requests:", "Maximum request concurrency:", "Request rate configured (RPS):", "Total input tokens:", "Total generated tokens:",
              "Acceptance", "Draft", "Accepted", "  Position", "Per-position", "Denoising", "Committed per", "Committed tokens", "Canvas")
# Log lines of vLLM's own logger, and its advice about plots.
vllm_noise = re.compile(r"^(\(\w+ pid=\d+\) |INFO |WARNING \d|ERROR |DEBUG |tip: install termplotlib)")
ignored_headers = {"host", "user-agent", "content-length", "accept-encoding", "connection", "accept", "x-request-id"}


def posts(log):
    return [r for r in log if r["method"] == "POST" and r["path"].endswith(("completions", "responses"))]


def split(log, extra):
    """The measured requests, and the ready checks and warm-ups before them."""
    p = posts(log)
    named = [r for r in p if "x-request-id" in r["headers"]]
    if named:
        return named, [r for r in p if "x-request-id" not in r["headers"]]
    return p[extra:], p[:extra]


def key(r):
    """A request's id, without the random digits that it begins with by default."""
    return re.sub(r"^bench-[0-9a-f]{8}-", "bench-#-", r["headers"].get("x-request-id") or "") or None


def requests(theirs, ours, drop=(), unnamed=0, order=True):
    """Differences of what was sent. drop are the members of bodies that ours
    leave out; with order the members stand in equal order too."""
    a, a_before = split(theirs, unnamed)
    b, b_before = split(ours, unnamed)
    out = []
    if len(a) != len(b):
        return [f"requests: {len(a)} against {len(b)}"]
    if len(a_before) != len(b_before):
        out.append(f"requests before the run: {len(a_before)} against {len(b_before)}")
    if [key(r) for r in a] != [key(r) for r in b] and {key(r) for r in a} != {key(r) for r in b}:
        out.append(f"ids: {[key(r) for r in a][:3]} against {[key(r) for r in b][:3]}")
    if a and len({key(r) for r in a}) == len(a) == len({key(r) for r in b}):
        index = {key(r): r for r in b}
        pairs = [(x, index.get(key(x), y)) for x, y in zip(a, b)]
    else:
        canon = lambda r: json.dumps({k: v for k, v in r["body"].items() if k not in drop}, sort_keys=True)
        pairs = list(zip(sorted(a, key=canon), sorted(b, key=canon)))
    for x, y in [*pairs, *zip(a_before, b_before)]:
        out += [f"{key(x)}: {d}" for d in message(x, y, drop, order)]
    return out


def message(x, y, drop, order):
    if x["path"] != y["path"]:
        yield f"path {x['path']} against {y['path']}"
    body = {k: v for k, v in x["body"].items() if k not in drop}
    if json.dumps(body) != json.dumps(y["body"]):
        if json.dumps(body, sort_keys=True) == json.dumps(y["body"], sort_keys=True):
            if order:
                yield f"order of members: {list(body)} against {list(y['body'])}"
        else:
            for k in sorted({*body, *y["body"]}):
                if json.dumps(body.get(k, "–")) != json.dumps(y["body"].get(k, "–")):
                    yield f"body {k}: {str(body.get(k, '–'))[:160]} against {str(y['body'].get(k, '–'))[:160]}"
    for k in sorted({*x["headers"], *y["headers"]} - ignored_headers):
        if x["headers"].get(k) != y["headers"].get(k):
            yield f"header {k}: {x['headers'].get(k)} against {y['headers'].get(k)}"


def around(theirs, ours, allowed, compat):
    """Differences of the other questions to the server. By default tokmeter asks
    /tokenize with its headers, by the served name (Q20), and for the tokens of
    answers without usage."""
    def count(log):
        c = {}
        for r in log:
            if r not in posts(log):
                k = (r["method"], r["path"])
                c.setdefault(k, []).append(r)
        return c

    a, b, out = count(theirs), count(ours), []
    for k in sorted({*a, *b}):
        if k in allowed:
            continue
        if not compat and k[1].endswith("tokenize"):
            continue
        x, y = a.get(k, []), b.get(k, [])
        if len(x) != len(y):
            out.append(f"{k[0]} {k[1]}: {len(x)} times against {len(y)}")
            continue
        # A question without a body needs no type; aiohttp names one.
        show = lambda r: json.dumps([r["body"], {h: v for h, v in r["headers"].items() if h not in ignored_headers and (h != "content-type" or r["body"])}], sort_keys=True)
        for i, (p, q) in enumerate(zip(sorted(map(show, x)), sorted(map(show, y)))):
            if p != q:
                out.append(f"{k[0]} {k[1]} {i}: {p[:200]} against {q[:200]}")
                break
    return out


def arrivals(theirs, ours, unnamed=0):
    """How far apart the same request came in the two runs, in ms: median and
    worst of the differences of offsets, after taking out their common shift."""
    a, b = split(theirs, unnamed)[0], split(ours, unnamed)[0]
    index = {key(r): r["at"] for r in b}
    shifts = sorted(index[key(r)] - r["at"] for r in a if key(r) in index)
    if not shifts:
        return 0, 0
    middle = shifts[len(shifts) // 2]
    off = sorted(abs(s - middle) * 1000 for s in shifts)
    return off[len(off) // 2], off[-1]


def disorder(log):
    """Requests that came before one with a smaller number, more than 3 ms late."""
    n, last = 0, None
    for r in split(log, 0)[0]:
        m = re.search(r"(\d+)$", key(r) or "")
        if m:
            if last and int(m[1]) < last[0] and r["at"] - last[1] > 0.003:
                n += 1
            last = (int(m[1]), r["at"])
    return n


def lines(text):
    out = []
    for line in text.split("\n"):
        if vllm_noise.match(line) or not line.strip():
            continue
        if not line.startswith(exact_rows) and re.match(r"^[A-Z].*:\s+[\d.]+\s*$", line) and len(line) == 51:
            line = re.sub(r"[\d.]+\s*$", "#", line)
        out.append(line)
    return out


def namespace(line):
    """The pairs of a printed Namespace, without what is the machine's own."""
    body, pairs, depth, quote, start = line[len("Namespace(") : -1], [], 0, None, 0
    for i, c in enumerate(body + ","):
        if quote:
            quote = None if c == quote and body[i - 1] != "\\" else quote
        elif c in "'\"":
            quote = c
        elif c in "([{<":
            depth += 1
        elif c in ")]}>":
            depth -= 1
        elif c == "," and depth == 0:
            pairs.append(body[start:i].strip())
            start = i + 1
    pairs = [re.sub(r"'bench-[0-9a-f]{8}-'", "'bench-#-'", p) for p in pairs]
    return [p for p in pairs if not p.startswith(("dispatch_function=", "log_config_file=", "logging_config=", "config="))]


def fold(text, exceptions):
    """Takes Python's tracebacks out of the failures before the block; exceptions
    are the numbers of the failures that had one."""
    def short(m):
        if "Traceback" in m[0] or int(m[1]) in exceptions:
            exceptions.add(int(m[1]))
            return f"Error {m[1]}: (exception)\n"
        return m[0]

    return re.sub(r"^Error (\d+): .*?\n(?=Error \d+: |tip: |=====)", short, text, flags=re.S | re.M)


def printed(theirs, ours, compat):
    exceptions = set()
    a, b = lines(fold(theirs, exceptions)), lines(fold(ours, exceptions))
    out = []
    if compat:
        na, nb = [x for x in a if x.startswith("Namespace(")], [x for x in b if x.startswith("Namespace(")]
        if na and nb and namespace(na[0]) != namespace(nb[0]):
            x, y = namespace(na[0]), namespace(nb[0])
            out.append(f"Namespace: {[p for p in x if p not in y]} against {[p for p in y if p not in x]}" if sorted(x) != sorted(y) else "Namespace: order")
        elif len(na) != len(nb):
            out.append("Namespace: missing")
        a, b = [x for x in a if x not in na], [x for x in b if x not in nb]
        if a != b:
            import difflib

            out += [f"stdout {d}" for d in difflib.unified_diff(a, b, "vllm", "tokmeter", n=0, lineterm="") if not d.startswith(("---  ", "+++", "@@", "--- vllm"))]
        return out
    # By default every line of vLLM's must be there, in its order.
    it = iter(b)
    for line in a:
        if line.startswith(("Namespace(", "WARNING", "timed-trace:", "Failed requests during", "Error ")):
            continue
        if line not in b:
            out.append(f"stdout lacks {line!r}")
        elif not any(line == x for x in it):
            out.append(f"stdout order at {line!r}")
            it = iter(b)
    return out


def shape(k, v):
    if k in ("ttfts", "latencies", "start_times", "queue_times"):
        return [type(v).__name__, len(v)]
    if k == "itls":
        return [len(x) for x in v]
    if k == "date":
        return bool(re.fullmatch(r"\d{8}-\d{6}", v))
    return type(v).__name__


def text_of(k, v, other, compat):
    """A traceback is Python's: that there is an error is compared then, and by
    default always."""
    if k == "errors":
        return [bool(e) if not compat or "Traceback" in e + o else e for e, o in zip(v, other)]
    if k == "rps_change_events":
        return [e["rps"] for e in v]
    return v


def pytorch(a, b, compat):
    """Differences of the records for PyTorch's dashboard, but for what was measured."""
    def fixed(r):
        r["metric"]["benchmark_values"] = len(r["metric"]["benchmark_values"])
        more = r["metric"]["extra_info"]
        r["metric"]["extra_info"] = {k: "#" if measured.match(k) else v for k, v in more.items() if k != "num_prompts"}
        own = ("dispatch_function", "log_config_file", "logging_config", "config")  # Python's objects
        r["benchmark"]["extra_info"]["args"] = {k: v for k, v in r["benchmark"]["extra_info"]["args"].items() if k not in own}
        return r

    a, b = list(map(fixed, a)), list(map(fixed, b))
    if [r["metric"]["name"] for r in a] != [r["metric"]["name"] for r in b]:
        return ["PyTorch: other metrics"]
    for x, y in zip(a, b):
        if not compat:
            y["metric"]["extra_info"] = {k: v for k, v in y["metric"]["extra_info"].items() if k in x["metric"]["extra_info"]}
        for part in x:
            if x[part] != y.get(part):
                flat = lambda d: {k + "." + q: w for k, v in d.items() for q, w in (v.items() if isinstance(v, dict) else [("", v)])}
                p, q = flat(x[part]), flat(y[part])
                odd = {k: (p.get(k), q.get(k)) for k in {*p, *q} if p.get(k) != q.get(k)}
                return [f"PyTorch {part}: {str(odd)[:600]}"]
    return []


def saved(theirs, ours, compat, chat):
    """Differences of the result file. By default num_prompts is what was sent
    (Q19), and a chat's role is no token (Q3)."""
    a, b = (json.loads(x, parse_constant=lambda c: c) for x in (theirs, ours))
    if isinstance(a, list):
        return pytorch(a, b, compat)
    out = []
    ka, kb = list(a), list(b)
    if compat and ka != kb:
        out.append(f"JSON keys: {[k for k in ka if k not in b]} against {[k for k in kb if k not in a]}" if set(ka) != set(kb) else "JSON: order of keys")
    if not compat:
        if missing := [k for k in ka if k not in b]:
            out.append(f"JSON lacks {missing}")
        elif [k for k in kb if k in a] != ka:
            out.append("JSON: order of keys")
    for k in ka:
        if k not in b or not compat and (k == "num_prompts" or k == "itls" and chat):
            continue
        if measured.match(k):
            if shape(k, a[k]) != shape(k, b[k]):
                out.append(f"JSON {k}: {str(a[k])[:120]} against {str(b[k])[:120]}")
        elif not compat and (a[k], b[k]) == ("Infinity", "inf"):
            continue  # no JSON has Infinity
        elif type(a[k]) is not type(b[k]) or text_of(k, a[k], b[k], compat) != text_of(k, b[k], a[k], compat):
            out.append(f"JSON {k}: {str(text_of(k, a[k], b[k], compat))[:200]} against {str(text_of(k, b[k], a[k], compat))[:200]}")
    return out
