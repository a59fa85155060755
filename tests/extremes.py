"""Funds of extreme numbers around whole lots that keep all their rules, and what their rules ask for in fractions."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from fundalloc import Allocation, Fund
from fundalloc.policy import parse_policy
from tests.funds import policy

MOST = 2**53


@dataclass(frozen=True)
class Limit:
    """low <= the amounts of the members added up <= high."""

    members: tuple[int, ...]
    low: Fraction | None
    high: Fraction | None


@dataclass
class Extreme:
    """A fund, the lots of each region in an allocation that keeps its rules, and its rules in fractions.

    hidden, in the order of the rows: None where no allocation keeps the rules. limits: what they say of amounts.
    """

    fund: Fund
    frame: pd.DataFrame
    lot: Fraction
    total: int
    hidden: list[int] | None
    limits: list[Limit] = field(default_factory=list)


def shared(weights: np.ndarray, total: int) -> list[int]:
    """Whole lots in proportion to weights."""
    parts = [Fraction(float(w)) for w in weights]
    size = sum(parts)
    exact = [p * total / size for p in parts]
    lots = [int(e) for e in exact]
    order = sorted(range(len(lots)), key=lambda k: (lots[k] - exact[k], k))
    for k in order[: total - sum(lots)]:
        lots[k] += 1
    return lots


def spread(rng: np.random.Generator, n: int, most: float) -> np.ndarray:
    """Numbers between 1 and 10 ** most, their logarithms spread evenly; sometimes all equal."""
    return np.full(n, 10 ** rng.uniform(0, most)) if rng.random() < 0.15 else 10 ** rng.uniform(0, most, n)


class Maker:
    """Makes one extreme fund: numbers first, then rules around the hidden lots."""

    def __init__(self, seed: int, *, most: int = 30, lots: int | None = None, wide: float = 9.0) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.n = n = int(rng.choice([1, 2, 3, int(rng.integers(2, most + 1)), most]))
        self.lot = Fraction(str(rng.choice(["0.01", "0.25", "1", "1000"])))
        power = rng.uniform(0, min(15.9, 16 - np.log10(float(self.lot))))
        self.total = lots if lots is not None else max(1, min(int(10**power), MOST - 1))
        people = np.maximum(1, np.rint(spread(rng, n, 10))).astype(np.int64)
        need = spread(rng, n, wide) / 10**wide
        need[rng.random(n) < rng.choice([0.0, 0.0, 0.3])] = 0.0
        need[int(rng.integers(n))] = 1.0
        self.frame = pd.DataFrame(
            {
                "id": [f"R{i:05d}" for i in rng.permutation(n)],
                "name": [f"Region {i}" for i in range(n)],
                "state": [f"S{s}" for s in rng.integers(0, max(1, n // 4), n)],
                "coast": rng.choice(["east", "west"], n),
                "population": people,
                "need": need,
            }
        )
        wants = people * need + 1e-30
        other = [wants, people.astype(float), np.ones(n), 10 ** rng.uniform(-9, 0, n), wants * rng.uniform(0.5, 2, n)]
        self.hidden = shared(other[int(rng.integers(len(other)))], self.total)
        self.slack = float(rng.choice([0.0, 1e-12, 1e-9, 1e-6, 0.01, 0.3]))
        self.rules: list[dict[str, Any]] = []
        self.limits: list[Limit] = []
        self.columns: dict[str, np.ndarray] = {}

    def amount(self, members: np.ndarray) -> Fraction:
        return sum((self.hidden[int(k)] for k in members), 0) * self.lot

    def sides(self, about: Fraction) -> tuple[float, float]:
        """Bounds below and above a number, as far as the slack says."""
        low, high = float(about) * (1 - self.slack), float(about) * (1 + self.slack)
        return (low, high) if self.slack else (float(about), float(about))

    def add(self, members: np.ndarray, low: float | None, high: float | None, **fields: Any) -> None:
        """A limit on the amount of some regions, named by a column of their own or by their id."""
        name = f"rule {len(self.rules)}"
        numbers = {k: v for k, v in (("floor", low), ("cap", high)) if v is not None}
        if len(members) == 1:
            where = {"where": f'id == "{self.frame["id"][int(members[0])]}"'}
        elif len(members) == self.n:
            where = {"each": "all"}
        else:
            column = f"g{len(self.columns)}"
            self.columns[column] = np.isin(np.arange(self.n), members).astype(int)
            where = {"where": f"{column} == 1", "each": "all"}
        self.rules.append({"kind": "limit", "name": name, "of": "amount", **numbers, **where, **fields})
        bounds = [None if v is None else Fraction(v) for v in (low, high)]
        self.limits.append(Limit(tuple(int(k) for k in members), bounds[0], bounds[1]))

    def some(self) -> np.ndarray:
        """Random members."""
        count = int(self.rng.integers(1, self.n + 1))
        return np.sort(self.rng.choice(self.n, count, replace=False))

    def around(self, members: np.ndarray) -> None:
        """A limit around the hidden amounts of some members."""
        low, high = self.sides(self.amount(members))
        kind = self.rng.integers(3)
        self.add(members, low if kind != 1 else None, high if kind != 0 else None)

    def heads(self, each: str) -> None:
        """A floor and a cap a head on all places."""
        labels = self.frame["id" if each == "region" else each].to_numpy()
        places = [np.flatnonzero(labels == g) for g in dict.fromkeys(labels)]
        people = [int(self.frame["population"].to_numpy()[p].sum()) for p in places]
        ratios = [self.amount(p) / q for p, q in zip(places, people, strict=True)]
        slack = max(self.slack, 1e-15)
        low, high = float(min(ratios)) * (1 - slack), float(max(ratios)) * (1 + slack)
        self.rules.append(
            {
                "kind": "limit",
                "name": f"rule {len(self.rules)}",
                "of": "head",
                "each": each,
                "floor": low,
                "cap": high,
            }
        )
        for place, q in zip(places, people, strict=True):
            self.limits.append(Limit(tuple(place.tolist()), Fraction(low) * q, Fraction(high) * q))

    def twice(self) -> None:
        """Every rule stated again."""
        self.rules += [{**r, "name": f"{r['name']} again"} for r in self.rules]

    def done(self, *, possible: bool = True, **more: Any) -> Extreme:
        frame = pd.concat([self.frame, pd.DataFrame(self.columns)], axis=1)
        lot = Decimal(self.lot.numerator) / Decimal(self.lot.denominator)
        supply = Decimal(self.total) * lot
        resource = {"supply": supply, "lot": lot, **more.pop("resource", {})}
        found = Fund(parse_policy(policy(self.rules, fund=resource, **more)), frame)
        return Extreme(found, frame, self.lot, self.total, self.hidden if possible else None, self.limits)


def bare(seed: int) -> Extreme:
    """No rules at all."""
    return Maker(seed, most=60).done()


def few(seed: int) -> Extreme:
    """A handful of limits over regions, groups and heads, sometimes all given twice."""
    it = Maker(seed)
    for _ in range(int(it.rng.integers(1, 8))):
        it.around(it.some())
    for each in ("region", "state", "coast"):
        if it.rng.random() < 0.4:
            it.heads(each)
    if it.rng.random() < 0.4:
        it.twice()
    return it.done()


def many(seed: int) -> Extreme:
    """Three hundred limits over random groups."""
    it = Maker(seed, most=40)
    for _ in range(300):
        it.around(it.some())
    return it.done()


def places(seed: int) -> Extreme:
    """A floor and a cap for every single region, many of them met exactly."""
    it = Maker(seed, most=60)
    for k in range(it.n):
        it.slack = float(it.rng.choice([0.0, 0.0, 1e-9, 0.1, 10.0]))
        it.add(np.array([k]), max(it.sides(it.amount(np.array([k])))[0], 0.0), it.sides(it.amount(np.array([k])))[1])
    return it.done()


def tight(seed: int) -> Extreme:
    """Floors, or caps, that add up to the supply exactly: one allocation is left."""
    it = Maker(seed, most=60)
    it.slack = 0.0
    floors = it.rng.random() < 0.5
    parts = np.array_split(it.rng.permutation(it.n), int(it.rng.integers(1, it.n + 1)))
    for part in parts if it.rng.random() < 0.5 else [np.array([k]) for k in range(it.n)]:
        low, high = it.sides(it.amount(part))
        it.add(np.sort(part), low if floors else None, None if floors else high)
    return it.done()


def equal(seed: int) -> Extreme:
    """All regions are equal, and so are their bounds."""
    it = Maker(seed, most=40)
    it.frame["population"], it.frame["need"] = int(it.frame["population"][0]), 1.0
    it.hidden = shared(np.ones(it.n), it.total)
    low, high = float(min(it.hidden) * it.lot), float(max(it.hidden) * it.lot)
    for k in range(it.n):
        it.add(np.array([k]), low, high)
    for _ in range(int(it.rng.integers(0, 20))):
        it.around(it.some())
    return it.done()


def beyond(seed: int) -> Extreme:
    """Floors on parts that add up to one lot more than there is, or caps to one lot less: impossible."""
    it = Maker(seed, most=60)
    it.slack = 0.0
    floors = it.rng.random() < 0.5 or it.total <= it.n
    parts = np.array_split(it.rng.permutation(it.n), int(it.rng.integers(1, it.n + 1)))
    victim = next(k for k, p in enumerate(parts) if it.amount(p) > 0)
    for k, part in enumerate(parts):
        off = it.lot * (k == victim)
        about = it.amount(part)
        it.add(np.sort(part), float(about + off) if floors else None, None if floors else float(about - off))
    return it.done(possible=False)


def scarce(seed: int) -> Extreme:
    """Fewer lots than regions."""
    it = Maker(seed, most=40, lots=int(np.random.default_rng(seed).integers(1, 12)))
    for _ in range(int(it.rng.integers(0, 8))):
        it.around(it.some())
    return it.done()


def wild(seed: int) -> Extreme:
    """Limits without any allocation in mind: possible or not, as a linear program says."""
    it = Maker(seed, wide=3.0)
    for _ in range(int(it.rng.integers(1, 12))):
        members = it.some()
        about = float(it.amount(members)) * 10 ** it.rng.uniform(-0.3, 0.3)
        floor = it.rng.random() < 0.5
        it.add(members, about if floor else None, None if floor else about)
    made = it.done()
    made.hidden = it.hidden if missed(made) <= 1e-9 else None
    return made


def missed(it: Extreme) -> float:
    """By which part of the supply the limits have to be missed at least, by a linear program of SciPy's."""
    n, size = len(it.frame), float(it.total * it.lot)
    rows, bounds = [], []
    for one in it.limits:
        row = np.zeros(n + 1)
        row[list(one.members)] = 1.0
        for side, bound in ((-1.0, one.low), (1.0, one.high)):
            if bound is not None:
                rows.append(np.concatenate([side * row[:n], [-1.0]]))
                bounds.append(side * float(bound) / size)
    total = np.concatenate([np.ones(n), [0.0]])[np.newaxis, :]
    cost = np.concatenate([np.zeros(n), [1.0]])
    found = linprog(cost, np.array(rows), bounds, total, [1.0], bounds=(0, None))
    return float(found.fun)


