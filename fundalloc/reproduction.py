"""Reproduction: decided amounts beside published ones."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from fundalloc.allocation import Allocation


@dataclass(frozen=True)
class Published:
    """One published figure beside ours; `figure` is a column of allocation.csv."""

    region: str
    figure: str
    published: Decimal
    ours: Decimal
    tolerance: Decimal
    sure: bool

    @property
    def deviation(self) -> Decimal:
        """How far our figure is from the published one."""
        return abs(self.ours - self.published)

    @property
    def met(self) -> bool:
        """Whether it lies within the tolerance."""
        return self.deviation <= self.tolerance


def reproduction(allocation: Allocation, expected: Path) -> list[Published]:
    """Every published figure of a file `NAME.expected.csv` beside ours."""
    columns = allocation.sheets["allocation.csv"].columns
    places = {key: k for k, key in enumerate(zip(columns["region_id"], columns["resource"], strict=True))}
    found = []
    with expected.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            ours = Decimal(columns[row["figure"]][places[row["region_id"], row["resource"]]])
            published = Decimal(row["published"])
            number, _, percent = row["tolerance"].partition(" ")
            tolerance = Decimal(number) / 100 * published if percent else Decimal(number)
            found.append(Published(row["region_id"], row["figure"], published, ours, tolerance, row["sure"] == "yes"))
    return found


def in_words(figures: list[Published]) -> str:
    """How well published figures are reproduced, in one sentence."""
    sure = [f for f in figures if f.sure]
    met = sum(f.met for f in sure)
    worst = max(sure, key=lambda f: f.deviation / f.tolerance)
    unsure = len(figures) - len(sure)
    rest = f"; {unsure} figures are unsure and not counted" if unsure else ""
    return (
        f"{met} of {len(sure)} within tolerance; the furthest is {worst.region}: {worst.ours} against "
        f"{worst.published} (tolerance {worst.tolerance.normalize():f}){rest}"
    )
