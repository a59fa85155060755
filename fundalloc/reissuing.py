"""Reissuing: the reports of a published round made again, and compared with those that are published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fundalloc.allocation import Allocation
from fundalloc.certificate import CERTIFICATE
from fundalloc.differences import Differs, lines
from fundalloc.fund import Fund
from fundalloc.language import later, phrase
from fundalloc.report.folder import SUMMARY
from fundalloc.report.formats import FORMATS, Format, same_content
from fundalloc.report.outcome import CHANGES, Outcome, Retrospect
from fundalloc.report.summary import sha256
from fundalloc.shapes import FILE as SHAPES
from fundalloc.shapes import Shapes, parse_shapes
from fundalloc.sources import Source

FONTS = phrase("Not verified: {code}, which depends on the fonts of a machine.")
TOOLS = phrase("Not verified: {code}, which other versions of its tools drew.")
OUTLINES = phrase("Not verified: {code}, the shapes of the regions.")


def reissued(
    fund: Fund,
    allocation: Allocation,
    said: Mapping[str, Any],
    ours: Mapping[str, Any],
    read: Callable[[str], bytes],
    shapes: Shapes | None,
) -> tuple[tuple[str, str], ...]:
    """What is not verified of the files beside the tables, a sentence and a file each.

    said: the published summary; ours: the one that follows from the inputs. read: the content of a published file.
    shapes: of the regions, where there are any (`outlines`).
    Raises Differs where a report is not what follows, or where other files are published.
    """
    reports = [one for one in FORMATS.values() if one.file in said["files"]]
    unverified: list[tuple[str, str]] = []
    back = Retrospect()
    if any(one.looks_back for one in reports):
        from fundalloc.retrospect import published, watched

        content = read(CHANGES) if CHANGES in said["files"] else None
        looked = published(fund, allocation.decision, said["looked"], content)
        back = Retrospect(watched(fund, allocation.decision), looked)
    if shapes is not None:
        unverified.append((OUTLINES, SHAPES))
    drawn = {*back.looked.files, *([SHAPES] if shapes else [])}
    tables = {name: sha256(read(name)) for name in sorted({*allocation.sheets, CERTIFICATE, *drawn})}
    if said["files"] != tables | {one.file: sha256(read(one.file)) for one in reports}:
        raise Differs(
            later("{code_summary} has other files or SHA-256 sums than those that are verified.", code_summary=SUMMARY)
        )
    told = {**ours, "versions": said["versions"], "files": tables}
    outcome = Outcome(fund.policy, allocation.decision, allocation.sheets, told, allocation.flags, back, shapes)
    for one in reports:
        unverified += _compared(one, outcome, said["versions"], read(one.file))
    return tuple(unverified)


def outlines(fund: Fund, said: Mapping[str, Any], read: Callable[[str], bytes]) -> Shapes | None:
    """The published shapes of the regions; None where there are none. said, read: as for `reissued`."""
    if SHAPES not in said["files"]:
        return None
    return parse_shapes(Source(SHAPES, read(SHAPES)), SHAPES, fund.regions.ids)


def _compared(one: Format, outcome: Outcome, versions: Mapping[str, str], content: bytes) -> Iterator[tuple[str, str]]:
    """What is not verified of one report."""
    if not one.made_alike(versions):
        yield (TOOLS if one.alike else FONTS), one.file
    elif not same_content(again := one.make(outcome), content):
        if one.text:
            lines(one.file, again, content)
        raise Differs(later("{code_file} is not the report of what follows from the inputs.", code_file=one.file))
