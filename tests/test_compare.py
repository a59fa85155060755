"""The comparison: sums that add up, mirrors that mirror, ranges that hold, official figures beside ours."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fundalloc as fa
from fundalloc import ConflictError, Fund, InputError, Ledger, SolverError, compare, deviate, load, lottery, shake
from fundalloc.change import Round
from fundalloc.cli.app import run
from fundalloc.contrasts import bounds
from fundalloc.draws import normal, stratified, uniform
from fundalloc.influence import coefficients, needed
from fundalloc.policy import parse_policy
from fundalloc.recording import record
from fundalloc.sensitivity import usual
from fundalloc.shipped import model
from tests import funds
from tests.pages import figure, read, tables

TINY = {
    "format": 1,
    "fund": {"title": "Tiny", "round": "2023"},
    "regions": {"id": "id", "name": "name", "groups": ["state"], "population": "people"},
}
FOUR = pd.DataFrame(
    {
        "id": ["A", "B", "C", "D"],
        "name": ["Astadt", "Bestadt", "Cestadt", "Destadt"],
        "state": ["N", "N", "S", "S"],
        "people": [100, 200, 300, 400],
        "need": [4, 3, 2, 1],
    }
)


def criteria(**weights):
    measures = {"people": "people", "need": "need", "equal": "1"}
    return [{"name": name, "weight": w, "measure": measures[name]} for name, w in weights.items()]


def tiny(frame=FOUR, *, rules=(), supply=1000, lot=1, key=None, **more):
    """A fund of four regions, divided by people or as stated."""
    resource = {"supply": supply, "unit": "EUR", "lot": lot, "criteria": key or criteria(people=1)}
    raw = {**TINY, "resources": {"fund": resource, **more.pop("resources", {})}, "rules": list(rules), **more}
    return Fund(parse_policy(raw), frame)


def rows_of(found, name):
    return list(csv.DictReader(io.StringIO(found.sheets[name].csv().decode())))


def by_region(found, column, name="comparison.csv"):
    return {row["region_id"]: row[column] for row in rows_of(found, name)}


FLOOR = {"kind": "limit", "name": "basic", "of": "amount", "floor": 150}


# side by side


def test_two_tiny_policies_by_hand():
    """By people 100, 200, 300, 400; by need 400, 300, 200, 100."""
    found = compare(tiny(), tiny(key=criteria(need=1)), labels=["people", "need"])
    assert by_region(found, "base") == {"A": "100", "B": "200", "C": "300", "D": "400"}
    assert by_region(found, "amount") == {"A": "400", "B": "300", "C": "200", "D": "100"}
    assert by_region(found, "change") == {"A": "300", "B": "100", "C": "-100", "D": "-300"}
    assert by_region(found, "change_percent") == {"A": "300", "B": "50", "C": "-33.33333333", "D": "-75"}
    assert by_region(found, "base_per_head") == dict.fromkeys("ABCD", "1")
    assert by_region(found, "per_head_change") == {"A": "3", "B": "0.5", "C": "-0.3333333333", "D": "-0.75"}
    assert by_region(found, "base_rank") == {"A": "4", "B": "3", "C": "2", "D": "1"}
    assert by_region(found, "rank") == {"A": "1", "B": "2", "C": "3", "D": "4"}
    assert by_region(found, "base_head_rank") == dict.fromkeys("ABCD", "1")
    groups = {(r["by"], r["group"]): r for r in rows_of(found, "groups.csv")}
    assert {k: (r["base"], r["amount"], r["change"], r["winners"], r["losers"]) for k, r in groups.items()} == {
        ("all", "all"): ("1000", "1000", "0", "2", "2"),
        ("state", "N"): ("300", "700", "400", "2", "0"),
        ("state", "S"): ("700", "300", "-400", "0", "2"),
    }
    assert groups["state", "N"]["per_head_change"] == "1.333333333"  # 700 / 300 - 300 / 300
    fund = found.summary["comparisons"][0]["resources"][0]
    assert (fund["winners"]["count"], fund["winners"]["sum"]) == (2, "400")
    assert (fund["losers"]["count"], fund["losers"]["sum"]) == (2, "-400")
    assert [r["region_id"] for r in fund["losers"]["largest"]] == ["D", "C"]
    one, other = (c["resources"]["fund"] for c in found.summary["candidates"])
    assert one["inequality"] == {"per": "head", "gini": "0", "hoover": "0", "theil": "0"}
    # shares of the money 4, 3, 2, 1 of 10, of the people 1, 2, 3, 4 of 10: half of 3 + 1 + 1 + 3 tenths
    assert other["inequality"]["hoover"] == "0.4"
    assert one["lowest"] == {"region_id": "A", "region_name": "Astadt", "coverage": "1"}


def test_rules_that_bind_in_one_and_not_in_the_other():
    """A floor of 150 lifts A; B, C and D give in proportion to 200, 300 and 400."""
    found = compare(tiny(), tiny(rules=[FLOOR]), labels=["without", "with"])
    assert by_region(found, "amount") == {"A": "150", "B": "189", "C": "283", "D": "378"}
    rows = rows_of(found, "rules.csv")
    assert [(r["rule"], r["place"], r["before"], r["after"], r["difference"]) for r in rows] == [
        ("basic", "A", "absent", "yes", "binds anew")
    ]
    assert by_region(found, "held_by") == {"A": "basic", "B": "", "C": "", "D": ""}
    back = compare(tiny(rules=[FLOOR]), tiny(rules=[{**FLOOR, "floor": 50}]))
    assert [(r["before"], r["after"], r["difference"]) for r in rows_of(back, "rules.csv")] == [
        ("yes", "no", "binds no more")
    ]
    assert "rule basic: binds at 0 places, before at 1; no more at Astadt" in str(back)


def test_the_same_rule_that_binds_in_both_is_the_same():
    found = bounds({("r", "f", "A"): True, ("r", "f", "B"): False}, {("r", "f", "A"): True, ("s", "f", "B"): False})
    assert [(b.rule, b.place, b.difference) for b in found] == [("r", "A", "same")]


def test_joiners_and_leavers_are_named_and_nothing_is_dropped():
    later = FOUR[FOUR["id"] != "A"]
    later = pd.concat([later, later[-1:].assign(id="E", name="Estadt", people=100)])
    land = {"land": {"supply": 10, "unit": "ha", "lot": 1, "criteria": criteria(equal=1)}}
    found = compare(tiny(), tiny(later, resources=land), labels=["before", "after"])
    said = found.summary["comparisons"][0]
    assert (said["joins"], said["leaves"]) == (
        {"regions": ["E"], "resources": ["land"]},
        {"regions": ["A"], "resources": []},
    )
    rows = {(r["resource"], r["region_id"]): r for r in rows_of(found, "comparison.csv")}
    assert {key: (r["status"], r["base"], r["amount"], r["change"]) for key, r in rows.items()} == {
        ("fund", "A"): ("leaves", "100", "", "-100"),
        ("fund", "B"): ("both", "200", "200", "0"),
        ("fund", "C"): ("both", "300", "300", "0"),
        ("fund", "D"): ("both", "400", "400", "0"),
        ("fund", "E"): ("joins", "", "100", "100"),
        ("land", "B"): ("joins", "", "3", "3"),
        ("land", "C"): ("joins", "", "3", "3"),
        ("land", "D"): ("joins", "", "2", "2"),
        ("land", "E"): ("joins", "", "2", "2"),
    }
    fund = said["resources"][0]
    assert (fund["joins"], fund["leaves"]) == (
        {"count": 1, "sum": "100", "regions": ["E"]},
        {"count": 1, "sum": "-100", "regions": ["A"]},
    )
    assert (fund["winners"]["count"], fund["losers"]["count"], fund["unchanged"]) == (0, 0, 3)
    text = str(found)
    assert "1 region joins: E" in text and "1 region leaves: A" in text and "1 resource joins: land" in text
    back = compare(tiny(later, resources=land), tiny())
    assert {r["status"] for r in rows_of(back, "comparison.csv") if r["resource"] == "land"} == {"leaves"}


def test_finer_lots_are_compared_in_the_finer_unit():
    found = compare(tiny(lot=100), tiny(lot=0.5, key=criteria(need=1)))
    assert by_region(found, "base")["A"] == "100.0"
    assert by_region(found, "change")["A"] == "300.0"


def test_other_units_cannot_be_compared():
    raw = {**TINY, "resources": {"fund": {"supply": 1, "unit": "USD", "criteria": criteria(people=1)}}}
    with pytest.raises(InputError, match='is counted in "EUR" in policy, in "USD" in policy'):
        compare(tiny(), Fund(parse_policy(raw), FOUR))


def test_three_candidates_are_each_held_against_the_first():
    found = compare(tiny(), tiny(key=criteria(need=1)), tiny(supply=2000), labels=["a", "b", "c"])
    rows = rows_of(found, "comparison.csv")
    assert [(r["candidate"], r["region_id"], r["change"]) for r in rows if r["region_id"] == "A"] == [
        ("b", "A", "300"),
        ("c", "A", "100"),
    ]
    assert found.table["change"].sum() == 1000
    assert len(found.groups) == 2 * 3 and len(found.rules) == 0


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 12))
def test_sums_add_up_and_swapping_mirrors(seed, n):
    one, other = funds.fund(seed, n), funds.fund(seed + 1, n + seed % 3)
    there, back = compare(one, other), compare(other, one)
    rows, mirrored = rows_of(there, "comparison.csv"), rows_of(back, "comparison.csv")
    for row, turned in zip(rows, mirrored, strict=True):
        assert Decimal(row["change"]) == -Decimal(turned["change"])
        assert (row["base"], row["amount"], row["rank"]) == (turned["amount"], turned["base"], turned["base_rank"])
        assert row["base_held_by"] == turned["held_by"]
        assert Decimal(row["change"]) == Decimal(row["amount"] or 0) - Decimal(row["base"] or 0)
    groups = rows_of(there, "groups.csv")
    for column in ("base", "amount", "change"):
        total = sum(Decimal(r[column] or 0) for r in rows)
        for by in {r["by"] for r in groups}:
            assert sum(Decimal(r[column]) for r in groups if r["by"] == by) == total
    fund = there.summary["comparisons"][0]["resources"][0]
    parts = sum(Decimal(fund[side]["sum"]) for side in ("winners", "losers", "joins", "leaves"))
    assert parts == Decimal(fund["change"]) == Decimal(fund["amounts"]) - Decimal(fund["base"])
    counted = sum(fund[side]["count"] for side in ("winners", "losers", "joins", "leaves")) + fund["unchanged"]
    assert counted == len(rows)
    places = {(r["rule"], r["place"]) for r in rows_of(there, "rules.csv")}
    assert places == {(r["rule"], r["place"]) for r in rows_of(back, "rules.csv")}


@settings(max_examples=6)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 12))
def test_against_itself_nothing_changes(seed, n):
    one = funds.fund(seed, n)
    found = compare(one, one)
    assert all(Decimal(r["change"]) == 0 and r["rank"] == r["base_rank"] for r in rows_of(found, "comparison.csv"))
    assert {r["difference"] for r in rows_of(found, "rules.csv")} <= {"same"}
    assert [c["label"] for c in found.summary["candidates"]] == ["policy", "policy (2)"]
    assert found.summary["comparisons"][0]["resources"][0]["unchanged"] == n


def test_shuffled_rows_give_the_same_bytes():
    rng = np.random.default_rng(7)
    mixed = FOUR.sample(frac=1, random_state=1)
    more = {"key": criteria(people=60, need=40), "uncertainty": {"people": 0.02}}
    one, other = (compare(tiny(f), tiny(f, rules=[FLOOR], **more)) for f in (FOUR, mixed))
    assert {n: s.csv() for n, s in one.sheets.items()} == {n: s.csv() for n, s in other.sheets.items()}
    shaken = [shake(tiny(f, lot=0.01, **more), draws=int(rng.integers(30, 31))) for f in (FOUR, mixed)]
    assert shaken[0].sheets["sensitivity.csv"].csv() == shaken[1].sheets["sensitivity.csv"].csv()
    assert shaken[0].sheets["weights.csv"].csv() == shaken[1].sheets["weights.csv"].csv()


def test_a_candidate_that_cannot_be_decided_is_named():
    with pytest.raises(ConflictError, match=r"^hard: No allocation keeps"):
        compare(tiny(), tiny(rules=[{**FLOOR, "floor": 300}]), labels=["easy", "hard"])
    with pytest.raises(InputError, match="nothing to compare with"):
        compare(tiny())


# sensitivity


def test_without_shaking_there_is_no_width():
    found = shake(tiny(key=criteria(people=60, need=40), rules=[FLOOR]), by=0, draws=7)
    for row in rows_of(found, "sensitivity.csv"):
        assert row["p5"] == row["median"] == row["p95"] == row["amount"]
        assert (row["rank_best"], row["rank_worst"], row["width_percent"]) == (row["rank"], row["rank"], "0")
        assert row["driver"] == ""


def test_one_criterion_is_insensitive_to_its_weight():
    found = shake(tiny(key=criteria(need=100)), by=0.9, draws=9)
    assert found.weights == () and len(found.draws.lots) == 9
    assert {row["width_percent"] for row in rows_of(found, "sensitivity.csv")} == {"0"}
    assert found.sentences[0].startswith("This policy has no weights")


def test_the_range_of_two_criteria_by_hand():
    """A gets 100 w + 400 (1 - w), and the weight w of people lies between 0.75 / 2 = 0.375 and 1.25 / 2 = 0.625."""
    found = shake(tiny(key=criteria(people=50, need=50), lot=0.01), draws=121)
    drawn = found.draws.lots[:, 0] / 100
    assert 100 * 0.625 + 400 * 0.375 - 0.01 <= drawn.min() < 100 * 0.6 + 400 * 0.4
    assert 100 * 0.4 + 400 * 0.6 < drawn.max() <= 100 * 0.375 + 400 * 0.625 + 0.01
    factors = found.draws.factors
    share = factors[:, 0] / factors.sum(axis=1)
    assert np.abs(drawn - (100 * share + 400 * (1 - share))).max() <= 0.01
    row = rows_of(found, "sensitivity.csv")[0]
    ordered = sorted(found.draws.lots[:, 0].tolist())  # 121 draws: the quantiles are the 7th, 61st and 115th
    assert [row[q] for q in ("p5", "median", "p95")] == [f"{ordered[k] / 100:.2f}" for k in (6, 60, 114)]
    # more weight for people takes from A, and each weight explains half of the variance, but for chance correlation
    people, need = found.spreads[0].coefficients[:, 0]
    chance = np.corrcoef(factors.T)[0, 1]
    whole = people**2 + need**2 + 2 * people * need * chance
    assert people < 0 < need and whole == pytest.approx(found.spreads[0].explained[0], abs=1e-9)
    assert abs(chance) < 0.2 and min(people**2, need**2) > 0.4
    ranks = [(row["rank"], row["rank_best"], row["rank_worst"]) for row in rows_of(found, "sensitivity.csv")]
    assert ranks == [("1", "1", "4"), ("1", "2", "3"), ("1", "2", "3"), ("1", "1", "4")]


def test_the_weight_that_explains_most_is_found():
    """Where all have as many people, amounts depend on the share of need alone.

    With weights of 45, 45 and 10 it moves by 0.9, -0.45 and -0.45 of what the factors do: 2/3 and 1/6 of the variance.
    """
    frame = FOUR.assign(people=[100, 100, 100, 100])
    found = shake(tiny(frame, key=criteria(people=45, equal=45, need=10), lot=0.01), draws=100)
    assert {row["driver"] for row in rows_of(found, "sensitivity.csv")} == {"need (fund)"}
    parts = [float(row["explains"]) for row in rows_of(found, "weights.csv")]
    assert np.abs(np.array(parts) - [1 / 6, 1 / 6, 2 / 3]).max() < 0.1


def test_weights_of_an_index_are_shaken_wherever_they_come_from():
    indicators = [{"name": "need", "measure": "need"}, {"name": "size", "measure": "people", "higher_is": "worse"}]
    key = [{"name": "k", "weight": 1, "measure": "1 + i"}]
    for weights in ("given", "equal", "entropy", "critic"):
        index = {"i": {"indicators": [*indicators, {"name": "rest", "measure": "need * people"}], "weights": weights}}
        found = shake(tiny(key=key, indices={**index, "unused": index["i"]}, lot=0.01), draws=20)
        assert [w.key for w in found.weights] == [f"indices.i.indicators.{n}.weight" for n in ("need", "size", "rest")]
        assert sum(w.share for w in found.weights) == pytest.approx(1)
        assert np.ptp(found.draws.lots, axis=0)[:3].min() > 0
        assert np.ptp(found.draws.lots[:, 3]) == 0  # D is the least in all three


def test_rates_count_as_weights_where_a_supply_scales_them():
    rates = [{"name": "a", "rate": 1, "measure": "people"}, {"name": "b", "rate": 100, "measure": "need"}]
    found = shake(tiny(key=rates), draws=5)
    assert [w.key for w in found.weights] == [f"resources.fund.criteria.{n}.rate" for n in "ab"]
    assert (found.draws.lots.sum(axis=1) == 1000).all()
    assert shake(tiny(key=rates, supply="open"), draws=5).weights == ()


def test_weights_by_round_are_those_of_the_round():
    key = [
        {"name": "a", "weight": {"2020": 30, "2023": 50}, "measure": "people"},
        {"name": "b", "weight": {"2020": 70, "2023": 50}, "measure": "need"},
    ]
    assert [w.share for w in shake(tiny(key=key), draws=3).weights] == [0.5, 0.5]


def test_uncertain_figures_by_hand():
    """Each amount follows from the figures of its own draw; a column that is exact is not drawn."""
    found = shake(tiny(uncertainty={"people": 0.1, "need": 0}, lot=0.01), draws=150)
    noise = found.draws.noise["people"]
    people = noise * FOUR["people"].to_numpy()
    expected = 1000 * people / people.sum(axis=1, keepdims=True)
    assert np.abs(found.draws.lots / 100 - expected).max() <= 0.01
    assert noise.mean() == pytest.approx(1, abs=0.01) and noise.std() == pytest.approx(0.1, abs=0.01)
    assert np.abs(np.corrcoef(noise.T) - np.eye(4)).max() < 0.2
    assert {row["driver"] for row in rows_of(found, "sensitivity.csv")} == {"people (own figure)"}


def test_uncertainty_is_stated_by_any_name_of_a_column_and_faults_are_told():
    with pytest.raises(InputError, match="Did you mean people"):
        shake(tiny(uncertainty={"poeple": 0.1}), draws=2)
    with pytest.raises(InputError, match="is stated twice for the column people"):
        shake(tiny(uncertainty={"people": 0.1, "population": 0.1}), draws=2)
    with pytest.raises(InputError, match="is no column of numbers"):
        shake(tiny(uncertainty={"state": 0.1}), draws=2)
    one, other = (shake(tiny(uncertainty={name: 0.1}), draws=5).draws.lots for name in ("people", "population"))
    assert (one == other).all()
    assert "people 10 %" in "\n".join(tiny(uncertainty={"people": 0.1}).describe())


def test_conflicts_are_counted_and_told():
    """D gets at most 160, and 63 % of its entitlement: too much where people weigh much."""
    found = shake(tiny(key=criteria(people=50, need=50), rules=[{**FLOOR, "floor": 200}]), draws=40)
    assert found.draws.failed == {"conflict": 0, "unproven": 0, "faulty": 0}
    rules = [
        {"kind": "limit", "name": "cap", "of": "need", "cap": 160},
        {"kind": "limit", "name": "near", "of": "entitlement", "floor": 0.63},
    ]
    found = shake(tiny(key=criteria(people=50, need=50), rules=rules), draws=40)
    failed = found.draws.failed
    # D gets at most 160 and is due 100 + 300 w with w the weight of people: too much above w = (160 / 0.63 - 100) / 300
    share = np.array([1 - 0.25 + 0.5 * stratified(w.key, 40) for w in found.weights])
    share = share[0] / share.sum(axis=0)
    expected = int((0.63 * (100 + 300 * share) > 160).sum())
    assert 0 < failed["conflict"] == expected < 40 and len(found.draws.lots) == 40 - expected
    assert any(
        f"{expected} of 40 draws ended in a conflict" in s and "No allocation keeps" in s for s in found.sentences
    )
    assert found.summary["draws"]["conflict"] == expected


def test_draws_without_a_proof_or_with_faulty_figures_are_counted(monkeypatch):
    calls = iter(range(100))

    def failing(problem, statements):
        k = next(calls)
        if k in (1, 2):
            raise SolverError("no proof")
        if k == 3:
            raise InputError([fa.Fault("is below 0.")])
        return decide(problem, statements)

    decide = lottery.decide
    monkeypatch.setattr(lottery, "decide", failing)
    found = shake(tiny(key=criteria(people=50, need=50)), draws=10)
    assert found.draws.failed == {"conflict": 0, "unproven": 2, "faulty": 1} and len(found.draws.lots) == 7
    assert any("2 of 10 draws ended without a proven answer" in s and "draw 2: no proof" in s for s in found.sentences)


def test_where_no_draw_can_be_decided_there_are_no_ranges(monkeypatch):
    base = tiny(key=criteria(people=50, need=50))
    lots = base.allocate().decision.lots

    def never(problem, statements):
        raise SolverError("no proof")

    monkeypatch.setattr(lottery, "decide", never)
    found = shake(Round(base, lots.astype(float), lots), draws=3)
    row = rows_of(found, "sensitivity.csv")[0]
    assert (row["amount"], row["p5"], row["rank"], row["rank_best"]) == ("250", "", "1", "")
    assert "No draw could be decided" in str(found)


def test_several_processes_give_the_same():
    rules = [{"kind": "limit", "name": "cap", "of": "need", "cap": 160}, {**FLOOR, "of": "entitlement", "floor": 0.63}]
    fund = tiny(key=criteria(people=50, need=50), rules=rules, uncertainty={"people": 0.02})
    one, two = (shake(fund, draws=12, jobs=jobs) for jobs in (1, 2))
    assert one.draws.failed["conflict"] > 0 and one.summary == two.summary
    assert [s.csv() for s in one.sheets.values()] == [s.csv() for s in two.sheets.values()]


def test_how_many_draws():
    assert [usual(n) for n in (1, 41, 300, 301, 600, 3000, 35_000)] == [200, 200, 200, 199, 100, 50, 50]
    for faulty in ({"draws": 0}, {"by": -0.1}, {"by": 1.0}, {"by": float("nan")}, {"jobs": 0}):
        with pytest.raises(InputError, match="is not possible here"):
            shake(tiny(), **faulty)
    assert len(shake(tiny(), draws=1).draws.lots) == 1


def test_what_is_drawn_is_the_same_on_every_machine():
    assert uniform("a", 3).tolist() == [0.901643465224697, 0.5420015419571691, 0.6800933722661631]
    places = np.sort(stratified("a", 50) * 50)
    assert (places.astype(int) == np.arange(50)).all()
    assert abs(normal("a", 20_000).mean()) < 0.02 and normal("a", 20_000).std() == pytest.approx(1, abs=0.02)
    assert (uniform("a", 5)[:3] == uniform("a", 3)).all() and (uniform("a", 3) != uniform("b", 3)).all()


def test_regression_finds_known_coefficients():
    """Y = 3 a + 4 b with independent a and b of variance 1: coefficients 0.6 and 0.8, R² 1."""
    x = np.array([[a, b, 0.0] for a in (-1, 1) for b in (-1, 1)] * 3, dtype=float)
    y = np.column_stack([3 * x[:, 0] + 4 * x[:, 1], x[:, 0] * x[:, 1], np.full(12, 7.0)])
    found, explained = coefficients(x, y)
    assert found[:, 0] == pytest.approx([0.6, 0.8, 0]) and explained[0] == pytest.approx(1)
    assert found[:, 1] == pytest.approx([0, 0, 0], abs=1e-12) and explained[1] == pytest.approx(0)
    assert np.isnan(found[:, 2]).all() and np.isnan(explained[2])
    assert needed(2) == 9


def test_too_few_draws_tell_no_driver():
    found = shake(tiny(key=criteria(people=50, need=50)), draws=5)
    assert {row["driver"] for row in rows_of(found, "sensitivity.csv")} == {""}
    assert shake(tiny(key=criteria(people=50, need=50)), draws=9).spreads[0].drivers.min() >= 0
    assert "To tell what moves which amount 9 decided draws are needed (--draws)." in found.sentences


# official figures


OFFICIAL = pd.DataFrame({"region_id": ["A", "B", "X", "D"], "amount": [110, 200, 5, 380]})


def test_deviation_by_hand():
    found = deviate(tiny(), OFFICIAL)
    rows = rows_of(found, "deviations.csv")
    assert [(r["region_id"], r["where"], r["ours"], r["official"], r["difference"], r["percent"]) for r in rows] == [
        ("A", "both", "100", "110", "-10", "-9.090909091"),
        ("B", "both", "200", "200", "0", "0"),
        ("D", "both", "400", "380", "20", "5.263157895"),
        ("C", "only ours", "", "", "", ""),
        ("X", "only official", "", "", "", ""),
    ]
    (told,) = found.summary["figures"]
    assert (told["mean_absolute"], told["median_absolute"], told["largest_absolute"]) == ("10", "10", "20")
    assert (told["count"], told["equal"], told["ours"], told["official"]) == (3, 1, "700", "690")
    assert told["percent_quantiles"]["50"] == "0"
    assert float(told["correlation"]) == pytest.approx(np.corrcoef([100, 200, 400], [110, 200, 380])[0, 1], abs=1e-6)
    assert [r["region_id"] for r in told["largest"]] == ["D", "A", "B"]
    assert found.summary["only_ours"] == [{"resource": "fund", "region_id": "C"}]
    assert found.summary["only_official"] == [{"resource": "fund", "region_id": "X"}]
    text = str(found)
    assert "1 is decided, but without an official figure: Cestadt." in text
    assert "1 is with an official figure, but not decided: X." in text


def test_equal_figures_and_another_unit():
    ours = pd.DataFrame({"region_id": list("ABCD"), "amount": [100, 200, 300, 400]})
    assert deviate(tiny(), ours).sentences == ("amount of fund: all 4 figures are equal to the official ones.",)
    thousands = ours.assign(amount=ours["amount"] / 1000)
    assert "another unit" in deviate(tiny(), thousands).sentences[0]


def test_the_columns_of_expected_figures():
    found = deviate(model("western_balkans_2024").file, model("western_balkans_2024").expected)
    assert found.summary["figures"][0]["within_tolerance"]["met"] >= 4
    assert {r["within"] for r in rows_of(found, "deviations.csv")} <= {"yes", "no"}


def test_faulty_official_figures():
    land = {"land": {"supply": 10, "unit": "ha", "lot": 1, "criteria": criteria(equal=1)}}
    two = tiny(resources=land)
    with pytest.raises(InputError, match="there are several resources"):
        deviate(two, OFFICIAL)
    assert {f.resource for f in deviate(two, OFFICIAL, "land").found.figures} == {"land"}
    with pytest.raises(InputError, match="Did you mean land"):
        deviate(two, OFFICIAL, "lnad")
    twice = pd.concat([OFFICIAL, OFFICIAL[:1]]).assign(resource="fund", figure="amuont", tolerance="some")
    with pytest.raises(InputError) as told:
        deviate(two, twice.assign(figure=["amount"] * 4 + ["amount"]).assign(resource=["fund"] * 3 + ["lnad", "fund"]))
    text = str(told.value)
    assert "is no resource" in text and "stands twice" in text and "is no tolerance" in text
    with pytest.raises(InputError, match=r"is no figure\. Did you mean amount"):
        deviate(two, twice)
    with pytest.raises(InputError, match="column is missing"):
        deviate(tiny(), pd.DataFrame({"region_id": ["A"]}))


# files, folders and the command line


@pytest.fixture
def folder(tmp_path):
    """Two policies beside each other, official figures, and a decided round."""
    FOUR.to_csv(tmp_path / "regions.csv", index=False)
    for name, weights in (("now", (60, 40)), ("draft", (20, 80))):
        text = f"""format = 1
