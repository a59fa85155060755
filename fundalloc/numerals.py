"""Numerals: numbers as files write them, and what to do where a cell is none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DIGITS = re.compile(r"[\d.eE+\-\n]*", re.ASCII)
#: what people write for "not known"; only missing_marks makes it mean that
MARKS = frozenset(["-", "--", ".", "..", "...", ":", "n/a", "na", "null", "none", "x", "/", "?", "#n/a", "—", "–"])


#: spaces that do not break a line mean the same
SPACES = {0x00A0: " ", 0x202F: " ", 0x2009: " "}


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
        return " and ".join(decimal + thousands)


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
    pointed = [t for t in texts if "." in t]
    return bool(pointed) and all(map(EITHER.fullmatch, pointed)) and all(len(t) <= 3 for t in texts if "." not in t)


def complaint(text: str, style: NumberStyle | None) -> tuple[str, str]:
    """What is wrong with a cell, and what to write instead; style None: only plain numbers can be read."""
    folded, spaced = text.casefold(), text.translate(SPACES)
    if folded.lstrip("+-") in ("nan", "inf", "infinity"):
        return "is not a finite number.", "Write the number, or leave the cell empty if it is not known."
    if (style or NumberStyle()).grammar.fullmatch(spaced):
        return "is not a finite number.", "Write a smaller number."
    if style is not None:
        if folded in MARKS:
            return "is no number.", f'If it means missing, write missing_marks = ["{text}"] under [regions].'
        others = [s for s in STYLES if s.grammar.fullmatch(spaced)]
        if others and style.words:
            words = next((s for s in others if s.decimal == style.decimal), others[0]).words
            remedy = f"Correct the cell, or write {words} under [regions]." if words else "Correct the cell."
            return f"does not fit {style.words}.", remedy
        if others:
            return _foreign(spaced, others)
    for mark, what in (("%", "a per cent sign"), ("$€£¥", "a currency sign")):
        if any(m in text for m in mark):
            return f"has {what}.", "Write the number alone; no unit is ever converted."
    if re.fullmatch(r"[+-]?[\d.,]+\s*[A-Za-z]", text):
        return "has a letter behind the number.", "Write the number alone; put remarks into a column of their own."
    return "is no number.", "Write a number such as 1234.5, or leave the cell empty if it is not known."


def _foreign(text: str, styles: Sequence[NumberStyle]) -> tuple[str, str]:
    """A number in one of some other styles than the plain one."""
    readings: dict[float, NumberStyle] = {}
    for style in styles:
        value = float(text.replace(style.thousands, "").replace(style.decimal, "."))
        readings.setdefault(value, style)
    if len(readings) > 1:
        ways = " or ".join(f"{style.words} ({value:.10g})" for value, style in readings.items())
        return "can be read in two ways.", f"Write {ways} under [regions]."
    style = styles[0]
    if style.decimal == "," and not style.thousands:
        return "has a decimal comma.", 'Write decimal = "," under [regions].'
    if style.thousands == ".":
        what = "has points between thousands; then 1.234 in this column would mean 1234 as well."
    else:
        what = "has marks between thousands."
    return what, f"Write {style.words} under [regions]."
