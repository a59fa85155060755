"""A sensitivity as tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fundalloc.influence import needed
from fundalloc.language import called, listed, phrase, say
from fundalloc.problem import FloatArray
from fundalloc.regions import Regions
from fundalloc.report.sheets import TEXT, Sheet
from fundalloc.report.table import aligned, with_unit
from fundalloc.report.texts import decimals, number, numbers, plain_lot, whole_unit
from fundalloc.report.words import money
from fundalloc.spreads import Places, Spread, Weight

WORDS = ("driver", "key", "input")
#: numbers that come out of a regression are printed to so many digits
DIGITS = 4
#: so many regions are printed
SHOWN = 60
HEAD = (
    phrase("region"),
    phrase("amount"),
    phrase("from (5 %)"),
    phrase("to (95 %)"),
    phrase("width"),
    phrase("rank"),
    phrase("moved most by"),
    phrase("of its variance"),
)
#: the columns of words
LEFT = (0, 6)
#: what stood in the way of a draw
FAILED = {
    "conflict": phrase(
        "{count} of {all} draws ended in a conflict of the rules and are not in the ranges; the first, {reason}"
    ),
    "unproven": phrase(
        "{count} of {all} draws ended without a proven answer (exit 5) and are not in the ranges; the first, {reason}"
    ),
    "faulty": phrase(
        "{count} of {all} draws ended in figures that cannot be used and are not in the ranges; the first, {reason}"
    ),
}


def inputs(known: Sequence[Weight], errors: Mapping[str, float]) -> list[str]:
    """What is drawn, by name: the weights, then the columns, each region's own figure."""
    return [*(w.name for w in known), *(f"{name} (own figure)" for name in errors)]


def sensitivity_sheet(
    regions: Regions, spreads: Sequence[Spread], known: Sequence[Weight], errors: Mapping[str, float]
) -> Sheet:
    """sensitivity.csv: one row per resource and region."""
    names = [*inputs(known, errors), ""]
    columns: dict[str, list[str]] = {}
    for one in spreads:
        count, unit = len(one.lots), whole_unit(one.lot)
        chosen = one.drivers
        strength = np.vstack([one.coefficients, np.full(count, np.nan)])[chosen, np.arange(count)]
        table = {
            "region_id": list(regions.ids),
            "region_name": list(regions.names),
            **{group: labels.astype(str).tolist() for group, labels in regions.groups.items()},
            "resource": [one.resource.name] * count,
            "unit": [one.resource.unit] * count,
            "amount": decimals(one.lots, plain_lot(one.lot)),
            **{
                name: _amounts(lots * float(one.lot / unit), unit)
                for name, lots in zip(("p5", "median", "p95"), one.quantiles, strict=True)
            },
            "width_percent": numbers(100 * one.width),
            **_ranked("rank", one.places),
            **_ranked("head_rank", one.head_places),
            "driver": [names[k] for k in chosen.tolist()],
            "coefficient": numbers(strength, DIGITS),
            "explains": numbers(strength**2, DIGITS),
            "r_squared": numbers(one.explained, DIGITS),
        }
        for name, cells in table.items():
            columns.setdefault(name, []).extend(cells)
    return Sheet(columns, frozenset({*TEXT, *WORDS, *regions.groups}))


def _amounts(units: FloatArray, unit: Any) -> list[str]:
    known = np.isfinite(units)
    texts = decimals(np.rint(np.where(known, units, 0.0)).astype(np.int64), unit)
    return [text if there else "" for text, there in zip(texts, known.tolist(), strict=True)]


def _ranked(name: str, places: Places) -> dict[str, list[str]]:
    stated, best, median, worst = places
    return {
        name: [str(k) if k else "" for k in stated.tolist()],
        f"{name}_best": numbers(best),
        f"{name}_median": numbers(median),
        f"{name}_worst": numbers(worst),
    }


def weights_sheet(spreads: Sequence[Spread], known: Sequence[Weight], errors: Mapping[str, float]) -> Sheet:
    """weights.csv: one row per resource and input: how much of the variance of all amounts it explains."""
    names = inputs(known, errors)
    stated = [(w.key, w.share, np.nan) for w in known]
    stated += [(f"uncertainty.{name}", np.nan, error) for name, error in errors.items()]
    rows = [(one, k, *entry) for one in spreads for k, entry in enumerate(stated)]
    return Sheet(
        {
            "resource": [one.resource.name for one, *_ in rows],
            "input": [names[row[1]] for row in rows],
            "key": [row[2] for row in rows],
            "share": [number(row[3]) for row in rows],
            "standard_error": [number(row[4]) for row in rows],
            "explains": [number(one.parts[k], DIGITS) for one, k, *_ in rows],
            "regions": [str(int((one.drivers == k).sum())) for one, k, *_ in rows],
        },
        frozenset({*TEXT, *WORDS}),
    )


