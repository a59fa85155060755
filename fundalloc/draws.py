"""Draws: numbers by lot that are the same on every machine, each stream named by what it is for.

A stream depends on its name alone, so a further one changes none of the others.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
#: the seed of everything that is drawn
SEED = "fundalloc 1"


def uniform(name: str, count: int) -> FloatArray:
    """So many numbers between 0 and 1, neither of them included."""
    seed = int.from_bytes(sha256(f"{SEED}: {name}".encode()).digest()[:16], "big")
    raw = np.random.PCG64(seed).random_raw(count)
    return np.asarray(((raw >> np.uint64(11)).astype(float) + 0.5) * 2.0**-53)


def stratified(name: str, count: int) -> FloatArray:
    """So many numbers between 0 and 1, one in each of as many equal parts, in a random order.

    A column of a Latin hypercube (McKay, Beckman and Conover 1979): far steadier than plain draws where the result is
    nearly a sum of what its columns do.
    """
    order = np.argsort(uniform(f"{name}, order", count), kind="stable")
    return np.asarray((order + uniform(name, count)) / max(count, 1))


def normal(name: str, count: int) -> FloatArray:
    """So many numbers with mean 0 and standard deviation 1."""
    from scipy.special import ndtri

    return np.asarray(ndtri(uniform(name, count)), dtype=float)
