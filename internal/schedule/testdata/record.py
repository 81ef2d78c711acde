"""Record when vLLM's client would send, for the tests beside it.

    python record.py > golden.json

Needs vLLM. The clock stands at zero, so that every wait is the whole delay.
Each case seeds NumPy and draws `before` integers first, as a dataset that uses
the same generator does. Floats are written as the hexadecimal of their bits.
The changes of rate are counted as benchmark() counts them.
"""
import asyncio, json, struct
import numpy as np
import vllm, vllm.benchmarks.serve as serve

inf = float("inf")
def bits(x): return "%016x" % struct.unpack(">Q", struct.pack(">d", float(x)))[0]

class Request: timestamp = None

async def drive(n, rate, burst, ramp, start, end):
    slept, out, rates = [0.0], [], []
    async def sleep(s): slept[0] = s
    serve.asyncio.sleep, real = sleep, serve.asyncio.sleep
    serve.time.time, clock = (lambda: 0.0), serve.time.time
    try:
        async for _, r in serve.get_request([Request() for _ in range(n)], rate, burst, ramp, start, end):
            out.append(slept[0]); rates.append(r); slept[0] = 0.0
    finally: serve.asyncio.sleep, serve.time.time = real, clock
    return out, rates

def changes(ramp, start, rates):
    if ramp is None: return []
    last, out = start, [[start, 0]]
    for i, r in enumerate(rates):
        for v in range(last + 1, int(r) + 1): out.append([v, i])
        last = max(last, int(r))
    return out

cases = []
for seed, before, n, rate, burst, ramp, start, end in [
    (0, 0, 30, 1, 1, None, None, None), (0, 0, 30, 10, 1, None, None, None), (1, 500, 20, 2, 1, None, None, None),
    (2, 0, 1, 3, 1, None, None, None), (3, 0, 40, 4, 0.5, None, None, None), (4, 0, 40, 7.5, 0.05, None, None, None),
    (5, 0, 40, 0.25, 2.5, None, None, None), (6, 3, 40, 100, 10, None, None, None), (7, 0, 20, 1e6, 1000, None, None, None),
    (8, 0, 12, 5, inf, None, None, None), (8, 0, 12, 0.3, inf, None, None, None), (9, 0, 5, inf, 1, None, None, None), (9, 0, 5, inf, inf, None, None, None),
    (10, 0, 40, inf, 1, "linear", 1, 10), (11, 0, 40, inf, 0.3, "linear", 2, 7), (12, 0, 17, inf, inf, "linear", 1, 100), (13, 0, 1, inf, 1, "linear", 3, 9), (14, 0, 9, inf, 4, "linear", 5, 5),
    (15, 0, 40, inf, 1, "exponential", 1, 16), (16, 0, 33, inf, inf, "exponential", 3, 48), (17, 0, 25, inf, 0.3, "exponential", 2, 1000), (18, 0, 49, inf, 2.5, "exponential", 49, 2401), (19, 0, 4, inf, 1, "exponential", 7, 7),
]:
    np.random.seed(seed)
    if before: np.random.randint(0, 50257, size=before)
    out, rates = asyncio.run(drive(n, rate, burst, ramp, start, end))
    cases.append({"seed": seed, "before": before, "n": n, "rate": str(float(rate)), "burstiness": str(float(burst)), "ramp": ramp or "", "start": start or 0, "end": end or 0,
                  "delays": [bits(d) for d in out], "changes": changes(ramp, start, rates)})
print('{"vllm":"%s","numpy":"%s","cases":[\n' % (vllm.__version__, np.__version__) + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "]}")
