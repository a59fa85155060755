"""Legible words: words from data as they are shown, on one line, and none that turns round what follows."""

from __future__ import annotations

import re
import unicodedata

#: marks that set a direction of writing for what follows them
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: kinds of characters that are not shown, but change how a text is read
HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
#: of those the ones that scripts need
JOINERS = "\u200c\u200d"
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


def written_out(text: str) -> str:
    """A text in which what would be hidden, or would turn its order round, is written out: [U+202E]."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written_out(c) for c in text)


def _written_out(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Cc" and character.isspace():
        return character if character in "\n\t" else " "
    return f"[U+{ord(character):04X}]" if kind in HIDDEN and character not in JOINERS else character


def marked(text: str) -> str:
    """Words for a Markdown file: nothing in them is read as more than text."""
    line = MARKS.sub(r"\\\g<0>", shown(text))
    return START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)
