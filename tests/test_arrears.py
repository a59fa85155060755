"""Arrears: what past rounds left unpaid, and the part of it that the next target makes good."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fundalloc.arrears import account, claimable
from fundalloc.problem import PastRound

NAN = float("nan")


def past(*rounds):
    return tuple(
        PastRound(str(2020 + i), np.array(e, dtype=float), np.array(a, dtype=float)) for i, (e, a) in enumerate(rounds)
    )


def claimed(unpaid, key, present=None):
    here = np.ones(len(key), dtype=bool) if present is None else np.array(present, dtype=bool)
    return claimable(np.array(unpaid, dtype=float), np.array(key, dtype=float), here)


def bisected(unpaid, key, present):
    """The theta of sum(clip(A - theta k, -k, k)) = 0 by halving an interval, in exact arithmetic."""
    here = [i for i, k in enumerate(key) if present[i] and k > 0]
    balance = [Fraction(0)] * len(key)
    if not here:
        return balance

    def clipped(theta):
        return {i: max(-key[i], min(key[i], unpaid[i] - theta * key[i])) for i in here}

    low = min(Fraction(unpaid[i], key[i]) for i in here) - 1
    high = max(Fraction(unpaid[i], key[i]) for i in here) + 1
    for _ in range(120):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(clipped(middle).values()) > 0 else (low, middle)
    for i, b in clipped(high).items():
        balance[i] = b
    return balance


@st.composite
def accounts(draw, most=12):
    """Accounts of both signs, a key with zeros in it, and who is present."""
    n = draw(st.integers(1, most))
    unpaid = draw(st.lists(st.integers(-5000, 5000), min_size=n, max_size=n))
    key = draw(st.lists(st.integers(0, 1000), min_size=n, max_size=n))
    return unpaid, key, draw(st.lists(st.booleans() | st.just(True), min_size=n, max_size=n))


def test_accounts_add_up_over_the_rounds():
    rounds = past(([100, 200, 300], [90, 250, 260]), ([110, 190, 300], [100, 200, 300]))
    assert list(account(rounds, 3)) == [20, -60, 40]


def test_without_past_rounds_nothing_is_unpaid():
    assert list(account((), 3)) == [0, 0, 0]


def test_rounds_without_a_record_of_a_region_do_not_count_for_it():
    rounds = past(([100, NAN, 50], [90, NAN, 60]), ([100, 70, NAN], [95, 40, NAN]), ([100, 80, 0], [100, 90, NAN]))
    assert list(account(rounds, 3)) == [15, 20, -10]


def test_a_recorded_zero_is_a_record():
    assert list(account(past(([100, 0], [0, 100])), 2)) == [100, -100]


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900), st.booleans()), min_size=1, max_size=40))
@settings(max_examples=60)
def test_accounts_are_what_was_due_less_what_was_paid(records):
    rounds = past(*(([e], [a if known else NAN]) for e, a, known in records))
    assert list(account(rounds, 1)) == [sum(e - a for e, a, known in records if known)]


@pytest.mark.parametrize(
    "unpaid, key, expected",
    [
        ([30, -30], [100, 100], [30, -30]),
        ([30, -10], [100, 100], [20, -20]),
        ([30, 30], [100, 100], [0, 0]),
        ([60, 0, 0], [100, 200, 300], [50, -20, -30]),
        ([1000, 0], [100, 100], [100, -100]),
        ([1000, 0], [100, 300], [100, -100]),
        ([0, 1000], [100, 300], [-100, 100]),
        ([5000, 100, 0], [10, 100, 100], [10, 45, -55]),
        ([-5000, 100, 0], [10, 100, 100], [-10, 55, -45]),
        ([7], [100], [0]),
        ([], [], []),
    ],
)
def test_accounts_by_hand(unpaid, key, expected):
    assert claimed(unpaid, key) == pytest.approx(expected, rel=1e-13, abs=1e-12)


@given(accounts())
@example(([1000, -1000], [1, 1], [True, True]))
@example(([5000, 5000, -5000, -5000], [7, 7, 7, 7], [True] * 4))
@example(([5000, -5000, 0], [1, 1000, 0], [True] * 3))
@settings(max_examples=300)
def test_against_an_independent_bisection(case):
    unpaid, key, present = case
    expected = np.array(bisected(unpaid, key, present), dtype=float)
    assert np.abs(claimed(unpaid, key, present) - expected).max() <= 1e-12 * max(sum(key), 1)


@given(accounts(most=60))
@settings(max_examples=300)
def test_what_counts_adds_up_to_zero_and_stays_within_one_round(case):
    unpaid, key, present = case
    balance = claimed(unpaid, key, present)
    assert abs(balance.sum()) <= 1e-13 * max(sum(key), 1)
    assert (np.abs(balance) <= key).all()


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(-400, 400)), min_size=1, max_size=30))
@settings(max_examples=200)
def test_within_one_round_everybody_bears_the_rest_in_proportion_to_the_key(rows):
    key = [k for k, _ in rows]
    unpaid = [Fraction(k * share, 1000) for k, share in rows]  # at most 0.4 of the key, so at most 0.8 from the mean
    mean = sum(unpaid) / sum(key)
    expected = [float(a - k * mean) for a, k in zip(unpaid, key, strict=True)]
    assert claimed([float(a) for a in unpaid], key) == pytest.approx(expected, rel=0, abs=1e-13 * sum(key))


@given(accounts(), st.integers(-9, 9))
@settings(max_examples=100)
def test_what_all_were_denied_alike_counts_for_nobody(case, rounds):
    unpaid, key, present = case
    more = [a + rounds * k for a, k in zip(unpaid, key, strict=True)]
    expected = np.array(bisected(unpaid, key, present), dtype=float)
    assert np.abs(claimed(more, key, present) - expected).max() <= 1e-12 * max(sum(key), 1)


@given(accounts())
@settings(max_examples=100)
def test_debts_and_advances_are_treated_alike(case):
    unpaid, key, present = case
    expected = [-float(b) for b in bisected(unpaid, key, present)]
    found = claimed([-a for a in unpaid], key, present)
    assert np.abs(found - expected).max() <= 1e-12 * max(sum(key), 1)


@given(accounts(), st.sampled_from([1e-9, 0.01, 1e6, 1e12]))
@settings(max_examples=100)
def test_the_unit_of_money_changes_nothing(case, unit):
    unpaid, key, present = case
    expected = np.array(bisected(unpaid, key, present), dtype=float)
    found = claimed(np.array(unpaid) * unit, np.array(key) * unit, present) / unit
    assert np.abs(found - expected).max() <= 1e-12 * max(sum(key), 1)


def test_a_region_that_left_is_closed_at_everybodys_cost():
    assert claimed([60, -20, -40], [50, 100, 200], [True, True, False]) == pytest.approx(
        [60 - 50 * 40 / 150, -20 - 100 * 40 / 150, 0], rel=1e-14
    )
    assert claimed([-30, 10, 20], [0, 100, 200]) == pytest.approx([0, 0, 0], abs=1e-13)


def test_a_newcomer_only_bears_its_part():
    rounds = past(([100, 100, 0], [70, 130, NAN]))
    assert claimed(account(rounds, 3), [100, 100, 100]) == pytest.approx([30, -30, 0], abs=1e-13)
    rounds = past(([100, 100, 0], [70, 100, NAN]))
    assert claimed(account(rounds, 3), [100, 100, 50]) == pytest.approx([18, -12, -6], abs=1e-13)


@pytest.mark.parametrize(
    "key, present",
    [([0, 0, 0], [True, True, True]), ([1, 2, 3], [False, False, False]), ([0, 5, 0], [True, False, True])],
)
def test_with_nobody_to_share_it_nothing_counts(key, present):
    assert list(claimed([10, -20, 5], key, present)) == [0, 0, 0]


def test_a_region_held_back_for_ever_does_not_starve_the_others():
    key = np.array([100.0, 400.0, 500.0])
    unpaid = np.zeros(3)
    for _ in range(200):
        target = key + claimed(unpaid, key)
        assert target.sum() == pytest.approx(1000, rel=1e-14)
        assert (target >= 0).all()
        amount = target.copy()
        amount[0] = 50.0  # a cap
        amount[1:] *= 950 / target[1:].sum()
        unpaid += key - amount
    assert unpaid[0] == pytest.approx(50 * 200)
    assert claimed(unpaid, key)[0] == pytest.approx(100, rel=1e-12)
    assert target[1:].min() > 0.8 * key[1:].min()


def test_the_largest_account_of_the_smallest_key_does_not_blur_the_sum():
    unpaid = [1e9, -4e8, -6e8]
    balance = claimed(unpaid, [1e-6, 4e8, 6e8])
    assert abs(balance.sum()) <= 1e-15 * 1e9
    assert balance[0] == 1e-6


def test_the_arrays_given_stay_as_they_are():
    unpaid, key, present = np.array([30.0, -10.0]), np.array([100.0, 100.0]), np.array([True, True])
    claimable(unpaid, key, present)
    assert [list(unpaid), list(key), list(present)] == [[30, -10], [100, 100], [True, True]]
