"""The flags of the monitor: their words, when they are raised, how seldom falsely and how soon."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fundalloc.arrears import claimable
from fundalloc.flags import Flag
from fundalloc.monitors.figures import Figures
from fundalloc.monitors.phrases import money, percent, repair
from fundalloc.monitors.section import MonitorSection
from fundalloc.monitors.watched import watch
from tests.test_monitor import NAN, SECTION, course, measures

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
from alarms import BALANCED, CODES, PLANTED, delays, false_alarms, first_flags, history, upto  # noqa: E402

NOTHING_LEFT = "Its account is within 5 % of one round's entitlement: nothing is left to repay."


def flags(one, section=SECTION, code=None):
    return [f for f in watch(one, section).flags if code in (None, f.code)]


def held(low, rounds=8, rate=0.0, first=0):
    """Four regions, of which the first gets a part of its entitlement from a round on; the others get the rest."""
    key = np.tile([1e6, 1e6, 1e6, 1e6], (rounds, 1))
    amount = key.copy()
    amount[first:, 0] *= low
    amount[first:, 1:] += (1e6 - amount[first:, :1]) / 3
    return course(key, amount, arrears=rate, groups={})


# ------------------------------------------------------------------ the words


def test_behind_says_figure_threshold_since_when_and_the_remedy():
    (flag,) = flags(held(0.92, rounds=5, first=2), code="behind")
    assert flag == Flag(
        "warning",
        "behind",
        "a",
        "Atown has received less than 95 % of its entitlement to fund for 3 rounds in a row, since 2022 (92 % in "
        "2024). In 2024 it received 80,000 CNY less than its target: as long as rules hold it there, no arrears rate "
        "restores the balance. Once they yield, an arrears rate of 0.33 (now none) brings what it is owed, 240,000 "
        "CNY, below 5 % of one round's entitlement in 4 rounds.",
        "fund",
        0.92,
        0.95,
    )


def test_one_round_alone_raises_no_flag():
    assert flags(held(0.1, rounds=1)) == [] and flags(held(0.1, rounds=2)) != []


def test_two_rounds_behind_are_not_yet_a_flag_and_at_the_threshold_there_is_none():
    assert flags(held(0.92, rounds=4, first=2)) == []
    assert flags(held(0.95, rounds=4), code="behind") == []
    assert flags(held(0.92, rounds=4, first=2), MonitorSection(rounds=2), "behind") != []


def test_what_all_are_denied_alike_is_said_once():
    one = course([[100] * 4] * 4, [[90] * 4] * 4)
    (flag,) = flags(one)
    assert (flag.code, flag.subject, flag.severity) == ("behind", "all", "warning")
    assert flag.message == (
        "The whole fund has paid less than 95 % of the entitlements to fund for 4 rounds in a row, since 2020 (90 % in "
        "2023). No arrears rate makes good what all are denied alike: supply or entitlements have to change. Regions "
        "and groups are flagged only where they are 5 % below the fund."
    )
    further = course([[100] * 4] * 4, [[75, 93, 93, 93]] * 4, groups={})
    assert [f.subject for f in flags(further, code="behind")] == ["a", "all"]
    assert "and less than 95 % of what the fund pays on all entitlements, for 4 rounds" in flags(further)[0].message


def test_who_gives_back_what_it_was_paid_ahead_is_not_behind():
    key = np.full((10, 4), 100.0)
    amount = key.copy()
    amount[0] = 160, 80, 80, 80
    amount[1:7] = 90, 310 / 3, 310 / 3, 310 / 3
    one = course(key, amount, groups={})
    for rounds in range(2, 7):
        assert [f for f in flags(upto(one, rounds)) if f.code in ("behind", "falling", "drift")] == []
    amount[7:] = amount[1]
    assert ("drift", "a") in {(f.code, f.subject) for f in flags(course(key, amount, groups={}))}


def test_a_drift_says_how_large_it_is_and_since_when():
    found = flags(held(0.9, rounds=8, first=4), code="drift")
    assert [(f.subject, f.severity) for f in found] == [("a", "alarm")]
    assert found[0].message.startswith(
        "The coverage of Atown in fund has drifted below that of all regions together since 2024: by 10 % on average "
        "over 4 rounds, more than chance explains (cumulative sum 10.0, flagged from 6.5 on). In 2027 it "
        "received 100,000 CNY less than its target: as long as rules hold it there"
    )
    assert (found[0].value, found[0].threshold) == (10.0, 6.5)
    above = held(0.85, rounds=12)
    assert {(f.subject, f.severity) for f in flags(above, code="drift")} == {
        ("a", "alarm"),
        ("b", "info"),
        ("c", "info"),
        ("d", "info"),
    }
    mild = flags(held(0.96, rounds=10), code="drift")
    assert [(f.subject, f.severity) for f in mild] == [("a", "warning")]


def test_many_rounds_below_and_one_far_above_are_no_drift():
    key = np.full((9, 4), 100.0)
    amount = key + np.array([-8, 8 / 3, 8 / 3, 8 / 3])
    amount[4] = [300, 100 / 3, 100 / 3, 100 / 3]
    assert [
        f for f in flags(course(key, amount, groups={})) if f.subject == "a" and f.code in ("drift", "behind")
    ] == []


def test_a_fund_of_one_region_is_behind_as_a_whole():
    assert [(f.code, f.subject) for f in flags(course([[100]] * 4, [[90]] * 4))] == [("behind", "all")]


def test_a_systematic_part_of_a_hundredth_never_is_a_drift():
    assert flags(held(0.99, rounds=40), code="drift") == []


def test_an_account_says_what_is_owed_and_which_rate_closes_it():
    one = held(0.7, rounds=2, rate=0.2, first=1)
    found = {f.subject: f for f in flags(one, code="account")}
    assert set(found) == {"a"}
    assert found["a"].severity == "warning" and found["a"].value == pytest.approx(0.3) and found["a"].threshold == 0.25
    assert found["a"].message == (
        "Atown is owed 300,000 CNY of fund: 30 % of one round's entitlement, 25 % or more since 2021. In 2021 it "
        "received 300,000 CNY less than its target: as long as rules hold it there, no arrears rate restores the "
        "balance. Once they yield, an arrears rate of 0.37 (now 0.2) brings what it is owed, 300,000 CNY, below 5 % "
        "of one round's entitlement in 4 rounds."
    )
    enough = flags(held(0.7, rounds=2, rate=0.6, first=1), code="account")[0]
    assert "the arrears rate of 0.6 brings what it is owed, 300,000 CNY, below 5 % of" in enough.message
    assert enough.message.endswith("in 2 rounds.")
    ahead = course([[100, 400]] * 2, [[100, 400], [130, 370]], groups={})
    assert [(f.subject, f.severity) for f in flags(ahead, code="account")] == [("a", "info")]
    assert flags(ahead, code="account")[0].message.startswith(
        "Atown is ahead by 30.00 CNY of fund: 30 % of one round's"
    )


def test_an_account_at_its_limit_is_an_alarm_that_says_what_does_not_count():
    (flag,) = flags(held(0.5, rounds=3), code="limit")
    assert (flag.severity, flag.subject, flag.value, flag.threshold) == ("alarm", "a", 1, 0.8)
    assert flag.message == (
        "Atown is owed 1,000,000 CNY of fund: 100 % of one round's entitlement, 80 % or more since 2021. An account "
        "counts only up to one round's entitlement, and this one is at that limit: what lies beyond it does not count "
        "while it stays there (500,000 CNY by now). In 2022 it received 500,000 CNY less than its target: as long as "
        "rules hold it there, no arrears rate restores the balance. Once they yield, an arrears rate of 0.62 (now "
        "none) brings what it is owed, 1,500,000 CNY, below 5 % of one round's entitlement in 4 rounds."
    )
    assert [f.code for f in flags(held(0.5, rounds=3)) if f.subject == "a"].count("account") == 0
    far = flags(held(0.0, rounds=8), code="limit")[0].message
    assert "no arrears rate brings what it is owed, 8,000,000 CNY, below" in far and "a rate of 1 takes 8 rounds" in far


def test_a_coverage_that_falls_steadily_is_flagged_with_its_pace():
    key = np.full((8, 3), 100.0)
    amount = key.copy()
    amount[:, 0] -= 2.0 * np.arange(8)
    amount[:, 1] += 2.0 * np.arange(8)
    one = course(key, amount, groups={})
    (flag,) = flags(one, code="falling")
    assert (flag.severity, flag.subject, flag.threshold) == ("warning", "a", -0.01)
    assert flag.value == pytest.approx(-0.02)
    assert flag.message.startswith(
        "The coverage of Atown in fund has fallen by 2 points a round since 2020, to 86 % in 2027 (flagged from 1 "
        "on). At this pace it is 78 % in 4 rounds. In 2027 it received 14.00 CNY less than its target"
    )
    assert flags(upto(one, 6), code="falling") == []


def falling(coverage):
    """A region with this coverage round by round, the other getting the rest."""
    first = 100 * np.array(coverage)
    return flags(
        course(np.full((len(first), 2), 100.0), np.column_stack([first, 200 - first]), groups={}), code="falling"
    )


def test_only_a_steady_large_and_lasting_fall_below_the_entitlement_is_one():
    steps = np.arange(8)
    assert [f.subject for f in falling(1 - 0.02 * steps)] == ["a"]
    assert falling(1 - 0.009 * steps) == [] == falling(0.8 + 0.02 * steps)[1:]
    assert falling(1.2 - 0.02 * steps) == []  # still above, and ahead
    assert falling([1, 0.9, 0.98, 0.85, 0.95, 0.8, 0.92, 0.75]) == []  # no more steady than chance
    assert falling([1.5, 1.3, 1.1, 1.05, 1.04, 1.02, 1.01, 0.97]) == []  # gives back what it was ahead
    assert [f.subject for f in falling([1.02, 1.0, 0.99, 0.97, 0.95, 0.93, 0.91, 0.9])] == ["a"]


def test_a_fall_of_the_whole_fund_is_said_once_and_of_those_who_fall_faster():
    steps = np.arange(8)[:, None]
    together = 100 * (1 - 0.02 * steps) * np.ones((8, 3)) - np.array([1, 0, -1])
    found = flags(course(np.full((8, 3), 100.0), together, groups={}), code="falling")
    assert [f.subject for f in found] == ["all"] and "arrears" not in found[0].message
    faster = together - 2 * steps * np.array([1, -0.5, -0.5])
    found = flags(course(np.full((8, 3), 100.0), faster, groups={}), code="falling")
    assert [f.subject for f in found] == ["a", "all"]


def test_inequality_that_rises_and_regions_that_grow_apart_are_flagged():
    key = np.full((8, 3), 100.0)
    people = np.ones((8, 3))
    amount = np.array([[100 - 4 * t, 100, 100 + 4 * t] for t in range(8)], dtype=float)
    level = np.array([[1 - 0.02 * t, 1, 1.5] for t in range(8)])
    one = course(key, amount, groups={}, population=people, development=level)
    (rise,) = flags(one, code="inequality")
    assert rise.message == (
        "The Gini coefficient of fund per head has risen by 0.124 since 2020, from 0.000 to 0.124 in 2027 (flagged "
        'from 0.05 on). A rule of the kind "inequality" with measure = "gini", of = "head" and at_most = 0.050 keeps '
        "it low."
    )
    (apart,) = flags(one, code="divergence")
    assert apart.message.startswith(
        "The regions grow apart: the coefficient of variation of their development has risen"
    )
    assert apart.value > 0.1 == apart.threshold
    backwards = course(key, amount[::-1], groups={}, population=people, development=level[::-1])
    assert [f for f in flags(backwards) if f.code in ("inequality", "divergence")] == []


def grown(part, unknown=0):
    """Codes and values of the flags of a fund whose third region has this much more than the first, round by round."""
    more = np.array(part, dtype=float)[:, None]
    amount, level = 100 + 100 * more * np.array([-1, 0, 1]), 1 + more * np.array([-1.0, 0, 1])
    people = np.ones_like(amount)
    people[:unknown], level[:unknown] = NAN, NAN
    found = flags(course(np.full_like(amount, 100), amount, groups={}, population=people, development=level))
    return {f.code: f.value for f in found if f.code in ("inequality", "divergence")}


def test_only_a_large_and_steady_growth_is_one():
    steps = np.arange(8)
    assert grown(0.1 + 0.03 * steps) == {  # the Gini of 1 - p, 1, 1 + p is 4 p / 9, the variation p sqrt(2 / 3)
        "inequality": pytest.approx(4 / 9 * 0.21),
        "divergence": pytest.approx(2.1),
    }
    assert grown(0.1 + 0.03 * np.arange(10) - 0.06, unknown=2)["inequality"] == pytest.approx(4 / 9 * 0.21)
    assert grown(0.5 + 0.005 * steps) == {}
    assert set(grown(0.1 + 0.01 * steps)) == {"divergence"}
    assert grown([0.1, 0.5, 0.2, 0.6, 0.15, 0.7, 0.3, 0.9]) == {}
    assert grown(0.1 + 0.03 * steps[:6]) == {}


def test_who_joins_and_who_leaves_is_named():
    key = np.full((5, 4), 100.0)
    key[:2, 1] = NAN
    key[3:, 2] = NAN
    amount = key.copy()
    amount[0, 2] = 90
    amount[0, 0] = 110
    found = {f.code: f for f in flags(course(key, amount, groups={}))}
    assert set(found) == {"joined", "left"}
    assert found["joined"].message == (
        "Btown has records of fund only since 2022: its account began there at 0, and it is not measured by the rounds "
        "before."
    )
    assert found["left"].message == (
        "Ctown has no record of fund after 2022: its account, 10.00 CNY owed, is closed, and the others bear it in "
        "proportion to their entitlements."
    )
    assert {f.severity for f in found.values()} == {"info"}
    amount[0, 2] = 100
    even = next(f for f in flags(course(key, amount, groups={})) if f.code == "left")
    assert even.message == "Ctown has no record of fund after 2022: its account is even."
    amount[1, 2] = 130
    ahead = next(f for f in flags(course(key, amount, groups={})) if f.code == "left")
    assert "its account, 30.00 CNY ahead, is closed" in ahead.message
    amount[1, 2], amount[0, 2] = 100, 90
    row = next(r for r in watch(course(key, amount), SECTION).measures.records() if r["subject"] == "c")
    assert (row["first"], row["last"], row["rounds"], row["coverage"], row["balance"]) == (
        "2020",
        "2022",
        3,
        None,
        None,
    )


def test_a_region_that_left_is_not_flagged_for_what_it_got():
    one = held(0.5, rounds=6)
    one.entitlement[5, 0] = NAN
    assert {f.code for f in flags(one) if f.subject == "a"} == {"left"}


def test_what_is_less_than_a_lot_raises_no_flag():
    key, amount = np.full((6, 3), 2.3), np.full((6, 3), 2.3)
    amount[:, 0], amount[:, 1] = 2.0, 2.6
    one = {"groups": {}, "unit": "posts"}
    assert {f.subject for f in flags(upto(course(key, amount, **one), 3))} >= {"a"}
    in_posts = course(key, amount, lot=1.0, **one)
    assert flags(upto(in_posts, 3)) == []
    assert {f.code for f in flags(in_posts) if f.subject == "a"} == {"behind", "account"}


def test_a_group_of_one_region_is_not_named_beside_it():
    one = held(0.9)
    single = course(one.entitlement, one.amount, groups={"province": ("P", "Q", "Q", "Q")})
    assert {f.subject for f in flags(single) if f.severity != "info"} == {"a"}
    pair = course(one.entitlement, one.amount, groups={"province": ("P", "P", "Q", "Q")})
    assert {(f.subject, f.code) for f in flags(pair) if f.severity != "info"} >= {("a", "limit"), ("P", "account")}
    assert any(f.message.startswith("P (province) is owed") for f in flags(pair))
    assert measures(single)["P"]["coverage"] == 0.9


@pytest.mark.parametrize(
    "value, words",
    [(0.95, "95 %"), (0.11764, "11.8 %"), (1.0, "100 %"), (9.99, "999 %"), (12.344, "1,234 %"), (0.0, "0 %")],
)
def test_parts_in_words(value, words):
    assert percent(value) == words


@pytest.mark.parametrize(
    "value, words",
    [
        (0, "0 CNY"),
        (-1234567.8, "1,234,568 CNY"),
        (123.456, "123.5 CNY"),
        (0.012345, "0.01235 CNY"),
        (1000, "1,000 CNY"),
    ],
)
def test_amounts_in_words(value, words):
    assert money(value, "CNY") == words and money(value, "") == words.removesuffix(" CNY")


# ------------------------------------------------------------------ the remedy


def repaired(first, rate, last=(100, 100, 100)):
    """What is said of the region a after two rounds in which the three were paid this."""
    one = course([[100] * 3] * 2, [first, last], arrears=rate, groups={})
    return repair(Figures(one, SECTION), 0)


def test_what_is_said_of_the_rate():
    assert repaired([95, 105, 100], 0.1) == NOTHING_LEFT == repaired([105, 95, 100], 0.1)
    said = repaired([94, 106, 100], 0.0)
    assert said.startswith("An arrears rate of 0.05 (now none) brings what it is owed, 6.000 CNY, ")
    exact = repaired([80, 120, 100], 0.3, [100, 100, 100])
    assert exact == (
        "In 2021 it received 6.000 CNY less than its target: as long as rules hold it there, no arrears rate restores "
        "the balance. Once they yield, the arrears rate of 0.3 brings what it is owed, 20.00 CNY, below 5 % of one "
        "round's entitlement in 4 rounds."
    )
    kept = repaired([80, 120, 100], 0.3, [106, 94, 100])
    assert kept.endswith("below 5 % of one round's entitlement in 3 rounds, if amounts keep to their targets.")
    ahead = repaired([160, 40, 100], 0.1, [104, 96, 100])
    assert ahead.startswith("In 2021 it received 10.00 CNY more than its target: as long as rules hold it there, no ")
    assert "an arrears rate of 0.48 (now 0.1) brings what it is ahead, 64.00 CNY, below 5 %" in ahead
    assert repaired([160, 40, 100], 0.1, [80, 120, 100]).endswith("if amounts keep to their targets.")
    far = course([[100.0] * 3, [0.5, 100, 100]], [[0, 150, 150], [0.5, 100, 100]], groups={})
    assert "; a rate of 1 takes more than 100 rounds, if" in repair(Figures(far, SECTION), 0)
    far = course([[100.0] * 3, [10, 100, 100]], [[20, 140, 140], [10, 100, 100]], groups={})
    assert (
        "brings what it is owed, 80.00 CNY, below 5 % of one round's entitlement in 4 rounds; a rate of 1 takes 8"
        in (repair(Figures(far, SECTION), 0))
    )
    ahead = course([[100.0] * 3, [10, 100, 100]], [[180, 60, 60], [10, 100, 100]], groups={})
    assert "No arrears rate brings what it is ahead, 80.00 CNY," in repair(Figures(ahead, SECTION), 0)
    assert "a rate of 1 takes 8 rounds" in repair(Figures(ahead, SECTION), 0)
    gone = course([[100] * 3, [0, 100, 100]], [[90, 110, 100], [0, 100, 100]], groups={})
    assert repair(Figures(gone, SECTION), 0) == NOTHING_LEFT


@given(st.floats(0.3, 0.7), st.integers(1, 6), st.lists(st.integers(1, 9), min_size=3, max_size=6))
@settings(max_examples=30)
def test_the_rate_advised_closes_the_account_in_the_rounds_said(low, within, sizes):
    section = MonitorSection(within=within)
    key = np.array(sizes, dtype=float) * 1000
    key[0] = key[1:].sum() / 3
    amount = key.copy()
    amount[0] *= low
    amount[1:] += (key[0] - amount[0]) * key[1:] / key[1:].sum()
    one = course([key, key], [key, amount], groups={})
    message = next(f for f in flags(one, section) if f.subject == "a").message
    rate = float(re.search(r"an arrears rate of (\d\.\d\d) \(now none\)", message).group(1))
    unpaid, here = key - amount, np.ones(len(key), dtype=bool)
    left = []
    for _ in range(within):
        paid = key + rate * claimable(unpaid, key, here)
        unpaid = unpaid + key - paid
        left.append(unpaid[0] / key[0])
    assert left[-1] <= section.missing * (1 + 1e-12)  # the noise of floats
    slower = (1 - low) * (1 - (rate - 0.01)) ** within
    assert slower > section.missing


# ------------------------------------------------------------------ how seldom falsely, and how soon


def test_balanced_funds_are_seldom_said_to_drift():
    found = {setting: false_alarms(setting, 12, 3, SECTION) for setting in BALANCED}
    shares = [share["drift"] for share, _ in found.values()]
    assert len(shares) == len(BALANCED) >= 10 and np.mean(shares) <= 0.01
    assert np.mean([groups for _, groups in found.values()]) <= 0.01
    for setting, (share, _) in found.items():
        if setting.arrears and not setting.lot:
            assert (share["account"], share["falling"], share["limit"]) == (0, 0, 0)


@pytest.mark.parametrize("regions", [5, 12])
def test_a_region_a_tenth_short_is_found_within_five_rounds(regions):
    (setting,) = (s for s in PLANTED if s.short == 0.1 and s.noise[0] == 0.03)
    found = delays(setting, regions, 20, SECTION)
    assert found.shape == (20, 2) and np.median(found[:, 0]) <= 4
    assert (found[:, 0] <= 5).mean() >= 0.9
    assert (found[:, 1] <= 5).mean() >= 0.95


def test_perfectly_balanced_funds_are_silent_for_ever():
    one = history(BALANCED[0].__class__("exact", (0.0, 0.0), arrears=0.3), 8, 1)
    assert first_flags(one, SECTION) == {}


# ------------------------------------------------------------------ the section and its page


def test_the_section_refuses_what_it_does_not_know():
    for wrong in ({"covrage": 0.9}, {"coverage": 1.0}, {"rounds": 1}, {"within": 0}, {"account": -0.1}):
        with pytest.raises(ValidationError):
            MonitorSection(**wrong)


def test_the_page_lists_every_threshold_and_every_code():
    page = (ROOT / "docs" / "monitor.md").read_text(encoding="utf-8")
    for name, field in MonitorSection.model_fields.items():
        default = "the index `development`" if field.default is None else f"{field.default:g}"
        assert f"| `{name}` | {default} |" in page
        assert field.description
    assert {*CODES, "inequality", "divergence", "joined", "left", "cliff", "stale_round"} == set(
        re.findall(r"^\| `(\w+)` \| [iwa]", page, re.M)
    )
    listings = watch(held(0.9), SECTION)
    for column in {*listings.measures.columns, *listings.series.columns, *listings.splits.columns}:
        assert f"`{column}`" in page, column
