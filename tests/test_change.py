"""Why did it change: the change of every amount, split exactly into its causes."""

from __future__ import annotations

import copy
import itertools
import json
from fractions import Fraction
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc import Fund, InputError, SolverError, load
from fundalloc.causes import CAUSES, changed, fixed
from fundalloc.change import Change, Round, changes
from fundalloc.change_words import why_changed
from fundalloc.cli.app import run
from fundalloc.mixtures import decided, mixture
from fundalloc.orders import partitions, rounded, unions
from fundalloc.policy import parse_policy
from tests import funds

ROOT = Path(__file__).parent.parent
COLUMNS = (*CAUSES, "rounding")


def one_round(seed: int, base: int = 0, n: int = 6) -> dict[str, Any]:
    """A random round near others of one base, in parts that can be exchanged one by one; its rules can be kept."""
    frame, rng = funds.regions(np.random.default_rng(base), n), np.random.default_rng(seed)
    for column in ("population", "need"):
        frame[column] = np.ceil(frame[column] * rng.uniform(0.9, 1.1, n) * 1e4) / 1e4
    frame["population"] = np.ceil(frame["population"])
    frame["id"] = [f"R{k}" for k in range(n)]
    frame["state"], frame["coast"] = [f"S{k % 2}" for k in range(n)], ["east", "west"] * (n // 2)
    past = funds.history(frame, rng)
    weight = round(float(rng.uniform(0.2, 0.8)), 3)
    return {
        "pool": {
            "supply": int(funds.SUPPLY * rng.uniform(0.95, 1.05)),
            "reserve": round(float(rng.uniform(0, 0.02)), 3),
        },
        "data": frame,
        "policy": [
            {"name": "need", "weight": weight, "measure": "population * need"},
            {"name": "people", "weight": round(1 - weight, 3), "measure": "population"},
        ],
        "rules": [
            {"kind": "limit", "name": "floor", "of": "entitlement", "floor": round(float(rng.uniform(0.93, 0.98)), 3)},
            {"kind": "limit", "name": "cap", "of": "entitlement", "cap": round(float(rng.uniform(1.02, 1.06)), 3)},
            {
                "kind": "limit",
                "name": "pace",
                "of": "previous",
                "cap": round(float(rng.uniform(1.3, 1.6)), 3),
                "mode": "prefer",
            },
        ],
        "arrears": {"rate": round(float(rng.uniform(0.2, 0.6)), 3), "past": past},
    }


def fund(parts: dict[str, Any], **more: Any) -> Fund:
    """The fund of a round in parts."""
    resource = {**parts["pool"], "criteria": parts["policy"], "arrears": parts["arrears"]["rate"]}
    return Fund(
        parse_policy(funds.policy(parts["rules"], fund=resource, **more)), parts["data"], parts["arrears"]["past"]
    )


def mixed(old: dict[str, Any], new: dict[str, Any], causes: frozenset[str]) -> dict[str, Any]:
    return {cause: (new if cause in causes else old)[cause] for cause in CAUSES}


def assert_adds_up(change: Change) -> None:
    for name in change.units:
        total = sum(change.parts[name].values())
        np.testing.assert_array_equal(total, change.after[name] - change.before[name])
    table = change.table
    assert list(table.columns)[:6] == ["region_id", "region_name", "resource", "before", "after", "change"]
    assert [c for c in table.columns if c in COLUMNS] == list(COLUMNS)


@settings(max_examples=2)
@given(st.integers(0, 10_000))
def test_the_causes_are_the_average_over_all_orders_and_add_up_exactly(seed):
    old, new = one_round(seed, seed), one_round(seed + 1, seed)
    change = changes(fund(old), fund(new))
    assert change.differs == CAUSES and change.mixtures == 30 and change.yielding == 0
    assert_adds_up(change)
    found = {
        s: fund(mixed(old, new, s)).allocate().decision.optimum.amounts
        for s in map(frozenset, itertools.chain.from_iterable(itertools.combinations(CAUSES, k) for k in range(6)))
    }
    averages = {cause: np.zeros(6) for cause in CAUSES}
    for order in itertools.permutations(CAUSES):
        for k, cause in enumerate(order):
            averages[cause] += (found[frozenset(order[: k + 1])] - found[frozenset(order[:k])]) / factorial(5)
    for cause in CAUSES:
        assert np.abs(change.parts["fund"][cause] / 100 - averages[cause]).max() <= 0.0101
    shared_out = change.new.fund.problem.resources[0].shared_out - change.old.fund.problem.resources[0].shared_out
    totals = {cause: int(part.sum()) for cause, part in change.parts["fund"].items()}
    assert totals == {**dict.fromkeys(COLUMNS, 0), "pool": round(100 * shared_out)}


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sets(st.sampled_from(CAUSES), max_size=3), st.randoms(use_true_random=False))
def test_backwards_it_is_the_same_with_the_other_sign_and_rows_in_any_order_are_the_same(seed, causes, random):
    old = one_round(seed, seed)
    new = mixed(old, one_round(seed + 1, seed), frozenset(causes))
    there, back = changes(fund(old), fund(new)), changes(fund(new), fund(old))
    assert set(there.differs) == causes
    assert_adds_up(there)
    for cause in COLUMNS:
        np.testing.assert_array_equal(there.parts["fund"][cause], -back.parts["fund"][cause])
        if cause not in (*causes, "rounding"):
            assert not there.parts["fund"][cause].any()
    order = list(range(6))
    random.shuffle(order)
    shuffled = {**new, "data": new["data"].iloc[order].reset_index(drop=True)}
    assert changes(fund(old), fund(shuffled)).sheet.csv() == there.sheet.csv()


