"""Faces: sets of allocations under linear rows, sums of absolute values and smooth curves, one inside the other.

What holds with equality on all best points of a face becomes an equality of the next one: a sum of absolute values then
says who stands above whom, a smooth curve leaves one way to divide what its units have together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import qr, solve_triangular

from fundalloc.interior import Best, least
from fundalloc.pieces import Bend, Cost, Linear, Lines, Reach, Sum
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.rules import Curve, Rows
from fundalloc.sparse import csr_array

#: an inside narrower than this part of the amounts is none, a rule missed by more is missed; one that is wide enough
THIN, ENOUGH = 1e-9, 1e-3
#: which of lines, sums and bends become narrower while an inside is looked for
STRAIGHT, BENT = (1.0, 1.0, 0.0), (0.0, 0.0, 1.0)
#: what follows from other equalities to this part of its size; by how much equalities may be missed in all
FOLLOWS, MISSED = 1e-9, 1e-8
#: what moves by less than this part of a move does not
FIXED = 1e-8
#: the best point is put on its equalities by no more than this
NEAR = 1e-4
#: a point that is inside by less than this is hardly inside
NARROW = 1e-6


@dataclass(frozen=True, eq=False)
class Face:
    """v: a point inside; reach: how far others are from it; along: directions that are left, orthonormal columns.

    scale: what the first variables, the amounts, are counted in. levelled: curves that are compared with a level of
    their own, and which variable that is. curved: whether something that a curve says holds with equality on it.
    """

    v: FloatArray
    reach: Reach
    scale: FloatArray
    along: FloatArray
    lines: Lines
    sums: tuple[Sum, ...]
    bends: tuple[Bend, ...]
    levelled: tuple[tuple[Curve, int], ...] = ()
    curved: bool = False

    @property
    def cells(self) -> int:
        """The number of amounts."""
        return len(self.scale)

    @property
    def amounts(self) -> FloatArray:
        """The amounts of the point."""
        return self.v[: self.cells] * self.scale

    def spare(self, straight: bool) -> float:
        """By how much lines and sums (straight), or bends, are kept at the least at the point."""
        if not straight:
            return min((b.at(self.v)[0] for b in self.bends), default=np.inf)
        lines = float((self.lines.rows @ self.v - self.lines.bound).min(initial=np.inf))
        return min([lines, *(s.spare(self.v) for s in self.sums)])

    def moves(self, rows: FloatArray) -> BoolArray:
        """Which rows of size one can take another value."""
        return np.asarray((np.abs(rows @ self.along) > FIXED).any(axis=1))

    def lifted(self, t: float, gains: FloatArray, least_gain: FloatArray, soft: tuple[float, float, float]) -> Face:
        """The face with one more variable, at t: gains less t are at least something.

        soft: by how many t lines, sums and bends are narrower.
        """
        lines, sums, bends = soft
        more = np.hstack([gains, -np.ones((len(gains), 1))])
        rows = np.hstack([self.lines.rows, np.full((len(self.lines.rows), 1), -lines)])
        n, m = self.along.shape
        along = np.zeros((n + 1, m + 1))
        along[:n, :m], along[n, m] = self.along, 1.0
        return replace(
            self,
            v=np.append(self.v, t),
            reach=self.reach.and_one(max(*map(self.reach.most, gains), 1.0 - min(t, 0.0))),
            along=along,
            lines=replace(self.lines, rows=rows).and_more(more, least_gain, drawn=False),
            sums=tuple(replace(s, parts=_wide(s.parts), slope=np.append(s.slope, -sums)) for s in self.sums),
            bends=tuple(replace(b, units=_wider(b.units), slope=np.append(b.slope, bends)) for b in self.bends),
        )

    def dropped(self) -> Face:
        """The face with the last variable as it is."""
        t = float(self.v[-1])
        return replace(
            self,
            v=self.v[:-1],
            reach=self.reach.less_one(),
            along=self.along[:-1],
            lines=replace(
                self.lines, rows=self.lines.rows[:, :-1], bound=self.lines.bound - self.lines.rows[:, -1] * t
            ),
            sums=tuple(
                replace(s, parts=s.parts[:, :-1], slope=s.slope[:-1], most=s.most + float(s.slope[-1]) * t)
                for s in self.sums
            ),
            bends=tuple(replace(b, units=b.units[:, :-1], slope=b.slope[:-1]) for b in self.bends),
        )

    def best(self, cost: Cost, *, half: bool = False) -> Best:
        """The point of the least cost; half: where half of what can be had below 0 is reached."""
        return least(cost, self.along, self.v, self.reach, self.lines, self.sums, self.bends, half=half)

    def highest(self, *, half: bool = False) -> Best:
        """The point where the last variable is as great as can be; half: at least half of that, if it is above 0."""
        return self.best(Linear(-np.eye(len(self.v))[-1]), half=half)

    def touching(self, best: Best) -> tuple[Rows, ...]:
        """A row for each curve that holds a best point, which every allocation that keeps the curve keeps."""
        found = []
        for one, binds, (pull, whole) in zip(self.sums, best.sums, best.pulls, strict=True):
            if binds:
                row, bound = one.parts.T @ pull + whole * one.slope, -float(pull @ one.start) - whole * one.most
                found.append(self._touching(one.curve, row, bound))
        for curve, column in self.levelled:
            mine = self.lines.drawn & (self.lines.rows[:, column] != 0) & best.lines
            if mine.any():
                price = best.price[mine]
                found.append(
                    self._touching(curve, price @ self.lines.rows[mine], float(price @ self.lines.bound[mine]))
                )
        for bend, binds in zip(self.bends, best.bends, strict=True):
            if binds:
                found.append(self._touching(bend.curve, bend.at(best.v)[1], 0.0))
        return tuple(found)

    def _touching(self, curve: Curve, row: FloatArray, bound: float) -> Rows:
        """Row @ v >= bound as a row over the amounts, in a size that floats like."""
        slopes = row[: self.cells] / self.scale
        most = float(np.abs(slopes).max())
        return curve.touching(csr_array(-slopes[np.newaxis, :] / most), -bound / most)

    def restricted(self, best: Best, level: FloatArray | None = None) -> Face | None:
        """The face of all best points; None where its equalities clash. level: rows that are there what they are."""
        held = best.lines
        equal, bounds = [self.lines.rows[held]], [self.lines.bound[held]]
        lines = self.lines.where(~held)
        sums = tuple(one for one, binds in zip(self.sums, best.sums, strict=True) if not binds)
        bends = tuple(one for one, binds in zip(self.bends, best.bends, strict=True) if not binds)
        for one, binds, above, below in zip(self.sums, best.sums, best.above, best.below, strict=True):
            if binds:
                rows, bound, order, start = _unfolded(one, best.v, above & below)
                equal, bounds, lines = [*equal, rows], [*bounds, bound], lines.and_more(order, start)
        for bend, binds in zip(self.bends, best.bends, strict=True):
            if binds:
                rows, bound = _divided(bend, best.v)
                equal, bounds = [*equal, rows], [*bounds, bound]
        if level is not None:
            equal, bounds = [*equal, level], [*bounds, level @ best.v]
        curved = self.curved or bool(best.sums.any() or best.bends.any() or (held & self.lines.drawn).any())
        found = replace(self, v=best.v, lines=lines, sums=sums, bends=bends, curved=curved)
        return found.met(np.vstack(equal), np.concatenate(bounds), NEAR)

    def met(self, rows: FloatArray, bound: FloatArray, near: float = np.inf) -> Face | None:
        """The face where rows are equal to bounds; None where they clash, or its point is further off than `near`."""
        size = np.linalg.norm(rows, axis=1)
        rows, bound = rows[size > 0] / size[size > 0, None], bound[size > 0] / size[size > 0]
        mine = rows @ self.along
        some = np.flatnonzero(np.linalg.norm(mine, axis=1) > FIXED)
        basis, upper, order = qr(mine[some].T, pivoting=True, check_finite=False)
        rank = int((np.abs(np.diag(upper)) > FOLLOWS).sum())
        first = some[order[:rank]]
        v = self.v
        for _ in range(2):
            off = bound[first] - rows[first] @ v
            v = v + self.along @ (basis[:, :rank] @ solve_triangular(upper[:rank, :rank], off, trans=1))
        clash = np.abs(rows @ v - bound).max(initial=0.0) > MISSED
        if clash or np.abs(v - self.v).max(initial=0.0) > near:
            return None
        return replace(self, v=v, along=self.along @ basis[:, rank:])

    def trimmed(self) -> Face | None:
        """The face less the rows that cannot move on it; None where one of these is missed."""
        rows, bound = self.lines.rows, self.lines.bound
        moves = self.moves(rows)
        missed = (rows[~moves] @ self.v < bound[~moves] - MISSED).any()
        return None if missed else replace(self, lines=self.lines.where(moves))

    def clear(self) -> Face | None:
        """The face less what cannot move on it, with a point that is more than hardly inside."""
        found = self.trimmed()
        narrow = found is not None and min(found.spare(True), found.spare(False)) < NARROW
        return found.inside() if found is not None and narrow else found

    def inside(self) -> Face | None:
        """The face with a point well inside, on what is equal everywhere on it; None where nothing keeps its rules."""
        found = replace(self, bends=()).trimmed()
        for soft in (STRAIGHT, BENT) if self.bends else (STRAIGHT,):
            now = found if found is None or soft == STRAIGHT else replace(found, bends=self.bends)
            for _ in range(len(self.v) + 1):
                if now is None:
                    return None
                spare = now.spare(soft == STRAIGHT)
                if spare > ENOUGH:
                    break
                wide = now.lifted(min(spare, 1.0) - 1.0, np.zeros((1, len(self.v))), -np.ones(1), soft)
                best = wide.highest(half=True)
                t = float(best.v[-1])
                if t < -THIN:
                    return None
                if t > THIN:
                    now = replace(now, v=best.v[:-1])
                    break
                held = wide.restricted(best)
                now = None if held is None else held.dropped().trimmed()
            found = now
        return found


def _wider(rows: FloatArray) -> FloatArray:
    return np.hstack([rows, np.zeros((len(rows), 1))])


def _wide(rows: csr_array) -> csr_array:
    return csr_array((rows.data, rows.indices, rows.indptr), shape=(rows.shape[0], rows.shape[1] + 1))


def _unfolded(one: Sum, v: FloatArray, level: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """A sum that holds with equality: rows that are equal, and rows that keep its parts on their side of 0.

    level: which parts are 0.
    """
    side = np.where(level, 0.0, np.sign(one.parts @ v + one.start))
    order = ~level
    if one.pairs is not None:  # who stands above whom, and of that only neighbours
        first, second = one.pairs.T
        count = int(one.pairs.max()) + 1
        above = np.bincount(first, side > 0, count) + np.bincount(second, side < 0, count)
        place = np.empty(count, dtype=np.int64)
        place[np.argsort(above, kind="stable")] = np.arange(count)
        side = np.where(level, 0.0, np.sign(place[first] - place[second]))
        order &= np.abs(place[first] - place[second]) == 1
    total = one.parts.T @ (one.weight * side) - one.slope
    most = one.most - float((one.weight * side) @ one.start)
    parts = one.parts.toarray()
    equal = np.vstack([parts[level], total])
    return equal, np.append(-one.start[level], most), side[order, None] * parts[order], -(side * one.start)[order]


def _divided(bend: Bend, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows that divide what the units of a smooth measure have together as it is divided at a point."""
    y = bend.units @ v + bend.start
    share = (y / y.sum())[:, None]
    rows = bend.units - share * bend.units.sum(axis=0)
    return rows, np.asarray(share.ravel() * bend.start.sum() - bend.start)
