"""The rule limit: every `of`, each, where, over, from and until, modes, and what its rows say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fundalloc import Fund, InputError
from fundalloc.policy import parse_policy
from fundalloc.rules import Rows

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
PAST = pd.DataFrame(
    {
        "round": [y for y in YEARS[:2] for _ in range(4)],
        "region_id": list("ABCD") * 2,
        "resource": "fund",
        "entitlement": [100, 200, 300, 400, 110, 210, 310, 410],
        "amount": [90, 190, 290, 430, 120, 190, 300, 430],
    }
)


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
