"""`nearest` against an independent solver and against closed forms."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from fundalloc import Fund
from fundalloc.policy import parse_policy
from fundalloc.polish import polish
from fundalloc.rules import Rows
from fundalloc.system import assemble
from tests.funds import SUPPLY, fund, oracle, policy, regions

FINE = {"lot": Decimal("0.0001")}


def apart(found: Fund) -> float:
    """The largest distance to the oracle, in mean amounts."""
    decision = found.allocate().decision
    answer = oracle(found.problem, found.rows)
    mean = np.repeat([r.shared_out / found.problem.n for r in found.problem.resources], found.problem.n)
    return float(np.abs((decision.optimum.amounts - answer) / mean).max())


@pytest.mark.parametrize("block", range(8))
def test_nearest_agrees_with_clarabel_on_hundreds_of_random_funds(block):
    for seed in range(block * 40, block * 40 + 40):
        n = int(np.random.default_rng(seed).integers(1, 60))
        odd = seed % 4
        found = fund(seed, n, zeros=0.3 * (odd == 1), tiny=0.3 * (odd == 2), fund=FINE)
        assert apart(found) <= 1e-7, (seed, n)


def test_several_resources_do_not_disturb_each_other():
    land = {
        "supply": 12_000,
        "unit": "ha",
        "lot": Decimal("0.0001"),
        "criteria": [{"name": "people", "weight": 1, "measure": "population"}],
    }
    for seed in range(10):
        found = fund(seed, 20, fund=FINE, resources={"land": land})
        assert apart(found) <= 1e-7
        alone = fund(seed, 20, fund=FINE).allocate().decision.optimum.amounts
        both = found.allocate().decision.optimum.amounts
        assert np.allclose(both[:20], alone, rtol=1e-12, atol=1e-6)


def set_and_scale(due: list[Fraction], bound: list[Fraction], total: Fraction, floors: bool) -> list[Fraction]:
    """The statute's recipe: set those who miss the bound on it, scale the rest, repeat."""
    fixed: set[int] = set()
    while True:
        left = total - sum(bound[i] for i in fixed)
        rest = sum(due[i] for i in range(len(due)) if i not in fixed)
        scaled = [bound[i] if i in fixed else due[i] * left / rest for i in range(len(due))]
        missed = {
            i for i in range(len(due)) if i not in fixed and (scaled[i] < bound[i] if floors else scaled[i] > bound[i])
        }
        if not missed:
            return scaled
        fixed |= missed


@pytest.mark.parametrize("side", ["floor", "cap"])
def test_floors_alone_and_caps_alone_are_the_statutory_recipe_to_the_cent(side):
    moved = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 80))
        frame = regions(rng, n).sort_values("id", ignore_index=True)
        heads = [Fraction(int(p)) for p in frame["population"]]
        frame.loc[rng.random(n) < (0.2 if seed % 2 else 0.0), "need"] = 0.0
        frame.loc[0, "need"] = 0.7
        needs = [Fraction(float(q)) for q in frame["need"]]
        weight = [p * q for p, q in zip(heads, needs, strict=True)]
        due = [SUPPLY * w / sum(weight) for w in weight]
        equal = Fraction(SUPPLY) / sum(p for p, q in zip(heads, needs, strict=True) if q or side == "floor")
        number = round(
            float(equal) * (rng.uniform(0.5, 0.95) if side == "floor" else rng.uniform(1.05, 1.6)), 2
        )  # whole cents
        rule = {"kind": "limit", "name": "bound", "of": "head", side: number}
        allocation = Fund(parse_policy(policy([rule])), frame).allocate()
        bound = [Fraction(Decimal(str(number))) * p for p in heads]
        closed = set_and_scale(due, bound, Fraction(SUPPLY), side == "floor")
        moved += closed != due
        amounts = [Fraction(a) for a in allocation.sheets["allocation.csv"].columns["amount"]]
        assert max(abs(a - c) for a, c in zip(amounts, closed, strict=True)) <= Fraction("0.01")
    assert moved > 30


def test_a_million_to_one_spread_is_still_exact():
    frame = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "name": ["A", "B", "C"],
            "state": "s",
            "coast": "east",
            "population": [10**9, 1000, 1],
            "need": [1.0, 1.0, 1.0],
        }
    )
    rule = {"kind": "limit", "name": "floor", "of": "amount", "floor": 5}
    amounts = Fund(parse_policy(policy([rule])), frame).allocate().sheets["allocation.csv"].columns["amount"]
    assert [Decimal(a) for a in amounts] == [Decimal("19999975.00"), Decimal("20.00"), Decimal("5.00")]


def test_a_clash_is_proven_where_and_only_where_a_linear_program_finds_none():
    """Random rules, some of them made impossible; what the multipliers say against linprog."""
    said = {True: 0, False: 0}
    for seed in range(120):
        rng = np.random.default_rng(seed)
        found = fund(seed, int(rng.integers(2, 25)), zeros=0.2 * (seed % 3 == 1))
        system = assemble(found.problem, tuple(s for s in found.rows if isinstance(s, Rows)), whole=False)
        system = replace(system, row_low=system.row_low * rng.uniform(1, 1.3), low=system.low * rng.uniform(1, 1.3))
        rows = np.vstack([np.ones((1, found.problem.cells)), system.matrix.toarray()])
        low = np.concatenate([[found.problem.size[0]], system.row_low])
        high = np.concatenate([[found.problem.size[0]], system.row_high])
        above, below = np.isfinite(low), np.isfinite(high)
        answer = (
            linprog(
                np.zeros(found.problem.cells),
                np.vstack([-rows[above], rows[below]]),
                np.concatenate([-low[above], high[below]]) / SUPPLY,
                bounds=list(zip(system.low / SUPPLY, np.minimum(system.high, SUPPLY) / SUPPLY, strict=True)),
            )
            if (system.low <= system.high).all()
            else None
        )
        possible = answer is not None and answer.status == 0
        optimum = polish(system)
        assert (optimum.proven, optimum.clash) == (possible, not possible), seed
        said[possible] += 1
    assert min(said.values()) >= 20
