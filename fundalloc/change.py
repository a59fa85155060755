"""Change: from one decided round to another, each amount's change as a sum of its causes, in whole printed units.

Between the two rounds lie mixtures: with some causes as in the new round, the others as in the old one. Each is
decided, and what a cause changes is averaged over all orders in which the causes can have changed. What whole lots add
to that is `rounding`. A cause that is the same in both rounds changes nothing.
Source: Shapley (1953), A value for n-person games; Shorrocks (2013), Decomposition procedures for distributional
analysis, Journal of Economic Inequality 11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from fundalloc.causes import CAUSES, Side, changed, fixed
from fundalloc.decision import decide
from fundalloc.errors import Faults, SolverError
from fundalloc.explain import printed_unit
from fundalloc.language import called, say
from fundalloc.mixtures import Mixtures, decided
from fundalloc.orders import Block, Whole, average, rounded, unions
from fundalloc.posed import Posed
from fundalloc.problem import FloatArray, IntArray, Problem
from fundalloc.report.sheets import Sheet
from fundalloc.report.texts import decimals

if TYPE_CHECKING:
    import pandas as pd

AMENDMENT, ROUNDING = "amendment", "rounding"
#: unrounded amounts count in this part of a printed unit
FINE = 1024
#: what a resource that only one round has is booked to
OWNER = "policy"


@dataclass(frozen=True, eq=False)
class Round:
    """A decided round: its fund, the amounts before rounding and the whole lots, one per cell.

    amended: the lots after an amendment, where there was one. remark: what a reader must know of where it comes from.
    """

    fund: Posed
    amounts: FloatArray
    lots: IntArray
    amended: IntArray | None = None
    remark: str = ""

    @classmethod
    def of(cls, fund: Posed) -> Round:
        """The round of a fund, decided here."""
        decision = decide(fund.problem, fund.rows)
        return cls(fund, decision.optimum.amounts, decision.lots)


@dataclass(frozen=True, eq=False)
class Change:
    """What changed from one decided round to another, and what each cause did to it.

    sides: both rounds with what is fixed in them. ids: the regions of either round, in order. units: the printed unit
    of each resource. before, after, parts: whole printed units, a number per region, by resource; parts also by cause,
    those that cannot be told apart as one ("data and policy"), by amendment where there was one, and by rounding; they
    add up to after - before.
    differs: the causes that are not the same in both rounds. reason: why causes are told as one. mixtures: how many
    were decided besides the two rounds; yielding: how many of them no allocation can satisfy, so that required rules
    had to yield.
    """

    old: Round
    new: Round
    sides: tuple[Side, Side]
    ids: tuple[str, ...]
    units: Mapping[str, Decimal]
    before: Mapping[str, IntArray]
    after: Mapping[str, IntArray]
    parts: Mapping[str, Mapping[str, IntArray]]
    differs: tuple[str, ...]
    reason: str
    mixtures: int
    yielding: int

    @property
    def causes(self) -> tuple[str, ...]:
        """The names of the parts, in order."""
        return tuple(next(iter(self.parts.values())))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The name of each region, the newer one where there are two."""
        both = (self.old.fund.regions, self.new.fund.regions)
        return {i: name for regions in both for i, name in zip(regions.ids, regions.names, strict=True)}

    @cached_property
    def sheet(self) -> Sheet:
        """One row per resource and region; cells are empty for causes that are told as one, in a column of its own."""
        columns: dict[str, list[str]] = {}
        joint = [cause for cause in self.causes if cause not in (*CAUSES, ROUNDING)]
        for name, unit in self.units.items():
            before, after, parts = self.before[name], self.after[name], self.parts[name]
            texts = {
                "region_id": list(self.ids),
                "region_name": [self.names[i] for i in self.ids],
                "resource": [name] * len(self.ids),
                "before": decimals(before, unit),
                "after": decimals(after, unit),
                "change": decimals(after - before, unit),
            }
            for cause in (*CAUSES, *joint, ROUNDING):
                texts[cause] = decimals(parts[cause], unit) if cause in parts else [""] * len(self.ids)
            for column, cells in texts.items():
                columns.setdefault(column, []).extend(cells)
        return Sheet(columns, frozenset({"region_id", "region_name", "resource"}))

    @property
    def table(self) -> pd.DataFrame:
        """The sheet as a data frame."""
        return self.sheet.frame()


