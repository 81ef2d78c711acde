"""Make random scheduling cases in the format that `tokmeter sim steps` reads.

    python3 generate.py SEED COUNT [plain|large|more] > cases.json

Needs Python 3.9 or later and nothing else. The same seed gives the same file. The
settings are drawn so that things happen: small caches, tiny budgets, thresholds,
priorities with ties, shared prefixes, conversations that go on, prompts given
as lists, odd block sizes. "large" has hundreds of requests and thousands of
blocks, as an engine has. With "more" also speculation, adapters, asynchronous
scheduling, requests that end early or are aborted, and resets of the cache.
"""
import json
import random
import sys


def prompt(rnd, n, seed, prefixes, vocabulary):
    """A prompt of n tokens: by seed, by seed after a shared prefix, or as a list."""
    kind = rnd.random()
    if kind < 0.12:
        return [rnd.randrange(vocabulary) for _ in range(n)]
    p = {"len": n, "seed": seed}
    if prefixes and kind < 0.7:
        p["shared_prefix"] = dict(rnd.choice(prefixes))
    return p


def case(rnd, name, large):
    block = rnd.choice([1, 2, 3, 4, 8, 16, 16, 16, 32])
    longest = rnd.choice([1000, 4096] if large else [40, 100, 300, 1000])
    seqs = rnd.choice([32, 128, 256] if large else [1, 2, 3, 5, 8, 16, 64])
    chunked = rnd.random() < 0.8
    budget = max(seqs, rnd.choice([256, 512, 2048, 8192] if large else [1, 3, 8, 17, 64, 128, 500, 2048]))
    if not chunked:
        budget = max(budget, longest)
    whole = -(-longest // block)
    blocks = 1 + max(whole, int(whole * rnd.choice([1, 1, 1.3, 2, 4, 10])))
    c = {"num_blocks": blocks, "block_size": block, "max_num_batched_tokens": budget, "max_num_seqs": seqs,
         "max_model_len": longest, "enable_chunked_prefill": chunked,
         "enable_prefix_caching": rnd.random() < 0.8, "policy": rnd.choice(["fcfs", "priority"]),
         "scheduler_reserve_full_isl": rnd.random() < 0.6, "record_blocks": rnd.random() < 0.3}
    if rnd.random() < 0.4:
        c["long_prefill_token_threshold"] = rnd.randint(1, min(longest, 60))
        c["long_prefill_token_threshold_adaptive"] = rnd.random() < 0.5
    if rnd.random() < 0.4:
        c["watermark"] = rnd.choice([0, 0.01, 0.05, 0.2, 1e-05, 0.5])
    for k in list(c):  # some are left to their defaults
        if k in ("enable_prefix_caching", "policy", "scheduler_reserve_full_isl") and rnd.random() < 0.2:
            del c[k]
    prefixes = [{"len": rnd.randint(0, longest), "seed": s} for s in range(rnd.choice([0, 1, 2, 4]))]
    vocabulary = rnd.choice([2, 50, 50000])
    seeds = rnd.choice([3, 1000])
    reqs, step = [], 0
    spread = rnd.choice([0, 0.3, 2, 10])
    for i in range(300 if large else rnd.choice([1, 4, 12, 30, 60])):
        if rnd.random() < 0.6:
            step += int(rnd.expovariate(1 / spread)) if spread else 0
        n = min(longest - 1, max(1, int(rnd.lognormvariate(0, 1) * longest / 4)))
        out = min(400 if large else 200, max(1, int(rnd.expovariate(1 / rnd.choice([3, 20, 60, 150] if large else [3, 20, 60])))))
        name_i = rnd.choice(["r%d", "q-%d", "é%d"]) % i
        r = {"id": name_i, "arrival_step": step, "prompt": prompt(rnd, n, rnd.randrange(seeds), prefixes, vocabulary),
             "output_len": out}
        if reqs and rnd.random() < 0.2:  # the next turn: what was asked and answered, and more
            before = rnd.choice(reqs)
            if isinstance(before["prompt"], dict):
                p = json.loads(json.dumps(before["prompt"]))
                p["len"] = min(longest - 1, p["len"] + before["output_len"] + rnd.randint(0, 20))
                r["prompt"] = p
        if isinstance(r["prompt"], list) and rnd.random() < 0.5:
            r["output_seed"] = rnd.randrange(seeds)
        if rnd.random() < 0.7:
            r["priority"] = rnd.choice([-1, 0, 0, 0, 1, 2, 5])
        if rnd.random() < 0.3:
            r["arrival_time"] = rnd.choice([0, 0.5, 1, 1, 2, 17])
        reqs.append(r)
    return {"name": name, "config": c, "requests": reqs}


def more(rnd, case):
    """Adds what a first recording left out: see record.py for the settings."""
    c, reqs = case["config"], case["requests"]
    c["async_scheduling"] = rnd.random() < 0.6
    if rnd.random() < 0.5:
        k = c["num_speculative_tokens"] = rnd.choice([1, 2, 3, 5])
        c["draft_head"] = rnd.random() < 0.4
        c["max_num_batched_tokens"] = max(c["max_num_batched_tokens"], k + 1)
        if c.get("long_prefill_token_threshold"):  # a smaller one fails an assertion of vLLM's
            c["long_prefill_token_threshold"] = max(c["long_prefill_token_threshold"], k + 1)
        c["num_blocks"] += -(-2 * k // c["block_size"])
    ahead_and_drafts = c["async_scheduling"] and "num_speculative_tokens" in c
    if rnd.random() < 0.4 and not ahead_and_drafts:  # with both, vLLM's assertion on max_loras may fail
        c["max_loras"] = rnd.choice([1, 1, 2, 3])
    ends, aborts = rnd.choice([0, 0.5, 0.9]), rnd.choice([0, 0, 0.2])
    last = reqs[-1]["arrival_step"]
    for r in reqs:
        if rnd.random() < ends:
            r["ends_at"] = rnd.randint(1, 2 * r["output_len"])
        if rnd.random() < aborts:
            r["abort_step"] = r["arrival_step"] + rnd.choice([0, 1, 2, 5, 30])
        if c.get("max_loras") and rnd.random() < 0.8:
            r["adapter"] = rnd.choice(["a", "b", "c", "d", "e"][:c["max_loras"] + 2])
    if rnd.random() < 0.3:
        case["resets"] = [{"step": rnd.randint(0, last + 20), "running": rnd.random() < 0.6} for _ in range(3)]


def main(seed, count, kind=""):
    rnd = random.Random(int(seed))
    print('{"cases":[')
    for i in range(int(count)):
        c = case(rnd, f"random {seed}/{i}", kind == "large")
        if kind == "more":
            more(rnd, c)
        reqs = ",\n".join(json.dumps(r, separators=(",", ":")) for r in c["requests"])
        resets = ',"resets":' + json.dumps(c["resets"]) if "resets" in c else ""
        print('%s{"name":%s,"config":%s%s,"requests":[\n%s\n]}' % (
            "," if i else "", json.dumps(c["name"]), json.dumps(c["config"]), resets, reqs))
    print("]}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
