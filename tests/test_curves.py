"""Convex measures one by one: tangents, where amounts come to rest, and what a row asks for, from the definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fundalloc import Fund
from fundalloc.policy import parse_policy
from fundalloc.rules import Around, Curve
from fundalloc.rules.kinked import Gini, Hoover, Order
from fundalloc.rules.ratio import Ratio
from fundalloc.rules.smooth import Atkinson, Theil
from fundalloc.rules.spread import Drawn, Spread, root
from tests.funds import policy, regions

MEASURES: dict[str, Spread] = {
    "gini": Gini(),
    "hoover": Hoover(),
    "theil": Theil(),
    "atkinson": Atkinson(aversion=0.5),
    "atkinson 1": Atkinson(aversion=1.0),
    "atkinson 3": Atkinson(aversion=3.0),
    "ratio": Ratio(),
}
each_measure = pytest.mark.parametrize("name", MEASURES)
SMOOTH = [name for name, one in MEASURES.items() if one.smooth]
SEEDS = range(12)


def defined(name: str, x: np.ndarray, q: np.ndarray, bound: float) -> float:
    """P(x) as a textbook has the measure: (value - bound) * (sum of x)."""
    h, total, people = x / q, x.sum(), q.sum()
    if name == "ratio":
        return (h.max() - bound * h.min()) * people
    if name == "gini":
        return (np.outer(q, q) * np.abs(h[:, None] - h)).sum() / 2 / people - bound * total
    if name == "hoover":
        return np.abs(x / total - q / people).sum() / 2 * total - bound * total
    if name == "theil":
        return (x * np.log(h * people / total)).sum() - bound * total
    aversion = MEASURES[name].aversion
    if aversion == 1:
        alike = np.exp((q * np.log(h)).sum() / people)
    else:
        alike = ((q * h ** (1 - aversion)).sum() / people) ** (1 / (1 - aversion))
    return total - people * alike - bound * total


def value(name: str, x: np.ndarray, q: np.ndarray) -> float:
    """The measure: the bound that x just keeps."""
    return (x / q).max() / (x / q).min() if name == "ratio" else defined(name, x, q, 0.0) / x.sum()


def some(seed: int, n: int = 7) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    """Amounts and bases."""
    rng = np.random.default_rng(seed)
    q = rng.lognormal(2, 0.8, n).round(2)
    return rng, q * rng.lognormal(0, 0.5, n), q


def task(rng: np.random.Generator, x: np.ndarray, q: np.ndarray, bound: float, pull: float = 0.3) -> Drawn:
    """Amounts drawn to x, some held by bounds of their own."""
    low = np.where(rng.random(len(x)) < 0.3, 0.9 * x, 0.0)
    high = np.where(rng.random(len(x)) < 0.3, 1.1 * x, np.inf)
    return Drawn(x, x, x * rng.uniform(0.5, 2, len(x)), q, low, high, pull, bound)


def touches(name: str, slopes: np.ndarray, q: np.ndarray, bound: float, rng: np.random.Generator) -> None:
    """No amounts lie below the tangent."""
    for wide in (0.01, 0.3, 1.0, 3.0) * 5:
        y = q * rng.lognormal(0, wide, len(q))
        assert slopes @ y <= defined(name, y, q, bound) + 1e-9 * y.sum()


@each_measure
@pytest.mark.parametrize("seed", SEEDS)
def test_value_excess_and_slopes_are_those_of_the_definition(name, seed):
    rng, x, q = some(seed)
    one, bound = MEASURES[name], value(name, x, q)
    assert one.value(x, q) == pytest.approx(bound, rel=1e-12)
    assert one.excess(x, q, bound) == pytest.approx(0, abs=1e-12)
    assert one.excess(x, q, 0.99 * bound) > 1e-4 * bound / (bound + 1) > -1e-4 > one.excess(x, q, 1.1 * bound) - 1e-4
    assert one.per_bound(x, q) == pytest.approx(defined(name, x, q, bound) - defined(name, x, q, bound + 1))
    assert one.miss(0.25, 0.2) == "the value is 0.25, more than the 0.2 that it allows."
    slopes = one.slopes(x, q, 0.9 * bound)
    assert slopes @ x == pytest.approx(defined(name, x, q, 0.9 * bound), rel=1e-9)
    touches(name, slopes, q, 0.9 * bound, rng)


@each_measure
def test_units_that_stand_alike_are_in_one_place(name):
    """At kinks too the slopes belong to a tangent."""
    rng, _, q = some(1, 8)
    x = q * np.array([1.0, 1, 1, 2, 2, 3, 3, 3])
    slopes = MEASURES[name].slopes(x, q, 0.1)
    assert slopes @ x == pytest.approx(defined(name, x, q, 0.1), rel=1e-9)
    touches(name, slopes, q, 0.1, rng)
    assert np.ptp(slopes[:3]) <= 1e-9 or name == "ratio"


@each_measure
@pytest.mark.parametrize("seed", SEEDS)
def test_a_tangent_asks_for_its_own_bound_and_no_more(name, seed):
    _, x, q = some(seed)
    one, bound = MEASURES[name], value(name, x, q)
    for size in (1e-6, 1.0, 1e6):
        slopes = size * one.slopes(x, q, bound)
        assert abs(one.beyond(slopes, q, bound)) <= 1e-9
        assert one.beyond(slopes, q, bound + 0.01 * (bound - (name == "ratio"))) > 1e-7
        assert one.beyond(slopes, q, bound - 0.01 * (bound - (name == "ratio"))) < (1e-12 if name == "gini" else -1e-7)
    assert one.beyond(np.abs(slopes) + 1, q, bound) > 0


@each_measure
@pytest.mark.parametrize("seed", SEEDS)
def test_amounts_rest_where_no_force_is_left(name, seed):
    """Amounts are clip(z - softness * pull * slopes, low, high), with the slopes of a tangent there."""
    rng, x, q = some(seed)
    one, bound = MEASURES[name].fixed(float(x.sum())), 0.8 * value(name, x, q)
    assert one.exact
    for pull in (0.0, 0.01, 0.3, 3.0):
        drawn = task(rng, x, q, bound, pull)
        if name.startswith("atkinson"):
            drawn = replace(drawn, low=np.maximum(drawn.low, 0.2 * x))
        found = one.rest(drawn)
        force = drawn.softness * pull * found.slopes
        assert np.clip(drawn.z - force, drawn.low, drawn.high) == pytest.approx(found.amounts, rel=1e-9, abs=1e-9)
        if pull:
            touches(name, one.valid(found.slopes, q, bound), q, bound, rng)
        if one.fixed(1.0) is one:  # the total is not needed: the tangent touches at x
            assert found.slopes @ found.amounts == pytest.approx(defined(name, found.amounts, q, bound), abs=1e-9)
            assert found.value == pytest.approx(defined(name, found.amounts, q, bound), abs=1e-9)
        assert (one.fixed(1.0) is one) == (name in ("gini", "ratio"))


@each_measure
def test_amounts_rest_whatever_draws_at_them_and_wherever_they_are_held(name):
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 9))
        q = rng.lognormal(2, 0.8, n)
        z, softness = q * rng.normal(1, rng.choice([0.3, 1, 5]), n), q * rng.lognormal(0, rng.choice([0.3, 2]), n)
        low = np.where(rng.random(n) < 0.4, q * rng.uniform(0, 1, n), 0.0)
        high = np.where(rng.random(n) < 0.4, q * rng.uniform(1, 2, n), np.inf)
        pull, bound = 10.0 ** rng.uniform(-6, 3), 1 + 10.0 ** rng.uniform(-2, 1) if name == "ratio" else 0.1
        one = MEASURES[name].fixed(float(q.sum()))
        found = one.rest(Drawn(np.clip(z, low, high), z, softness, q, low, high, pull, bound))
        force = softness * pull * found.slopes
        off = np.abs(np.clip(z - force, low, high) - found.amounts)
        assert (off <= 1e-9 * (np.abs(z) + np.abs(force))).all(), seed
        touches(name, one.valid(found.slopes, q, bound), q, bound, rng)
        if name in ("gini", "ratio"):
            right = defined(name, found.amounts, q, bound)
            assert abs(found.slopes @ found.amounts - right) <= 1e-9 * q.sum() * bound
            assert abs(found.value - right) <= 1e-9 * q.sum() * bound


@each_measure
@pytest.mark.parametrize("seed", SEEDS)
def test_amounts_give_way_as_is_said(name, seed):
    """A small force on one unit's level moves its block by `give`, and nobody else."""
    rng, x, q = some(seed)
    bound = 0.8 * value(name, x, q)
    one = MEASURES[name].fixed(float(x.sum()))
    drawn = task(rng, x, q, bound)
    before = one.rest(drawn)
    assert (before.first[before.first] == before.first).all()
    for k in range(len(x)):
        force = 1e-5 * np.eye(len(x))[k] * q[k]
        moved = one.rest(replace(drawn, z=drawn.z + drawn.softness * force / q)).amounts - before.amounts
        block = before.first == before.first[k]
        expected = np.where(block & before.loose, before.give * 1e-5 * q[k], 0.0)
        assert moved / q == pytest.approx(expected, rel=1e-3, abs=2e-9)


