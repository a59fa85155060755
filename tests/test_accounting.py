"""What each rule contributes: by multipliers, else the Shapley value, or the order of the policy."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from fundalloc import Allocation, Fund
from fundalloc.choice import chosen
from fundalloc.evenest import _open
from fundalloc.policy import parse_policy
from tests.funds import SUPPLY, policy, regions


def rules(count: int) -> list[dict[str, Any]]:
    """Rules that clash with the targets of a leximin, crossing each other."""
    found: list[dict[str, Any]] = [
        {"of": "entitlement", "each": "coast", "cap": 1.03},
        {"of": "share", "each": "all", "where": "need > 0.5", "floor": 0.8},
        {"of": "share", "cap": 0.2},
        {"of": "entitlement", "each": "state", "floor": 0.9},
        {"of": "share", "each": "all", "where": "need * population > median(need * population)", "cap": 0.78},
        {"of": "head", "floor": 15},
    ]
    named = [{"kind": "limit", "name": f"rule {k}", **rule} for k, rule in enumerate(found[:count])]
    return named + [{**named[0], "name": f"again {k}"} for k in range(max(0, count - len(found)))]


def decided(count: int, seed: int, kind: str = "leximin") -> tuple[Fund, Allocation]:
    frame = regions(np.random.default_rng(seed), 14)
    found = Fund(parse_policy(policy(rules(count), objective={"kind": kind})), frame)
    return found, found.allocate()


def test_contributions_are_the_average_over_all_orders():
    moved = 0
    for seed in (3, 4, 6, 7):
        found, allocation = decided(4, seed)
        decision = allocation.decision
        assert decision.accounting == "shapley"
        binding = [s.rule for s in decision.shifts if s.kind == "rule"]
        known: dict[frozenset[str], np.ndarray] = {}

        def under(kept: frozenset[str], found: Fund = found, known: dict[frozenset[str], np.ndarray] = known):
            if kept not in known:
                mine = [r for r in found.rows if r.rule in kept]
                known[kept] = chosen(found.problem, mine, whole=False, closed=True).optimum.amounts
            return known[kept]

        total = {rule: np.zeros(found.problem.cells) for rule in binding}
        orders = list(permutations(binding))
        for order in orders:
            for k, rule in enumerate(order):
                total[rule] += under(frozenset(order[: k + 1])) - under(frozenset(order[:k]))
        for shift in decision.shifts:
            if shift.kind == "rule":
                assert np.abs(shift.amounts - total[shift.rule] / len(orders)).max() <= 1e-7 * SUPPLY
                moved += np.abs(shift.amounts).max() > 1e-4 * SUPPLY
        assert np.abs(
            sum(s.amounts for s in decision.shifts) - (decision.optimum.amounts - found.problem.target)
        ).max() <= (1e-7 * SUPPLY)
    assert moved >= 4


def test_above_six_rules_the_order_of_the_policy_counts():
    found, allocation = decided(9, 3)
    decision = allocation.decision
    assert len([s for s in decision.shifts if s.kind == "rule"]) > 6
    assert decision.accounting == "order"
    first = next(s for s in decision.shifts if s.kind == "rule")
    alone = chosen(found.problem, [r for r in found.rows if r.rule == first.rule], whole=False, closed=True)
    assert np.abs(first.amounts - (alone.optimum.amounts - found.problem.target)).max() <= 1e-7 * SUPPLY
    text = allocation.explain(found.regions.ids[0])
    assert "added in the order of the policy" in text


def test_the_explanation_says_that_it_is_a_shapley_value_and_adds_up():
    _, allocation = decided(4, 3)
    assert allocation.summary["accounting"] == "shapley"
    region = allocation.table["region_id"][allocation.table["held_by"].str.len() > 0].iloc[0]
    assert "(Shapley value)" in allocation.explain(region)
    steps = allocation.sheets["steps.csv"].columns
    total = sum(Fraction(a) for r, a in zip(steps["region_id"], steps["amount"], strict=True) if r == region)
    at = allocation.sheets["allocation.csv"].columns
    assert total == Fraction(dict(zip(at["region_id"], at["amount"], strict=True))[region])


@pytest.mark.parametrize("kind", ["nearest", "alpha_fair"])
def test_where_multipliers_explain_the_amounts_they_do(kind):
    _, allocation = decided(4, 3, kind)
    assert allocation.summary["accounting"] == "multipliers"
    assert "Shapley" not in allocation.explain(allocation.table["region_id"].iloc[0])


def test_what_the_objective_alone_moves_is_a_step_of_its_own():
    frame = pd.DataFrame({"id": ["a", "b", "c"], "worth": [1, 2, 3], "due": [5, 3, 2]})
    stated = {
        "format": 1,
        "fund": {"round": "1"},
        "regions": {"id": "id"},
        "objective": {"kind": "benefit"},
        "resources": {
            "fund": {
                "supply": 100,
                "lot": 1,
                "value": "worth",
                "criteria": [{"name": "due", "weight": 1, "measure": "due"}],
            }
        },
        "rules": [{"kind": "limit", "name": "no more than 45 %", "of": "share", "cap": 0.45}],
    }
    allocation = Fund(parse_policy(stated), frame).allocate()
    assert allocation.table["amount"].tolist() == [10, 45, 45]
    steps = allocation.steps
    mine = steps[steps["kind"] == "objective"]
    assert mine["amount"].sum() == 0 and (mine["amount"].abs() > 1).any()
    assert "objective: benefit" in allocation.explain("c")
    prices = allocation.rules.set_index("place")["shadow_price"]
    # one more for c or b would be at the expense of a
    assert prices[["b", "c"]].tolist() == pytest.approx([-1, -2], rel=1e-6)


@given(st.integers(0, 2**31))
@settings(max_examples=60)
def test_rows_that_depend_on_each_other_are_found_part_by_part_as_at_once(seed):
    rng = np.random.default_rng(seed)
    totals, rows, cells = int(rng.integers(1, 3)), int(rng.integers(1, 15)), int(rng.integers(2, 20))
    matrix = np.where(rng.random((totals + rows, cells)) < 0.15, rng.uniform(0.5, 1, (totals + rows, cells)), 0.0)
    matrix[:totals] = np.array_split(np.eye(totals), totals)[0][:, rng.integers(0, totals, cells)]
    for k in range(totals, totals + rows):  # some rows repeat others, some are all of a total
        if rng.random() < 0.3:
            matrix[k] = matrix[int(rng.integers(0, k))] * (1 if k % 2 else -1)
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-300)
    parts = [_open(csr_array(matrix), totals)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fundalloc.evenest.DENSE", 0)
        parts.append(_open(csr_array(matrix), totals))
    assert parts[0].shape == parts[1].shape
    for moves in parts:
        assert np.abs(matrix.T @ moves).max(initial=0.0) <= 1e-4
    spans = [m @ np.linalg.pinv(m) if m.size else np.zeros((totals + rows,) * 2) for m in parts]
    assert np.abs(spans[0] - spans[1]).max() <= 1e-6
