"""Figures and names as they stand on the page: exact, readable, and nothing hidden in a text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from markupsafe import Markup

from fundalloc.language import called, spoken
from fundalloc.report.legible import written_out

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"
#: powers of ten that have a name, by language
SCALES = {
    "en": ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")),
    "zh": ((10**12, "万亿"), (10**8, "亿"), (10**4, "万")),
}
#: from here on what stands behind the point is small
LARGE = 100_000


def visible(text: Any) -> Any:
    """A text in which what would be hidden, or would turn its order round, is written out."""
    if isinstance(text, Markup) or text is None:
        return "" if text is None else text
    return written_out(str(text))


def exact(text: str | Decimal) -> Markup:
    """A decimal text with separators for thousands; what stands behind the point is small, or left out if it is 0."""
    if text == "":
        return Markup(NONE)
    value = Decimal(text)
    whole, _, rest = f"{value:,f}".replace("-", MINUS).partition(".")
    if not rest.strip("0"):
        return Markup(whole)
    return Markup(f"{whole}<small>.{rest}</small>" if abs(value) >= LARGE else f"{whole}.{rest}")


def cents(text: str | Decimal) -> Markup:
    """A figure that is no amount in whole lots, to two decimals."""
    return exact("" if text == "" else round(Decimal(text), 2) + 0)


def plain(text: str | Decimal) -> str:
    """A figure that is no amount at all, to eight digits."""
    return NONE if text == "" else f"{float(text):,.8g}".replace("-", MINUS)


def change(text: str | Decimal) -> Markup:
    """An exact figure with its sign; 0 has none."""
    if text == "":
        return Markup(NONE)
    return Markup("+" if Decimal(text) > 0 else "") + exact(text)


def known(value: float | None) -> float | str:
    """A number that may not be there."""
    return "" if value is None else value


def cents_signed(value: float) -> Markup:
    """A computed figure to two decimals with its sign."""
    return change(round(Decimal(value), 2) + 0)


def per_cent(value: float | str, digits: int = 2) -> str:
    """A share as per cent."""
    return NONE if value == "" else f"{100 * float(value):,.{digits}f}\N{NO-BREAK SPACE}%".replace("-", MINUS)


def since(row: Any) -> str:
    """By how many per cent an amount differs from that of the last round."""
    if not row["previous"] or not Decimal(row["previous"]):
        return ""
    return f"{100 * (Decimal(row['amount']) / Decimal(row['previous']) - 1):+.1f}\N{NO-BREAK SPACE}%".replace(
        "-", MINUS
    )


def short(text: str | Decimal) -> str:
    """A large figure to three digits, in words: 2.1 billion, 1.23 亿; to four where so many stand before the point."""
    value = Decimal(text)
    for scale, word in SCALES[spoken() or "en"]:
        if abs(value) >= max(scale, 10**6):
            digits = max(0, 2 - (len(str(int(abs(value) / scale))) - 1))
            figure = f"{value / scale:,.{digits}f}"
            return f"{figure.rstrip('0').rstrip('.') if '.' in figure else figure} {word}".replace("-", MINUS)
    return (f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}").replace("-", MINUS)


def short_of(text: str | Decimal, unit: str) -> str:
    """A large figure to three digits with its unit: 2.1 billion EUR, 1.23 亿元."""
    figure, name = short(text), called(unit)
    return f"{figure}{'' if not figure.isascii() and not name.isascii() and figure[-1] > MINUS else ' '}{name}".rstrip()


def clipped(text: str, length: int) -> str:
    """A text cut to a length."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def place(value: float) -> str:
    """A coordinate of a picture."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
