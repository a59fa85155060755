"""The audit: any amounts held against the rules, without a solver.

It reads the same rows that the program is built from, so what is checked cannot drift from what is
decided. Required rules on regions and nested groups are kept exactly, or to less than one lot where whole
lots stand in the way; all others to one lot a cell, because they hold before the amounts are rounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fundalloc.language import called, phrase, say
from fundalloc.problem import BoolArray, FloatArray, IntArray, Problem
from fundalloc.rules import Rows, Statement, tolerance
from fundalloc.system import System, assemble, inward

#: how far a convex rule may be missed before rounding, relative to its size
CURVED = 1e-9


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that given amounts do not keep.

    severity: breach; lot: missed by less than one lot where only whole lots stand in the way; yields: of a
    preferred rule, which may have had to.
    """

    rule: str
    mode: str
    place: str
    resource: str
    low: float
    value: float
    high: float
    severity: Literal["breach", "lot", "yields"]
    message: str

    def __str__(self) -> str:
        return self.message


def audit(problem: Problem, rules: Sequence[Statement], amounts: FloatArray) -> list[Finding]:
    """Everything that amounts (one per cell) do not keep; none means that they keep every rule."""
    if not np.isfinite(amounts).all():
        bad = int(np.flatnonzero(~np.isfinite(amounts))[0])
        return [
            _finding(
                problem, "finite amounts", bad, -np.inf, float(amounts[bad]), np.inf, say("is not a finite number")
            )
        ]
    rules = _with_places(rules, amounts)
    system = assemble(problem, tuple(r for r in rules if isinstance(r, Rows) and r.mode != "watch"))
    return [
        *_totals(problem, amounts),
        *_cells(problem, amounts, system),
        *_rules(problem, rules, system, amounts),
    ]


def _with_places(rules: Sequence[Statement], amounts: FloatArray) -> Sequence[Statement]:
    """The rules without the places that an or_nothing floor leaves with nothing: they have left every rule."""
    out = np.zeros(len(amounts), dtype=bool)
    for one in rules:
        if one.or_nothing and isinstance(one, Rows):
            empty = (one.values(np.abs(amounts)) == 0) & (one.low > 0)
            out |= np.asarray(one.matrix.T @ empty.astype(float)) > 0
    if not out.any():
        return rules
    left = (one.without(out) for one in rules)
    return [one for one in left if len(one.matrix.indptr) > 1]


def _totals(problem: Problem, amounts: FloatArray) -> Iterator[Finding]:
    for r, one in enumerate(problem.resources):
        if one.lots is None:
            continue
        counts = to_lots(amounts[problem.block(r)], float(one.lot))
        total = int(sum(counts.tolist()))
        if total != one.lots:
            paid, due = total * one.lot, one.lots * one.lot
            yield Finding(
                "supply",
                "require",
                "all",
                one.name,
                float(due),
                float(paid),
                float(due),
                "breach",
                say(
                    "{resource}: the amounts add up to {paid:,}, but {due:,} {unit} are shared out (difference "
                    "{difference:+,}).",
                    resource=one.name,
                    paid=paid,
                    due=due,
                    unit=one.unit,
                    difference=paid - due,
                ),
            )


def to_lots(amounts: FloatArray, lot: float) -> IntArray:
    """The nearest whole number of lots of each amount."""
    return np.rint(amounts / lot).astype(np.int64)


def _cells(problem: Problem, amounts: FloatArray, system: System) -> Iterator[Finding]:
    counts = amounts / problem.lot
    broken = np.abs(counts - np.rint(counts)) > 1e-6 + 4e-16 * np.abs(counts)
    for cell in np.flatnonzero(broken):
        yield _finding(
            problem,
            "whole lots",
            int(cell),
            -np.inf,
            float(amounts[cell]),
            np.inf,
            say("is no whole number of lots of {lot:g}", lot=problem.lot[cell]),
        )
    for cell in np.flatnonzero(amounts < 0):
        yield _finding(problem, "no amount below 0", int(cell), 0.0, float(amounts[cell]), np.inf, say("is below 0"))
    over = ~problem.takes_part & (amounts > system.high + problem.lot * 0.5)
    for cell in np.flatnonzero(over):
        yield _finding(
            problem,
            "takes no part",
            int(cell),
            0.0,
            float(amounts[cell]),
            float(system.high[cell]),
            say("goes to a region that takes no part in this resource"),
        )