def facts(one: Spread, regions: Regions, names: Sequence[str]) -> dict[str, Any]:
    """What a summary says of the spread of one resource."""
    return {
        "resource": one.resource.name,
        "unit": one.resource.unit,
        "widest": [
            {"region_id": regions.ids[k], "region_name": regions.names[k], "width_percent": number(100 * one.width[k])}
            for k in widest(one)[:5]
        ],
        "median_width_percent": number(100 * _median(one.width)),
        "explains": {name: number(part, DIGITS) for name, part in zip(names, one.parts.tolist(), strict=True)},
    }


def widest(one: Spread) -> list[int]:
    """The regions whose amounts depend most on the draws, in order; ties: the first id."""
    width = np.nan_to_num(one.width, nan=-1.0)
    return [k for k in np.argsort(-width, kind="stable").tolist() if width[k] >= 0]


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def text_table(spreads: Sequence[Spread], sheet: Sheet) -> str:
    """The ranges as text, a block for each resource, the widest first."""
    rows = [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows()]
    blocks = []
    for one in spreads:
        mine = [row for row in rows if row["resource"] == one.resource.name]
        order = [*widest(one), *np.flatnonzero(one.lots == 0).tolist()]
        lines: list[tuple[str, ...]] = [tuple(map(say, HEAD))]
        lines += [_line(mine[k]) for k in order[:SHOWN]]
        title, left = with_unit(one.resource.name, one.resource.unit), len(order) - SHOWN
        more = f"\n{say('... and {count:,} more in sensitivity.csv (with -o)', count=left)}" if left > 0 else ""
        blocks.append(f"{title}\n{aligned(lines, LEFT)}{more}")
    return "\n\n".join(blocks)


def _line(row: Mapping[str, str]) -> tuple[str, ...]:
    rank = row["rank"]
    if row["rank_best"] != row["rank_worst"]:
        rank += say(" ({best} to {worst})", best=row["rank_best"], worst=row["rank_worst"])
    return (
        row["region_name"],
        money(row["amount"]),
        *(money(row[name]) for name in ("p5", "p95")),
        f"{float(row['width_percent']):.2f} %" if row["width_percent"] else "-",
        rank,
        driver(row["driver"]) or "-",
        f"{100 * float(row['explains']):.0f} %" if row["explains"] else "-",
    )


def sentences(
    by: float,
    known: Sequence[Weight],
    errors: Mapping[str, float],
    asked: int,
    failed: Mapping[str, int],
    reasons: Mapping[str, str],
    spreads: Sequence[Spread],
) -> tuple[str, ...]:
    """What was drawn, what could not be decided, and what explains the variance."""
    said = list(_drawn(by, known, errors, asked))
    decided = asked - sum(failed.values())
    said += [say(FAILED[what], count=count, all=asked, reason=reasons[what]) for what, count in failed.items() if count]
    if not decided:
        said.append(say("No draw could be decided: there are no ranges."))
    names = inputs(known, errors)
    for one in spreads:
        parts = sorted(((-part, k) for k, part in enumerate(np.round(one.parts, 6).tolist()) if part > 0))[:3]
        if parts:
            told = say(", ").join(f"{driver(names[k])} {-100 * part:.0f} %" for part, k in parts)
            said.append(
                say(
                    "{resource}: the variance of all amounts is explained by {parts}.",
                    resource=one.resource.name,
                    parts=told,
                )
            )
    if names and decided and not any(np.isfinite(one.explained).any() for one in spreads if one.drawn.var() > 0):
        said.append(
            say("To tell what moves which amount {count} decided draws are needed (--draws).", count=needed(len(names)))
        )
    return tuple(said)


def _drawn(by: float, known: Sequence[Weight], errors: Mapping[str, float], asked: int) -> Iterator[str]:
    parts = []
    if known:
        parts.append(say("{count} weights each by up to {share:g} % of itself", count=len(known), share=100 * by))
    if errors:
        named = say(", ").join(f"{called(name)} {100 * error:g} %" for name, error in errors.items())
        parts.append(say("figures within their standard errors ({errors})", errors=named))
    if parts:
        yield say("{count} draws, each decided by the same rules: {parts}.", count=asked, parts=listed(parts))
    else:
        yield say("This policy has no weights that could be others, and states no uncertainty of its figures.")


def driver(name: str) -> str:
    """A weight or a figure that is drawn, as people call it."""
    own = " (own figure)"
    if name.endswith(own):
        return say("{name} (own figure)", name=name.removesuffix(own))
    what, _, where = name.removesuffix(")").rpartition(" (")
    return say("{words} ({more})", words=what, more=where) if what and name.endswith(")") else called(name)