@pytest.mark.parametrize("cause", CAUSES)
def test_a_single_cause_moves_everything(cause):
    old = one_round(7)
    new = mixed(old, one_round(9), frozenset([cause]))
    change = changes(fund(old), fund(new))
    assert change.differs == (cause,) and change.mixtures == 0
    before, after = change.old.amounts, change.new.amounts
    assert np.abs(change.parts["fund"][cause] / 100 - (after - before)).max() <= 0.01
    assert change.parts["fund"][cause].any()
    assert np.abs(change.parts["fund"]["rounding"]).max() <= 1


def test_what_moves_nothing_is_no_cause():
    old = one_round(3)
    new = copy.deepcopy(old)
    new["policy"][0] |= {"name": "needs", "why": "People in need."}
    new["rules"][0] |= {"name": "least", "why": "A floor."}
    new["rules"].append({"kind": "limit", "name": "seen", "of": "entitlement", "cap": 1.01, "mode": "watch"})
    new["rules"].append({"kind": "limit", "name": "later", "of": "head", "floor": 1e9, "from": "2030"})
    new["data"] = new["data"].assign(unused=1.5, name="another name")
    more = {"measures": {"unused_too": "sum(population)"}}
    change = changes(fund(old), fund(new, **more))
    assert change.differs == () and not sum(abs(part) for part in change.parts["fund"].values()).any()


def test_history_that_nothing_reads_is_no_cause():
    old, new = one_round(3), one_round(4)
    old["rules"], old["arrears"]["rate"] = old["rules"][:2], 0.0
    new = {**old, "arrears": {"rate": 0.0, "past": new["arrears"]["past"]}}
    assert changes(fund(old), fund(new)).differs == ()
    read = {**new, "rules": [*new["rules"], {"kind": "limit", "name": "pace", "of": "previous", "floor": 0.1}]}
    assert changes(fund(old), fund(read)).differs == ("rules", "arrears")


def test_data_of_earlier_rounds_count_where_they_are_read():
    def at(label: str, values: dict[str, int], measure: str) -> Fund:
        frame = pd.DataFrame(
            [{"id": i, "year": y, "x": v} for y, v in values.items() for i, v in (("A", v), ("B", 10))]
        )
        policy = {
            "format": 1,
            "fund": {"round": label},
            "regions": {"id": "id", "round": "year"},
            "resources": {"fund": {"supply": 100, "criteria": [{"name": "x", "weight": 1, "measure": measure}]}},
        }
        return Fund(parse_policy(policy), frame)

    one, other = {"2021": 10, "2022": 20}, {"2021": 40, "2022": 20}
    assert changes(at("2022", one, "x"), at("2022", other, "x")).differs == ()
    for measure in ("average(x, 2)", "x + lag(x, 1)"):
        change = changes(at("2022", one, measure), at("2022", other, measure))
        assert change.differs == ("data",) and change.parts["fund"]["data"].any()
    same = {"2021": 20, "2022": 20}
    assert changes(at("2021", same, "x"), at("2022", same, "x")).differs == ()
    change = changes(at("2021", same, "x + round"), at("2022", same, "x + round"))
    assert change.differs == ("data",)


