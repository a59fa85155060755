"""Inequality between people: textbook figures, definitions in exact arithmetic, laws and bounds."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc.inequality import atkinson, gini, hoover, ratio, theil, theil_between_within


def atkinson_1(amounts, basis):
    return atkinson(amounts, basis, 1)


def atkinson_2(amounts, basis):
    return atkinson(amounts, basis, 2)


BOUNDED = (gini, theil, atkinson, atkinson_1, atkinson_2, hoover)
every_measure = pytest.mark.parametrize("measure", [*BOUNDED, ratio], ids=lambda f: f.__name__)
every_bounded = pytest.mark.parametrize("measure", BOUNDED, ids=lambda f: f.__name__)


@st.composite
def funds(draw, least=1, most=10, lowest=0):
    """Whole amounts, not all 0, and whole numbers of people."""
    n = draw(st.integers(least, most))
    amounts = draw(st.lists(st.integers(lowest, 1000), min_size=n, max_size=n).filter(any))
    return amounts, draw(st.lists(st.integers(1, 50), min_size=n, max_size=n))


@pytest.mark.parametrize(
    "measure, amounts, expected",
    [
        (gini, [1, 3], 1 / 4),
        (gini, [1, 2, 3, 4, 5], 4 / 15),
        (gini, [0, 0, 0, 1], 3 / 4),
        (gini, [7, 7, 7], 0.0),
        (hoover, [1, 3], 1 / 4),
        (hoover, [1, 2, 3, 4, 5], 1 / 5),
        (hoover, [0, 0, 0, 1], 3 / 4),
        (theil, [1, 3], math.log(27 / 16) / 4),
        (theil, [0, 0, 0, 1], math.log(4)),
        (theil, [0, 1, 1, 2], math.log(2) / 2),
        (atkinson, [1, 3], (2 - math.sqrt(3)) / 4),
        (atkinson, [0, 0, 0, 1], 3 / 4),
        (atkinson_1, [1, 3], 1 - math.sqrt(3) / 2),
        (atkinson_1, [1, 2, 4], 1 / 7),
        (atkinson_2, [1, 3], 1 / 4),
        (atkinson_2, [2, 3, 6], 2 / 11),
        (ratio, [1, 3], 3.0),
        (ratio, [5, 2, 4], 2.5),
    ],
)
def test_textbook_figures(measure, amounts, expected):
    assert measure(amounts, [1] * len(amounts)) == pytest.approx(expected, rel=1e-14, abs=0)


def test_the_numbers_of_pysal():
    """PySAL's `inequality` 1.1.2 knows no weights; these are its numbers for ten units of equal weight."""
    amounts, groups, alike = [12, 7, 33, 1, 95, 4, 18, 22, 6, 51], list("aabbbaacca"), [1] * 10
    assert gini(amounts, alike) == pytest.approx(0.5465863453815261, rel=1e-13)
    assert theil(amounts, alike) == pytest.approx(0.5132116030196628, rel=1e-13)
    assert atkinson(amounts, alike, 0.5) == pytest.approx(0.2530997826311797, rel=1e-13)
    assert atkinson(amounts, alike, 1) == pytest.approx(0.4819162192218097, rel=1e-13)
    assert atkinson(amounts, alike, 2) == pytest.approx(0.7774175918786206, rel=1e-13)
    assert hoover(amounts, alike) == pytest.approx(0.4188755020080321, rel=1e-13)
    between, within = theil_between_within(amounts, alike, groups)
    assert (between, within) == pytest.approx((0.10651646, 0.40669514), abs=5e-9)


def test_tenths_of_the_people_by_the_trapezes_under_the_lorenz_curve():
    shares = [2, 3, 4, 5, 7, 9, 11, 14, 18, 27]
    lorenz = np.cumsum([0, *shares]) / 100
    area = sum((a + b) / 2 / 10 for a, b in pairwise(lorenz))
    assert gini(shares, [1] * 10) == pytest.approx(1 - 2 * area, rel=1e-13)
    assert hoover(shares, [1] * 10) == pytest.approx(max(np.arange(11) / 10 - lorenz), rel=1e-13)


