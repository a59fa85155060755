"""The plan: rounds to come are decided as they would be by hand, and what cannot be decided is told before."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fundalloc as fa
from fundalloc import ConflictError, Fund, InputError, SolverError, load, plan
from fundalloc.cli.app import run
from fundalloc.expressions import RESERVED
from fundalloc.goals import Course
from fundalloc.growth import grown
from fundalloc.history import COLUMNS
from fundalloc.outlook import listed, outlook
from fundalloc.policy import parse_policy
from fundalloc.regions import Regions
from fundalloc.report.prospects import prospects
from fundalloc.roster import RegionsSection, Roster
from fundalloc.rounds import Calendar, in_order
from fundalloc.tables import Table
from tests import funds

ROOT = Path(fa.__file__).parents[1]
TINY = {
    "format": 1,
    "fund": {"round": "2023"},
    "regions": {"id": "id", "population": "people"},
    "resources": {
        "fund": {"supply": 1100, "unit": "EUR", "criteria": [{"name": "k", "weight": 1, "measure": "gdp + people"}]}
    },
}
PAIR = pd.DataFrame({"id": ["A", "B"], "people": [100, 100], "gdp": [100, 300]})


def tiny(frame=PAIR, past=None, **more):
    """A fund of two regions. fund: fields of the resource; the rest goes on top."""
    raw = {**TINY, **more}
    raw["resources"] = {"fund": {**TINY["resources"]["fund"], **more.pop("resource", {})}}
    raw.pop("resource", None)
    return Fund(parse_policy(raw), frame, past)


def by_round(found, region, column="amount"):
    """The numbers of one region, round by round."""
    rows = rows_of(found.sheets["plan.csv"])
    return {r["round"]: r[column] for r in rows if r["region_id"] == region}


def rows_of(sheet):
    return list(csv.DictReader(io.StringIO(sheet.csv().decode())))


def past_of(rows):
    return pd.DataFrame(rows, columns=list(COLUMNS))


def courses(found, goal):
    return {c.subject: c for c in found.courses if c.goal == goal}


# labels of rounds


@pytest.mark.parametrize(
    "known, start, expected",
    [
        (["2023"], "2023", ("2024", "2025")),
        (["2020", "2021", "2023"], "2023", ("2025", "2027")),
        (["2019", "2021", "2030"], "2021", ("2023", "2025")),
        (["2021", "2028"], "2021", ("2028", "2035")),
        (["08", "09"], "09", ("10", "11")),
        (["9"], "9", ("10", "11")),
    ],
)
def test_the_next_rounds_follow_by_the_last_known_step(known, start, expected):
    assert Calendar(known).following(start, 2) == expected


def test_years_are_differences_of_whole_numbers_else_places():
    assert Calendar(["2021", "2028"]).years("2021", "2028") == 7
    assert Calendar(["2021a", "2028a", "2030"]).years("2021a", "2028a") == 1


# growth by hand


def test_growth_by_hand():
    found = plan(tiny(), 3, growth={"gdp": 0.5}, supply={"fund": "0.2"})
    assert found.asked == ("2023", "2024", "2025")
    #          gdp 100 150 225 against 300 450 675, people 100 each, supply 1100 1320 1584
    assert by_round(found, "A") == {"2023": "366.67", "2024": "412.50", "2025": "468.00"}
    assert by_round(found, "B") == {"2023": "733.33", "2024": "907.50", "2025": "1116.00"}
    assert found.summary["results"][1]["supply"] == "1320.00"
    assert found.summary["assumed"] == {"growth": {"gdp": "0.5"}, "supply": {"fund": "0.2"}, "indicators": ""}
    assert found.sentences[-1] == "Assumed a year: gdp +50 %, supply of fund +20 %; all else stays as last stated."


@given(st.integers(-(10**9), 10**9), st.integers(-99, 300), st.integers(0, 30))
def test_growth_is_exact_before_it_is_rounded_once(units, cents, years):
    value, rate = units / 100, Decimal(cents) / 100
    exact = Fraction(repr(value)) * (1 + Fraction(rate)) ** years
    assert grown([value], rate, years) == [pytest.approx(float(exact), rel=1e-15, abs=0)]


def test_rates_a_year_count_the_years_between_rounds():
    table = {"2021": 100, "2023": 200}
    found = plan(tiny(resource={"supply": table}), 3, supply={"fund": 0.1}, labels=["2023", "2026", "2027"])
    assert [f["supply"] for f in found.summary["results"]] == ["200", "266.20", "292.82"]


def test_a_supply_that_is_stated_for_later_holds_until_then():
    table = {"2023": 1000, "2025": 2000}
    found = plan(tiny(resource={"supply": table}), 5, supply={"fund": 0.1})
    assert [f["supply"] for f in found.summary["results"]] == ["1000", "1000", "2000", "2200.00", "2420.00"]


def test_a_supply_is_rounded_to_the_printed_unit():
    found = plan(tiny(resource={"supply": Decimal("0.07"), "lot": Decimal("0.001")}), 2, supply={"fund": 0.05})
    assert [f["supply"] for f in found.summary["results"]] == ["0.07", "0.074"]


def test_a_supply_that_is_computed_follows_its_columns():
    found = plan(tiny(resource={"supply": "sum(gdp)"}), 2, growth={"gdp": 0.1})
    assert [Decimal(f["supply"]) for f in found.summary["results"]] == [400, 440]


def test_options_come_before_the_policy_also_by_another_name():
    fund = tiny(plan={"growth": {"people": Decimal("0.5"), "gdp": 1}})
    first, second = plan(fund, 2), plan(fund, 2, growth={"population": 0.0})
    assert first.assumed.growth == {"people": Decimal("0.5"), "gdp": 1}
    assert second.assumed.growth == {"people": 0, "gdp": 1}
    assert by_round(second, "A")["2024"] == "330.00"  # 300 of 1000


def test_options_come_before_the_policy_for_supplies_too():
    fund = tiny(plan={"supply": {"fund": Decimal("0.1")}})
    assert [f["supply"] for f in plan(fund, 2).summary["results"]] == ["1100", "1210.00"]
    assert [f["supply"] for f in plan(fund, 2, supply={"fund": 1}).summary["results"]] == ["1100", "2200.00"]


def test_an_empty_cell_stays_empty_and_is_filled_as_the_policy_says():
    frame = pd.DataFrame({"id": ["A", "B"], "people": [1, 1], "gdp": ["", "2"]})
    fund = tiny(frame, regions={"id": "id", "population": "people", "missing": {"gdp": 4}})
    found = plan(fund, 2, growth={"gdp": 1})
    assert by_round(found, "A") == {"2023": "687.50", "2024": "550.00"}  # 5 of 8, then 5 of 10
    assert [f.subject for r, f in found.flagged if r == "2024" and f.code == "filled"] == ["A"]


def test_numbers_are_read_as_the_policy_writes_them():
    frame = pd.DataFrame({"id": ["A", "B"], "people": ["100", "100"], "gdp": ["1.000,5", "3.001,5"]})
    section = {"id": "id", "population": "people", "decimal": ",", "thousands": "."}
    found = plan(tiny(frame, regions=section, resource={"supply": "sum(gdp)"}), 3, growth={"gdp": 1})
    assert [Decimal(f["supply"]) for f in found.summary["results"]] == [4002, 8004, 16008]


# laws


@given(st.integers(0, 10**6), st.integers(2, 12))
@settings(max_examples=12)
def test_nothing_changes_where_nothing_grows_and_no_rule_looks_back(seed, n):
    rng = np.random.default_rng(seed)
    frame = funds.regions(rng, n)
    rules = [r for r in funds.random_rules(frame, funds.history(frame, rng), rng) if r.get("of") != "previous"]
    found = plan(Fund(parse_policy(funds.policy(rules)), frame), 3)
    assert found.error is None
    for region in frame["id"]:
        assert len(set(by_round(found, region).values())) == 1
        assert [c for c in list(by_round(found, region, "change").values())[1:] if Decimal(c)] == []


@given(st.sampled_from(["0.25", "0.5", "0.8", "1"]), st.integers(-400, 400))
@settings(max_examples=12)
def test_accounts_close_by_the_share_that_is_made_good(share, ahead):
    past = past_of([["2022", i, "fund", 500, 500 + s * ahead] for i, s in (("A", 1), ("B", -1))])
    found = plan(tiny(PAIR.assign(gdp=0), past, resource={"supply": 1000, "arrears": float(share)}), 6)
    left = [Fraction(text) for text in by_round(found, "B", "arrears").values()]
    for k, account in enumerate(left, 1):
        assert abs(account - ahead * (1 - Fraction(share)) ** k) <= Fraction(1, 100) / Fraction(share)


def test_an_account_is_closed_when_only_lots_are_left():
    past = past_of([["2022", "A", "fund", 500, 600], ["2022", "B", "fund", 500, 400]])
    found = plan(tiny(PAIR.assign(gdp=0), past, resource={"supply": 1000, "arrears": 0.5}), 16)
    assert list(by_round(found, "B", "arrears").values())[:4] == ["50.00", "25.00", "12.50", "6.25"]
    closed = courses(found, "account of arrears is closed")["B"]
    assert closed.at_most == 0.02 and closed.reached_in == "2035"  # 100 / 2^13 = 0.012
    assert "fund: A, B close their accounts of arrears in 2035." in found.sentences


def by_hand(path, rounds):
    """models/yrd.toml decided round after round by files alone: grown rows, a history, load, allocate."""
    regions = pd.read_csv(ROOT / "data" / "yrd.csv", dtype=str, keep_default_na=False)
    past = pd.read_csv(ROOT / "data" / "yrd_history.csv", dtype=str)
    base = regions[regions["year"] == "2023"]
    decided = []
    for k, label in enumerate(rounds):
        if k:
            new = base.assign(
                year=label,
                gdp_cny_100m=[repr(float(Decimal(v) * Decimal("1.05") ** k)) for v in base["gdp_cny_100m"]],
                population_persons=[
                    repr(float(Decimal(v) * Decimal("0.998") ** k)) for v in base["population_persons"]
                ],
            )
            regions = pd.concat([regions, new])
        regions.to_csv(path / "regions.csv", index=False)
        past.to_csv(path / "history.csv", index=False)
        supply = 20_000_000_000 * Fraction(103, 100) ** k
        fund = load(
            ROOT / "models" / "yrd.toml",
            regions=path / "regions.csv",
            history=path / "history.csv",
            round=label,
            settings=[f"resources.fund.supply={Decimal(round(100 * supply)) / 100}"],
        )
        shown = pd.DataFrame(fund.allocate().sheets["allocation.csv"].columns).assign(round=label)
        decided.append(shown)
        past = pd.concat([past, shown[list(COLUMNS)]])
    return pd.concat(decided)


def test_each_round_is_what_would_be_decided_by_hand(tmp_path):
    rates = {"growth": {"gdp_cny_100m": 0.05, "population": Decimal("-0.002")}, "supply": {"fund": 0.03}}
    found = plan(load(ROOT / "models" / "yrd.toml"), 4, **rates)
    expected = by_hand(tmp_path, found.asked)
    assert found.asked == ("2023", "2024", "2025", "2026")
    shown = pd.DataFrame(found.sheets["plan.csv"].columns)
    assert list(shown.columns) == [c for c in ("round", *expected.columns[:-1]) if c in shown.columns]
    assert shown.to_csv(index=False) == expected[list(shown.columns)].to_csv(index=False)


def test_a_plan_is_a_history_of_its_own_rounds(tmp_path):
    fund = load(ROOT / "models" / "yrd.toml")
    found = plan(fund, 2, growth={"gdp_cny_100m": 0.05})
    found.write(tmp_path / "out")
    before = pd.concat([pd.read_csv(ROOT / "data" / "yrd_history.csv"), found.table[found.table["round"] == "2023"]])
    before[list(COLUMNS)].to_csv(tmp_path / "history.csv", index=False)
    further = plan(
        load(ROOT / "models" / "yrd.toml", history=tmp_path / "history.csv"), 1, growth={"gdp_cny_100m": 0.05}
    )
    assert further.asked == ("2024",)
    last = found.table[found.table["round"] == "2024"].reset_index(drop=True)
    pd.testing.assert_frame_equal(further.table, last)


def gini_of(amounts, people, counted):
    """The Gini coefficient by its definition: mean distance of two people, as a part of twice the mean."""
    q = np.where(amounts.index.isin(counted), people, 0.0)
    there = q > 0
    x, q = amounts.to_numpy(dtype=float)[there], q[there]
    heads = x / q
    apart = np.abs(heads[:, None] - heads[None, :]) * q[:, None] * q[None, :]
    return apart.sum() / (2 * q.sum() * x.sum())


def test_the_table_adds_up_and_says_how_far_each_region_is():
    found = plan(load(ROOT / "models" / "yrd.toml"), 3, growth={"gdp_cny_100m": 0.05}, supply={"fund": 0.03})
    table = found.table
    totals = table.groupby(["round", "resource"])["amount"].sum()
    for fact in found.summary["results"]:
        assert totals[fact["round"], fact["resource"]] == float(fact["amounts"])
        mine = table[(table["round"] == fact["round"]) & (table["resource"] == fact["resource"])]
        due = mine[mine["entitlement"] > 0]
        assert fact["lowest"]["coverage"] == f"{due['coverage'].min():.10g}"
        assert fact["lowest"]["region_id"] == due.loc[due["coverage"].idxmin(), "region_id"]
        lot = {"fund": 10_000, "land": 1, "training": 1}[fact["resource"]]
        assert fact["below_entitlement"] == (due["entitlement"] - due["amount"] >= lot).sum()
        people = found.projected[0].problem.regions.population
        if fact["round"] == "2023":
            for when, column in (("before", "entitlement"), ("after", "amount")):
                assert float(fact["gini"][when]) == pytest.approx(gini_of(mine[column], people, due.index), rel=1e-5)
        flags = found.flags[(found.flags["round"] == fact["round"]) & (found.flags["severity"] != "info")]
        assert fact["flags"] == flags["resource"].isin(["", fact["resource"]]).sum()
    goals = found.goals[found.goals["goal"] == "reaches its entitlement"].set_index(["resource", "subject"])
    alone = load(ROOT / "models" / "yrd.toml").allocate().table.set_index(["resource", "region_id"])
    assert goals["now"].to_dict() == alone["coverage"].dropna().to_dict()
    ends = table[table["round"] == "2025"].set_index(["resource", "region_id"])
    assert goals["end"].to_dict() == ends["coverage"].dropna().to_dict()
    held = plan(load(ROOT / "models" / "yrd.toml"), 1).goals
    held = held[held["goal"] == "reaches its entitlement"].set_index(["resource", "subject"])["held_by"]
    assert held.to_dict() == alone.loc[held.index, "held_by"].to_dict()
    for region, one in courses(found, "reaches its entitlement").items():
        mine = table[(table["region_id"] == region) & (table["resource"] == one.resource)]
        assert list(one.values.values()) == pytest.approx(mine["coverage"].tolist(), rel=1e-8)


def test_the_same_bytes_twice_and_in_any_order_of_rows(tmp_path):
    regions = pd.read_csv(ROOT / "data" / "yrd.csv", dtype=str, keep_default_na=False)
    regions.iloc[::-1].to_csv(tmp_path / "yrd.csv", index=False)
    policy = ROOT / "models" / "yrd.toml"
    funds_ = load(policy), load(policy), load(policy, regions=tmp_path / "yrd.csv")
    plans = [plan(f, 3, growth={"gdp_cny_100m": 0.05}) for f in funds_]
    for k, found in enumerate(plans):
        found.write(tmp_path / str(k))
    files = [{p.name: p.read_bytes() for p in sorted((tmp_path / str(k)).iterdir())} for k in range(3)]
    assert files[0] == files[1]
    assert list(files[0]) == ["flags.csv", "goals.csv", "plan.csv", "summary.json"]
    assert all(files[0][name] == files[2][name] for name in ("flags.csv", "goals.csv", "plan.csv"))


# rounds that cannot be decided

CLASH = [
    {"kind": "limit", "name": "floor", "of": "head", "floor": {"2023": 4.0, "2025": 7.5}},
    {"kind": "limit", "name": "ceiling", "each": "all", "of": "amount", "cap": {"2023": 1100, "2026": 1400}},
]


def test_a_planted_conflict_is_told_in_its_round_with_the_rules():
    fund = tiny(rules=CLASH, resource={"supply": {"2023": 1100, "2024": 1300, "2025": 1400}})
    found = plan(fund, 6)
    assert [one.round for one in found.projected] == ["2023"]
    assert isinstance(found.error, ConflictError)
    round_, flag = found.flagged[-1]
    assert (round_, flag.severity, flag.code, flag.subject) == ("2024", "alarm", "infeasible", "ceiling")
    assert found.sentences[0].startswith('2024 cannot be decided: the rule "ceiling" cannot be kept.')
    assert 'Raise the cap of "ceiling"' in flag.message


def test_two_rules_that_clash_later_are_both_named_and_as_the_round_alone_says():
    rules = [CLASH[0], {"kind": "limit", "name": "half", "where": "id == 'A'", "of": "share", "floor": 0.5}]
    fund = tiny(PAIR.assign(gdp=[0, 0], people=[100, 100]), rules=rules, resource={"supply": 1400})
    rules[0]["floor"] = {"2023": 4.0, "2025": 7.5}
    found = plan(fund, 5)
    assert [one.round for one in found.projected] == ["2023", "2024"]
    alone = tiny(PAIR.assign(gdp=[0, 0]), rules=rules, resource={"supply": 1400}, fund={"round": "2025"})
    with pytest.raises(ConflictError) as error:
        alone.allocate()
    assert found.summary["stopped"] == {
        "round": "2025",
        "reason": error.value.reason,
        "rules": list(error.value.rules),
        "relaxations": list(error.value.relaxations),
    }
    assert found.summary["status"] == "infeasible"
    assert all(way in found.flagged[-1][1].message for way in error.value.relaxations)
    assert len(found.table) == 4


def test_a_first_round_that_cannot_be_decided_is_told_as_well(tmp_path):
    found = plan(tiny(rules=[{"kind": "limit", "name": "floor", "of": "head", "floor": 6}]), 3)
    assert (found.projected, found.courses, len(found.table), len(found.goals)) == ([], (), 0, 0)
    assert found.sentences[0].startswith('2023 cannot be decided: the rule "floor" cannot be kept.')
    found.write(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["rounds"]["projected"] == []


def test_figures_that_growth_spoils_end_the_plan_before_that_round():
    criteria = [{"name": "need", "weight": 1, "measure": "500 - gdp"}]
    found = plan(tiny(resource={"criteria": criteria}), 5, growth={"gdp": 0.5})
    assert [one.round for one in found.projected] == ["2023", "2024"]
    assert isinstance(found.error, InputError)
    assert found.flagged[-1][1].code == "infeasible"
    assert "2025 cannot be decided, its figures are faulty" in found.sentences[0]
    assert "-175 for B" in found.sentences[0]


def test_figures_that_are_faulty_from_the_first_round_on_are_faults():
    with pytest.raises(InputError, match="below 0"):
        plan(tiny(PAIR.assign(gdp=[-900, 1])), 3)


def test_a_round_without_proof_ends_the_plan_as_well(monkeypatch):
    decide = Fund.allocate

    def allocate(self, model=None):
        if self.round == "2025":
            raise SolverError("No proof.")
        return decide(self, model)

    monkeypatch.setattr(Fund, "allocate", allocate)
    found = plan(tiny(), 5)
    assert [one.round for one in found.projected] == ["2023", "2024"]
    assert (found.summary["status"], found.flagged[-1][1].code) == ("unproven", "unproven")
    assert found.sentences[0] == "2025 could not be decided with proof: No proof."


# figures that are given

BY_YEAR = {"regions": {"id": "id", "round": "year", "population": "people"}}
YEARS = PAIR.assign(year="2023")


def test_rows_of_the_indicators_come_before_growth():
    given = pd.DataFrame({"id": ["A", "B"], "year": ["2025"] * 2, "people": [300, 100], "gdp": [100, 500]})
    found = plan(tiny(YEARS, **BY_YEAR), 4, growth={"gdp": 1}, indicators=given)
    assert list(by_round(found, "A").values()) == ["366.67", "330.00", "440.00", "343.75"]
    #          200 of 600, 300 of 1000, 400 of 1000, 500 of 1600
    assert found.summary["assumed"]["indicators"] == "indicators"
    assert set(found.summary["inputs"]) == {"policy", "regions", "indicators"}


def test_columns_and_regions_that_the_indicators_leave_out_grow_and_are_told():
    given = pd.DataFrame({"id": ["A"], "year": [2024], "people": [400]})
    found = plan(tiny(YEARS, **BY_YEAR), 2, growth={"gdp": 1}, indicators=given)
    assert by_round(found, "A")["2024"] == "507.69"  # 400 + 200 of that and 100 + 600
    codes = [(r, f.code, f.subject) for r, f in found.flagged]
    assert ("2024", "no_row", "B") in codes


def test_unknown_regions_join_and_are_told_with_what_they_look_like():
    given = pd.DataFrame({"id": ["A", "b"], "year": ["2024"] * 2, "people": [100] * 2, "gdp": [100] * 2})
    found = plan(tiny(YEARS, **BY_YEAR), 3, indicators=given)
    flags = {f.code: f.message for r, f in found.flagged if r == "2024"}
    assert "b: not in the round before 2024" in flags["joins"] and "Did you mean B?" in flags["joins"]
    assert "B: no row in 2024 of indicators, grown" in flags["no_row"]
    assert by_round(found, "b") == {"2024": "275.00", "2025": "275.00"}


def test_what_stands_behind_a_faulty_round_is_told_with_it():
    given = pd.DataFrame({"id": ["A", "b"], "year": ["2024"] * 2, "gdp": [100] * 2})
    found = plan(tiny(YEARS, **BY_YEAR), 3, indicators=given)
    assert [(r, f.code) for r, f in found.flagged] == [("2024", "joins"), ("2024", "no_row"), ("2024", "infeasible")]
    assert "the population is missing" in found.sentences[0]


def test_a_round_of_the_regions_file_has_the_regions_that_stand_there():
    more = pd.concat([YEARS, pd.DataFrame({"id": ["A", "C"], "people": [1, 3], "gdp": [0, 0], "year": ["2024"] * 2})])
    found = plan(tiny(more, **BY_YEAR), 3, growth={"people": 1})
    assert list(by_round(found, "A")) == ["2023", "2024", "2025"]
    assert list(by_round(found, "B")) == ["2023"]
    assert by_round(found, "C") == {"2024": "825.00", "2025": "825.00"}
    codes = [("2024", "joins", "C"), ("2024", "leaves", "B"), ("2024", "region_left", "B")]
    assert [(r, f.code, f.subject) for r, f in found.flagged] == codes
    assert len(plan(tiny(more, **BY_YEAR), 2).projected) == 2


def test_indicators_replace_rows_of_the_regions_file_and_say_which_rows_are_not_used():
    more = pd.concat([YEARS, YEARS.assign(year="2024")])
    given = YEARS.assign(year=["2024", "2031"], gdp=[700, 1])
    found = plan(tiny(more, **BY_YEAR), 2, indicators=given)
    assert by_round(found, "A")["2024"] == "733.33"
    assert [f.message for _, f in found.flagged] == [
        "indicators has rows of 2031, which is not projected; they are not used."
    ]


def test_growth_counts_from_the_last_row_also_of_a_round_that_is_not_projected():
    frame = pd.concat([YEARS, YEARS.assign(year="2024", gdp=[500, 500])])
    found = plan(tiny(frame, **BY_YEAR), 2, growth={"gdp": 1}, labels=["2023", "2025"])
    assert found.summary["results"][1]["lowest"]["coverage"] == "1"
    assert by_round(found, "A") == {"2023": "366.67", "2025": "550.00"}
    shown = {r: one.problem.regions.column("gdp").tolist() for r, one in zip(found.asked, found.projected, strict=True)}
    assert shown == {"2023": [100.0, 300.0], "2025": [1000.0, 1000.0]}


def test_lags_see_the_rounds_before():
    criteria = [{"name": "late", "weight": 1, "measure": "lag(gdp, 1)"}]
    frame = pd.concat([YEARS.assign(year="2022", gdp=[1, 1]), YEARS])
    found = plan(tiny(frame, **BY_YEAR, resource={"criteria": criteria}), 3, growth={"gdp": 1})
    assert by_round(found, "A") == {"2023": "550.00", "2024": "275.00", "2025": "275.00"}


@st.composite
def histories(draw):
    """Rows by round and region with two columns, rows of indicators with the first of them or both, and rates."""
    cell = st.integers(0, 50)
    rounds = draw(st.lists(st.sampled_from(["2020", "2021", "2022", "2023", "2025"]), unique=True, min_size=1))
    rounds = sorted({*rounds, "2023"})
    file = {r: draw(st.dictionaries(st.sampled_from("ABCD"), st.tuples(cell, cell), min_size=1)) for r in rounds}
    later = st.sampled_from(["2024", "2025", "2026"])
    given_ = draw(st.dictionaries(later, st.dictionaries(st.sampled_from("ABCDE"), st.tuples(cell, cell), min_size=1)))
    rates = {name: Decimal(draw(st.integers(-50, 100))) / 100 for name in draw(st.sets(st.sampled_from("xy")))}
    return file, given_, draw(st.sampled_from([("x",), ("x", "y")])), rates


def value_of(case, region, name, label):
    """A figure by its definition; None where the region is not in the round."""
    file, given_, columns, rates = case
    if region in given_.get(label, {}) and name in columns:
        return float(given_[label][region]["xy".index(name)])
    if region in file.get(label, {}):
        return float(file[label][region]["xy".index(name)])
    added = region in given_.get(label, {})
    earlier = [str(k) for k in range(2020, int(label)) if str(k) in file or "2023" <= str(k) <= "2026"]
    if (label in file and not added) or not earlier:
        return np.nan if added else None
    k = len(earlier) - 1
    while k and region not in {**file.get(earlier[k], {}), **given_.get(earlier[k], {})} and earlier[k] not in file:
        k -= 1
    last = value_of(case, region, name, earlier[k])
    if last is None:
        return np.nan if added else None
    rate = 1 + rates.get(name, Decimal(0))
    return float(Decimal(repr(last)) * rate ** (int(label) - int(earlier[k])))


@given(histories())
@settings(max_examples=100)
def test_figures_of_rounds_to_come_are_what_the_definition_says(case):
    file, given_, columns, rates = case
    rows = [{"id": i, "year": r, "x": x, "y": y} for r, mine in file.items() for i, (x, y) in mine.items()]
    new = [{"id": i, "year": r, **dict(zip("xy", v, strict=True))} for r, m in given_.items() for i, v in m.items()]
    more = Table.from_frame(pd.DataFrame(new)[["id", "year", *columns]], "more") if new else None
    roster = Roster(Table.from_frame(pd.DataFrame(rows)), RegionsSection(id="id", round="year"), RESERVED)
    rounds = ("2023", "2024", "2025", "2026")
    tables, _ = outlook(roster, rates, Calendar([*file, *rounds]), rounds, "2023", more, {"x", "y"})
    for label in rounds:
        expected = {i: [value_of(case, i, name, label) for name in "xy"] for i in "ABCDE"}
        expected = {i: v for i, v in expected.items() if None not in v}
        found = Regions(Roster(tables[label], roster.section, RESERVED), label)
        assert list(found.ids) == list(expected)
        for k, name in enumerate("xy"):
            np.testing.assert_array_equal(found.column(name), [v[k] for v in expected.values()])


def test_columns_that_the_indicators_leave_out_come_from_the_file_where_it_has_the_row():
    more = pd.concat([YEARS, YEARS.assign(year="2024", gdp=[700, 300])])
    given = pd.DataFrame({"id": ["A"], "year": ["2024"], "people": [200]})
    found = plan(tiny(more, **BY_YEAR), 2, growth={"gdp": 1}, indicators=given)
    assert by_round(found, "A")["2024"] == "761.54"  # 900 of 1300


def test_entries_of_a_supply_make_no_round():
    criteria = [{"name": "late", "weight": 1, "measure": "lag(gdp, 1)"}]
    frame = pd.concat([YEARS.assign(year="2022", gdp=[1, 1]), YEARS])
    resource = {"criteria": criteria, "supply": {"2021": 10, "2024": 1100}}
    found = plan(tiny(frame, **BY_YEAR, resource=resource), 2, growth={"gdp": 1}, labels=["2023", "2025"])
    assert found.projected[-1].problem.regions.rounds == ("2022", "2023", "2025")
    assert by_round(found, "A") == {"2023": "5.00", "2025": "275.00"}


@pytest.mark.parametrize(
    "given, words",
    [
        ({"id": ["A"], "year": ["2024"], "gpd": [1]}, ["no such column", "Did you mean gdp"]),
        ({"id": ["A"], "gdp": [1]}, ["regions.round", "no such column"]),
        ({"id": ["A"], "year": ["2040"], "gdp": [1]}, ["no row of a round that is projected", "2040"]),
        ({"id": ["A"], "year": ["2024"], "gdp": ["12O"]}, ["indicators, line 1", "'12O'", "letter behind"]),
        ({"id": ["A", "A"], "year": ["2024"] * 2, "gdp": [1, 2]}, ["line 2", "stands already"]),
        ({"id": ["A"], "year": ["2024"], "people": [-1]}, ["population cannot be below 0"]),
    ],
)
def test_faulty_indicators_are_faults_before_anything_is_decided(given, words):
    with pytest.raises(InputError) as error:
        plan(tiny(YEARS, **BY_YEAR), 3, indicators=pd.DataFrame(given))
    assert all(word in str(error.value) for word in words), error.value


def test_indicators_need_a_column_of_rounds():
    with pytest.raises(InputError, match="Write round under"):
        plan(tiny(), 3, indicators=YEARS)


# goals


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.sampled_from(["", *"0123456789"]))
def test_a_goal_is_met_if_it_is_kept_from_its_date_to_the_end(kept, by):
    rounds = [str(3 + k) for k in range(len(kept))]
    one = Course("g", "A", "A", "", "m", 1.0, None, by, kept=dict(zip(rounds, kept, strict=True)))
    tails = [label for k, label in enumerate(rounds) if all(kept[k:])]
    assert one.reached_in == (tails[0] if tails else "")
    due = min(max(int(by or rounds[-1]), 3), int(rounds[-1]))
    later = "open" if by and int(by) > int(rounds[-1]) else "no"
    assert one.met(rounds) == ("yes" if all(kept[due - 3 :]) else later)


GOALS = [
    {"name": "rich", "measure": "gdp / population", "at_least": 3, "by": "2024"},
    {"name": "together", "measure": "sum(amount) / sum(population)", "each": "all", "at_most": 5.5},
    {"name": "north", "measure": "min(coverage)", "each": "state", "at_least": 1, "by": 2030, "through": ["floor"]},
    {"name": "poor", "measure": "amount", "where": "gdp < 200", "at_least": 400, "by": "2025"},
]
STATES = PAIR.assign(state=["n", "s"])
FLOOR = {"kind": "limit", "name": "floor", "of": "head", "floor": 4.0, "until": "2024"}


def with_goals(goals=GOALS, **more):
    section = {"id": "id", "population": "people", "groups": ["state"]}
    return tiny(STATES, regions=section, rules=[FLOOR], plan={"goals": goals, "growth": {"gdp": 0.5}}, **more)


def test_goals_of_the_policy_by_hand():
    found = plan(with_goals(), 3)
    #      gdp A 100 150 225, B 300 450 675; amounts of A by the key 366.67 343.75 325, by the floor 400 400 -
    rich, poor = courses(found, "rich"), courses(found, "poor")
    assert list(rich["A"].values.values()) == [1.0, 1.5, 2.25]
    assert [(c.reached_in, c.met(found.asked)) for c in rich.values()] == [("", "no"), ("2023", "yes")]
    assert courses(found, "together")["all"].values == {"2023": 5.5, "2024": 5.5, "2025": 5.5}
    north = courses(found, "north")
    assert list(north["n"].values.values()) == pytest.approx([400 / (1100 / 3), 400 / 343.75, 1.0], rel=1e-12)
    assert [(c.reached_in, c.met(found.asked)) for c in north.values()] == [("2023", "yes"), ("2025", "yes")]
    assert list(poor) == ["A"] and poor["A"].values == {"2023": 400.0, "2024": 400.0}
    rows = {(r["goal"], r["subject"]): r for r in rows_of(found.sheets["goals.csv"])}
    assert rows["north", "n"]["through"] == "floor (not in force in 2025)"
    assert rows["rich", "B"]["rounds"] == "1" and rows["rich", "A"]["met"] == "no"
    assert 'goal "rich" by 2024: 1 in time, 1 not in time.' in "\n".join(found.sentences)


@pytest.mark.parametrize(
    "goal, words",
    [
        ({"measure": "gdpp", "at_least": 1}, ["gdpp", "not known", "gdp"]),
        ({"measure": "gdp", "at_least": 1, "resource": "land"}, ["land", "is no resource"]),
        ({"measure": "gdp", "at_least": 1, "each": "county"}, ["county", "neither region, all nor a group"]),
        ({"measure": "gdp", "at_least": 1, "each": "all"}, ["value of its own", "sum(gdp)"]),
        ({"measure": "gdp", "at_least": 1, "through": ["flor"]}, ["flor", "is no rule", "floor"]),
        ({"measure": "gdp", "at_least": 1, "name": "reaches its entitlement"}, ["name of two goals"]),
    ],
)
def test_goals_that_cannot_be_computed_are_faults(goal, words):
    with pytest.raises(InputError) as error:
        plan(with_goals([{"name": "g", **goal}]), 2)
    assert all(word in str(error.value) for word in words), error.value


def test_a_goal_on_amounts_names_its_resource_where_there_are_several():
    two = dict.fromkeys(("fund", "land"), TINY["resources"]["fund"])
    raw = {**TINY, "resources": two, "plan": {"goals": [{"name": "g", "measure": "amount", "at_least": 1}]}}
    with pytest.raises(InputError, match="not of which resource"):
        plan(Fund(parse_policy(raw), PAIR), 2)
    raw["plan"]["goals"][0]["resource"] = "land"
    assert {c.resource for c in plan(Fund(parse_policy(raw), PAIR), 2).courses if c.goal == "g"} == {"land"}


def test_a_goal_needs_one_bound():
    for bounds in ({}, {"at_least": 1, "at_most": 2}):
        with pytest.raises(InputError, match="either at_least or at_most"):
            with_goals([{"name": "g", "measure": "gdp", **bounds}])


def test_a_watched_rule_is_a_goal():
    watch = {"kind": "limit", "name": "near", "of": "entitlement", "floor": 0.98, "mode": "watch"}
    hold = {"kind": "limit", "name": "hold", "where": "id == 'A'", "of": "amount", "cap": 330}
    found = plan(tiny(rules=[watch, hold]), 4, growth={"people": -0.5})
    #      due of A 200/600, 150/500, 125/450, 112.5/425 of 1100: 366.67 330 305.56 291.18
    near = courses(found, "watched rule is kept")["near"]
    assert near.values == {"2023": 1.0, "2024": 0.0, "2025": 0.0, "2026": 0.0}
    assert 'fund: the watched rule "near" is kept in 2024.' in found.sentences
    assert "fund: A reaches its entitlement in 2024." in found.sentences
    assert "fund: B reaches its entitlement from 2023 on." in found.sentences


def test_at_most_twenty_names_are_said():
    assert listed([str(k) for k in range(25)]).endswith("19 and 5 more")
    many = [
        Course("g", f"R{k:02}", f"R{k:02}", "fund", "m", 1.0, None, "", (), {"1": -k}, {"1": False}) for k in range(30)
    ]
    (text,) = prospects(many, ["1"])
    assert text.startswith('fund: 30 of 30 do not reach the goal "g" within 1 round, furthest first: R29, R28')
    assert text.endswith("R10 and 10 more.")


def test_what_is_reached_for_a_time_only_is_said():
    kept = {"1": True, "2": False}
    (text,) = prospects(
        [Course("g", "A", "Astadt", "", "m", 1.0, None, "", (), {"1": 1.0, "2": 0.0}, kept)], ["1", "2"]
    )
    assert text == 'Astadt reaches the goal "g" for a time, but not in 2.'


# labels and faults


def test_a_decided_round_is_not_projected_again():
    past = past_of([[r, i, "fund", 550, 550] for r in ("2022", "2023") for i in "AB"])
    assert plan(tiny(past=past), 2).asked == ("2024", "2025")
    assert plan(tiny(past=past[past["round"] == "2022"]), 2).asked == ("2023", "2024")


def test_rounds_recorded_after_the_first_projected_one_are_left_out():
    past = past_of([[r, i, "fund", 550, a] for r in ("2022", "2025") for i, a in (("A", 500), ("B", 600))])
    found = plan(tiny(past=past), 4)
    assert found.asked == ("2023", "2024", "2025", "2026")
    assert by_round(found, "A", "change") == {"2023": "-133.33", "2024": "0.00", "2025": "0.00", "2026": "0.00"}


def test_a_faulty_history_is_told_with_all_that_is_asked():
    past = past_of([["2022", "A", "fund", 550, 550]]).drop(columns="round")
    with pytest.raises(InputError) as error:
        plan(tiny(past=past), 0, growth={"gdp": 40})
    assert "history, column round: the column is missing" in str(error.value)
    assert "--growth gdp: '40': is no rate of growth" in str(error.value)


def test_other_labels_are_asked_for():
    fund = tiny(fund={"round": "spring 2023"})
    with pytest.raises(InputError, match=r"--labels 2024a,2024b\. The first is spring 2023, which is not decided yet"):
        plan(fund, 2)
    assert plan(fund, 2, labels=["spring 2023", "spring 2024"]).asked == ("spring 2023", "spring 2024")
    for wrong in (["spring 2024", "spring 2025"], ["spring 2023", "autumn 2023"]):
        with pytest.raises(InputError, match="do not follow each other"):
            plan(fund, 2, labels=wrong)
    for wrong in (["spring 2023"], ["spring 2023"] * 2, ["spring 2023", ""]):
        with pytest.raises(InputError, match="are not 2 different labels"):
            plan(fund, 2, labels=wrong)


def test_growth_a_year_has_no_meaning_where_labels_are_no_years():
    with pytest.raises(InputError, match="years apart"):
        plan(tiny(), 2, labels=["2023", "20240101"], growth={"gdp": 0.1})
    with pytest.raises(InputError, match="2023 and 20240101 lie 20,238,078 years apart"):
        plan(tiny(), 2, labels=["2023", "20240101"], supply={"fund": 0.1})
    assert plan(tiny(), 2, labels=["2023", "20240101"]).error is None


@given(st.sets(st.integers(1900, 2100), min_size=1, max_size=6), st.integers(1, 5))
def test_projected_labels_are_in_order(known, count):
    labels = [str(k) for k in sorted(known)]
    following = Calendar(labels).following(labels[0], count)
    assert in_order([labels[0], *following]) == (labels[0], *following)
    assert len(following) == count


# the command line

POLICY = """
format = 1
fund = { title = "Small fund", round = "2023" }
regions = { file = "regions.csv", id = "id", round = "year", population = "people" }
[resources.fund]
supply = 1100
unit = "EUR"
criteria = [ { name = "k", weight = 1, measure = "gdp + people" } ]
[plan]
growth = { gdp = 0.5 }
goals = [ { name = "rich", measure = "gdp / population", at_least = 2, by = "2024" } ]
"""
CEILING = '[[rules]]\nkind = "limit"\nname = "ceiling"\neach = "all"\ncap = { "2023" = 1100, "2025" = 900 }\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "policy.toml").write_text(POLICY)
    YEARS.to_csv(tmp_path / "regions.csv", index=False)
    return tmp_path


def planned(folder, *options):
    return run(["plan", str(folder), *options])


def test_the_command_prints_rounds_goals_and_what_is_assumed(folder, capsys):
    assert planned(folder, "--rounds", "3", "-o", str(folder / "out")) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("Small fund: 3 rounds projected, 2023 to 2025\n\nfund (EUR)\nround")
    assert "fund: A, B reach their entitlement" in shown.out or "fund: 2 of 2 reach their entitlement" in shown.out
    assert 'fund: A reaches the goal "rich" in 2025.' in shown.out
    assert 'fund: goal "rich" by 2024: 1 in time, 1 not in time.' in shown.out
    assert shown.out.endswith("Assumed a year: gdp +50 %; all else stays as last stated.\n")
    assert "Written to" in shown.err
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["flags.csv", "goals.csv", "plan.csv", "summary.json"]


def test_nothing_is_written_without_a_folder(folder, capsys):
    assert planned(folder, "--rounds", "2") == 0
    assert sorted(p.name for p in folder.iterdir()) == ["policy.toml", "regions.csv"]
    assert "Nothing was written" in capsys.readouterr().err


def test_json_is_all_that_is_printed(folder, capsys):
    assert planned(folder, "--rounds", "2", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["rounds"]["projected"] == ["2023", "2024"] and "seconds" in content
    assert planned(folder, "--rounds", "2", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_an_alarm_is_exit_0_and_10_with_strict(folder, capsys):
    (folder / "policy.toml").write_text(POLICY + CEILING)
    assert planned(folder, "--rounds", "4", "-o", str(folder / "out")) == 0
    shown = capsys.readouterr()
    assert '2025 cannot be decided: the rule "ceiling" cannot be kept.' in shown.out
    assert "alarm: 2025 cannot be decided" in shown.err
    assert "\n2025,alarm,infeasible,ceiling," in (folder / "out" / "flags.csv").read_text()
    assert planned(folder, "--rounds", "4", "--strict", "--quiet") == 10
    assert planned(folder, "--rounds", "2", "--strict", "--quiet") == 0


def test_all_faulty_options_are_told_at_once_and_nothing_is_written(folder, capsys):
    options = ["--growth", "gpd=0.1", "--growth", "people=5 %", "--growth", "gdp", "--supply", "land=0.1"]
    options += ["--supply", "fund=-1", "--indicators", str(folder / "none.csv"), "--rounds", "0"]
    assert planned(folder, *options, "-o", str(folder / "out")) == 3
    shown = capsys.readouterr()
    assert shown.out == "" and not (folder / "out").exists()
    for words in ("Did you mean gdp", "'5 %'", "'gdp'", "land", "'-1'", "none.csv", "--rounds: '0'", "7 faults found"):
        assert words in shown.err, shown.err


def test_an_unknown_resource_alone_is_a_fault(folder, capsys):
    assert planned(folder, "--rounds", "2", "--supply", "found=0.1") == 3
    assert "--supply found: is no resource. Did you mean fund?" in capsys.readouterr().err


def test_a_supply_that_is_no_number_has_no_rate(folder, capsys):
    for supply in ('"sum(gdp)"', '"open"'):
        settings_ = ["--set", f"resources.fund.supply={supply}"]
        more = (
            ["--set", 'resources.fund.criteria=[{name = "k", rate = 1, measure = "gdp"}]'] if "open" in supply else []
        )
        assert planned(folder, "--rounds", "2", "--supply", "fund=0.1", *settings_, *more) == 3
        assert "no number that could grow" in capsys.readouterr().err


def test_a_foreign_folder_stays_as_it_is(folder, capsys):
    assert planned(folder, "--rounds", "2", "-o", str(folder)) == 3
    assert "did not write" in capsys.readouterr().err
    assert sorted(p.name for p in folder.iterdir()) == ["policy.toml", "regions.csv"]


def test_a_plan_never_takes_the_place_of_a_decided_round_nor_the_other_way_round(folder, capsys):
    out = str(folder / "out")
    assert planned(folder, "--rounds", "2", "-o", out) == 0
    assert run(["explain", out, "A"]) == 3
    assert "allocation.csv" in capsys.readouterr().err
    names = ["flags.csv", "goals.csv", "plan.csv", "summary.json"]
    assert run(["allocate", str(folder), "-o", out, "--quiet"]) == 3
    assert "holds a plan, not a round; nothing was changed." in capsys.readouterr().err
    assert sorted(p.name for p in (folder / "out").iterdir()) == names
    assert run(["allocate", str(folder), "-o", f"{out}-round", "--quiet"]) == 0
    assert planned(folder, "--rounds", "2", "-o", f"{out}-round", "--quiet") == 3
    assert "holds a round, not a plan; nothing was changed." in capsys.readouterr().err
    assert (folder / "out-round" / "certificate.json").is_file()
    assert planned(folder, "--rounds", "3", "-o", out, "--quiet") == 0


def test_options_labels_indicators_and_encoding(folder, capsys):
    given = "id;year;people;gdp\nA;2024;100;700\nB;2024;100;300\n"
    (folder / "more.csv").write_text(given, encoding="utf-16")
    options = ["--indicators", str(folder / "more.csv"), "--labels", "2023, 2024"]
    assert planned(folder, "--rounds", "2", *options, "--encoding", "utf-16") == 3
    YEARS.to_csv(folder / "regions.csv", index=False, encoding="utf-16")
    assert planned(folder, "--rounds", "2", *options, "--encoding", "utf-16", "-o", str(folder / "out")) == 0
    assert "2024,A,A,fund,EUR,733.33," in (folder / "out" / "plan.csv").read_text()
    capsys.readouterr()


def test_cells_of_the_indicators_are_looked_at_before_anything_is_decided(folder, capsys):
    (folder / "more.csv").write_text("id,year,people,gdp\nA,2024,100,12O\nB,2025,many,1\n", encoding="utf-8")
    assert planned(folder, "--rounds", "3", "--indicators", str(folder / "more.csv")) == 3
    shown = capsys.readouterr()
    assert shown.out == "" and "2 faults found" in shown.err
    assert "more.csv, line 2, column gdp: '12O'" in shown.err
    assert "more.csv, line 3, column people: 'many'" in shown.err


def test_an_empty_cell_of_the_indicators_is_told_with_its_line(folder, capsys):
    pd.concat([YEARS, YEARS.assign(year="2024")]).to_csv(folder / "regions.csv", index=False)
    (folder / "more.csv").write_text("id,year,people,gdp\nB,2024,100,1\nA,2024,100,\n", encoding="utf-8")
    assert planned(folder, "--rounds", "3", "--indicators", str(folder / "more.csv")) == 0
    shown = capsys.readouterr().out
    assert "2024 cannot be decided, its figures are faulty:" in shown
    assert f"{folder / 'regions.csv'} with {folder / 'more.csv'}, line 3, column gdp" in shown


def test_check_prints_the_plan_in_words(folder, capsys):
    assert run(["check", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "Plan. Assumed a year: gdp +50 %; all else stays as last stated." in shown
    assert "  goal rich: for each region gdp / population is at least 2 by 2024" in shown


def test_the_example_of_the_page_prints_what_the_page_says(tmp_path, capsys):
    page = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    regions, history, policy, shown = re.findall(r"```(?:csv|toml|text)\n(.*?)```", page, flags=re.DOTALL)
    for name, text in (("regions.csv", regions), ("history.csv", history), ("policy.toml", policy)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert run(["plan", str(tmp_path), "--rounds", "6"]) == 0
    assert capsys.readouterr().out == shown


def test_the_page_names_every_column_and_option():
    page = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    found = plan(with_goals(), 2)
    for name in {c for sheet in found.sheets.values() for c in sheet.columns} - {"state"}:
        assert f"`{name}`" in page, name
    for option in ("--rounds", "--growth", "--supply", "--indicators", "--labels"):
        assert f"`{option}" in page, option
