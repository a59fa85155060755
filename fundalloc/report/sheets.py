"""Sheets: the tables that are written, column by column, with every number as its exact text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from fundalloc.decided import Decision
from fundalloc.explain import BESIDE_THE_KEY, Step, printed_unit
from fundalloc.flags import Flag
from fundalloc.problem import BoolArray, FloatArray, IntArray
from fundalloc.report.texts import decimal, decimals, exact, number, numbers, plain_lot
from fundalloc.rules import Curve, Rows, Statement
from fundalloc.shifts import Binding
from fundalloc.tables import FORMULA, guarded
from fundalloc.taken import BETWEEN

if TYPE_CHECKING:
    import pandas as pd

TEXT = (
    "region_id",
    "region_name",
    "resource",
    "unit",
    "step",
    "kind",
    "rule",
    "mode",
    "place",
    "held_by",
    "severity",
    "code",
    "subject",
    "message",
    "round",
    "binding",
)

RULE_COLUMNS = (
    "rule",
    "kind",
    "mode",
    "place",
    "resource",
    "low",
    "value",
    "high",
    "slack",
    "binding",
    "shadow_price",
    "concession",
)
#: what a cell of a CSV file is quoted for
SPECIAL = re.compile(r'[",\r\n]|^\s|\s$')
#: of these, and of what is guarded, what stands at the ends of one of many lines
EDGE = re.compile(rf"[^\S\n]\n|\n(?:[^\S\n]|[{re.escape(''.join(FORMULA))}])")


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table as columns of texts; empty texts are missing. `words` are the columns that hold words."""

    columns: Mapping[str, Sequence[str]]
    words: frozenset[str]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows, each a tuple of texts."""
        return zip(*self.columns.values(), strict=True)

    def records(self) -> list[dict[str, str]]:
        """The rows by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows()]

    def csv(self) -> bytes:
        """The table as CSV; words that a spreadsheet would run as a formula stay words."""
        columns = [_quoted(values) if name in self.words else values for name, values in self.columns.items()]
        lines = map(",".join, zip(*columns, strict=True))
        return "\n".join([",".join(_quoted(list(self.columns))), *lines, ""]).encode()

    def frame(self) -> pd.DataFrame:
        """The table as a data frame; columns of numbers as numbers."""
        import pandas as pd

        frame = pd.DataFrame({name: list(values) for name, values in self.columns.items()})
        for name in frame:
            if name not in self.words:
                frame[name] = pd.to_numeric(frame[name].replace("", None))
        return frame


def _quoted(texts: Sequence[str]) -> Sequence[str]:
    """Words as cells of a CSV file: guarded, and quoted where they must be; most often none must."""
    distinct = dict.fromkeys(texts)
    lines = "\n".join(["", *distinct, ""])
    broken = lines.count("\n") > len(distinct) + 1 or any(mark in lines for mark in '",\r')
    if not broken and not EDGE.search(lines):
        return texts
    cells = {t: f'"{g.replace(chr(34), chr(34) * 2)}"' if SPECIAL.search(g) else g for t, g in guarded(texts).items()}
    return [cells[t] for t in texts]