def test_people_count_and_not_regions():
    amounts, people = [10, 90], [90, 10]
    assert gini(amounts, people) == pytest.approx(0.8, rel=1e-14)
    assert hoover(amounts, people) == pytest.approx(0.8, rel=1e-14)
    assert theil(amounts, people) == pytest.approx(0.8 * math.log(9), rel=1e-14)
    assert ratio(amounts, people) == pytest.approx(81, rel=1e-14)
    assert atkinson(amounts, people) == pytest.approx(1 - 0.6**2, rel=1e-14)
    assert atkinson_1(amounts, people) == pytest.approx(1 - 9**-0.8, rel=1e-14)
    assert atkinson_2(amounts, people) == pytest.approx(1 - 1 / (8.1 + 1 / 90), rel=1e-14)


@given(funds())
@settings(max_examples=200)
def test_gini_is_the_sum_over_all_pairs(fund):
    amounts, people = fund
    head = [Fraction(x, q) for x, q in zip(amounts, people, strict=True)]
    pairs = sum(
        q * r * abs(h - k) for q, h in zip(people, head, strict=True) for r, k in zip(people, head, strict=True)
    )
    assert gini(amounts, people) == pytest.approx(float(pairs / (2 * sum(people) * sum(amounts))), rel=1e-13, abs=1e-15)


@given(funds())
@settings(max_examples=200)
def test_hoover_and_ratio_in_exact_arithmetic(fund):
    amounts, people = fund
    money, count = sum(amounts), sum(people)
    apart = sum(abs(Fraction(x, money) - Fraction(q, count)) for x, q in zip(amounts, people, strict=True))
    head = [Fraction(x, q) for x, q in zip(amounts, people, strict=True)]
    assert hoover(amounts, people) == pytest.approx(float(apart / 2), rel=1e-13, abs=1e-15)
    assert ratio(amounts, people) == pytest.approx(float(max(head) / min(head)) if min(head) else math.inf, rel=1e-14)


@given(funds(lowest=1), st.sampled_from(["0.1", "0.5", "0.999999999", "1", "1.000000001", "1.5", "2", "10", "60"]))
@settings(max_examples=200)
def test_theil_and_atkinson_in_fifty_digits(fund, aversion):
    amounts, people = fund
    with localcontext() as context:
        context.prec = 50
        money, count, e = Decimal(sum(amounts)), Decimal(sum(people)), Decimal(aversion)
        p = [q / count for q in people]
        r = [x / money / w for x, w in zip(amounts, p, strict=True)]
        entropy = sum(w * h * h.ln() for w, h in zip(p, r, strict=True))
        if e == 1:
            equivalent = sum(w * h.ln() for w, h in zip(p, r, strict=True)).exp()
        else:
            equivalent = sum(w * h ** (1 - e) for w, h in zip(p, r, strict=True)) ** (1 / (1 - e))
    assert theil(amounts, people) == pytest.approx(float(entropy), rel=1e-12, abs=1e-15)
    assert atkinson(amounts, people, float(aversion)) == pytest.approx(float(1 - equivalent), rel=1e-12, abs=1e-15)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
@settings(max_examples=100)
def test_without_weights_the_usual_formulas_hold(incomes):
    y, n = np.sort(incomes), len(incomes)
    mean, share, one = y.mean(), y / y.sum(), np.ones(n)
    close = {"rel": 1e-9, "abs": 1e-14}
    assert gini(y, one) == pytest.approx(2 * (np.arange(1, n + 1) * y).sum() / (n * y.sum()) - (n + 1) / n, **close)
    assert theil(y, one) == pytest.approx((share * np.log(n * share)).sum(), **close)
    assert hoover(y, one) == pytest.approx(np.abs(y - mean).sum() / (2 * y.sum()), **close)
    assert atkinson(y, one, 0.5) == pytest.approx(1 - np.sqrt(y).mean() ** 2 / mean, **close)
    assert atkinson(y, one, 1) == pytest.approx(1 - np.exp(np.log(y).mean()) / mean, **close)
    assert atkinson(y, one, 2) == pytest.approx(1 - 1 / (1 / y).mean() / mean, **close)


@every_measure
@given(funds(most=6))
@settings(max_examples=60)
def test_a_region_counts_as_often_as_it_has_people(measure, fund):
    amounts, people = fund
    each = np.repeat([x / q for x, q in zip(amounts, people, strict=True)], people)
    assert measure(amounts, people) == pytest.approx(measure(each, np.ones(len(each))), rel=1e-12, abs=1e-14)


