"""Explanations: multipliers, shifts and steps account for every cent; whole lots and their flag."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc import Allocation, Fund, SolverError, audit
from fundalloc.assured import check_steps
from fundalloc.explain import astray
from fundalloc.findings import audit as audit_arrays
from fundalloc.policy import parse_policy
from fundalloc.polish import polish
from fundalloc.system import assemble, inward
from tests.funds import SUPPLY, fund, policy, regions

seeds = st.integers(0, 2**31)


@given(seeds, st.integers(1, 50))
@settings(max_examples=80)
def test_supply_and_shifts_are_the_distance_from_target_to_amount(seed, n):
    found = fund(seed, n)
    decision = found.allocate().decision
    problem, x = decision.problem, decision.optimum.amounts
    d, e = problem.softness, problem.target
    moved = sum((s.amounts for s in decision.shifts), np.zeros(problem.cells))
    supply = d * (SUPPLY - e.sum()) / d.sum()
    assert np.abs(x - e - supply - moved).max() <= 1e-9 * SUPPLY
    for shift in decision.shifts:
        assert abs(shift.amounts.sum()) <= 1e-9 * SUPPLY


@given(seeds, st.integers(2, 40))
@settings(max_examples=60)
def test_multipliers_have_the_right_sign_and_prove_the_optimum(seed, n):
    found = fund(seed, n)
    system = assemble(found.problem, found.rows)
    optimum = polish(system)
    problem, x = found.problem, optimum.amounts
    values = system.matrix @ x
    near = 1e-7 * SUPPLY
    for k, m in enumerate(optimum.rows):
        assert m <= 0 or abs(values[k] - system.row_low[k]) <= near
        assert m >= 0 or abs(values[k] - system.row_high[k]) <= near
    force = system.matrix.T @ optimum.rows + optimum.supplies[0]
    free = problem.target + problem.softness * problem.size * force
    assert np.abs(np.clip(free, system.low, system.high) - x).max() <= 1e-9 * SUPPLY


def small(*rules: dict[str, object], n: int = 8, **more: object) -> Allocation:
    frame = regions(np.random.default_rng(7), n)
    return Fund(parse_policy(policy([{"kind": "limit", **r} for r in rules], **more)), frame).allocate()


def moved(allocation: Allocation, rule: str) -> list[Decimal]:
    return [Decimal(r[4]) for r in allocation.sheets["steps.csv"].rows() if r[2] == rule]


def test_a_rule_that_stands_twice_shares_what_it_moves_equally():
    rule = {"of": "head", "floor": 60}
    once, twice = small({"name": "a", **rule}), small({"name": "a", **rule}, {"name": "b", **rule})
    assert (once.decision.amounts == twice.decision.amounts).all()
    for one, first, second in zip(moved(once, "a"), moved(twice, "a"), moved(twice, "b"), strict=True):
        assert abs(first - second) <= Decimal("0.01") and abs(one - first - second) <= Decimal("0.03")
    held = {h for h in twice.sheets["allocation.csv"].columns["held_by"] if h}
    assert held == {"a; b"}


def test_a_group_rule_that_stands_twice_shares_equally_too():
    rule = {"each": "coast", "of": "head", "floor": 30, "cap": 31.5}
    once, twice = small({"name": "a", **rule}, n=20), small({"name": "a", **rule}, {"name": "b", **rule}, n=20)
    assert (once.decision.amounts == twice.decision.amounts).all()
    assert any(moved(once, "a"))
    for one, first, second in zip(moved(once, "a"), moved(twice, "a"), moved(twice, "b"), strict=True):
        assert abs(first - second) <= Decimal("0.02") and abs(one - first - second) <= Decimal("0.05")


def test_of_rules_that_imply_each_other_the_multipliers_are_the_smallest():
    """Every state at its key is also every pair of states at theirs: a redundant system."""
    frame = regions(np.random.default_rng(9), 20)
    frame["state"] = ["N", "M", "S", "T"] * 5
    frame["all"] = "one"
    heads = {s: g["population"].sum() for s, g in frame.groupby("state")}
    even = SUPPLY / frame["population"].sum()
    rules = [
        {"kind": "limit", "name": "states", "each": "state", "of": "head", "floor": even, "cap": even},
        *(
            {"kind": "limit", "name": f"{a}{b}", "each": "all", "where": f'state == "{a}" or state == "{b}"'}
            | {"of": "amount", "floor": even * (heads[a] + heads[b]), "cap": even * (heads[a] + heads[b])}
            for a, b in ("NM", "ST")
        ),
    ]
    only = Fund(parse_policy(policy(rules[:1])), frame).allocate().decision
    every = Fund(parse_policy(policy(rules)), frame).allocate().decision
    assert np.abs(only.optimum.amounts - every.optimum.amounts).max() <= 0.05

    def norm(decision):
        d = decision.problem.softness
        return sum(float((b.prices**2 * (b.rows.matrix.power(2) @ d)).sum()) for b in decision.bindings)

    assert norm(every) <= norm(only) * (1 + 1e-9)
    assert norm(every) < norm(only) * 0.999


def test_what_nobody_holds_back_is_in_proportion():
    free = small().decision
    assert free.shifts == () and free.bindings == ()
    table = small().table
    assert table["coverage"].to_numpy() == pytest.approx(1, abs=1e-6)
    assert set(small().sheets["steps.csv"].columns["kind"]) <= {"equal", "criterion", "rounding"}


@given(seeds, st.integers(1, 30), st.sampled_from(["0.01", "1", "1000", "0.0001"]))
@settings(max_examples=60)
def test_shown_entitlement_and_target_are_sums_of_steps(seed, n, lot):
    allocation = fund(seed, n, fund={"lot": Decimal(lot)}).allocate()
    c = allocation.sheets["allocation.csv"].columns
    key: dict[str, Fraction] = {}
    for region, _, _, kind, amount in allocation.sheets["steps.csv"].rows():
        if kind in ("equal", "criterion"):
            key[region] = key.get(region, Fraction(0)) + Fraction(amount)
    assert key == dict(zip(c["region_id"], map(Fraction, c["entitlement"]), strict=True))
    assert c["target"] == c["entitlement"]


def test_limits_that_only_whole_lots_break_are_kept_to_less_than_a_lot_and_flagged():
    frame = pd.DataFrame(
        {
            "id": list("ABC"),
            "name": list("ABC"),
            "state": "s",
            "coast": "east",
            "population": [101, 102, 103],
            "need": [1.0, 1.0, 1.0],
        }
    )
    rule = {"kind": "limit", "name": "tunnel", "of": "entitlement", "floor": 0.99, "cap": 1.01}
    found = Fund(parse_policy(policy([rule], fund={"supply": 306, "lot": 5})), frame)
    allocation = found.allocate()
    assert {f.code for f in allocation.flags} == {"lot"}
    amounts = allocation.decision.amounts
    assert amounts.sum() == 305 and (amounts % 5 == 0).all()
    key = found.problem.resources[0].entitlement
    assert (np.maximum(0.99 * key - amounts, amounts - 1.01 * key) < 5).all()
    assert {f.severity for f in audit(allocation.table, found)} == {"lot"}


def test_the_audit_is_strict_where_whole_lots_keep_the_rules():
    frame = regions(np.random.default_rng(7), 8)
    found = Fund(parse_policy(policy([{"kind": "limit", "name": "floor", "of": "head", "floor": 50.0001}])), frame)
    amounts = found.allocate().decision.amounts
    held = int(np.argmin(amounts / found.problem.regions.population))
    other = int(np.argmax(amounts / found.problem.regions.population))
    hurt = amounts.copy()
    hurt[held] -= 0.01
    hurt[other] += 0.01
    (finding,) = audit_arrays(found.problem, found.rows, hurt)
    assert (finding.rule, finding.severity, finding.place) == ("floor", "breach", found.problem.regions.ids[held])


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.sampled_from([0.01, 1.0, 25.0, 10_000.0]))
def test_bounds_are_rounded_inwards(low, high, lot):
    up, down = inward(np.array([low]), np.array([high]), np.array([lot]))
    assert up[0] * lot >= low * (1 - 2e-9) - 1e-9 * lot and (up[0] - 1) * lot < low
    assert down[0] * lot <= high * (1 + 2e-9) + 1e-9 * lot and (down[0] + 1) * lot > high


def test_the_audit_finds_what_is_wrong_with_amounts():
    frame = regions(np.random.default_rng(7), 4)
    found = Fund(parse_policy(policy([], fund={"lot": 1, "where": "need > min(need)"})), frame)
    amounts = found.allocate().decision.amounts
    ids = found.problem.regions.ids
    absent = int(np.flatnonzero(~found.problem.resources[0].takes_part)[0])
    present = int(np.argmax(amounts))

    def rules(hurt):
        return {(f.rule, f.place) for f in audit_arrays(found.problem, found.rows, hurt)}

    def changed(**cells):
        hurt = amounts.copy()
        for cell, amount in cells.items():
            hurt[int(cell[1:])] += amount
        return rules(hurt)

    assert rules(amounts) == set()
    assert changed(**{f"c{present}": 1.0}) == {("supply", "all")}
    assert changed(**{f"c{present}": -5.0, f"c{absent}": 5.0}) == {("takes no part", ids[absent])}
    assert ("whole lots", ids[present]) in changed(**{f"c{present}": 0.25})
    assert ("finite amounts", ids[present]) in changed(**{f"c{present}": np.nan})
    assert ("no amount below 0", ids[present]) in changed(**{f"c{present}": -2.0 * amounts[present]})


def test_a_floor_of_a_region_that_takes_no_part_is_a_gift_of_the_rule():
    frame = regions(np.random.default_rng(7), 4).sort_values("id", ignore_index=True)
    frame["need"] = [0.5, 0.0, 0.7, 0.9]
    rule = {"kind": "limit", "name": "floor", "of": "amount", "floor": 1000}
    allocation = Fund(parse_policy(policy([rule], fund={"where": "need > 0"})), frame).allocate()
    absent = frame["id"][1]
    steps = [(r[2], Decimal(r[4])) for r in allocation.sheets["steps.csv"].rows() if r[0] == absent and Decimal(r[4])]
    assert steps == [("floor", Decimal(1000))]
    assert sum(moved(allocation, "floor")) == 0


def test_steps_are_of_the_size_of_the_fund_where_regions_without_a_target_take_what_is_left():
    frame = regions(np.random.default_rng(3), 6).sort_values("id", ignore_index=True)
    frame = frame.assign(need=[0.0, 1.0, 9.0, 0.0, 2.0, 3.0], population=10)
    caps = [
        {"kind": "limit", "name": f"cap {i}", "where": f'id == "{i}"', "of": "share", "cap": 0.2}
        for i in frame["id"][frame["need"] > 0]
    ]
    allocation = Fund(parse_policy(policy(caps)), frame).allocate()
    steps = allocation.steps
    assert steps["amount"].abs().max() <= SUPPLY
    total = steps.groupby("region_id")["amount"].sum().round(2)
    amounts = allocation.table.set_index("region_id")["amount"]
    assert (total.sort_index() == amounts.sort_index()).all()
    assert sorted(amounts)[:2] == [SUPPLY * 0.1] * 2
    left = steps[steps["step"] == "what no other region may take"].set_index("region_id")["amount"]
    assert [left[i] for i in frame["id"][frame["need"] == 0]] == [SUPPLY * 0.1] * 2


def test_what_is_left_to_a_region_without_a_target_is_one_step_though_a_cap_holds_it():
    """Two regions of four have a target and are capped; of the others one is capped as well."""
    frame = regions(np.random.default_rng(3), 4).sort_values("id", ignore_index=True)
    frame = frame.assign(need=[1.0, 2.0, 0.0, 0.0], population=10)
    caps = [
        {"kind": "limit", "name": f"cap {k}", "where": f'id == "{frame["id"][k]}"', "of": "share", "cap": cap}
        for k, cap in enumerate((0.3, 0.2, 0.1))
    ]
    allocation = Fund(parse_policy(policy(caps)), frame).allocate()
    amounts = allocation.table.set_index("region_id")["amount"]
    assert [amounts[i] for i in frame["id"]] == [SUPPLY * share for share in (0.3, 0.2, 0.1, 0.4)]
    steps = allocation.steps
    by_step = steps.pivot_table("amount", "step", "region_id", fill_value=0.0)[list(frame["id"])]
    assert by_step.loc["what no other region may take"].tolist()[2:] == [SUPPLY * 0.1, SUPPLY * 0.4]
    assert "rounding" not in by_step.index or by_step.loc["rounding"].abs().max() <= 0.01
    assert "cap 2" not in by_step.index


def test_steps_that_do_not_lead_to_the_amounts_are_refused():
    decision = small({"name": "cap", "of": "share", "cap": 0.2}).decision
    assert astray(decision) is None
    (shift,) = decision.shifts
    for off in (0.03, -0.03):
        wrong = replace(decision, shifts=(replace(shift, amounts=shift.amounts + off),))
        assert astray(wrong) == "fund"
        with pytest.raises(SolverError, match="The steps of fund do not lead to its amounts"):
            check_steps(wrong)
    assert astray(replace(decision, shifts=(replace(shift, amounts=shift.amounts + 0.01),))) is None