@pytest.mark.parametrize("name", ["hoover", *SMOOTH])
@pytest.mark.parametrize("seed", SEEDS)
def test_at_a_fixed_total_the_value_rises_by_the_slopes(name, seed):
    """Where amounts have that total and are just as unequal as is allowed, the value is that of the definition."""
    rng, x, q = some(seed)
    bound = value(name, x, q)
    one = MEASURES[name].fixed(float(x.sum()))
    free = Drawn(x, x, x, q, np.zeros(len(x)), np.full(len(x), np.inf), 0.0, bound)
    here = one.rest(free)
    assert here.amounts.tolist() == x.tolist()
    assert here.value == pytest.approx(0, abs=1e-9 * x.sum())
    for k in range(len(x)):
        more = x + 1e-6 * x[k] * np.eye(len(x))[k]
        there = one.rest(replace(free, z=more, now=more))
        assert (there.value - here.value) / (more - x)[k] == pytest.approx(here.slopes[k], rel=1e-3, abs=1e-5)
    touches(name, one.valid(here.slopes, q, bound), q, bound, rng)
    with pytest.raises(NotImplementedError):
        MEASURES[name].rest(free)


@each_measure
@pytest.mark.parametrize("seed", SEEDS)
def test_a_tangent_where_amounts_are_drawn_to_is_a_tangent(name, seed):
    rng, x, q = some(seed)
    bound = 0.8 * value(name, x, q)
    for pull in (0.01, 0.3, 3.0):
        drawn = task(rng, x, q, bound, pull)
        touches(name, MEASURES[name].drawn(drawn), q, bound, rng)
    if name in ("gini", "ratio"):
        assert MEASURES[name].drawn(drawn).tolist() == MEASURES[name].rest(drawn).slopes.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_hoover_draws_to_the_best_amounts_with_the_mean_of_now(seed):
    """The tangent there holds the amounts: those that it moves to have that mean, or it lies between."""
    rng, x, q = some(seed)
    bound = 0.8 * value("hoover", x, q)
    drawn = replace(task(rng, x, q, bound, 0.2), low=np.zeros(len(q)), high=np.full(len(q), np.inf))
    slopes = MEASURES["hoover"].drawn(drawn)
    even = q * x.sum() / q.sum()
    found = drawn.z - drawn.softness * 0.2 * slopes
    half = slopes + bound
    tilt = half - np.where(found > even + 1e-9, 0.5, -0.5)
    off = np.abs(found - even) > 1e-9
    assert off.any()
    assert np.ptp(tilt[off]) <= 1e-9
    assert (np.abs(half - tilt[off][0]) <= 0.5 + 1e-9).all()


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_smooth_measure_bends_as_is_said(name, seed):
    _, x, q = some(seed)
    bound = value(name, x, q)
    drawn = Drawn(x, x, x, q, np.zeros(len(x)), np.full(len(x), np.inf), 0.0, bound)
    at, slopes, steep = MEASURES[name].bent(drawn)
    assert at.tolist() == x.tolist()
    assert slopes == pytest.approx(MEASURES[name].slopes(x, q, bound), rel=1e-9, abs=1e-12)
    one = MEASURES[name].fixed(float(x.sum()))
    for k in range(len(x)):
        more = x + 1e-6 * x[k] * np.eye(len(x))[k]
        rise = one.rest(replace(drawn, z=more)).slopes[k] - one.rest(drawn).slopes[k]
        assert rise / (more - x)[k] == pytest.approx(steep[k], rel=1e-3)


