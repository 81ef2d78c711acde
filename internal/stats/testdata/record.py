"""Records what NumPy makes of made-up samples, as exact hexadecimal floats.

Run it with a Python that has NumPy 2:  python record.py > numpy.json
The samples come from the small generator below, which the Go test repeats.
"""

import json

import numpy as np

SIZES = [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 63, 100, 127, 128, 129, 136, 137,
         255, 256, 257, 1000, 1023, 4097, 8192, 8193, 20000, 131072, 262147]
PERCENTILES = [0, 0.1, 1, 5, 10, 25, 33.3, 50, 62.5, 66.7, 75, 90, 95, 99, 99.9, 99.99, 100]


def samples(n, seed):
    """Values of a 64-bit linear congruential generator, spread over decades."""
    out, state = [], seed
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        unit = (state >> 11) / 2**53
        out.append(0.0001 + unit * unit * 3.0)
    return out


cases = []
for n in SIZES:
    for seed in ([1, 2, 3] if n <= 1023 else [1]):
        x = samples(n, seed)
        cases.append({
            "n": n,
            "seed": seed,
            "sum": float(np.sum(x)).hex(),
            "mean": float(np.mean(x)).hex(),
            "std": float(np.std(x)).hex(),
            "median": float(np.median(x)).hex(),
            "percentiles": [float(np.percentile(x, p)).hex() for p in PERCENTILES],
        })
print(json.dumps({"numpy": np.__version__, "p": PERCENTILES, "cases": cases}, indent=0))
