"""Record what Python, NumPy and pandas draw, for the tests beside it.

    python record.py > golden.json

Needs NumPy and pandas. Every case is a generator, its seed and a chain of
calls on that one generator; floats are written as the hexadecimal of their
bits.
"""
import json, random, struct, sys
import numpy as np, pandas as pd

def bits(x): return "%016x" % struct.unpack(">Q", struct.pack(">d", float(x)))[0]
def ints(a): return [int(v) for v in np.atleast_1d(a)]
def floats(a): return [bits(v) for v in a]

def python(r, op, a):
    if op == "random": return floats(r.random() for _ in range(a[0]))
    if op == "getrandbits": return [str(r.getrandbits(a[1])) for _ in range(a[0])]
    if op == "choice": return [r.choice(range(a[1])) for _ in range(a[0])]
    if op == "shuffle":
        x = list(range(a[0])); r.shuffle(x); return x
    if op == "choices": return r.choices(range(a[0]), k=a[1])

def legacy(r, op, a):
    if op == "random": return floats(r.random_sample(a[0]))
    if op == "randint": return ints(r.randint(a[1], a[2], size=a[0]))
    if op == "randint1": return [int(r.randint(a[1], a[2])) for _ in range(a[0])]
    if op == "shuffle":
        x = np.arange(a[0]); r.shuffle(x); return ints(x)
    if op == "permutation": return ints(r.permutation(a[0]))
    if op == "choice": return ints(r.choice(a[0], a[1], replace=bool(a[2])))
    if op == "exponential": return floats(r.standard_exponential(a[0]))
    if op == "normal": return floats(r.standard_normal() for _ in range(a[0]))
    if op == "gamma": return floats(r.gamma(a[1], a[2]) for _ in range(a[0]))

def frame(seed, op, a):
    d = pd.DataFrame({"x": range(a[0])})
    return ints(d.sample(n=a[1], replace=bool(a[2]), random_state=seed)["x"])

def default(r, op, a):
    if op == "random": return floats(r.random(a[0]))
    if op == "integers": return ints(r.integers(a[1], a[2], size=a[0]))
    if op == "integer": return [int(r.integers(a[1], a[2])) for _ in range(a[0])]

big = 2**63 - 1
ranges = [[0, 1], [0, 2], [0, 3], [5, 105], [-7, 9], [0, 2**31], [0, 2**31 + 1], [0, 2**32 - 1],
          [0, 2**32], [0, 2**32 + 1], [0, 2**33], [-2**62, 2**62 + 3], [0, big], [-2**63, big], [0, 128256]]
chains = {
    "python": [["random", 5], ["getrandbits", 3, 1], ["getrandbits", 3, 32], ["getrandbits", 3, 33],
               ["getrandbits", 2, 64], ["getrandbits", 2, 0], ["choice", 8, 7], ["choice", 3, 1],
               ["shuffle", 0], ["shuffle", 1], ["shuffle", 30], ["choices", 128000, 10], ["random", 2]],
    "legacy": [["random", 3], *[["randint", 6, *x] for x in ranges], *[["randint1", 3, *x] for x in ranges],
               ["normal", 3], ["gamma", 2, 2.5, 1.0], ["normal", 2], ["exponential", 4],
               *[["gamma", 5, b, s] for b, s in [(0, 1), (1e-300, 1), (1e-3, 1), (0.1, 2), (0.3, 0.1), (0.5, 0.5), (0.999, 1), (1, 0.25), (1.001, 1), (2, 0.1), (2.5, 1/7.5), (10, 1e-3), (1e6, 1), (1e300, 1), (3, 0)]],
               ["shuffle", 0], ["shuffle", 1], ["shuffle", 25], ["permutation", 20],
               ["choice", 10, 10, 0], ["choice", 50, 5, 0], ["choice", 50, 60, 1], ["choice", 1, 3, 1], ["choice", 5, 0, 0], ["random", 1]],
    "pandas": [["sample", 40, 12, 0], ["sample", 40, 50, 1], ["sample", 1, 1, 0]],
    "default": [["random", 3], *[["integers", 5, *x] for x in ranges], ["integer", 3, 0, 10], ["random", 2], *[["integer", 3, *x] for x in ranges], ["integers", 200, 1024, 1025], ["integers", 9, 60, 141], ["random", 1]],
}
make = {"python": (random.Random, python), "legacy": (np.random.RandomState, legacy), "pandas": (int, frame), "default": (np.random.default_rng, default)}
seeds = {"python": [0, 1, -1, 42, 2**31, 2**32 - 1, 2**32, 2**32 + 7, -(2**40), big, -2**63],
         "legacy": [0, 1, 2, 3, 42, 2**31, 2**32 - 1], "pandas": [0, 1, 4, 2**32 - 1],
         "default": [0, 1, 7, 42, 2**32 - 1, 2**32, 2**40 + 5, big]}
out = {"python": sys.version.split()[0], "numpy": np.__version__, "pandas": pd.__version__, "cases": []}
for kind, chain in chains.items():
    new, call = make[kind]
    for seed in seeds[kind]:
        r = new(seed)
        out["cases"].append({"kind": kind, "seed": seed, "calls": [{"op": c[0], "args": c[1:], "out": call(r, c[0], c[1:])} for c in chain]})

def dump(v): return json.dumps(v, separators=(",", ":"))
head = {k: v for k, v in out.items() if k != "cases"}
print(dump(head)[:-1] + ',"cases":[\n' + ",\n".join(
    '{"kind":%s,"seed":%d,"calls":[\n' % (dump(c["kind"]), c["seed"]) + ",\n".join(dump(k) for k in c["calls"]) + "]}" for c in out["cases"]) + "]}")