@pytest.mark.parametrize("name", SMOOTH)
def test_what_is_next_to_nothing_bends_where_it_comes_to_rest(name):
    _, z, q = some(3)
    now = np.where(np.arange(len(z)) == 2, 1e-9 * z, z)
    drawn = Drawn(now, z, z, q, np.zeros(len(z)), np.full(len(z), np.inf), 0.3, 0.05)
    at, _, _ = MEASURES[name].bent(drawn)
    others = np.arange(len(z)) != 2
    assert at[others].tolist() == z[others].tolist()
    assert at[2] > 0.1 * z[2]
    still, _, _ = MEASURES[name].bent(replace(drawn, pull=0.0))
    assert still.tolist() == now.tolist()


@each_measure
@pytest.mark.parametrize("seed", SEEDS)
def test_rounding_raises_the_excess_by_no_more_than_is_allowed(name, seed):
    rng, x, q = some(seed)
    for basis in (q, np.full(len(q), 3.0)):
        one, bound = MEASURES[name], value(name, x, basis)
        lot = np.full(len(x), 1e-7 * x.mean())
        allowed = one.allowance(x, basis, bound, lot)
        worst = 0.0
        for push in (*rng.uniform(-1, 1, (30, len(x))), np.sign(one.slopes(x, basis, bound))):
            worst = max(worst, one.excess(x + lot * push, basis, bound) - one.excess(x, basis, bound))
        assert worst <= allowed * (1 + 1e-4)
    assert worst >= allowed * (1 - 1e-3)
    for unit in (1e-6, 1e6):
        assert one.allowance(unit * x, basis, bound, unit * lot) == pytest.approx(allowed)
    assert one.allowance(0 * x, q, bound, lot) == 0
    assert one.excess(0 * x, q, bound) <= 0


