"""The allocation as a plain text table."""

from __future__ import annotations

from fundalloc.report.sheets import Sheet
from fundalloc.report.words import money, percent

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
    return "\n\n".join(f"{title}\n{_aligned(lines)}" for title, lines in blocks.items())


def _aligned(lines: list[tuple[str, ...]]) -> str:
    widths = [max(len(line[k]) for line in [HEAD, *lines]) for k in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            f"{text:>{w}}" if 0 < k < 4 else f"{text:<{w}}"
            for k, (text, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [HEAD, *lines]
    )
