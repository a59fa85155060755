"""The price of a rule: what a step of its number moves, against rounds that are decided again."""

from __future__ import annotations

import numpy as np
import pytest

from fundalloc import Fund
from fundalloc.policy import parse_policy
from tests.funds import SUPPLY, history, policy, regions

FINE = {"lot": 0.0001}


def decide(rules, frame, past):
    return Fund(parse_policy(policy(rules, fund=FINE)), frame, past).allocate()


def cases(frame, past):
    mean = SUPPLY / float(frame["population"].sum())
    return {
        "floor": {"kind": "limit", "of": "head", "floor": 0.8 * mean},
        "cap": {"kind": "limit", "of": "head", "cap": 1.2 * mean},
        "hold": {"kind": "limit", "of": "previous", "floor": 0.97},
        "states": {"kind": "limit", "each": "coast", "of": "entitlement", "floor": 1.01},
        "quota": {"kind": "limit", "each": "all", "where": 'coast == "east"', "of": "share", "cap": 0.3},
        "gini": {"kind": "inequality", "measure": "gini", "at_most": 0.1},
        "theil": {"kind": "inequality", "measure": "theil", "at_most": 0.01},
    }


def stricter(rule, by):
    side = next(s for s in ("floor", "cap", "at_most") if s in rule)
    return {**rule, side: rule[side] + (by if side == "floor" else -by)}


@pytest.mark.parametrize("name", ["floor", "cap", "hold", "quota", "gini", "theil"])
def test_a_price_is_what_a_round_decided_again_moves(name):
    told = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        frame = regions(rng, 20).sort_values("id", ignore_index=True)
        past = history(frame, rng)
        rule = {"name": name, **cases(frame, past)[name]}
        allocation = decide([rule], frame, past)
        found = allocation.summary["rules"][0]["price"]
        if not found:
            assert allocation.summary["rules"][0]["binding"] == 0
            continue
        price = found[0]
        step, number = price["step"], next(rule[s] for s in ("floor", "cap", "at_most") if s in rule)
        small = 1e-3 * number
        again = decide([stricter(rule, small)], frame, past)
        moves = again.decision.optimum.amounts - allocation.decision.optimum.amounts
        assert np.maximum(moves, 0).sum() * step / small == pytest.approx(float(price["moved"]), rel=0.03)
        still = 1e-6 * SUPPLY / 20 * small / step
        assert abs(int((moves > still).sum()) - price["takers"]) <= 1
        assert abs(int((moves < -still).sum()) - price["givers"]) <= 1
        assert f"from {price['givers']} to {price['takers']} regions" in price["words"]
        told += 1
    assert told >= 4


def test_what_does_not_bind_or_has_no_number_has_no_price():
    rng = np.random.default_rng(1)
    frame = regions(rng, 12)
    past = history(frame, rng)
    rules = [
        {"kind": "limit", "name": "idle", "of": "head", "floor": 0.001},
        {"kind": "limit", "name": "watched", "of": "head", "floor": 1000, "mode": "watch"},
        {"kind": "progressive", "name": "order", "by": "1 - need"},
    ]
    assert [r["price"] for r in decide(rules, frame, past).summary["rules"]] == [[], [], []]


def test_a_rule_that_cannot_be_stricter_is_priced_by_what_looser_gives():
    frame = regions(np.random.default_rng(2), 10)
    mean = SUPPLY / float(frame["population"].sum())
    rule = {"kind": "limit", "name": "alike", "of": "head", "floor": mean * (1 - 1e-9)}
    price = decide([rule], frame, None).summary["rules"][0]["price"][0]
    assert float(price["moved"]) > 0 and price["side"] == "floor"