def allocation_sheet(decision: Decision, steps: Sequence[Step]) -> Sheet:
    """allocation.csv: one row per resource and region."""
    problem = decision.problem
    regions = problem.regions
    paying = any(r.contribution is not None for r in problem.resources)
    adjusted = any(p.kind == "adjustment" for r in problem.resources for p in r.parts)
    held = _held_by(decision)
    columns: dict[str, list[str]] = {}

    def put(name: str, values: Iterable[str]) -> None:
        columns.setdefault(name, []).extend(values)

    for r, one in enumerate(problem.resources):
        block = problem.block(r)
        lots, lot = decision.lots[block], plain_lot(one.lot)
        amounts = decision.amounts[block]
        unit = printed_unit(one.lot)
        key = _sum(s.units for s in steps if s.resource == one.name and s.kind in ("equal", "criterion", "claim"))
        beside = {
            kind: _sum(s.units for s in steps if s.resource == one.name and s.kind == kind) for kind in BESIDE_THE_KEY
        }
        with np.errstate(divide="ignore", invalid="ignore"):
            share = amounts / one.size
            heads = np.full(problem.n, np.nan) if regions.population is None else amounts / regions.population
            coverage = np.where(one.entitlement > 0, amounts / one.entitlement, np.nan)
        put("region_id", regions.ids)
        put("region_name", regions.names)
        for group, labels in regions.groups.items():
            put(group, labels.astype(str).tolist())
        put("resource", [one.name] * problem.n)
        put("unit", [one.unit] * problem.n)
        put("entitlement", decimals(key, unit))
        put("target", decimals(sum(beside.values(), key), unit))
        put("amount", decimals(lots, lot))
        put("share", numbers(share))
        put("per_head", numbers(heads))
        put("coverage", numbers(coverage))
        before = one.previous
        put("previous", exact(before))
        put("change", _changes(lots, lot, before))
        unpaid = (
            one.entitlement - (amounts - one.adjustment) + (0.0 if one.arrears_before is None else one.arrears_before)
        )
        put("arrears", decimals(np.rint(unpaid / float(unit)).astype(np.int64), unit))
        put("held_by", held[r])
        if one.decided is not None:
            put("decided", decimals(np.rint(one.decided / float(lot)).astype(np.int64), lot))
        if adjusted:
            put("adjustment", decimals(beside["adjustment"] + np.zeros(problem.n, dtype=np.int64), unit))
        if paying:
            paid = one.contribution
            put("contribution", exact(np.full(problem.n, np.nan) if paid is None else paid))
            put("net", [""] * problem.n if paid is None else numbers(amounts - paid, 15))
    return Sheet(columns, frozenset({*TEXT, *regions.groups}))


def _changes(lots: IntArray, lot: Decimal, before: FloatArray) -> list[str]:
    """Amounts less those of the last round, exact; empty without a record."""
    unit = printed_unit(lot)
    units = np.rint(before / float(unit))
    plain = np.abs(units) < 2**53
    plain &= np.where(plain, units * float(unit), np.nan) == before
    texts = decimals(lots * int(lot / unit) - np.where(plain, units, 0).astype(np.int64), unit)
    for k in np.flatnonzero(~plain):
        texts[k] = "" if np.isnan(before[k]) else format(lots[k].item() * lot - Decimal(repr(before[k].item())), "f")
    return texts


def _sum(columns: Iterable[IntArray]) -> IntArray:
    return np.asarray(np.sum(list(columns) or [np.zeros(1, dtype=np.int64)], axis=0), dtype=np.int64)


def _held_by(decision: Decision) -> list[list[str]]:
    """For each resource and region the rules whose binding rows concern it."""
    problem = decision.problem
    names: list[list[str]] = [[] for _ in range(problem.cells)]
    for one in decision.bindings:
        binds = np.flatnonzero(one.binds)
        matrix = one.rows.matrix[binds]
        for cell in np.unique(matrix.indices).tolist():
            if one.rows.rule not in names[cell]:
                names[cell].append(one.rows.rule)
    texts = [BETWEEN.join(n) for n in names]
    return [texts[problem.block(r)] for r in range(len(problem.resources))]