@every_measure
@given(funds(), st.sampled_from([1e-12, 0.01, 3.0, 1e9, 1e200]), st.sampled_from([1e-9, 0.5, 7.0, 1e12]))
@settings(max_examples=60)
def test_the_units_of_money_and_of_people_change_nothing(measure, fund, money, head):
    amounts, people = map(np.array, fund)
    assert measure(amounts * money, people * head) == pytest.approx(measure(amounts, people), rel=1e-12, abs=1e-14)


@every_measure
@given(funds(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_the_regions_changes_nothing(measure, fund, chance):
    rows = list(zip(*fund, strict=True))
    mixed = chance.sample(rows, len(rows))
    assert measure(*zip(*mixed, strict=True)) == pytest.approx(measure(*fund), rel=1e-13, abs=1e-15)


@every_measure
@given(funds(), st.lists(st.integers(0, 1000), min_size=1, max_size=3))
@settings(max_examples=60)
def test_regions_without_people_are_left_out(measure, fund, amounts):
    more = amounts + fund[0], [0] * len(amounts) + fund[1]
    assert measure(*more) == measure(*fund)


@every_bounded
@given(funds(least=2, lowest=1), st.data())
@settings(max_examples=150)
def test_a_gift_from_rich_to_poor_lowers_inequality(measure, fund, data):
    amounts, people = fund
    head = [Fraction(x, q) for x, q in zip(amounts, people, strict=True)]
    rich, poor = head.index(max(head)), head.index(min(head))
    gap = head[rich] - head[poor]
    if gap == 0:
        assert measure(amounts, people) == pytest.approx(0, abs=1e-15)
        return
    part = data.draw(st.sampled_from([Fraction(1, 10), Fraction(1, 2), Fraction(1)]))
    gift = part * gap / (Fraction(1, people[rich]) + Fraction(1, people[poor]))
    after = [Fraction(x) for x in amounts]
    after[rich] -= gift
    after[poor] += gift
    assert measure([float(x) for x in after], people) < measure(amounts, people)


@pytest.mark.parametrize("measure", [gini, theil, atkinson, atkinson_1, atkinson_2], ids=lambda f: f.__name__)
def test_a_gift_among_the_poor_counts_too(measure):
    before, after = measure([10, 20, 100], [1, 1, 1]), measure([12, 18, 100], [1, 1, 1])
    assert after < before
    assert hoover([12, 18, 100], [1, 1, 1]) == pytest.approx(hoover([10, 20, 100], [1, 1, 1]), rel=1e-14)


@every_bounded
@given(st.lists(st.integers(1, 10**8), min_size=1, max_size=40), st.sampled_from([1.0, 0.1, 40.0, 1 / 3, 1e12]))
@settings(max_examples=60)
def test_the_same_per_head_for_all_is_no_inequality(measure, people, head):
    assert 0 <= measure(np.array(people) * head, people) <= 1e-14


@every_bounded
@pytest.mark.parametrize("count", [1, 2, 3, 7, 1000])
def test_equal_regions_give_exactly_zero(measure, count):
    assert measure([1 / 3] * count, [7] * count) == pytest.approx(0, abs=1e-15)
    assert gini([1 / 3] * count, [7] * count) == 0.0
    assert ratio([1 / 3] * count, [7] * count) == 1.0


@given(funds())
@settings(max_examples=200)
def test_no_measure_leaves_its_bounds(fund):
    amounts, people = fund
    smallest = min(people) / sum(people)
    dust = 1e-14
    assert 0 <= gini(*fund) <= 1 - smallest + dust
    assert 0 <= hoover(*fund) <= gini(*fund) + dust
    assert 0 <= theil(*fund) <= math.log(1 / smallest) + dust
    assert 0 <= atkinson(*fund) <= 1 - smallest + dust
    assert ratio(*fund) >= 1 - dust
    rising = [atkinson(amounts, people, a) for a in (0.1, 0.5, 0.9, 1, 1.1, 2, 5, 40)]
    assert all(0 <= a <= b + dust and b <= 1 for a, b in pairwise(rising))


@pytest.mark.parametrize("people", [[1, 1, 1, 1], [5, 10, 20, 65]])
def test_the_smallest_region_with_everything_reaches_the_bounds(people):
    amounts, smallest = [9, 0, 0, 0], people[0] / sum(people)
    assert gini(amounts, people) == pytest.approx(1 - smallest, rel=1e-14)
    assert hoover(amounts, people) == pytest.approx(1 - smallest, rel=1e-14)
    assert theil(amounts, people) == pytest.approx(math.log(1 / smallest), rel=1e-14)
    assert atkinson(amounts, people) == pytest.approx(1 - smallest, rel=1e-14)
    assert ratio(amounts, people) == math.inf


@pytest.mark.parametrize("aversion", [1, 1.0000001, 1.5, 2, 50])
def test_from_aversion_one_on_anyone_with_nothing_is_total_inequality(aversion):
    assert atkinson([0, 5, 5], [1, 100, 100], aversion) == 1.0
    assert atkinson([0, 5, 5], [0, 100, 100], aversion) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-9, 1e-12, 1e-15])
