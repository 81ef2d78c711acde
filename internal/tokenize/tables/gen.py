"""Write unicode.txt: what the tokenizers library knows of every code point.

    python gen.py > unicode.txt

Needs perl (ages of characters) and the Python packages `tokenizers` (the library is asked about each code
point, so the tables are those that it was built with) and `regex` (grapheme
clusters). One section a line: its name, then ranges or mappings in
hexadecimal.
"""
import subprocess
import unicodedata

import regex
from tokenizers import Regex, normalizers as N, pre_tokenizers as P

CHARS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
ALL = "".join(CHARS)
GC = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()
SCRIPTS = """Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki
Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian
Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan
Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi
Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi
Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki
Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean
Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian
Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki
Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur
Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan
Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac
Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto
Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square""".split()


def matched(pattern):
    """The code points that the library's own pattern engine matches."""
    removed = P.Split(Regex(pattern), "removed")
    out = []
    for run, _ in P.Split(Regex(pattern), "contiguous").pre_tokenize_str(ALL):
        if not removed.pre_tokenize_str(run[0]):
            out += map(ord, run)
    return out


def where(test):
    return [ord(c) for c in CHARS if test(c)]


def line(name, points):
    out, start, last = [], None, None
    for p in sorted(points) + [None]:
        if start is not None and p != last + 1:
            # A range that holds the surrogates is one range.
            if not (last == 0xD7FF and p == 0xE000):
                out.append(f"{start:X}" if start == last else f"{start:X}-{last:X}")
                start = None
        if start is None:
            start = p
        last = p
    print(name, *out)


for name in GC:
    line("gc=" + name, matched(r"\p{%s}" % name))
line("space", matched(r"\s"))
line("word", matched(r"\w"))
line("punct", matched("[[:punct:]]"))
for name in SCRIPTS:
    line("script=" + name, matched(r"\p{%s}" % name))
words = P.Whitespace()
line("whitespace.word", where(lambda c: not c.isspace() and len(words.pre_tokenize_str(c + "!")) == 2))
digits = P.Digits(individual_digits=True)
line("digits", where(lambda c: len(digits.pre_tokenize_str(c + "a")) == 2))
punct = P.Punctuation()
line("punctuation", where(lambda c: len(punct.pre_tokenize_str(c + "a")) == 2))
clean = N.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
line("bert.drop", where(lambda c: clean.normalize_str("a" + c) == "a"))
bert = N.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
line("bert.accent", where(lambda c: bert.normalize_str("a" + c) == "a"))
accents = N.StripAccents()
line("accent", where(lambda c: accents.normalize_str("a" + c) == "a"))
lower = N.Lowercase()
print("lower", *(f"{ord(c):X}={'+'.join(f'{ord(x):X}' for x in lower.normalize_str(c))}" for c in CHARS if lower.normalize_str(c) != c))
# The library's normal forms are those of Unicode 9: what is younger is inert.
old = subprocess.run(["perl", "-e", r"for (0..0x10FFFF) { print qq($_ ) if ($_ < 0xD800 || $_ > 0xDFFF) && chr =~ /\p{Present_In=9.0}/ }"],
                     check=True, capture_output=True, text=True).stdout
old = set(map(int, old.split()))
forms = {name: getattr(N, name)() for name in ("NFC", "NFD", "NFKD")}
known = [c for c in CHARS if ord(c) in old and not 0xAC00 <= ord(c) <= 0xD7A3]


def points(text):
    return "+".join(f"{ord(x):X}" for x in text)


def mapping(name, pairs):
    print(name, *(f"{a}={b}" for a, b in pairs))


canon = {c: forms["NFD"].normalize_str(c) for c in known}
compat = {c: forms["NFKD"].normalize_str(c) for c in known}
mapping("norm.ccc", ((points(c), f"{unicodedata.combining(c):X}") for c in known if unicodedata.combining(c)))
mapping("norm.canonical", ((points(c), points(d)) for c, d in canon.items() if c != d))
mapping("norm.compatible", ((points(c), points(d)) for c, d in compat.items() if canon[c] != d))
pair = {c: [int(x, 16) for x in unicodedata.decomposition(c).split()] for c in known
        if canon[c] != c and forms["NFC"].normalize_str(c) == c}
mapping("norm.compose", ((points(map(chr, p)), points(c)) for c, p in pair.items()))
for name in "Control Extend Prepend SpacingMark Regional_Indicator L V T ZWJ".split():
    line("gcb=" + name, map(ord, regex.findall(r"\p{GCB=%s}" % name, ALL)))
line("gcb=Pictographic", map(ord, regex.findall(r"\p{Extended_Pictographic}", ALL)))
for name in ("Consonant", "Extend", "Linker"):
    line("incb=" + name, map(ord, regex.findall(r"\p{InCB=%s}" % name, ALL)))
