"""Record, step by step, what vLLM's own V1 scheduler decides. No model, no GPU.

    python record.py CASES.json OUT.json

Needs the Python of an environment with vLLM 0.32.0; its CPU build does. The
formats are those of `tokmeter sim steps`, whose package comment and README
describe them; generate.py makes cases.

The scheduler, KV-cache manager, block pool and queues are vLLM's, unchanged; only
`_preempt_request` is wrapped, to note the order of preemption. This program plays
the rest of the engine: it adds the requests when they are due, calls schedule(),
makes up one sampled token for each request that has computed all its tokens, and
hands it back by update_from_output().
"""
import hashlib, json, logging, os, sys, tempfile
os.environ.update(HF_HUB_OFFLINE="1", VLLM_LOGGING_LEVEL="ERROR", VLLM_NO_USAGE_STATS="1",
                  PYTHONHASHSEED="0")
import torch
import vllm
from vllm.config import LoRAConfig, CacheConfig, DeviceConfig, ModelConfig, ParallelConfig, SchedulerConfig, VllmConfig
from vllm.lora.request import LoRARequest
from vllm.sampling_params import SamplingParams
from vllm.utils.hashing import sha256
from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec
from vllm.v1.outputs import DraftTokenIds, ModelRunnerOutput
from vllm.v1.request import Request, RequestStatus
from vllm.v1.structured_output import StructuredOutputManager

# What a case's config may leave out. num_blocks counts the null block, too.
DEFAULTS = {
    "num_blocks": 1000, "block_size": 16, "max_num_batched_tokens": 2048, "max_num_seqs": 256,
    "max_model_len": 4096, "enable_prefix_caching": True, "enable_chunked_prefill": True,
    "policy": "fcfs", "long_prefill_token_threshold": 0,
    "long_prefill_token_threshold_adaptive": False, "scheduler_reserve_full_isl": True,
    "watermark": 0.0, "record_blocks": False,
}
# Written back only where a case sets them: drafts a step and request; drafts from a
# head with KV entries of its own; adapters a step; asynchronous scheduling.
MORE = {"num_speculative_tokens": 0, "draft_head": False, "max_loras": 0, "async_scheduling": False}
END = 9  # the token that ends a request; token() never gives it
MAX_STEPS = 20000
# vLLM's own counts of prefix-cache look-ups, taken at admission (fields of PrefixCacheStats)
STATS = ("requests", "queries", "hits", "preempted_requests", "preempted_queries", "preempted_hits")

# A model is needed only for its limits; nothing of it is loaded.
TINY_MODEL = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
    "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 32, "vocab_size": 50432,
    "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "hidden_act": "silu",
    "torch_dtype": "float32", "tie_word_embeddings": True,
}


def token(seed, i):
    """The token at absolute position i of the sequence that `seed` names."""
    return (seed * 1000003 + i * 7919) % 50000 + 10


def prompt_tokens(r):
    """The prompt of a request of a case: given in full, or by {len, seed, shared_prefix}."""
    p = r["prompt"]
    if isinstance(p, list):
        return list(p)
    shared = p.get("shared_prefix", {"len": 0, "seed": 0})
    n = min(shared["len"], p["len"])
    return [token(shared["seed"], i) for i in range(n)] + [token(p["seed"], i) for i in range(n, p["len"])]


def output_seed(r):
    """The seed of the sequence that a request's output continues."""
    return r["prompt"]["seed"] if isinstance(r["prompt"], dict) else r.get("output_seed", 0)


class Watched(Scheduler):
    """vLLM's scheduler; it also notes who is preempted, in order."""
    def _preempt_request(self, request, *args, **kwargs):
        self.preempted_now.append(request.request_id)
        super()._preempt_request(request, *args, **kwargs)


class WatchedAsync(AsyncScheduler):
    """The same for asynchronous scheduling."""
    def _preempt_request(self, request, *args, **kwargs):
        self.preempted_now.append(request.request_id)
        super()._preempt_request(request, *args, **kwargs)