def test_who_joins_and_who_leaves_is_there_with_an_amount_of_0():
    old, new = one_round(5), one_round(6)
    new["data"] = new["data"].assign(id=[f"R{k + 2}" for k in range(6)])
    change = changes(fund(old), fund(new))
    assert_adds_up(change)
    assert change.ids == tuple(sorted({f"R{k}" for k in range(8)}))
    table = change.table.set_index("region_id")
    assert (table.loc[["R0", "R1"], "after"] == 0).all() and (table.loc[["R6", "R7"], "before"] == 0).all()
    assert (table.loc[["R0", "R1"], "before"] > 0).all() and (table.loc[["R6", "R7"], "after"] > 0).all()
    assert (table.loc[["R0", "R1"], "data"] < 0).all() and (table.loc[["R6", "R7"], "data"] > 0).all()
    assert "of fund in 2023, for the first time:" in why_changed(change, "R7")
    assert "of fund in 2023 as it was before, and none in 2023:" in why_changed(change, "R0")
    assert "and Region" in why_changed(change, "R5") and "joined" in why_changed(change, "R5")


SMALL = pd.DataFrame({"id": ["A", "B", "C"], "people": [100, 200, 300], "x": [3.0, 5.0, 0.5], "y": [1.0, 1.0, 2.0]})
YEARS = ("2020", "2021", "2022", "2023")
PEOPLE = {"name": "people", "weight": 1, "measure": "people"}


def small(
    rules: tuple[dict[str, Any], ...] = (), *, frame: pd.DataFrame = SMALL, label: str = "2023", **more: Any
) -> Fund:
    resources = more.pop("resources", {})
    policy = {
        "format": 1,
        "fund": {"round": label},
        "regions": {"id": "id", "population": "people"},
        "rules": list(rules),
        "resources": {"fund": {"supply": 600, "lot": 1, "criteria": [PEOPLE], **more.pop("fund", {})}, **resources},
        **more,
    }
    return Fund(parse_policy(policy), frame)


def limit(**fields: Any) -> dict[str, Any]:
    return {"kind": "limit", "name": "floor", "of": "head", **fields}


def test_a_hand_computed_change():
    change = changes(small(), small((limit(where="id == 'A'", floor=1.5, name="for A"),), fund={"supply": 1200}))
    # v(pool) = 200, 400, 600; v(rules) = 150, 180, 270; both = 200, 400, 600 (A has 2 a head already)
    assert {k: v.tolist() for k, v in change.parts["fund"].items()} == {
        "pool": [7500, 21000, 31500],
        "data": [0, 0, 0],
        "policy": [0, 0, 0],
        "rules": [2500, -1000, -1500],
        "arrears": [0, 0, 0],
        "rounding": [0, 0, 0],
    }
    assert (
        change.sheet.csv().decode().splitlines()[1] == "A,A,fund,100.00,200.00,100.00,75.00,0.00,0.00,25.00,0.00,0.00"
    )


def test_mixtures_that_no_allocation_can_satisfy_yield_and_are_counted():
    old = small((limit(floor=0.9),), fund={"supply": 600})
    new = small((limit(floor=0.4), limit(name="A", of="amount", where="id == 'A'", floor=80)), fund={"supply": 300})
    change = changes(old, new)
    assert (change.differs, change.mixtures, change.yielding) == (("pool", "rules"), 2, 1)
    assert_adds_up(change)
    # the old floors ask for 540 of 300: they yield in proportion, so that all get 0.5 a head
    rules = [(80 - 50 + 100 - 100) / 2, (88 - 100 + 200 - 200) / 2, (132 - 150 + 300 - 300) / 2]
    assert np.abs(change.parts["fund"]["rules"] / 100 - rules).max() <= 0.0101
    assert "1 of 2 mixtures of the two rounds cannot keep all required rules" in why_changed(change, "A")


