"""Lots of a system: what the rules say of regions and groups, resource by resource, in whole lots."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fundalloc import Fund
from fundalloc.exact import Exact
from fundalloc.lots import lots_of
from fundalloc.optimum import Optimum
from fundalloc.policy import parse_policy
from fundalloc.rounding import NoWholeLots
from fundalloc.system import System, assemble

IDS = ("A", "B", "C", "D", "E")
GROUPS = {"W": [0, 3], "X": [1, 2, 4]}
PLACES = {f'id == "{name}"': [k] for k, name in enumerate(IDS)} | {f'group == "{g}"': c for g, c in GROUPS.items()}
FRAME = pd.DataFrame({"id": IDS, "group": ["W", "X", "X", "W", "X"], "need": [1, 2, 3, 4, 5]})


def system(supplies: list[int], lot: str, rules: list[dict[str, Any]], whole: bool = True) -> System:
    """What rules say of resources r0, r1, .. of so many lots each."""
    stated = {
        "format": 1,
        "fund": {"round": "2023"},
        "regions": {"id": "id", "groups": ["group"]},
        "resources": {
            f"r{k}": {
                "unit": "t",
                "lot": lot,
                "rounding": "largest_remainder",
                "supply": str(Decimal(lot) * supply),
                "criteria": [{"name": "need", "weight": 1, "measure": "need"}],
            }
            for k, supply in enumerate(supplies)
        },
        "rules": [{"kind": "limit", "name": f"rule {k}", **rule} for k, rule in enumerate(rules)],
    }
    found = Fund(parse_policy(stated), FRAME)
    return assemble(found.problem, found.rows, whole=whole)


def lots(one: System, amounts: list[float], exact: Exact | None = None) -> list[int]:
    nothing = np.zeros(0)
    return lots_of(one, Optimum(nothing, nothing, nothing, np.array(amounts), (), 0, 0.0), exact).tolist()


def test_a_group_keeps_its_cap_and_its_floor_where_its_regions_alone_would_not():
    real = [0.6, 1.2, 1.2, 0.7, 1.3]
    assert lots(system([5], "1", []), real) == [1, 1, 1, 1, 1]
    assert lots(system([5], "1", [{"each": "all", "where": 'group == "W"', "cap": 1.5}]), real) == [0, 1, 1, 1, 2]
    real = [1.2, 0.6, 0.4, 1.4, 1.4]
    assert lots(system([5], "1", []), real) == [1, 1, 0, 1, 2]
    assert lots(system([5], "1", [{"each": "all", "where": 'group == "X"', "floor": 3.5}]), real) == [0, 1, 1, 1, 2]


def test_lots_keep_what_rules_say_of_each_resource_wherever_the_amounts_are():
    missed = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        lot = Decimal(str(rng.choice(["0.01", "0.1", "1", "2.5"])))
        drawn = rng.integers(0, 7, (2, 5))
        supplies = [int(s) for s in drawn.sum(axis=1)]
        said = []
        for r, inside in enumerate(drawn):
            for where, cells in PLACES.items():
                less, more = (Decimal(int(quarters)) / 4 for quarters in rng.integers(0, 5, 2))
                some = Decimal(int(inside[cells].sum()))
                if rng.random() < 0.7:
                    said.append((r, where, cells, max(some - less, Decimal(0)) * lot, (some + more) * lot))
        rules = [
            {"resource": f"r{r}", "each": "all", "where": where, "floor": float(low), "cap": float(high)}
            for r, where, _, low, high in said
        ]
        real = (rng.dirichlet(np.ones(5), 2) * np.array([supplies]).T * float(lot)).ravel().tolist()
        kept, free = (np.reshape(lots(system(supplies, str(lot), some), real), (2, 5)) for some in (rules, []))
        assert kept.sum(axis=1).tolist() == free.sum(axis=1).tolist() == supplies
        assert all(low <= lot * int(kept[r, cells].sum()) <= high for r, _, cells, low, high in said), seed
        missed += sum(not low <= lot * int(free[r, cells].sum()) <= high for r, _, cells, low, high in said)
    assert missed > 40


def test_where_no_lot_lies_between_bounds_the_nearest_outside_do():
    alone = {"where": 'id == "A"', "floor": 3.2, "cap": 3.6}
    assert lots(system([10], "1", [alone]), [2.0] * 5)[0] == 3
    assert lots(system([10], "1", [alone]), [6.0, 1.0, 1.0, 1.0, 1.0]) == [4, 1, 1, 2, 2]
    group = {"each": "all", "where": 'group == "W"', "floor": 6.2, "cap": 6.6}
    for far, near in (([0.1, 1, 2, 1, 9.9], 6), ([9.1, 0.1, 0.1, 4.6, 0.1], 7)):
        found = lots(system([14], "1", [group]), far)
        assert found[0] + found[3] == near and sum(found) == 14


def test_where_rules_leave_no_whole_lots_each_bound_gives_way_by_less_than_one():
    caps, floors = [{"cap": 2.4}], [{"floor": 1.6}]
    assert lots(system([11], "1", caps, whole=False), [2.4, 2.4, 2.2, 2.4, 1.6]) == [2, 2, 2, 3, 2]
    assert sorted(lots(system([13], "1", caps, whole=False), [2.8, 2.6, 2.6, 2.4, 2.6])) == [2, 2, 3, 3, 3]
    with pytest.raises(NoWholeLots):
        lots(system([16], "1", caps, whole=False), [3.2] * 5)
    with pytest.raises(NoWholeLots):
        lots(system([4], "1", floors, whole=False), [0.8] * 5)
    assert lots(system([6], "1", floors, whole=False), [0.2, 0.2, 0.2, 0.2, 5.2]) == [1, 1, 1, 1, 2]


def test_float_noise_of_a_bound_costs_no_lot_and_gives_none():
    """0.1 + 0.2 is a little more than three lots of 0.1, the other number a little less than seven."""
    more, less = 0.1 + 0.2, 0.7 * (1 - 2e-16)
    assert more / 0.1 > 3 and less / 0.1 < 7
    for whole in (True, False):
        for side, bound, right in (("cap", more, 3), ("floor", more, 3), ("cap", less, 7), ("floor", less, 7)):
            real = [right / 10 + (0.05 if side == "cap" else -0.05), *[1.0] * 4]
            rule = {"where": 'id == "A"', side: bound}
            assert lots(system([right + 40], "0.1", [rule], whole=whole), real)[0] == right


def test_what_is_exact_counts_not_the_floats_beside_it():
    half = Exact((3, 1, 2, 2, 2, 20, 15, 5, 10, 10), 20, (), (), 0, (b"", b""))
    one = system([5, 30], "0.1", [])
    assert lots(one, [9.0] * 10, half) == [1, 1, 1, 1, 1, 10, 7, 3, 5, 5]
