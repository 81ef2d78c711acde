"""The two clients that are held against each other, and the recorder between.

vLLM's client is the real one: `vllm.entrypoints.cli.main.main` with the words
of the command line, in a child of a process that has everything imported, so
that a case costs its own time and not vLLM's fifteen seconds of imports.
"""
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path

here = Path(__file__).resolve().parent


class Run:
    """What one client did: exit code, output, files, and the requests it sent."""

    def __init__(self, folder, rc, log):
        self.folder, self.rc, self.log = folder, rc, log
        self.out = (folder / "stdout").read_text(errors="replace")
        self.err = (folder / "stderr").read_text(errors="replace")

    def files(self):
        skip = {"stdout", "stderr", "home"}
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if p.is_file() and p.relative_to(self.folder).parts[0] not in skip)


class Recorder:
    """The recorder as a process of its own."""

    def __init__(self, folder):
        file = folder / "port"
        file.unlink(missing_ok=True)
        self.process = subprocess.Popen([sys.executable, str(here / "recorder.py"), str(file)], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not (file.exists() and file.read_text()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit("parity: the recorder did not start")
            time.sleep(0.02)
        self.port = int(file.read_text())

    def ask(self, method, path, obj=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, json.dumps(obj) if obj is not None else None)
        data = json.loads(c.getresponse().read())
        c.close()
        return data

    def close(self):
        self.process.kill()
        self.process.wait()


def environment(folder, extra):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "HF_", "TOKMETER_", "VLLM_"))}
    env |= {
        "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
        "PYTHONHASHSEED": "0", "NO_PROXY": "127.0.0.1", "TOKENIZERS_PARALLELISM": "false",
        "XDG_CACHE_HOME": str(folder / "home"), "PYTHONDONTWRITEBYTECODE": "1",
    }
    return env | extra


def wait(pid, limit):
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return "timeout"


def warm():
    """Imports what vLLM's client imports; call it once, before any thread."""
    sys.argv = ["vllm", "bench", "serve", "--help"]
    import vllm.entrypoints.cli.benchmark.main as bench
    import vllm.entrypoints.cli.main  # noqa: F401
    import vllm.entrypoints.cli.openai, vllm.entrypoints.cli.serve, vllm.entrypoints.cli.launch  # noqa: F401,E401
    import vllm.benchmarks.serve, transformers, pandas  # noqa: F401,E401

    bench._import_bench_subcommand_modules()
    # A tokenizer without a model beside it is looked for twice, 2 s apart.
    import types

    import vllm.transformers_utils.repo_utils as repo

    repo.time = types.SimpleNamespace(sleep=lambda s: None)


def run_vllm(words, folder, env, limit=120):
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            os.chdir(folder)
            for fd, name in ((1, "stdout"), (2, "stderr")):
                os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), fd)
            os.environ.clear()
            os.environ.update(environment(folder, env))
            sys.argv = ["vllm", "bench", "serve", *words]
            import vllm.entrypoints.cli.main as cli

            try:
                cli.main()
                code = 0
            except SystemExit as e:
                code = e.code if isinstance(e.code, int) else 1 if e.code else 0
            except BaseException:
                import traceback

                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return wait(pid, limit)


def run_tokmeter(binary, words, folder, env, limit=120):
    with open(folder / "stdout", "w") as out, open(folder / "stderr", "w") as err:
        p = subprocess.Popen([binary, "bench", "serve", *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment(folder, env))
    try:
        return p.wait(limit)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        return "timeout"
