"""Record what the Hugging Face libraries make of texts.

    python record.py real  CASES.json.gz FOLDER OUT.json.gz   real tokenizers, FOLDER/NAME/tokenizer.json
    python record.py layer CASES.json.gz TOKENIZERS OUT.json.gz  small tokenizers under the transformers layer

`real` writes for each folder the library's own answers and those of
AutoTokenizer, on the strings of CASES and on a sweep of code points. The test
reads it when TOKENIZE_REAL names FOLDER and TOKENIZE_ANSWERS names OUT. `layer`
writes testdata/layer.json.gz: folders made of a small tokenizer and
configuration files, and what AutoTokenizer makes of them.
"""
import gzip, json, os, sys, tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import tokenizers
import transformers
from transformers import AutoTokenizer

transformers.logging.set_verbosity_error()


def sweep():
    """Every code point to U+33FF and every seventh beyond, between letters and digits."""
    points = [*range(0x3400), *range(0x3400, 0x32000, 7), *range(0xE0000, 0xE0200)]
    points = [p for p in points if not 0xD800 <= p < 0xE000]
    out = []
    for i in range(0, len(points), 16):
        c = [chr(p) for p in points[i:i + 16]]
        out.append("".join(f"a{x}b 1{x}2 {x}C{x}'s{x}{x}" for x in c))
    return out


def layered(path, texts):
    tok = AutoTokenizer.from_pretrained(path)
    ids = [tok(s).input_ids for s in texts]
    return {"class": type(tok).__name__, "vocab_size": tok.vocab_size, "special_ids": tok.all_special_ids,
            "special_to_add": tok.num_special_tokens_to_add(), "ids": ids,
            "decoded": [tok.decode(i) for i in ids], "decoded_skip": [tok.decode(i, skip_special_tokens=True) for i in ids]}


def real(cases, folder):
    texts = list(cases["strings"].values())
    lines = sweep()
    out = {"texts": texts, "sweep": lines, "tokenizers": {}}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.exists(os.path.join(path, "tokenizer.json")):
            continue
        plain = tokenizers.Tokenizer.from_file(os.path.join(path, "tokenizer.json"))
        ids = [plain.encode(s).ids for s in texts]
        out["tokenizers"][name] = {
            "ids": ids, "decoded": [plain.decode(i, skip_special_tokens=False) for i in ids],
            "decoded_skip": [plain.decode(i) for i in ids],
            "sweep": [plain.encode(s).ids for s in lines], "layer": layered(path, texts)}
        print(name, file=sys.stderr)
    return out


