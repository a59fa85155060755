"""Numerals: numbers as files write them, and what to do where a cell is none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
#: what people write for "not known"; only missing_marks makes it mean that
MARKS = frozenset(["-", "--", ".", "..", "...", ":", "n/a", "na", "null", "none", "x", "/", "?", "#n/a", "—", "–"])


@dataclass(frozen=True)
class NumberStyle:
    """How the numbers of a file are written; without one only plain numbers such as -1234.5 are read."""

    decimal: str = "."
    thousands: str = ""
    missing_marks: tuple[str, ...] = ()


def parse(texts: Sequence[str], style: NumberStyle) -> tuple[FloatArray, list[int]]:
    """Cells as numbers, NaN for missing ones; and the places of those that are no finite number."""
    marks = {unicodedata.normalize("NFC", m.strip()) for m in style.missing_marks} | {""}
    plain = style.decimal == "." and not style.thousands
    grammar = PLAIN if plain else _grammar(style)
    values = np.full(len(texts), np.nan)
    bad: list[int] = []
    for k, text in enumerate(texts):
        if text in marks:
            continue
        if grammar.fullmatch(text):
            digits = text if plain else text.replace(style.thousands, "").replace(style.decimal, ".")
            values[k] = float(digits)
            if values[k] in (np.inf, -np.inf):
                bad.append(k)
        else:
            bad.append(k)
    return values, bad


def _grammar(style: NumberStyle) -> re.Pattern[str]:
    decimal = re.escape(style.decimal)
    whole = rf"\d{{1,3}}({re.escape(style.thousands)}\d{{3}})+|\d+" if style.thousands else r"\d+"
    return re.compile(rf"[+-]?((?:{whole})({decimal}\d*)?|{decimal}\d+)([eE][+-]?\d+)?", re.ASCII)


def complaint(text: str, style: NumberStyle) -> tuple[str, str]:
    """What is wrong with a cell, and what to write instead."""
    folded = text.casefold()
    if folded in MARKS:
        return "is no number.", f'If it means missing, write missing_marks = ["{text}"] under [regions].'
    if folded.lstrip("+-") in ("nan", "inf", "infinity") or PLAIN.fullmatch(text):
        return "is not a finite number.", "Write the number, or leave the cell empty if it is not known."
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})*,\d+", text):
        return "has a decimal comma.", 'Write decimal = "," and thousands = "." under [regions].'
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3}){2,}", text):
        return (
            "has points between thousands; then 1.234 in this column would mean 1234 as well.",
            'Write thousands = "." and decimal = "," under [regions].',
        )
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text):
        return "has commas between thousands.", 'Write thousands = "," under [regions].'
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        return "has a decimal comma.", 'Write decimal = "," under [regions].'
    if re.fullmatch(r"[+-]?\d{1,3}([ '\u00a0\u202f_]\d{3})+([.,]\d*)?", text):
        return (
            "has marks between thousands.",
            f'Write thousands = "{text.lstrip("+-0123456789")[0]}" under [regions].',
        )
    if text.endswith("%"):
        return "has a per cent sign.", "Write the number alone; no unit is ever converted."
    if re.search(r"[$€£¥]", text):
        return "has a currency sign.", "Write the number alone."
    if re.fullmatch(r"[+-]?[\d.,]+\s*[A-Za-z]", text):
        return (
            "has a letter behind the number.",
            "Write the number alone; put remarks into a column of their own.",
        )
    if style.thousands and re.fullmatch(r"[+-]?[\d.,' ]+", text):
        return (
            f'does not fit decimal = "{style.decimal}" and thousands = "{style.thousands}".',
            "Correct the cell.",
        )
    return "is no number.", "Write a number with a decimal point, or leave the cell empty if it is not known."
