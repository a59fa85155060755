"""Whole lots: five methods against brute force, nested groups, ties, impossible bounds."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundalloc.rounding import Nest, NoWholeLots, Real, round_to_sum, whole_lots

METHODS = ("largest_remainder", "webster", "huntington_hill", "jefferson", "adams")
DIVISOR = METHODS[1:]
UNBOUND = 10**15


def plain(real: list[float], total: int, method: str, priority: list[float] | None = None) -> list[int]:
    """Whole lots without bounds."""
    n = len(real)
    return whole_lots(
        Real.of(np.array(real, dtype=float)),
        total,
        np.zeros(n, dtype=np.int64),
        np.full(n, UNBOUND),
        [],
        np.array(priority if priority is not None else real, dtype=float),
        method,
    ).tolist()


def signpost(method: str, s: int) -> float:
    return {
        "webster": s + 0.5,
        "huntington_hill": math.sqrt(s * (s + 1)),
        "jefferson": s + 1.0,
        "adams": float(s),
    }[method]


def one_by_one(votes: list[int], seats: int, method: str) -> list[int]:
    """A divisor method as the textbook has it: each seat to the greatest votes / signpost."""
    given = [0] * len(votes)
    for _ in range(seats):
        worth = [
            v / signpost(method, s) if signpost(method, s) else math.inf for v, s in zip(votes, given, strict=True)
        ]
        best = max(range(len(votes)), key=lambda k: (worth[k], votes[k], -k))
        given[best] += 1
    return given


def chosen(real, total, low, high, nests, priority, method):
    """Whole lots anew, by looking at all of them; None where no region and group can be rounded up or down.

    Regions and nests are a tree; each total is divided among the parts of it, the root first.
    """
    n = len(real)
    everybody = frozenset(range(n))
    bounds = {frozenset(nest.members.tolist()): (nest.low, nest.high) for nest in nests}
    sets = {everybody, *bounds, *(frozenset([k]) for k in range(n))}
    due = {s: round(sum(real[k] for k in s) * 10**6) for s in sets}  # in millionths of a lot
    rank = {s: (round(sum(priority[k] for k in s), 9), -min(s)) for s in sets}

    def ranges(k):
        quota = range(due[frozenset([k])] // 10**6, -(-due[frozenset([k])] // 10**6) + 1)
        return [x for x in range(low[k], high[k] + 1) if method != "largest_remainder" or x in quota]

    def of(x, s):
        return sum(x[k] for k in s)

    ways = [
        x
        for x in product(*map(ranges, range(n)))
        if all(a <= of(x, s) <= b for s, (a, b) in bounds.items())
        and (method != "largest_remainder" or all(abs(10**6 * of(x, s) - due[s]) < 10**6 for s in bounds))
    ]
    if not any(sum(x) == total for x in ways):
        return None

    def parts(s):
        inside = [t for t in sets if t < s]
        return [t for t in inside if not any(t < u for u in inside)]

    open_, lots = [everybody], {everybody: total}
    while open_:
        node = open_.pop()
        children = parts(node)
        span = {t: sorted({of(x, t) for x in ways}) for t in children}
        at = {t: span[t][0] for t in children}
        while sum(at.values()) < lots[node]:

            def worth(t, at=at):
                if method == "largest_remainder":
                    return due[t] - at[t] * 10**6
                return due[t] / signpost(method, at[t]) if signpost(method, at[t]) else due[t] * 1e100

            best = max((t for t in children if at[t] < span[t][-1]), key=lambda t: (worth(t), rank[t]))
            at[best] += 1
        lots |= at
        open_ += [t for t in children if len(t) > 1]
    return [lots[frozenset([k])] for k in range(n)]


# Balinski and Young (1982), Fair Representation, table on the five methods for 26 seats
VOTES = [9061, 7179, 5259, 3319, 1182]
GOLDENS = {
    "largest_remainder": [9, 7, 5, 4, 1],
    "webster": [9, 8, 5, 3, 1],
    "huntington_hill": [9, 7, 6, 3, 1],
    "jefferson": [10, 7, 5, 3, 1],
    "adams": [9, 7, 5, 3, 2],
}


@pytest.mark.parametrize("method", METHODS)
def test_the_textbook_example_of_balinski_and_young(method):
    seats = 26
    assert plain([seats * v / sum(VOTES) for v in VOTES], seats, method) == GOLDENS[method]


@pytest.mark.parametrize("method", DIVISOR)
@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=8), st.integers(0, 60))
def test_divisor_methods_are_the_textbook_ones(method, votes, seats):
    if method in ("adams", "huntington_hill") and seats < len(votes):
        return
    worth = {
        Fraction(v * v, s * (s + 1)) if method == "huntington_hill" else Fraction(v) / Fraction(signpost(method, s))
        for v in set(votes)
        for s in range(1, seats + 2)
    }
    if len(worth) < len(set(votes)) * (seats + 1) or len(set(votes)) < len(votes):
        return
    assert plain([seats * v / sum(votes) for v in votes], seats, method) == one_by_one(votes, seats, method)


@pytest.mark.parametrize("method", ["adams", "huntington_hill"])
@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=8, unique=True), st.data())
def test_where_lots_are_few_the_larger_amounts_get_the_first(method, votes, drawn):
    seats = drawn.draw(st.integers(0, len(votes) - 1))
    first = sorted(votes, reverse=True)[:seats]
    real, due = [seats * v / sum(votes) for v in votes], [float(-v) for v in votes]
    assert plain(real, seats, method, due) == [int(v in first) for v in votes]


@given(st.lists(st.integers(0, 400), min_size=1, max_size=6), st.integers(0, 30))
def test_largest_remainder_is_hamilton(parts, total):
    if not sum(parts):
        return
    quotas = [Fraction(total * p, sum(parts)) for p in parts]
    lots = [math.floor(q) for q in quotas]
    order = sorted(range(len(parts)), key=lambda k: (-(quotas[k] - lots[k]), -parts[k], k))
    for k in order[: total - sum(lots)]:
        lots[k] += 1
    assert plain([float(q) for q in quotas], total, "largest_remainder", [float(p) for p in parts]) == lots


@pytest.mark.parametrize("method", METHODS)
def test_bounds_that_the_amounts_miss_are_kept_and_the_method_decides_the_rest(method):
    """Divisor methods: one by one from the lower bounds."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 6))
        real = rng.uniform(0.1, 6, n)
        low = rng.integers(0, 5, n)
        high = low + rng.integers(0, 5, n)
        total = int(rng.integers(low.sum(), high.sum() + 1))
        lots = whole_lots(Real.of(real), total, low, high, [], real, method).tolist()
        assert sum(lots) == total
        assert all(a <= x <= b for a, x, b in zip(low, lots, high, strict=True))
        if method != "largest_remainder":
            at = low.tolist()
            while sum(at) < total:
                worth = {
                    k: real[k] / signpost(method, at[k]) if signpost(method, at[k]) else math.inf
                    for k in range(n)
                    if at[k] < high[k]
                }
                at[max(worth, key=lambda k: (worth[k], real[k]))] += 1
            assert lots == at