CLASSES = {f.__name__: f for f in (bare, few, many, places, tight, equal, beyond, scarce, wild)}


def broken(it: Extreme, found: Allocation) -> str:
    """What the written amounts do not keep; empty where they keep everything."""
    written = found.sheets["allocation.csv"].columns
    by_id = dict(zip(written["region_id"], map(Fraction, written["amount"]), strict=True))
    amounts = [by_id[i] for i in it.frame["id"]]
    if any(a < 0 or a % it.lot for a in amounts):
        return "an amount is no whole number of lots"
    if sum(amounts) != it.total * it.lot:
        return "the amounts do not add up to the supply"
    system = found.decision.system
    nested = {
        tuple(sorted(system.matrix.indices[system.matrix.indptr[k] : system.matrix.indptr[k + 1]].tolist()))
        for k in np.flatnonzero(system.nested)
    }
    order = {i: k for k, i in enumerate(system.problem.regions.ids)}
    exact = all(found.decision.system.whole)
    for one in it.limits:
        value = sum((amounts[k] for k in one.members), Fraction(0))
        cells = tuple(sorted(order[it.frame["id"][k]] for k in one.members))
        firm = len(cells) == 1 or cells in nested
        lots = 0 if firm and exact else 1 if firm else len(cells)
        room = it.lot * (Fraction(1, 10**9) + lots) + value / (10**14 if firm else 10**9)
        if (one.low is not None and value < one.low - room) or (one.high is not None and value > one.high + room):
            return f"{len(cells)} members (firm {firm}, whole {exact}): {float(value)} is not in {one.low}, {one.high}"
    return ""
