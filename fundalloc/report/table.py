"""The allocation as a plain text table."""

from __future__ import annotations

from collections.abc import Sequence

from fundalloc.report.sheets import Sheet
from fundalloc.report.words import money, percent

#: the columns of words
LEFT = (0, 4)
HEAD = ("region", "entitlement", "amount", "coverage", "held by")


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
        line = (name, money(due), money(amount), percent(coverage), held)
        blocks.setdefault(f"{resource} ({unit})" if unit else resource, []).append(line)
    return "\n\n".join(f"{title}\n{aligned([HEAD, *lines], LEFT)}" for title, lines in blocks.items())


def aligned(lines: Sequence[tuple[str, ...]], left: Sequence[int]) -> str:
    """Lines with their columns one below the other; left: the columns of words."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            f"{t:<{w}}" if k in left else f"{t:>{w}}" for k, (t, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
