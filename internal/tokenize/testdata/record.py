"""Record what the Hugging Face libraries make of texts.

    python record.py real  CASES.json.gz FOLDER OUT.json.gz   real tokenizers, FOLDER/NAME/tokenizer.json
    python record.py parts CASES.json.gz TOKENIZERS OUT.json.gz  small tokenizers with other parts
    python record.py layer CASES.json.gz TOKENIZERS OUT.json.gz  small tokenizers under the transformers layer

`real` writes for each folder the library's own answers and those of
AutoTokenizer, on the strings of CASES and on a sweep of code points. The test
reads it when TOKMETER_TOKENIZERS names FOLDER and TOKMETER_TOKENIZER_ANSWERS names OUT. `layer`
writes testdata/layer.json.gz: folders made of a small tokenizer and
configuration files, and what AutoTokenizer makes of them. `parts` writes
testdata/parts.json.gz: small tokenizers with their normalizer, pre-tokenizer,
post-processor, decoder or switches changed, and the library's own answers.
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


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def seq(kind, *parts):
    key = {"n": "normalizers", "p": "pretokenizers", "d": "decoders", "o": "processors"}[kind]
    return {"type": "Sequence", key: list(parts)}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def meta(scheme="always", split=True):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split}


def replace(pattern, content, kind="String"):
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}
WORDS = {"type": "WhitespaceSplit"}
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
KIMI = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PATTERNS = [
    CL100K, KIMI, r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r" ?[^(\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+", r"\d{3}(?=\d)|\d+", r"[0-9][0-9][0-9]", r"\w+|[^\w\s]+", r"\b", r"(?<=a)b|(?<!a)c", r"\p{Lu}?\p{Ll}+",
    r"\P{L}+", r"[\P{L}\s]+", r"[^\S\n]+|\n", r"[[:punct:]]+|[[:space:]]", r"x*", r"a{2}|b{1,}|c{,2}|(?:de){1,2}+", r"\p{Sc}|\p{Nl}|\p{Zs}", r"\p{Hiragana}+|\p{Cyrillic}+|\p{Greek}",
    r"^.|.$", r"\A.|\z", r"(?>a+)b|a", r"\h{2}", r"[\p{N}&&[^0-9]]+", r"(?:\r\n|\n|\r)+", r"\x41|\u0042|[\x{43}-\x{45}]", r"[a-z]+?(?=[aeiou])", r"[-a]+|[\]b]|[c-]",
    r"(?i:k|ma|[xyz]|r\u002e)", r"\s+$", r"\p{^L}+",
]


def part_list():
    """(tokenizer, changes, why)"""
    out = []
    for n in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"]:
        out.append(("added_tokens", {"normalizer": {"type": n}, "added_tokens": []}, "normalizer " + n))
        out.append(("xlmr", {"normalizer": {"type": n}}, "normalizer " + n))
    for clean in (True, False):
        for accents in (True, False, None):
            out.append(("bert", {"normalizer": {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": not clean, "strip_accents": accents, "lowercase": clean}}, "BertNormalizer"))
    out.append(("gpt2", {"normalizer": seq("n", STRIP, replace(" {2,}", " ", "Regex"), {"type": "Prepend", "prepend": "_"}), "added_tokens": []}, "Strip, Replace, Prepend"))
    out.append(("gpt2", {"normalizer": {"type": "Strip", "strip_left": False, "strip_right": True}}, "Strip right"))
    out.append(("gpt2", {"normalizer": replace("", "-")}, "Replace of nothing"))
    out.append(("gpt2", {"normalizer": replace("(b|x)?", "[$1]", "Regex")}, "Replace that matches nothing"))
    out.append(("gpt2", {"normalizer": {"type": "ByteLevel"}, "pre_tokenizer": None}, "ByteLevel as normalizer"))
    for p in PATTERNS:
        for b in ("Isolated", "MergedWithPrevious"):
            out.append(("gpt2", {"pre_tokenizer": seq("p", split(p, b), byte_level(False, False))}, "pattern " + p))
    for b in BEHAVIORS:
        for inv in (True, False):
            out.append(("gpt2", {"pre_tokenizer": seq("p", split(r"\s+|[aeiou]", b, inv), byte_level(False, False))}, "behavior " + b))
            out.append(("gpt2", {"pre_tokenizer": seq("p", split("e", b, inv, "String"), byte_level(False, True))}, "string " + b))
        out.append(("gpt2", {"pre_tokenizer": seq("p", {"type": "Punctuation", "behavior": b}, byte_level(True, True))}, "Punctuation " + b))
    for p, why in [({"type": "Digits", "individual_digits": True}, "digits"), ({"type": "Digits", "individual_digits": False}, "digit runs"), ({"type": "Whitespace"}, "Whitespace"),
                   ({"type": "Punctuation"}, "Punctuation"), ({"type": "BertPreTokenizer"}, "Bert"), ({"type": "CharDelimiterSplit", "delimiter": "e"}, "delimiter"),
                   ({"type": "FixedLength", "length": 3}, "FixedLength"), (WORDS, "WhitespaceSplit"), (split("", kind="String"), "empty string")]:
        out.append(("gpt2", {"pre_tokenizer": seq("p", p, byte_level(False, False))}, why))
        out.append(("xlmr", {"pre_tokenizer": seq("p", p, meta("first"))}, why))
    out.append(("gpt2", {"pre_tokenizer": seq("p", byte_level(True, True), split("\u0120+"))}, "a split after ByteLevel"))
    for scheme in ("always", "first", "never"):
        for sp in (True, False):
            for n in (None, STRIP, {"type": "Prepend", "prepend": "\u2581"}, replace(" ", "\u2581"), replace("^a| ", "b", "Regex"), {"type": "NFKC"}, seq("n", {"type": "NFD"}, {"type": "StripAccents"})):
                out.append(("llama2_metaspace", {"normalizer": n, "pre_tokenizer": meta(scheme, sp), "decoder": meta(scheme)}, "Metaspace " + scheme))
    out.append(("xlmr", {"pre_tokenizer": seq("p", WORDS, meta("first"))}, "first of many"))
    out.append(("gpt2", {"pre_tokenizer": None}, "no pre-tokenizer"))
    for m in ({"byte_fallback": False}, {"byte_fallback": False, "fuse_unk": False}, {"byte_fallback": False, "unk_token": None}, {"ignore_merges": True}, {"fuse_unk": False}):
        out.append(("llama2", {"model": m}, "switches of the model"))
        out.append(("gpt2", {"model": {**m, "unk_token": "<|endoftext|>"}, "pre_tokenizer": None}, "switches of the model"))
    out.append(("unigram_bytes", {"model": {"byte_fallback": False}}, "no byte fallback"))
    out.append(("bert", {"model": {"max_input_chars_per_word": 5}}, "short words only"))
    bert = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    roberta = {"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2], "trim_offsets": True, "add_prefix_space": True}
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "y", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "B", "type_id": 0}}, {"SpecialToken": {"id": "y", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "special_tokens": {"x": {"id": "x", "ids": [7, 8], "tokens": ["a", "b"]}, "y": {"id": "y", "ids": [9], "tokens": ["c"]}}}
    short = {**template, "single": template["single"][:2]}
    for p in (bert, roberta, template, seq("o", bert, template), seq("o", short, roberta), seq("o", short, bert), seq("o", short, short), seq("o"), byte_level(), seq("o", short, seq("o", byte_level(), short))):
        out.append(("bert", {"post_processor": p}, "post-processor"))
        out.append(("bert", {"post_processor": p, "truncation": {"max_length": 12, "strategy": "LongestFirst", "stride": 2, "direction": "Right"}}, "truncation"))
    out.append(("bert", {"truncation": {"max_length": 7, "strategy": "OnlyFirst", "stride": 0, "direction": "Left"}}, "truncation"))
    pad = {"strategy": {"Fixed": 20}, "direction": "Left", "pad_to_multiple_of": 8, "pad_id": 5, "pad_type_id": 0, "pad_token": "p"}
    out.append(("bert", {"padding": pad}, "padding"))
    out.append(("bert", {"padding": {**pad, "strategy": "BatchLongest", "direction": "Right"}}, "padding"))
    for d in (None, {"type": "Fuse"}, {"type": "BPEDecoder", "suffix": "e"}, {"type": "BPEDecoder", "suffix": ""}, {"type": "CTC", "pad_token": "[PAD]", "word_delimiter_token": "e", "cleanup": True},
              {"type": "CTC", "pad_token": "a", "word_delimiter_token": "e", "cleanup": False}, {"type": "WordPiece", "prefix": "##", "cleanup": True}, {"type": "WordPiece", "prefix": "", "cleanup": False},
              {"type": "ByteFallback"}, byte_level(), meta("never"), meta("first"), replace("e", ""), replace("[aeiou]+", "_", "Regex"),
              seq("d", {"type": "Fuse"}, {"type": "Strip", "content": "a", "start": 2, "stop": 0}, replace("", "."))):
        for t in ("bert", "llama2", "gpt2"):
            out.append((t, {"decoder": d}, "decoder"))
    at = lambda c, **k: {"id": 0, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False, **k}
    for k in ({}, {"lstrip": True}, {"rstrip": True}, {"lstrip": True, "rstrip": True}, {"single_word": True}, {"normalized": True}, {"special": True}, {"normalized": True, "lstrip": True, "special": True}, {"single_word": True, "rstrip": True}):
        toks = [at("the", **k), at("They", **k), at("e", **{**k, "single_word": True}), at("  ", **{**k, "normalized": False}), at("12", **k), at("HELLO", **k), at("\u00e9", **k)]
        out.append(("gpt2", {"added_tokens": toks}, "added tokens"))
        out.append(("gpt2", {"added_tokens": toks, "normalizer": {"type": "Lowercase"}}, "added tokens, lower case"))
        out.append(("llama2", {"added_tokens": toks[:6]}, "added tokens, Llama"))
        out.append(("llama2_metaspace", {"added_tokens": toks}, "added tokens, Metaspace"))
        out.append(("added_tokens", {"added_tokens": toks}, "added tokens, NFKC"))
    return out


def random_texts(cases):
    import random
    rng = random.Random(7)
    known = list(cases["strings"].values())
    alphabet = list("aeiouxbcdthHELO  \n\t\r.,!?'-_0123456789") + ["the", "They ", "'s", "'LL", " ", "\u00e9", "e\u0301", "\u00df", "\u0130", "\u6f22\u5b57", "\u3042", "\ud55c", "\u1100\u1161\u11a8", "\u0391\u03c3", "\u0416", "\u0f77",
             "\u2581", "\u00a0", "\u3000", "\u200b", "\u200d", "\U0001f469\u200d\U0001f467", "\U0001f1eb\U0001f1f7", "\u0939\u093f", "\u0e33", "\ufb01", "\u212b", "\uff21", "\u2460", "\u0660", "\u2167", "\u20ac", "$", "\u0000", "\u0085", "\ufffd", "\ufeff", "\U00011935\U00011930", "\u0345\u0300\u0327", "\u017f", "\u212a", "\u01c5", "\ua7dc"]
    out = ["", " ", "  a", "a  ", "don't stop THE They HELLO 12 12", "A.B,C"]
    for _ in range(34):
        out.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 40))))
    return out + rng.sample([k for k in known if len(k) < 200], 25)


def parts(cases, folder):
    texts = random_texts(cases)
    out = {"texts": texts, "tokenizers": []}
    for name, change, why in part_list():
        with open(os.path.join(folder, name + ".json"), encoding="utf-8") as f:
            j = json.load(f)
        for key, value in change.items():
            if key == "model":
                j["model"].update(value)
            else:
                j[key] = value
        try:
            tok = tokenizers.Tokenizer.from_str(json.dumps(j))
            ids = [tok.encode(s).ids for s in texts]
            plain = [tok.encode(s, add_special_tokens=False).ids for s in texts]
            decoded = [tok.decode(i, skip_special_tokens=False) for i in plain]
        except BaseException as e:
            print(name, why, "refused:", type(e).__name__, str(e)[:100], file=sys.stderr)
            continue
        out["tokenizers"].append({"tokenizer": name, "why": why, "change": change, "ids": ids, "plain": plain, "decoded": decoded})
    print(len(out["tokenizers"]), "tokenizers", file=sys.stderr)
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
    if len(sys.argv) != 5 or sys.argv[1] not in ("real", "parts", "layer"):
        sys.exit(__doc__)
    with gzip.open(sys.argv[2], "rt", encoding="utf-8") as f:
        cases = json.load(f)
    result = {"real": real, "parts": parts, "layer": layer}[sys.argv[1]](cases, sys.argv[3])
    with (gzip.open if sys.argv[4].endswith(".gz") else open)(sys.argv[4], "wt", encoding="utf-8") as f:
        json.dump(result, f, separators=(",", ":"))
