"""Numerals: numbers as files write them, and what to do where a cell is none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundalloc.language import phrase, say

FloatArray = NDArray[np.float64]

DIGITS = re.compile(r"[\d.eE+\-\n]*", re.ASCII)
#: what people write for "not known"; only missing_marks makes it mean that
MARKS = frozenset(["-", "--", ".", "..", "...", ":", "n/a", "na", "null", "none", "x", "/", "?", "#n/a", "—", "–"])


#: spaces that do not break a line mean the same
SPACES = {0x00A0: " ", 0x202F: " ", 0x2009: " "}
#: signs that stand for a unit, and what is said of them
SIGNS = (("%", phrase("has a per cent sign.")), ("$€£¥", phrase("has a currency sign.")))


@dataclass(frozen=True)
class NumberStyle:
    """How the numbers of a file are written; without one only plain numbers such as -1234.5 are read.

    stated: somebody said so, it is not only what is taken where nobody says anything.
    """

    decimal: str = "."
    thousands: str = ""
    missing_marks: tuple[str, ...] = ()
    stated: bool = False

    @property
    def plain(self) -> bool:
        """Whether a point is the decimal mark, and nothing stands between thousands."""
        return self.decimal == "." and not self.thousands

    @property
    def grammar(self) -> re.Pattern[str]:
        """What a number looks like."""
        decimal = re.escape(self.decimal)
        whole = rf"[1-9]\d{{0,2}}({re.escape(self.thousands)}\d{{3}})+|\d+" if self.thousands else r"\d+"
        return re.compile(rf"[+-]?((?:{whole})({decimal}\d*)?|{decimal}\d+)([eE][+-]?\d+)?", re.ASCII)

    @property
    def words(self) -> str:
        """The style as the policy states it."""
        decimal = [f'decimal = "{self.decimal}"'] if self.decimal != "." else []
        thousands = [f'thousands = "{self.thousands}"'] if self.thousands else []
        both = [*decimal, *thousands]
        return say("{code} and {code_other}", code=both[0], code_other=both[1]) if len(both) > 1 else "".join(both)


#: styles that a file may have, simple ones first
STYLES = tuple(
    NumberStyle(decimal, thousands)
    for thousands in ("", ",", ".", " ", "'")
    for decimal in (".", ",")
    if decimal != thousands
)


def parse(texts: Sequence[str], style: NumberStyle) -> tuple[FloatArray, list[int]]:
    """Cells as numbers, NaN for missing ones; and the places of those that are no finite number."""
    marks = {unicodedata.normalize("NFC", m.strip()) for m in style.missing_marks} | {""}
    simple = style.plain
    if simple and DIGITS.fullmatch("\n".join(texts)):  # no letters: float() then reads what the grammar does
        with suppress(ValueError):
            values = np.array([float(t) if t else np.nan for t in texts], dtype=float)
            if not np.isinf(values).any() and not marks.intersection(texts) - {""}:
                return values, []
    grammar = style.grammar
    values = np.full(len(texts), np.nan)
    bad: list[int] = []
    for k, text in enumerate(texts):
        if text in marks:
            continue
        spaced = text if simple else text.translate(SPACES)
        if grammar.fullmatch(spaced):
            values[k] = float(spaced.replace(style.thousands, "").replace(style.decimal, "."))
            if values[k] in (np.inf, -np.inf):
                values[k] = np.nan
                bad.append(k)
        else:
            bad.append(k)
    return values, bad


#: a number with a point that could stand between thousands
EITHER = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
#: numbers that certainly have points between thousands, and with them or alone a decimal comma
POINTS = re.compile(r"^[+-]?[1-9]\d{0,2}(?:(?:\.\d{3}){2,}(?:,\d+)?|(?:\.\d{3})+,\d+)$", re.ASCII | re.MULTILINE)
COMMA = re.compile(r"^[+-]?\d+,\d+$", re.ASCII | re.MULTILINE)


def either_way(texts: Sequence[str]) -> bool:
    """Whether every number of a column can be read with its points as decimal marks and as marks between thousands."""
    return "." in "".join(texts) and all(EITHER.fullmatch(t) if "." in t else len(t) <= 3 for t in texts)


def complaint(text: str, style: NumberStyle | None) -> tuple[str, str]:
    """What is wrong with a cell, and what to write instead; style None: only plain numbers can be read."""
    folded, spaced = text.casefold(), text.translate(SPACES)
    if folded.lstrip("+-") in ("nan", "inf", "infinity"):
        return say("is not a finite number."), say("Write the number, or leave the cell empty if it is not known.")
    if (style or NumberStyle()).grammar.fullmatch(spaced):
        return say("is not a finite number."), say("Write a smaller number.")
    if style is not None:
        if folded in MARKS:
            return say("is no number."), say(
                'If it means missing, write missing_marks = ["{code_text}"] under [regions].', code_text=text
            )
        others = [s for s in STYLES if s.grammar.fullmatch(spaced)]
        if others and style.words:
            words = next((s for s in others if s.decimal == style.decimal), others[0]).words
            return say("does not fit {code_words}.", code_words=style.words), (
                say("Correct the cell, or write {code_words} under [regions].", code_words=words)
                if words
                else say("Correct the cell.")
            )
        if others:
            return _foreign(spaced, others)
    for marks, what in SIGNS:
        if any(mark in text for mark in marks):
            return say(what), say("Write the number alone; no unit is ever converted.")
    if re.fullmatch(r"[+-]?[\d.,]+\s*[A-Za-z]", text):
        return say("has a letter behind the number."), say(
            "Write the number alone; put remarks into a column of their own."
        )
    return say("is no number."), say("Write a number such as 1234.5, or leave the cell empty if it is not known.")


def _foreign(text: str, styles: Sequence[NumberStyle]) -> tuple[str, str]:
    """A number in one of some other styles than the plain one."""
    readings: dict[float, NumberStyle] = {}
    for style in styles:
        value = float(text.replace(style.thousands, "").replace(style.decimal, "."))
        readings.setdefault(value, style)
    if len(readings) > 1:
        told = [say("{code_words} ({value:.10g})", code_words=s.words, value=v) for v, s in readings.items()]
        return say("can be read in two ways."), say(
            "Write {code_words} under [regions].", code_words=say(" or ").join(told)
        )
    style = styles[0]
    if style.decimal == "," and not style.thousands:
        what = say("has a decimal comma.")
    elif style.thousands == ".":
        what = say("has points between thousands; then 1.234 in this column would mean 1234 as well.")
    else:
        what = say("has marks between thousands.")
    return what, say("Write {code_words} under [regions].", code_words=style.words)


def doubt(text: str, line: int, name: str, other: str, *, known: bool) -> tuple[str, str]:
    """What to say of a cell whose point may stand between thousands, as in another cell of the file.

    known: the file has no options, its numbers are plain.
    """
    whole = text.replace(".", "")
    return say(
        "can be read in two ways, as every number of the column: {code_cell} or {code_whole}; line {line}, column "
        "{code_name} has {code_text!r}.",
        code_cell=text,
        code_whole=whole,
        line=line,
        code_name=name,
        code_text=other,
    ), (
        say("Write {code_whole} if that is meant, and 1234.5 for what has decimals.", code_whole=whole)
        if known
        else say(
            'Write {code_words} under [regions], or decimal = "." if a point is the decimal mark.',
            code_words=NumberStyle(",", ".").words,
        )
    )
