"""Records what SciPy makes of tests that internal/stats has too.

Run it with a Python that has SciPy 1.11 or later:  python record_scipy.py > scipy.json
The samples are those of record.py.
"""

import json

import numpy as np
import scipy
from scipy import stats


def samples(n, seed):
    out, state = [], seed
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        unit = (state >> 11) / 2**53
        out.append(0.0001 + unit * unit * 3.0)
    return out


quantiles = [{"p": p, "df": df, "t": float(stats.t.ppf(p, df)), "tail": float(stats.t.sf(2.5, df))}
             for p in [0.6, 0.8, 0.975, 0.999] for df in [1, 2, 3.7, 10, 99, 1e4, 1e6]]
trends = []
for n, seed, rise, step in [(10, 1, 0, 0), (40, 2, 0.05, 0), (100, 3, 0.01, 0), (60, 4, 0.02, 0.5), (150, 5, -0.01, 0.25)]:
    x = np.array(samples(n, seed)) + rise * np.arange(n)
    if step:
        x = np.round(x / step) * step
    tau = stats.kendalltau(np.arange(n), x, method="asymptotic")
    score = sum(np.sign(x[i + 1:] - x[i]).sum() for i in range(n))
    ties = np.unique(x, return_counts=True)[1]
    v = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    p = 2 * stats.norm.sf(max(0, abs(score) - 1) / np.sqrt(v))  # Mann and Kendall correct for continuity
    sen = stats.theilslopes(x, np.arange(n))
    trends.append({"n": n, "seed": seed, "rise": rise, "step": step, "tau": float(tau.statistic),
                   "slope": float(sen.slope) * (n - 1), "p": float(p)})
boots = []
for n, seed in [(50, 7), (200, 8)]:
    a, b = np.array(samples(n, seed)), np.array(samples(n, seed + 100))
    for name, f in [("mean", np.mean), ("p90", lambda v, axis: np.percentile(v, 90, axis=axis))]:
        r = stats.bootstrap((a, b), lambda x, y, axis: np.log(f(x, axis=axis) / f(y, axis=axis)), paired=True,
                            vectorized=True, n_resamples=20000, method="percentile", random_state=1)
        boots.append({"n": n, "seed": seed, "of": name, "low": float(r.confidence_interval.low),
                      "high": float(r.confidence_interval.high), "se": float(r.standard_error)})
print(json.dumps({"scipy": scipy.__version__, "quantiles": quantiles, "trends": trends, "bootstrap": boots}, indent=0))