def order(seed: int, n: int = 8) -> tuple[np.random.Generator, np.ndarray, np.ndarray, Order]:
    rng, x, q = some(seed, n)
    return rng, x, q, Order(np.unique(rng.integers(0, 4, n), return_inverse=True)[1])


def in_order(one: Order, rng: np.random.Generator, q: np.ndarray) -> np.ndarray:
    """Amounts whose levels fall from rank to rank."""
    ends = np.sort(rng.lognormal(0, 1, one.ranks.max() + 2))[::-1]
    return q * rng.uniform(ends[one.ranks + 1], ends[one.ranks])


@pytest.mark.parametrize("seed", SEEDS)
def test_an_order_is_that_of_all_pairs(seed):
    rng, x, q, one = order(seed)
    h = x / q
    gaps = [h[b] - h[a] for a in range(8) for b in range(8) if one.ranks[a] < one.ranks[b]]
    assert one.value(x, q) == max(*gaps, 0.0)
    assert one.excess(x, q, 0.0) == pytest.approx(max(gaps) / h.max())
    assert "comes first" in one.miss(one.value(x, q), 0.0)
    assert one.per_bound(x, q) == 1.0
    good = in_order(one, rng, q)
    assert one.value(good, q) == 0 >= one.excess(good, q, 0.0)
    pairs = {(a, b) for a in range(8) for b in range(8) if one.ranks[b] == one.ranks[a] + 1}
    assert {tuple(p) for p in one.pairs().tolist()} == pairs
    assert len(one.pairs()) == len(pairs)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_forces_of_an_order_never_ask_for_more_than_the_order(seed):
    rng, _, q, one = order(seed)
    bad = in_order(Order(one.ranks.max() - one.ranks), rng, q)
    for forces in (one.slopes(bad, q, 0.0), one.drawn(task(rng, bad, q, 0.0))):
        assert np.abs(forces).max() == pytest.approx(1)
        assert forces @ bad > 0
        assert all(forces @ in_order(one, rng, q) <= 1e-9 * q.sum() for _ in range(50))
        assert one.beyond(forces, q, 0.0) <= 1e-12
        assert one.beyond(forces + 1e-3, q, 0.0) > 1e-6
        assert one.beyond(-forces, q, 0.0) > 1e-6
    found = one.rest(replace(task(rng, bad, q, 0.0), low=np.zeros(8)))
    assert one.value(found.amounts, q) <= 1e-12
    assert abs(found.slopes @ found.amounts) <= 1e-9 * q.sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_bounds_that_clash_with_an_order_are_shown_by_two_units(seed):
    rng, _, q, one = order(seed)
    first, last = int(np.argmin(one.ranks)), int(np.argmax(one.ranks))
    low, high = q * rng.uniform(0, 0.9, 8), q * rng.uniform(1.2, 2, 8)
    low[last], high[last], low[first], high[first] = 1.1 * q[last], 1.4 * q[last], 0.0, q[first]
    forces = one.drawn(Drawn(q, q, q, q, low, high, 1.0, 0.0))
    assert set(np.flatnonzero(forces)) == {first, last}
    assert np.where(forces > 0, low, high) @ forces > 0
    assert all(forces @ in_order(one, rng, q) <= 1e-12 for _ in range(50))


