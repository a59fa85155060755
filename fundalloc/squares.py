"""Squares: least squares of rows whose sizes lie many powers of ten apart.

Source: Golub and Van Loan (2013), Matrix computations, 5.3 and 6.1 (rows in falling order, columns pivoted).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, qr, solve_triangular

from fundalloc.problem import BoolArray, FloatArray
from fundalloc.sparse import csr_array

#: unknowns that add less than this part of the most to those before are left; a pivot below which this is looked at
SINGULAR, UNSURE = 1e-15, 1e-5
#: of more sparse rows than so many for each unknown those below this part of the largest are squared together
MANY, LIGHT = 20, 1e-4
#: along an unknown that is curved by less than this part of the most there is no move: nothing bounds it
NONE = 1e-40


class Squares:
    """The least squares of rows along directions; unknowns are scaled so that their columns are of size one."""

    def __init__(self, rows: Sequence[FloatArray | csr_array], along: FloatArray) -> None:
        self.parts = [part @ along for part in rows]
        self.heavy = [_heavy(part) for part in rows]
        h = sum((_squared(part, along) for part in rows), np.zeros((along.shape[1],) * 2))
        size = np.sqrt(np.diag(h))
        bent = size > NONE * size.max(initial=0.0)
        self.scale = np.where(bent, 1.0 / np.where(bent, size, 1.0), 0.0)
        self.q: FloatArray | None = None
        try:
            self.factor = cho_factor(h * self.scale * self.scale[:, None], check_finite=False)
            if np.diag(self.factor[0]).min(initial=1.0) < UNSURE:
                raise LinAlgError
        except LinAlgError:
            self._orthogonal()

    def _orthogonal(self) -> None:
        """The heavy rows made orthogonal, the largest first: no digits are lost to squares. Light ones as few."""
        mine = zip(self.parts, self.heavy, strict=True)
        light = [_root(part[~heavy]) for part, heavy in mine if not heavy.all()]
        own = [part[heavy] for part, heavy in zip(self.parts, self.heavy, strict=True)]
        rows = np.vstack([*own, *light]) * self.scale
        self.ends = np.cumsum([len(part) for part in own])
        self.order = np.argsort(-np.abs(rows).max(axis=1, initial=0.0), kind="stable")
        q, upper, pivots = qr(rows[self.order], mode="economic", pivoting=True, check_finite=False)
        size = np.abs(np.diag(upper))
        keep = int((size > SINGULAR * size.max(initial=0.0)).sum())
        self.q, self.upper, self.first = q[:, :keep], upper[:keep, :keep], pivots[:keep]

    def solve(self, wish: Sequence[FloatArray], left: FloatArray) -> tuple[FloatArray, list[FloatArray]]:
        """Where sum |rows @ x - wish|^2 / 2 - left @ x is least, and what the rows are there."""
        if self.q is None:
            b = sum((part.T @ w for part, w in zip(self.parts, wish, strict=True)), left)
            x = self.scale * cho_solve(self.factor, self.scale * b, check_finite=False)
            return x, [part @ x for part in self.parts]
        parts = list(zip(self.parts, self.heavy, strict=True))
        rows = np.zeros(len(self.order))
        rows[: self.ends[-1]] = np.concatenate([w[heavy] for w, heavy in zip(wish, self.heavy, strict=True)])
        more = [part[~heavy].T @ w[~heavy] for (part, heavy), w in zip(parts, wish, strict=True) if not heavy.all()]
        b = (self.scale * sum(more, left))[self.first]
        y = self.q.T @ rows[self.order] + solve_triangular(self.upper, b, trans=1)
        x = np.zeros(len(left))
        x[self.first] = solve_triangular(self.upper, y)
        x = self.scale * x
        rows[self.order] = self.q @ y
        found = [part @ x for part in self.parts]
        for own, heavy, fitted in zip(found, self.heavy, np.split(rows, self.ends)[:-1], strict=True):
            own[heavy] = fitted
        return x, found


def _squared(rows: FloatArray | csr_array, along: FloatArray) -> FloatArray:
    if isinstance(rows, np.ndarray):
        return (rows @ along).T @ (rows @ along)
    return np.asarray(along.T @ (rows.T @ rows).toarray() @ along)


def _heavy(rows: FloatArray | csr_array) -> BoolArray:
    """Which rows are looked at one by one: of many sparse ones the largest."""
    if isinstance(rows, np.ndarray) or rows.shape[0] <= MANY * rows.shape[1]:
        return np.ones(rows.shape[0], dtype=bool)
    size = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return np.asarray(size > LIGHT * size.max())


def _root(rows: FloatArray) -> FloatArray:
    """As many rows as there are columns, with the same squares."""
    values, vectors = np.linalg.eigh(rows.T @ rows)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))).T)