def test_required_rules_yield_before_preferred_ones_do():
    prefer = limit(name="wish", of="amount", where="id == 'A'", floor=250, mode="prefer")
    old = small((prefer, limit(floor=0.9)), fund={"supply": 900})
    new = small((prefer, limit(floor=0.2)), fund={"supply": 300})
    change = changes(old, new)
    # pool new, rules old: the floors alone ask for 540 of 300, and what is left of them leaves A no more than 50
    assert change.yielding == 1
    mixture = change.parts["fund"]["rules"] * 2 / 100 - (change.new.amounts - [50, 100, 150])
    own = small((prefer, limit(floor=0.2)), fund={"supply": 900}).allocate().decision.optimum.amounts
    assert np.abs(mixture - (own - change.old.amounts)).max() <= 0.03


def test_a_key_that_the_other_data_cannot_give_makes_data_and_policy_one_cause():
    new_key = [{"name": "z", "weight": 1, "measure": "z"}]
    old = small((limit(floor=0.5),))
    new = small(
        (limit(floor=0.6),),
        frame=SMALL.drop(columns="people").assign(people=[90, 200, 310], z=[1, 2, 1]),
        fund={"criteria": new_key, "supply": 500},
    )
    change = changes(old, new)
    assert change.causes == ("pool", "data and policy", "rules", "arrears", "rounding")
    assert change.mixtures == 6 and '"z" is not known' in change.reason
    for name in change.units:
        np.testing.assert_array_equal(sum(change.parts[name].values()), change.after[name] - change.before[name])
    columns = change.sheet.columns
    assert list(columns)[-7:] == [*CAUSES, "data and policy", "rounding"]
    assert set(columns["data"]) == set(columns["policy"]) == {""} and set(columns["arrears"]) == {"0.00"}
    told = why_changed(change, "B")
    assert "Data and policy are told as one" in told and '"z" is not known' in told
    assert 'criterion "z" is new (weight 1)' in told and 'criterion "people" is gone (weight 1)' in told


def test_only_what_cannot_be_told_apart_is_told_as_one():
    old = small()
    new = small(
        (limit(of="z", floor=10),),
        frame=SMALL.assign(x=9.0, z=[1, 2, 1]),
        fund={"criteria": [PEOPLE | {"measure": "people + 1"}]},
    )
    assert changes(old, new).causes == ("pool", "data and rules", "policy", "arrears", "rounding")
    measures = {"least": "x"}
    new = small((limit(of="least", floor=50),), measures=measures, fund={"criteria": [PEOPLE | {"measure": "least"}]})
    assert changes(old, new).causes == (*CAUSES, "rounding")  # a measure comes with the rule that needs it
    assert changes(old, new).differs == ("policy", "rules")


def test_data_and_history_are_one_cause_where_rules_add_up_both():
    def at(label: str) -> Fund:
        frame = pd.DataFrame([{"id": i, "year": y, "x": int(y) % 7 + k} for y in YEARS for k, i in enumerate("ABC", 1)])
        rows = [(y, i, "fund", 30 + k, 30 - k) for y in YEARS for k, i in enumerate("ABC")]
        past = pd.DataFrame(rows, columns=["round", "region_id", "resource", "entitlement", "amount"])
        rule = {"kind": "limit", "name": "two rounds", "of": "x", "over": 2, "floor": 3}
        policy = {
            "format": 1,
            "fund": {"round": label},
            "regions": {"id": "id", "round": "year"},
            "rules": [rule],
            "resources": {"fund": {"supply": {"2020": 90, "2023": 99}, "criteria": [PEOPLE | {"measure": "x"}]}},
        }
        return Fund(parse_policy(policy), frame, past)

    change = changes(at("2022"), at("2023"))
    assert change.differs == ("pool", "data", "arrears")
    assert change.causes == ("pool", "data and arrears", "policy", "rules", "rounding")
    assert "which the regions file does not hold" in change.reason
    assert_sums(change)


