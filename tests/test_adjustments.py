"""Adjustments: dated, capped, reasoned, outside the key; their own step, and never taken back as arrears."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc import Fund, InputError
from fundalloc.policy import parse_policy
from fundalloc.verification import verify
from tests.funds import SUPPLY, policy, regions
from tests.test_second_checker import main as check

AGREED = {"name": "agreed", "from": "2023", "until": "2026", "cap": 3e6, "why": "Agreed."}


def decided(adjustments, data=None, round_="2023", rules=(), **more):
    data = regions(np.random.default_rng(3), 6) if data is None else data
    entries = policy(list(rules), fund={"adjustments": adjustments, **more.pop("fund", {})}, **more)
    return Fund(parse_policy(entries), data, more.pop("past", None), round=round_)


def first(fund):
    return fund.problem.regions.ids[0]


def test_all_pay_in_proportion_to_their_entitlements():
    fund = decided([{**AGREED, "amounts": {"R00000": 2e6, "R00001": -5e5}}])
    one = fund.problem.resources[0]
    key = [Fraction(e) for e in one.entitlement.tolist()]
    stated = {"R00000": 2_000_000, "R00001": -500_000}
    expected = [stated.get(i, 0) - 1_500_000 * k / sum(key) for i, k in zip(one.scope.regions.ids, key, strict=True)]
    assert one.adjustment.tolist() == pytest.approx([float(e) for e in expected], rel=1e-12)
    assert one.adjustment.sum() == pytest.approx(0, abs=1e-6)
    assert (one.target - one.entitlement - one.adjustment).tolist() == pytest.approx([0] * 6, abs=1e-6)


def test_it_is_a_step_and_a_column_of_its_own():
    allocation = decided([{**AGREED, "amounts": {"R00000": 2e6}}], fund={"lot": 1000}).allocate()
    steps = allocation.steps
    mine = steps[(steps["kind"] == "adjustment")]
    assert set(mine["step"]) == {"agreed"} and len(mine) == 6
    assert round(mine["amount"].sum(), 2) == 0
    table = allocation.table.set_index("region_id")
    assert table["adjustment"].to_dict() == mine.set_index("region_id")["amount"].to_dict()
    assert (table["target"] - table["entitlement"] - table["adjustment"]).abs().max() < 1e-6
    assert steps.groupby("region_id")["amount"].sum().round(2).to_dict() == table["amount"].to_dict()
    words = allocation.explain("R00000")
    assert "agreed" in words and "Agreed." in words and "entitlement and adjustments" in words


@pytest.mark.parametrize("round_, left", [("2022", 0), ("2023", 1), ("2024", 0.75), ("2026", 0.25), ("2027", 0)])
def test_transition_money_melts_by_a_share_of_the_first_amounts(round_, left):
    fund = decided([{**AGREED, "amounts": {"R00000": 2e6}, "melts": 0.25}], round_=round_)
    one = fund.problem.resources[0]
    k = one.entitlement[0] / one.entitlement.sum()
    assert one.adjustment[0] == pytest.approx(left * 2e6 * (1 - k), rel=1e-12, abs=1e-9)


def test_it_never_melts_below_nothing():
    fund = decided([{**AGREED, "amounts": {"R00000": 2e6}, "melts": 0.6}], round_="2025")
    assert not fund.problem.resources[0].adjustment.any()


def test_a_measure_gives_the_amounts():
    data = regions(np.random.default_rng(3), 6).assign(grant=[1e5, 0, 2e5, 0, 0, 3e5])
    by_measure = decided([{**AGREED, "measure": "grant"}], data)
    amounts = dict(zip(data["id"], data["grant"], strict=True))
    by_amounts = decided([{**AGREED, "amounts": amounts}], data)
    ours, theirs = (f.problem.resources[0].adjustment.tolist() for f in (by_measure, by_amounts))
    assert ours == theirs and any(ours)


def test_an_open_supply_pays_for_it_itself():
    fund = {
        "supply": "open",
        "criteria": [{"name": "rate", "rate": 10, "measure": "population"}],
        "adjustments": [{**AGREED, "amounts": {"R00000": 2e6}}],
    }
    data = regions(np.random.default_rng(3), 6)
    allocation = Fund(parse_policy(policy([], fund=fund)), data).allocate()
    table = allocation.table.set_index("region_id")
    due = dict(zip(data["id"], 10 * data["population"], strict=True))
    assert table["amount"].to_dict() == {i: d + (2e6 if i == "R00000" else 0) for i, d in due.items()}
    mine = allocation.steps.query("kind == 'adjustment'")
    assert mine["amount"].tolist() == [-2e6, 2e6] and mine["region_id"].tolist() == ["", "R00000"]


def test_the_proof_holds_and_a_second_checker_agrees(tmp_path, capsys):
    rule = {"kind": "limit", "name": "cap", "of": "entitlement", "cap": 1.1}
    allocation = decided([{**AGREED, "amounts": {"R00000": 2e6}}], rules=[rule]).allocate()
    allocation.write(tmp_path)
    assert verify(tmp_path).gap == 0
    check(tmp_path)
    assert "are the exact optimum of the program" in capsys.readouterr().out


@pytest.mark.parametrize(
    "one, said",
    [
        ({"amounts": {"R00000": 4e6}}, "gives 4,000,000.00 in all, above its cap"),
        ({"amounts": {"R00000": -4e6}}, "takes 4,000,000.00 in all, above its cap"),
        ({"amounts": {"R9": 1}}, "is no region of this round"),
        ({}, "needs either amounts or a measure"),
        ({"amounts": {"R00000": 1}, "measure": "1"}, "needs either amounts or a measure"),
        ({"amounts": {"R00000": 1}, "until": "2022"}, "ends before it begins"),
        ({"amounts": {"R00000": 1}, "name": "need"}, "is the name of a criterion too"),
        ({"amounts": {"R00000": 1}, "why": ""}, "is empty"),
        ({"measure": "nothing"}, '"nothing" is not known'),
    ],
)
def test_faulty_adjustments_are_said(one, said):
    with pytest.raises(InputError, match=said):
        _ = decided([{**AGREED, **one}]).problem


def test_rounds_without_numbers_cannot_melt():
    with pytest.raises(InputError, match="cannot tell how many rounds"):
        _ = decided([{**AGREED, "amounts": {"R00000": 1}, "melts": 0.5, "from": "a", "until": "z"}], round_="b").problem


def test_nobody_is_left_with_less_than_nothing():
    data = regions(np.random.default_rng(3), 6)
    fund = decided([{**AGREED, "amounts": {"R00000": -9e7}, "cap": 1e9}], data)
    with pytest.raises(InputError, match="more than the region is due"):
        _ = fund.problem


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_what_an_adjustment_gave_is_not_taken_back(seed, n, rounds):
    """Rounds in which nothing but the adjustment moves amounts leave no account open."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    data = regions(rng, n)
    amounts = {str(i): float(a) for i, a in zip(data["id"], rng.integers(0, SUPPLY // (4 * n), n), strict=True)}
    columns = ["round", "region_id", "resource", "entitlement", "amount", "adjustment"]
    past = pd.DataFrame([("2020", str(data["id"][0]), "other", 0, 0, 0)], columns=columns)
    more = {"arrears": 0.5, "adjustments": [{**AGREED, "amounts": amounts, "melts": 0.2, "cap": SUPPLY}]}
    for k in range(rounds + 1):
        fund = Fund(parse_policy(policy([], fund=more)), data, past, round=str(2023 + k))
        table = fund.allocate().table
        assert table["arrears"].abs().max() <= 0.01 * (k + 1)
        table = table.assign(round=str(2023 + k), adjustment=table.get("adjustment", 0.0))
        past = pd.concat([past, table[columns]], ignore_index=True)
