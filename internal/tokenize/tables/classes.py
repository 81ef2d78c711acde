"""Write classes.txt: which tokenizer class AutoTokenizer takes for a model type.

    python classes.py > classes.txt

Needs the Python package `transformers`. A line is a model type, its class, and
"wrong" where the class that a repository names does not count.
"""
from transformers.models.auto import tokenization_auto as auto

for name, cls in sorted(auto.TOKENIZER_MAPPING_NAMES.items()):
    if cls:
        print(name, cls, *(["wrong"] if name in auto.MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS else []))
