"""Corners of policies: what a caller of the library may write, and names that are taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

import fundalloc as fa
from fundalloc.policy import parse_policy
from fundalloc.taken import TAKEN
from tests.funds import history, policy, regions

FAULTY: dict[str, tuple[dict[str, Any], list[str]]] = {
    "wrong value": ({"format": 2}, ["policy, format: '2': is not possible here; it is 1."]),
    "unknown key": ({"regoins": {}}, ["policy, regoins: is not a key of a policy. Did you mean regions"]),
    "no table": ({"regions": 5}, ["policy, regions: '5': should be a table."]),
    "empty": ({"resources": {}}, ["policy, resources: is empty. Add at least one entry."]),
    "rules by name, and what else is wrong": (
        {
            "rules": (
                {"kind": "limit", "name": "x", "of": "head", "floor": "a"},
                {"kind": "limit", "name": "y", "of": "head", "floor": -1},
                5,
            )
        },
        [
            "policy, rules.x.floor: 'a': should be a number or a table of rounds.",
            "policy, rules.y.floor: '-1': is below 0. Write 0 or more.",
            "policy, rules.3: '5': should be a table.",
        ],
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_policy_made_directly_says_every_fault_as_one_of_a_file_does(name):
    changes, expected = FAULTY[name]
    entries = {**policy([]), **changes}
    said = []
    for make in (
        lambda: fa.Policy(**entries),
        lambda: fa.Policy.model_validate(entries),
        lambda: parse_policy(entries),
    ):
        with pytest.raises(fa.InputError) as caught:
            make()
        said.append(str(caught.value))
    assert said[0] == said[1] == said[2]
    assert len(said[0].splitlines()) == len(expected)
    for text in expected:
        assert text in said[0]


def test_a_policy_without_entries_says_what_is_missing():
    with pytest.raises(fa.InputError) as caught:
        fa.Policy()
    assert {fault.key for fault in caught.value.faults} == {"format", "regions", "resources"}
    with pytest.raises(fa.InputError, match="should be a table"):
        fa.Policy.model_validate("format = 1")


def test_a_policy_may_be_made_of_parts_that_are_made_already():
    entries = policy([{"kind": "limit", "name": "floor", "of": "head", "floor": 1}])
    made = parse_policy(entries)
    parts = {name: getattr(made, name) for name in type(made).model_fields}
    assert fa.Policy(**parts) == made
    with pytest.raises(fa.InputError, match="policy, format: '2'"):
        fa.Policy(**{**parts, "format": 2})


#: names that steps of their own have, each as somebody would come upon it
OWN = (
    "objective",
    "rounding",
    "supply",
    "arrears",
    "equal share per head",
    "equal share per region",
    "no amount below 0",
    "what no other region may take",
    "nothing that is paid is taken back",
    "event: flood",
)


def adjustment(name: str) -> dict[str, Any]:
    return {"name": name, "measure": "need", "from": "2023", "until": "2023", "cap": 20, "why": "a reason"}


def places(name: str) -> dict[str, dict[str, Any]]:
    """Policies that name something so, by the key of the fault."""
    criteria = [{"name": name, "weight": 1, "measure": "population"}]
    return {
        "rules": policy([{"kind": "limit", "name": name, "of": "head", "floor": 1}]),
        "resources.fund.criteria": policy([], fund={"criteria": criteria}),
        "resources.fund.adjustments": policy([], fund={"adjustments": [adjustment(name)]}),
    }


def test_names_of_steps_that_explanations_have_by_themselves_are_refused():
    frame = regions(np.random.default_rng(0), 4)
    for name in OWN:
        for key, entries in places(name).items():
            with pytest.raises(fa.InputError) as caught:
                fa.Fund(parse_policy(entries), frame)
            assert [(f.key, f.value) for f in caught.value.faults] == [(key, name)]
            assert "step that explanations have by themselves. Write another name." in str(caught.value)


def test_a_name_of_a_rule_may_not_hold_what_stands_between_names():
    frame = regions(np.random.default_rng(0), 4)
    entries = places("floor; cap")
    with pytest.raises(fa.InputError, match="stands between the names of rules in a cell"):
        fa.Fund(parse_policy(entries["rules"]), frame)
    for key in ("resources.fund.criteria", "resources.fund.adjustments"):
        fa.Fund(parse_policy(entries[key]), frame)


def test_the_names_that_are_refused_are_those_of_the_steps():
    """Every step of a fund in which much happens is named by the policy, or its name is refused."""
    frame = regions(np.random.default_rng(1), 9, zeros=0.3)
    rules = [
        {"kind": "limit", "name": "most", "of": "entitlement", "cap": 1.02},
        {"kind": "limit", "name": "coasts", "each": "coast", "of": "entitlement", "floor": 0.98},
    ]
    more = {"fund": {"adjustments": [adjustment("more")], "arrears": 0.5, "lot": 100}}
    found = fa.Fund(parse_policy(policy(rules, **more)), frame, history(frame, np.random.default_rng(1)))
    names = set(found.allocate().steps["step"]) - {"need", "more", "most", "coasts"}
    assert {"equal share per head", "arrears", "rounding"} <= names <= TAKEN


def test_what_is_added_to_the_model_may_not_have_such_a_name_either():
    frame = regions(np.random.default_rng(0), 4)
    found = fa.Fund(parse_policy(policy([])), frame)
    model = found.model()
    model.rounding = pyo.Constraint(expr=model.amount["R00000", "fund"] <= 1e6)
    with pytest.raises(fa.InputError, match="constraint rounding: is the name of a step"):
        found.allocate(model=model)
