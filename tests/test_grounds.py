"""Grounds: what preferred rules concede and whom or_nothing leaves out is proven, and what is falsified is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from fundalloc import ConflictError, DifferenceError, Fund, SolverError, concession_prices, decision, yielding
from fundalloc.cli.app import run
from fundalloc.concessions import OPEN, Yield, yields
from fundalloc.elimination import Loop
from fundalloc.highs import run as solved
from fundalloc.policy import parse_policy
from fundalloc.rules import Rows
from fundalloc.solve import about_possible, dearest
from fundalloc.sparse import vstack
from fundalloc.system import supply_rows
from fundalloc.verification import verify
from fundalloc.yielding import Yielded, yielded
from tests.funds import SUPPLY, history, policy, regions
from tests.test_verification import Folder

SEEDS = (*range(14), 22, 29, 82, 91)
LAND = {
    "supply": 1000,
    "lot": 0.01,
    "unit": "ha",
    "criteria": [{"name": "p", "weight": 1, "measure": "population"}],
}


def wishes(seed: int) -> Fund:
    """A fund of two resources in which two to five preferred rules cannot be kept together."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 14))
    frame = regions(rng, n, zeros=0.2 * (seed % 3 == 0))
    past = history(frame, rng)
    mean = SUPPLY / frame["population"].sum()
    hold = {"kind": "limit", "name": "hold", "of": "previous", "floor": 0.8, "cap": 1.3, "resource": "fund"}
    wished: list[dict[str, Any]] = [
        {"name": "heads", "of": "head", "floor": float(rng.uniform(0.9, 1.2) * mean), "resource": "fund"},
        {"name": "states", "of": "entitlement", "each": "state", "floor": float(rng.uniform(0.95, 1.1))},
        {"name": "caps", "of": "share", "cap": float(rng.uniform(0.7, 2) / n), "resource": "fund"},
        {"name": "land", "of": "share", "each": "state", "cap": float(rng.uniform(0.1, 0.4)), "resource": "land"},
        {"name": "last", "of": "previous", "floor": float(rng.uniform(0.95, 1.1)), "resource": "fund"},
        {"name": "link", "kind": "link", "resource": "land", "to": "fund", "floor": float(rng.uniform(0.9, 1.1))},
    ]
    chosen = rng.choice(len(wished), size=int(rng.integers(2, 5)), replace=False)
    rules = [hold, *({"kind": "limit", "mode": "prefer", **wished[k]} for k in chosen)]
    return Fund(parse_policy(policy(rules, resources={"land": LAND})), frame, past)


@dataclass(frozen=True)
class Made:
    """A fund, what is left of its rules, and what yields."""

    fund: Fund
    found: Yielded

    @property
    def yields(self) -> list[Yield]:
        given = [(which, g) for which, g in self.found.concessions.items() if g.any()]
        return [of(self.fund, self.found, which, g) for which, g in given]


def of(fund: Fund, found: Yielded, which: tuple[str, str], given: np.ndarray) -> Yield:
    """A rule that yields, beside what it yields to."""
    one = next(s for s in fund.rows if (s.rule, s.resource) == which)
    nobody = np.zeros(fund.problem.cells, dtype=bool)
    assert isinstance(one, Rows)
    return yields(fund.problem, fund.rows, found.statements, one, given, nobody)


@pytest.fixture(scope="module")
def made() -> list[Made]:
    """The funds, and what yields in them; of three of them hardly any room is left for the last rules."""
    return [
        Made(fund, yielded(fund.problem, fund.rows, np.zeros(fund.problem.cells, dtype=bool)))
        for fund in map(wishes, SEEDS)
    ]


def prices(one: Yield) -> np.ndarray:
    found = dearest(one.base, np.asarray(one.stated.matrix.T @ one.pulls))
    assert found is not None
    return np.concatenate(found)


def least(one: Yield) -> float:
    """By how much less than is stated the weighted shortfalls can be, by a linear program of its own."""
    base, stated, size = one.base, one.stated, one.base.problem.size
    supply, totals = supply_rows(base)
    rows = vstack([base.matrix, -base.matrix], format="csr").toarray() * size
    bounds = np.concatenate([base.row_high, -base.row_low])
    some = np.isfinite(bounds)
    pulls = np.asarray(stated.matrix.T @ one.pulls) * size
    found = linprog(
        -pulls,
        A_ub=rows[some] / np.abs(rows[some]).max(axis=1, keepdims=True),
        b_ub=bounds[some] / np.abs(rows[some]).max(axis=1),
        A_eq=supply.toarray(),
        b_eq=totals,
        bounds=[(a, min(b, 1.0)) for a, b in zip(base.low / size, base.high / size, strict=True)],
    )
    assert found.status == 0
    bound = np.where(one.lower, stated.low, stated.high)
    need = float(one.pulls[one.given > 0] @ bound[one.given > 0]) + float(found.fun)
    return (float(np.abs(one.pulls) @ one.given) - need) / float(np.abs(one.pulls) @ one.size)