def test_a_measure_that_only_a_new_rule_uses_is_part_of_the_rule():
    new = small((limit(of="least", floor=50),), measures={"least": "x"})
    assert changes(small(), new).differs == ("rules",)
    other = small((limit(of="least", floor=50),), measures={"least": "y"})
    change = changes(new, other)
    assert change.differs == ("policy",)
    assert "least is defined otherwise" in why_changed(change, "A")


def test_an_open_supply():
    rate = {"name": "people", "measure": "people"}
    old = small(fund={"supply": "open", "criteria": [rate | {"rate": 2}]})
    new = small(fund={"supply": "open", "criteria": [rate | {"rate": 3}]}, frame=SMALL.assign(people=[100, 250, 300]))
    change = changes(old, new)
    assert change.differs == ("data", "policy")
    assert {c: p.tolist() for c, p in change.parts["fund"].items() if p.any()} == {
        "data": [0, 12500, 0],
        "policy": [10000, 22500, 30000],
    }
    fixed = changes(old, small(fund={"criteria": [rate | {"rate": 3}]}))
    assert fixed.differs == ("pool", "policy") and fixed.causes == (*CAUSES, "rounding")
    assert "the supply is 600 instead of open" in why_changed(fixed, "A")
    keyed = changes(old, small())
    assert keyed.causes == ("pool and policy", "data", "rules", "arrears", "rounding")
    assert_sums(keyed)


def assert_sums(change: Change) -> None:
    for name in change.units:
        np.testing.assert_array_equal(sum(change.parts[name].values()), change.after[name] - change.before[name])


def test_several_resources_and_one_that_is_new():
    land = {"supply": 90, "lot": 1, "unit": "ha", "criteria": [PEOPLE | {"measure": "x"}]}
    link = {"kind": "link", "name": "in step", "resource": "land", "to": "fund", "floor": 0.4}
    share = limit(name="land", resource="land", of="share", cap=0.6)
    old = small(fund={"supply": 500})
    new = small((limit(resource="fund", floor=0.95), link, share), resources={"land": land})
    change = changes(old, new)
    assert change.differs == ("pool", "policy", "rules")
    assert_adds_up(change)
    assert change.parts["land"]["policy"].tolist() == change.after["land"].tolist()
    assert not any(part.any() for cause, part in change.parts["land"].items() if cause != "policy")
    assert "land is shared out since 2023 only" in why_changed(change, "A")
    assert "land is no longer shared out" in why_changed(changes(new, old), "A")
    more = small(
        (limit(resource="fund", floor=0.95), link, share),
        resources={"land": land | {"supply": 99}},
        fund={"supply": 580},
    )
    change = changes(more, new)
    assert change.differs == ("pool",)
    assert int(change.parts["land"]["pool"].sum()) == -900 and int(change.parts["fund"]["pool"].sum()) == 2000


def test_resources_with_other_lots_count_in_the_finer_unit():
    change = changes(small(fund={"lot": 0.001, "supply": 600}), small(fund={"supply": 601, "lot": 1}))
    assert change.units == {"fund": min(change.units.values())} and str(change.units["fund"]) == "0.001"
    assert_adds_up(change)
    assert "whole lots of 1 instead of 0.001" in why_changed(change, "A")