def build(c, model_dir):
    """A scheduler with the settings of one case, and the function that hashes blocks."""
    model = ModelConfig(model=model_dir, skip_tokenizer_init=True, dtype="float32", seed=0,
                        max_model_len=c["max_model_len"])
    sched = SchedulerConfig(
        max_model_len=c["max_model_len"], is_encoder_decoder=False, async_scheduling=False,
        **{k: c[k] for k in ("max_num_batched_tokens", "max_num_seqs", "enable_chunked_prefill", "policy",
                             "long_prefill_token_threshold", "long_prefill_token_threshold_adaptive",
                             "scheduler_reserve_full_isl", "watermark")})
    cache = CacheConfig(block_size=c["block_size"], enable_prefix_caching=c["enable_prefix_caching"],
                        prefix_caching_hash_algo="sha256")
    lora = LoRAConfig(max_loras=c["max_loras"], max_lora_rank=8) if c["max_loras"] else None
    config = VllmConfig(model_config=model, scheduler_config=sched, cache_config=cache, lora_config=lora,
                        parallel_config=ParallelConfig(), device_config=DeviceConfig("cpu"))
    # VllmConfig may adapt settings to the platform; the recording must be of what the case asks for.
    cache.block_size, cache.num_gpu_blocks = c["block_size"], c["num_blocks"]
    for k in ("max_num_batched_tokens", "max_num_seqs", "enable_chunked_prefill", "policy",
              "long_prefill_token_threshold", "scheduler_reserve_full_isl", "watermark"):
        assert getattr(config.scheduler_config, k) == c[k], (k, getattr(config.scheduler_config, k))
    assert config.scheduler_config.async_scheduling is False
    assert config.cache_config.enable_prefix_caching == c["enable_prefix_caching"]
    assert config.model_config.max_model_len == c["max_model_len"]
    spec = FullAttentionSpec(block_size=c["block_size"], num_kv_heads=1, head_size=32, dtype=torch.float32)
    kv = KVCacheConfig(num_blocks=c["num_blocks"], kv_cache_tensors=[],
                       kv_cache_groups=[KVCacheGroupSpec(["layer"], spec)])
    cls = WatchedAsync if c["async_scheduling"] else Watched
    s = cls(vllm_config=config, kv_cache_config=kv, structured_output_manager=StructuredOutputManager(config),
                block_size=c["block_size"], log_stats=True)
    assert s.num_lookahead_tokens == 0 and s.max_num_scheduled_tokens == c["max_num_batched_tokens"]
    s.num_spec_tokens = c["num_speculative_tokens"]
    if c["async_scheduling"]:
        s._spec_token_placeholders = [-1] * s.num_spec_tokens
    if c["draft_head"]:  # what use_eagle sets
        s.num_lookahead_tokens = s.num_spec_tokens
        s.kv_cache_manager.coordinator.eagle_group_ids = {0}
        s.kv_cache_manager.coordinator.single_type_managers[0].use_eagle = True
    init_none_hash(sha256)
    return s, get_request_block_hasher(c["block_size"], sha256)


def make_request(r, position, hasher, adapters):
    """A vLLM request. Arrival times only order requests: without one given, the place in the list."""
    params = SamplingParams(max_tokens=r["output_len"], ignore_eos=True, temperature=0.0, stop_token_ids=[END])
    lora = None
    if r.get("adapter"):
        number = adapters.setdefault(r["adapter"], len(adapters) + 1)
        lora = LoRARequest(lora_name=r["adapter"], lora_int_id=number, lora_path="/none")
    return Request(request_id=r["id"], prompt_token_ids=prompt_tokens(r), sampling_params=params,
                   pooling_params=None, arrival_time=float(r.get("arrival_time", position)),
                   priority=r.get("priority", 0), block_hasher=hasher, lora_request=lora)


