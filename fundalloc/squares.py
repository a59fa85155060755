"""Squares: least squares of rows whose sizes lie many powers of ten apart.

Source: Golub and Van Loan (2013), Matrix computations, 5.3 and 6.1 (rows in falling order, columns pivoted).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, qr, solve_triangular

from fundalloc.problem import FloatArray
from fundalloc.sparse import csr_array

#: unknowns that add less than this part of the most to those before are left; a pivot below which this is looked at
SINGULAR, UNSURE = 1e-15, 1e-5
#: so many rows for each unknown are squared before they are looked at
MANY = 20
#: along an unknown that is curved by less than this part of the most there is no move: nothing bounds it
NONE = 1e-40


class Squares:
    """The least squares of rows along directions; unknowns are scaled so that their columns are of size one."""

    def __init__(self, rows: Sequence[FloatArray | csr_array], along: FloatArray) -> None:
        self.parts = [part @ along for part in rows]
        few = [_few(part) for part in rows]
        self.few = [own if f is part else f @ along for f, part, own in zip(few, rows, self.parts, strict=True)]
        h = sum((part.T @ part for part in self.few), np.zeros((along.shape[1],) * 2))
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
        """The rows made orthogonal, the largest first: no digits are lost to squares."""
        rows = np.vstack(self.few) * self.scale
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
        same = [part is own for part, own in zip(self.parts, self.few, strict=True)]
        known = [w if is_same else np.zeros(len(own)) for is_same, own, w in zip(same, self.few, wish, strict=True)]
        more = [part.T @ w for is_same, part, w in zip(same, self.parts, wish, strict=True) if not is_same]
        b = (self.scale * sum(more, left))[self.first]
        y = self.q.T @ np.concatenate(known)[self.order] + solve_triangular(self.upper, b, trans=1)
        x = np.zeros(len(left))
        x[self.first] = solve_triangular(self.upper, y)
        x = self.scale * x
        rows = np.empty(len(self.order))
        rows[self.order] = self.q @ y
        ends = np.cumsum([len(own) for own in self.few])[:-1]
        found = zip(same, np.split(rows, ends), self.parts, strict=True)
        return x, [own if is_same else part @ x for is_same, own, part in found]


def _few(rows: FloatArray | csr_array) -> FloatArray | csr_array:
    """Rows with the same squares: of many sparse ones as many as there are columns, else themselves."""
    if isinstance(rows, np.ndarray) or rows.shape[0] <= MANY * rows.shape[1]:
        return rows
    values, vectors = np.linalg.eigh((rows.T @ rows).toarray())
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))).T)