def test_no_prices_prove_more_than_another_linear_program_allows(made):
    rng = np.random.default_rng(1)
    tried = 0
    for one in (y for m in made for y in m.yields):
        true, right = least(one), prices(one)
        for some in (right, 0 * right, right * rng.uniform(0.5, 1.5, len(right)), rng.normal(size=len(right))):
            lacks = one.lacks(some)
            assert lacks is None or lacks >= true - 1e-8
            tried += 1
        best = one.lacks(right)
        assert best is not None and best <= true + 1e-8
    assert tried > 60


def test_nearly_all_that_rules_concede_is_proven_to_be_the_least(made):
    found = [one.lacks(prices(one)) for m in made for one in m.yields]
    assert all(one.fault() is None for m in made for one in m.yields)
    assert len(found) > 20
    assert sum(v is not None and v <= OPEN for v in found) >= 0.9 * len(found)


def falsified(one: Yield, given: np.ndarray) -> Yield:
    """The same rule with other concessions, and bounds that are loosened by them."""
    more = given - one.given
    low = np.where(one.lower, one.left.low - more, one.left.low)
    high = np.where(one.lower, one.left.high, one.left.high + more)
    return Yield(one.base, one.stated, replace(one.left, low=low, high=high), given)


def test_a_little_more_than_the_least_is_not_proven_whatever_the_prices(made):
    tried = 0
    for one in (y for m in made for y in m.yields):
        for more in (1e-3, 1e-6):
            false = falsified(one, np.where(one.given > 0, one.given + more * one.size, 0.0))
            lacks = false.lacks(prices(false))
            assert lacks is None or lacks > OPEN
            tried += 1
    assert tried > 40


def test_what_is_moved_from_one_place_to_another_is_not_proven_or_not_possible(made):
    tried = 0
    for one in (y for m in made for y in m.yields):
        places = np.flatnonzero(one.given > 0)
        if len(places) > 1:
            most, other = places[np.argsort(-one.given[places])[:2]]
            given = one.given.copy()
            part = 0.2 * min(given[most], given[other])
            given[most], given[other] = given[most] + part, given[other] - part
            false = falsified(one, given)
            lacks = false.lacks(prices(false))
            possible = about_possible(one.base.joined((false.left,)))
            assert lacks is None or lacks > OPEN or not possible
            tried += possible
    assert tried > 10


def refused(folder: Path) -> str:
    """What `verify` says against a folder."""
    with pytest.raises(DifferenceError) as caught:
        verify(folder)
    assert run(["verify", str(folder)]) == 6
    return str(caught.value)


def concedes(change: Callable[[np.ndarray, Rows], np.ndarray]) -> Callable[..., Yielded]:
    """`yielded` with other concessions than the least, and all bounds loosened by them."""

    def wrong(problem: Any, statements: Any, out: Any) -> Yielded:
        found = yielded(problem, statements, out)
        kept, concessions = list(found.statements), dict(found.concessions)
        for which, given in found.concessions.items():
            k = next(k for k, s in enumerate(kept) if (s.rule, s.resource) == which)
            now = kept[k]
            assert isinstance(now, Rows)
            concessions[which] = change(given, now)
            kept[k] = replace(now, low=now.low - (concessions[which] - given))
        return Yielded(tuple(kept), concessions)

    return wrong


def floors(seed: int) -> Fund:
    """A wish for each region, and one for each group, beside a floor that leaves too little for them."""
    rng = np.random.default_rng(seed)
    frame = regions(rng, 6)
    mean = SUPPLY / frame["population"].sum()
    rules = [
        {"kind": "limit", "name": "hold", "of": "entitlement", "floor": 0.8},
        {"kind": "limit", "name": "heads", "of": "head", "floor": 1.05 * mean, "mode": "prefer"},
        {"kind": "limit", "name": "coasts", "each": "coast", "of": "entitlement", "floor": 1.02, "mode": "prefer"},
    ]
    return Fund(parse_policy(policy(rules)), frame)


def moved(given: np.ndarray, rows: Rows) -> np.ndarray:
    """A fifth of the second largest concession taken from it and added to the largest one."""
    if len(given) < 3:
        return given
    most, other = np.argsort(-given)[:2]
    changed = given.copy()
    changed[most] += 0.2 * given[other]
    changed[other] -= 0.2 * given[other]
    return changed