def test_a_lot_may_break_an_order_by_so_much():
    one, q, x = Order(np.array([0, 1])), np.array([2.0, 2.0]), np.array([10.0, 10.0])
    lot = np.array([0.01, 0.01])
    assert one.allowance(x, q, 0.0, lot) == pytest.approx(one.excess(x + lot * [-1, 1], q, 0.0), rel=1e-2)
    assert one.same(Order(np.array([0, 1]))) and not one.same(Order(np.array([1, 0]))) and not one.same(Gini())
    assert Order(np.array([0, 2, 1, 2])).only(np.array([1, 2, 3])).ranks.tolist() == [1, 0, 1]


@each_measure
def test_a_measure_is_the_same_as_itself(name):
    assert MEASURES[name].same(MEASURES[name])


def test_atkinson_is_the_same_with_the_same_aversion_only():
    assert MEASURES["atkinson"].same(Atkinson(aversion=0.5))
    assert not MEASURES["atkinson"].same(Atkinson(aversion=0.6))
    assert not MEASURES["atkinson"].same(Theil())


def test_a_root_at_an_end_is_found_whatever_the_noise():
    for end in (1 - 1e-15, 1.0, 1 + 1e-15):
        assert root(end.__rsub__, 1.0, 5.0) == pytest.approx(1, rel=1e-12)
        assert root(end.__sub__, 1.0, 5.0) == pytest.approx(1, rel=1e-12)
        assert root(end.__rsub__, -3.0, 1.0) == pytest.approx(1, rel=1e-12)


def test_a_root_is_found_whether_the_function_rises_or_falls():
    assert root(lambda t: t**3 - 2, 0.0, 5.0) == pytest.approx(2 ** (1 / 3), rel=1e-15)
    assert root(lambda t: 2 - t**3, 0.0, 5.0) == pytest.approx(2 ** (1 / 3), rel=1e-15)


# The curve of a rule: a measure over the cells of a fund, with what past rounds paid.