def steps_sheet(decision: Decision, steps: Sequence[Step]) -> Sheet:
    """steps.csv: the explanation in numbers; steps of 0 are left out but for the key's."""
    columns: dict[str, list[str]] = {n: [] for n in ("region_id", "resource", "step", "kind", "amount")}
    ids = decision.problem.regions.ids
    for one in decision.problem.resources:
        mine, unit = [s for s in steps if s.resource == one.name], printed_unit(one.lot)
        shown = np.array([(s.units != 0) | (s.kind in ("equal", "criterion", "claim")) for s in mine]).T
        regions, order = np.nonzero(shown)
        gifts = [s for s in mine if s.fund]
        amounts = np.array([decimals(s.units, unit) for s in mine], dtype=object).T[shown]
        columns["region_id"] += [*("" for _ in gifts), *(ids[i] for i in regions.tolist())]
        columns["resource"] += [one.name] * (len(gifts) + len(regions))
        columns["step"] += [s.name for s in gifts] + [mine[k].name for k in order.tolist()]
        columns["kind"] += [s.kind for s in gifts] + [mine[k].kind for k in order.tolist()]
        columns["amount"] += [decimal(s.fund, unit) for s in gifts] + amounts.tolist()
    return Sheet(columns, frozenset(TEXT))


def rules_sheet(decision: Decision) -> Sheet:
    """rules.csv: one row per rule and place, with the value after rounding to lots."""
    columns: dict[str, list[str]] = {}
    held = {(b.rows.rule, b.rows.resource): b for b in decision.bindings}
    amounts = decision.amounts
    for rows in decision.rules:
        values = rows.values(amounts)
        count = len(rows)
        slack = np.minimum(values - rows.low, rows.high - values)
        binds, prices = _found(rows, held.get((rows.rule, rows.resource)), decision)
        for name, texts in {
            "rule": [rows.rule] * count,
            "kind": [rows.kind] * count,
            "mode": [rows.mode] * count,
            "place": list(rows.places),
            "resource": [rows.resource] * count,
            "low": numbers(rows.low, 15),
            "value": numbers(values, 15),
            "high": numbers(rows.high, 15),
            "slack": numbers(slack, 15),
            "binding": ["yes" if b else "no" for b in binds.tolist()],
            "shadow_price": numbers(prices, 6),
            "concession": _conceded(rows, decision),
        }.items():
            columns.setdefault(name, []).extend(texts)
    return Sheet(columns or {name: [] for name in RULE_COLUMNS}, frozenset(TEXT))


def _found(rows: Statement, one: Binding | None, decision: Decision) -> tuple[BoolArray, FloatArray]:
    """Which places of a rule bind, and their shadow prices; NaN for a rule that is only watched."""
    binds, prices = np.zeros(len(rows), dtype=bool), np.full(len(rows), np.nan if rows.mode == "watch" else 0.0)
    if one is not None:
        if one.rows.places == rows.places:
            binds, prices = one.binds, one.prices
        else:
            at = {place: k for k, place in enumerate(one.rows.places)}
            found = np.array([at.get(place, -1) for place in rows.places])
            binds = np.where(found >= 0, one.binds[found], False)
            prices = np.where(found >= 0, one.prices[found], prices)
    if isinstance(rows, Curve):
        prices = prices * rows.per_bound(decision.optimum.amounts)
    return binds, prices


def _conceded(rows: Statement, decision: Decision) -> list[str]:
    """How far each place of a preferred rule had to yield."""
    if rows.mode != "prefer":
        return [""] * len(rows)
    given = decision.concessions.get((rows.rule, rows.resource))
    left = rows.without(decision.out) if decision.out.any() and isinstance(rows, Rows) else rows
    by_place = {} if given is None else dict(zip(left.places, given.tolist(), strict=True))
    return numbers(np.array([by_place.get(place, 0.0) for place in rows.places]), 15)


def flags_sheet(round_: str, flags: Sequence[Flag]) -> Sheet:
    """flags.csv: what people should look at."""
    return Sheet(
        {
            "round": [round_] * len(flags),
            "severity": [f.severity for f in flags],
            "code": [f.code for f in flags],
            "subject": [f.subject for f in flags],
            "resource": [f.resource for f in flags],
            "value": ["" if f.value is None else number(f.value) for f in flags],
            "threshold": ["" if f.threshold is None else number(f.threshold) for f in flags],
            "message": [f.message for f in flags],
        },
        frozenset(TEXT),
    )