def changes(old: Posed | Round, new: Posed | Round) -> Change:
    """What changed from one round to another, and why.

    old, new: funds, which are decided here, or rounds that are decided already. Raises InputError where amounts of the
    two cannot be compared.
    """
    first, second = (r.fund if isinstance(r, Round) else r for r in (old, new))
    check_units(first, second, first.round, second.round)
    before, after = (r if isinstance(r, Round) else Round.of(r) for r in (old, new))
    sides = fixed(before.fund), fixed(after.fund)
    differs = changed(*sides)
    mixtures = Mixtures(*sides)
    blocks = mixtures.blocks(differs)
    frame = _Frame.of(before, after)
    known = {
        frozenset(differs): frame.fine(after.fund.problem, after.amounts),
        frozenset(): frame.fine(before.fund.problem, before.amounts),
    }
    yielding = 0
    for causes in unions(blocks):
        if causes not in known:
            one = mixtures.of(causes)
            try:
                amounts, yields = decided(one)
            except SolverError as error:
                raise SolverError(
                    say(
                        "With {code_list} as in the later round and all else as in the earlier one: {code_error}",
                        code_list=say(", ").join(called(c) for c in CAUSES if c in causes),
                        code_error=error,
                    )
                ) from None
            known[causes] = frame.fine(one.problem, amounts)
            yielding += yields
    averages = {block: average(block, blocks, known) for block in blocks}
    return Change(
        before,
        after,
        sides,
        frame.ids,
        frame.units,
        {name: frame.printed(before, name) for name in frame.units},
        {name: frame.printed(after, name) for name in frame.units},
        {name: frame.parts(name, before, after, averages) for name in frame.units},
        differs,
        mixtures.reason if len(blocks) < len(differs) else "",
        max(len(known) - 2, 0),
        yielding,
    )


def check_units(old: Posed, new: Posed, first: str, second: str) -> None:
    """Raises InputError for resources that two funds count in other units. first, second: what the funds are called."""
    faults = Faults()
    for name, section in old.policy.resources.items():
        other = new.policy.resources.get(name)
        if other is not None and other.unit != section.unit:
            faults.add(
                say(
                    'is counted in "{code_unit}" in {code_first}, in "{code_other}" in {code_second}: the '
                    "amounts cannot be compared.",
                    code_unit=section.unit,
                    code_first=first,
                    code_other=other.unit,
                    code_second=second,
                ),
                say("Compare what counts in the same unit."),
                key=f"resources.{name}.unit",
            )
    faults.check()


@dataclass(frozen=True, eq=False)
class _Frame:
    """Regions and resources of either round, and how amounts are counted there. both: what both rounds share out."""

    ids: tuple[str, ...]
    units: Mapping[str, Decimal]
    both: tuple[str, ...]

    @classmethod
    def of(cls, *ends: Round) -> _Frame:
        problems = [end.fund.problem for end in ends]
        units: dict[str, Decimal] = {}
        for one in sorted((r for p in problems for r in p.resources), key=lambda r: r.name):
            unit = printed_unit(one.lot)
            units[one.name] = min(unit, units.get(one.name, unit))
        common = set.intersection(*({r.name for r in p.resources} for p in problems))
        ids = tuple(sorted({i for p in problems for i in p.regions.ids}))
        return cls(ids, units, tuple(name for name in units if name in common))

    def fine(self, problem: Problem, amounts: FloatArray) -> Whole:
        """Unrounded amounts of what both rounds share out, resource by resource, in fine parts of a printed unit."""
        found = np.zeros((len(self.both), len(self.ids)), dtype=object)
        here = self._places(problem)
        for r, one in enumerate(problem.resources):
            if one.name in self.both:
                values = np.rint(amounts[problem.block(r)] / float(self.units[one.name]) * FINE)
                found[self.both.index(one.name), here] = [int(v) for v in values.tolist()]
        return found.ravel()

    def printed(self, end: Round, name: str) -> IntArray:
        """The amounts of a resource in printed units, amended where they were, 0 where there are none."""
        return self._units(end, name, end.lots if end.amended is None else end.amended)

    def _units(self, end: Round, name: str, lots: IntArray) -> IntArray:
        problem = end.fund.problem
        found = np.zeros(len(self.ids), dtype=np.int64)
        for r, one in enumerate(problem.resources):
            if one.name == name:
                found[self._places(problem)] = lots[problem.block(r)] * int(one.lot / self.units[name])
        return found

    def parts(self, name: str, old: Round, new: Round, averages: Mapping[Block, Whole]) -> dict[str, IntArray]:
        """The change of a resource by its causes, and what is left to rounding."""
        left = self.printed(new, name) - self.printed(old, name)
        blocks = {cause: block for block in averages for cause in block}
        found: dict[str, IntArray] = {}
        for block in dict.fromkeys(blocks.get(cause, (cause,)) for cause in CAUSES):
            part = np.zeros(len(self.ids), dtype=np.int64)
            if name not in self.both:
                part = left if OWNER in block else part
            elif block in averages:
                first = self.both.index(name) * len(self.ids)
                mine = averages[block][first : first + len(self.ids)].tolist()
                part = np.array(rounded(mine, FINE * factorial(len(averages))), dtype=np.int64)
            found[" and ".join(block)] = part
            left = left - part
        if old.amended is not None or new.amended is not None:
            after, before = (self.printed(end, name) - self._units(end, name, end.lots) for end in (new, old))
            found[AMENDMENT] = after - before
            left = left - found[AMENDMENT]
        return {**found, ROUNDING: left}

    def _places(self, problem: Problem) -> IntArray:
        return np.searchsorted(np.array(self.ids, dtype=object), np.array(problem.regions.ids, dtype=object))
