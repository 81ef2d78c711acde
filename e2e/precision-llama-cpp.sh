#!/usr/bin/env bash
# The precision table of real llama.cpp on this machine's processor: one random
# model of 0.4 B weights as F16, Q8_0 and Q4_0 (examples/precision-llama-cpp.yaml).
#
#   e2e/precision-llama-cpp.sh [FLAG...]     flags go to tokmeter precision
#
# It needs what e2e/engines/llama-cpp.sh needs, 3 GB of disk and some eight
# minutes on two cores. llama-server is taken where it was compiled
# (llama-cpp.sh DIR build), else the same server from a wheel. A table whose
# order is not that of the bytes, or where a speedup is neither told nor withheld
# with its reason, fails: this server closes kept connections right after an
# answer, and a request that crosses the close fails and is counted.
set -euo pipefail
# shellcheck source=SCRIPTDIR/common.sh
. "$(dirname -- "$0")/common.sh"

"$top/e2e/engines/llama-cpp.sh" "$engines" >&2
python=$engines/llama-cpp/venv/bin/python
models=$engines/precision/models
name=random-0.4b
mkdir -p -- "$models" "$out/bin"
if [ ! -s "$models/$name.gguf" ]; then
  "$top/e2e/engines/llama-cpp.sh" "$engines" model "$models/$name" --layers 26 --hidden 1024 --inner 4096 \
    --heads 16 --kv-heads 4 --head-dim 64 >&2
  mv -- "$models/$name/tiny.gguf" "$models/$name.gguf"
fi
for format in F16 Q8_0 Q4_0; do
  file=$models/$name-$format.gguf
  [ -s "$file" ] && continue
  say "writing $file"
  "$python" "$top/e2e/engines/gguf-quantize.py" "$models/$name.gguf" "$file.part" "$format"
  mv -- "$file.part" "$file"
done

if [ -x "$engines/llama-cpp/build/bin/llama-server" ]; then
  ln -sf -- "$engines/llama-cpp/build/bin/llama-server" "$out/bin/llama-server"
else
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$python" "$top/e2e/engines/llama-serve.py" > "$out/bin/llama-server"
  chmod +x "$out/bin/llama-server"
fi

build_tokmeter
PATH=$out/bin:$PATH
cd -- "$engines/precision"
"$tokmeter" precision "$top/examples/precision-llama-cpp.yaml" --output-dir "$out/llama-cpp" --wide "$@" ||
  die "the experiment failed (logs: $out/llama-cpp)"

python3 - "$out/llama-cpp/precision.json" <<'PY' || die "the table is not what the bytes of the weights say"
import json, sys
rows = {r["variant"]: r for r in json.load(open(sys.argv[1]))["views"][0]["variants"]}
tpot = [rows[n]["tpot_ms"] for n in ("F16", "Q8_0", "Q4_0")]
print("TPOT in ms:", tpot, file=sys.stderr)
for n in ("Q8_0", "Q4_0"):
    if rows[n]["withheld"]:
        print(f"{n}: withheld: {rows[n]['withheld']}", file=sys.stderr)
told = all(rows[n]["speedup"] or rows[n]["withheld"] for n in ("Q8_0", "Q4_0"))
sys.exit(not (told and tpot[0] > tpot[1] > tpot[2] > 0))
PY
say "results: $out/llama-cpp"
