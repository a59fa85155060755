"""The rules for conflicting claims: published figures, definitions in exact arithmetic, axioms, faults."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise, permutations
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fundalloc.claims import ClaimsRule, award
from fundalloc.errors import InputError

RULES = get_args(ClaimsRule)
SELF_DUAL = ("proportional", "talmud", "random_arrival", "adjusted_proportional")
CONCEDE_AND_DIVIDE = ("talmud", "random_arrival", "adjusted_proportional", "minimal_overlap")

MARRIAGE = [100, 200, 300]  # the Mishnah, Ketubot 93a
IBN_EZRA = [30, 40, 60, 120]  # four sons, estate 120 (O'Neill 1982)

every_rule = pytest.mark.parametrize("rule", RULES)
sums = st.integers(0, 1000) | st.integers(1, 6)


@st.composite
def problems(draw, least=1, most=7):
    """Claims and an estate between 0 and their sum."""
    claims = draw(st.lists(sums, min_size=least, max_size=most))
    return claims, Fraction(draw(st.integers(0, 4 * sum(claims))), 4)


def divided(claims, estate, rule):
    return award(np.array(claims, dtype=float), float(estate), rule)


def close(found, expected, claims):
    """Equal but for the last digits of a double, measured by the sum of the claims."""
    assert np.shape(found) == np.shape(expected)
    return np.abs(np.asarray(found) - np.array(expected, dtype=float)).max(initial=0) <= 1e-13 * float(sum(claims))


@pytest.mark.parametrize(
    "claims, estate, rule, expected",
    [
        (MARRIAGE, 100, "talmud", ["100/3", "100/3", "100/3"]),
        (MARRIAGE, 200, "talmud", ["50", "75", "75"]),
        (MARRIAGE, 300, "talmud", ["50", "100", "150"]),
        (MARRIAGE, 400, "talmud", ["50", "125", "225"]),
        (MARRIAGE, 500, "talmud", ["200/3", "500/3", "800/3"]),
        (MARRIAGE, 100, "random_arrival", ["100/3", "100/3", "100/3"]),
        (MARRIAGE, 200, "random_arrival", ["100/3", "250/3", "250/3"]),
        (MARRIAGE, 300, "random_arrival", ["50", "100", "150"]),
        (MARRIAGE, 400, "random_arrival", ["200/3", "350/3", "650/3"]),
        (MARRIAGE, 100, "minimal_overlap", ["100/3", "100/3", "100/3"]),
        (MARRIAGE, 200, "minimal_overlap", ["100/3", "250/3", "250/3"]),
        (MARRIAGE, 300, "minimal_overlap", ["100/3", "250/3", "550/3"]),
        (MARRIAGE, 400, "minimal_overlap", ["100/3", "400/3", "700/3"]),
        (MARRIAGE, 100, "adjusted_proportional", ["100/3", "100/3", "100/3"]),
        (MARRIAGE, 200, "adjusted_proportional", ["40", "80", "80"]),
        (MARRIAGE, 300, "adjusted_proportional", ["50", "100", "150"]),
        (MARRIAGE, 400, "adjusted_proportional", ["60", "120", "220"]),
        (MARRIAGE, 200, "proportional", ["100/3", "200/3", "100"]),
        (MARRIAGE, 200, "constrained_equal_awards", ["200/3", "200/3", "200/3"]),
        (MARRIAGE, 400, "constrained_equal_awards", ["100", "150", "150"]),
        (MARRIAGE, 100, "constrained_equal_losses", ["0", "0", "100"]),
        (MARRIAGE, 200, "constrained_equal_losses", ["0", "50", "150"]),
        (MARRIAGE, 400, "constrained_equal_losses", ["100/3", "400/3", "700/3"]),
        (IBN_EZRA, 120, "minimal_overlap", ["15/2", "65/6", "125/6", "485/6"]),
        (IBN_EZRA, 120, "talmud", ["15", "20", "30", "55"]),
        (IBN_EZRA, 120, "proportional", ["72/5", "96/5", "144/5", "288/5"]),
        (IBN_EZRA, 120, "adjusted_proportional", ["72/5", "96/5", "144/5", "288/5"]),
        (IBN_EZRA, 120, "constrained_equal_awards", ["30", "30", "30", "30"]),
        (IBN_EZRA, 120, "constrained_equal_losses", ["0", "20/3", "80/3", "260/3"]),
        ([1, "1/2"], 1, "talmud", ["3/4", "1/4"]),
        ([1, "1/2"], 1, "random_arrival", ["3/4", "1/4"]),
        ([1, "1/2"], 1, "adjusted_proportional", ["3/4", "1/4"]),
        ([1, "1/2"], 1, "minimal_overlap", ["3/4", "1/4"]),
        ([1, "1/2"], 1, "proportional", ["2/3", "1/3"]),
        ([1, "1/2"], 1, "constrained_equal_awards", ["1/2", "1/2"]),
        ([1, "1/2"], 1, "constrained_equal_losses", ["3/4", "1/4"]),
        ([1, 1], 1, "talmud", ["1/2", "1/2"]),
    ],
)
def test_published_divisions(claims, estate, rule, expected):
    claims = [Fraction(c) for c in claims]
    assert sum(Fraction(x) for x in expected) == estate
    assert close(divided(claims, estate, rule), [Fraction(x) for x in expected], claims)


def proportional(claims, estate):
    return [c * estate / sum(claims) if sum(claims) else Fraction(0) for c in claims]


def constrained_equal_awards(claims, estate):
    """Rounds of equal shares; whoever has its claim leaves with it."""
    awards, waiting, rest = [Fraction(0)] * len(claims), set(range(len(claims))), Fraction(estate)
    while waiting:
        share = rest / len(waiting)
        served = {i for i in waiting if claims[i] <= share}
        for i in served or waiting:
            awards[i] = Fraction(claims[i]) if served else share
            rest -= awards[i]
        waiting -= served or waiting
    return awards


def constrained_equal_losses(claims, estate):
    """Rounds of equal losses; whoever has lost its claim leaves with nothing."""
    awards, waiting = [Fraction(0)] * len(claims), set(range(len(claims)))
    while waiting:
        loss = Fraction(sum(claims[i] for i in waiting) - estate) / len(waiting)
        out = {i for i in waiting if claims[i] < loss}
        if not out:
            for i in waiting:
                awards[i] = claims[i] - loss
            break
        waiting -= out
    return awards


def talmud(claims, estate):
    halves = [Fraction(c, 2) for c in claims]
    if estate <= sum(halves):
        return constrained_equal_awards(halves, estate)
    return [h + x for h, x in zip(halves, constrained_equal_losses(halves, estate - sum(halves)), strict=True)]


def random_arrival(claims, estate):
    awards = [Fraction(0)] * len(claims)
    for order in permutations(range(len(claims))):
        rest = estate
        for i in order:
            taken = min(claims[i], rest)
            awards[i] += taken
            rest -= taken
    return [x / math.factorial(len(claims)) for x in awards]


def adjusted_proportional(claims, estate):
    conceded = [max(Fraction(0), estate - (sum(claims) - c)) for c in claims]
    rest = estate - sum(conceded)
    left = [min(c - m, rest) for c, m in zip(claims, conceded, strict=True)]
    return [m + x for m, x in zip(conceded, proportional(left, rest), strict=True)]


def minimal_overlap(claims, estate):
    """The cut t is tried with every number of claims above it; every layer below t is shared by who claims it."""
    cut, falling = [min(Fraction(c), estate) for c in claims], sorted(claims, reverse=True)
    t = estate
    if max(claims) < estate:
        for k in range(2, len(claims) + 1):
            t = (sum(falling[:k]) - estate) / (k - 1)
            if falling[k - 1] >= t >= (falling[k] if k < len(claims) else 0):
                break
    awards = [max(c - t, Fraction(0)) for c in cut]
    edges = sorted({Fraction(0), t, *(c for c in cut if c < t)})
    for low, high in pairwise(edges):
        sharing = [i for i, c in enumerate(cut) if c >= high]
        for i in sharing:
            awards[i] += (high - low) / len(sharing)
    return awards


DEFINITIONS = {
    "proportional": proportional,
    "constrained_equal_awards": constrained_equal_awards,
    "constrained_equal_losses": constrained_equal_losses,
    "talmud": talmud,
    "random_arrival": random_arrival,
    "adjusted_proportional": adjusted_proportional,
    "minimal_overlap": minimal_overlap,
}


@every_rule
@given(problems(most=6))
@example(([5], Fraction(3)))
@example(([0, 0, 7, 7], Fraction(7)))
@example(([1, 2, 3, 1000], Fraction(1)))
@example(([1, 2, 3, 1000], Fraction(1005)))
@settings(max_examples=40)
def test_awards_follow_the_definition_in_exact_arithmetic(rule, problem):
    claims, estate = problem
    expected = DEFINITIONS[rule](claims, estate)
    assert sum(expected) == estate
    assert close(divided(claims, estate, rule), expected, claims)


@pytest.mark.parametrize("claims", [[3, 5, 8, 13, 21, 34, 55], [7, 7, 7, 7, 1, 1, 90], [1, 2, 4, 8, 16, 32, 64]])
@pytest.mark.parametrize("part", ["1/10", "1/3", "1/2", "4/5"])
def test_random_arrival_of_seven_is_the_mean_over_all_5040_orders(claims, part):
    estate = Fraction(part) * sum(claims)
    assert close(divided(claims, estate, "random_arrival"), random_arrival(claims, estate), claims)


def expected_arrivals(claims, estate, wanted):
    """The Shapley value by counting the sets of every size and sum, in whole numbers."""
    n = len(claims)
    sets = np.zeros((n + 1, estate), dtype=object)
    sets[0, 0] = 1
    for c in claims:
        sets[1:, c:] = sets[1:, c:] + sets[:-1, : max(estate - c, 0)]
    found = []
    for i in wanted:
        without = sets.copy()
        for size in range(1, n + 1):
            without[size, claims[i] :] -= without[size - 1, : max(estate - claims[i], 0)]
        total = Fraction(0)
        for size in range(n):
            gains = sum(int(k) * min(claims[i], estate - s) for s, k in enumerate(without[size]) if k)
            total += Fraction(gains, n * math.comb(n - 1, size))
        found.append(total)
    return found


@pytest.mark.parametrize(
    "claims, part",
    [
        (list(range(1, 43)), "1/10"),
        (list(range(2, 78, 2)), "2/5"),
        (list(range(1, 43)), "9/10"),
        ([1] * 60 + [2] * 50 + [3] * 40 + [7] * 5, "3/10"),
        ([*range(10, 30), *[9000] * 80], "1/100"),
    ],
)
def test_random_arrival_of_many_is_exact(claims, part):
    estate = int(Fraction(part) * sum(claims))
    wanted = sorted({0, 1, len(claims) // 2, len(claims) - 1})
    small = estate if 2 * estate <= sum(claims) else sum(claims) - estate  # the rule is its own dual
    expected = expected_arrivals(claims, small, wanted)
    if small != estate:
        expected = [claims[i] - x for i, x in zip(wanted, expected, strict=True)]
    found = divided(claims, estate, "random_arrival")
    assert found[wanted] == pytest.approx([float(x) for x in expected], rel=0, abs=5e-13 * estate)
    assert found.sum() == pytest.approx(estate, rel=1e-12)


def test_random_arrival_takes_any_42_claimants():
    claims = np.random.default_rng(42).lognormal(10, 1, 42)
    awards = award(claims, claims.sum() / 2, "random_arrival")
    assert awards == pytest.approx(claims / 2, rel=0, abs=1e-12 * claims.sum())  # self-dual: half of each claim


@pytest.mark.parametrize("count", [60, 3000])
def test_random_arrival_of_too_many_says_what_to_write_instead(count):
    claims = np.random.default_rng(count).lognormal(10, 1, count)
    with pytest.raises(InputError) as caught:
        award(claims, claims.sum() / 2, "random_arrival")
    (fault,) = caught.value.faults
    assert f"{count:,} claimants with {count:,} different claims" in fault.message
    assert "42 claimants" in fault.message
    assert 'rule = "proportional"' in fault.remedy
    assert 'rule = "adjusted_proportional"' in fault.remedy


@every_rule
@given(problems())
@settings(max_examples=40)
def test_awards_add_up_and_lie_between_zero_and_the_claim(rule, problem):
    claims, estate = problem
    awards = divided(claims, estate, rule)
    assert close([awards.sum()], [estate], claims)
    assert (awards >= 0).all()
    assert (awards <= claims).all()


@every_rule
@given(problems(least=2))
@settings(max_examples=40)
def test_a_larger_claim_gets_no_less_and_loses_no_less(rule, problem):
    claims, estate = problem
    claims = np.sort(claims)
    awards = divided(claims, estate, rule)
    dust = 1e-13 * claims.sum()
    assert (np.diff(awards) >= -dust).all()
    assert (np.diff(claims - awards) >= -dust).all()


@every_rule
@given(problems(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_equal_claims_get_equal_awards_in_any_order(rule, problem, chance):
    claims, estate = problem
    claims = claims + claims[:2]
    awards = divided(claims, estate, rule)
    assert list(awards[-len(claims[:2]) :]) == list(awards[: len(claims[:2])])
    order = chance.sample(range(len(claims)), len(claims))
    assert list(divided([claims[i] for i in order], estate, rule)) == [awards[i] for i in order]


@every_rule
@given(problems(), st.fractions(0, 1))
@settings(max_examples=40)
def test_nobody_gets_less_of_a_larger_estate(rule, problem, part):
    claims, estate = problem
    less, more = divided(claims, estate * part, rule), divided(claims, estate, rule)
    assert (more - less >= -1e-13 * sum(claims)).all()


@pytest.mark.parametrize(
    "rule, dual",
    [
        *((rule, rule) for rule in SELF_DUAL),
        ("constrained_equal_awards", "constrained_equal_losses"),
        ("constrained_equal_losses", "constrained_equal_awards"),
    ],
)
@given(problems())
@settings(max_examples=40)
def test_what_is_lost_is_divided_by_the_dual_rule(rule, dual, problem):
    claims, estate = problem
    lost = np.array(claims) - divided(claims, sum(claims) - estate, dual)
    assert close(divided(claims, estate, rule), lost, claims)


@every_rule
@given(problems(), st.sampled_from([1e-9, 0.01, 3.0, 1e4, 1e12]))
@settings(max_examples=40)
def test_the_unit_of_money_changes_nothing(rule, problem, unit):
    claims, estate = problem
    other = award(np.array(claims) * unit, float(estate) * unit, rule)
    assert close(other / unit, divided(claims, estate, rule), claims)


@pytest.mark.parametrize(
    "rule",
    ["constrained_equal_awards", "talmud", "random_arrival", "adjusted_proportional", "minimal_overlap"],
)
@given(problems(most=5))
@example(([1, 2, 3], Fraction(2)))
@settings(max_examples=40)
def test_what_is_claimed_beyond_the_estate_does_not_count(rule, problem):
    claims, estate = problem
    boundless = [c if c < estate else 3 * c + 10 for c in claims]
    expected = DEFINITIONS[rule]([min(c, estate) for c in claims], estate)
    assert close(divided(boundless, estate, rule), expected, boundless)


@given(problems(least=2))
@settings(max_examples=100)
def test_talmud_divides_what_any_two_get_as_the_contested_garment(problem):
    claims, estate = problem
    awards = divided(claims, estate, "talmud")
    for i in range(len(claims)):
        for j in range(i):
            both = awards[i] + awards[j]
            alone = max(both - claims[j], 0), max(both - claims[i], 0)
            contested = (both - sum(alone)) / 2
            assert close([awards[i], awards[j]], [alone[0] + contested, alone[1] + contested], claims)


@pytest.mark.parametrize("rule", CONCEDE_AND_DIVIDE)
@given(problems(least=2, most=2))
@example(([100, 300], Fraction(50)))
@example(([100, 300], Fraction(200)))
@example(([100, 300], Fraction(350)))
@settings(max_examples=40)
def test_two_claimants_concede_and_divide(rule, problem):
    (a, b), estate = problem
    to_a, to_b = max(estate - b, 0), max(estate - a, 0)
    contested = (estate - to_a - to_b) / 2
    assert close(divided([a, b], estate, rule), [to_a + contested, to_b + contested], [a, b])


@every_rule
@pytest.mark.parametrize("estate", [600, 600.01, 1e15])
def test_claims_that_fit_into_the_estate_are_paid(rule, estate):
    assert list(award(np.array([100.0, 0.0, 200.0, 300.0]), estate, rule)) == [100, 0, 200, 300]


@every_rule
@given(problems(least=0, most=4), st.integers(1, 3))
@settings(max_examples=40)
def test_who_claims_nothing_gets_nothing_and_changes_nothing(rule, problem, idle):
    claims, estate = problem
    awards = divided(claims + [0] * idle, estate, rule)
    assert list(awards[len(claims) :]) == [0.0] * idle
    if claims:
        assert close(awards[: len(claims)], DEFINITIONS[rule](claims, estate), claims)


@every_rule
@pytest.mark.parametrize("claims", [[], [0.0], [0.0, 0.0]])
@pytest.mark.parametrize("estate", [0, 5])
def test_without_claims_nothing_is_awarded(rule, claims, estate):
    assert list(award(np.array(claims), estate, rule)) == [0.0] * len(claims)


@every_rule
def test_an_empty_estate_gives_nothing(rule):
    assert list(divided(MARRIAGE, 0, rule)) == [0.0, 0.0, 0.0]


@every_rule
def test_one_claimant_gets_the_estate(rule):
    assert list(divided([70], 30, rule)) == [30.0]


@every_rule
@given(st.lists(st.integers(1, 10**12), min_size=2, max_size=30), st.fractions(0, 1))
@settings(max_examples=40)
def test_claims_of_very_different_size_keep_to_the_bounds(rule, claims, part):
    claims = np.array(claims[:12] if rule == "random_arrival" else claims, dtype=float)
    estate = float(part) * claims.sum()
    awards = award(claims, estate, rule)
    assert awards.sum() == pytest.approx(estate, rel=1e-12, abs=1e-13 * claims.sum())
    assert ((awards >= 0) & (awards <= claims)).all()


@every_rule
@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5, 93, 488, 632, 779])
def test_an_estate_a_hair_below_the_claims_pays_them_but_for_the_hair(rule, seed):
    claims = np.random.default_rng(seed).lognormal(5, 2, 15)
    estate = float(np.nextafter(math.fsum(claims), 0))
    awards = award(claims, estate, rule)
    assert awards == pytest.approx(claims, rel=0, abs=1e-14 * estate)
    assert ((awards >= 0) & (awards <= claims)).all()


@every_rule
@pytest.mark.parametrize("estate", [100, 450, 700])
def test_the_claims_given_stay_as_they_are(rule, estate):
    claims = np.array(MARRIAGE, dtype=float)
    awards = award(claims, estate, rule)
    awards += 1.0
    assert list(claims) == MARRIAGE


@every_rule
@pytest.mark.parametrize("bad", [-1.0, -1e-300, float("nan"), float("inf"), float("-inf")])
def test_a_claim_below_zero_or_without_end_is_a_fault(rule, bad):
    with pytest.raises(InputError) as caught:
        award(np.array([100.0, bad, 300.0]), 200, rule)
    (fault,) = caught.value.faults
    assert "claim number 2" in fault.message
    assert f"{bad:,.6g}" in fault.message
    assert "finite number" in fault.remedy


@every_rule
@pytest.mark.parametrize("bad", [-1.0, -1e-300, float("nan"), float("-inf"), float("inf")])
def test_an_estate_below_zero_or_without_end_is_a_fault(rule, bad):
    with pytest.raises(InputError, match=r"the estate is .*\. An estate is a finite number, 0 or more") as caught:
        award(np.array([100.0, 200.0]), bad, rule)
    assert len(caught.value.faults) == 1


def test_all_faults_come_at_once():
    with pytest.raises(InputError) as caught:
        award(np.array([-3.0, 100.0, float("nan")]), -1.0, "talmud")
    assert [f.message for f in caught.value.faults] == [
        "claim number 1 is -3.",
        "claim number 3 is nan.",
        "the estate is -1.",
    ]


def test_of_many_faulty_claims_the_first_five_are_named():
    with pytest.raises(InputError) as caught:
        award(np.full(100, -1.0), 10, "talmud")
    assert [f.message.split(" is ")[0] for f in caught.value.faults] == [f"claim number {i}" for i in range(1, 6)]


@pytest.mark.parametrize("rule", [r for r in RULES if r not in ("proportional", "constrained_equal_losses")])
@pytest.mark.parametrize("claims, estate", [([2**54, 1, 3], 1024), ([10**16, 10**15, 1], 500), ([10**14, 30, 20], 70)])
def test_a_claim_far_above_the_estate_does_not_blur_small_awards(rule, claims, estate):
    expected = DEFINITIONS[rule](claims, Fraction(estate))
    assert divided(claims, estate, rule) == pytest.approx([float(x) for x in expected], rel=1e-12)


def test_claims_that_overflow_are_a_fault():
    with pytest.raises(InputError, match="too large to add up"):
        award(np.array([1e308, 1e308]), 1.0, "proportional")
