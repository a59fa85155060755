"""The system of one round: every required rule merged into bounds on cells and coupling rows.

Bounds on regions and on nested groups are first rounded inwards to whole lots, so that the real
solution can be rounded to lots without crossing any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fundalloc.problem import BoolArray, FloatArray, IntArray, Problem
from fundalloc.rules.curve import Curve
from fundalloc.rules.rows import Rows
from fundalloc.sparse import csr_array, vstack

#: a number of lots is whole if it is within this part of itself (or of one lot) of a whole number
SNAP = 1e-9
EPS = float(np.finfo(float).eps)
#: a row that touches a curve asks for no more than the curve but for this part of its size
TOUCHES = 1e-9


def inward(low: FloatArray, high: FloatArray, lot: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bounds in amounts as whole lots: floors up, caps down; float noise does not cost a lot."""
    with np.errstate(invalid="ignore"):
        floors, caps = low / lot, high / lot
        up, down = np.ceil(floors - _noise(floors)), np.floor(caps + _noise(caps))
    return np.where(np.isfinite(floors), up, floors), np.where(np.isfinite(caps), down, caps)


def _noise(lots: FloatArray) -> FloatArray:
    """By how much a number of lots may be off in floats; a quarter at most, so that adding it never rounds to one."""
    size = np.abs(lots)
    return np.minimum(SNAP * np.minimum(size, 1.0) + 8 * EPS * size, 0.25)


@dataclass(frozen=True, eq=False)
class System:
    """low <= amounts <= high for each cell, row_low <= matrix @ amounts <= row_high for the others.

    rows: the rules' rows as stated. origin: for each coupling row the index of its rows and its
    place in them. nested: coupling rows that are a nested family of plain sums, kept exactly in lots.
    whole: for each resource whether its bounds are rounded inwards to lots.
    shares: the cells that share; the others have what a floor of their own gives them, else nothing.
    """

    problem: Problem
    rows: tuple[Rows, ...]
    low: FloatArray
    high: FloatArray
    matrix: csr_array
    row_low: FloatArray
    row_high: FloatArray
    origin: tuple[tuple[int, int], ...]
    nested: BoolArray
    whole: tuple[bool, ...]
    shares: BoolArray

    @cached_property
    def supplies(self) -> tuple[int, ...]:
        """The resources whose total is fixed."""
        return tuple(r for r, one in enumerate(self.problem.resources) if one.lots is not None)

    @property
    def leximin_is_nearest(self) -> bool:
        """Whether raising the lowest coverage first is `nearest`: only amounts and nested groups are limited.

        Each amount has to count for itself, in proportion to its target.
        """
        problem = self.problem
        plain = problem.value is None and bool(((problem.target <= 0) | (problem.softness <= problem.target)).all())
        return plain and bool(self.nested.all())

    def leaves_whole_lots(self, r: int) -> bool:
        """Whether whole lots surely keep the limits on regions and nested groups of a resource.

        Not sure where rules cross each other, since that takes a solver to tell.
        """
        block, one = self.problem.block(r), self.problem.resources[r]
        lot = np.full(block.stop - block.start, float(one.lot))
        low, high = inward(self.low[block], self.high[block], lot)
        top = np.arange(len(low))
        mine = [k for k in range(len(self.origin)) if block.start <= self._cells(k)[0] < block.stop]
        if not self.nested[mine].all() or (low > high).any():
            return False
        for k in sorted(mine, key=lambda k: len(self._cells(k))):
            members = self._cells(k) - block.start
            inside = np.unique(top[members])
            least, most = inward(self.row_low[[k]], self.row_high[[k]], lot[:1])
            least, most = np.maximum(least, low[inside].sum()), np.minimum(most, high[inside].sum())
            if (least > most).any():
                return False
            top[members] = len(low)
            low, high = np.concatenate([low, least]), np.concatenate([high, most])
        ends = np.unique(top)
        return one.lots is None or bool(low[ends].sum() <= one.lots <= high[ends].sum())

    def opened(self, amounts: FloatArray) -> BoolArray:
        """The cells without a target that get more than their own floor, because others may not take it.

        Only where bounds on single cells are all that holds: rows that couple cells explain such amounts themselves.
        """
        if self.origin:
            return np.zeros(len(amounts), dtype=bool)
        near = 1e-9 * self.problem.size / self.problem.n
        return self.shares & (self.problem.target <= 0) & (amounts > self.low + near)

    def joined(self, rows: tuple[Rows, ...]) -> System:
        """The system with further rows, which couple cells but are no plain sums."""
        if not rows:
            return self
        return replace(
            self,
            rows=self.rows + rows,
            matrix=csr_array(vstack([self.matrix, *(r.matrix for r in rows)], format="csr")),
            row_low=np.concatenate([self.row_low, *(r.low for r in rows)]),
            row_high=np.concatenate([self.row_high, *(r.high for r in rows)]),
            origin=self.origin + tuple((k, p) for k, r in enumerate(rows, len(self.rows)) for p in range(len(r))),
            nested=np.concatenate([self.nested, np.zeros(sum(map(len, rows)), dtype=bool)]),
        )

    def apart(self, row: Rows) -> tuple[Rows, FloatArray]:
        """A row of a curve less as much of each fixed total as it holds, and how much that is for each total.

        With the totals it says the same, and the multipliers of both no longer cancel.
        """
        problem, matrix, bound = self.problem, row.matrix, row.high
        share = np.zeros(len(self.supplies))
        dense = matrix.toarray().ravel()
        for k, r in enumerate(self.supplies):
            block = problem.block(r)
            share[k] = problem.softness[block] @ dense[block] / problem.softness[block].sum()
            if not dense[block].any():
                continue
            dense[block] -= share[k]
            bound = bound - share[k] * problem.resources[r].shared_out
        return replace(row, matrix=csr_array(dense[np.newaxis, :]), high=bound), share

    def _cells(self, row: int) -> IntArray:
        return np.asarray(self.matrix.indices[self.matrix.indptr[row] : self.matrix.indptr[row + 1]])


