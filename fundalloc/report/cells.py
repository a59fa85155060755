"""Cells: numbers and words in a workbook, so that every number is exact and no word is ever a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from fundalloc.language import called, say, width

#: so many digits a spreadsheet keeps of a number; one with more is written as text
DIGITS = 15
#: the longest text that a cell holds, and the last row of a sheet
LONGEST, ROWS = 32_767, 1_048_576
NARROW, WIDE = 9, 46
PERCENT, PLAIN, LOOSE, SMALL = "0.00%", "#,##0", "#,##0.00####", "0.00000E+00"


class Cells:
    """Writes cells, with one style for each look."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self._styles: dict[tuple[tuple[str, Any], ...], Format] = {}

    def style(self, **look: Any) -> Format:
        """The style of a look, made once."""
        key = tuple(look.items())
        if key not in self._styles:
            self._styles[key] = self.book.add_format({"valign": "top", **look})
        return self._styles[key]

    def word(self, sheet: Worksheet, row: int, column: int, text: str, **look: Any) -> None:
        """Words as text, whatever they look like."""
        sheet.write_string(row, column, text[:LONGEST], self.style(**look))

    def figure(self, sheet: Worksheet, row: int, column: int, text: str, form: str, **look: Any) -> None:
        """The number of an exact text; one with more digits than a spreadsheet keeps stays text."""
        if text == "":
            return
        if fits(text):
            sheet.write_number(row, column, Decimal(text), self.style(num_format=form, **look))
        else:
            self.word(sheet, row, column, text, align="right", **look)


def fits(text: str) -> bool:
    """Whether a spreadsheet keeps every digit of a number."""
    return len(text) <= DIGITS or Decimal(f"{float(text):.{DIGITS}g}") == Decimal(text)


def amount_form(places: int, unit: str) -> str:
    """The number format of an amount with its unit."""
    return _form(places, called(unit))


@cache
def _form(places: int, unit: str) -> str:
    number = f"#,##0.{'0' * places}" if places else PLAIN
    plain = "".join(c for c in unit if c.isprintable() and c != '"')
    return f'{number}" {plain}"' if plain and len(plain) <= 40 else number


def places_of(text: str) -> int:
    """How many decimals an exact text has."""
    return len(text.partition(".")[2])


def table(
    cells: Cells,
    sheet: Worksheet,
    columns: Mapping[str, Sequence[str]],
    forms: Mapping[str, Sequence[str] | str],
    *,
    frozen: int = 0,
) -> None:
    """A whole sheet: a head that stays, a filter, widths that fit, one row for each row of the columns.

    forms: the number formats of the columns that are numbers, one for all rows or one each.
    """
    count = len(next(iter(columns.values())))
    kept = min(count, ROWS - 2)
    for k, (name, texts) in enumerate(columns.items()):
        cells.word(sheet, 0, k, name, bold=True, text_wrap=True, bottom=1, bg_color="#E8EEF4")
        form = forms.get(name)
        if form is None:
            style = cells.style()
            for row, text in enumerate(texts[:kept], 1):
                sheet.write_string(row, k, text[:LONGEST], style)
        else:
            for row, text in enumerate(texts[:kept], 1):
                cells.figure(sheet, row, k, text, form if isinstance(form, str) else form[row - 1])
        sheet.set_column(k, k, _width(name, texts[:kept], form))
    if kept < count:
        cells.word(sheet, kept + 1, 0, say("{count:,} more rows are in the CSV file.", count=count - kept), italic=True)
    sheet.freeze_panes(1, frozen)
    sheet.autofilter(0, 0, kept, len(columns) - 1)


def _width(name: str, texts: Sequence[str], form: Sequence[str] | str | None) -> int:
    """The width that the longest word or number of a column needs."""
    longest = max(map(width, texts), default=0)
    if form is not None:
        longest += longest // 3 + max((f.count(" ") and len(f) - f.find(" ") for f in _all(form)), default=0)
    return max(NARROW, min(WIDE, max(longest, min(width(name), 14)) + 2))


def _all(form: Sequence[str] | str) -> set[str]:
    return {form} if isinstance(form, str) else set(form)
