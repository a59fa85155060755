"""Rounds: coverage over the rounds as a heat map, accounts beside their limits, and who stays behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fundalloc.report.page.entries import shade
from fundalloc.report.page.figures import place
from fundalloc.report.page.material import Material, grave

#: so many rounds are shown, the last ones
SHOWN = 8


@dataclass(frozen=True)
class Stand:
    """How a region stands. cells: coverage and shade of each round. bar: where it begins in the picture, its length."""

    id: str
    name: str
    cells: Sequence[tuple[float | None, str]]
    behind: int
    since: str
    account: float
    share: float | None
    bar: tuple[str, str]


def rounds(material: Material, name: str) -> dict[str, Any] | None:
    """What the template needs of one resource over its rounds; None where there is only one."""
    watched = material.retrospect.watched.get(name)
    if watched is None:
        return None
    series = [row for row in watched.series.records() if row["kind"] in ("region", "fund")]
    labels = list(dict.fromkeys(str(row["round"]) for row in series))[-SHOWN:]
    covered: dict[Any, Any] = {(row["subject"], row["round"]): row["coverage"] for row in series}
    shown = [m for m in watched.measures.records() if m["kind"] == "region" and _is_shown(material, m, covered, labels)]
    stands = [_stand(one, [covered[one["subject"], label] for label in labels]) for one in shown]
    section = material.policy.monitor
    return {
        "labels": labels,
        "stands": sorted(stands, key=lambda s: (-(s.share or 0.0), s.id)),
        "course": list(_course(material, series, labels)),
        "flags": grave(watched.flags),
        "least": section.coverage,
        "rounds": section.rounds,
        "account": section.account,
        "marks": [place(50 + 50 * s) for s in (-section.account, section.account)],
        "left_out": len(material.names) - len(stands) if material.many else 0,
    }


def _is_shown(material: Material, one: Mapping[str, Any], covered: Mapping[Any, Any], labels: Sequence[str]) -> bool:
    """Whether a region is due anything in the rounds that are shown, and has a section where not all have one."""
    due = any(covered[one["subject"], label] is not None for label in labels)
    return due and (not material.many or one["subject"] in material.anchors)


def _stand(one: Mapping[str, Any], coverages: Sequence[float | None]) -> Stand:
    share = one["balance_share"]
    ends = sorted((50.0, 50 + 50 * min(max(share or 0.0, -1.0), 1.0)))
    return Stand(
        str(one["subject"]),
        str(one["name"]),
        [(c, shade(c)) for c in coverages],
        int(one["rounds_behind"]),
        str(one["behind_since"] or ""),
        float(one["balance"] or 0.0),
        share,
        (place(ends[0]), place(ends[1] - ends[0])),
    )


def _course(material: Material, series: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Round by round: what the fund covers, who had least, how many were behind, and the Gini coefficient."""
    for label in labels:
        mine = [row for row in series if row["round"] == label]
        fund = next(row for row in mine if row["kind"] == "fund")
        each = sorted(
            (row["coverage"], str(row["subject"]), str(row["name"]))
            for row in mine
            if row["kind"] == "region" and row["coverage"] is not None
        )
        least = material.policy.monitor.coverage
        yield {
            "round": label,
            "fund": fund["coverage"],
            "lowest": each[0] if each else None,
            "behind": sum(coverage < least for coverage, _, _ in each),
            "gini": fund["gini"],
        }
