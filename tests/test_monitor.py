"""The measures of the monitor: by hand, against second computations, and their laws."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, permutations
from statistics import linear_regression, median, pstdev

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc import Fund
from fundalloc.inequality import theil
from fundalloc.monitors.balance import bounds, replay
from fundalloc.monitors.convergence import catching_up, dispersions
from fundalloc.monitors.course import Course
from fundalloc.monitors.coverage import below, in_a_row
from fundalloc.monitors.drift import drifts, scatters
from fundalloc.monitors.remedy import after, least_rate, rounds_to
from fundalloc.monitors.section import MonitorSection
from fundalloc.monitors.trend import chance_of_fall, slopes
from fundalloc.monitors.watched import watch
from fundalloc.policy import parse_policy

NAN = float("nan")
SECTION = MonitorSection()


def course(entitlement, amount, **more):
    """A course with regions a, b, c ... in the provinces X, Y, X ..."""
    due, got = np.array(entitlement, dtype=float), np.array(amount, dtype=float)
    rounds, count = due.shape
    ids = tuple("abcdefghijklmnopqrstuvwxyz"[:count])
    given_ = {
        "rounds": tuple(str(2020 + t) for t in range(rounds)),
        "ids": ids,
        "names": tuple(i.upper() + "town" for i in ids),
        "groups": {"province": tuple("XY"[i % 2] for i in range(count))},
        "resource": "fund",
        "unit": "CNY",
        "entitlement": due,
        "amount": got,
        "adjustment": np.zeros_like(due),
    }
    return Course(**(given_ | more))


def measures(one, section=SECTION):
    return {r["subject"]: r for r in watch(one, section).measures.records()}


def series(one, column, subject, section=SECTION):
    return [r[column] for r in watch(one, section).series.records() if r["subject"] == subject]


# ------------------------------------------------------------------ coverage and rows of rounds


def test_coverage_by_region_group_and_fund():
    one = course([[100, 200, 300], [100, 200, 300]], [[90, 210, 300], [80, 220, 300]])
    found = measures(one)
    assert {k: found[k]["coverage"] for k in "abc"} == {"a": 0.8, "b": 1.1, "c": 1.0}
    assert found["X"]["coverage"] == 380 / 400 and found["Y"]["coverage"] == 1.1 and found["all"]["coverage"] == 1
    assert found["a"]["coverage_trend"] == pytest.approx(-0.1, rel=1e-12)
    assert [found[k]["rounds_behind"] for k in ("a", "b", "c", "X", "all")] == [2, 0, 0, 0, 0]
    assert found["a"]["behind_since"] == "2020" and found["b"]["behind_since"] is None
    assert [r["kind"] for r in found.values()] == ["region"] * 3 + ["group"] * 2 + ["fund"]


def test_money_outside_the_key_counts_neither_as_coverage_nor_in_the_account():
    one = course([[100, 100]] * 2, [[100, 100], [150, 90]], adjustment=np.array([[0, 0], [50, -10.0]]))
    found = measures(one)
    assert [found[k]["coverage"] for k in "ab"] == [1, 1]
    assert [found[k]["account"] for k in "ab"] == [0, 0]
    assert [found[k]["paid"] for k in "ab"] == [100, 100]


def test_groups_and_the_fund_are_those_on_record():
    one = course([[100, 200, 300], [100, 200, NAN]], [[90, 200, 150], [80, 190, NAN]])
    assert series(one, "coverage", "X") == [240 / 400, 0.8] and series(one, "coverage", "c") == [0.5, None]
    assert series(one, "entitlement", "all") == [600, 300] and series(one, "coverage", "all") == [440 / 600, 0.9]
    empty = adjusted = np.full((2, 3), NAN)
    assert measures(replace(one, adjustment=adjusted))["a"]["coverage"] == 0.8
    nobody = replace(one, entitlement=empty)
    assert measures(nobody)["X"]["coverage"] is None is measures(nobody)["X"]["entitlement"]
    assert [measures(nobody)["X"][c] for c in ("first", "last", "rounds")] == [None, None, 0]


@pytest.mark.parametrize(
    "column, expected",
    [
        ([1, 1, 1], (3, 0)),
        ([1, 0, 1], (1, 2)),
        ([0, 1, NAN, 1], (2, 1)),
        ([1, NAN, 0], (0, -1)),
        ([1, 1, NAN], (0, -1)),
        ([NAN, 1, 1], (2, 1)),
        ([], (0, -1)),
    ],
)
def test_rounds_in_a_row_up_to_the_last(column, expected):
    length, since = in_a_row(np.array(column, dtype=float).reshape(-1, 1))
    assert (length[0], since[0]) == expected


def test_at_the_threshold_nobody_is_behind():
    marks = below(np.array([[0.95, 0.9499, NAN]]), 0.95)
    assert marks[0].tolist()[:2] == [0, 1] and math.isnan(marks[0, 2])


# ------------------------------------------------------------------ trends


@given(st.lists(st.integers(-100, 100) | st.none(), min_size=1, max_size=12))
@settings(max_examples=150)
def test_slope_is_the_median_of_the_slopes_of_all_pairs(values):
    pairs = [Fraction(b - a, j - i) for (i, a), (j, b) in combinations(enumerate(values), 2) if None not in (a, b)]
    found = slopes(np.array([[NAN if v is None else v] for v in values], dtype=float))[0]
    assert math.isnan(found) if not pairs else found == pytest.approx(float(median(pairs)), rel=1e-12, abs=1e-12)


def test_a_slope_is_not_bent_by_an_odd_round():
    line = np.arange(9.0)
    line[4] = 1000
    assert slopes(line[:, None])[0] == pytest.approx(1, rel=1e-12)


def test_slopes_of_many_columns_are_those_of_each(monkeypatch):
    values = np.random.default_rng(3).standard_normal((7, 50))
    whole = slopes(values)
    monkeypatch.setattr("fundalloc.monitors.trend.AT_ONCE", 60)
    assert (slopes(values) == whole).all()


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_the_chance_of_a_fall_is_that_of_all_orders(count):
    orders = [list(p) for p in permutations(range(count))]
    falls = [sum(a > b for a, b in combinations(p, 2)) for p in orders]
    found = chance_of_fall(np.array(orders, dtype=float).T)
    for mine, chance in zip(falls, found, strict=True):
        assert chance == pytest.approx(sum(f >= mine for f in falls) / len(orders), rel=1e-12)


def test_unknown_rounds_have_no_part_in_the_chance_and_equal_ones_no_direction():
    assert chance_of_fall(np.array([[3, NAN, 2, 1]]).T)[0] == pytest.approx(1 / 6, rel=1e-12)
    assert chance_of_fall(np.array([[1, 1, 1, 1]]).T)[0] > 0.5
    assert list(chance_of_fall(np.array([[NAN, 1], [NAN, NAN]]))) == [1, 1]


# ------------------------------------------------------------------ balances


def test_accounts_by_hand():
    one = course([[100, 100, 200]] * 3, [[80, 110, 210], [90, 100, 210], [116, 92, 192]], arrears=0.5)
    found = replay(one)
    assert found.account.tolist() == [[20, -10, -10], [30, -10, -20], [14, -2, -12]]
    assert found.counts == pytest.approx(found.account, abs=1e-12)
    assert found.target == pytest.approx(np.array([[100, 100, 200], [110, 95, 195], [115, 95, 190]]), rel=1e-12)
    delta, bound = bounds(one, found)
    assert delta == pytest.approx([20, 10, 15, 10, 10, 0], abs=1e-12)
    assert bound == pytest.approx(2 * delta, rel=1e-12)


def test_groups_balance_as_the_sum_of_their_regions_and_the_fund_is_even():
    one = course([[100, 100, 200]] * 2, [[80, 110, 210], [90, 100, 210]])
    found = measures(one)
    assert (found["X"]["balance"], found["Y"]["balance"], found["all"]["balance"]) == (10, -10, 0)
    assert found["X"]["balance_share"] == pytest.approx(10 / 300) and found["all"]["account"] == 0
    assert found["X"]["delta"] == 10 and found["Y"]["delta"] == 10


def test_what_all_are_denied_alike_stands_in_the_account_and_counts_for_nobody():
    found = measures(course([[100, 300]] * 2, [[90, 270]] * 2))
    assert [found[k]["account"] for k in ("a", "b", "all")] == [20, 60, 80]
    assert [found[k]["balance"] for k in ("a", "b", "all")] == pytest.approx([0, 0, 0], abs=1e-12)


def test_an_account_counts_up_to_one_round():
    one = course([[100, 400, 500]] * 4, [[50, 425, 525]] * 4)
    found = measures(one)["a"]
    assert (found["account"], found["balance"], found["balance_share"], found["at_limit"]) == (200, 100, 1, "yes")
    assert replay(one).owed[-1].tolist() == [200, -100, -100]
    assert measures(course([[100, 400, 500]], [[50, 425, 525]]))["a"]["at_limit"] == "no"


def test_without_arrears_there_is_no_bound():
    found = measures(course([[100, 100]] * 2, [[90, 110], [100, 100]]))
    assert found["a"]["delta"] == 10 and found["a"]["bound"] is None and found["a"]["within_bound"] == "yes"
    small = measures(course([[100, 100]] * 2, [[99.5, 100.5], [100, 100]]))["a"]
    even = measures(course([[100, 100]] * 2, [[100, 100]] * 2))["a"]
    assert small["bound"] is None and (even["delta"], even["bound"], even["within_bound"]) == (0, 0, "yes")


def test_what_others_left_open_is_outside_the_bound():
    key = np.full((2, 3), 100.0)
    key[1, 2] = NAN
    one = course(key, [[100, 0, 200], [75, 125, NAN]], arrears=0.5)  # c leaves 100 ahead, which a and b bear
    found = measures(one)
    assert series(one, "target", "a") == pytest.approx([100, 75]) and found["a"]["delta"] == pytest.approx(0, abs=1e-9)
    assert series(one, "balance", "a") == pytest.approx([0, -25], abs=1e-9)
    assert (found["a"]["within_bound"], found["b"]["within_bound"], found["c"]["within_bound"]) == ("no", "yes", None)


@st.composite
def histories(draw):
    """Entitlements that change, an arrears rate, and amounts that miss their targets by up to delta, adding up."""
    count, rounds = draw(st.integers(2, 6)), draw(st.integers(1, 12))
    rate = draw(st.sampled_from([0.1, 0.25, 0.5, 0.8, 1.0]))
    delta = 0.4 * rate  # of the least entitlement, so that no account comes near its limit
    key = draw(
        st.lists(st.lists(st.integers(100, 130), min_size=count, max_size=count), min_size=rounds, max_size=rounds)
    )
    moves = draw(
        st.lists(st.lists(st.integers(-100, 100), min_size=count, max_size=count), min_size=rounds, max_size=rounds)
    )
    key = np.array(key, dtype=float)
    moves = np.array(moves, dtype=float)
    moves -= moves.mean(axis=1, keepdims=True)
    most = np.abs(moves).max(axis=1, keepdims=True)
    moves = 100 * delta * moves / np.where(most > 0, np.maximum(most, 100), 1.0)
    return rate, key, moves


@given(histories())
@settings(max_examples=120)
def test_a_balance_stays_within_what_amounts_may_miss_by_the_rate(case):
    rate, key, moves = case
    account, amount = np.zeros(key.shape[1]), np.empty_like(key)
    most = 0.0
    for t in range(len(key)):  # an account by itself, without limits: |x - e| <= delta
        amount[t] = key[t] + rate * account + moves[t]
        account = account + key[t] - amount[t]
        most = max(most, float(np.abs(account).max()))
    delta = np.abs(moves).max()
    assert most <= delta / rate + 1e-9
    one = course(key, amount, arrears=rate)
    found = replay(one)
    assert found.counts[-1] == pytest.approx(account, abs=1e-9)
    own, bound = bounds(one, found)
    assert own[: key.shape[1]] == pytest.approx(np.abs(moves).max(axis=0), abs=1e-9)
    for counts, limit in zip(one.totals(found.counts).T, bound, strict=True):
        assert np.abs(counts).max() <= limit + 1e-9
    assert {r["within_bound"] for r in watch(one, SECTION).measures.records()} == {"yes"}


@given(histories(), st.floats(0.01, 0.39))
@settings(max_examples=60)
def test_a_balance_left_to_itself_shrinks_by_the_rate(case, start):
    rate, key, _ = case
    key = np.repeat(key[:1], 6, axis=0)
    account = np.zeros(key.shape[1])
    account[:2] = 100 * start, -100 * start
    amount = np.empty_like(key)
    amount[0] = key[0] - account
    for t in range(1, 6):
        amount[t] = key[t] + rate * account * (1 - rate) ** (t - 1)
    counts = replay(course(key, amount, arrears=rate)).counts
    assert counts[5] == pytest.approx(account * (1 - rate) ** 5, abs=1e-9)
    assert after(start, rate, 5) == pytest.approx(start * (1 - rate) ** 5, rel=1e-12)


@given(st.floats(0.06, 5), st.floats(0.01, 0.05), st.integers(1, 8))
@settings(max_examples=200)
def test_the_rate_advised_is_the_least_that_does(account, goal, rounds):
    rate = least_rate(account, goal, rounds)
    if rate is None:
        assert after(account, 1.0, rounds) > goal
        assert rounds_to(account, 1.0, goal) > rounds
    else:
        assert after(account, rate, rounds) <= goal
        assert rounds_to(account, rate, goal) <= rounds
        assert rate < 0.01 or after(account, rate - 0.01, rounds) > goal
        if account <= 1:
            assert rate == pytest.approx(1 - (goal / account) ** (1 / rounds), abs=0.01)


def test_beyond_the_limit_an_account_falls_by_the_rate_of_one_round():
    assert after(3.0, 0.5, 2) == 2.0
    assert least_rate(3.0, 0.05, 2) is None and rounds_to(3.0, 1.0, 0.05) == 3
    assert rounds_to(0.5, 0.0, 0.05) is None
    assert rounds_to(100.0, 1.0, 0.0) == 100 and rounds_to(101.0, 1.0, 0.0) is None
    assert least_rate(0.5, 0.25, 1) == 0.5 and rounds_to(0.5, 0.5, 0.25) == 1


# ------------------------------------------------------------------ drift


def test_cumulative_sums_by_hand():
    deviation = np.array([[0.0], [-0.04], [-0.06], [NAN], [-0.02], [0.1]])
    found = drifts(deviation, np.zeros((6, 1)), MonitorSection(scatter=0.5, allowance=0.02, decision=1))
    assert found.scatter[0] == 0.5
    assert found.low[:, 0] == pytest.approx([0, 0.06, 0.16, 0.16, 0.18, 0], abs=1e-12)
    assert found.high[:, 0] == pytest.approx([0, 0, 0, 0, 0, 0.18], abs=1e-12)
    assert (found.low_since[0], found.high_since[0]) == (-1, 5)
    assert drifts(deviation[:5], np.zeros((5, 1)), SECTION).low_since[0] == 1


def test_one_odd_round_is_no_drift():
    deviation = np.zeros((8, 5))
    deviation[3, 0] = -0.9
    found = drifts(deviation, np.zeros((8, 5)), SECTION)
    assert found.low.max() == 2.5 < SECTION.decision


def test_what_is_less_than_a_lot_is_no_drift():
    deviation = np.full((20, 4), 0.02)
    deviation[:, 0] = -0.06
    assert drifts(deviation, np.zeros((20, 4)), SECTION).low[-1, 0] > SECTION.decision
    assert drifts(deviation, np.full((20, 4), 0.12), SECTION).low[-1, 0] == 0


@pytest.mark.parametrize("rounds, count", [(3, 4), (6, 5), (20, 50)])
def test_the_scatter_is_seldom_taken_too_small_and_a_lasting_drift_leaves_it_alone(rounds, count):
    found = []
    for seed in range(200):
        noise = 0.03 * np.random.default_rng(seed).standard_normal((rounds, count))
        found.append(scatters(noise, 0.001)[0])
    assert np.mean(found) >= 0.03 and np.quantile(found, 0.02) >= 0.6 * 0.03
    shifted = noise.copy()
    shifted[:, :2] -= 0.5
    assert scatters(shifted, 0.001) == pytest.approx(scatters(noise, 0.001), rel=1e-9)


def test_without_changes_the_scatter_is_the_least_one():
    assert list(scatters(np.array([[0.1, NAN]]), 0.02)) == [0.02, 0.02]


def test_who_scatters_more_has_a_larger_scatter():
    noise = 0.01 * np.random.default_rng(7).standard_normal((20, 50))
    noise[:, 0] *= 6
    found = scatters(noise, 0.001)
    assert found[0] > 0.045 and found[1:].max() < 0.02


# ------------------------------------------------------------------ net positions, inequality, convergence


def test_net_positions_add_up_and_are_divided_by_heads():
    one = course(
        [[100, 100, 100]] * 2,
        [[90, 110, NAN], [100, 90, 110]],
        contribution=np.array([[50.0, 150, 10], [60, 150, 20]]),
        population=np.array([[10.0, 10, 10], [20, 10, 10]]),
    )
    found = measures(one)
    assert [found[k]["net"] for k in ("a", "b", "c", "X", "Y", "all")] == [80, -100, 90, 170, -100, 70]
    assert [found[k]["net_per_head"] for k in ("a", "b", "all")] == [4, -10, 70 / 40]
    assert series(one, "net", "c") == [None, 90] and series(one, "net", "a") == [40, 80]
    assert measures(replace(one, contribution=None))["a"]["net"] is None
    assert measures(replace(one, population=None))["a"]["net_per_head"] is None


@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 50), st.sampled_from("PQR")), min_size=2, max_size=12),
    st.integers(0, 11),
)
@settings(max_examples=150)
def test_theil_is_its_parts_between_and_within(rows, absent):
    amounts, people, labels = (list(column) for column in zip(*rows, strict=True))
    amounts = [NAN if i == absent else float(x) for i, x in enumerate(amounts)]
    one = course(
        [[100] * len(rows)], [amounts], population=np.array([people], dtype=float), groups={"g": tuple(labels)}
    )
    known = [(x, q, g) for x, q, g in zip(amounts, people, labels, strict=True) if not math.isnan(x)]
    parts = list(watch(one, SECTION).splits.records())
    if len(known) < 2:
        assert parts == []
        return
    (part,) = parts
    assert part["between"] + part["within"] == pytest.approx(part["theil"], rel=1e-12, abs=1e-14)
    assert part["theil"] == pytest.approx(
        theil(*zip(*((x, q) for x, q, _ in known), strict=True)), rel=1e-12, abs=1e-14
    )
    money = sum(x for x, _, _ in known)
    inner = {g: [(x, q) for x, q, h in known if h == g] for g in set(labels)}
    within = sum(sum(x for x, _ in m) / money * theil(*zip(*m, strict=True)) for m in inner.values() if m and money)
    assert part["within"] == pytest.approx(within, rel=1e-12, abs=1e-14)


def test_gini_per_head_by_hand():
    one = course([[100, 100, 100]] * 2, [[100, 100, 300], [100, 300, 300]], population=np.array([[1.0, 1, 1]] * 2))
    assert series(one, "gini", "X") == [0.25, 0.25] and series(one, "gini", "a") == [None, None]
    assert series(one, "gini", "Y") == [None, None]
    assert series(one, "gini", "all") == pytest.approx([4 / 15, 4 / 21], rel=1e-12)
    assert measures(one)["all"]["gini_trend"] == pytest.approx(4 / 21 - 4 / 15, rel=1e-12)


def test_dispersions_by_hand():
    levels = np.array([[1, 2, 3, NAN], [NAN] * 4, [2, 3, 4, 5]], dtype=float)
    variation, spread = dispersions(levels)
    assert variation[[0, 2]] == pytest.approx([math.sqrt(2 / 3) / 2, math.sqrt(2 / 3) / 3], rel=1e-12)
    assert spread[[0, 2]] == pytest.approx([pstdev(map(math.log, row)) for row in ((1, 2, 3), (2, 3, 4))], rel=1e-12)
    assert np.isnan(variation[1]) and np.isnan(spread[1])
    variation, spread = dispersions(np.array([[0.0, 1, 2]]))
    assert variation[0] == pytest.approx(math.sqrt(2 / 3), rel=1e-12) and np.isnan(spread[0])
    assert np.isnan(dispersions(np.array([[1.0, 2]]))[0][0])


@given(st.floats(0.005, 0.4), st.integers(1, 20), st.lists(st.floats(0.1, 50), min_size=3, max_size=8, unique=True))
@settings(max_examples=100)
def test_beta_convergence_finds_the_speed_that_is_put_in(speed, rounds, start):
    first = np.log(np.array(start))
    if np.ptp(first) < 0.01:
        return
    path = np.exp(2.0 + (first - 2.0) * np.exp(-speed * np.arange(rounds + 1))[:, None])
    found = catching_up(path)
    assert found.speed == pytest.approx(speed, rel=1e-6)
    assert found.half_life == pytest.approx(math.log(2) / speed, rel=1e-6)
    assert found.slope == pytest.approx(-(1 - math.exp(-speed * rounds)) / rounds, rel=1e-6)


def test_beta_convergence_against_a_second_regression():
    random = np.random.default_rng(11)
    first = np.exp(random.standard_normal(30))
    last = first * np.exp(0.1 - 0.2 * np.log(first) + 0.1 * random.standard_normal(30))
    found = catching_up(np.array([first, np.full(30, NAN), last]))
    growth, start = np.log(last / first) / 2, np.log(first)
    line = linear_regression(start.tolist(), growth.tolist())
    assert found.slope == pytest.approx(line.slope, rel=1e-10)
    design = np.column_stack([np.ones(30), start])
    rest = growth - design @ np.array([line.intercept, line.slope])
    covariance = np.linalg.inv(design.T @ design) * (rest @ rest) / 28
    assert found.t == pytest.approx(line.slope / math.sqrt(covariance[1, 1]), rel=1e-9)


@pytest.mark.parametrize(
    "levels",
    [
        [[1, 2, 3]],
        [[1, 2], [2, 3]],
        [[1, 2, NAN], [1, 2, 3]],
        [[0, 1, 2], [1, 2, 3]],
        [[2, 2, 2], [1, 2, 3]],
        [[NAN] * 3] * 2,
    ],
)
def test_too_little_for_a_regression_gives_none(levels):
    assert catching_up(np.array(levels, dtype=float)) is None


def test_regions_that_grow_apart_have_no_half_life():
    found = catching_up(np.exp(np.array([[1.0, 2, 3], [1, 3, 5]])))
    assert found.speed == pytest.approx(-math.log(2), rel=1e-12) and found.half_life is None
    overtaking = catching_up(np.exp(np.array([[1.0, 2, 3], [3, 2, 1]])))
    level = catching_up(np.exp(np.array([[0.0, 1, 2], [1, 1, 1]])))
    assert level.slope == -1 and level.speed is None is level.half_life
    assert overtaking.slope == pytest.approx(-2, rel=1e-12) and overtaking.speed is None is overtaking.half_life


# ------------------------------------------------------------------ the whole


def full(seed=5, rounds=8, count=6):
    random = np.random.default_rng(seed)
    key = np.exp(random.standard_normal(count)) * 100 * np.ones((rounds, 1))
    amount = key * (1 + 0.05 * random.standard_normal((rounds, count)))
    amount[3:, 0] = 0.8 * key[3:, 0]
    amount[:2, 1] = NAN
    amount[6:, 2] = NAN
    return course(
        key,
        amount,
        arrears=0.3,
        population=np.exp(random.standard_normal((rounds, count))),
        contribution=key * 0.5,
        development=np.exp(random.standard_normal((rounds, count))),
    )


def permuted(one, order):
    columns = ("entitlement", "amount", "adjustment", "population", "contribution", "development")
    return replace(
        one,
        **{c: getattr(one, c)[:, order] for c in columns},
        ids=tuple(one.ids[i] for i in order),
        names=tuple(one.names[i] for i in order),
        groups={k: tuple(v[i] for i in order) for k, v in one.groups.items()},
    )


def same(left, right):
    assert left.keys() == right.keys()
    for subject, row in left.items():
        for column, value in row.items():
            if isinstance(value, float):
                assert right[subject][column] == pytest.approx(value, rel=1e-9, abs=1e-9), (subject, column)
            else:
                assert right[subject][column] == value, (subject, column)


@given(st.permutations(range(6)))
@settings(max_examples=12)
def test_the_order_of_the_regions_changes_only_the_order(order):
    one = full()
    other = permuted(one, order)
    same(measures(one), measures(other))
    flags = [{(f.code, f.subject, f.severity, f.message) for f in watch(x, SECTION).flags} for x in (one, other)]
    assert flags[0] == flags[1] and flags[0]


def test_names_change_only_names():
    one = full()
    other = replace(one, names=tuple(n[::-1] for n in one.names), ids=tuple(i * 3 for i in one.ids))
    strip = {"subject", "name"}
    rows = [
        [{k: v for k, v in r.items() if k not in strip} for r in watch(x, SECTION).measures.records()]
        for x in (one, other)
    ]
    assert rows[0] == rows[1]
    assert [f.code for f in watch(one, SECTION).flags] == [f.code for f in watch(other, SECTION).flags]


@pytest.mark.parametrize("unit", [2.0**-20, 1e9])
def test_the_unit_of_money_changes_no_flag_and_no_ratio(unit):
    one = full()
    other = replace(
        one, entitlement=one.entitlement * unit, amount=one.amount * unit, contribution=one.contribution * unit
    )
    amounts = {"entitlement", "paid", "account", "balance", "delta", "bound", "net", "net_per_head"}
    left, right = measures(one), measures(other)
    for row in right.values():
        for column in amounts:
            row[column] = row[column] and row[column] / unit
    same(left, right)
    found = [[(f.severity, f.code, f.subject) for f in watch(x, SECTION).flags] for x in (one, other)]
    assert found[0] == found[1]


@pytest.mark.parametrize("rounds", [0, 1])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_with_fewer_than_two_rounds_nothing_is_wrong(rounds, count):
    one = course(np.full((rounds, count), 100.0), np.full((rounds, count), 1.0))
    found = watch(one, SECTION)
    assert found.flags == ()
    for row in found.measures.records():
        assert row["coverage_trend"] is None and row["rounds_behind"] in (0, 1)
    assert len(found.measures.rows) == (0 if rounds == 0 else len(one.subjects))


def test_only_what_can_be_measured_is_filled():
    found = measures(course([[0, 100], [0, 100]], [[0, 100], [0, 100]]))
    assert found["a"]["coverage"] is None and found["a"]["balance_share"] is None
    assert {found["all"][c] for c in ("gini", "theil", "variation", "beta_slope", "net")} == {None}
    assert watch(course([[0, 0], [0, 0]], [[0, 0], [0, 0]]), SECTION).flags == ()


def test_rows_and_columns_fit():
    found = watch(full(), SECTION)
    subjects = 6 + 2 + 1
    assert len(found.measures.rows) == subjects and len(found.series.rows) == 8 * subjects
    for listing in (found.measures, found.series, found.splits):
        assert len(set(listing.columns)) == len(listing.columns)
        for row in listing.rows:
            assert len(row) == len(listing.columns)
            assert all(cell is None or type(cell) in (str, int, float) for cell in row)
            assert all(math.isfinite(cell) for cell in row if isinstance(cell, float))


@pytest.mark.parametrize(
    "wrong",
    [{"arrears": 1.5}, {"names": ("A",)}, {"groups": {"g": ("x",)}}, {"population": np.ones((1, 3))}],
)
def test_what_does_not_fit_together_is_refused(wrong):
    with pytest.raises(ValueError):
        course([[1, 1, 1]] * 2, [[1, 1, 1]] * 2, **wrong)


def test_the_targets_replayed_are_those_that_the_fund_aimed_at():
    regions = pd.DataFrame({"id": list("abcd"), "need": [1.0, 2, 3, 4]})
    resource = {"lot": 0.01, "criteria": [{"name": "need", "weight": 1, "measure": "need"}], "arrears": 0.4}
    cap = {"kind": "limit", "name": "cap", "of": "entitlement", "cap": 0.6, "where": "need == 2", "until": "2023"}
    history = pd.DataFrame(
        {"round": ["2019"], "region_id": ["z"], "resource": ["other"], "entitlement": [1], "amount": [1]}
    )
    decided = []
    for year in range(2020, 2026):
        here = regions if year > 2021 else regions[:3]
        policy = {
            "format": 1,
            "fund": {"round": str(year)},
            "regions": {"id": "id"},
            "resources": {"fund": resource | {"supply": 1000 + 37 * (year - 2020)}},
            "rules": [cap],
        }
        fund = Fund(parse_policy(policy), here, history)
        (one,) = fund.problem.resources
        amounts = fund.allocate().decision.amounts
        rows = {"round": str(year), "region_id": here["id"], "resource": "fund"}
        history = pd.concat([history, pd.DataFrame(rows | {"entitlement": one.entitlement, "amount": amounts})])
        decided.append([np.append(v, [NAN] * (4 - len(v))) for v in (one.entitlement, amounts, one.target)])
    key, amount, target = (np.array(v) for v in zip(*decided, strict=True))
    found = replay(course(key, amount, arrears=0.4))
    assert found.target == pytest.approx(target, abs=1e-9, nan_ok=True)
    assert (np.abs(found.counts) == key).any()  # the limit was met on the way