def curve(rule: dict[str, object], seed: int = 3, n: int = 12) -> tuple[Fund, Curve]:
    frame = regions(np.random.default_rng(seed), n)
    found = Fund(parse_policy(policy([{"name": "even", **rule}])), frame)
    (one,) = found.rows
    return found, one


EVEN = {"kind": "inequality", "measure": "gini", "at_most": 0.1}
FALL = {"kind": "progressive", "by": "need > 0.5"}


def test_a_row_of_a_curve_counts_what_past_rounds_paid():
    found, one = curve(EVEN)
    rng = np.random.default_rng(0)
    paid = replace(one, paid=rng.uniform(0, 1e6, len(one.basis)))
    amounts = found.problem.target * rng.uniform(0.5, 1.5, 12)
    row, whole = paid.tangent(amounts), amounts[one.matrix.indices] + paid.paid
    missed = float((row.matrix @ amounts)[0] - row.high[0])
    assert missed == pytest.approx(defined("gini", whole, one.basis, 0.1), rel=1e-9)
    assert (row.low, row.curve, row.rule) == (-np.inf, paid, "even")
    assert paid.values(amounts)[0] == pytest.approx(value("gini", whole, one.basis))
    assert paid.excess(amounts) == pytest.approx(value("gini", whole, one.basis) - 0.1)
    assert paid.per_bound(amounts) == pytest.approx(whole.sum())
    wide = np.full(12, np.inf)
    around = Around(amounts, amounts, amounts, 0 * amounts, wide)
    drawn = paid.drawn(around, 0.3)
    task = Drawn(whole, whole, amounts[one.matrix.indices], one.basis, paid.paid, wide, 0.3, 0.1)
    assert drawn.matrix.toarray()[0][one.matrix.indices] == pytest.approx(Gini().rest(task).slopes)
    assert (one.low.tolist(), one.high.tolist(), len(one)) == ([-np.inf], [0.1], 1)
    assert one.moved(7.0, 0.05).at_most == pytest.approx(0.15)


def test_a_row_asks_for_no_more_than_its_curve_whatever_is_added_of_the_total():
    found, one = curve(EVEN)
    totals = np.full(12, float(found.problem.resources[0].size))
    paid = replace(one, paid=np.linspace(0, 1e6, len(one.basis)))
    amounts = found.problem.target
    bound = paid.values(amounts)[0]
    for it in (paid, replace(paid, at_most=bound * 0.9)):
        row = it.tangent(amounts)
        factors, high = row.matrix.toarray()[0], float(row.high[0])
        for added in (0.0, 0.5, -2.0):
            assert it.beyond(factors + added, high + added * totals[0], totals) <= 1e-12
    looser = replace(paid, at_most=bound * 1.01)
    tangent = replace(paid, at_most=bound).tangent(amounts)
    factors, high = tangent.matrix.toarray()[0], float(tangent.high[0])
    assert looser.beyond(factors, high, totals) > 1e-6
    assert replace(paid, at_most=bound).beyond(factors, high - 1e-3 * totals[0], totals) > 1e-6
    assert np.isnan(paid.beyond(factors, high, np.full(12, np.nan)))
    assert np.isnan(paid.beyond(factors, high, np.arange(12.0)))


def test_a_row_may_not_bind_cells_outside_its_curve_nor_cells_of_one_unit_unlike():
    found, one = curve({**EVEN, "where": "need > 0.4"})
    totals = np.full(12, float(found.problem.resources[0].size))
    row = one.tangent(found.problem.target)
    factors, high = row.matrix.toarray()[0], float(row.high[0])
    outside = np.flatnonzero(factors == 0)
    assert len(outside)
    assert one.beyond(factors, high, totals) <= 1e-12
    assert one.beyond(factors - 1e-3 * (factors == 0), high, totals) <= 1e-12
    assert one.beyond(factors + 1e-3 * (factors == 0), high, totals) > 1e-6
    _, groups = curve({**EVEN, "each": "state"})
    assert one.single and not groups.single and not groups.exact
    row = groups.tangent(found.problem.target)
    factors, high = row.matrix.toarray()[0], float(row.high[0])
    assert groups.beyond(factors, high, totals) <= 1e-12
    unit = np.flatnonzero(groups.matrix.toarray().sum(axis=1) > 1)[0]
    cells = np.flatnonzero(groups.matrix.toarray()[unit])
    for cell in cells:
        unlike = factors.copy()
        unlike[cell] -= 1e-3
        unlike[cells[cells != cell]] += 1e-3
        assert groups.beyond(unlike, high, totals) > 1e-6