def _finding(problem: Problem, rule: str, cell: int, low: float, value: float, high: float, what: str) -> Finding:
    r, i = divmod(cell, problem.n)
    resource, regions = problem.resources[r], problem.regions
    text = say(
        "{resource}: {amount} for {region} ({code}) {what}.",
        resource=resource.name,
        amount=f"{value:,.10g} {called(resource.unit)}",
        region=regions.names[i],
        code=regions.ids[i],
        what=what,
    )
    return Finding(rule, "require", regions.ids[i], resource.name, low, value, high, "breach", text)


def _rules(problem: Problem, rules: Sequence[Statement], system: System, amounts: FloatArray) -> Iterator[Finding]:
    exact = {id(one): one.single.copy() for one in system.rows}
    for owner, place in (o for o, nested in zip(system.origin, system.nested, strict=True) if nested):
        exact[id(system.rows[owner])][place] = True
    fits = {one.name: system.leaves_whole_lots(r) for r, one in enumerate(problem.resources)}
    for one in rules:
        if isinstance(one, Rows):
            held = exact.get(id(one), np.zeros(len(one), bool))
            yield from _misses(problem, one, amounts, held, fits.get(one.resource))
        elif not one.excess(amounts) <= CURVED + one.allowance(amounts, problem.lot):
            value = float(one.values(amounts)[0])
            yield Finding(
                one.rule,
                one.mode,
                one.places[0],
                one.resource,
                -np.inf,
                value,
                one.at_most,
                _severity(one),
                say(
                    'Rule "{rule}" on {resource}: {miss}',
                    rule=one.rule,
                    resource=one.resource,
                    miss=one.spread.miss(value, one.at_most),
                ),
            )


def _severity(one: Statement) -> Literal["breach", "yields"]:
    return "yields" if one.mode == "prefer" else "breach"


def _misses(
    problem: Problem, rows: Rows, amounts: FloatArray, exact: BoolArray, fits: bool | None
) -> Iterator[Finding]:
    """The places of a rule that are missed; fits: whether whole lots can keep the exact ones."""
    values = rows.values(amounts)
    missed = np.maximum(rows.low - values, values - rows.high)
    slack = tolerance(rows, amounts)
    one_lot = np.asarray(abs(rows.matrix) @ problem.lot)
    allowed = slack + np.where(exact, 0.0, one_lot)
    for place in np.flatnonzero(~(missed <= allowed)):
        low, high = rows.low[[place]], rows.high[[place]]
        short = bool(low[0] > values[place])
        lot = one_lot[[place]] / rows.counts[place]
        forced = not fits or bool(np.greater(*inward(low, high, lot))[0])
        yield Finding(
            rows.rule,
            rows.mode,
            rows.places[place],
            rows.resource,
            float(low[0]),
            float(values[place]),
            float(high[0]),
            "lot" if exact[place] and forced and missed[place] < lot[0] * (1 - 1e-6) else _severity(rows),
            _sentence(problem, rows, int(place), float(values[place]), float((low if short else high)[0]), short),
        )


def _sentence(problem: Problem, rows: Rows, place: int, value: float, bound: float, short: bool) -> str:
    unit = next((f" {called(r.unit)}" for r in problem.resources if r.name == rows.resource and r.unit), "")
    who = called(rows.places[place])
    if rows.each == "region":
        name = problem.regions.names[rows.matrix.indices[rows.matrix.indptr[place]] % problem.n]
        who = say("{words} ({more})", words=name, more=who)
    elif rows.places[place] == "all":
        who = say("all regions together")
    least = phrase(
        'Rule "{rule}" on {resource}: {who} {gets} {value:,.2f}{unit}, less than the {bound:,.2f}{unit} '
        "that it asks for (difference {difference:,.2f})."
    )
    greatest = phrase(
        'Rule "{rule}" on {resource}: {who} {gets} {value:,.2f}{unit}, more than the {bound:,.2f}{unit} '
        "that it allows (difference {difference:,.2f})."
    )
    return say(
        least if short else greatest,
        rule=rows.rule,
        resource=rows.resource or say("several resources"),
        who=who,
        gets=say("get") if rows.places[place] == "all" else say("gets"),
        value=value,
        unit=unit,
        bound=bound,
        difference=abs(value - bound),
    )
