# shellcheck shell=bash
# What the end-to-end scripts share; sourced, never run. A script starts one
# real engine, lets tokmeter drive it and checks what came out.
#
#   TOKMETER_ENGINES  where engines are installed (.cache/engines)
#   TOKMETER_E2E_OUT  where results are kept (a folder that is made and named)

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
engines=${TOKMETER_ENGINES:-$top/.cache/engines}
mkdir -p -- "$engines"
engines=$(cd -- "$engines" && pwd)
out=${TOKMETER_E2E_OUT:-$(mktemp -d "${TMPDIR:-/tmp}/tokmeter-e2e.XXXXXX")}
mkdir -p -- "$out"
out=$(cd -- "$out" && pwd)
tokmeter=$out/tokmeter
sharegpt=$top/testdata/sharegpt.json
server_pid=

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# stop_engine takes the engine down with all its children.
stop_engine() {
  [ -n "$server_pid" ] || return 0
  kill -TERM -- "-$server_pid" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 -- "-$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL -- "-$server_pid" 2>/dev/null || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}
trap stop_engine EXIT
trap 'exit 130' INT TERM

# free_port prints a port that nobody listens on.
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

# build_tokmeter builds the client once.
build_tokmeter() {
  [ -x "$tokmeter" ] || (cd "$top" && CGO_ENABLED=0 go build -o "$tokmeter" ./cmd/tokmeter)
}

# tiny_model makes the model that every engine serves, once.
tiny_model() {
  model=$engines/tiny-model
  if [ ! -s "$model/tiny.gguf" ] || [ ! -s "$model/model.safetensors" ]; then
    "$top/e2e/engines/llama-cpp.sh" "$engines" model "$model" >&2
  fi
}

# start_engine SECONDS URL COMMAND... starts an engine in a process group of
# its own and waits until URL answers 200.
start_engine() {
  local limit=$1 url=$2 log=$out/${0##*/}.log
  shift 2
  set -m
  "$@" > "$log" 2>&1 &
  server_pid=$!
  set +m
  for _ in $(seq $((limit * 5))); do
    if curl -fsS -o /dev/null --max-time 2 "$url" 2>/dev/null; then return; fi
    kill -0 "$server_pid" 2>/dev/null || { tail -n 20 "$log" >&2; die "the engine ended before it was ready (see above)"; }
    sleep 0.2
  done
  tail -n 20 "$log" >&2
  die "the engine was not ready within $limit s (log: $log)"
}

# bench NAME FLAG... runs tokmeter on the ShareGPT file and keeps its result as
# NAME.json.
bench() {
  local name=$1
  shift
  say "tokmeter: $name"
  "$tokmeter" bench serve --base-url "$base" --model tiny --tokenizer "$model" \
    --dataset-path "$sharegpt" --num-prompts "${PROMPTS:-20}" --request-rate "${RATE:-4}" --seed 1 \
    --percentile-metrics ttft,tpot,itl,e2el --save-result --save-detailed --result-dir "$out" --result-filename "$name.json" \
    --record-dir "$out/runs/$name" --no-live "$@" > "$out/$name.txt" 2>&1 || { cat "$out/$name.txt" >&2; die "$name failed"; }
}

# check NAME CONDITION... fails unless each Python condition holds for the
# result r of NAME, the saved requests q and their count n.
check() {
  local name=$1
  shift
  python3 - "$out/$name.json" "$out/requests.jsonl" "$name" "$@" <<'PY'
import json, sys
result, requests, name, *conditions = sys.argv[1:]
r = json.load(open(result))
q = [json.loads(line) for line in open(requests)]
n = len(q)
bad = [c for c in conditions if not eval(c)]
for c in bad:
    print(f"{name}: does not hold: {c}", file=sys.stderr)
    print("  ", {k: r.get(k) for k in ("completed", "failed", "total_input_tokens", "total_output_tokens", "outcomes", "token_source", "clock")}, file=sys.stderr)
sys.exit(bool(bad))
PY
}

# save_requests FLAG... writes the workload that `bench` sends to requests.jsonl.
save_requests() {
  "$tokmeter" bench serve --model tiny --tokenizer "$model" --dataset-path "$sharegpt" \
    --num-prompts "${PROMPTS:-20}" --request-rate "${RATE:-4}" --seed 1 --dry-run --save-requests "$out/requests.jsonl" "$@" > "$out/dry-run.txt" 2>&1 ||
    { cat "$out/dry-run.txt" >&2; die "the dry run failed"; }
}

# table_row ENGINE CLIENT NAME prints one row of the table that e2e/run shows.
table_row() {
  python3 - "$1" "$2" "$out/$3.json" <<'PY'
import json, sys
engine, client, path = sys.argv[1:]
r = json.load(open(path))
src = ", ".join(r.get("token_source", {})) or "–"
f = lambda k: f"{r[k]:.2f}" if r.get(k) is not None else "–"
print(f"| {engine} | {client} | {r['completed']} / {r['completed'] + r.get('failed', 0)} | {r['total_input_tokens']} | {r['total_output_tokens']} | {f('mean_ttft_ms')} / {f('p99_ttft_ms')} | {f('mean_tpot_ms')} | {f('mean_itl_ms')} | {src} |")
PY
}
