"""The rule limit: every `of`, each, where, over, from and until, modes, and what its rows say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from fundalloc import Fund, InputError
from fundalloc.policy import parse_policy
from fundalloc.rules import Rows, are_kept, tolerance
from fundalloc.rules.smooth import Atkinson

YEARS = ("2021", "2022", "2023")
FRAME = pd.DataFrame(
    {
        "id": list("ABCD") * 3,
        "year": [y for y in YEARS for _ in range(4)],
        "state": ["N", "N", "S", "S"] * 3,
        "people": [100, 200, 300, 400, 110, 210, 310, 410, 120, 220, 320, 420],
        "gdp": [10, 20, 30, 40, 11, 21, 31, 41, 12, 22, 32, 42],
    }
)


def paid(resource: str, entitlement: list[float], amount: list[float]) -> pd.DataFrame:
    """A history of two rounds."""
    return pd.DataFrame(
        {
            "round": [y for y in YEARS[:2] for _ in range(4)],
            "region_id": list("ABCD") * 2,
            "resource": resource,
            "entitlement": entitlement,
            "amount": amount,
        }
    )


PAST = paid("fund", [100, 200, 300, 400, 110, 210, 310, 410], [90, 190, 290, 430, 120, 190, 300, 430])


def fund(*rules: dict[str, Any], past: pd.DataFrame | None = PAST, frame: pd.DataFrame = FRAME, **more: Any) -> Fund:
    resource = {
        "supply": 1000,
        "unit": "EUR",
        "criteria": [{"name": "people", "weight": 1, "measure": "people"}],
        **more.pop("resource", {}),
    }
    stated = {
        "format": 1,
        "fund": {"round": more.pop("round", "2023")},
        "regions": {"id": "id", "round": "year", "groups": ["state"], "population": "people"},
        "resources": {"fund": resource, **more.pop("resources", {})},
        "rules": [{"kind": "limit", **r} for r in rules],
        **more,
    }
    return Fund(parse_policy(stated), frame, past)


def rows(rule: dict[str, Any], **more: Any) -> Rows:
    found = fund({"name": "r", **rule}, **more).rows
    assert len(found) == 1
    return found[0]


HEADS = np.array([120, 220, 320, 420])
KEY = HEADS / 1080 * 1000
BASES = {
    "amount": np.ones(4),
    "share": np.full(4, 1000.0),
    "head": HEADS,
    "entitlement": KEY,
    "previous": np.array([120, 190, 300, 430]),
    "gdp * 2": np.array([24, 44, 64, 84]),
    "7": np.full(4, 7.0),
}


@pytest.mark.parametrize("of", BASES)
@pytest.mark.parametrize("each", ["region", "state", "all"])
def test_the_bounds_are_multiples_of_what_is_named_added_up_over_the_place(of, each):
    found = rows({"of": of, "floor": 0.5, "cap": 3, "each": each})
    labels = {"region": list("ABCD"), "state": ["N", "N", "S", "S"], "all": ["all"] * 4}[each]
    places = list(dict.fromkeys(labels))
    assert list(found.places) == places
    if of in ("amount", "share"):
        basis = np.full(len(places), BASES[of][0])
    else:
        basis = np.array([sum(b for b, label in zip(BASES[of], labels, strict=True) if label == p) for p in places])
    assert np.allclose(found.basis, basis, rtol=1e-14)
    assert np.allclose(found.low, 0.5 * basis, rtol=1e-14)
    assert np.allclose(found.high, 3 * basis, rtol=1e-14)
    members = np.array([[label == p for label in labels] for p in places], dtype=float)
    assert (found.matrix.toarray() == members).all()


def test_one_side_leaves_the_other_open():
    assert np.isinf(rows({"floor": 1}).high).all()
    assert np.isinf(-rows({"cap": 1}).low).all()


def test_where_chooses_who_is_added_up():
    found = rows({"of": "head", "floor": 1, "each": "state", "where": "gdp > 12"})
    assert (found.places, found.basis.tolist()) == (("N", "S"), [220, 740])
    assert rows({"of": "head", "floor": 1, "where": 'state == "S"'}).places == ("C", "D")


def test_where_meets_nobody_is_a_flag():
    found = fund({"name": "r", "of": "head", "floor": 1, "where": "gdp > 99"})
    assert found.rows == ()
    assert [(f.code, f.subject) for f in found.problem.flags] == [("no_place", "r")]


@pytest.mark.parametrize("of", ["entitlement", "previous", "gdp", "head", "amount", "share"])
def test_over_adds_past_rounds_on_both_sides(of):
    found = rows({"of": of, "floor": 0.9, "over": 3})
    past = {"entitlement": [210, 410, 610, 810], "gdp": [21, 41, 61, 81], "head": [210, 410, 610, 810]}
    now = {"entitlement": KEY, "gdp": np.array([12, 22, 32, 42]), "head": HEADS}
    if of in now:
        basis = now[of] + np.array(past[of])
    elif of == "previous":
        basis = np.array([120, 190, 300, 430]) + np.array([90, 190, 290, 430])
    else:
        basis = np.full(4, 3.0) if of == "amount" else np.full(4, 1000.0 + 1040 + 1000)
    paid = np.array([210, 380, 590, 860])
    if of == "previous":
        assert np.allclose(found.low[1:], (0.9 * basis - paid)[1:])
    else:
        assert np.allclose(found.basis, basis, rtol=1e-14)
        assert np.allclose(found.low, 0.9 * basis - paid, rtol=1e-12)


def test_over_counts_as_many_rounds_as_there_are():
    assert np.allclose(rows({"of": "head", "floor": 1, "over": 9}).basis, HEADS + np.array([210, 410, 610, 810]))


def test_over_without_the_data_of_the_round_is_an_error():
    only = FRAME[FRAME["year"] == "2023"]
    with pytest.raises(InputError, match="needs the data of round 2022"):
        _ = fund({"name": "r", "of": "gdp", "floor": 1, "over": 2}, frame=only).rows
    assert fund({"name": "r", "of": "entitlement", "floor": 1, "over": 2}, frame=only).rows


def test_a_region_without_a_record_is_not_bound_and_a_recorded_0_binds():
    past = PAST[(PAST["region_id"] != "A")].copy()
    past.loc[past["region_id"] == "B", "amount"] = 0
    found = fund({"name": "r", "of": "previous", "cap": 1.2}, past=past)
    assert found.rows[0].places == ("B", "C", "D")
    assert found.rows[0].high[0] == 0
    assert [(f.code, f.subject) for f in found.problem.flags] == [("no_record", "A")]
    group = fund({"name": "r", "of": "previous", "cap": 1.2, "each": "state"}, past=past).rows[0]
    assert group.matrix.toarray().tolist() == [[0, 1, 0, 0], [0, 0, 1, 1]]


def test_a_rule_holds_from_and_until_its_rounds():
    for first, last, there in (
        ("2023", "2023", True),
        ("2024", None, False),
        (None, "2022", False),
        ("2020", "2030", True),
        (None, "2023", True),
    ):
        rule = {"name": "r", "floor": 1, **({"from": first} if first else {}), **({"until": last} if last else {})}
        found = fund(rule)
        assert bool(found.rows) == there
        assert [f.code for f in found.problem.flags] == ([] if there else ["not_in_force"])


def test_bounds_may_change_by_round():
    assert rows({"floor": {"2020": 1, "2022": 2, "2024": 3}}).low.tolist() == [2, 2, 2, 2]
    assert np.isinf(-rows({"floor": {"2024": 3}, "cap": 900}).low).all()


def test_a_rule_without_a_resource_speaks_of_every_resource_on_its_own():
    land = {"supply": 10, "unit": "ha", "lot": 1, "criteria": [{"name": "g", "weight": 1, "measure": "gdp"}]}
    found = fund({"name": "r", "of": "share", "cap": 0.9}, resources={"land": land}).rows
    assert [(r.resource, r.high[0]) for r in found] == [("fund", 900.0), ("land", 9.0)]
    found = fund({"name": "r", "of": "share", "cap": 0.9, "resource": "land"}, resources={"land": land}).rows
    assert [(r.resource, r.matrix.indices.tolist()) for r in found] == [("land", [4, 5, 6, 7])]


def test_a_watched_rule_is_only_a_flag():
    free = fund().allocate()
    watched = fund({"name": "r", "of": "share", "cap": 0.2, "mode": "watch"}).allocate()
    assert (free.decision.amounts == watched.decision.amounts).all()
    assert [(f.code, f.subject, f.threshold) for f in watched.flags] == [
        ("watched_rule", "B", 200.0),
        ("watched_rule", "C", 200.0),
        ("watched_rule", "D", 200.0),
    ]


FAULTS = {
    "negative of": ({"of": "gdp - 30", "floor": 1}, "A (A); what a bound is a multiple of cannot be below 0"),
    "negative floor": ({"of": "head", "floor": -1}, "below 0"),
    "of is no number": ({"of": "1 / (gdp - 12)", "floor": 1}, "gives an infinite number for A (A)"),
    "unknown resource": ({"resource": "lend", "floor": 1}, "is no resource"),
    "list of resources": ({"resource": ["fund", "lend"], "floor": 1}, "Did you mean fund"),
    "over of 0": ({"floor": 1, "over": 0}, "over"),
    "mode": ({"floor": 1, "mode": "must"}, "require"),
    "head without population": ({"of": "state", "floor": 1}, "is a text"),
    "floor above cap in one round": ({"floor": {"2020": 1, "2022": 5}, "cap": 3}, "floor 5 is above cap 3"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_rule_is_an_error_that_names_it(name):
    rule, words = FAULTS[name]
    with pytest.raises(InputError) as caught:
        _ = fund({"name": "my rule", **rule}).rows
    assert words in str(caught.value)
    assert "my rule" in str(caught.value) or "rules" in str(caught.value)


SENTENCES = {
    "each region gets at least 40 EUR a head": {"of": "head", "floor": 40},
    "each state gets at least 95 % of its entitlement": {"of": "entitlement", "floor": 0.95, "each": "state"},
    "all regions together (those where gdp < 20) get at least 50 % of what is shared out": {
        "of": "share",
        "floor": 0.5,
        "each": "all",
        "where": "gdp < 20",
    },
    "each region gets at most 4 EUR x (gdp)": {"of": "gdp", "cap": 4},
    "each region gets at most 100 % of what is shared out": {"of": "share", "cap": 1},
    "each region gets at most 1.5 of what is shared out": {"of": "share", "cap": 1.5},
    "each region gets at least 1,000 EUR and at most 2,000 EUR": {"floor": 1000, "cap": 2000},
    "each region gets at least 90 % of what it got in the last round, added up over 3 rounds": {
        "of": "previous",
        "floor": 0.9,
        "over": 3,
    },
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_sentence_of_a_rule(sentence):
    rule = fund({"name": "r", **SENTENCES[sentence]}).policy.rules[0]
    assert rule.sentence("EUR", "2023") == sentence


# What a rule says beyond its bounds: other numbers, fewer cells, words. The rule link, row by row.

LAND = {"supply": 10, "unit": "ha", "lot": 1, "criteria": [{"name": "g", "weight": 1, "measure": "gdp"}]}
LAND_PAST = paid("land", [1.0, 2, 3, 4, 2, 2, 3, 3], [2.0, 1, 3, 4, 1, 3, 3, 3])


def link(**fields: Any) -> Rows:
    rule = {"kind": "link", "name": "r", "resource": "land", "to": "fund", **fields}
    both = pd.concat([PAST, LAND_PAST])
    return rows(rule, resources={"land": LAND}, past=both)


@pytest.mark.parametrize("of", ["share", "coverage", "amount"])
@pytest.mark.parametrize("each", ["region", "state", "all"])
@pytest.mark.parametrize("over", [1, 3])
def test_a_link_compares_sums_over_places_and_rounds(of, each, over):
    found = link(of=of, each=each, over=over, floor=0.8, cap=1.1)
    labels = {"region": list("ABCD"), "state": ["N", "N", "S", "S"], "all": ["all"] * 4}[each]
    places = list(dict.fromkeys(labels))
    assert list(found.places) == [*(f"{p} (floor)" for p in places), *(f"{p} (cap)" for p in places)]
    x = np.random.default_rng(1).uniform(1, 9, 8)
    land_key = np.array([12, 22, 32, 42]) / 108 * 10

    def measured(past: pd.DataFrame, amounts: np.ndarray, key: np.ndarray, total: float) -> tuple[Any, Any]:
        """Amounts of each place, and what they are compared per."""
        amount, due = amounts.copy(), key.copy()
        for year in YEARS[:2] if over == 3 else ():
            round_ = past[past["round"] == year]
            amount += round_["amount"].to_numpy()
            due += round_["entitlement"].to_numpy()
            total += round_["amount"].sum()
        place = np.array([[label == p for label in labels] for p in places], dtype=float)
        return place @ amount, {"share": total, "coverage": place @ due, "amount": 1.0}[of]

    (land, mine), (money, other) = (
        measured(LAND_PAST, x[4:], land_key, 10.0),
        measured(PAST, x[:4], KEY, 1000.0),
    )
    value, count = found.values(x), len(places)
    assert value[:count] - found.low[:count] == pytest.approx(land - 0.8 * money * mine / other)
    assert found.high[count:] - value[count:] == pytest.approx(1.1 * money * mine / other - land)
    assert np.isposinf(found.high[:count]).all() and np.isneginf(found.low[count:]).all()


def test_a_link_with_one_bound_is_named_by_its_places_and_says_nothing_without_entitlements():
    assert link(floor=0.8).places == link(cap=0.8).places == tuple("ABCD")
    nothing = {**LAND, "criteria": [{"name": "g", "weight": 1, "measure": "maximum(0, gdp - 12)"}]}
    rule = {"kind": "link", "name": "r", "resource": "fund", "to": "land", "cap": 2.0}
    assert rows({**rule, "of": "coverage"}, resources={"land": nothing}).places == tuple("BCD")
    assert rows({**rule, "of": "amount"}, resources={"land": nothing}).places == tuple("ABCD")
    little = {**LAND, "supply": 2}
    assert rows({**rule, "of": "coverage"}, resources={"land": little}).places == tuple("ABCD")
    back = {**rule, "resource": "land", "to": "fund", "of": "coverage"}
    assert rows(back, resources={"land": little}).places == tuple("ABCD")
    some = {**LAND, "where": "gdp > 30"}
    assert rows({**rule, "of": "share"}, resources={"land": some}).places == tuple("CD")


NUMBERS: list[dict[str, Any]] = [
    {"of": "head", "floor": 0.5, "cap": 1.5},
    {"of": "previous", "floor": 0.5, "each": "state", "over": 2},
    {"of": "entitlement", "cap": 1.2},
    {"kind": "link", "resource": "land", "to": "fund", "floor": 0.5, "cap": 1.5, "over": 2},
    {"kind": "link", "resource": "land", "to": "fund", "of": "coverage", "cap": 1.5},
]


@pytest.mark.parametrize("rule", NUMBERS, ids=str)
def test_rows_with_other_numbers_are_those_of_the_rule_with_other_numbers(rule):
    def stated(floor: float, cap: float) -> Rows:
        other = {k: rule[k] + d for k, d in (("floor", floor), ("cap", cap)) if k in rule}
        whole = {"name": "r", "resource": "fund", **rule, **other}
        return rows(whole, resources={"land": LAND}, past=pd.concat([PAST, LAND_PAST]))

    for floor, cap in ((0.1, 0.0), (0.0, -0.1), (-0.2, 0.3)):
        moved, right = stated(0, 0).moved(floor, cap), stated(floor, cap)
        for x in np.random.default_rng(0).uniform(1, 9, (5, 8)):
            value, other = moved.values(x), right.values(x)
            assert value - moved.low == pytest.approx(other - right.low)
            assert moved.high - value == pytest.approx(right.high - other)
    gone = stated(0, 0).moved(-np.inf, np.inf)
    assert np.isneginf(gone.low).all() and np.isposinf(gone.high).all()
    half = stated(0, 0).moved(-np.inf, 0.0)
    assert np.isneginf(half.low).all()
    assert half.high == pytest.approx(stated(0, 0).high)
    assert np.isfinite(half.matrix.data).all()
    other = stated(0, 0).moved(0.0, np.inf)
    assert np.isposinf(other.high).all()
    assert other.low == pytest.approx(stated(0, 0).low)
    assert np.isfinite(other.matrix.data).all()


def test_a_number_that_is_gone_leaves_the_other_as_it_is():
    found = link(floor=0.5, cap=1.5)
    floors = np.array([place.endswith("(floor)") for place in found.places])
    for change, gone in (((-np.inf, 0.0), floors), ((0.0, np.inf), ~floors)):
        moved = found.moved(*change)
        assert (moved.matrix != found.matrix).nnz == 0
        assert np.isneginf(moved.low[gone]).all() and np.isposinf(moved.high[gone]).all()
        assert (moved.low[~gone] == found.low[~gone]).all() and (moved.high[~gone] == found.high[~gone]).all()


def test_what_has_no_basis_has_no_other_numbers():
    past = PAST.assign(amount=PAST["amount"] * (PAST["region_id"] != "B"))
    found = rows({"of": "previous", "floor": 0.5}, past=past).moved(0.1, 0.0)
    assert found.low == pytest.approx(np.array([72, 0, 180, 258]))
    assert rows({"of": "previous", "cap": 0.5}, past=past).moved(0.0, np.inf).high.tolist()[1] == 0


def test_rows_without_some_cells_are_those_of_the_others():
    for each, left in (("region", ["B", "D"]), ("state", ["N", "S"])):
        found = rows({"of": "head", "floor": 1, "cap": 2, "each": each})
        less = found.without(np.array([True, False, True, False]))
        assert list(less.places) == left
        keep = [found.places.index(p) for p in left]
        assert less.matrix.toarray().tolist() == (found.matrix.toarray()[keep] * [0, 1, 0, 1]).tolist()
        for name in ("low", "high", "basis"):
            assert getattr(less, name).tolist() == getattr(found, name)[keep].tolist()
    tied = link(floor=0.5).without(np.array([True, False, False, False, True, False, False, False]))
    assert tied.places == tuple("BCD")
    assert tied.slope is not None and tied.slope.shape[0] == 3


def test_rows_know_which_are_plain_sums_and_which_one_amount():
    assert rows({"floor": 1}).plain.all() and rows({"floor": 1}).single.all()
    group = rows({"floor": 1, "each": "state"})
    assert group.plain.all() and not group.single.any() and group.counts.tolist() == [2, 2]
    assert not link(floor=0.5).plain.any() and not link(floor=0.5).single.any()


def test_float_arithmetic_may_miss_a_bound_by_a_part_of_it_or_of_the_amounts():
    found = rows({"of": "head", "floor": 1, "cap": 2})
    assert tolerance(found, np.zeros(4)) == pytest.approx(2e-9 * HEADS)
    assert tolerance(found, np.full(4, 1e4)) == pytest.approx([1e-5] * 4)
    assert tolerance(rows({"of": "head", "floor": 3}), -np.ones(4)) == pytest.approx(3e-9 * HEADS)


def test_rows_are_kept_where_neither_bound_is_missed_by_more_than_float_arithmetic_leaves():
    both = rows({"of": "head", "floor": 1, "cap": 2})
    shared_out = np.full(4, 1000.0)
    for amounts, kept in (
        (HEADS, True),
        (2 * HEADS, True),
        (1.5 * HEADS, True),
        (HEADS * (1 - 1e-10), True),
        (2 * HEADS * (1 + 1e-10), True),
        (HEADS * (1 - 1e-7), False),
        (2 * HEADS * (1 + 1e-7), False),
        (HEADS * [1, 1, 1, 0.9], False),
        (HEADS * [2.1, 1, 1, 1], False),
    ):
        assert are_kept(both, np.asarray(amounts, dtype=float), shared_out) == kept
    nothing = rows({"cap": 0})
    assert are_kept(nothing, np.full(4, 1e-15), np.ones(4)) and not are_kept(nothing, np.full(4, 1e-14), np.zeros(4))
    assert not are_kept(nothing, np.full(4, 1.5e-15), np.ones(4))


STEPS = {
    "share": (0.01, "one percentage point of what is shared out"),
    "entitlement": (0.01, "one percentage point of the entitlement"),
    "previous": (0.01, "one percentage point of last round's amount"),
    "head": (1.0, "one EUR a head"),
    "amount": (1.0, "one EUR"),
    "gdp": (0.01, "0.01 x (gdp)"),
}


@pytest.mark.parametrize("of", STEPS)
def test_numbers_are_thought_of_in_steps(of):
    assert fund({"name": "r", "of": of, "floor": 0}).policy.rules[0].step("EUR") == STEPS[of]
    if of == "head":
        assert fund({"name": "r", "of": of, "floor": 0}).policy.rules[0].step("") == (1.0, "one unit a head")


def test_an_order_has_no_number_to_step_and_no_rule_changes():
    order = fund({"kind": "progressive", "name": "r", "by": "gdp"}).policy.rules[0]
    assert order.step("EUR") == (0.0, "")
    with pytest.raises(ValidationError, match="frozen"):
        order.by = "people"


def test_aversion_to_inequality_is_a_half_unless_it_is_stated():
    cap = {"kind": "inequality", "name": "r", "measure": "atkinson", "at_most": 0.1}
    assert fund(cap).rows[0].spread.same(Atkinson(aversion=0.5))


LINKED = {
    "for each region its share of land is at least 80 % of and at most 120 % of its share of fund": {"cap": 1.2},
    "for each state the coverage of its entitlement to land is at least 80 % of that of its entitlement to fund": {
        "of": "coverage",
        "each": "state",
    },
    "for all regions together its amount of land is at least 80 % of its amount of fund, added up over 2 rounds": {
        "of": "amount",
        "each": "all",
        "over": 2,
    },
}


@pytest.mark.parametrize("sentence", LINKED)
def test_the_sentence_of_a_link(sentence):
    rule = {"kind": "link", "name": "r", "resource": "land", "to": "fund", "floor": 0.8, **LINKED[sentence]}
    found = fund(rule, resources={"land": LAND}).policy.rules[0]
    assert found.sentence("", "2023") == sentence
    assert found.step("") == (0.01, "one percentage point")


BOUNDS = {
    "neither a floor nor a cap": {},
    "neither a floor nor a cap; write": {"kind": "link", "resource": "land", "to": "fund"},
    "floor 2 is above cap 1": {"kind": "link", "resource": "land", "to": "fund", "floor": 2, "cap": {"2020": 1}},
    "a floor alone; write": {"cap": 1, "or_nothing": True},
    'mode = "prefer" is not possible': {"floor": 1, "or_nothing": True, "mode": "prefer"},
    "is about one round": {"floor": 1, "or_nothing": True, "over": 2},
    "same for every region": {"kind": "progressive", "by": "gdp", "of": "share"},
}


@pytest.mark.parametrize("words", BOUNDS)
def test_bounds_that_make_no_sense_are_refused(words):
    with pytest.raises(InputError, match=words):
        fund({"name": "r", **BOUNDS[words]}, resources={"land": LAND})
    link(floor=1, cap=1)
    rows({"floor": 1, "cap": 1})


def test_resources_added_up_have_a_record_where_one_of_them_has():
    past = pd.concat([PAST[PAST["region_id"] < "D"], LAND_PAST[LAND_PAST["region_id"] != "C"]])
    past = past[past["region_id"] != "A"]
    both = {"land": {**LAND, "unit": "EUR"}}
    found = fund(
        {"name": "r", "of": "previous", "cap": 1, "resource": ["fund", "land"]}, past=past, resources=both
    ).rows[0]
    assert (found.places, found.basis.tolist()) == (tuple("BCD"), [193, 300, 3])
    assert found.resource == "fund + land"
    assert found.matrix.toarray().tolist() == [[0, 1, 0, 0] * 2, [0, 0, 1, 0] * 2, [0, 0, 0, 1] * 2]
    share = fund({"name": "r", "of": "share", "cap": 1, "resource": ["fund", "land"]}, past=past, resources=both)
    assert share.rows[0].high.tolist() == [1010.0] * 4
    key = fund({"name": "r", "of": "entitlement", "cap": 1, "resource": ["fund", "land"]}, past=past, resources=both)
    assert key.rows[0].high == pytest.approx(KEY + np.array([12, 22, 32, 42]) / 10.8)
    seen = fund({"name": "r", "of": "previous + 1", "cap": 1, "resource": ["fund", "land"]}, past=past, resources=both)
    assert seen.rows[0].high.tolist() == [1, 194, 301, 4]


def test_a_part_of_a_bundle_counts_where_its_regions_take_part():
    both = {"land": {**LAND, "unit": "EUR", "where": "gdp > 30"}}
    rule = {"name": "r", "of": "head", "cap": 1, "resource": ["fund", "land"]}
    group = fund({**rule, "each": "state"}, resources=both).rows[0]
    assert group.matrix.toarray().tolist() == [[1, 1, 0, 0] + [0] * 4, [0, 0, 1, 1, 0, 0, 1, 1]]
    assert group.basis.tolist() == [340, 740]
    alone = fund(rule, resources=both).rows[0]
    assert alone.matrix.toarray().tolist() == np.hstack([np.eye(4), np.eye(4)]).tolist()


def test_heads_need_a_population():
    stated = fund({"name": "r", "of": "head", "floor": 1}).policy.model_dump(by_alias=True)
    stated["regions"]["population"] = None
    with pytest.raises(InputError, match='of = "head" needs the population'):
        _ = Fund(parse_policy(stated), FRAME, PAST).rows


def test_who_takes_no_part_counts_in_a_place_of_its_own_only():
    some = {"where": "gdp > 12"}
    assert rows({"of": "head", "floor": 1}, resource=some).places == tuple("ABCD")
    group = rows({"of": "head", "floor": 1, "each": "state"}, resource=some)
    assert group.matrix.toarray().tolist() == [[0, 1, 0, 0], [0, 0, 1, 1]]
    assert group.basis.tolist() == [220, 740]
    even = {"kind": "inequality", "measure": "gini", "at_most": 0.1}
    assert fund({"name": "r", **even}, resource=some).rows[0].basis.tolist() == [220, 320, 420]
    past = PAST[PAST["region_id"] > "B"]
    found = fund({"name": "r", "of": "previous", "floor": 1}, resource=some, past=past)
    assert [(f.code, f.subject) for f in found.problem.flags] == [("no_record", "B")]


def test_an_order_compares_means_by_heads_and_needs_two():
    order = {"kind": "progressive", "name": "r", "by": "gdp", "each": "state"}
    frame = FRAME.assign(people=[1, 3, 1, 0] * 3, gdp=[40, 20, 26, 0] * 3)
    found = fund(order, frame=frame).rows[0]
    assert found.spread.ranks.tolist() == [0, 1]  # 25 a head in the north, 26 in the south
    found = fund({**order, "of": "gdp"}, frame=frame.assign(people=[1, 3, 0, 0] * 3, gdp=[40, 20, 26, 0] * 3)).rows[0]
    assert found.spread.ranks.tolist() == [1, 0]  # nobody lives in the south: 13, the plain mean
    millions = frame.assign(people=[0.1, 0.3, 0.2, 0.0] * 3)
    assert fund(order, frame=millions).rows[0].spread.ranks.tolist() == [0, 1]
    stated = fund({**order, "of": "amount"}).policy.model_dump(by_alias=True)
    stated["regions"]["population"] = None
    plain = Fund(parse_policy(stated), frame, PAST).rows[0]
    assert plain.spread.ranks.tolist() == [1, 0]  # 30 in the north, 13 in the south
    alike = fund({**order, "each": "region", "by": "gdp / 3 * 3 + 1e-14 * people"}, frame=FRAME).rows[0]
    assert alike.spread.ranks.tolist() == [0, 1, 2, 3]
    same = fund({**order, "each": "region", "by": "0.1 * 3 * (gdp > 12) + 0.3 * (gdp <= 12)"}, frame=FRAME).rows[0]
    assert same.spread.ranks.tolist() == [0, 0, 0, 0]
    for digit, ranks in ((3e-12, [0, 1, 1, 1]), (3e-13, [0, 0, 0, 0])):
        near = fund({**order, "each": "region", "by": f"97 + 97 * {digit} * (gdp > 12)"}, frame=FRAME).rows[0]
        assert near.spread.ranks.tolist() == ranks
    zero = fund({**order, "each": "region", "by": "(gdp > 12) / 4"}, frame=FRAME).rows[0]
    assert zero.spread.ranks.tolist() == [0, 1, 1, 1]
    alone = fund({**order, "each": "region", "where": "gdp > 40"})
    assert alone.rows == ()
    assert [(f.code, f.subject) for f in alone.problem.flags] == [("no_place", "r")]
    pair = fund({**order, "each": "region", "where": "gdp > 30", "over": 2, "of": "amount"})
    assert pair.rows[0].paid.tolist() == [300, 430]
    assert pair.rows[0].basis.tolist() == [2, 2]
    assert pair.policy.rules[0].sentence("", "2023") == (
        "each region (those where gdp > 30) gets at least as much as any with a higher gdp, added up over 2 rounds"
    )


UNEQUAL = {
    "the Gini coefficient of the amounts a head among regions is at most 0.2": {"measure": "gini"},
    "the Hoover index of the amounts among values of state is at most 0.2": {
        "measure": "hoover",
        "each": "state",
        "of": "amount",
    },
    "the Theil index of the amounts per unit of entitlement among regions (those where gdp > 12) is at most 0.2": {
        "measure": "theil",
        "of": "entitlement",
        "where": "gdp > 12",
    },
    "the Atkinson index (aversion 2) of the amounts per (gdp) among regions is at most 0.2, added up over 2 rounds": {
        "measure": "atkinson",
        "aversion": 2,
        "of": "gdp",
        "over": 2,
    },
    "the Gini coefficient of the amounts a head among regions is not bounded yet": {
        "measure": "gini",
        "at_most": {"2030": 0.2},
    },
}


@pytest.mark.parametrize("sentence", UNEQUAL)
def test_the_sentence_of_a_cap_on_inequality(sentence):
    found = fund({"kind": "inequality", "name": "r", "at_most": 0.2, **UNEQUAL[sentence]})
    assert found.policy.rules[0].sentence("EUR", "2023") == sentence
    assert found.policy.rules[0].step("EUR") == (0.01, "0.01")
    assert bool(found.rows) == ("not bounded" not in sentence)


def test_a_ratio_has_steps_of_a_tenth_and_no_place_is_a_flag():
    ratio = {"kind": "inequality", "name": "r", "measure": "ratio", "at_most": 1.5}
    assert fund(ratio).policy.rules[0].step("EUR") == (0.1, "0.1")
    empty = fund({**ratio, "of": "maximum(0, gdp - 99)"})
    assert empty.rows == ()
    assert [(f.code, f.subject) for f in empty.problem.flags] == [("no_place", "r")]
    assert fund({**ratio, "where": "gdp > 40"}).rows[0].basis.tolist() == [420]
    assert len(fund({**ratio, "of": "gdp / 1000"}).rows[0].basis) == 4
