"""Keys: weights, rates, claims, open supplies, eligibility, contributions, arrears, numbers by round."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fundalloc import Allocation, Fund, InputError
from fundalloc.policy import parse_policy

FRAME = pd.DataFrame(
    {
        "id": ["A", "B", "C", "D"],
        "state": ["N", "N", "S", "S"],
        "people": [100, 200, 300, 400],
        "need": [4.0, 3.0, 2.0, 1.0],
        "levy": [10.0, 20.0, 30.0, 60.0],
        "coastal": [0, 1, 1, 1],
        "ask": [50.0, 100.0, 150.0, 300.0],
    }
)


def fund(resource: dict[str, Any], rules: list[dict[str, Any]] | None = None, **more: Any) -> Fund:
    history = more.pop("history", None)
    frame = more.pop("frame", FRAME)
    stated = {
        "format": 1,
        "fund": {"round": more.pop("round", "2023")},
        "regions": {"id": "id", "groups": ["state"], "population": "people", **more.pop("regions", {})},
        "resources": {"fund": {"supply": 1000, "unit": "EUR", "lot": Decimal("0.01"), **resource}},
        "rules": rules or [],
        **more,
    }
    return Fund(parse_policy(stated), frame, history)


def decide(resource: dict[str, Any], rules: list[dict[str, Any]] | None = None, **more: Any) -> Allocation:
    return fund(resource, rules, **more).allocate()


def amounts(allocation: Allocation, column: str = "amount") -> dict[str, Decimal]:
    c = allocation.sheets["allocation.csv"].columns
    return dict(zip(c["region_id"], (Decimal(x) if x else None for x in c[column]), strict=True))


def weighted(**weights: float) -> list[dict[str, Any]]:
    return [{"name": name, "weight": w, "measure": name} for name, w in weights.items()]


def cents(*numbers: float | str) -> dict[str, Decimal]:
    return dict(zip("ABCD", (Decimal(str(n)).quantize(Decimal("0.01")) for n in numbers), strict=True))


def test_weights_divide_the_money_each_in_proportion_to_its_measure():
    found = decide({"criteria": weighted(people=60, need=40)})
    for column in ("amount", "entitlement", "target"):
        assert amounts(found, column) == cents(60 + 160, 120 + 120, 180 + 80, 240 + 40)


def test_weights_of_1_and_of_100_are_the_same():
    one, hundred = ({"criteria": weighted(people=a, need=b)} for a, b in ((0.25, 0.75), (25, 75)))
    assert amounts(decide(one)) == amounts(decide(hundred))


def test_a_reserve_is_held_back_and_rounded_down_to_a_lot():
    allocation = decide({"criteria": weighted(people=1), "reserve": Decimal("0.05"), "lot": 4, "supply": 1001})
    assert sum(amounts(allocation).values()) == 948
    assert allocation.summary["resources"]["fund"]["shared_out"] == "948"
    assert all(a % 4 == 0 for a in amounts(allocation).values())


def test_rates_are_served_first_and_weights_divide_what_is_left():
    criteria = [{"name": "each", "rate": 2, "measure": "people / 10"}, *weighted(need=1)]
    assert amounts(decide({"criteria": criteria})) == cents(20 + 320, 40 + 240, 60 + 160, 80 + 80)


def test_rates_alone_are_scaled_to_the_supply_and_the_summary_says_so():
    allocation = decide({"criteria": [{"name": "each", "rate": 2, "measure": "people"}]})
    assert amounts(allocation) == cents(100, 200, 300, 400)
    facts = allocation.summary["resources"]["fund"]
    assert (facts["asked"], facts["scale"]) == ("2000", "0.5")
    mixed = decide({"criteria": [{"name": "each", "rate": 1, "measure": "people / 10"}, *weighted(need=1)]})
    assert mixed.summary["resources"]["fund"]["scale"] is None


def test_an_open_supply_gives_each_region_its_target():
    resource = {"supply": "open", "criteria": [{"name": "each", "rate": 2, "measure": "people"}]}
    allocation = decide(resource, [{"kind": "limit", "name": "cap", "cap": 500}])
    assert amounts(allocation) == cents(200, 400, 500, 500)
    rows = [r for r in allocation.sheets["steps.csv"].rows() if r[2] == "cap"]
    assert sum(Decimal(r[4]) for r in rows) == 0
    assert [r[0] for r in rows if Decimal(r[4]) > 0] == [""]
    assert allocation.summary["resources"]["fund"]["supply"] == "open"


def test_a_supply_may_be_an_expression_and_numbers_may_change_by_round():
    assert sum(amounts(decide({"supply": "sum(levy)", "criteria": weighted(people=1)})).values()) == 120
    resource = {"supply": {"2020": 100, "2023": 200, "2025": 400}, "criteria": weighted(people=1)}
    for label, total in (("2020", 100), ("2022", 100), ("2023", 200), ("2024", 200), ("2030", 400)):
        assert sum(amounts(decide(resource, round=label)).values()) == total
    with pytest.raises(InputError, match="no supply is stated for round 2019 or before"):
        decide(resource, round="2019")


def test_weights_and_rates_may_change_by_round():
    criteria = [
        {"name": "people", "weight": {"2020": 100, "2023": 0}, "measure": "people"},
        {"name": "need", "weight": {"2020": 0, "2023": 100}, "measure": "need"},
    ]
    assert amounts(decide({"criteria": criteria}, round="2021")) == cents(100, 200, 300, 400)
    assert amounts(decide({"criteria": criteria})) == cents(400, 300, 200, 100)


def test_who_takes_no_part_gets_nothing_and_is_outside_the_sums():
    resource = {"where": "coastal", "criteria": [{"name": "n", "weight": 1, "measure": "need / sum(need)"}]}
    assert amounts(decide(resource)) == cents(0, 500, 333.33, 166.67)
    floor = {"kind": "limit", "name": "floor", "of": "head", "floor": 0.5}
    assert amounts(decide(resource, [floor]))["A"] == 50
    only = {"kind": "limit", "name": "north", "each": "state", "of": "entitlement", "floor": 1}
    allocation = decide(resource, [only])
    low = {r[3]: float(r[5]) for r in allocation.sheets["rules.csv"].rows()}
    assert low == {"N": 500.0, "S": 500.0}


def test_contributions_are_set_against_amounts():
    allocation = decide({"criteria": weighted(people=1), "contribution": "levy"})
    assert amounts(allocation, "contribution") == {"A": 10, "B": 20, "C": 30, "D": 60}
    assert amounts(allocation, "net") == {"A": 90, "B": 180, "C": 270, "D": 340}


def test_claims_are_awarded_by_the_named_rule():
    claims = {"measure": "ask", "rule": "constrained_equal_awards"}
    assert amounts(decide({"supply": 400, "claims": claims})) == cents(50, 100, 125, 125)
    steps = {r[3] for r in decide({"supply": 400, "claims": claims}).sheets["steps.csv"].rows()}
    assert "claim" in steps and "criterion" not in steps


def test_claims_below_the_supply_are_flagged_but_not_claims_that_come_to_it():
    claims = {"measure": "ask", "rule": "constrained_equal_awards"}
    asked = int(sum(float(a) for a in amounts(decide({"supply": 10**6, "claims": claims})).values()))
    for supply, flagged in ((asked, False), (asked + 1, True)):
        found = decide({"supply": supply, "claims": claims}).flags
        assert any(f.code == "claims_below_supply" for f in found) == flagged


def test_who_takes_no_part_claims_nothing():
    found = decide({"supply": 1000, "where": "coastal", "claims": {"measure": "ask", "rule": "talmud"}})
    assert amounts(found) == cents(0, 100, 150, 300)
    assert found.summary["resources"]["fund"]["asked"] == "550"


def test_claims_below_the_supply_are_paid_and_the_rest_stays():
    allocation = decide({"supply": 1000, "claims": {"measure": "ask", "rule": "talmud"}})
    assert amounts(allocation) == cents(50, 100, 150, 300)
    assert [f.code for f in allocation.flags] == ["claims_below_supply"]


def test_the_most_lots_are_shared_out_and_a_value_may_be_a_part():
    resource = {"supply": 2**53, "lot": 1, "criteria": weighted(need=1), "value": "need / 10 - 0.1"}
    assert fund(resource).problem.resources[0].lots == 2**53


def test_a_supply_of_nothing_is_a_flag():
    flags = fund({"supply": 0, "criteria": weighted(need=1)}).problem.flags
    assert [(f.code, f.subject, f.value) for f in flags] == [("supply_zero", "fund", 0.0)]


def test_an_account_at_its_limit_is_a_flag():
    def flagged(*paid: float, share: float = 0.5) -> list[tuple[str, float, float]]:
        past = {"round": "2022", "region_id": list("ABCD"), "resource": "fund", "entitlement": [100, 200, 300, 400]}
        stated = {"criteria": weighted(people=1), "arrears": share}
        flags = fund(stated, history=pd.DataFrame({**past, "amount": paid})).problem.flags
        return [(f.subject, f.value, f.threshold) for f in flags if f.code == "arrears_limit"]

    assert flagged(0, 200, 300, 500) == [("A", 100.0, 100.0)]
    assert flagged(250, 200, 300, 250) == [("A", -150.0, 100.0)]
    assert flagged(1, 200, 300, 499) == []
    assert flagged(0, 200, 300, 500, share=0) == []


def test_a_recorded_arrears_is_made_good_and_adds_up_to_nothing():
    past = pd.DataFrame(
        {
            "round": "2022",
            "region_id": list("ABCD"),
            "resource": "fund",
            "entitlement": [100, 200, 300, 400],
            "amount": [60, 200, 300, 440],
        }
    )
    allocation = decide({"criteria": weighted(people=1), "arrears": 0.5}, history=past)
    assert amounts(allocation, "entitlement") == cents(100, 200, 300, 400)
    assert amounts(allocation) == amounts(allocation, "target") == cents(120, 200, 300, 380)
    assert amounts(allocation, "arrears") == cents(20, 0, 0, -20)


def test_previous_can_stand_in_a_measure_and_is_0_without_a_record():
    past = pd.DataFrame(
        {"round": "2022", "region_id": ["A", "B"], "resource": "fund", "entitlement": [5, 5], "amount": [30, 70]}
    )
    criteria = [{"name": "as before", "weight": 1, "measure": "previous"}]
    assert amounts(decide({"criteria": criteria}, history=past)) == cents(300, 700, 0, 0)


def test_a_history_without_an_earlier_round_is_a_first_round():
    past = pd.DataFrame(columns=["round", "region_id", "resource", "entitlement", "amount"])
    rule = {"kind": "limit", "name": "pace", "of": "previous", "floor": 0.9}
    allocation = decide({"criteria": weighted(people=1)}, [rule], history=past)
    assert amounts(allocation) == cents(100, 200, 300, 400)
    assert {f.code for f in allocation.flags} >= {"no_record"}


def test_resources_are_divided_each_on_its_own():
    land = {"supply": 10, "unit": "ha", "lot": 1, "criteria": weighted(need=1)}
    stated = fund({"criteria": weighted(people=1)}).policy.model_dump(by_alias=True)
    stated["resources"]["land"] = land
    allocation = Fund(parse_policy(stated), FRAME).allocate()
    c = allocation.sheets["allocation.csv"].columns
    assert list(c["resource"]) == ["fund"] * 4 + ["land"] * 4
    assert list(c["amount"])[4:] == ["4", "3", "2", "1"]
    assert "contribution" not in c


FAULTS = {
    "negative measure": ({"criteria": weighted(**{"need - 2": 1})}, "D (D); a criterion cannot be below 0"),
    "sums to 0": ({"criteria": weighted(**{"need * 0": 1})}, "its slice could go to nobody"),
    "rates above the supply": (
        {"criteria": [{"name": "r", "rate": 9, "measure": "people"}, *weighted(need=1)]},
        "the rates ask for 9,000.00, more than the 1,000.00 that are shared out",
    ),
    "rates ask for nothing": ({"criteria": [{"name": "r", "rate": 0, "measure": "people"}]}, "ask for nothing"),
    "weight and rate": ({"criteria": [{"name": "x", "weight": 1, "rate": 1, "measure": "need"}]}, "either a weight or"),
    "criteria and claims": ({"criteria": weighted(need=1), "claims": {"measure": "ask"}}, "both criteria and claims"),
    "nothing": ({}, "neither criteria nor claims"),
    "open with weights": ({"supply": "open", "criteria": weighted(need=1)}, "rates only"),
    "open with reserve": (
        {"supply": "open", "reserve": Decimal("0.1"), "criteria": [{"name": "r", "rate": 1, "measure": "need"}]},
        "can hold nothing back",
    ),
    "nobody takes part": ({"where": "need > 9", "criteria": weighted(need=1)}, "no region takes part"),
    "negative claim": ({"claims": {"measure": "ask - 60"}}, "a claim cannot be below 0"),
    "reserve of 1": ({"reserve": 1, "criteria": weighted(need=1)}, "reserve"),
    "lot of 0": ({"lot": 0, "criteria": weighted(need=1)}, "lot"),
    "a text as a condition": ({"where": "state", "criteria": weighted(need=1)}, "is a text"),
    "a value below 0": ({"criteria": weighted(need=1), "value": "need - 1.5"}, "worth less than nothing"),
    "too many lots": ({"supply": 2**53 + 1, "lot": 1, "criteria": weighted(need=1)}, "a lot 2 times as large"),
    "too large": (
        {"supply": "open", "criteria": [{"name": "r", "rate": 1e9, "measure": "need * 1e300"}]},
        "their sum is no number",
    ),
    "unknown claims rule": ({"claims": {"measure": "ask", "rule": "talmod"}}, "talmud"),
    "entitlement in the key": ({"criteria": weighted(entitlement=1)}, "not known while the key is computed"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_key_is_an_error_that_says_where(name):
    resource, words = FAULTS[name]
    with pytest.raises(InputError) as caught:
        decide(resource)
    assert words in str(caught.value)
    assert "resources.fund" in str(caught.value)


def test_a_criterion_without_weight_in_this_round_may_sum_to_nothing():
    found = amounts(decide({"criteria": weighted(people=1, **{"need * 0": 0})}))
    assert found == cents(100, 200, 300, 400)


def test_a_measure_that_is_the_same_for_all_is_a_flag_where_that_is_news():
    def same(measure: str, **resource: Any) -> list[tuple[str, float]]:
        criteria = [*weighted(people=50), {"name": "x", "weight": 50, "measure": measure}]
        flags = fund({"criteria": criteria, **resource}).problem.flags
        return [(f.subject, f.value) for f in flags if f.code == "no_difference"]

    assert same("levy * 0 + 7") == same("coastal + 6", where="coastal") == [("x", 7.0)]
    assert same("coastal + 6", where="people < 250") == []
    assert same("people * need", where="people < 150 or need < 1.5") == [("x", 400.0)]
    assert same("need", where="people > 350") == same("7") == same("need") == []
    rates = [{"name": "x", "rate": 1, "measure": "levy * 0 + 7"}]
    assert fund({"criteria": rates}).problem.flags == ()


def test_what_has_no_number_is_said_once():
    for bad in ("1 / (need - 1)", "(need - 1) / (need - 1)"):
        with pytest.raises(InputError) as caught:
            decide({"criteria": weighted(**{bad: 1})})
        assert len(caught.value.faults) == 1


def test_claims_that_a_rule_cannot_take_are_an_error():
    claims = {"measure": "people * sqrt(people)", "rule": "random_arrival"}
    frame = pd.DataFrame({"id": [f"R{i}" for i in range(150)], "state": "N", "people": range(100, 250)})
    with pytest.raises(InputError, match="random_arrival"):
        decide({"supply": 150_000, "claims": claims}, frame=frame)


def test_the_equal_share_is_per_head_or_per_region():
    def equal(allocation: Allocation) -> list[tuple[str, str]]:
        return [(r[2], r[4]) for r in allocation.sheets["steps.csv"].rows() if r[3] == "equal"]

    by_head = decide({"criteria": weighted(need=1)})
    assert equal(by_head)[0] == ("equal share per head", "100.00")
    by_region = decide({"criteria": weighted(need=1)}, regions={"population": None})
    assert equal(by_region)[0] == ("equal share per region", "250.00")


def test_nothing_depends_on_a_billion_fold_supply():
    small = decide({"criteria": weighted(people=60, need=40)}).decision.amounts
    large = decide({"supply": 1000 * 10**9, "lot": 10**7, "criteria": weighted(people=60, need=40)}).decision.amounts
    assert np.array_equal(small * 10**9, large)


def test_a_supply_that_is_an_expression_where_one_region_takes_part():
    allocation = decide({"where": "id == 'A'", "supply": "sum(people)", "criteria": weighted(people=1)})
    given = amounts(allocation)
    assert given["A"] > 0 and not any(float(v) for k, v in given.items() if k != "A")


def test_who_takes_no_part_values_nothing():
    found = decide({"where": "coastal", "value": "2", "criteria": weighted(people=1)}).decision.problem
    assert found.value.tolist() == [0.0, 2.0, 2.0, 2.0]
