"""The allocation as a plain text table."""

from __future__ import annotations

from collections.abc import Sequence

from fundalloc.language import called, padded, phrase, say, width
from fundalloc.report.sheets import Sheet
from fundalloc.report.words import all_called, money, percent

#: the columns of words
LEFT = (0, 4)
HEAD = (phrase("region"), phrase("entitlement"), phrase("amount"), phrase("coverage"), phrase("held by"))


def text_table(sheet: Sheet) -> str:
    """Entitlement, amount, coverage and binding rules, one block per resource."""
    blocks: dict[str, list[tuple[str, ...]]] = {}
    c = sheet.columns
    for name, resource, unit, due, amount, coverage, held in zip(
        c["region_name"],
        c["resource"],
        c["unit"],
        c["entitlement"],
        c["amount"],
        c["coverage"],
        c["held_by"],
        strict=True,
    ):
        line = (name, money(due), money(amount), percent(coverage), all_called(held))
        blocks.setdefault(with_unit(resource, unit), []).append(line)
    head = tuple(map(say, HEAD))
    return "\n\n".join(f"{title}\n{aligned([head, *lines], LEFT)}" for title, lines in blocks.items())


def with_unit(resource: str, unit: str) -> str:
    """A resource with its unit, as a title."""
    return say("{words} ({more})", words=resource, more=unit) if unit else called(resource)


def aligned(lines: Sequence[tuple[str, ...]], left: Sequence[int]) -> str:
    """Lines with their columns one below the other; left: the columns of words."""
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(padded(t, w, right=k not in left) for k, (t, w) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    )