@pytest.mark.parametrize("each", ["region", "state"])
def test_an_order_as_rows_says_the_same(each):
    _, one = curve({**FALL, "each": each})
    rng = np.random.default_rng(1)
    paid = replace(one, paid=rng.uniform(0, 1e5, len(one.basis)))
    rows = paid.chain()
    assert rows is not None
    kept = 0
    for _ in range(60):
        level = np.sort(rng.uniform(1, 2, 4))[::-1]
        better = 1 + (paid.spread.ranks == 0) * rng.uniform(-0.2, 0.4)
        aim = paid.basis * better * level[0] * rng.uniform(0.95, 1.05, len(paid.basis)) * 100
        amounts = np.zeros(12)
        for unit, total in enumerate(aim - paid.paid):
            cells = paid.matrix.indices[paid.matrix.indptr[unit] : paid.matrix.indptr[unit + 1]]
            amounts[cells] = total / len(cells)
        within = bool((rows.values(amounts) <= rows.high + 1e-6).all())
        assert within == (paid.excess(amounts) <= 1e-9)
        kept += within
    assert 0 < kept < 60
    assert len(set(rows.places)) == len(rows) == len(rows.low)
    assert np.isneginf(rows.low).all()


@pytest.mark.parametrize("aversion", [0.5, 1.0, 2.0, 3.0])
def test_slopes_of_atkinson_lead_back_to_their_ratios_and_to_the_level_that_is_as_good(aversion):
    one, rng = Atkinson(aversion=aversion), np.random.default_rng(3)
    ratio, weight, bound = rng.lognormal(0, 0.4, 6), rng.dirichlet(np.ones(6)), 0.07
    slopes = one.slope(ratio, bound)
    assert one.ratio_at(slopes, bound) == pytest.approx(ratio, rel=1e-12)
    power = 1 - aversion
    alike = np.exp(weight @ np.log(ratio)) if power == 0 else (weight @ ratio**power) ** (1 / power)
    assert one.conjugate(slopes, weight, bound) == pytest.approx(1 - alike**-aversion, rel=1e-12)
    steepest = 1 - bound - one.slope(np.array([one.least]), bound)[0]
    assert steepest == pytest.approx(10.0 ** (12 * min(aversion, 1.0)), rel=1e-9)


def test_a_measure_and_a_long_order_are_not_written_as_rows():
    assert curve(EVEN)[1].chain() is None
    assert curve(FALL, n=60)[1].chain() is not None
    assert curve({**FALL, "by": "need > 0.6"}, n=200)[1].chain() is None
    three = curve({**FALL, "by": "(need > 0.22) + (need > 0.6)"}, n=200)[
        1
    ]  # few units in the first rank, many in the others
    assert three.chain() is None


def test_a_curve_without_some_cells_is_the_one_of_the_others():
    found, one = curve(EVEN)
    left = one.without(np.arange(12) == 3)
    assert (len(left.basis), 3 in left.matrix.indices) == (11, False)
    amounts = found.problem.target
    keep = one.matrix.indices != 3
    expected = value("gini", amounts[one.matrix.indices[keep]], one.basis[keep])
    assert left.values(amounts)[0] == pytest.approx(expected)
    _, groups = curve({**EVEN, "each": "state"})
    gone = np.isin(np.arange(12), np.flatnonzero(groups.matrix.toarray()[0]))
    assert len(groups.without(gone).basis) == len(groups.basis) - 1
