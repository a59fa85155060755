"""Succession: regions that join, leave, merge or are split keep what they were due, and nothing is dropped unsaid."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc import Fund, InputError
from fundalloc.history import read_history
from fundalloc.policy import parse_policy
from fundalloc.succession import CLOSED, continued, read_succession
from fundalloc.tables import Table
from fundalloc.verification import verify
from tests.funds import policy

PAST = [
    ("2020", "A", 60, 50),
    ("2020", "B", 40, 45),
    ("2020", "C", 100, 105),
    ("2021", "A", 70, 75),
    ("2021", "B", 30, 20),
]


def table(rows, *columns):
    return Table.from_frame(pd.DataFrame([[*r] for r in rows], columns=list(columns)), "data")


def history(rows=PAST, before="2030"):
    columns = ("round", "region_id", "resource", "entitlement", "amount")
    return read_history(table([(r, i, "fund", e, x) for r, i, e, x in rows], *columns), before)


def mapped(rows, before="2030", past=PAST):
    columns = ("round", "region_id", "becomes", "share")[: len(rows[0])]
    return continued(history(past, before), read_succession(table(rows, *columns)), before)


def test_who_merges_brings_its_past_along():
    found = mapped([("2022", "A", "D"), ("2022", "B", "D")])
    assert found.records["fund"]["2020"] == {"D": (100, 95, 0), "C": (100, 105, 0)}
    assert found.records["fund"]["2021"] == {"D": (100, 95, 0)}


def test_who_takes_another_in_keeps_its_id():
    assert mapped([("2022", "B", "A")]).records["fund"]["2020"]["A"] == (100, 95, 0)


def test_who_is_split_leaves_each_part_its_share():
    found = mapped([("2022", "C", "E", 0.75), ("2022", "C", "F", 0.25)]).records["fund"]["2020"]
    assert found["E"] == (75, 78.75, 0) and found["F"] == (25, 26.25, 0) and "C" not in found


def test_only_rounds_before_the_step_are_moved_and_only_steps_up_to_the_round_count():
    found = mapped([("2021", "B", "A")])
    assert found.records["fund"]["2020"]["A"] == (100, 95, 0)
    assert found.records["fund"]["2021"] == {"A": (70, 75, 0), "B": (30, 20, 0)}
    assert mapped([("2022", "B", "A")], before="2021").records == history(before="2021").records


def test_one_step_after_another():
    found = mapped([("2023", "D", "G"), ("2022", "A", "D"), ("2022", "B", "D")]).records["fund"]
    assert found["2020"]["G"] == (100, 95, 0) and found["2021"] == {"G": (100, 95, 0)}


def test_what_nobody_continues_stays_visible():
    found = mapped([("2022", "C", "", 0.4), ("2022", "C", "A", 0.6)]).records["fund"]["2020"]
    assert found["A"] == (120, 113, 0) and found["C" + CLOSED] == pytest.approx((40, 42, 0))


@st.composite
def steps(draw):
    """Mappings of regions A to F in some rounds, each region to one to three others with shares of quarters."""
    rows = []
    for label in draw(st.lists(st.sampled_from(["2020", "2021", "2022"]), unique=True, max_size=3)):
        for region in draw(st.lists(st.sampled_from("ABCDEF"), unique=True, max_size=4)):
            heirs = draw(st.lists(st.sampled_from(["", *"ABCDEFGH"]), unique=True, min_size=1, max_size=2))
            shares = [1.0] if len(heirs) == 1 else [0.25, 0.75]
            rows += [(label, region, heir, share) for heir, share in zip(heirs, shares, strict=True)]
    return rows


@given(
    steps(),
    st.lists(
        st.tuples(
            st.sampled_from(["2019", "2020", "2021"]),
            st.sampled_from("ABCDEF"),
            st.integers(0, 999),
            st.integers(0, 999),
        ),
        unique_by=lambda r: r[:2],
        min_size=1,
    ),
)
@settings(max_examples=150, deadline=None)
def test_no_mapping_makes_or_loses_money(rows, past):
    if not rows:
        rows = [("2020", "A", "A", 1.0)]
    before, after = history(past).records["fund"], mapped(rows, past=past).records["fund"]
    assert after.keys() == before.keys()
    for label, there in before.items():
        for k in range(3):
            total = sum(r[k] for r in there.values())
            assert sum(r[k] for r in after[label].values()) == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize(
    "rows, said",
    [
        ([("2022", "C", "E", 0.75)], "add up to 0.75, not to 1"),
        ([("2022", "C", "E", 0.75), ("2022", "C", "E", 0.25)], "stands twice with the same successor"),
        ([("2022", "C", "E", 1.5)], "is no share"),
        ([("2022", "C", "E", 0)], "is no share"),
        ([("", "C", "E", 1)], "cannot be empty"),
        ([("2022", "", "E", 1)], "cannot be empty"),
    ],
)
def test_faulty_mappings_are_said(rows, said):
    with pytest.raises(InputError, match=said):
        mapped(rows)


def test_missing_columns_are_said_together():
    with pytest.raises(InputError) as error:
        read_succession(table([("2022", "x")], "round", "from"))
    assert {f.column for f in error.value.faults} == {"region_id", "becomes"}


def question(ids, past, mapping=None, **more):
    regions = pd.DataFrame({"id": ids, "name": ids, "state": "S", "coast": "east", "population": 1000, "need": 1.0})
    columns = ["round", "region_id", "resource", "entitlement", "amount"]
    frame = pd.DataFrame([(r, i, "fund", e, x) for r, i, e, x in past], columns=columns)
    given = None if mapping is None else pd.DataFrame(mapping, columns=["round", "region_id", "becomes"])
    return Fund(parse_policy(policy([], **more)), regions, frame, mapping=given)


def test_accounts_and_rules_of_the_last_round_follow_the_mapping(tmp_path):
    past = [("2022", "A", 5e6, 4e6), ("2022", "B", 5e6, 4e6), ("2022", "C", 10e6, 12e6)]
    rule = {"kind": "limit", "name": "hold", "of": "previous", "floor": 0.99}
    fund = question(["C", "D"], past, [("2023", "A", "D"), ("2023", "B", "D")], fund={"arrears": 0.5}, history={})
    resource = fund.problem.resources[0]
    assert resource.previous.tolist() == [12e6, 8e6]
    assert resource.arrears_before.tolist() == [-2e6, 2e6]
    assert "region_left" not in [f.code for f in fund.problem.flags]
    assert fund.allocate().table["amount"].tolist() == [9e6, 11e6]
    held = Fund(parse_policy(policy([rule])), fund._table, fund.past, mapping=fund.mapping)
    held.allocate().write(tmp_path / "out")
    assert held.allocate().table["amount"].tolist() == [11.88e6, 8.12e6]
    assert verify(tmp_path / "out").gap == 0


def test_who_left_is_named_with_its_account():
    past = [("2022", "A", 5e6, 4e6), ("2022", "C", 10e6, 12e6), ("2021", "B", 1e6, 3e6)]
    flags = {f.subject: f for f in question(["C", "D"], past).problem.flags if f.code == "region_left"}
    assert flags.keys() == {"A"} and flags["A"].severity == "warning" and flags["A"].value == 1e6
    assert "1,000,000.00 is closed" in flags["A"].message and "mapping file" in flags["A"].message
    flags = [f for f in question(["C", "D"], past, [("2023", "A", "")]).problem.flags if f.code == "region_left"]
    assert [(f.subject, f.severity) for f in flags] == [("A", "info")] and "as the mapping says" in flags[0].message