fund = {{ title = "Tiny", round = "2023" }}
regions = {{ file = "regions.csv", id = "id", name = "name", groups = ["state"], population = "people" }}
[resources.fund]
supply = 1000
unit = "EUR"
lot = 1
criteria = [ {{ name = "people", weight = {weights[0]}, measure = "people" }},
             {{ name = "need", weight = {weights[1]}, measure = "need" }} ]
[uncertainty]
people = 0.01
"""
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    OFFICIAL.to_csv(tmp_path / "official.csv", index=False)
    assert run(["allocate", str(tmp_path / "now.toml"), "-o", str(tmp_path / "round"), "--quiet"]) == 0
    return tmp_path


def test_the_command_line_writes_what_the_library_gives(folder, capsys):
    now, draft, out = (str(folder / name) for name in ("now.toml", "draft.toml", "out"))
    assert run(["compare", now, draft, "-o", out]) == 0
    printed = capsys.readouterr()
    found = compare(now, draft)
    assert printed.out == f"{found}\n" and "comparison.csv, groups.csv, rules.csv, summary.json" in printed.err
    for name, sheet in found.sheets.items():
        assert (Path(out) / name).read_bytes() == sheet.csv()
    written = json.loads((Path(out) / "summary.json").read_text(encoding="utf-8"))
    assert set(written.pop("files")) == set(found.sheets) and written == found.summary
    assert [c["label"] for c in written["candidates"]] == ["now", "draft"]
    # need weighs twice as much: A 280, B 260, C 240, D 220 become 340, 280, 220, 160 where 60, 40 become 20, 80
    assert by_region(found, "base") == {"A": "220", "B": "240", "C": "260", "D": "280"}
    assert by_region(found, "amount") == {"A": "340", "B": "280", "C": "220", "D": "160"}


def test_a_decided_round_equals_its_policy(folder):
    found = compare(folder / "now.toml", folder / "round")
    assert {row["change"] for row in rows_of(found, "comparison.csv")} == {"0"}
    assert [c["origin"] for c in found.summary["candidates"]] == ["policy", "folder"]
    one, other = (shake(folder / name, draws=12) for name in ("now.toml", "round"))
    assert one.sheets["sensitivity.csv"].csv() == other.sheets["sensitivity.csv"].csv()


def test_a_round_of_a_ledger(folder, capsys):
    ledger = folder / "ledger.sqlite"
    record(folder / "round", Ledger(ledger, create=True), name="A. Li", reason="Board")
    found = compare("2023", folder / "draft.toml", ledger=ledger)
    assert [c["origin"] for c in found.summary["candidates"]] == ["ledger", "policy"]
    assert by_region(found, "change") == {"A": "120", "B": "40", "C": "-40", "D": "-120"}
    assert run(["compare", "2022", str(folder / "now.toml"), "--ledger", str(ledger)]) == 3
    assert "has no round of that name. Recorded rounds are: 2023." in capsys.readouterr().err
    assert len(shake("2023", draws=2, ledger=ledger).draws.lots) == 2


def test_an_amended_round_counts_as_amended(folder):
    (folder / "events.csv").write_text("region_id,resource,need,reason\nA,fund,30,flood\n", encoding="utf-8")
    amended = folder / "amended"
    assert run(["amend", str(folder / "round"), "--events", str(folder / "events.csv"), "-o", str(amended), "-q"]) == 0
    found = compare(folder / "round", amended)
    assert by_region(found, "change")["A"] == "30"
    assert sum(int(v) for v in by_region(found, "change").values()) == 0
    assert by_region(shake(amended, draws=2), "amount", "sensitivity.csv")["A"] == "220"


def test_a_file_that_was_changed_is_refused(folder, capsys):
    allocation = folder / "round" / "allocation.csv"
    allocation.write_text(allocation.read_text(encoding="utf-8").replace("220", "221"), encoding="utf-8")
    assert run(["compare", str(folder / "round"), str(folder / "now.toml")]) == 3
    assert "its SHA-256 is another" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["now.toml", "draft.toml"],
        ["now.toml", "--draws", "9"],
        ["round", "--against", "official.csv", "--resource", "fund"],
    ],
)
def test_json_prints_only_json(folder, capsys, arguments):
    paths = [str(folder / a) if (folder / a).exists() else a for a in arguments]
    assert run(["compare", *paths, "--json", "--quiet"]) == 0
    printed = capsys.readouterr()
    content = json.loads(printed.out)
    assert printed.err == "" and content.pop("seconds")["total"] > 0 and content["fundalloc"]["format"] == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["now.toml", "nothing"], "is no policy"),
        (["now.toml", "draft.toml", "--draws", "9"], "belongs to the sensitivity of one policy"),
        (["now.toml", "--against", "official.csv", "--shake", "0.1"], "belongs to the sensitivity of one policy"),
        (["now.toml", "draft.toml", "--against", "official.csv"], "with official figures"),
        (["now.toml", "--resource", "fund"], "belongs to --against"),
        (["now.toml", "--shake", "2"], "is not possible here"),
        (["now.toml", "--against", "none.csv"], "there is no such file"),
        (["round", "--round", "2023"], "--round: a decided round stays as it is"),
        (["now.toml", "draft.toml", "--set", "resources.fund.criteria.people.weight=1"], "the weights add up to"),
        (["now.toml", "draft.toml", "-o", "."], "holds files that fundalloc did not write"),
    ],
)
def test_faults_end_with_exit_code_3(folder, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    assert run(["compare", *arguments]) == 3
    printed = capsys.readouterr()
    assert message in printed.err and printed.out == ""


def test_a_conflict_ends_with_exit_code_4(folder, capsys):
    rule = '\n[[rules]]\nkind = "limit"\nname = "much"\nof = "amount"\nfloor = 300\n'
    draft = folder / "draft.toml"
    draft.write_text(draft.read_text(encoding="utf-8") + rule, encoding="utf-8")
    assert run(["compare", str(folder / "now.toml"), str(draft)]) == 4
    assert "draft: No allocation keeps" in capsys.readouterr().err


def test_sensitivity_and_deviation_are_written(folder):
    for arguments, names in (
        (["--draws", "12"], {"sensitivity.csv", "weights.csv", "summary.json"}),
        (["--against", str(folder / "official.csv")], {"deviations.csv", "summary.json"}),
    ):
        out = folder / arguments[0].strip("-")
        assert run(["compare", str(folder / "now.toml"), *arguments, "-o", str(out), "--quiet"]) == 0
        assert {f.name for f in out.iterdir()} == names


def test_many_regions_are_shortened_on_screen():
    rng = np.random.default_rng(3)
    frame = funds.regions(rng, 70)
    entries = funds.policy([])
    other = funds.policy([], fund={"criteria": [{"name": "people", "weight": 1, "measure": "population"}]})
    found = compare(Fund(parse_policy(entries), frame), Fund(parse_policy(other), frame))
    assert "... and 50 more between them in comparison.csv" in str(found)
    assert "... and 10 more in sensitivity.csv" in str(shake(Fund(parse_policy(entries), frame), draws=2))


def test_the_example_of_the_docs_prints_what_they_show(tmp_path, capsys, monkeypatch):
    docs = (Path(fa.__file__).parents[1] / "docs" / "compare.md").read_text(encoding="utf-8")
    example = docs[docs.index("## An example") :]
    blocks = re.findall(r"```(\w+)\n(.*?)```", example, flags=re.DOTALL)
    regions, policy, *_ = (text for _, text in blocks)
    official = [text for kind, text in blocks if kind == "csv"][1]
    files = {"regions.csv": regions, "now.toml": policy, "official.csv": official}
    files["draft.toml"] = policy.replace("weight = 60", "weight = 20").replace("weight = 40", "weight = 80")
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"`fundalloc (compare [^`]*)` prints", example)
    shown = [text for kind, text in blocks if kind == "text"]
    assert len(commands) == len(shown) == 3
    for command, text in zip(commands, shown, strict=True):
        assert run(command.split()) == 0
        assert capsys.readouterr().out == text


def tables_of(page):
    return {table.caption: table for table in tables(read(page))}


def test_the_page_of_a_comparison_says_what_the_tables_say(tmp_path):
    out = tmp_path / "out"
    compare("models/yrd.toml", load("models/yrd.toml", settings=["rules.pace of change.cap=1.05"])).write(out, ["html"])
    page = tables_of((out / "comparison.html").read_bytes())
    rows = list(csv.DictReader(io.StringIO((out / "comparison.csv").read_text(encoding="utf-8"), newline="")))
    groups = list(csv.DictReader(io.StringIO((out / "groups.csv").read_text(encoding="utf-8"), newline="")))
    for name in ("fund", "land", "training"):
        (mine,) = [t for caption, t in page.items() if caption.startswith(f"{name.capitalize()}: every region")]
        known = {row["region_name"]: row for row in rows if row["resource"] == name}
        assert sorted(mine.column("Region")) == sorted(known)
        for k, region in enumerate(mine.column("Region")):
            shown = [figure(cell.text) for cell in mine.rows[k][1:4]]
            assert shown == [Decimal(known[region][c]) for c in ("base", "amount", "change")]
        (grouped,) = [t for caption, t in page.items() if caption.startswith(f"{name.capitalize()} by group")]
        mine = [row for row in groups if row["resource"] == name]
        assert [figure(text) for text in grouped.column("Change")] == [Decimal(row["change"]) for row in mine]
        assert grouped.column("Gain") == [row["winners"] for row in mine]
        bars = [row[grouped.head.index("Picture")].all("rect")[0].attributes for row in grouped.rows]
        assert all((float(b["x"]) < 50) == (b["class"] == "give") for b in bars if float(b["width"]))
    assert b"<script" not in (out / "comparison.html").read_bytes()


def test_the_pages_of_a_sensitivity_and_of_deviations_say_what_the_tables_say(tmp_path):
    policy = "models/pakistan_nfc7_2010.toml"
    shake(policy, draws=20).write(tmp_path / "shaken", ["html"])
    page = tables_of((tmp_path / "shaken" / "sensitivity.html").read_bytes())
    text = (tmp_path / "shaken" / "sensitivity.csv").read_text(encoding="utf-8")
    known = {row["region_name"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    (table,) = [t for caption, t in page.items() if "the range of each amount" in caption]
    for k, region in enumerate(table.column("Region")):
        shown = [figure(cell.text) for cell in table.rows[k][1:4]]
        assert shown == [Decimal(known[region][c]) for c in ("amount", "p5", "p95")]
    deviate(policy, "data/pakistan_nfc7_2010.expected.csv").write(tmp_path / "official", ["html"])
    page = tables_of((tmp_path / "official" / "deviations.html").read_bytes())
    text = (tmp_path / "official" / "deviations.csv").read_text(encoding="utf-8")
    known = [row for row in csv.DictReader(io.StringIO(text, newline="")) if row["where"] == "both"]
    found = [[cell.text for cell in row] for table in page.values() for row in table.rows]
    assert sorted(figure(row[3]) for row in found) == sorted(Decimal(row["difference"]) for row in known)


def test_a_page_without_a_folder_is_a_fault(capsys):
    assert run(["compare", "models/pakistan_nfc7_2010.toml", "models/pakistan_nfc7_2010.toml", "--format", "html"]) == 3
    assert "Name a folder with -o." in capsys.readouterr().err
