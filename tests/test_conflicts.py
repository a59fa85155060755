"""Conflicts: the set is smallest, the sum is right, each advice is enough and no more than needed."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pytest

from fundalloc import ConflictError, Fund
from fundalloc.policy import parse_policy
from tests.funds import SUPPLY, history, policy, random_rules, regions

ADVICE = re.compile(r'(?:[Ll]ower|[Rr]aise) the (floor|cap) of "(.+?)" from \S+ to ([\d.e+-]+)')


def decide(rules, frame, past):
    return Fund(parse_policy(policy(rules)), frame, past).allocate()


def conflict(rules, frame, past) -> ConflictError:
    with pytest.raises(ConflictError) as caught:
        decide(rules, frame, past)
    return caught.value


def clashing(seed: int):
    """A random fund whose rules some allocation keeps, and one more rule that clashes with them."""
    rng = np.random.default_rng(seed)
    frame = regions(rng, int(rng.integers(4, 30)))
    past = history(frame, rng)
    rules = random_rules(frame, past, rng)
    heads = frame["population"].sum()
    more = [
        {"of": "head", "floor": 1.1 * SUPPLY / heads},
        {"of": "share", "cap": 0.9 / len(frame)},
        {"of": "previous", "floor": 1.2, "cap": 1.5},
        {"of": "share", "each": "all", "where": 'coast == "east"', "cap": 0.05},
        {"of": "share", "each": "all", "where": "rank(need) <= 2", "floor": 0.9},
        {"of": "entitlement", "each": "state", "floor": 1.05},
    ][seed % 6]
    return [*rules, {"kind": "limit", "name": "the one too many", "resource": "fund", **more}], frame, past


@pytest.mark.parametrize("block", range(6))
def test_removing_any_rule_of_the_set_makes_the_rest_of_it_possible(block):
    found = 0
    for seed in range(block * 10, block * 10 + 10):
        rules, frame, past = clashing(seed)
        try:
            decide(rules, frame, past)
            continue
        except ConflictError as error:
            clash = error.rules
        found += 1
        mine = [r for r in rules if r["name"] in clash]
        assert set(conflict(mine, frame, past).rules) == set(clash)
        for rule in mine:
            decide([r for r in mine if r is not rule], frame, past)
    assert found >= 4


@pytest.mark.parametrize("block", range(6))
def test_each_advice_is_enough_and_no_more_than_needed(block):
    tried = 0
    for seed in range(block * 10, block * 10 + 10):
        rules, frame, past = clashing(seed)
        try:
            decide(rules, frame, past)
            continue
        except ConflictError as error:
            ways = error.relaxations
        assert ways
        for way in ways:
            changes = ADVICE.findall(way)
            assert changes and way.endswith(", the others unchanged.")
            tried += 1
            name, new = changes[0][1], {side: float(number) for side, _, number in changes}
            changed = [{**r, **new} if r["name"] == name else r for r in rules]
            decide(changed, frame, past)
            stated = next(r for r in rules if r["name"] == name)
            for side, number in new.items() if len(new) == 1 else []:
                less = number + 0.01 * (stated[side] - number)
                if abs(less - number) > 1e-4 * abs(number):
                    almost = [{**c, side: less} if c["name"] == name else c for c in changed]
                    conflict(almost, frame, past)
    assert tried >= 4


def test_the_sum_in_the_reason_is_right():
    frame = regions(np.random.default_rng(1), 20)
    heads = int(frame["population"].sum())
    floor = {"kind": "limit", "name": "floor", "of": "head", "floor": 1000}
    reason = conflict([floor], frame, None).reason
    asked, there = (Decimal(x.replace(",", "")) for x in re.findall(r"at (?:least|most) ([\d,.]+) CNY", reason))
    assert (asked, there) == (1000 * heads, SUPPLY)
    assert '"floor" asks for at least' in reason and "for 20 places" in reason


def test_the_reason_adds_up_three_rules():
    frame = regions(np.random.default_rng(2), 9)
    by = frame.sort_values("population", ascending=False)["id"].tolist()
    rules = [
        {"kind": "limit", "name": f"rule {k}", "where": f'id == "{i}"', "of": "share", "floor": 0.4}
        for k, i in enumerate(by[:3])
    ]
    error = conflict(rules, frame, None)
    assert error.rules == ("rule 0", "rule 1", "rule 2")
    assert "Together at least 24,000,000.00 CNY" in error.reason
    assert error.reason.count("8,000,000.00 CNY") == 3
    assert "at most 20,000,000.00 CNY" in error.reason


def test_a_region_whose_floor_is_above_its_cap_is_named():
    frame = regions(np.random.default_rng(3), 6)
    poor = frame.sort_values("need")["id"].iloc[0]
    rules = [
        {"kind": "limit", "name": "cap", "where": f'id == "{poor}"', "of": "amount", "cap": 100},
        {"kind": "limit", "name": "floor", "where": f'id == "{poor}"', "of": "amount", "floor": 200},
    ]
    reason = conflict(rules, frame, None).reason
    assert f'({poor}): "floor" asks for at least 200.00 CNY, but "cap" allows at most 100.00 CNY.' in reason


def test_two_conflicts_at_once_are_said():
    frame = regions(np.random.default_rng(5), 6)
    rules = [
        {"kind": "limit", "name": "floor", "of": "head", "floor": 10_000},
        {"kind": "limit", "name": "cap", "of": "share", "cap": 0.01},
    ]
    land = {"supply": 100, "lot": 1, "criteria": [{"name": "n", "weight": 1, "measure": "need"}]}
    stated = policy([{**rules[0], "resource": "fund"}, {**rules[1], "resource": "land"}], resources={"land": land})
    with pytest.raises(ConflictError) as caught:
        Fund(parse_policy(stated), frame).allocate()
    assert len(caught.value.rules) == 1
    assert all("Other rules clash besides." in way for way in caught.value.relaxations)


def test_a_cent_too_little_is_a_conflict():
    frame = regions(np.random.default_rng(6), 8)
    past = history(frame, np.random.default_rng(6))
    whole = policy([{"kind": "limit", "name": "hold harmless", "of": "previous", "floor": 1.0}])
    total = sum(Decimal(str(a)) for a in past["amount"])
    whole["resources"]["fund"]["supply"] = total
    assert Fund(parse_policy(whole), frame, past).allocate().decision.lots.sum() == total * 100
    whole["resources"]["fund"]["supply"] = total - Decimal("0.01")
    with pytest.raises(ConflictError) as caught:
        Fund(parse_policy(whole), frame, past).allocate()
    assert f"{total:,} CNY for 8 places" in caught.value.reason
    assert f"at most {total - Decimal('0.01'):,} CNY" in caught.value.reason
    assert caught.value.relaxations == ('Lower the floor of "hold harmless" from 1 to 0.999999, the others unchanged.',)
