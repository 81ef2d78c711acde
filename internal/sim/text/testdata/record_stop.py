"""Records what vLLM's frontend makes of tokens and stop strings: stop.json.

Run with the Python of an installation of vLLM (0.32): python record_stop.py > stop.json
"""
import json
import random
from types import SimpleNamespace

from vllm.v1.engine.detokenizer import BaseIncrementalDetokenizer


class Spelled(BaseIncrementalDetokenizer):
    """Its token ids are places in a list of texts."""

    def __init__(self, request, texts):
        super().__init__(request)
        self.texts = texts

    def decode_next(self, next_token_id):
        return self.texts[next_token_id]


def case(rng):
    alphabet = rng.choice(["ab", "abc", "aé", "a漢🙂"])
    word = lambda lo, hi: "".join(rng.choice(alphabet) for _ in range(rng.randint(lo, hi)))
    texts = [word(0, 3) for _ in range(rng.randint(1, 14))]
    params = dict(
        stop=[word(1, 4) for _ in range(rng.randint(0, 3))],
        include_stop_str_in_output=rng.random() < 0.4,
        min_tokens=rng.choice([0, 0, 0, 2, 5]),
    )
    d = Spelled(SimpleNamespace(sampling_params=SimpleNamespace(**params)), texts)
    steps, at = [], 0
    while at < len(texts):
        n = min(rng.choice([1, 1, 1, 2, 3]), len(texts) - at)
        stop = d.update(list(range(at, at + n)), False)
        at += n
        over = stop is not None or at == len(texts)
        steps.append({"tokens": n, "text": d.get_next_output_text(over, True), "stop": stop, "count": d.num_output_tokens()})
        if stop is not None:
            break
    return {"texts": texts, "stop": params["stop"], "include": params["include_stop_str_in_output"], "min": params["min_tokens"], "steps": steps}


rng = random.Random(7)
print("[" + ",\n".join(json.dumps(case(rng), ensure_ascii=False) for _ in range(400)) + "]")