class Decision:
    """One call of schedule() and what can only be seen right after it."""
    def __init__(self, s):
        before, s.preempted_now = {r.request_id for r in s.running}, []
        self.out = s.schedule()
        n_of = self.tokens = self.out.num_scheduled_tokens
        run = [r.request_id for r in s.running]
        assert list(n_of) == [i for i in run if i in n_of], "tokens are given in the order of running"
        self.preempted = s.preempted_now
        admitted = [i for i in run if i not in before]
        assert all(i in n_of for i in admitted) and not (admitted and self.preempted)
        # num_computed_tokens has been advanced already, so what is left is the prefix hit
        self.hit = {i: s.requests[i].num_computed_tokens - n_of[i] for i in admitted}
        self.samples = {i for i in n_of if not s.requests[i].is_prefill_chunk}


def sample(d, s, r, ends, seed):
    """What the model says to one request of a step: the drafts that are right and one more."""
    if r is None or r.request_id not in d.samples:
        return []
    drafts, n = len(d.out.scheduled_spec_decode_tokens.get(r.request_id, ())), r.num_tokens
    right = (seed * 31 + n * 17) % (drafts + 1)
    if r.request_id in d.hit:  # drafts of a request just admitted only fill the step up
        right = 0
    return [END if r.num_output_tokens + k + 1 == ends else token(seed, n + k) for k in range(1 + right)]


