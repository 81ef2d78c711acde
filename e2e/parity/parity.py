"""Runs cases with vLLM's client and with tokmeter and says what differs.

    python parity.py TOKMETER TOKENIZERS OUT [CASE...]
    python parity.py TOKMETER TOKENIZERS OUT --golden FILE


TOKMETER is the binary; TOKENIZERS a folder of real tokenizers (cases that need
one that is missing are skipped); OUT keeps what the clients sent and printed.
A CASE is a name or its beginning. Each case runs vLLM's client once and
tokmeter twice: as it is, and with --compat vllm. Exit code 1 when something
differs that docs/compat.md does not tell of. --golden runs vLLM's client alone
and writes what it sent, printed and saved, for the tests that need no vLLM.
"""
import gzip
import json
import shutil
import sys
from pathlib import Path

import clients
import compare
from cases import cases, usual

top = Path(__file__).resolve().parents[2]

# Questions that only one of the two asks: tokmeter what the server is, vLLM's
# client its counters.
ours_alone = {("GET", "/v1/models"), ("GET", "/version"), ("GET", "/metrics")}


def folders(tokenizers, out):
    """Where {tiny}, {data} and the others lie."""
    at = out / "material"
    at.mkdir(parents=True, exist_ok=True)
    data = top / "internal/workload/testdata"
    small = {"tiny": "builtin.json.gz", "small_llama3": "testdata/tokenizers/llama3.json", "small_llama2": "testdata/tokenizers/llama2.json"}
    places = {"data": str(at / "data")}
    shutil.copytree(data / "data", at / "data", dirs_exist_ok=True)
    (at / "data/sharegpt.json").write_bytes(gzip.decompress((data / "data/sharegpt.json.gz").read_bytes()))
    for name, file in small.items():
        (at / name).mkdir(exist_ok=True)
        raw = (top / "internal/tokenize" / file).read_bytes()
        (at / name / "tokenizer.json").write_bytes(gzip.decompress(raw) if file.endswith(".gz") else raw)
        shutil.copy(data / "tokenizers" / f"{name}.config.json", at / name / "tokenizer_config.json")
        places[name] = str(at / name)
    if tokenizers.is_dir():
        places |= {p.name: str(p) for p in tokenizers.iterdir() if p.is_dir()}
    return places


def fill(text, places):
    for k, v in places.items():
        text = text.replace("{" + k + "}", v)
    return text


def filled(obj, places):
    return json.loads(fill(json.dumps(obj), places))


