"""Interior: the least cost under linear rows, sums of absolute values and smooth curves, by a primal-dual method.

The multipliers that come out are strictly complementary: of a bound and its multiplier one is clearly above 0, so they
tell which bounds hold everywhere on the set of the best points, not at one of its corners only.
Source: Boyd and Vandenberghe (2004), Convex optimization, 11.7; Goldman and Tucker (1956), Theory of
linear programming.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from fundalloc.problem import BoolArray, FloatArray, IntArray
from fundalloc.rules import Curve
from fundalloc.rules.smooth import Smooth
from fundalloc.sparse import csr_array, diags_array

#: steps end here; the gap that each bound begins with; the gap of duality at which there is nothing left to win
STEPS, FIRST, CLOSE = 120, 1e-2, 1e-15
#: a smooth curve is kept to this
FAR = 1e-12
#: the part of the way to the edge that a step takes at most, and the least part of the gap that it aims at
REACH, LEAST = 0.995, 1e-4
#: the same where the gap is smaller than what is left of the equations
SLOWLY = 0.5
#: eigenvalues below this part of the largest count as that; a pivot below which they are looked at
SINGULAR, UNSURE = 1e-15, 1e-5
#: along an unknown that is curved by less than this part of the most there is no move: nothing bounds it
NONE = 1e-40


@dataclass(frozen=True, eq=False)
class Lines:
    """rows @ v >= bound, rows of size one; drawn: whether a row was drawn from a curve."""

    rows: FloatArray
    bound: FloatArray
    drawn: BoolArray

    def where(self, keep: BoolArray) -> Lines:
        """Some of the rows."""
        return Lines(self.rows[keep], self.bound[keep], self.drawn[keep])

    def and_more(self, rows: FloatArray, bound: FloatArray) -> Lines:
        """With rows that were drawn from a curve."""
        drawn = np.concatenate([self.drawn, np.ones(len(bound), dtype=bool)])
        return Lines(np.vstack([self.rows, rows]), np.concatenate([self.bound, bound]), drawn)


@dataclass(frozen=True, eq=False)
class Sum:
    """sum of weight * |parts @ v + start| <= slope @ v + most.

    curve: what says so. pairs: the two units that each part compares, where it does.
    """

    curve: Curve
    parts: csr_array
    start: FloatArray
    weight: FloatArray
    slope: FloatArray
    most: float
    pairs: IntArray | None

    def spare(self, v: FloatArray) -> float:
        """By how much the sum itself is kept."""
        return float(self.slope @ v) + self.most - float(self.weight @ np.abs(self.parts @ v + self.start))


@dataclass(frozen=True, eq=False)
class Bend:
    """P(units @ v + start) + slope @ v <= 0, P that of a smooth measure of units with a basis; curve: what says so."""

    curve: Curve
    spread: Smooth
    bound: float
    units: FloatArray
    start: FloatArray
    basis: FloatArray
    slope: FloatArray

    def at(self, v: FloatArray) -> tuple[float, FloatArray]:
        """What is to spare, and its gradient."""
        y = np.maximum(self.units @ v + self.start, 0.0)
        slopes = self.spread.slopes(y, self.basis, self.bound)
        return -float(slopes @ y) - float(self.slope @ v), -(self.units.T @ slopes) - self.slope

    def curvature(self, v: FloatArray) -> FloatArray:
        """That of P, which is homogeneous: nothing along the amounts themselves."""
        y = np.maximum(self.units @ v + self.start, 0.0)
        middle = self.spread.middle(np.maximum(y, self.spread.least * self.basis * y.sum()), self.basis)
        ratio = np.maximum(y / self.basis / middle, self.spread.least)
        steep = self.spread.bend(ratio) / (self.basis * middle)
        along = self.units.T @ (steep * y)
        return np.asarray((self.units.T * steep) @ self.units - np.outer(along, along) / float(steep @ (y * y)))


@dataclass(frozen=True, eq=False)
class Best:
    """Where the cost is least. lines, sums, bends: whether each holds with equality on all best points.

    above, below: of each sum, whether its parts are what they are above 0, and below it: 0 where both hold. gap: what
    could be won at most, by the multipliers of the step that proves most: later ones may be lost to rounding.
    """

    v: FloatArray
    lines: BoolArray
    sums: BoolArray
    above: tuple[BoolArray, ...]
    below: tuple[BoolArray, ...]
    bends: BoolArray
    gap: float


class _Absolutes:
    """The state of a sum: how great each absolute value is taken to be, and the multipliers."""

    def __init__(self, task: Sum, v: FloatArray, mu: float) -> None:
        self.task = task
        parts, room = np.asarray(task.parts @ v) + task.start, task.spare(v)
        more = room / (2 * len(parts) * task.weight)
        self.u = np.abs(parts) + more
        self.sa, self.sb = self.u - parts, self.u + parts
        self.sg = room / 2
        self.la, self.lb, self.lg = mu / self.sa, mu / self.sb, mu / self.sg

    def gap(self) -> tuple[float, int]:
        return float(self.la @ self.sa + self.lb @ self.sb) + self.lg * self.sg, 2 * len(self.u) + 1

    def assembled(self) -> FloatArray:
        """The curvature that is left for v once the absolute values follow."""
        task, a, b = self.task, self.la / self.sa, self.lb / self.sb
        self.a, self.b, self.sum = a, b, a + b
        self.pull = self.lg / self.sg
        self.wide = float(task.weight @ (task.weight / self.sum))
        self.firm = self.pull / (1 + self.pull * self.wide)
        self.edge = task.slope + task.parts.T @ ((b - a) / self.sum * task.weight)
        own = (task.parts.T @ diags_array(4 * a * b / self.sum) @ task.parts).toarray()
        return np.asarray(own + self.firm * np.outer(self.edge, self.edge))

    def wanted(self, mu: float) -> FloatArray:
        """The right side for v."""
        task = self.task
        self.ra, self.rb, self.rg = mu / self.sa, mu / self.sb, mu / self.sg
        along = float(task.weight @ ((self.ra + self.rb) / self.sum))
        return np.asarray(
            task.parts.T @ (2 * (self.a * self.rb - self.b * self.ra) / self.sum)
            + self.edge * (self.rg / (1 + self.pull * self.wide) + self.firm * along)
        )

    def move(self, dv: FloatArray) -> tuple[FloatArray, FloatArray]:
        """By how much slacks and multipliers move with v."""
        task = self.task
        both = self.ra + self.rb
        theta = self.firm * (float(self.edge @ dv) - float(task.weight @ (both / self.sum)) + self.rg * self.wide)
        parts = np.asarray(task.parts @ dv)
        self.du = (both + task.weight * (theta - self.rg) - (self.b - self.a) * parts) / self.sum
        dsa, dsb = self.dsa, self.dsb = self.du - parts, self.du + parts
        dsg = self.dsg = float(task.slope @ dv) - float(task.weight @ self.du)
        self.dla = self.ra - self.la - self.a * dsa
        self.dlb = self.rb - self.lb - self.b * dsb
        self.dlg = self.rg - self.lg - self.pull * dsg
        return np.concatenate([dsa / self.sa, dsb / self.sb, [dsg / self.sg]]), np.concatenate(
            [self.dla / self.la, self.dlb / self.lb, [self.dlg / self.lg]]
        )

    def take(self, primal: float, dual: float) -> None:
        self.u = self.u + primal * self.du
        self.sa, self.sb = self.sa + primal * self.dsa, self.sb + primal * self.dsb
        self.sg = self.sg + primal * self.dsg
        self.la, self.lb, self.lg = self.la + dual * self.dla, self.lb + dual * self.dlb, self.lg + dual * self.dlg


def least(
    cost: FloatArray,
    along: FloatArray,
    start: FloatArray,
    lines: Lines,
    sums: Sequence[Sum],
    bends: Sequence[Bend],
    *,
    half: bool = False,
) -> Best:
    """The least cost @ v over v = start + along @ w; everything has to be kept at the start with something to spare.

    along: directions, orthonormal columns. half: ends where half of what can be had below 0 is reached.
    """
    v, mu = start.copy(), FIRST
    spare = lines.rows @ v - lines.bound
    price = mu / spare
    absolutes = [_Absolutes(s, v, mu) for s in sums]
    bent = [b.at(v) for b in bends]
    slack = np.array([s for s, _ in bent])
    pulls = mu / slack
    count = len(spare) + sum(a.gap()[1] for a in absolutes) + len(bends)
    last, proven = np.inf, -np.inf
    for _ in range(STEPS):
        off = np.array([s for s, _ in bent]) - slack
        gap = float(price @ spare) + sum(a.gap()[0] for a in absolutes) + float(pulls @ slack)
        forces = lines.rows.T @ price + sum((p * g for p, (_, g) in zip(pulls, bent, strict=True)), 0 * v)
        lost = _lost(cost, along, v, forces, absolutes)
        here = float(price @ np.abs(spare)) + float(pulls @ np.abs([s for s, _ in bent]))
        proven = max(proven, float(cost @ v) - here - sum(a.gap()[0] for a in absolutes) - lost)
        if (gap / count <= CLOSE and max(lost, *np.abs(off), 0.0) <= FAR) or not np.isfinite(gap):
            break
        if half and gap <= -float(cost @ v) + min((s for s, _ in bent if s < 0), default=0.0):
            break
        h = (lines.rows.T * (price / spare)) @ lines.rows
        for a in absolutes:
            h = h + a.assembled()
        for b, p, s, (_, g) in zip(bends, pulls.tolist(), slack.tolist(), bent, strict=True):
            h = h + p * b.curvature(v) + (p / s) * np.outer(g, g)
        factor = _Factor(along.T @ h @ along)
        aim, steps = 0.0, (0.0, 0.0)
        for second in (False, True):
            wish = lines.rows.T @ (aim / spare) - cost
            for a in absolutes:
                wish = wish + a.wanted(aim)
            for p, s, o, (_, g) in zip(pulls.tolist(), slack.tolist(), off.tolist(), bent, strict=True):
                wish = wish + (aim - p * o) / s * g
            dv = along @ factor.solve(along.T @ wish)
            ds = lines.rows @ dv
            dp = aim / spare - price - price / spare * ds
            db = np.array([g @ dv for _, g in bent]) + off
            dq = aim / slack - pulls - pulls / slack * db
            moves = [a.move(dv) for a in absolutes]
            primal = _most(np.concatenate([ds / spare, db / slack, *(m[0] for m in moves)]))
            dual = _most(np.concatenate([dp / price, dq / pulls, *(m[1] for m in moves)]))
            steps = (primal, dual) if not bends else (min(primal, dual),) * 2
            if not second:
                part = max((1 - min(steps)) ** 3, LEAST if max(lost, *np.abs(off), 0.0) <= gap else SLOWLY)
                aim = max(gap / count * part, LEAST * CLOSE)
        primal, dual = steps
        v = v + primal * dv
        price, pulls, slack = price + dual * dp, pulls + dual * dq, slack + primal * db
        for a in absolutes:
            a.take(primal, dual)
        spare = spare + primal * ds
        bent = [b.at(v) for b in bends]
        stuck = max(primal, dual) < 1e-8
        if stuck or (gap / count < 1e-12 and gap + lost > 0.9 * last):
            break
        last = gap + lost
    return Best(
        v,
        price > spare,
        np.array([a.lg > a.task.spare(v) for a in absolutes], dtype=bool),
        tuple(a.la > a.sa for a in absolutes),
        tuple(a.lb > a.sb for a in absolutes),
        np.asarray(pulls > slack, dtype=bool),
        float(cost @ v) - proven,
    )


def _lost(
    cost: FloatArray, along: FloatArray, v: FloatArray, forces: FloatArray, absolutes: Sequence[_Absolutes]
) -> float:
    """What multipliers that do not quite cancel the cost may hide."""
    found = 0.0
    for a in absolutes:
        task = a.task
        forces = forces + task.parts.T @ (a.lb - a.la) + a.lg * task.slope
        found += float(np.abs(a.la + a.lb - a.lg * task.weight) @ np.abs(a.u))
    return found + float(np.abs(along.T @ (cost - forces)).sum()) * float(np.abs(v).max(initial=0.0))


def _most(moves: FloatArray) -> float:
    """The longest step that leaves everything above 0."""
    lowest = float(moves.min(initial=0.0))
    return 1.0 if lowest >= -REACH else REACH / -lowest


class _Factor:
    """A symmetric system, its unknowns scaled so that the diagonal is 1; nearly singular ones by their eigenvalues."""

    def __init__(self, h: FloatArray) -> None:
        size = np.diag(h)
        bent = size > NONE * size.max(initial=0.0)
        self.root = np.where(bent, 1.0 / np.sqrt(np.where(bent, size, 1.0)), 0.0)
        self.h = h * self.root * self.root[:, None]
        self.inverse: Callable[[FloatArray], FloatArray]
        try:
            factor = cho_factor(self.h, check_finite=False)
            if np.diag(factor[0]).min(initial=1.0) < UNSURE:
                raise LinAlgError
            self.inverse = lambda b: np.asarray(cho_solve(factor, b, check_finite=False))
        except LinAlgError:
            self._by_eigenvalues()

    def _by_eigenvalues(self) -> None:
        values, vectors = np.linalg.eigh(self.h)
        firm = np.maximum(values, SINGULAR * max(float(values[-1:].sum()), 1e-300))
        self.inverse = lambda b: np.asarray(vectors @ ((vectors.T @ b) / firm))

    def solve(self, wish: FloatArray) -> FloatArray:
        """The solution, refined."""
        b = self.root * wish
        x = self.inverse(b)
        x = x + self.inverse(b - self.h @ x)
        return np.asarray(self.root * x)