def record(case, model_dir):
    c = {**DEFAULTS, **MORE, **case["config"]}
    assert set(case["config"]) <= set(c), set(case["config"]) - set(c)
    s, hasher = build(c, model_dir)
    pool = s.kv_cache_manager.block_pool
    reqs, resets = case["requests"], case.get("resets", [])
    assert len({r["id"] for r in reqs}) == len(reqs)
    assert all(a["arrival_step"] <= b["arrival_step"] for a, b in zip(reqs, reqs[1:])), "sort by arrival_step"
    for r in reqs:  # what the engine would refuse, or never finish
        n = len(prompt_tokens(r))
        assert 1 <= n < c["max_model_len"] and r["output_len"] >= 1, r
        full = min(n + r["output_len"], c["max_model_len"])
        if c["num_speculative_tokens"]:  # drafts and their head take slots beyond the last token
            full = min(full + 2 * c["num_speculative_tokens"], c["max_model_len"])
        assert -(-full // c["block_size"]) <= c["num_blocks"] - 1, ("can never fit", r)
    seeds = {r["id"]: output_seed(r) for r in reqs}
    ends = {r["id"]: r.get("ends_at", 0) for r in reqs}
    ever_ran, tables, steps, adapters = set(), {}, [], {}
    last_run, last_wait, added, step, ahead = [], [], 0, 0, None
    total = dict.fromkeys(("scheduled_tokens", "output_tokens", "preemptions") + STATS, 0)
    while added < len(reqs) or s.requests:
        assert step < MAX_STEPS, "does not end"
        if not s.requests:  # the engine stood still: a step for requests that have ended is over
            ahead = None
        while added < len(reqs) and reqs[added]["arrival_step"] <= step:
            s.add_request(make_request(reqs[added], added, hasher, adapters))
            added += 1
        rec = {"step": step}
        for r in reqs:
            if r.get("abort_step") == step and r["id"] in s.requests:
                s.finish_requests(r["id"], RequestStatus.FINISHED_ABORTED)
        for x in resets:
            if x["step"] == step:
                s.preempted_now = []
                rec["reset"] = s.reset_prefix_cache(reset_running_requests=x.get("running", False))
        if not s.requests:  # an idle engine doesn't call the scheduler
            step += 1
            continue
        # -- schedule; asynchronously one step ahead: while one runs, the next is decided
        lost = []
        if ahead and ahead.tokens:
            d = ahead
        else:
            lost = ahead.preempted if ahead else []
            d = Decision(s)
        d.preempted = lost + d.preempted
        if c["async_scheduling"]:
            ahead = Decision(s)
        run = [r.request_id for r in s.running]
        wait = [r.request_id for r in s.waiting]
        assert not s.kv_holding_waiting
        rec["sched"] = dict(d.tokens)
        if run != last_run: rec["run"] = run
        if wait != last_wait: rec["wait"] = wait
        last_run, last_wait = run, wait
        new = {i: n for i, n in d.hit.items() if i not in ever_ran}
        resumed = {i: n for i, n in d.hit.items() if i in ever_ran}
        if new: rec["new"] = new
        if resumed: rec["resumed"] = resumed
        if d.preempted: rec["preempted"] = list(d.preempted)
        rec["free"] = pool.get_num_free_blocks()
        rec["cached"] = len(pool.cached_block_hash_to_block)
        if c["record_blocks"]:
            now = {i: s.kv_cache_manager.get_block_ids(i)[0] for i in run}
            changed = {i: b for i, b in now.items() if b != tables.get(i)}
            if changed: rec["blocks"] = changed
            tables = now
        stats = s.kv_cache_manager.make_prefix_cache_stats()  # also resets them
        for k in STATS:
            total[k] += getattr(stats, k)
        ever_ran.update(d.hit)
        total["scheduled_tokens"] += sum(d.tokens.values())
        total["preemptions"] += len(d.preempted)
        # -- the model
        ids, held = list(d.tokens), dict(s.requests)
        sampled = [sample(d, s, held.get(i), ends[i], seeds[i]) for i in ids]
        had = {i: held[i].num_output_tokens for i in ids if i in held}
        s.update_from_output(d.out, ModelRunnerOutput(
            req_ids=ids, req_id_to_index={i: k for k, i in enumerate(ids)}, sampled_token_ids=sampled))
        total["output_tokens"] += sum(held[i].num_output_tokens - n for i, n in had.items())
        if s.num_spec_tokens and not c["async_scheduling"]:
            s.update_draft_token_ids(DraftTokenIds(ids, [[7] * s.num_spec_tokens for _ in ids]))
        finished = [i for i in had if i not in s.requests]
        assert all(held[i].is_finished() for i in finished)
        if finished:
            rec["finished"] = finished
            rec["free_after"] = pool.get_num_free_blocks()
            last_run = [r.request_id for r in s.running]  # those that ended have left
        steps.append(rec)
        step += 1
    assert pool.get_num_free_blocks() == c["num_blocks"] - 1, "a block leaked"
    s.shutdown()
    shown = {k: v for k, v in c.items() if k not in MORE or v}
    return {"name": case["name"], "config": shown, "totals": total, "steps": steps}


def main(cases_path, out_path):
    logging.disable(logging.WARNING)
    cases = json.load(open(cases_path))["cases"]
    with tempfile.TemporaryDirectory() as model_dir:
        with open(os.path.join(model_dir, "config.json"), "w") as f:
            json.dump(TINY_MODEL, f)
        done = [record(case, model_dir) for case in cases]
    digest = hashlib.sha256(open(cases_path, "rb").read()).hexdigest()
    short = lambda o: json.dumps(o, separators=(",", ":"))
    with open(out_path, "w") as f:  # one step a line
        f.write('{"vllm":%s,"cases_sha256":"%s","cases":[' % (short(vllm.__version__), digest))
        for k, d in enumerate(done):
            f.write(("," if k else "") + '\n{"name":%s,"config":%s,"totals":%s,"steps":[\n' % (
                short(d["name"]), short(d["config"]), short(d["totals"])))
            f.write(",\n".join(short(x) for x in d["steps"]) + "\n]}")
        f.write("\n]}\n")
    for d in done:
        print(f'{d["name"]:28} {len(d["steps"]):6} steps  {d["totals"]}')


if __name__ == "__main__":
    main(*sys.argv[1:3])