class Bench:
    def __init__(self, binary, places, out):
        self.binary, self.out = binary, out
        self.recorder = clients.Recorder(out)
        self.places = places | {"url": f"http://127.0.0.1:{self.recorder.port}", "port": str(self.recorder.port)}

    def run(self, case, who):
        folder = self.out / case["name"] / who
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, content in case.get("files", {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(fill(content, self.places))
        words = [*([] if case.get("bare") else usual), *case["words"]]
        words = [fill(w, self.places) for w in words]
        self.recorder.ask("POST", "/_case", filled(case["scenario"], self.places))
        if who == "vllm":
            rc = clients.run_vllm(words, folder, case.get("env", {}))
        else:
            words += ["--no-record", *(["--compat", "vllm"] if who == "compat" else [])]
            rc = clients.run_tokmeter(self.binary, words, folder, case.get("env", {}))
        log = self.recorder.ask("GET", "/_log")
        (folder.parent / f"{who}.log.json").write_text(json.dumps(log))
        return clients.Run(folder, rc, log)


def unnamed(case):
    """Requests before the run, for datasets whose requests have no ids."""
    w = case["words"]
    return int(w[w.index("--num-warmups") + 1]) if "--num-warmups" in w else 0


def differences(case, vllm, run, compat):
    out = []
    lost = vllm.rc == 0 and run.rc == 1 and "no request succeeded" in run.err  # vLLM's client calls that a success
    if vllm.rc != run.rc and not lost:
        out.append(f"exit code {vllm.rc} against {run.rc}")
    drop = set()
    if not compat and "completions" in (compare.posts(vllm.log) or [{"path": ""}])[0]["path"] and "chat" not in compare.posts(vllm.log)[0]["path"]:
        first = compare.posts(vllm.log)[0]["body"]
        drop = {k for k, v in (("repetition_penalty", 1.0), ("logprobs", None)) if first.get(k, 0) == v}
    out += compare.requests(vllm.log, run.log, drop, unnamed(case), compat)
    out += compare.around(vllm.log, run.log, ours_alone if case["name"][:10] != "discovered" else {("GET", "/version"), ("GET", "/metrics")}, compat)
    if case.get("ordered") and (n := compare.disorder(run.log)):
        out.append(f"order: {n} requests out of it")
    out += compare.printed(vllm.out, run.out, compat)
    a, b = vllm.files(), run.files()
    undated = lambda names: [compare.re.sub(r"\d{8}-\d{6}", "DATE", n) for n in names]
    if undated(a) != undated(b):
        out.append(f"files: {a} against {b}")
    else:
        for x, y in zip(a, b):
            if x.endswith(".json"):
                xs, ys = (vllm.folder / x).read_text().split("\n"), (run.folder / y).read_text().split("\n")
                if len(xs) != len(ys) and not (not compat and ys[-1] == ""):
                    out.append(f"{x}: {len(xs)} lines against {len(ys)}")
                out += compare.saved(xs[-1], [l for l in ys if l][-1], compat, "openai-chat" in case["words"])
    return out


def golden(case, run, places):
    """What a test without vLLM compares with: the bench's own places are names again."""
    def named(text):
        for k, v in sorted(places.items(), key=lambda p: -len(p[1])):
            text = text.replace(v, "{" + k + "}") if len(v) > 4 else text
        return text

    def sent(r):
        heads = {k: v for k, v in r["headers"].items() if k in ("authorization", "content-type") or k.startswith("x-") and k != "x-request-id"}
        return {"path": r["path"], "id": compare.key(r) or "", "headers": heads, "body": r["body"]}

    measured, before = compare.split(run.log, unnamed(case))
    number = lambda r: int((compare.key(r) or "-0").rpartition("-")[2])
    printed = [compare.re.sub(r"(:\s+)[\d.]+\s*$", r"\1#", l) if len(l) == 51 else l for l in compare.lines(run.out)]
    printed = [f"Namespace({', '.join(compare.namespace(l))})" if l.startswith("Namespace(") else l for l in printed]
    files = [f for f in run.files() if f not in case.get("files", {})] or run.files()
    saved = [(run.folder / f).read_text().split("\n")[-1] for f in files if f.endswith(".json")]
    return {
        "name": case["name"], "words": [*([] if case.get("bare") else usual), *case["words"]], "env": case.get("env", {}), "files": case.get("files", {}),
        "models": case["scenario"].get("models", [{"id": "m", "root": "m"}]),
        "sent": [sent(r) for r in sorted(measured, key=number)], "before": [sent(r) for r in before],
        "printed": [named(l) for l in printed], "saved_as": [compare.re.sub(r"\d{8}-\d{6}", "DATE", f) for f in run.files()],
        "keys": [list(json.loads(s)) for s in saved],
    }


def record(bench, path):
    """Writes the golden of the cases that a small server can serve."""
    simple = lambda c: not ({"tokenizer", "metrics", "status", "script", "usage", "tokens", "profiler"} & c["scenario"].keys() or c.get("needs") or c.get("timed") or c.get("python"))
    out = []
    for case in filter(simple, cases):
        run = bench.run(case, "vllm")
        assert run.rc == 0, (case["name"], run.err[-500:])
        out.append(golden(case, run, bench.places))
        print(case["name"], flush=True)
    Path(path).write_text('{"vllm": "0.32.0", "cases": [\n' + ",\n".join(json.dumps(c) for c in out) + "\n]}\n")


def main():
    binary, tokenizers, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).resolve()
    words = sys.argv[4:]
    chosen = [c for c in cases if not words or any(c["name"].startswith(n) for n in words)]
    out.mkdir(parents=True, exist_ok=True)
    places = folders(tokenizers, out)
    clients.warm()
    bench, failed = Bench(binary, places, out), []
    try:
        if words[:1] == ["--golden"]:
            return record(bench, words[1])
        for case in chosen:
            if (need := case.get("needs")) and need not in places:
                print(f"skip {case['name']}: no tokenizer {need}")
                continue
            vllm = bench.run(case, "vllm")
            print(f"{case['name']} ({len(vllm.log)} asked, exit {vllm.rc})", flush=True)
            for who in ("compat", "default"):
                why = case.get("python") or case.get(who)
                for _ in range(3):  # a machine that is busy may join what the server sent apart
                    run = bench.run(case, who)
                    diff = differences(case, vllm, run, who == "compat")
                    if why or not diff:
                        break
                    vllm = bench.run(case, "vllm")
                note = ""
                if case.get("timed"):
                    middle, far = compare.arrivals(vllm.log, run.log)
                    note = f" arrivals differ by {middle:.2f} ms (median), {far:.2f} ms (worst)"
                    if middle > 4 or far > 60:
                        diff.append(f"arrivals: {middle:.2f} ms, {far:.2f} ms")
                mark = "equal" if not diff else f"differs, {why}" if why else "DIFFERS"
                print(f"  {who}: {mark}{note}")
                for d in diff[:12]:
                    print(f"    {d}")
                if diff and not why:
                    failed.append(f"{case['name']}/{who}")
                sys.stdout.flush()
    finally:
        bench.recorder.close()
    print(f"{len(chosen)} cases; undocumented differences: {', '.join(failed) or 'none'}")
    sys.exit(bool(failed))


main()