AT = lambda content, **kw: {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True, **kw}
LAYERS = [
    ("llama3", {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>",
                "clean_up_tokenization_spaces": True}, {"config.json": {"model_type": "llama"}}, "cleanup does not touch BPE"),
    ("llama3", {}, {}, "no configuration at all"),
    ("llama3", {"bos_token": "<|begin_of_text|>", "pad_token": "<my pad>", "extra_special_tokens": ["<one>", "hello"]}, {}, "tokens that the file lacks"),
    ("llama3", {"bos_token": AT("<|begin_of_text|>", __type="AddedToken"), "image_token": "<img>", "extra_special_tokens": {"boi_token": "<boi>"}},
     {}, "named tokens of the model's own"),
    ("llama3", {"split_special_tokens": True, "bos_token": "<|begin_of_text|>"}, {}, "special tokens are not looked for"),
    ("llama3", {"eos_token": "<|eot_id|>"}, {"special_tokens_map.json": {"bos_token": AT("<|begin_of_text|>"), "eos_token": "<|end_of_text|>",
     "additional_special_tokens": ["<|python_tag|>"]}}, "the older file takes precedence"),
    ("llama3", {"added_tokens_decoder": {"2209": AT("<|begin_of_text|>", special=False), "9000": AT("<new>", normalized=True, special=False)},
                "bos_token": "<|begin_of_text|>"}, {"special_tokens_map.json": {"eos_token": "<|end_of_text|>"}}, "a decoder in the configuration"),
    ("qwen", {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "bos_token": None, "add_prefix_space": False,
              "additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "unk_token": None, "errors": "replace"}, {}, "Qwen as its repositories have it"),
    ("qwen", {"tokenizer_class": "Qwen2TokenizerFast"}, {"config.json": {"model_type": "qwen2"}}, "the class's own special tokens"),
    ("qwen", {"tokenizer_class": "LlamaTokenizerFast"}, {"config.json": {"model_type": "qwen2"}}, "the registered class overrules"),
    ("qwen", {"tokenizer_class": "Qwen3_5Tokenizer", "pad_token": "<|endoftext|>"}, {}, "Qwen 3.5"),
    ("deepseek", {"tokenizer_class": "LlamaTokenizerFast", "unk_token": None}, {"config.json": {"model_type": "deepseek_v3"}}, "a class that is known to be wrong"),
    ("deepseek", {"tokenizer_class": "LlamaTokenizerFast", "unk_token": None, "legacy": True}, {}, "the same without a model type"),
    ("gpt2", {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True}, {}, "a space before every text"),
    ("gpt2", {"tokenizer_class": "GPTNeoXTokenizerFast"}, {}, "GPT-NeoX"),
    ("gpt2", {"tokenizer_class": "CohereTokenizerFast", "bos_token": "<|endoftext|>"}, {}, "Cohere"),
    ("gpt4o", {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}, {}, "GPT-2's cut for o200k"),
    ("gptoss", {"tokenizer_class": "PreTrainedTokenizerFast"}, {"config.json": {"model_type": "gpt_oss"}}, "gpt-oss"),
    ("mistral_nemo", {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": False, "bos_token": "<s>"}, {"config.json": {"model_type": "mistral"}}, "add_bos_token does not count"),
    ("llama2", {"tokenizer_class": "LlamaTokenizer", "legacy": True, "add_bos_token": True}, {"config.json": {"model_type": "llama"}}, "Llama 2"),
    ("llama2", {"tokenizer_class": "LlamaTokenizer", "legacy": False, "pad_token": "<pad>"}, {}, "not legacy: only the first piece gets a space"),
    ("llama2", {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": False}, {}, "no prefix space"),
    ("llama2", {"tokenizer_class": "CodeLlamaTokenizer"}, {}, "Code Llama"),
    ("llama2_metaspace", {"tokenizer_class": "PreTrainedTokenizerFast"}, {"config.json": {"model_type": "llama"}}, "the file's own pipeline"),
    ("gemma", {"tokenizer_class": "GemmaTokenizer", "boi_token": "<start_of_image>", "extra_special_tokens": {"image_token": "<img>"}}, {"config.json": {"model_type": "gemma3"}}, "Gemma"),
    ("bert", {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": True, "cls_token": "[CLS]"}, {}, "cleanup for WordPiece"),
    ("xlmr", {"tokenizer_class": "PreTrainedTokenizerFast", "mask_token": AT("<mask>", lstrip=True, __type="AddedToken")}, {}, "a mask that eats the space before it"),
    ("added_tokens", {}, {"added_tokens.json": {"<older>": 4000}}, "added_tokens.json"),
]


def layer(cases, folder):
    texts = [t for n, t in cases["strings"].items() if n.startswith(("ascii", "contraction", "space", "white", "special", "code", "chinese", "combining", "mixed", "digits")) or n in ("empty",)]
    texts = texts[:70] + ["<one> hello <img> <new> <my pad><boi>", "a <mask> b", "He said do not , isn't it ?", " <|begin_of_text|> x<|eot_id|>", "<s>[INST] hi</s> x", "<|im_start|>user\nhi<|im_end|>", "e\u0301 \u1e9b\u0323 12345", "don't 'S", "<older>"]
    out = {"texts": texts, "folders": []}
    for name, config, files, why in LAYERS:
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(folder, name + ".json"), encoding="utf-8") as f, open(os.path.join(d, "tokenizer.json"), "w", encoding="utf-8") as g:
                g.write(f.read())
            files = {"tokenizer_config.json": config, **files}
            for n, v in files.items():
                with open(os.path.join(d, n), "w", encoding="utf-8") as g:
                    json.dump(v, g)
            try:
                answer = layered(d, texts)
            except Exception as e:
                print(name, why, "failed:", type(e).__name__, str(e)[:200], file=sys.stderr)
                continue
            out["folders"].append({"why": why, "tokenizer": name, "files": files, **answer})
            print(name, answer["class"], why, file=sys.stderr)
    return out


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in ("real", "layer"):
        sys.exit(__doc__)
    with gzip.open(sys.argv[2], "rt", encoding="utf-8") as f:
        cases = json.load(f)
    result = (real if sys.argv[1] == "real" else layer)(cases, sys.argv[3])
    with (gzip.open if sys.argv[4].endswith(".gz") else open)(sys.argv[4], "wt", encoding="utf-8") as f:
        json.dump(result, f, separators=(",", ":"))