WRONG: dict[str, Callable[[np.ndarray, Rows], np.ndarray]] = {
    "a little more": lambda given, rows: np.where(given > 0, given + 1e-5 * SUPPLY, 0.0),
    "moved": moved,
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("seed", range(3))
def test_a_round_with_other_concessions_than_the_least_is_refused(name, seed, tmp_path, monkeypatch):
    """Whoever falsifies it has all that follows computed anew, and the best prices that there are."""
    floors(seed).allocate().write(tmp_path / "true")
    said = verify(tmp_path / "true").sentences
    assert "What preferred rules concede (heads, coasts) is the least" in said[0] and "yield" not in said[1]
    monkeypatch.setattr(decision, "yielded", concedes(WRONG[name]))
    monkeypatch.setattr(concession_prices, "OPEN", 1.0)
    floors(seed).allocate().write(tmp_path / "false")
    words = 'It is not proven that the preferred rule "heads" concedes the least'
    assert words.lower() in refused(tmp_path / "false").lower()
    it = Folder(tmp_path / "false")
    for entry in it.certificate["choices"]["yielded"]:
        entry["prices"] = None
    said = verify(it.write(tmp_path / "unproven")).sentences
    assert "is the least" not in said[0] and "that preferred rules had to yield as far as they did" in said[1]


def test_rules_that_yield_in_another_order_are_refused(tmp_path, monkeypatch):
    def backwards(problem: Any, statements: Any, out: Any) -> Yielded:
        found = yielded(problem, list(statements)[::-1], out)
        order = {(s.rule, s.resource): k for k, s in enumerate(statements)}
        return Yielded(
            tuple(sorted(found.statements, key=lambda s: order[s.rule, s.resource])),
            dict(sorted(found.concessions.items(), key=lambda item: order[item[0]])),
        )

    monkeypatch.setattr(decision, "yielded", backwards)
    monkeypatch.setattr(concession_prices, "OPEN", 1.0)
    floors(0).allocate().write(tmp_path / "out")
    assert "concedes the least" in refused(tmp_path / "out")


def test_a_concession_has_to_be_what_its_bound_is_loosened_by(tmp_path):
    floors(0).allocate().write(tmp_path / "out")
    for change in (
        lambda e: e["concessions"].__setitem__(0, e["concessions"][0] - 1.0),
        lambda e: e["concessions"].__setitem__(0, e["concessions"][0] + 1.0),
        lambda e: e["concessions"].__setitem__(0, -1.0),
        lambda e: e["concessions"].__setitem__(0, None),
    ):
        it = Folder(tmp_path / "out")
        change(it.certificate["choices"]["yielded"][0])
        assert "but its bound is loosened by" in refused(it.write(tmp_path / "false"))
    it = Folder(tmp_path / "out")
    entry = it.certificate["choices"]["yielded"][0]
    del entry["low"], entry["high"]
    assert "is left out, but it has a bound" in refused(it.write(tmp_path / "false"))
    it = Folder(tmp_path / "out")
    it.certificate["choices"]["yielded"][0]["prices"] = []
    assert "concedes the least" in refused(it.write(tmp_path / "false"))


def test_no_curve_concedes_other_than_its_bound_says(tmp_path):
    frame = regions(np.random.default_rng(1), 5)
    rules = [
        {"kind": "limit", "name": "hold", "of": "entitlement", "floor": 0.9},
        {"kind": "inequality", "name": "even", "measure": "hoover", "at_most": 0.001, "mode": "prefer"},
    ]
    Fund(parse_policy(policy(rules)), frame).allocate().write(tmp_path / "out")
    assert "that preferred rules had to yield as far as they did" in verify(tmp_path / "out").sentences[1]
    it = Folder(tmp_path / "out")
    it.certificate["choices"]["yielded"][0]["concessions"][0] += 1e-6
    assert "but its bound is loosened by" in refused(it.write(tmp_path / "false"))


def statute(seed: int) -> Fund:
    """A fund in which several places stay below a floor that they keep or get nothing."""
    rng = np.random.default_rng(seed)
    frame = regions(rng, 10)
    rules = [
        {"kind": "limit", "name": "cap", "of": "share", "cap": 0.4},
        {"kind": "limit", "name": "least", "of": "share", "floor": 0.06, "or_nothing": True},
    ]
    return Fund(parse_policy(policy(rules)), frame)


@pytest.mark.parametrize("seed", range(4))
def test_whom_or_nothing_leaves_out_is_proven_and_nobody_else_can_be(seed, tmp_path, monkeypatch):
    statute(seed).allocate().write(tmp_path / "true")
    said = verify(tmp_path / "true").sentences
    assert "Whom or_nothing leaves out follows place by place" in said[0]
    assert "leave out" not in said[1]
    right = Loop.furthest_below

    def another(self: Loop, out: np.ndarray, amounts: np.ndarray) -> np.ndarray | None:
        """Who has most goes first."""
        found = right(self, out, amounts)
        return found if found is None or out.any() else np.array([int(np.argmax(amounts))])

    def early(self: Loop, out: np.ndarray, amounts: np.ndarray) -> np.ndarray | None:
        return right(self, out, amounts) if not out.any() else None

    def late(self: Loop, out: np.ndarray, amounts: np.ndarray) -> np.ndarray | None:
        found = right(self, out, amounts)
        least = np.flatnonzero(amounts == amounts[amounts > 0].min())
        return least if found is None and self.seen == [] and not self.seen.append(1) else found

    refusals = 0
    for wrong in (another, early, late):
        with monkeypatch.context() as patched:
            patched.setattr(Loop, "furthest_below", wrong)
            patched.setattr(Loop, "seen", [], raising=False)
            try:
                statute(seed).allocate().write(tmp_path / "false")
            except (ConflictError, SolverError):
                continue
        if Folder(tmp_path / "false").certificate["choices"] != Folder(tmp_path / "true").certificate["choices"]:
            assert "or_nothing" in refused(tmp_path / "false")
            refusals += 1
    assert refusals >= 2


def test_a_proof_of_or_nothing_that_is_cut_or_changed_is_refused(tmp_path):
    statute(0).allocate().write(tmp_path / "out")
    for change in (
        lambda steps: steps.pop(),
        lambda steps: steps.append(steps[-1]),
        lambda steps: steps.clear(),
        lambda steps: steps[0]["rows"].append([99, 1.0]),
        lambda steps: steps[0]["supplies"].append(["x", 1.0]),
    ):
        it = Folder(tmp_path / "out")
        change(it.certificate["choices"]["eliminated"])
        assert refused(it.write(tmp_path / "false"))
    it = Folder(tmp_path / "out")
    it.certificate["choices"]["eliminated"] = None
    said = verify(it.write(tmp_path / "unproven")).sentences
    assert "that or_nothing had to leave out whom it leaves out" in said[1] and "or_nothing" not in said[0]


def test_nothing_is_added_where_no_rule_asks_for_it(tmp_path):
    frame = regions(np.random.default_rng(1), 5)
    rules = [{"kind": "limit", "name": "hold", "of": "entitlement", "floor": 0.9}]
    Fund(parse_policy(policy(rules)), frame).allocate().write(tmp_path / "out")
    choices = json.loads((tmp_path / "out" / "certificate.json").read_bytes())["choices"]
    assert list(choices) == ["whole", "shares", "out", "yielded"] and choices["yielded"] == []


@pytest.mark.parametrize("lie", ["more", "another", "nothing", "not found"])
def test_what_a_solver_says_wrongly_of_concessions_is_not_taken(lie, monkeypatch):
    fund = wishes(22)
    nobody = np.zeros(fund.problem.cells, dtype=bool)
    true = yielded(fund.problem, fund.rows, nobody)

    def wrong(program, **options):
        status, found = solved(program, **options)
        told.append(status)
        moved = found[fund.problem.cells :]
        moved[...] = {"more": 1.1 * moved, "another": moved[::-1], "nothing": 0 * moved, "not found": moved}[lie]
        return ("Infeasible" if lie == "not found" else status), found

    told: list[str] = []
    monkeypatch.setattr(yielding, "run", wrong)
    with pytest.raises(SolverError, match=r'"land" has to yield; .* ask for less, or only watch it: mode = "watch"'):
        yielded(fund.problem, fund.rows, nobody)
    assert told == ["Optimal"]
    monkeypatch.setattr(yielding, "run", solved)
    again = yielded(fund.problem, fund.rows, nobody)
    assert all((again.concessions[k] == given).all() for k, given in true.concessions.items())


def test_bounds_are_in_whole_lots_where_they_can_be_resource_by_resource(tmp_path):
    """What is conceded on land leaves no whole lots; the limits on the money are kept to the cent."""
    found = wishes(55).allocate()
    assert found.decision.system.whole == (True, False)
    found.write(tmp_path / "out")
    assert verify(tmp_path / "out").gap == 0
    it = Folder(tmp_path / "out")
    assert it.certificate["choices"]["whole"] == [True, False]
    for wrong in ([False, True], [True, True], [False, False], [True], [], True, None, "TF", [True, False, True]):
        it.certificate["choices"]["whole"] = wrong
        with pytest.raises(DifferenceError):
            verify(it.write(tmp_path / "false"))
