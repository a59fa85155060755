"""Pooling: levels against cvxpy, and forces that are what they are said to be, whatever holds a group."""

from __future__ import annotations

import warnings
from unittest import mock

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc import pooling
from fundalloc.pooling import NoOrder, pooled


def task(seed: int):
    """A few regions, some with floors at one level, some with caps, some without any freedom."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    q, s = rng.uniform(0.5, 2, n), rng.uniform(0.2, 2, n)
    z = rng.uniform(0, 3, n) * q
    low = rng.uniform(0, 1.2, n) * q * (rng.random(n) < 0.4)
    high = np.where(rng.random(n) < 0.4, low + rng.uniform(0, 1.5, n) * q, np.inf)
    if seed % 3 == 0:
        low = np.where(rng.random(n) < 0.6, 0.9 * q, low)
        high = np.maximum(high, low)
    return z, s, q, low, high, float(rng.choice([0.1, 0.5, 2, 10])), rng.integers(0, 4, n)


def pulled(q, levels, pull):
    pairs = q[:, None] * q[None, :] * np.abs(levels[:, None] - levels[None, :])
    return pull * pairs.sum() / 2 / q.sum()


@pytest.mark.parametrize("large", [pooling.LARGE, 1])
@given(seed=st.integers(0, 2**31), ordered=st.booleans())
@settings(max_examples=300)
def test_levels_are_where_forces_hold_them_and_forces_are_subgradients(large, seed, ordered):
    """Also where groups of two already are split in the middle."""
    with mock.patch.object(pooling, "LARGE", large):
        check(seed, ordered)


def check(seed, ordered):
    z, s, q, low, high, pull, ranks = task(seed)
    try:
        found = pooled(z, s, q, low, high, 0.0, ranks) if ordered else pooled(z, s, q, low, high, pull)
    except NoOrder:
        pairs = [(i, j) for i in range(len(q)) for j in range(len(q)) if ranks[i] < ranks[j]]
        assert ordered and any(low[j] / q[j] > high[i] / q[i] for i, j in pairs)
        return
    x = q * found.levels
    assert np.abs(np.clip(z - s * found.forces, low, high) - x).max() <= 1e-9
    rng = np.random.default_rng(seed)
    here = 0.0 if ordered else pulled(q, found.levels, pull)
    assert found.forces @ x == pytest.approx(here, abs=1e-9)
    for _ in range(10):
        other = rng.uniform(0, 2, len(q))
        if ordered:
            by = np.argsort(ranks, kind="stable")
            other[by] = np.sort(other)[::-1]
            assert (found.levels[:, None] - found.levels[None, :])[ranks[:, None] < ranks[None, :]].min(
                initial=0
            ) >= -1e-12
        there = 0.0 if ordered else pulled(q, other, pull)
        assert found.forces @ (q * other) <= there + 1e-9


@pytest.mark.parametrize("ordered", [False, True])
def test_large_groups_end_at_the_same_levels_wherever_they_are_split(ordered):
    """Heavy tails, so that the best common level would leave one region after the other behind."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n = 400
        q = rng.lognormal(0, 1, n)
        z = q * rng.lognormal(0, 1.5, n)
        s = np.maximum(z, 1e-3) * rng.uniform(0.5, 2, n)
        low = z * rng.uniform(0, 0.9, n) * (rng.random(n) < 0.3)
        high = np.where(rng.random(n) < 0.3, np.maximum(z, low) * rng.uniform(1, 3, n), np.inf)
        more = {"ranks": rng.integers(0, 5, n)} if ordered else {"pull": float(rng.choice([0.1, 1.0, 5.0]))}
        low, high = (0 * low, np.inf * q) if ordered else (low, high)
        found = []
        for large in (10**9, pooling.LARGE, 3):
            with mock.patch.object(pooling, "LARGE", large):
                found.append(pooled(z, s, q, low, high, **more))
        assert len(np.unique(found[0].levels)) > 5
        for one in found[1:]:
            assert np.abs(one.levels - found[0].levels).max() <= 1e-11 * found[0].levels.max()
            assert (one.loose == found[0].loose).all()


@pytest.mark.parametrize("ordered", [False, True])
def test_levels_are_those_of_cvxpy(ordered):
    compared = 0
    for seed in range(60):
        z, s, q, low, high, pull, ranks = task(seed)
        n = len(q)
        x = cp.Variable(n)
        h = cp.multiply(x, 1 / q)
        keeps = [x >= low, *([x[np.isfinite(high)] <= high[np.isfinite(high)]] if np.isfinite(high).any() else [])]
        cost = cp.sum(cp.multiply(cp.square(x - z), 1 / (2 * s)))
        if ordered:
            keeps += [h[i] >= h[j] for i in range(n) for j in range(n) if ranks[i] < ranks[j]]
        else:
            cost += sum(pull * q[i] * q[j] / q.sum() * cp.abs(h[i] - h[j]) for i in range(n) for j in range(i))
        answer = cp.Problem(cp.Minimize(cost), keeps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer.solve(solver=cp.CLARABEL)
        if answer.status != "optimal":
            with pytest.raises(NoOrder):
                pooled(z, s, q, low, high, 0.0, ranks)
            continue
        found = pooled(z, s, q, low, high, 0.0, ranks) if ordered else pooled(z, s, q, low, high, pull)
        assert np.abs(q * found.levels - x.value).max() <= 2e-4
        compared += 1
    assert compared >= 30