def assemble(
    problem: Problem,
    rows: tuple[Rows, ...],
    *,
    whole: bool | Sequence[bool] = True,
    closed: bool = False,
    out: BoolArray | None = None,
) -> System:
    """Merges the rows of the required rules.

    whole: bounds are rounded inwards to lots, of all resources or of some of them. closed: cells without a target get
    their own floor, else nothing. out: cells that get nothing.
    """
    low, high = np.zeros(problem.cells), np.full(problem.cells, np.inf)
    coupling: list[tuple[int, IntArray]] = []
    for k, one in enumerate(rows):
        single = one.single
        cells = one.matrix.indices[one.matrix.indptr[:-1][single]]
        np.maximum.at(low, cells, one.low[single])
        np.minimum.at(high, cells, one.high[single])
        bounded = np.isfinite(one.low) | np.isfinite(one.high)
        coupling.append((k, np.flatnonzero(~single & bounded)))
    matrix = _stack([rows[k].matrix[places] for k, places in coupling if len(places)], problem.cells)
    row_low = np.concatenate([rows[k].low[places] for k, places in coupling] or [np.zeros(0)])
    row_high = np.concatenate([rows[k].high[places] for k, places in coupling] or [np.zeros(0)])
    origin = tuple((k, int(p)) for k, places in coupling for p in places)
    plain = np.concatenate([rows[k].plain[places] for k, places in coupling] or [np.zeros(0, dtype=bool)])
    high, row_high = _met(low, high), _met(row_low, row_high)
    nested = _nested(matrix, plain, problem)
    each = (whole,) * len(problem.resources) if isinstance(whole, bool) else tuple(whole)
    inside = np.repeat(np.array(each, dtype=bool), problem.n)
    low[inside], high[inside] = _to_lots(low[inside], high[inside], problem.lot[inside])
    first = matrix.indices[matrix.indptr[:-1][nested]]
    rows_inside, lot = np.flatnonzero(nested)[inside[first]], problem.lot[first[inside[first]]]
    row_low[rows_inside], row_high[rows_inside] = _to_lots(row_low[rows_inside], row_high[rows_inside], lot)
    shares = problem.takes_part if out is None else problem.takes_part & ~out
    shares = shares & problem.wants if closed else shares
    high = np.where(shares, high, np.minimum(low, high))
    return System(problem, rows, low, high, matrix, row_low, row_high, origin, nested, each, shares)


def _met(low: FloatArray, high: FloatArray) -> FloatArray:
    """Upper bounds, put on the lower ones where only float noise makes them cross."""
    return np.where((low > high) & (low <= high + 16 * EPS * np.abs(high)), low, high)


def _to_lots(low: FloatArray, high: FloatArray, lot: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bounds rounded inwards; as they were where no whole lot lies between them."""
    floors, caps = inward(low, high, lot)
    kept = (floors > caps) & (low <= high)
    return np.where(kept, low, floors * lot), np.where(kept, high, caps * lot)


def _stack(blocks: list[csr_array], cells: int) -> csr_array:
    return csr_array(vstack(blocks, format="csr")) if blocks else csr_array((0, cells))


def _nested(matrix: csr_array, plain: BoolArray, problem: Problem) -> BoolArray:
    """The rows, in order, that are nested in or disjoint from all rows taken before them."""
    taken = np.zeros(matrix.shape[0], dtype=bool)
    layers: list[IntArray] = []  # each a partition: the row that holds a cell, or -1
    sizes = np.diff(matrix.indptr)
    for row in np.flatnonzero(plain):
        members = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
        if len({int(c) // problem.n for c in (members[0], members[-1])}) > 1:
            continue
        home = None
        for layer in layers:
            met, counts = np.unique(layer[members], return_counts=True)
            if met[0] == -1 and len(met) == 1:
                home = layer if home is None else home
                continue
            inside = len(met) == 1
            around = all(m == -1 or counts[j] == sizes[m] for j, m in enumerate(met))
            if not inside and not around:
                break
        else:
            taken[row] = True
            if home is None:
                home = np.full(matrix.shape[1], -1)
                layers.append(home)
            home[members] = row
    return taken


def overreach(system: System) -> Iterator[tuple[str, float]]:
    """Of each row that touches a curve its rule, and by how much it asks for more than the curve.

    NaN where that cannot be told; nothing above TOUCHES is allowed.
    """
    problem = system.problem
    open_ = np.array([r.lots is None for r in problem.resources])
    totals = np.repeat([np.nan if o else r.size for o, r in zip(open_, problem.resources, strict=True)], problem.n)
    for rows in system.rows:
        if isinstance(rows.curve, Curve):
            yield rows.rule, rows.curve.beyond(rows.matrix.toarray().ravel(), float(rows.high[0]), totals)


def sound(system: System) -> bool:
    """Whether no row that touches a curve asks for more than the curve, as far as that can be told."""
    return not any(beyond > TOUCHES for _, beyond in overreach(system))


def supply_rows(system: System) -> tuple[csr_array, FloatArray]:
    """The totals that are fixed, as rows over shares."""
    problem = system.problem
    n, count = problem.n, len(system.supplies)
    columns = np.concatenate([np.arange(n) + r * n for r in system.supplies] or [np.zeros(0, dtype=int)])
    rows = np.repeat(np.arange(count), n)
    totals = [problem.resources[r].shared_out / problem.resources[r].size for r in system.supplies]
    return csr_array((np.ones(n * count), (rows, columns)), shape=(count, problem.cells)), np.array(totals)
