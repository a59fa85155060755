"""Legible words: words from data as they are shown, on one line, and none that turns round what follows."""

from __future__ import annotations

import re
import unicodedata

#: marks that set a direction of writing for what follows them
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: what closes the words off from their surroundings, whatever marks are in them
ISOLATED = "\u2068{}\u2069"
#: what Markdown would read as more than text
MARKS = re.compile(r"[\\`*_{}\[\]<>#|!~$&@^]|(?<=www)\.|:(?=//)|(?<=\()[cr](?=\))")
#: a list or a heading at the start of a line
START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([-+=])")


def shown(text: str) -> str:
    """Words on one line; what is no letter or mark is a space, and marks of direction end with the words."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    clean = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)
    line = " ".join(clean.split())
    if not TURNING.search(line):
        return line
    closing = "\u2069" * max(0, len(re.findall("[\u2066-\u2068]", line)) - line.count("\u2069"))
    return ISOLATED.format(line.lstrip("\u2069") + closing)


def marked(text: str) -> str:
    """Words for a Markdown file: nothing in them is read as more than text."""
    line = MARKS.sub(r"\\\g<0>", shown(text))
    return START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)