def test_numbers_by_round_and_supplies_by_measure_are_those_of_their_own_round():
    def at(label: str) -> Fund:
        frame = SMALL.assign(x=SMALL.x * (2 if label == "2023" else 1))
        return small(
            (
                limit(floor={"2022": 0.5, "2023": 0.9}),
                limit(name="old", of="amount", where="id == 'C'", floor=400, until="2022"),
                limit(name="new", of="amount", where="id == 'A'", floor=120, **{"from": "2023"}),
            ),
            frame=frame,
            label=label,
            fund={
                "supply": {"2020": "sum(people) + sum(x)", "2024": 5},
                "criteria": [
                    PEOPLE | {"weight": {"2022": 70, "2023": 60}},
                    {"name": "x", "weight": {"2022": 30, "2023": 40}, "measure": "x"},
                ],
            },
        )

    plain = {
        label: {
            "pool": 608.5 if label == "2022" else 617.0,
            "data": at(label),
            "policy": (70, 30) if label == "2022" else (60, 40),
            "rules": (limit(floor=0.5), limit(name="old", of="amount", where="id == 'C'", floor=400))
            if label == "2022"
            else (limit(floor=0.9), limit(name="new", of="amount", where="id == 'A'", floor=120)),
        }
        for label in ("2022", "2023")
    }
    change = changes(at("2022"), at("2023"))
    assert change.differs == ("pool", "data", "policy", "rules")
    found = {}
    for causes in unions([(c,) for c in change.differs]):
        part = {c: plain["2023" if c in causes else "2022"][c] for c in change.differs}
        key = [PEOPLE | {"weight": part["policy"][0]}, {"name": "x", "weight": part["policy"][1], "measure": "x"}]
        frame = SMALL.assign(x=SMALL.x * (2 if "data" in causes else 1))
        mixture = small(part["rules"], frame=frame, fund={"supply": part["pool"], "criteria": key})
        found[causes] = mixture.allocate().decision.optimum.amounts
    for cause in change.differs:
        average = np.zeros(3)
        for order in itertools.permutations(change.differs):
            before = frozenset(order[: order.index(cause)])
            average += (found[before | {cause}] - found[before]) / factorial(4)
        assert np.abs(change.parts["fund"][cause] / 100 - average).max() <= 0.0101
    told = why_changed(change, "A")
    assert 'weight 60 instead of weight 70 for "people"' in told
    assert '"old" is gone' in told and "\"new\" is new: each region (those where id == 'A') gets at least 120" in told
    assert (
        '"floor" changed: each region gets at least 0.9 a head instead of each region gets at least 0.5 a head' in told
    )
    assert "what is shared out grew from 608 to 617" in told


@pytest.mark.parametrize("kind", ["leximin", "alpha_fair", "benefit"])
def test_other_objectives(kind):
    aim = {"objective": {"kind": kind}}
    valued = {"value": "x"} if kind == "benefit" else {}
    rules = (
        limit(of="entitlement", floor=0.8, cap=1.3),
        limit(name="two", of="amount", where="id != 'C'", each="all", floor=330),
    )
    change = changes(small(rules, fund={"supply": 550}), small(rules, fund={"supply": 600, **valued}, **aim))
    assert change.differs == ("pool", "rules")
    assert_adds_up(change)
    pool, both = (
        small(rules, fund={"supply": s, **valued}, **aim).allocate().decision.optimum.amounts for s in (550, 600)
    )
    plain = small(rules, fund={"supply": 600}).allocate().decision.optimum.amounts
    rule = (pool - change.old.amounts + both - plain) / 2
    assert np.abs(change.parts["fund"]["rules"] / 100 - rule).max() <= 0.0101
    assert f"the objective is {kind}:" in why_changed(change, "A")


def test_floors_of_or_nothing():
    nothing = limit(of="amount", floor=130, or_nothing=True)
    change = changes(small(), small((nothing,), fund={"supply": 700}))
    assert change.differs == ("pool", "rules")
    assert_adds_up(change)
    assert change.after["fund"].tolist()[0] == 0


def test_amounts_in_other_units_are_not_compared():
    with pytest.raises(InputError, match='is counted in "EUR" in 2022, in "CNY" in 2023'):
        changes(small(fund={"unit": "EUR"}, label="2022"), small(fund={"unit": "CNY"}))


@pytest.mark.parametrize("label", ["2021", "2023"])
def test_a_mixture_of_one_round_alone_is_that_round(label):
    one = load(ROOT / "models/yrd.toml", round=label)
    found = mixture(dict.fromkeys(CAUSES, fixed(one)))
    np.testing.assert_array_equal(decided(found)[0], one.allocate().decision.optimum.amounts)
    assert changed(fixed(one), fixed(load(ROOT / "models/yrd.toml", round=label))) == ()


def test_a_mixture_without_a_proven_answer_is_named(monkeypatch):
    def fails(*_: object) -> None:
        raise SolverError("no answer.")

    old, new = (Round.of(small((limit(floor=f),), fund={"supply": 600 * f})) for f in (1.1, 1.2))
    monkeypatch.setattr("fundalloc.mixtures.unrounded", fails)
    with pytest.raises(
        SolverError, match=r"^With pool as in the later round and all else as in the earlier one: no ans"
    ):
        changes(old, new)


