"""Record the workloads that vLLM's own client makes, without a server.

Run with the Python of an environment that has vLLM installed, in this folder:
    python record.py OUT.json TOKENIZER_DIR [CASE...]
OUT.json has, for each case of cases.json, the requests in order of sending:
the start of the SHA-256 of the prompt, its length and the output length, and the next number
that each global generator would draw. Prompts that are token ids are hashed as
decimal numbers joined by commas, batches as the hashes of their texts.
The dataset sonnet is gone from vLLM: its recipe is told again below.
"""
import gzip, hashlib, json, os, random, subprocess, sys, tempfile


def digest(p):
    if isinstance(p, str):
        return hashlib.sha256(p.encode()).hexdigest()
    if p and isinstance(p[0], str):
        return digest(",".join(digest(x) for x in p))
    return digest(",".join(map(str, p)))


def sonnet(tok, lines, n, input_len, output_len, prefix_len, chat):
    """Poem lines: the first are shared, the others chosen; too long ones are drawn again."""
    ask = "Pick as many lines as you can from these poem lines:\n"
    size = lambda s: len(tok(s).input_ids)
    fmt = lambda s: tok.apply_chat_template([{"role": "user", "content": s}], add_generation_prompt=True, tokenize=False)
    mean = sum(map(size, lines)) / len(lines)
    rest = size(fmt(ask))
    total = round((input_len - rest) / mean)
    shared = max(round((prefix_len - rest) / mean), 0)
    out = []
    while len(out) < n:
        text = ask + "".join(lines[:shared] + random.choices(lines, k=total - shared))
        k = size(fmt(text))
        if k <= input_len:
            out.append((text if chat else fmt(text), k, output_len))
    return out


def record(case, tok, data):
    import numpy as np
    import vllm.benchmarks.serve as serve
    from vllm.benchmarks.datasets import get_samples
    from vllm.utils.argparse_utils import FlexibleArgumentParser
    p = FlexibleArgumentParser()
    serve.add_cli_args(p)
    words = [w.replace("{data}", data) for w in case["args"]]
    seed = int(words[words.index("--seed") + 1]) if "--seed" in words else 0
    random.seed(seed)
    np.random.seed(seed)
    if "sonnet" in case:
        lines = open("../../dataset/sonnets.txt", encoding="utf-8").readlines()
        reqs = sonnet(tok, lines, **case["sonnet"])
    else:
        a = p.parse_args(words + ["--model", "m"])
        if a.output_len is not None:  # as serve.main_async does before it samples
            a.random_output_len = a.sharegpt_output_len = a.custom_output_len = a.prefix_repetition_output_len = a.output_len
        if a.input_len is not None:
            a.random_input_len = a.input_len
        reqs = get_samples(a, None if a.skip_tokenizer_init else tok)
        times = [r.timestamp for r in reqs]
        reqs = [(r.prompt, r.prompt_len, r.expected_output_len) for r in reqs]
    res = {"requests": [[digest(p)[:16], n, k] for p, n, k in reqs]}
    if case["name"].startswith("trace"):
        res["times"] = times
    res["py_next"], res["np_next"] = random.random(), float(np.random.random_sample())
    return res


def main():
    out, tokdir = sys.argv[1:3]
    want = sys.argv[3:]
    cases = [c for c in json.load(open("cases.json")) if not want or c["name"] in want]
    seed = os.environ.get("PYTHONHASHSEED")
    if seed is None or "RECORD_PART" not in os.environ:
        # Prompts of timed traces hang on PYTHONHASHSEED: one process for each.
        done = {}
        for s in sorted({c.get("hashseed", 0) for c in cases}):
            with tempfile.NamedTemporaryFile(suffix=".json") as f:
                subprocess.check_call([sys.executable, __file__, f.name, tokdir, *[c["name"] for c in cases if c.get("hashseed", 0) == s]],
                                      env={**os.environ, "PYTHONHASHSEED": str(s), "RECORD_PART": "1"})
                done.update(json.load(open(f.name)))
        with open(out, "w") as f:
            f.write("{\n" + ",\n".join(json.dumps(c["name"]) + ": " + json.dumps(done[c["name"]]) for c in cases) + "\n}\n")
        return
    from transformers import AutoTokenizer
    tok = AutoTokenizer.from_pretrained(tokdir)
    with tempfile.TemporaryDirectory() as data:
        for name in os.listdir("data"):
            b = open("data/" + name, "rb").read()
            if name.endswith(".gz"):
                name, b = name[:-3], gzip.decompress(b)
            open(os.path.join(data, name), "wb").write(b)
        res = {}
        for c in cases:
            try:
                res[c["name"]] = record(c, tok, data)
            except Exception as e:
                res[c["name"]] = {"error": f"{type(e).__name__}: {str(e)[:200]}"}
            print(c["name"], len(res[c["name"]].get("requests", [])), res[c["name"]].get("error", ""))
        json.dump(res, open(out, "w"))


main()
