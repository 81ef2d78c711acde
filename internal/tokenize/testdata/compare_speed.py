"""Time this package and the Hugging Face library side by side, one thread each.

    python compare_speed.py FOLDER [NAME…] [--text FILE] [--rounds N]

FOLDER/NAME/tokenizer.json are the tokenizers (default: llama3 and qwen3). The
text is a megabyte of English: FILE, or Python's own documentation. In each
round the library encodes it as one string and as 1,000 strings, with an empty
cache of words, and then `go test -bench` does the same; the best round counts.
"""
import argparse, ast, glob, os, re, subprocess, sys, tempfile, time
from pydoc_data.topics import topics

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))


def english(size):
    """The topics of pydoc, then docstrings of the standard library."""
    parts = [t for _, t in sorted(topics.items())]
    for path in sorted(glob.glob(os.path.join(os.path.dirname(os.__file__), "**", "*.py"), recursive=True)):
        if sum(map(len, parts)) > size:
            break
        if "site-packages" in path or "/test" in path:
            continue
        try:
            tree = ast.parse(open(path, encoding="utf-8").read())
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                parts.append(ast.get_docstring(node) or "")
    return "\n\n".join(parts).encode()[:size].decode("utf-8", "ignore")


def library(path, text):
    """Seconds for the text whole and in 1,000 parts."""
    data = text.encode()
    parts = [data[i * len(data) // 1000:(i + 1) * len(data) // 1000].decode("utf-8", "ignore") for i in range(1000)]
    whole = tokenizers.Tokenizer.from_file(path)
    start = time.perf_counter()
    whole.encode(text)
    middle = time.perf_counter()
    fresh = tokenizers.Tokenizer.from_file(path)
    again = time.perf_counter()
    for p in parts:
        fresh.encode(p)
    return middle - start, time.perf_counter() - again


def ours(folder, names, text_file):
    env = {**os.environ, "TOKMETER_TOKENIZERS": folder, "TOKENIZE_TEXT": text_file}
    out = subprocess.run(["go", "test", "-run", "none", "-bench", "BenchmarkEncode", "-benchtime", "5x", "-cpu", "1", "."],
                         cwd=os.path.dirname(HERE), env=env, check=True, capture_output=True, text=True).stdout
    found = re.findall(r"BenchmarkEncode(Whole|Parts)/(\S+)\s+\d+\s+(\d+(?:\.\d+)?) ns/op", out)
    return {(name, kind): float(ns) / 1e9 for kind, name, ns in found if name in names}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("names", nargs="*", default=[])
    p.add_argument("--text")
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    names = a.names or ["llama3", "qwen3"]
    text = open(a.text, encoding="utf-8").read() if a.text else english(1 << 20)
    best = {}
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        for _ in range(a.rounds):
            for name in names:
                whole, parts = library(os.path.join(a.folder, name, "tokenizer.json"), text)
                for kind, s in (("Whole", whole), ("Parts", parts)):
                    best[name, kind, "hf"] = min(s, best.get((name, kind, "hf"), s))
            for (name, kind), s in ours(os.path.abspath(a.folder), names, f.name).items():
                best[name, kind, "go"] = min(s, best.get((name, kind, "go"), s))
    print(f"{len(text.encode())} bytes of English, one thread, tokenizers {tokenizers.__version__}, best of {a.rounds}")
    print(f"{'tokenizer':<14}{'text':<16}{'library s':>10}{'here s':>10}{'times':>8}")
    for name in names:
        for kind, label in (("Whole", "one string"), ("Parts", "1,000 strings")):
            hf, go = best[name, kind, "hf"], best[name, kind, "go"]
            print(f"{name:<14}{label:<16}{hf:>10.3f}{go:>10.3f}{hf / go:>8.1f}")


if __name__ == "__main__":
    main()