def test_decided_rounds_are_not_decided_again(monkeypatch):
    old, new = (Round.of(small(fund={"supply": s})) for s in (500, 600))
    expected = changes(old.fund, new.fund).sheet.csv()
    monkeypatch.setattr("fundalloc.change.decide", None)
    monkeypatch.setattr("fundalloc.mixtures.unrounded", None)
    assert changes(old, new).sheet.csv() == expected


@given(st.lists(st.integers(-(10**30), 10**30), max_size=12), st.integers(1, 10**6))
def test_rounded_values_are_next_to_the_real_ones_and_add_up(values, parts):
    found = rounded(values, parts)
    assert all(abs(Fraction(v, parts) - w) < 1 for v, w in zip(values, found, strict=True))
    assert sum(found) == round(Fraction(sum(values), parts))
    assert [-w for w in found] == rounded([-v for v in values], parts)


def test_partitions_begin_with_the_finest():
    found = partitions(CAUSES, ("data", "policy"))
    assert len(found) == len(set(found)) == 52
    assert found[0] == tuple((c,) for c in CAUSES) and found[-1] == (CAUSES,)
    assert found[1] == (("pool",), ("data", "policy"), ("rules",), ("arrears",))
    assert [len(way) for way in found] == sorted((len(way) for way in found), reverse=True)


