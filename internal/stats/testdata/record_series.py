"""Writes series.json: what arch, SciPy, statsmodels and lifelines say of the same
numbers. Series come from a generator that is repeated in series_test.go.

    pip install numpy scipy arch statsmodels lifelines
    python record_series.py > series.json
"""
import json
import math
import sys

import arch
import lifelines
import numpy as np
import scipy
import scipy.stats as st
import statsmodels
from arch.bootstrap import optimal_block_length
from statsmodels.stats.proportion import proportion_confint


def samples(n, seed, phi):
    """An autoregression over a linear congruential generator, with a skewed marginal."""
    x, state, last = [], seed, 0.0
    for _ in range(n):
        u = 0.0
        for _ in range(4):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            u += (state >> 11) / 2**53
        last = phi * last + (u - 2)
        x.append(math.exp(last))
    return x


def ranks(n, p):
    """The widest ranks (l, h) with P(B < l) and P(B >= h) of at most 2.5 %."""
    q = p / 100
    low = max((r for r in range(1, n + 1) if st.binom.cdf(r - 1, n, q) <= 0.025), default=0)
    high = min((r for r in range(1, n + 1) if st.binom.sf(r - 1, n, q) <= 0.025), default=0)
    return low, high


def early(p):
    """The least n of MLPerf's early stopping with one query above p."""
    h = 1
    while st.beta.cdf(p / 100, h, 2) > 0.01:
        h += 1
    return h + 1


def survival(n, seed, cut):
    times = samples(n, seed, 0.0)
    ended = [t < cut for t in times]
    times = [min(t, cut) if i % 3 else t for i, t in enumerate(times)]
    ended = [t < cut or i % 3 == 0 for i, t in enumerate(times)]
    k = lifelines.KaplanMeierFitter().fit(times, ended)
    out = []
    for p in (25, 50, 75):
        v = lifelines.utils.qth_survival_time(1 - p / 100, k.survival_function_)
        c = lifelines.utils.qth_survival_times(1 - p / 100, k.confidence_interval_)
        low, high = float(c.iloc[0, 0]), float(c.iloc[0, 1])
        out.append({"P": p, "Value": [float(v)], "Low": [low], "High": [high]})
    return {"N": n, "Seed": seed, "Cut": cut, "Percentiles": out}


def finite(o):
    """JSON has no infinity: an empty list stands for it."""
    if isinstance(o, dict):
        return {k: finite(v) for k, v in o.items()}
    if isinstance(o, list):
        return [finite(v) for v in o if not (isinstance(v, float) and math.isinf(v))]
    return o


blocks = []
for n, seed, phi in ((50, 1, 0.0), (100, 2, 0.5), (400, 3, 0.8), (1000, 4, 0.9), (5000, 5, 0.3)):
    b = optimal_block_length(np.array(samples(n, seed, phi)))
    blocks.append({"N": n, "Seed": seed, "Phi": phi, "Length": float(b["circular"].iloc[0])})
wilson = []
for k, n in ((0, 10), (1, 10), (5, 10), (10, 10), (95, 100), (990, 1000)):
    low, high = proportion_confint(k, n, method="wilson")
    wilson.append({"K": k, "N": n, "Low": low, "High": high})
order = []
for p in (50, 90, 95, 99):
    for n in (20, 72, 100, 368, 1000, 3688):
        low, high = ranks(n, p)
        order.append({"N": n, "P": p, "Low": low, "High": high})
json.dump(finite({
    "Versions": {m.__name__: m.__version__ for m in (np, scipy, arch, statsmodels, lifelines)},
    "Blocks": blocks,
    "Wilson": wilson,
    "Ranks": order,
    "Early": [{"P": p, "N": early(p)} for p in (50, 90, 95, 97, 99)],
    "Survival": [survival(61, 7, 1.5), survival(201, 8, 1.2), survival(41, 9, 99.0)],
}), sys.stdout, indent=1)
