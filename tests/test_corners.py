"""Corners of policies: what a caller of the library may write, and names that are taken."""

from __future__ import annotations

from typing import Any

import pytest

import fundalloc as fa
from fundalloc.policy import parse_policy
from tests.funds import policy

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
