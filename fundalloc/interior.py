"""Interior: the least cost under linear rows, sums of absolute values and smooth curves, by a primal-dual method.

The multipliers that come out are strictly complementary: of a bound and its multiplier one is clearly above 0, so they
tell which bounds hold everywhere on the set of the best points, not at one of its corners only.
Source: Boyd and Vandenberghe (2004), Convex optimization, 11.7; Goldman and Tucker (1956), Theory of
linear programming.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fundalloc.pieces import Bend, Cost, Linear, Lines, Reach, Sum
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.sparse import csr_array, diags_array
from fundalloc.squares import Squares

#: steps end here; the gap that each bound begins with; the gap of duality at which there is nothing left to win
STEPS, FIRST, CLOSE = 120, 1e-2, 1e-15
#: a smooth curve is kept to this; what multipliers that do not quite cancel the cost may hide
FAR, LOST = 1e-12, 1e-10
#: the part of the way to the edge that a step takes at most, and the least part of the gap that it aims at
REACH, LEAST = 0.995, 1e-4
#: the same where the gap is smaller than what is left of the equations
SLOWLY = 0.5
#: what leaves more than this does not hold with equality
HELD = 5e-9


@dataclass(frozen=True, eq=False)
class Best:
    """Where the cost is least. lines, sums, bends: whether each holds with equality on all best points.

    above, below: of each sum, whether its parts are what they are above 0, and below it: 0 where both hold. gap: what
    could be won at most, by the multipliers of the step that proves most: later ones may be lost to rounding.
    price: multipliers of the lines in that step. pulls: of each sum what pulls at its parts, and that of the whole.
    """

    v: FloatArray
    lines: BoolArray
    sums: BoolArray
    above: tuple[BoolArray, ...]
    below: tuple[BoolArray, ...]
    bends: BoolArray
    gap: float
    price: FloatArray
    pulls: tuple[tuple[FloatArray, float], ...]


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

    def proof(self, v: FloatArray) -> tuple[FloatArray, float]:
        """What pulls at the parts, no more than the multiplier of the whole allows, and what that leaves at v."""
        task, most = self.task, self.lg * self.task.weight
        pull = np.clip(self.lb - self.la, -most, most)
        whole = self.lg * (float(task.slope @ v) + task.most)
        return pull, whole + float(pull @ (task.parts @ v + task.start))

    def assembled(self) -> list[FloatArray | csr_array]:
        """Rows whose squares are the curvature that is left for v once the absolute values follow."""
        task, a, b = self.task, self.la / self.sa, self.lb / self.sb
        self.a, self.b, self.sum = a, b, a + b
        self.pull = self.lg / self.sg
        self.wide = float(task.weight @ (task.weight / self.sum))
        self.firm = self.pull / (1 + self.pull * self.wide)
        self.edge = task.slope + task.parts.T @ ((b - a) / self.sum * task.weight)
        own = csr_array(diags_array(np.sqrt(4 * a * b / self.sum)) @ task.parts)
        return [own, np.sqrt(self.firm) * self.edge[None]]

    def forces(self) -> FloatArray:
        """What the multipliers pull at v."""
        return np.asarray(self.task.parts.T @ (self.lb - self.la) + self.lg * self.task.slope)

    def wanted(self, mu: float) -> list[FloatArray]:
        """The right side of the rows."""
        task = self.task
        self.ra, self.rb, self.rg = mu / self.sa, mu / self.sb, mu / self.sg
        along = float(task.weight @ ((self.ra + self.rb) / self.sum))
        apart = self.a * (self.rb - self.lb) - self.b * (self.ra - self.la)
        edge = self.rg / (1 + self.pull * self.wide) + self.firm * along - self.lg
        return [apart / np.sqrt(self.a * self.b * self.sum), np.array([edge / np.sqrt(self.firm)])]

    def move(self, own: FloatArray, edge: FloatArray) -> tuple[FloatArray, FloatArray]:
        """By how much slacks and multipliers move with v. own, edge: what the rows become."""
        task = self.task
        both = self.ra + self.rb
        theta = self.firm * (
            float(edge[0]) / np.sqrt(self.firm) - float(task.weight @ (both / self.sum)) + self.rg * self.wide
        )
        parts = own / np.sqrt(4 * self.a * self.b / self.sum)
        common = both + task.weight * (theta - self.rg)
        self.du = (common - (self.b - self.a) * parts) / self.sum
        dsa = self.dsa = (common - 2 * self.b * parts) / self.sum
        dsb = self.dsb = (common + 2 * self.a * parts) / self.sum
        dsg = self.dsg = theta / self.pull
        self.dla = self.ra - self.la - self.a * dsa
        self.dlb = self.rb - self.lb - self.b * dsb
        self.dlg = self.rg - self.lg - theta
        return np.concatenate([dsa / self.sa, dsb / self.sb, [dsg / self.sg]]), np.concatenate(
            [self.dla / self.la, self.dlb / self.lb, [self.dlg / self.lg]]
        )

    def take(self, primal: float, dual: float) -> None:
        self.u = self.u + primal * self.du
        self.sa, self.sb = self.sa + primal * self.dsa, self.sb + primal * self.dsb
        self.sg = self.sg + primal * self.dsg
        self.la, self.lb, self.lg = self.la + dual * self.dla, self.lb + dual * self.dlb, self.lg + dual * self.dlg


def least(
    cost: Cost,
    along: FloatArray,
    start: FloatArray,
    reach: Reach,
    lines: Lines,
    sums: Sequence[Sum],
    bends: Sequence[Bend],
    *,
    half: bool = False,
) -> Best:
    """The least cost over v = start + along @ w; everything has to be kept at the start with something to spare.

    along: directions, orthonormal columns. reach: how far what keeps everything lies apart.
    half: ends where half of what can be had below 0 is reached.
    """
    v, mu = start.copy(), FIRST
    spare = lines.rows @ v - lines.bound
    price = mu / spare
    absolutes = [_Absolutes(s, v, mu) for s in sums]
    bent = [b.at(v) for b in bends]
    slack = np.array([s for s, _ in bent])
    pulls = mu / slack
    count = len(spare) + sum(a.gap()[1] for a in absolutes) + len(bends)
    straight = not bends and isinstance(cost, Linear)
    last, proven = np.inf, -np.inf
    proof: tuple[FloatArray, tuple[tuple[FloatArray, float], ...]] = price, ()
    for _ in range(STEPS):
        off = np.array([s for s, _ in bent]) - slack
        gap = float(price @ spare) + sum(a.gap()[0] for a in absolutes) + float(pulls @ slack)
        forces = lines.rows.T @ price + sum((p * g for p, (_, g) in zip(pulls, bent, strict=True)), -cost.slopes(v))
        left = along.T @ sum((a.forces() for a in absolutes), forces)
        proofs = [a.proof(v) for a in absolutes]
        held = zip(absolutes, proofs, strict=True)
        exact = sum((a.task.parts.T @ pull + a.lg * a.task.slope for a, (pull, _) in held), forces)
        lost = reach.most(along @ (along.T @ exact))
        here = float(price @ np.abs(spare)) + float(pulls @ np.abs([s for s, _ in bent])) + sum(p[1] for p in proofs)
        if cost.value(v) - here - lost >= proven:
            proven = cost.value(v) - here - lost
            proof = price, tuple((pull, a.lg) for a, (pull, _) in zip(absolutes, proofs, strict=True))
        if (gap / count <= CLOSE and lost <= LOST and np.abs(off).max(initial=0.0) <= FAR) or not np.isfinite(gap):
            break
        if half and gap <= -cost.value(v) + min((s for s, _ in bent if s < 0), default=0.0):
            break
        root = np.sqrt(price / spare)
        rows: list[FloatArray | csr_array] = [root[:, None] * lines.rows]
        for a in absolutes:
            rows += a.assembled()
        for b, p, s, (_, g) in zip(bends, pulls.tolist(), slack.tolist(), bent, strict=True):
            rows += [np.sqrt(p) * b.curvature(v), np.sqrt(p / s) * g[None]]
        rows.append(cost.curvature(v))
        factor = Squares(rows, along)
        aim, steps = 0.0, (0.0, 0.0)
        for second in (False, True):
            wish = [(aim - price * spare) / np.sqrt(price * spare)]
            for a in absolutes:
                wish += a.wanted(aim)
            for b, p, s, o in zip(bends, pulls.tolist(), slack.tolist(), off.tolist(), strict=True):
                wish += [0.0 * b.start, np.array([(aim - p * (o + s)) / np.sqrt(p * s)])]
            wish.append(np.zeros(len(rows[-1])))
            dw, found = factor.solve(wish, left)
            dv, ds = along @ dw, found[0] / root
            dp = aim / spare - price - price / spare * ds
            db = np.array([f[0] for f in found[2 + 2 * len(sums) : -1 : 2]]) / np.sqrt(pulls / slack) + off
            dq = aim / slack - pulls - pulls / slack * db
            moves = [a.move(found[1 + 2 * k], found[2 + 2 * k]) for k, a in enumerate(absolutes)]
            primal = _most(np.concatenate([ds / spare, db / slack, *(m[0] for m in moves)]))
            dual = _most(np.concatenate([dp / price, dq / pulls, *(m[1] for m in moves)]))
            steps = (primal, dual) if straight else (min(primal, dual),) * 2
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
        (price > spare) & (spare <= HELD),
        np.array([HELD >= a.task.spare(v) < a.lg for a in absolutes], dtype=bool),
        tuple(a.la > a.sa for a in absolutes),
        tuple(a.lb > a.sb for a in absolutes),
        np.asarray((pulls > slack) & (slack <= HELD), dtype=bool),
        cost.value(v) - proven,
        *proof,
    )


def _most(moves: FloatArray) -> float:
    """The longest step that leaves everything above 0."""
    lowest = float(moves.min(initial=0.0))
    return 1.0 if lowest >= -REACH else REACH / -lowest
