"""Cliffs: who stands beside a threshold is decided again on its other side, and only what moves much is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fundalloc import Fund, load
from fundalloc.cliffs import cliffs, edges, words
from fundalloc.policy import parse_policy
from tests.funds import policy

NEED = [0.10, 0.20, 0.30, 0.499, 0.501, 0.70, 0.80, 0.90]


def fund(rules=(), **resource):
    ids = [f"R{k}" for k in range(8)]
    data = pd.DataFrame({"id": ids, "name": ids, "state": "S", "coast": "east", "population": 1000, "need": NEED})
    key = {"criteria": [{"name": "people", "weight": 1, "measure": "population"}], "supply": 8000}
    return Fund(parse_policy(policy(list(rules), fund={**key, **resource}, measures={"poor": "need < 0.5"})), data)


def found(one, near=0.1, moves=0.05, most=20):
    amounts = one.allocate().decision.amounts
    return cliffs(one.policy, one.regions, one.history, one.problem, amounts, near=near, moves=moves, most=most)


def test_who_just_takes_part_and_who_just_does_not():
    inside, outside = found(fund(where="poor"))
    assert (inside.region, inside.inside, inside.amount, inside.beyond) == ("R3", True, 2000, 0)
    assert (outside.region, outside.inside, outside.amount, outside.beyond) == ("R4", False, 0, 1600)
    assert inside.distance == pytest.approx(0.001 / np.std(NEED)) and outside.moved == np.inf


def test_against_deciding_by_hand_with_the_data_changed():
    rule = {"kind": "limit", "name": "half", "each": "all", "where": "need > 0.5", "of": "share", "floor": 0.9}
    one = fund([rule])
    cases = {c.region: c for c in found(one)}
    assert cases.keys() == {"R3", "R4"}
    for region, need in (("R3", 0.51), ("R4", 0.49)):
        data = one._table.cells
        frame = pd.DataFrame({name: list(values) for name, values in data.items()})
        frame.loc[frame["id"] == region, "need"] = str(need)
        by_hand = Fund(one.policy, frame).allocate().table.set_index("region_id")["amount"][region]
        assert cases[region].beyond == by_hand
        assert cases[region].amount == one.allocate().table.set_index("region_id")["amount"][region]


def test_only_what_is_near_and_moves_much_is_told():
    one = fund(where="poor")
    assert found(one, near=0.001) == []
    assert [c.region for c in found(one, moves=0.999)] == ["R3", "R4"]
    mild = fund([{"kind": "limit", "name": "some", "each": "all", "where": "poor", "of": "share", "floor": 0.505}])
    assert found(mild, moves=0.9) == []
    assert [c.region for c in found(one, most=1)] == ["R3"]


def test_watched_rules_and_rules_out_of_force_are_no_cliffs():
    for more in ({"mode": "watch"}, {"from": "2030"}):
        rule = {"kind": "limit", "name": "x", "each": "all", "where": "poor", "of": "share", "floor": 0.9, **more}
        assert found(fund([rule])) == []


def test_the_other_side_may_be_impossible():
    rules = [
        {"kind": "limit", "name": "most", "of": "share", "cap": 0.15},
        {"kind": "limit", "name": "half", "each": "all", "where": "poor", "of": "share", "floor": 0.59},
    ]
    case = next(c for c in found(fund(rules)) if c.region == "R3")
    assert case.beyond is None and "the rules could not be kept" in dict(words([case]))[case]


def test_on_real_data_the_words_name_city_condition_and_both_amounts():
    one = load("models/yrd.toml")
    case, sentence = next((c, w) for c, w in words(found(one)) if c.region == "CN-331100")
    assert case.where == "rules.a third for the less developed.where" and not case.inside
    assert sentence.startswith("Lishui just misses the condition in_reach by 0.015") and "215,500,000.00" in sentence


@pytest.mark.parametrize(
    "where", ["poor and id != 'R3'", "need < 0.5 and id != 'R3'", "not (id == 'R3' or need >= 0.5)"]
)
def test_who_is_near_a_comparison_that_does_not_decide_stands_at_no_cliff(where):
    assert [c.region for c in found(fund(where=where))] == ["R4"]


def test_who_is_just_above_a_floor_under_which_it_gets_nothing_is_told():
    shares = [0.05, 0.102, 0.106, 0.13, 0.14, 0.15, 0.16, 0.162]
    rule = {"kind": "limit", "name": "least", "of": "amount", "floor": 840, "or_nothing": True}
    key = {"criteria": [{"name": "share", "weight": 1, "measure": "need"}], "supply": 8000}
    ids = [f"R{k}" for k in range(8)]
    data = pd.DataFrame({"id": ids, "name": ids, "state": "S", "coast": "e", "population": 1, "need": shares})
    one = Fund(parse_policy(policy([rule], fund=key)), data)
    amounts = one.allocate().decision.amounts
    assert amounts[0] == 0
    found = list(edges(one.rows, one.problem, amounts, 0.05))
    assert [(name, place) for name, place, _, _ in found] == [("fund", "R1")]
    assert found[0][3] == pytest.approx(amounts[1] / 840 - 1) and 0 < found[0][3] < 0.05
    assert 'above the floor of the rule "least", under which it would get nothing' in found[0][2]
    assert {p for _, p, _, _ in edges(one.rows, one.problem, amounts, 0.1)} == {"R1", "R2"}
