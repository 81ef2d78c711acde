"""Record how transformers renders chat templates, for the tests beside it.

    python record.py > golden.json

Needs transformers. cases.json holds templates of our own in the shapes that
models use, and single features of Jinja.
"""
import datetime, json, os, sys
import transformers
from transformers.utils import chat_template_utils as u

class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None): return cls(2026, 3, 7, 9, 5, 4, 123456)
u.datetime = Clock

here = os.path.dirname(os.path.abspath(__file__))
special = {"bos_token": "<s>", "eos_token": "</s>"}
cases = []
def record(name, template, messages, gen, kwargs):
    c = {"name": name, "template": template, "messages": messages, "generation": gen, "kwargs": json.dumps(kwargs)}
    try:
        r = u.render_jinja_template([messages], chat_template=template, add_generation_prompt=gen, **special, **kwargs)
        c["text"] = r[0][0]
    except Exception as e:
        c["error"] = str(e)
    cases.append(c)

d = json.load(open(os.path.join(here, "cases.json")))
for name, template in d["templates"].items():
    for i, m in enumerate(d["conversations"]):
        for gen in (False, True):
            for k, kw in enumerate(d["kwargs"].get(name, [{}])):
                record("%s/%d/%s/%d" % (name, i, gen, k), "".join(template), m, gen, kw)
for s in d["snippets"]:
    record("snippet " + s, s, d["conversations"][1], True, d["variables"])
print(json.dumps({"transformers": transformers.__version__, "cases": cases}, indent=0, ensure_ascii=False))
