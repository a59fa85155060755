"""The polish: its optimum meets the conditions of an optimum, also beside curves, wherever it begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fundalloc import Fund
from fundalloc.optimum import Optimum, Start
from fundalloc.policy import parse_policy
from fundalloc.polish import polish
from fundalloc.rules import Curve, Rows
from fundalloc.standing import holdable
from fundalloc.system import System, assemble
from tests.funds import policy, regions

N = 9
GINI = {"kind": "inequality", "measure": "gini", "at_most": 0.08}
THEIL = {"kind": "inequality", "measure": "theil", "at_most": 0.004}
RATIO = {"kind": "inequality", "measure": "ratio", "at_most": 1.2, "of": "entitlement", "over": 2}
ORDER = {"kind": "progressive", "by": "need", "of": "population"}
LIMITS: list[dict[str, Any]] = [
    {"kind": "limit", "name": "west", "resource": "a", "each": "coast", "of": "share", "floor": 0.4},
    {"kind": "limit", "name": "cap", "resource": "b", "of": "share", "cap": 0.2},
    {"kind": "limit", "name": "floor", "resource": "b", "of": "share", "floor": 0.04},
    {"kind": "limit", "name": "fixed", "resource": "b", "of": "share", "floor": 0.06, "cap": 0.06, "where": "fixed"},
    {"kind": "limit", "name": "x", "resource": "b", "each": "all", "where": "state == 'X'", "floor": 12e3, "cap": 12e3},
    {"kind": "limit", "name": "b and c", "resource": ["b", "c"], "each": "coast", "of": "share", "floor": 0.4},
]
#: what holds a and c: the row of a curve stands beside an order, which has none, in either order
CURVES = {
    "none": (),
    "gini": ((GINI, "a"),),
    "theil and ratio": ((THEIL, "c"), (RATIO, "a")),
    "order and gini": ((ORDER, "a"), (GINI, "c")),
    "gini and order": ((GINI, "a"), (ORDER, "c")),
}


def task(name: str, seed: int) -> tuple[System, list[Curve]]:
    """The system of three resources of different size, and the curves beside it."""
    frame = regions(np.random.default_rng(seed), N).assign(fixed=[0, 0, 0, 1, 0, 0, 0, 0, 0], state=[*"XYZ"] * 3)
    heads = {"weight": 1, "name": "heads", "measure": "population"}
    criteria = {"a": [{**heads, "measure": "population * need"}], "b": [heads], "c": [{**heads, "measure": "need"}]}
    resources = {
        r: {"supply": supply, "unit": "CNY", "lot": 0.01, "criteria": criteria[r]}
        for r, supply in (("a", 3_000_000), ("b", 40_000), ("c", 700_000_000))
    }
    past = frame.assign(round="2022", region_id=frame["id"], resource="a", entitlement=3e5, amount=6e5 * frame["need"])
    rules = LIMITS + [{**rule, "name": f"curve {k}", "resource": r} for k, (rule, r) in enumerate(CURVES[name])]
    stated = policy(rules, resources=resources)
    del stated["resources"]["fund"]
    columns = ["round", "region_id", "resource", "entitlement", "amount"]
    fund = Fund(parse_policy(stated), frame, past[columns])
    base = assemble(fund.problem, tuple(r for r in fund.rows if isinstance(r, Rows)), whole=False)
    held = [h for _, h in holdable(base, [r for r in fund.rows if isinstance(r, Curve)])]
    assert len(held) == len(CURVES[name])
    return base, sorted(held, key=lambda h: h.rule)


def meets_the_conditions(system: System, curves: list[Curve], found: Optimum) -> int:
    """Asserts that amounts are those that the multipliers draw to, and that only what binds pulls; what does."""
    problem, x = system.problem, found.amounts
    n, near = problem.n, 1e-9 * problem.size
    force = system.matrix.toarray().T @ found.rows
    for r, price in zip(system.supplies, found.supplies, strict=True):
        block = slice(r * n, (r + 1) * n)
        force[block] += price
        assert x[block].sum() == pytest.approx(problem.resources[r].shared_out, rel=1e-11)
    binding = 0
    for curve, pull, slopes in zip(curves, found.pulls, found.slopes, strict=True):
        cells = curve.matrix.indices
        force[cells] -= pull * slopes
        assert pull >= 0
        h = (x[cells] + curve.paid) / curve.basis
        if curve.spread.ordered:
            ranks = curve.spread.ranks
            assert all(h[i] >= h[j] * (1 - 1e-9) for i in range(n) for j in range(n) if ranks[i] < ranks[j])
            binding += bool(np.abs(slopes).max() > 0)
        else:
            value = curve.values(x)[0]
            assert value <= curve.at_most * (1 + 1e-9)
            assert pull == 0 or value == pytest.approx(curve.at_most, rel=1e-9)
            binding += pull > 0
    drawn = np.clip(problem.centre + problem.softness * problem.size * force, system.low, system.high)
    assert (np.abs(x - drawn) <= near).all()
    values = system.matrix @ x
    scale = abs(system.matrix) @ problem.size * 1e-10
    assert (system.row_low - values <= scale).all() and (values - system.row_high <= scale).all()
    assert (np.abs(values - system.row_low) <= scale)[found.rows > 0].all()
    assert (np.abs(values - system.row_high) <= scale)[found.rows < 0].all()
    return binding + int((found.rows != 0).sum())


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("seed", range(2))
def test_the_optimum_meets_its_conditions_wherever_it_begins(name, seed):
    system, curves = task(name, seed)
    found = polish(system, None, curves)
    assert found.proven and found.steps > 1 and not found.clash
    assert meets_the_conditions(system, curves, found) >= 1 + bool(curves)
    again = polish(system, found, curves)
    assert again.proven and again.steps == 0
    assert np.abs(again.amounts - found.amounts).max() <= 1e-9 * np.abs(found.amounts).max()
    rng = np.random.default_rng(seed)
    off = Start(found.rows * rng.uniform(0, 2, len(found.rows)), found.supplies * 1.5, found.pulls * 0.5)
    other = polish(system, off, curves)
    assert other.proven
    meets_the_conditions(system, curves, other)
    without = polish(system, replace(found, pulls=np.zeros(0)), curves)
    assert without.proven
    meets_the_conditions(system, curves, without)


def test_no_more_steps_than_asked_for():
    system, curves = task("gini", 0)
    assert not polish(system, None, curves, steps=1).proven
    assert polish(system, None, curves, steps=2).steps == 2


def test_bounds_that_cross_are_no_optimum():
    system, _ = task("none", 0)
    high = system.high.copy()
    high[3] = system.low[3] - 1
    row_high = system.row_high.copy()
    row_high[1] = system.row_low[1] - 1
    for crossed in (replace(system, high=high), replace(system, row_high=row_high)):
        found = polish(crossed)
        assert found.clash and np.isposinf(found.residual) and not found.proven