@pytest.mark.parametrize("method", METHODS)
def test_each_total_is_divided_among_its_parts_by_the_method(method):
    looked = 0
    for seed in range(250):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 5))
        real = rng.uniform(0, 4, n).round(int(rng.integers(1, 8)))
        if seed % 3 == 0:
            real = np.floor(real) + rng.choice([0, 0.25, 0.5, 0.5 + 4e-7, 0.5 + 1.2e-6, 4e-7, 1 - 4e-7], n)
        inside = np.floor(real).astype(np.int64) + rng.integers(0, 2, n)
        slack = int(rng.integers(1, 4))
        low, high = np.maximum(inside - rng.integers(0, slack, n), 0), inside + rng.integers(0, slack, n)
        cut, nests = int(rng.integers(0, n + 1)), []
        for members in (np.arange(cut), np.arange(cut // 2), np.arange(cut, n)):
            if len(members) > 1:
                some = int(inside[members].sum())
                nests.append(Nest(members, some - int(rng.integers(0, 2)), some + int(rng.integers(0, 2))))
        priority = real if seed % 2 else rng.integers(1, 4, n) / 3 * (1 + rng.choice([0, 1e-15], n))
        right = chosen(real, int(inside.sum()), low, high, nests, priority, method)
        if right is not None:
            looked += 1
            found = whole_lots(Real.of(real), int(inside.sum()), low, high, nests, priority, method)
            assert found.tolist() == right, seed
    assert looked > 120


def test_no_amount_and_no_group_is_further_from_its_lots_than_the_total_and_the_floors_ask_for():
    needed = set()
    for seed in range(300):
        rng = np.random.default_rng(seed)
        real = rng.uniform(0, 5, 3).round(1)
        caps = np.ceil(real).astype(np.int64) + rng.integers(0, 6, 3)
        floors = rng.integers(0, caps + 1) if seed % 2 else np.zeros(3, np.int64)
        nests = [] if seed % 2 else [Nest(np.array([0, 1]), 0, UNBOUND)]
        total = int(rng.integers(floors.sum(), caps.sum() + 1))

        def beyond(x, real=real, floors=floors, nests=nests):
            """How many lots cells and the group are beyond rounding up or down; a floor is not."""
            cells = [(lots, r) for lots, r, low in zip(x, real, floors, strict=True) if not lots == low > r]
            cells += [(sum(x[k] for k in nest.members), real[nest.members].sum().round(1)) for nest in nests]
            return max((max(math.floor(r) - lots, lots - math.ceil(r)) for lots, r in cells), default=0)

        ways = product(*(range(low, cap + 1) for low, cap in zip(floors, caps, strict=True)))
        least = min(beyond(x) for x in ways if sum(x) == total)
        quota = min(q for q in (0, 1, 4, 16) if least <= q)
        found = whole_lots(Real.of(real), total, floors, caps, nests, real).tolist()
        assert beyond(found) <= quota, seed
        needed.add(quota)
    assert needed == {0, 1, 4, 16}


def test_remainders_are_equal_within_a_millionth_of_a_lot_or_what_floats_know_of_large_amounts():
    def first_gets_it(*real: float) -> bool:
        down = [math.floor(r) for r in real]
        lots = plain(list(real), sum(down) + 1, "largest_remainder", [1, 2])
        assert lots in ([down[0] + 1, down[1]], [down[0], down[1] + 1])
        return lots[0] > down[0]

    assert first_gets_it(0.5 + 8e-7, 7.5) and not first_gets_it(0.5 + 4e-7, 7.5)
    assert first_gets_it(0.5, 7.5 - 8e-7) and not first_gets_it(0.5, 7.5 - 4e-7)
    assert first_gets_it(1e12 + 0.0625, 7.03) and not first_gets_it(1e12 + 0.03125, 7.03)
    assert first_gets_it(1e12 + 0.96875, 7.98) and not first_gets_it(1e12 + 0.9375, 7.98)
    assert first_gets_it(1e14 + 0.3125, 7.3) and not first_gets_it(1e14 + 0.234375, 7.2)


def test_exact_amounts_have_no_noise_however_large_they_are():
    free = np.zeros(2, np.int64), np.full(2, UNBOUND)
    real = Real(np.array([10**14, 7]), np.array([0.2, 0.1]))
    assert whole_lots(real, 10**14 + 8, *free, [], np.array([1.0, 2.0])).tolist() == [10**14 + 1, 7]


def test_entitlements_are_equal_within_twelve_digits():
    for more, lots in ((1e-13, [1, 0]), (1e-11, [0, 1])):
        for size in (3.0, 3e8):
            assert plain([0.5, 0.5], 1, "largest_remainder", [size, size * (1 + more)]) == lots


@pytest.mark.parametrize("method", METHODS)
def test_ties_go_to_the_larger_entitlement_then_to_the_smaller_id_also_where_lots_are_taken(method):
    assert plain([2.0, 2.0, 2.0], 7, method) == [3, 2, 2]
    assert plain([2.0, 2.0, 2.0], 5, method) == [2, 2, 1]
    assert plain([4.0, 4.0, 4.0], 7, method) == [3, 2, 2]
    assert plain([2.0, 2.0, 2.0], 5, method, [1, 2, 2]) == [1, 2, 2]
    assert plain([2.0, 2.0, 2.0], 7, method, [1, 2, 3]) == [2, 2, 3]


def test_where_a_floor_asks_for_more_those_with_the_least_remainders_give():
    def lots(real: list[float], total: int, low: list[int], high: list[int]) -> list[int]:
        return whole_lots(Real.of(np.array(real)), total, np.array(low), np.array(high), [], np.array(real)).tolist()

    assert lots([0.5, 1.6, 3.2], 5, [3, 0, 0], [9, 9, 9]) == [3, 0, 2]
    assert lots([0.5, 1.6, 3.2], 6, [3, 0, 0], [9, 9, 9]) == [3, 1, 2]
    assert lots([0.5, 1.6, 3.2], 6, [3, 0, 3], [9, 9, 9]) == [3, 0, 3]
    assert lots([4.5, 1.6, 3.3], 9, [0, 0, 0], [2, 9, 9]) == [2, 3, 4]
    assert lots([4.5, 1.6, 3.3], 8, [0, 0, 0], [2, 9, 9]) == [2, 2, 4]


@pytest.mark.parametrize("method", METHODS)
def test_who_is_due_nothing_gets_nothing(method):
    assert plain([0.0, 2.4, 2.6], 6, method) == [0, 3, 3]
    assert plain([0.0, 2.4, 2.6, 0.0], 4, method) == [0, 2, 2, 0]


def test_equal_remainders_go_to_the_larger_entitlement_then_to_the_smaller_id():
    assert plain([1.5, 2.5, 3.0], 7, "largest_remainder", [15, 25, 30]) == [1, 3, 3]
    assert plain([1.5, 1.5, 1.5, 1.5], 6, "largest_remainder", [1, 1, 1, 1]) == [2, 2, 1, 1]


@pytest.mark.parametrize("method", METHODS)
@given(st.data())
def test_bounds_and_nested_groups_are_kept_exactly(method, data):
    n = data.draw(st.integers(1, 6))
    inside = data.draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))
    low = np.array([max(0, x - data.draw(st.integers(0, 2))) for x in inside])
    high = np.array([x + data.draw(st.integers(0, 2)) for x in inside])
    cut = data.draw(st.integers(0, n))
    nests = []
    for members in (range(cut), range(cut // 2), range(cut, n)):
        if len(members):
            total = sum(inside[m] for m in members)
            nests.append(
                Nest(np.array(members), total - data.draw(st.integers(0, 1)), total + data.draw(st.integers(0, 1)))
            )
    real = np.array(inside, dtype=float)
    for _ in range(2 * n):
        moved, amount = real.copy(), data.draw(st.floats(0, 1))
        moved[data.draw(st.integers(0, n - 1))] += amount
        moved[data.draw(st.integers(0, n - 1))] -= amount
        kept = (low <= moved).all() and (moved <= high).all()
        if kept and all(m.low <= moved[m.members].sum() <= m.high for m in nests):
            real = moved
    lots = whole_lots(Real.of(real), sum(inside), low, high, nests, real, method)
    assert lots.sum() == sum(inside)
    assert (low <= lots).all() and (lots <= high).all()
    assert all(m.low <= lots[m.members].sum() <= m.high for m in nests)


@given(st.data())
def test_largest_remainder_rounds_every_cell_and_nested_total_up_or_down(data):
    n = data.draw(st.integers(2, 6))
    real = np.array(data.draw(st.lists(st.floats(0, 5), min_size=n, max_size=n)))
    total = real.sum()
    real[-1] += math.ceil(total) - total
    cut = data.draw(st.integers(1, n))
    sums = [real[:cut].sum(), real[: (cut + 1) // 2].sum()]
    nests = [
        Nest(np.arange(size), math.floor(s + 1e-9), math.ceil(s - 1e-9))
        for size, s in zip((cut, (cut + 1) // 2), sums, strict=True)
    ]
    lots = whole_lots(
        Real.of(real), math.ceil(total), np.zeros(n, np.int64), np.full(n, UNBOUND), nests, real, "largest_remainder"
    )
    assert (np.abs(lots - real) < 1 + 1e-6).all()
    assert lots.sum() == math.ceil(total)


def test_impossible_bounds_are_an_error():
    for low, high, total in (([0, 0], [1, 1], 3), ([2, 2], [5, 5], 3), ([2, 0], [1, 9], 3)):
        with pytest.raises(NoWholeLots):
            whole_lots(Real.of(np.array([1.5, 1.5])), total, np.array(low), np.array(high), [], np.ones(2))
    with pytest.raises(NoWholeLots):
        nest = Nest(np.array([0, 1]), 5, 5)
        whole_lots(Real.of(np.array([1.5, 1.5])), 3, np.zeros(2, np.int64), np.full(2, UNBOUND), [nest], np.ones(2))


def test_whole_lots_exist_whenever_brute_force_finds_some():
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(300):
        n = int(rng.integers(1, 5))
        low = rng.integers(0, 3, n)
        high = low + rng.integers(0, 3, n)
        cut = int(rng.integers(0, n + 1))
        nests = [Nest(np.arange(cut), int(rng.integers(0, 5)), int(rng.integers(2, 8)))] if cut else []
        total = int(rng.integers(0, 9))
        ways = [
            x
            for x in product(*(range(a, b + 1) for a, b in zip(low, high, strict=True)))
            if sum(x) == total and all(m.low <= sum(x[:cut]) <= m.high for m in nests)
        ]
        real = np.full(n, total / n)
        if ways:
            found += 1
            assert tuple(whole_lots(Real.of(real), total, low, high, nests, real, "webster")) in ways
        else:
            with pytest.raises(NoWholeLots):
                whole_lots(Real.of(real), total, low, high, nests, real, "webster")
    assert 60 < found < 240


@given(st.lists(st.integers(1, 999), min_size=4, max_size=9), st.integers(1, 30), st.integers(1, 3))
def test_regions_and_groups_keep_their_whole_part_or_get_one_lot_more(parts, total, cut):
    real = total * np.array(parts) / sum(parts)
    n, group = len(real), np.arange(cut + 1)
    nests = [Nest(group, 0, total)]
    lots = whole_lots(Real.of(real), total, np.zeros(n, np.int64), np.full(n, total), nests, real)
    for cells in (*([i] for i in range(n)), group):
        assert math.floor(real[cells].sum() + 1e-9) <= lots[cells].sum() <= math.ceil(real[cells].sum() - 1e-9)


def test_an_open_supply_rounds_each_amount_on_its_own():
    lots = whole_lots(
        Real.of(np.array([1.4, 1.5, 2.6])), None, np.zeros(3, np.int64), np.array([9, 9, 2]), [], np.ones(3)
    )
    assert lots.tolist() == [1, 2, 2]


def test_an_open_supply_rounds_a_group_as_one_and_divides_it():
    free = np.zeros(4, np.int64), np.full(4, UNBOUND)
    real = Real.of(np.array([1.3, 2.4, 1.4, 0.4]))
    assert whole_lots(real, None, *free, [Nest(np.array([0, 2]), 0, 9)], np.ones(4)).tolist() == [1, 2, 2, 0]
    assert whole_lots(real, None, *free, [Nest(np.array([0, 2]), 0, 2)], np.ones(4)).tolist() == [1, 2, 1, 0]
    assert whole_lots(real, None, *free, [Nest(np.array([1, 3]), 3, 3)], np.ones(4)).tolist() == [1, 3, 1, 0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(-50, 50))
def test_round_to_sum_adds_up_and_moves_nothing_far(values, extra):
    real = np.array(values)
    total = round(real.sum()) + extra
    found = round_to_sum(real, total)
    assert found.sum() == total
    assert np.abs(found - real).max() <= 2 + abs(extra)
    more = (found - np.floor(real)).tolist()
    by_rest = sorted(range(len(real)), key=lambda k: (np.floor(real[k]) - real[k], k))
    assert [more[k] for k in by_rest] == sorted(more, reverse=True)
    assert max(more) - min(more) <= 1


def test_nothing_rounds_to_nothing():
    assert round_to_sum(np.zeros(0), 0).tolist() == []