@pytest.fixture(scope="module")
def delta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of the Yangtze River Delta in 2022 and 2023."""
    folder = tmp_path_factory.mktemp("delta")
    for label in ("2022", "2023"):
        assert run(["allocate", str(ROOT / "models/yrd.toml"), "--round", label, "-o", str(folder / label), "-q"]) == 0
    return folder


def test_the_yangtze_river_delta_on_the_command_line(delta, capsys):
    capsys.readouterr()
    assert run(["explain", str(delta / "2023"), "Huangshan", "--since", "2022"]) == 0
    told = capsys.readouterr().out
    assert "Huangshan (CN-341000) gets 134,130,000 CNY of fund in 2023." in told
    assert (
        "Huangshan (CN-341000) got 134,130,000 CNY of fund in 2023, 5,300,000 (+4.1 %) more than in 2022:\n"
        "  pool      +4,798,450.07  what is shared out grew from 18,430,000,000 to 19,000,000,000 CNY\n"
        "  data        +846,035.78  the data of 2023 instead of those of 2022\n"
        "  policy            +0.00  the key is the same\n"
        "  rules             +0.00  the rules are the same\n"
        "  arrears     -343,368.53  the last round before is 2022 instead of 2021\n"
        "  rounding      -1,117.32  to whole lots of 10,000 CNY\n"
        "  = change     +5,300,000\n"
    ) in told
    assert "averaged over all orders in which the causes can have changed (Shapley value)" in told
    assert run(["explain", str(delta / "2023"), "Huangshan", "--since", str(delta / "2022")]) == 0
    assert capsys.readouterr().out == told
    assert run(["explain", str(delta / "2023"), "Huangshan", "--since", "2019"]) == 3
    assert "no round before 2023 of the regions file. Known are: 2020, 2021, 2022." in capsys.readouterr().err
    assert run(["explain", str(delta / "2023"), "Huangsha", "--since", "2022"]) == 3
    assert "Did you mean Huangshan" in capsys.readouterr().err


def test_a_round_that_this_policy_did_not_decide_is_refused(delta, capsys, tmp_path):
    settings_ = [
        "--set",
        "resources.fund.criteria.need.weight=50",
        "--set",
        "resources.fund.criteria.potential.weight=10",
    ]
    policy, out = str(ROOT / "models/yrd.toml"), str(tmp_path / "out")
    assert run(["allocate", policy, "-o", out, "-q", *settings_]) == 0
    capsys.readouterr()
    assert run(["explain", out, "Huangshan", "--since", "2022"]) == 3
    error = capsys.readouterr().err
    assert (
        "'2022': was not decided by this policy with these data: CN-320100 got 596,490,000 of fund by the history"
        in error
    )
    assert "Name the folder, or a ledger, in which round 2022 is as it was decided." in error
    assert run(["explain", out, "Huangshan", "--since", str(delta / "2022")]) == 0
    told = capsys.readouterr().out
    assert 'weight 50 instead of weight 40 for "need", weight 10 instead of weight 20 for "potential"' in told


def test_a_round_that_the_history_does_not_record_is_said_to_be_so(tmp_path, capsys):
    (tmp_path / "policy.toml").write_text(
        'format = 1\nfund = { round = "2023" }\nregions = { file = "r.csv", id = "id", round = "year" }\n'
        'resources = { fund = { supply = 90, criteria = [ { name = "x", weight = 1, measure = "x" } ] } }\n'
    )
    rows = "id,year,x\nA,2022,1\nB,2022,2\nC,2022,3\nA,2023,2\nB,2023,1\n"
    (tmp_path / "r.csv").write_text(rows)
    out = str(tmp_path / "out")
    assert run(["allocate", str(tmp_path), "-o", out, "-q"]) == 0
    capsys.readouterr()
    assert run(["explain", out, "A", "--since", "2022"]) == 0
    told = capsys.readouterr().out
    assert "A (A) got 60 of fund in 2023, 45 (+300.0 %) more than in 2022:" in told
    assert "the data of 2023 instead of those of 2022, C left" in told
    assert "The history does not record 2022: its amounts are those that this policy decides with its data." in told
    assert run(["explain", out, "C", "--since", "2022"]) == 0
    assert capsys.readouterr().out.startswith("C (C) got 45 of fund in 2022, and none in 2023:")
    assert run(["explain", out, "D", "--since", "2022"]) == 3
    floor = '[[rules]]\nkind = "limit"\nname = "floor"\nfloor = 31\nof = "amount"\n'
    (tmp_path / "policy.toml").write_text(
        (tmp_path / "policy.toml").read_text().replace('x" } ] } }', '1" } ] } }') + floor
    )
    assert run(["allocate", str(tmp_path), "-o", out, "-q"]) == 0
    assert run(["explain", out, "A", "--since", "2022"]) == 3
    told = capsys.readouterr().err
    assert "'2022': was not decided by this policy with these data: No allocation keeps the rule \"floor\"." in told
    (tmp_path / "r.csv").write_text("id,x\nA,1\nB,2\n")
    text = (tmp_path / "policy.toml").read_text().replace(', round = "year"', "")
    (tmp_path / "policy.toml").write_text(text)
    assert run(["allocate", str(tmp_path), "-o", out, "-q"]) == 0
    capsys.readouterr()
    assert run(["explain", out, "A", "--since", "2022"]) == 3
    assert "The regions file holds no earlier round." in capsys.readouterr().err


def test_a_folder_that_cannot_be_compared_is_refused(tmp_path, capsys):
    one = small()
    model = one.model()
    import pyomo.environ as pyo

    model.extra = pyo.Constraint(expr=model.amount["A", "fund"] <= 50)
    one.allocate(model=model).write(tmp_path / "hand")
    small().allocate().write(tmp_path / "plain")
    for folders in (("hand", "plain"), ("plain", "hand")):
        assert run(["explain", str(tmp_path / folders[0]), "A", "--since", str(tmp_path / folders[1])]) == 3
        assert "does not follow from its policy and data" in capsys.readouterr().err
    assert run(["explain", str(tmp_path / "plain"), "A", "--since", str(tmp_path / "plain")]) == 0
    assert "A (A) got 100 of fund in 2023, as much as in 2023 as it was before:" in capsys.readouterr().out
    whole = json.loads((tmp_path / "plain" / "certificate.json").read_text())
    for broken in ({}, [], whole | {"lots": 7}, whole | {"round": 2023}, whole | {"lots": [[1, 2]]}):
        (tmp_path / "hand" / "certificate.json").write_text(json.dumps(broken))
        assert run(["explain", str(tmp_path / "plain"), "A", "--since", str(tmp_path / "hand")]) == 3
        assert "is missing or not as allocate writes it" in capsys.readouterr().err