def test_atkinson_passes_smoothly_through_aversion_one(step):
    at_one = 1 - math.exp(0.2 * math.log(0.5) + 0.8 * math.log(1.125))
    for aversion in (1 - step, 1 + step):
        assert atkinson([10, 90], [20, 80], aversion) == pytest.approx(at_one, rel=0, abs=step + 1e-15)


def test_atkinson_with_endless_aversion_sees_only_the_poorest():
    assert atkinson([10, 90], [20, 80], 5000) == pytest.approx(0.5, abs=1e-3)
    assert atkinson([1e-250, 1], [1, 1], 40) == 1.0


def test_atkinson_with_an_aversion_of_one_half_is_the_default():
    assert atkinson([1, 3], [1, 1]) == pytest.approx((2 - math.sqrt(3)) / 4, rel=1e-14)


@given(funds(), st.data())
@settings(max_examples=150)
def test_theil_falls_into_between_and_within(fund, data):
    amounts, people = fund
    groups = data.draw(st.lists(st.sampled_from(["east", "west", "mid"]), min_size=len(people), max_size=len(people)))
    money, total = sum(amounts), sum(people)
    between = within = 0.0
    for group in set(groups):
        rows = [i for i, g in enumerate(groups) if g == group]
        share, heads = sum(amounts[i] for i in rows) / money, sum(people[i] for i in rows)
        if share:
            between += share * math.log(share * total / heads)
            head = share * money / heads
            for i in rows:
                if amounts[i]:
                    within += amounts[i] / money * math.log(amounts[i] / people[i] / head)
    found = theil_between_within(amounts, people, groups)
    assert found == pytest.approx((between, within), rel=1e-12, abs=1e-14)
    assert sum(found) == pytest.approx(theil(amounts, people), rel=1e-12, abs=1e-14)
    assert min(found) >= 0


def test_groups_of_one_have_nothing_within_and_one_group_nothing_between():
    amounts, people = [1, 0, 7, 4], [2, 3, 4, 5]
    whole = math.fsum(x / 12 * math.log(x / 12 * 14 / q) for x, q in zip(amounts, people, strict=True) if x)
    assert theil_between_within(amounts, people, ["a", "b", "c", "d"]) == pytest.approx(
        (whole, 0), rel=1e-13, abs=1e-15
    )
    assert theil_between_within(amounts, people, [0, 0, 0, 0]) == pytest.approx((0, whole), rel=1e-13, abs=1e-15)


def test_a_group_without_people_or_without_money_adds_nothing_within():
    amounts, people, groups = [9, 3, 1, 0, 0], [0, 1, 1, 1, 3], ["nobody", "a", "a", "poor", "poor"]
    within = math.log(27 / 16) / 4
    assert theil_between_within(amounts, people, groups) == pytest.approx((math.log(3), within), rel=1e-14)


@pytest.mark.parametrize("amounts, basis", [([], []), ([0, 0], [3, 4]), ([5, 6], [0, 0]), ([0], [0]), ([0, 5], [7, 0])])
def test_where_nothing_is_paid_there_is_no_inequality(amounts, basis):
    for measure in (*BOUNDED, ratio):
        assert measure(amounts, basis) == 0.0
    assert theil_between_within(amounts, basis, ["a", "b"][: len(basis)]) == (0.0, 0.0)


def test_one_region_alone_has_no_inequality():
    for measure in BOUNDED:
        assert measure([12.5], [3]) == 0.0
    assert ratio([12.5], [3]) == 1.0
    assert theil_between_within([12.5], [3], ["a"]) == (0.0, 0.0)


def test_the_best_off_above_a_region_with_nothing_are_without_limit():
    assert ratio([0, 5], [10, 10]) == math.inf
    assert ratio([0, 5, 10], [0, 10, 10]) == 2.0
