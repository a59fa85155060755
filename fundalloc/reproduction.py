"""Reproduction: decided amounts beside published ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from fundalloc.allocation import Allocation
from fundalloc.errors import Faults, did_you_mean
from fundalloc.files import read_table
from fundalloc.language import say
from fundalloc.tables import Table

Row = Mapping[str, str]
#: the columns of allocation.csv that may be published
FIGURES = ("amount", "entitlement", "target", "share", "per_head", "coverage", "previous", "change", "arrears")


@dataclass(frozen=True)
class Published:
    """One published figure beside ours; `figure` is a column of allocation.csv. tolerance: None where there is none."""

    region: str
    figure: str
    published: Decimal
    ours: Decimal
    tolerance: Decimal | None
    sure: bool
    resource: str = ""

    @property
    def difference(self) -> Decimal:
        """Our figure less the published one."""
        return self.ours - self.published

    @property
    def deviation(self) -> Decimal:
        """How far our figure is from the published one."""
        return abs(self.difference)

    @property
    def met(self) -> bool:
        """Whether it lies within the tolerance."""
        return self.tolerance is not None and self.deviation <= self.tolerance


@dataclass(frozen=True)
class Reproduction:
    """Published figures beside ours, and who is missing on which side, by resource and region."""

    figures: tuple[Published, ...]
    not_decided: tuple[tuple[str, str], ...]
    not_published: tuple[tuple[str, str], ...]


def reproduction(allocation: Allocation, expected: Path) -> list[Published]:
    """Every published figure of a file `NAME.expected.csv` beside ours."""
    sheet = allocation.sheets["allocation.csv"]
    rows = [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows()]
    return list(matched(rows, read_table(expected)).figures)


def matched(rows: Sequence[Row], table: Table, resource: str = "") -> Reproduction:
    """Published figures beside the rows of allocation.csv.

    table: region_id and amount, resource where there are several; or region_id, resource, figure, published, tolerance,
    sure. A figure without a number is not published. resource: the only one that is compared. Raises InputError with
    every fault of the table.
    """
    faults = Faults(table.file)
    known = {row["resource"] for row in rows}
    if resource and resource not in known:
        faults.add(
            say("is no resource. {code_hint}", code_hint=did_you_mean(resource, known)),
            key="--resource",
            value=resource,
            file="",
        )
    value = "published" if "published" in table.header else "amount"
    for column in ("region_id", value):
        if column not in table.header:
            faults.add(
                say("the column is missing. {code_hint}", code_hint=did_you_mean(column, table.header)), column=column
            )
    if "resource" not in table.header and len(known) > 1 and not resource:
        remedy = say("Add it, or use --resource with one of {code_list}.", code_list=", ".join(sorted(known)))
        faults.add(say("the column is missing, and there are several resources."), remedy, column="resource")
    faults.check()
    numbers = table.numbers(value, faults=faults)
    ours = {(row["resource"], row["region_id"]): row for row in rows}
    alone = resource or min(known)
    cells = {name: table.text(name).tolist() for name in table.header}
    found: dict[tuple[str, str, str], Published] = {}
    missing: dict[tuple[str, str], None] = {}
    for k, region in enumerate(cells["region_id"]):
        name = cells["resource"][k] if "resource" in cells else alone
        figure = cells["figure"][k] if "figure" in cells else "amount"
        line = int(table.lines[k])
        if resource and name != resource:
            continue
        if name not in known:
            faults.add(
                say("is no resource. {code_hint}", code_hint=did_you_mean(name, known)),
                line=line,
                column="resource",
                value=name,
            )
        elif figure not in FIGURES:
            faults.add(
                say("is no figure. {code_hint}", code_hint=did_you_mean(figure, FIGURES)),
                line=line,
                column="figure",
                value=figure,
            )
        elif (name, region, figure) in found:
            faults.add(
                say("stands twice for {code_name}.", code_name=name),
                say("Leave one of the rows out."),
                line=line,
                value=region,
            )
        elif np.isnan(numbers[k]):
            continue
        elif (name, region) not in ours or not ours[name, region][figure]:
            missing[name, region] = None
        else:
            published = _decimal(cells[value][k], float(numbers[k]))
            text = cells["tolerance"][k] if "tolerance" in cells else ""
            tolerance = _tolerance(text, published)
            if text and tolerance is None:
                faults.add(
                    say("is no tolerance."),
                    say('Write a number, or "0.5 %".'),
                    line=line,
                    column="tolerance",
                    value=text,
                )
            decided = Decimal(ours[name, region][figure])
            sure = "sure" not in cells or cells["sure"][k] == "yes"
            found[name, region, figure] = Published(region, figure, published, decided, tolerance, sure, name)
    faults.check()
    asked = {resource} if resource else set(cells.get("resource", [alone]))
    there = {(name, region) for name, region, _ in found}
    lacking = tuple(sorted(key for key in ours if key[0] in asked and key not in there))
    return Reproduction(tuple(found.values()), tuple(sorted(missing)), lacking)


def _decimal(text: str, value: float) -> Decimal:
    """A number as it stands in the file; of a spreadsheet the one that was read."""
    exact = Decimal(repr(value))
    return Decimal(text) if text.isascii() and text.replace(".", "", 1).lstrip("-").isdigit() else exact


def _tolerance(text: str, published: Decimal) -> Decimal | None:
    """A tolerance in the unit of the figure, or in per cent of it; None where it is none."""
    number, _, percent = text.partition(" ")
    if not re.fullmatch(r"\d+\.?\d*", number, re.ASCII) or percent not in ("", "%"):
        return None
    return Decimal(number) / 100 * abs(published) if percent else Decimal(number)


def in_words(figures: list[Published]) -> str:
    """How well published figures are reproduced, in one sentence."""
    sure = [(f, f.tolerance) for f in figures if f.sure and f.tolerance]
    met = sum(f.met for f, _ in sure)
    worst, tolerance = max(sure, key=lambda pair: pair[0].deviation / pair[1])
    unsure = sum(not f.sure for f in figures)
    text = say(
        "{met} of {count} within tolerance; the furthest is {code}: {ours} against {published} (tolerance "
        "{tolerance:f})",
        met=met,
        count=len(sure),
        code=worst.region,
        ours=worst.ours,
        published=worst.published,
        tolerance=tolerance.normalize(),
    )
    return text + (say("; {count} figures are unsure and not counted", count=unsure) if unsure else "")
