"""The optimum in fractions: the conditions of an optimum hold without any rounding, checked anew from their text."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundalloc import Fund, inequality
from fundalloc.attempts import Attempt
from fundalloc.equations import solved
from fundalloc.exact import APART, _Task, exact, sharpened
from fundalloc.policy import parse_policy
from fundalloc.rules import Rows
from fundalloc.sparse import csr_array
from fundalloc.system import SNAP, System
from fundalloc.tangents import attempt
from fundalloc.whole import WholeNumbers, gap, in_lots, snapped
from tests.funds import SUPPLY, fund, history, policy, regions


def conditions(system: System, found) -> int:
    """Asserts that amounts and multipliers are optimal in exact arithmetic; how many bounds hold."""
    problem = system.problem
    n = problem.n
    lots = [Fraction(r.lot) for r in problem.resources]
    x = [Fraction(v, found.denominator) for v in found.numerators]
    held = 0

    def bound(value: float, lot: Fraction | None) -> Fraction:
        if lot is None:
            return Fraction(value)
        near = Fraction(value) / lot
        noise = max(Fraction(1, 10**9), min(abs(near) / 2**51, Fraction(1, 4)))
        return round(near) * lot if abs(near - round(near)) <= noise else Fraction(value)

    force = [Fraction(0)] * problem.cells
    for r, price in zip(system.supplies, found.supplies, strict=True):
        cells = range(r * n, (r + 1) * n)
        assert sum(x[c] for c in cells) == problem.resources[r].lots * lots[r]
        for c in cells:
            force[c] += price
    for k, price in enumerate(found.rows):
        row = {c: Fraction(a) for c, a in zip(*_row(system, k), strict=True)}
        value = sum(a * x[c] for c, a in row.items())
        lot = lots[next(iter(row)) // n] if set(row.values()) == {1} else None
        low, high = (bound(b, lot) if np.isfinite(b) else b for b in (system.row_low[k], system.row_high[k]))
        assert low <= value <= high
        assert price <= 0 or value == low
        assert price >= 0 or value == high
        held += price != 0
        for c, a in row.items():
            force[c] += price * a
    for c in range(problem.cells):
        r = c // n
        size = problem.resources[r].lots * lots[r]
        low, high = (bound(b, lots[r]) if np.isfinite(b) else b for b in (system.low[c], system.high[c]))
        z = Fraction(problem.centre[c]) + Fraction(problem.softness[c]) * size * force[c]
        assert x[c] == min(max(z, low), high)
        held += x[c] != z
    return held


def _row(system: System, k: int) -> tuple[list[int], list[float]]:
    span = slice(system.matrix.indptr[k], system.matrix.indptr[k + 1])
    return system.matrix.indices[span].tolist(), system.matrix.data[span].tolist()


def settled(found: Fund) -> Attempt:
    tried = attempt(found.problem, found.rows)
    assert tried.proven
    return tried


@pytest.mark.parametrize("block", range(4))
def test_the_conditions_hold_without_rounding_on_random_funds(block):
    held = 0
    for seed in range(block * 30, block * 30 + 30):
        n = int(np.random.default_rng(seed).integers(1, 40))
        tried = settled(fund(seed, n, zeros=0.3 * (seed % 4 == 1), tiny=0.3 * (seed % 4 == 2)))
        found = exact(tried.system, tried.optimum)
        assert found is not None, seed
        held += conditions(tried.system, found)
        assert np.abs(found.amounts() - tried.optimum.amounts).max() <= 1e-9 * SUPPLY / n
    assert held > 30


@pytest.mark.parametrize("measure", ["gini", "hoover", "theil", "atkinson", "ratio", "progressive"])
def test_the_conditions_hold_beside_a_curve(measure):
    held = 0
    for seed in range(6):
        frame = regions(np.random.default_rng(seed), 20, zeros=0.2 * (seed % 2))
        rule = {"kind": "progressive", "by": "need"} if measure == "progressive" else {"kind": "inequality"}
        if measure != "progressive":
            rule |= {"measure": measure, "at_most": {"ratio": 3, "theil": 0.02, "atkinson": 0.01}.get(measure, 0.05)}
        tried = settled(Fund(parse_policy(policy([{**rule, "name": "even"}])), frame))
        found = exact(tried.system, tried.optimum)
        assert found is not None
        held += conditions(tried.system, found)
    assert held >= 3


def test_a_start_that_is_off_is_mended_or_given_up_never_believed():
    mended = {"off": 0, "none": 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        tried = settled(fund(seed, 20))
        right = exact(tried.system, tried.optimum)
        rows = tried.optimum.rows * rng.choice([0.0, 1.0, 3.0, -1.0], len(tried.optimum.rows))
        off = replace(tried.optimum, rows=rows, supplies=tried.optimum.supplies + rng.normal(0, 1e-9, 1))
        none = replace(tried.optimum, rows=0 * rows, supplies=0 * tried.optimum.supplies)
        for name, start in (("off", off), ("none", none)):
            found = exact(tried.system, start)
            if found is not None:
                mended[name] += 1
                assert [Fraction(v, found.denominator) for v in found.numerators] == [
                    Fraction(v, right.denominator) for v in right.numerators
                ]
    assert min(mended.values()) >= 36


def test_a_total_that_floats_do_not_hold_is_met_exactly():
    """0.3 is 30 lots of 0.01, although no float is."""
    for lots in (30, 29, 7):
        made = Fund(parse_policy(policy([], fund={"supply": lots / 100})), regions(np.random.default_rng(lots), 4))
        tried = settled(made)
        found = exact(tried.system, tried.optimum)
        assert found is not None
        conditions(tried.system, found)


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_row_with_one_bound_on_both_sides_may_pull_either_way(share):
    """Whatever sign it begins with, it is not taken for a row that pulls the wrong way and let go."""
    rule = {"kind": "limit", "name": "east", "each": "all", "where": "coast == 'east'", "of": "share"}
    made = Fund(parse_policy(policy([{**rule, "floor": share, "cap": share}])), regions(np.random.default_rng(3), 20))
    tried = settled(made)
    right = exact(tried.system, tried.optimum)
    assert right is not None and right.rows[0] != 0
    found = exact(tried.system, replace(tried.optimum, rows=-1e-6 * tried.optimum.rows))
    assert found is not None and found.tries == 1
    assert (found.rows, found.numerators) == (right.rows, right.numerators)


def test_amounts_beyond_what_floats_hold_are_whole_lots_to_the_last_one():
    """2e15 lots: the exact optimum has them all; equal regions get equal lots."""
    frame = regions(np.random.default_rng(0), 7).assign(need=1.0, population=[1, 1, 2, 2, 3, 3, 9])
    found = Fund(parse_policy(policy([], fund={"supply": 21 * 10**12, "lot": 0.01})), frame)
    lots = found.allocate().decision.lots
    order = [found.problem.regions.ids.index(i) for i in frame["id"]]
    assert lots[order].tolist() == [p * 10**14 for p in (1, 1, 2, 2, 3, 3, 9)]


def test_sharpened_amounts_are_the_nearest_floats_and_what_cannot_be_sharpened_stays():
    tried = settled(fund(3, 20))
    optimum, found = sharpened(tried.system, tried.optimum)
    assert found is not None
    assert optimum.amounts.tolist() == [float(Fraction(v, found.denominator)) for v in found.numerators]
    crossed = replace(tried.system, row_low=tried.system.row_low + 1e6, low=tried.system.low + SUPPLY)
    same, none = sharpened(crossed, tried.optimum)
    assert none is None
    assert same is tried.optimum


def test_from_its_own_multipliers_the_optimum_is_found_at_once():
    at_caps = 0
    for seed in range(30):
        tried = settled(fund(seed, 20))
        optimum, found = sharpened(tried.system, tried.optimum)
        assert found is not None
        again = exact(tried.system, optimum)
        assert again is not None and again.tries == 1 and again.numerators == found.numerators
        at_caps += int((optimum.amounts == tried.system.high).sum())
    assert at_caps > 5


def test_amounts_in_lots_are_whole_parts_and_rests():
    tried = settled(fund(5, 12))
    found = exact(tried.system, tried.optimum)
    assert found is not None
    for lot in (Fraction(1, 100), Fraction(25), Fraction(7, 3)):
        whole, part = found.lots(slice(2, 9), lot)
        for k, (w, p) in enumerate(zip(whole.tolist(), part.tolist(), strict=True), 2):
            right = Fraction(found.numerators[k], found.denominator) / lot
            assert (w, p) == (right // 1, float(right % 1))


def test_a_bound_is_whole_lots_where_only_float_noise_says_otherwise():
    cent = Fraction(1, 100)
    assert snapped(0.1 + 0.2, cent) == 30 * cent
    assert snapped(1000 + 0.01, cent) == 100_001 * cent
    assert snapped(0.3001, cent) == Fraction(0.3001)
    assert snapped(0.01 * 1e-11, cent) == 0
    assert snapped(SNAP, Fraction(1)) == 0 != snapped(np.nextafter(SNAP, 1).item(), Fraction(1))
    assert snapped(1 - 1e-9 / 2, Fraction(1)) == 1 != snapped(1 - 1e-8, Fraction(1))
    assert snapped(7.0, Fraction(14)) == 7
    assert snapped(14 - 1e-9, Fraction(14, 3)) == 14
    assert snapped(7737659.380000001, cent) == 773_765_938 * cent != snapped(7737659.3800001, cent)
    assert snapped(2.0**52 + 1, Fraction(4)) == 2**52 != snapped(2.0**52 + 2, Fraction(4)) == 2**52 + 2


@pytest.mark.parametrize("seed", range(20))
def test_symmetric_equations_are_solved_and_those_that_clash_are_left_out(seed):
    """Rows 3 and 4 are sums of others: one follows from them, one clashes with them."""
    rng = np.random.default_rng(seed)
    b = rng.integers(-3, 4, (3, 5)) + 5 * np.eye(3, 5, dtype=int)
    b = np.vstack([b, b[0] + b[1], b[1] - b[2]])
    a = [[Fraction(int(v)) for v in row] for row in b @ b.T]
    some = [Fraction(int(v), 7) for v in rng.integers(-9, 9, 5)]
    goal = {k: sum((a[k][j] * some[j] for j in range(5)), Fraction(0)) for k in range(5)}
    stated = [Fraction(k + 1, 3) for k in range(5)]

    def solution(goal: dict[int, Fraction], first: set[int]) -> tuple[dict[int, Fraction], set[int]]:
        rows = {k: {j: v for j, v in enumerate(a[k]) if v} for k in range(5)}
        return solved(rows, dict(goal), first, stated)

    found, out = solution(goal, set())
    assert out == set()
    assert all(sum(a[k][j] * found[j] for j in range(5)) == goal[k] for k in range(5))
    assert sum(found[k] == stated[k] for k in range(5)) >= 2
    clashing = {**goal, 4: goal[4] + 1}
    for first in ({4}, {4, 1}, {0, 1, 2}):
        found, out = solution(clashing, first)
        assert len(out) == 1
        assert not out & first
        assert all(found[k] == 0 for k in out)
        assert all(sum(a[k][j] * found[j] for j in range(5)) == clashing[k] for k in range(5) if k not in out)


def test_of_equations_that_are_alike_the_later_one_keeps_what_is_stated():
    one = Fraction(1)
    rows = {0: {0: one, 1: one}, 1: {0: one, 1: one}, 2: {2: one}}
    found, out = solved(rows, {0: one, 1: one, 2: one}, set(), [Fraction(5)] * 3)
    assert (found, out) == ({0: Fraction(-4), 1: Fraction(5), 2: one}, set())


def test_inequality_of_the_exact_amounts_is_what_the_rule_allows():
    frame = regions(np.random.default_rng(2), 30).sort_values("id")
    q = frame["population"].to_numpy(float)
    rule = {"kind": "inequality", "name": "even", "measure": "gini", "at_most": 0.08}
    tried = settled(Fund(parse_policy(policy([rule])), frame)).sharp()
    assert abs(inequality.gini(tried.optimum.amounts, q) - 0.08) <= 1e-12


@given(
    st.lists(st.tuples(st.integers(0, 2**60), st.integers(-40, 40), st.floats(-3, 3)), min_size=1, max_size=30),
    st.sampled_from(
        [Fraction(1, 100), Fraction(1), Fraction(25, 1000), Fraction(7, 3), Fraction(10**6), Fraction(1, 10**9)]
    ),
)
def test_what_floats_tell_of_many_bounds_is_what_fractions_tell_of_each(drawn, lot):
    """Bounds near whole lots: to some last digits, and around the part of a lot that is noise."""
    bounds = [float(k * lot) for k, _, _ in drawn]
    bounds += [b * (1 + digits * 2.0**-52) for b, (_, digits, _) in zip(bounds, drawn, strict=True)]
    bounds += [float((k + Fraction(part) / 10**9) * lot) for k, _, part in drawn]
    bounds += [float(Fraction(part) * lot) / 1e9 for part in (1 + 5e-7, 1 - 5e-7)]
    bounds += [0.0, -0.0, 1e300, 5e-324, np.inf]
    lots, near, far = in_lots(np.array(bounds), lot)
    for bound, count, whole, broken in zip(bounds, lots.tolist(), near.tolist(), far.tolist(), strict=True):
        assert not (whole and broken)
        assert not whole or snapped(bound, lot) == count * lot
        assert not broken or snapped(bound, lot) == Fraction(bound)
        if max(bound * lot.denominator, Fraction(lot).numerator) < 2**52:
            count = Fraction(bound) / lot
            part = abs(count - round(count)) / max(Fraction(1, 10**9), min(count / 2**51, Fraction(1, 4)))
            assert whole or part > Fraction(999, 1000)
            assert broken or part < Fraction(1001, 1000)
    assert not near[-1] and not far[-1] and near[-5]


def test_a_bound_of_a_row_is_in_lots_where_amounts_are_added_up_and_nowhere_else():
    bound, factors = 7.01 + 1e-13, csr_array([[1.0, 1.0, 0.0, 0.0], [1.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]])
    low, high, nothing = np.full(3, -np.inf), np.full(3, bound), np.ones(3)
    rows = Rows("r", "limit", "require", "fund", "all", ("a", "b", "c"), factors, low, high, nothing)
    found = WholeNumbers(settled(fund(3, 4)).system.joined((rows,))).bounds[-3:]
    assert found == [(None, Fraction(701, 100)), (None, Fraction(bound)), (None, Fraction(bound))]


cents = st.integers(0, 10**8).map(lambda k: k / 100)


def unsure(k: int) -> float:
    """So near to the part of a lot that is noise that floats do not tell."""
    return float(Fraction(1, 100) + Fraction(SNAP) / 100 + k * Fraction(2) ** -59)


@pytest.fixture(scope="module")
def four() -> System:
    return settled(fund(3, 4)).system


@given(st.lists(st.floats(0, 1e20) | cents | st.integers(-4, 4).map(unsure) | st.just(np.inf), min_size=4, max_size=4))
def test_bounds_in_whole_numbers_are_those_of_each_amount(four, bounds):
    program = WholeNumbers(replace(four, low=np.array(bounds) / 3, high=np.array(bounds)))
    for found, bounded in ((program.low, np.array(bounds) / 3), (program.high, bounds)):
        for number, bound in zip(found, bounded, strict=True):
            assert (number is None) == np.isinf(bound)
            assert number is None or Fraction(number, program.ends) == snapped(float(bound), Fraction(1, 100))


@pytest.mark.parametrize("seed", range(20))
def test_floors_that_take_all_that_there_is_are_exact(seed):
    """All get what they had, to the cent: nothing is left to share out, however many cents that is."""
    rng = np.random.default_rng(seed)
    frame = regions(rng, 12)
    past = history(frame, rng)
    total = round(sum(map(Fraction, past["amount"].map(str))) * 100)
    rule = {"kind": "limit", "name": "hold", "of": "previous", "floor": 1}
    found = Fund(parse_policy(policy([rule], fund={"supply": total / 100})), frame, past).allocate()
    assert found.decision.exact is not None
    amounts = found.table.set_index("region_id")["amount"]
    assert all(amounts[i] == before for i, before in zip(past["region_id"], past["amount"], strict=True))


@pytest.mark.parametrize("side", ["floor", "cap"])
def test_prices_are_clear_of_those_at_which_an_amount_would_begin_to_move(side):
    """Whatever the rows press with: below all such prices where floors take all, above them where caps do."""
    rng = np.random.default_rng(5)
    frame = regions(rng, 12)
    past = history(frame, rng)
    total = round(sum(map(Fraction, past["amount"].map(str))) * 100) / 100
    rules = [
        {"kind": "limit", "name": "hold", "of": "previous", side: 1},
        {"kind": "limit", "name": "states", "each": "state", "of": "previous", "floor": 0.5, "cap": 2},
    ]
    tried = settled(Fund(parse_policy(policy(rules, fund={"supply": total})), frame, past))
    system, problem = tried.system, tried.system.problem
    bound = system.low if side == "floor" else system.high
    for rows in (0.0 * tried.optimum.rows, rng.normal(0, 1e-8, len(tried.optimum.rows))):
        turns = (bound - problem.centre) / (problem.softness * problem.size) - system.matrix.T @ rows
        last, far = (turns.min(), -1) if side == "floor" else (turns.max(), 1)
        for start in (last, 0.5 * (turns.min() + turns.max())):
            price = _Task(system).priced_clear(replace(tried.optimum, rows=rows, supplies=np.array([start]))).supplies
            assert far * (price[0] - last) == pytest.approx(APART * np.abs(turns).max(), rel=1e-6, abs=0)
        beyond = np.array([last + far * 1.0])
        kept = _Task(system).priced_clear(replace(tried.optimum, rows=rows, supplies=beyond))
        assert kept.supplies.tolist() == beyond.tolist()


def test_rows_that_bind_are_found_though_no_multiplier_tells():
    found = 0
    for seed in range(12):
        tried = settled(fund(seed, 20))
        right = exact(tried.system, tried.optimum)
        again = exact(tried.system, replace(tried.optimum, rows=0.0 * tried.optimum.rows))
        if right is not None and again is not None and any(right.rows):
            one, other = ([Fraction(v, e.denominator) for v in e.numerators] for e in (right, again))
            assert one == other
            found += again.tries > 1
    assert found >= 3


@pytest.mark.parametrize("seed", range(3))
def test_the_gap_is_what_amounts_are_farther_than_they_could_be_as_a_part_of_their_distance(seed):
    """Without multipliers each amount could be where it is nearest to its target inside its own bounds."""
    tried = settled(fund(seed, 9))
    system, problem = tried.system, tried.system.problem
    amounts = tried.optimum.amounts + np.random.default_rng(seed).uniform(-9, 9, problem.cells)
    bare = replace(tried.optimum, amounts=amounts, rows=0 * tried.optimum.rows, supplies=0 * tried.optimum.supplies)
    slack = distance = Fraction(0)
    for c, (x, centre) in enumerate(zip(map(Fraction, amounts), map(Fraction, problem.centre), strict=True)):
        pull = Fraction(problem.softness[c]) * Fraction(SUPPLY)
        best = min(max(centre, snapped(system.low[c], Fraction(1, 100))), Fraction(min(system.high[c], 1e300)))
        slack += (x - best) ** 2 / (2 * pull) + abs((x - best) * (best - centre)) / pull
        distance += (x - centre) ** 2 / (2 * pull)
    assert float(gap(system, bare)) == pytest.approx(float(slack / distance), rel=1e-9)
