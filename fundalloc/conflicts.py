"""Conflicts: a smallest set of rules that no allocation can keep together, and what would help."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fundalloc.errors import ConflictError, SolverError
from fundalloc.language import called, listed, phrase, say
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.reasons import reason
from fundalloc.rules import Curve, Rows, Statement
from fundalloc.solve import about_possible
from fundalloc.system import assemble
from fundalloc.tangents import attempt

#: digits of the number that an advice gives
DIGITS = 6
#: the same where convex rules take part, because each question takes longer there
CURVED_DIGITS = 3


def can_be_kept(problem: Problem, statements: Sequence[Statement], out: BoolArray | None = None) -> bool:
    """Whether any allocation keeps rules; a clash of a cent in billions counts.

    Raises SolverError where neither can be proven.
    """
    found = possible(problem, statements, out)
    if found is None:
        names = say(", ").join(f'"{called(r)}"' for r in dict.fromkeys(s.rule for s in statements))
        raise SolverError(
            say(
                "It could not be proven whether the rules can be kept together ({rules}); nothing was written.",
                rules=names,
            )
        )
    return found


def possible(problem: Problem, statements: Sequence[Statement], out: BoolArray | None) -> bool | None:
    """Whether any allocation keeps rules; None where neither can be proven."""
    tried = attempt(problem, statements, whole=False, out=out)
    if tried.proven:
        return True
    return False if tried.optimum.clash or reason(tried.system) is not None else None


def _about_possible(problem: Problem, statements: Sequence[Statement], out: BoolArray | None) -> bool:
    """Whether any allocation is known to keep rules, within the tolerance of a linear program."""
    if any(isinstance(s, Curve) for s in statements):
        return bool(possible(problem, statements, out))
    lines = tuple(s for s in statements if isinstance(s, Rows))
    return about_possible(assemble(problem, lines, whole=False, out=out))


def smallest(
    problem: Problem, statements: Sequence[Statement], out: BoolArray | None = None
) -> tuple[tuple[str, ...], bool]:
    """Rules that clash, and whether it is proven that none can be left out: a deletion filter over rules."""
    kept, sure = list(dict.fromkeys(s.rule for s in statements)), True
    for rule in list(kept):
        without = [k for k in kept if k != rule]
        found = possible(problem, _of(statements, without), out)
        if found is False:
            kept = without
        sure = sure and found is not None
    return tuple(kept), sure


def _of(statements: Sequence[Statement], rules: Sequence[str]) -> list[Statement]:
    return [s for s in statements if s.rule in rules]


def conflict(problem: Problem, statements: Sequence[Statement], out: BoolArray | None = None) -> ConflictError:
    """The error that names the clashing rules, shows the arithmetic and the least relaxations.

    Raises SolverError where no sum proves the clash.
    """
    rules, sure = smallest(problem, statements, out)
    clashing = _of(statements, rules)
    head = say(
        "No allocation keeps the rule {rules}."
        if len(rules) == 1
        else "No allocation keeps the rules {rules} together; without any one of these the others of them can be kept."
        if sure
        else "No allocation keeps the rules {rules} together.",
        rules=listed(f'"{called(r)}"' for r in rules),
    )
    why = reason(attempt(problem, clashing, whole=False, out=out).system)
    if why is None:
        raise SolverError(say("The optimum could not be proven, nor that there is none; nothing was written."))
    ways = [way for rule in rules for way in relaxations(problem, statements, rule, out)]
    if not ways:
        ways = [
            say("{way} Other rules clash besides.", way=way)
            for rule in rules
            for way in relaxations(problem, clashing, rule, out)
        ]
    return ConflictError(rules, f"{head}\n{why}", ways)


def relaxations(
    problem: Problem, statements: Sequence[Statement], rule: str, out: BoolArray | None = None
) -> list[str]:
    """The least changes of one rule that would do, the others unchanged: of its floor, of its cap, or of both."""
    mine = [s for s in statements if s.rule == rule]
    if not any(_numbers(s).any() for s in mine):
        way = say('Leave "{rule}" out, or write mode = "prefer" so that it yields, the others unchanged.', rule=rule)
        return [way]
    task = _Task(problem, statements, rule, out)
    ways = [way for way in (task.change(sides) for sides in ((1, 0), (0, 1))) if way]
    both = None if ways else task.change((1, 1))
    return ways or ([both] if both else [])


def _numbers(one: Statement) -> BoolArray:
    """Whether a rule has a floor, and whether it has a cap, that can be changed."""
    if isinstance(one, Curve):
        return np.asarray(~np.isnan(np.array(one.stated)))
    counts = one.basis > 0 if one.slope is None else np.ones(len(one), dtype=bool)
    return np.array([np.isfinite(one.low[counts]).any(), np.isfinite(one.high[counts]).any()])


class _Task:
    """The search for the least change of one rule; the others stay.

    A bisection: as a linear program the question takes half a minute where every region has a floor and a cap.
    """

    def __init__(self, problem: Problem, statements: Sequence[Statement], rule: str, out: BoolArray | None) -> None:
        self.problem, self.statements, self.rule, self.out = problem, statements, rule, out
        mine = [s for s in statements if s.rule == rule]
        self.digits = CURVED_DIGITS if any(isinstance(s, Curve) for s in statements) else DIGITS
        self.has = np.any([_numbers(s) for s in mine], axis=0)
        self.stated = np.array(mine[0].stated, dtype=float)
        self.reach = max(_reach(s) for s in mine) or 1.0

    def moved(self, change: FloatArray) -> list[Statement]:
        """All rules with this one changed."""
        return [s.moved(float(change[0]), float(change[1])) if s.rule == self.rule else s for s in self.statements]

    def enough(self, change: FloatArray) -> bool:
        """Whether a change about helps."""
        return _about_possible(self.problem, self.moved(change), self.out)

    def grid(self, change: FloatArray) -> FloatArray:
        """The last digit that is printed of each number."""
        size = np.maximum(np.abs(np.nan_to_num(self.stated) + change), self.reach / 1000)
        return np.asarray(10.0 ** (np.floor(np.log10(size)) - self.digits + 1))

    def least(self, change: FloatArray, way: FloatArray) -> FloatArray:
        """The change with as little of the way as is enough."""
        needed, there = 0.0, float(np.abs(change[way != 0]).min())
        kept = change - way * there
        while there - needed > self.grid(kept + way * there)[way != 0].min() / 4:
            middle = (needed + there) / 2
            needed, there = (needed, middle) if self.enough(kept + way * middle) else (middle, there)
        return np.asarray(kept + way * there)

    def change(self, sides: tuple[int, int]) -> str:
        """The least change of the sides in words, rounded so that it is enough; empty where none is."""
        way = np.array([-1.0, 1.0]) * np.array(sides)
        if not self.has[way != 0].all() or not self.enough(np.where(way < 0, -np.inf, np.where(way > 0, np.inf, 0.0))):
            return ""
        change = way * self.reach
        while not self.enough(change):
            change *= 2
        change = self.least(change, way)
        if all(sides):
            for side in np.diag(way):
                change = self.least(change, side)
        start = np.nan_to_num(self.stated) + change
        step = self.grid(change)
        for further in range(6):
            to = step * (np.rint(start / step) + further * way)
            moved = np.where(way != 0, to - np.nan_to_num(self.stated), 0.0)
            if possible(self.problem, self.moved(moved), self.out):
                return _in_words(self.rule, self.stated, moved)
        return ""


def _reach(one: Statement) -> float:
    """The greatest number of a rule, in the unit of its numbers."""
    stated = np.array(one.stated, dtype=float)
    if not np.isnan(stated).all() or isinstance(one, Curve):
        return float(np.nanmax(np.abs(stated), initial=0.0))
    bounds = np.stack([one.low, one.high])[:, one.basis > 0] / one.basis[one.basis > 0]
    return float(np.max(np.abs(bounds), where=np.isfinite(bounds), initial=0.0))


def _in_words(rule: str, stated: FloatArray, moved: FloatArray) -> str:
    ways = (
        (
            phrase('lower the floor of "{rule}" by {change:.6g}'),
            phrase('lower the floor of "{rule}" from {old:g} to {new:.6g}'),
        ),
        (
            phrase('raise the cap of "{rule}" by {change:.6g}'),
            phrase('raise the cap of "{rule}" from {old:g} to {new:.6g}'),
        ),
    )
    texts = []
    for (by, to), number, change in zip(ways, stated, moved, strict=True):
        if change and np.isnan(number):
            texts.append(say(by, rule=rule, change=abs(change)))
        elif change:
            texts.append(say(to, rule=rule, old=number, new=max(number + change, 0.0)))
    text = listed(texts)
    return say("{way}, the others unchanged.", way=f"{text[:1].upper()}{text[1:]}") if text else ""
