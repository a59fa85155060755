"""leximin, alpha_fair and benefit: against naive formulations, what they promise, and textbook numbers."""

from __future__ import annotations

import warnings
from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd
import pyomo.environ as pyo
import pytest
from scipy.optimize import linprog

from fundalloc import Fund, InputError, SolverError
from fundalloc.attempts import Attempt
from fundalloc.choice import chosen
from fundalloc.decision import unrounded
from fundalloc.gains import Gains
from fundalloc.levels import raised
from fundalloc.objectives import coverages, utility, weights, worth
from fundalloc.policy import parse_policy
from fundalloc.problem import Problem
from fundalloc.system import System, assemble, supply_rows
from fundalloc.tangents import met
from tests.funds import SUPPLY, history, policy, random_rules, regions
from tests.test_fairness_rules import MEASURES, keeps

LAND = {"unit": "ha", "lot": 0.01, "supply": 1200, "criteria": [{"name": "p", "weight": 1, "measure": "population"}]}
ALPHAS = (0.5, 1.0, 2.0, 4.0)


def fund(seed: int, kind: str, *, values: bool, alpha: float | None = None, most: int = 12, apart: float = 0.6) -> Fund:
    """A random fund with three resources, rules on the money, and often caps and a link."""
    rng = np.random.default_rng(seed)
    frame = regions(rng, int(rng.integers(2, most)), zeros=0.2 if seed % 5 == 0 and kind != "alpha_fair" else 0.0)
    past = history(frame, rng)
    rules = random_rules(frame, past, rng)
    for j, supply in enumerate((SUPPLY, 1200, 500)):
        frame[f"v{j}"] = np.exp(rng.normal(0, apart, len(frame))) / supply
    if rng.random() < 0.5:
        cap = float(rng.uniform(1.2, 1.8))
        rules.append({"kind": "limit", "name": "not much more", "of": "entitlement", "cap": cap})
    if rng.random() < 0.5:
        rules.append({"kind": "link", "name": "l", "resource": "land", "to": "fund", "floor": 0.7, "cap": 1.4})
    own = [{"value": f"v{j}"} if values else {} for j in range(3)]
    more = {"land": {**LAND, **own[1]}, "places": {**LAND, "supply": 500, **own[2]}}
    stated = {"kind": kind, **({"alpha": alpha} if alpha else {})}
    return Fund(parse_policy(policy(rules, fund=own[0], resources=more, objective=stated)), frame, past)


def solved(found: Fund) -> tuple[System, Attempt] | None:
    """The stated rules as a system, and what the objective chooses; None where the rules cannot be kept."""
    for closed in (True, False):
        system = assemble(found.problem, found.rows, whole=False, closed=closed)
        if met(system, []).proven:
            tried = chosen(found.problem, found.rows, whole=False, closed=closed)
            assert tried.proven
            return system, tried
    return None


class Naive:
    """The rules of a system in shares, for programs that are written anew."""

    def __init__(self, system: System) -> None:
        problem = system.problem
        self.size = problem.size
        supply, totals = supply_rows(system)
        self.equal, self.totals = supply.toarray(), totals
        matrix = system.matrix.toarray() * self.size
        norm = np.maximum(np.abs(matrix).max(axis=1, initial=0.0), 1e-300)
        low, high = np.isfinite(system.row_low), np.isfinite(system.row_high)
        self.less = np.concatenate([-(matrix / norm[:, None])[low], (matrix / norm[:, None])[high]])
        self.bound = np.concatenate([-(system.row_low / norm)[low], (system.row_high / norm)[high]])
        self.low, self.high = system.low / self.size, np.minimum(system.high, self.size) / self.size

    def highest(self, cost: np.ndarray, more: np.ndarray, least: np.ndarray) -> np.ndarray:
        """The shares with the greatest cost @ shares where more @ shares >= least; cost may have a column t."""
        extra = len(cost) - len(self.low)
        pad = np.zeros((len(self.less), extra))
        found = linprog(
            -cost,
            A_ub=np.concatenate([np.hstack([self.less, pad]), -more]),
            b_ub=np.concatenate([self.bound, -least]),
            A_eq=np.hstack([self.equal, np.zeros((len(self.equal), extra))]),
            b_eq=self.totals,
            bounds=[*zip(self.low, self.high, strict=True), *[(None, None)] * extra],
        )
        assert found.status == 0
        return np.asarray(found.x)

    def constraints(self, x: Any) -> list[Any]:
        rules = [self.equal @ x == self.totals, x >= self.low, x <= self.high]
        return rules + ([self.less @ x <= self.bound] if len(self.less) else [])


def levels(problem: Problem, system: System) -> np.ndarray:
    """Levels x cells: what leximin and alpha_fair compare, for shares."""
    if problem.value is None:
        cells = np.flatnonzero(system.shares & (problem.target > 0))
        return np.eye(problem.cells)[cells] * (problem.size / np.maximum(problem.target, 1e-300))
    due = worth(problem, problem.target)
    rows = np.zeros((problem.n, problem.cells))
    for r in range(len(problem.resources)):
        for i in range(problem.n):
            cell = r * problem.n + i
            if due[i] > 0 and system.shares[cell]:
                rows[i, cell] = problem.value[cell] * problem.size[cell] / due[i]
    return rows[due > 0]


def leximin_one_by_one(task: Naive, rows: np.ndarray) -> np.ndarray:
    """Each level is raised by a program of its own: Ogryczak's way."""
    found = np.full(len(rows), np.nan)
    ones = np.ones((len(rows), 1))
    while np.isnan(found).any():
        live = np.isnan(found)
        least = np.where(live, 0.0, found * (1 - 1e-9))
        more = np.hstack([rows, np.where(live[:, None], -ones, 0.0)])
        level = float(task.highest(np.r_[np.zeros(rows.shape[1]), 1.0], more, least)[-1])
        least = np.where(live, level, found) * (1 - 1e-9)
        tops = {k: rows[k] @ task.highest(rows[k], rows, least) for k in np.flatnonzero(live)}
        held = [k for k, top in tops.items() if top <= level * (1 + 1e-6)]
        assert held
        found[held] = level
    return found


@pytest.mark.parametrize("values", [False, True], ids=["cells", "regions"])
def test_leximin_agrees_with_one_program_for_each_level(values):
    tried = different = 0
    for seed in range(30):
        answer = solved(fund(seed, "leximin", values=values))
        if answer is None:
            continue
        system, found = answer
        task, rows = Naive(system), levels(system.problem, system)
        mine = rows @ (found.optimum.amounts / task.size)
        assert np.abs(np.sort(mine) - np.sort(leximin_one_by_one(task, rows))).max() <= 1e-6
        tried += 1
        different += np.abs(found.optimum.amounts - met(system, []).optimum.amounts).max() > 1e-3
    assert tried >= 20 and different >= (1 if not values else 20)


@pytest.mark.parametrize("kind", ["leximin", "alpha_fair"])
def test_values_a_thousandfold_apart_are_decided(kind):
    compared = 0
    for seed in range(40):
        answer = solved(fund(seed, kind, values=True, apart=2.3))
        if answer is None:
            continue
        task, rows = Naive(answer[0]), levels(answer[0].problem, answer[0])
        mine = rows @ (answer[1].optimum.amounts / task.size)
        ones, nothing = np.ones((len(rows), 1)), np.zeros(rows.shape[1])
        if kind == "leximin":
            least = task.highest(np.r_[nothing, 1.0], np.hstack([rows, -ones]), np.zeros(len(rows)))[-1]
            assert abs(mine.min() - least) <= 1e-7 * least
            compared += 1
        elif (mine > 1e-9).all():
            weight = weights(answer[0].problem).reshape(-1, answer[0].problem.n).sum(axis=0)
            gain = (weight[worth(answer[0].problem, answer[0].problem.target) > 0] / mine) @ rows
            most = gain @ task.highest(gain / np.abs(gain).max(), rows, 0 * mine)
            assert most <= gain @ (answer[1].optimum.amounts / task.size) * (1 + 1e-6)
            compared += 1
    assert compared >= 25


def test_no_level_can_be_raised_without_lowering_one_that_is_no_better_off():
    for seed in range(8):
        answer = solved(fund(seed, "leximin", values=seed % 2 == 0))
        if answer is None:
            continue
        task, rows = Naive(answer[0]), levels(answer[0].problem, answer[0])
        mine = rows @ (answer[1].optimum.amounts / task.size)
        for k, own in enumerate(mine):
            least = np.where(mine <= own + 1e-9, mine - 1e-9, 0.0)
            assert rows[k] @ task.highest(rows[k], rows, least) <= own + 1e-6


def test_leximin_is_nearest_where_only_regions_and_nested_groups_are_limited():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frame = regions(rng, int(rng.integers(1, 60)), zeros=0.2 * (seed % 3 == 0))
        past = history(frame, rng)
        rules = [r for r in random_rules(frame, past, rng) if r.get("each") != "coast" and r.get("each") != "all"]
        found = Fund(parse_policy(policy(rules, objective={"kind": "leximin"})), frame, past)
        system = assemble(found.problem, found.rows, whole=False, closed=True)
        near = met(system, [])
        if not near.proven:
            continue
        assert system.nested.all()
        cells = np.flatnonzero(system.shares)
        matrix = np.eye(found.problem.cells)[cells]
        gains = Gains(type(system.matrix)(matrix), found.problem.target[cells], tuple(map(str, cells)))
        last = raised(system, gains)
        assert last is not None and last.proven
        apart = np.abs(last.optimum.amounts - near.optimum.amounts)
        assert apart.max() <= 1e-8 * SUPPLY / found.problem.n


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("values", [False, True], ids=["cells", "regions"])
def test_alpha_fair_agrees_with_clarabel(alpha, values):
    tried = 0
    for seed in range(14):
        answer = solved(fund(seed, "alpha_fair", values=values, alpha=alpha))
        if answer is None:
            continue
        system, found = answer
        task, rows = Naive(system), levels(system.problem, system)
        _, weight = coverages(system.problem, system.problem.target)
        x = cp.Variable(len(task.low))
        level = rows @ x
        sum_ = weight @ (cp.log(level) if alpha == 1 else cp.power(level, 1 - alpha) / (1 - alpha))
        program = cp.Problem(cp.Maximize(sum_), task.constraints(x))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program.solve(solver=cp.CLARABEL)
        assert program.status in ("optimal", "optimal_inaccurate")
        mine = rows @ (found.optimum.amounts / task.size)
        # never worse than Clarabel's answer, which is exact to some 1e-7
        assert weight @ utility(mine, alpha) >= float(sum_.value) - 1e-6 * (1 + abs(float(sum_.value)))
        assert np.abs(mine - rows @ x.value).max() <= 2e-3
        tried += 1
    assert tried >= 9


@pytest.mark.parametrize("values", [False, True], ids=["cells", "regions"])
def test_proportional_fairness_no_alternative_gains_more_in_proportion_than_it_loses(values):
    for seed in range(6):
        answer = solved(fund(seed, "alpha_fair", values=values))
        if answer is None:
            continue
        task, rows = Naive(answer[0]), levels(answer[0].problem, answer[0])
        _, weight = coverages(answer[0].problem, answer[0].problem.target)
        mine = rows @ (answer[1].optimum.amounts / task.size)
        rng, none, nothing = np.random.default_rng(seed), np.zeros((0, len(task.low))), np.zeros(0)
        alternatives = [rows @ task.highest(rng.normal(size=len(task.low)), none, nothing) for _ in range(10)]
        alternatives.append(rows @ task.highest(weight / mine @ rows, none, nothing))
        for other in alternatives:
            assert weight @ ((other - mine) / mine) <= 1e-7


def market(values: list[list[float]], budgets: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Amounts (buyers x goods) and prices of a Fisher market with one unit of each good."""
    frame = pd.DataFrame({"id": [f"b{k}" for k in range(len(budgets))], "budget": budgets})
    names = [f"good{j}" for j in range(len(values[0]))]
    for j, name in enumerate(names):
        frame[f"v_{name}"] = [v[j] for v in values]
    criteria = [{"name": "budget", "weight": 1, "measure": "budget"}]
    stated = {
        "format": 1,
        "fund": {"round": "1"},
        "regions": {"id": "id"},
        "objective": {"kind": "alpha_fair"},
        "resources": {n: {"supply": 1, "lot": 1e-6, "criteria": criteria, "value": f"v_{n}"} for n in names},
    }
    decision = Fund(parse_policy(stated), frame).allocate().decision
    amounts = decision.optimum.amounts.reshape(len(names), -1).T
    return amounts, decision.worth * sum(budgets) / len(names)


def test_fisher_markets_with_known_prices():
    # both want a good of their own: each price is the whole budget of who wants it
    amounts, prices = market([[1, 0], [0, 1]], [10, 30])
    assert amounts == pytest.approx(np.eye(2), abs=1e-9)
    assert prices == pytest.approx([10, 30], rel=1e-9)
    # all alike: prices in proportion to the values, amounts to the budgets
    amounts, prices = market([[1, 3], [1, 3]], [1, 3])
    assert amounts == pytest.approx(np.array([[0.25, 0.25], [0.75, 0.75]]), abs=1e-9)
    assert prices == pytest.approx([1, 3], rel=1e-9)
    # the second buyer is between the goods: 2/1 = p2/p1 and p1 + p2 = 4, so prices 4/3 and 8/3; the first spends
    # its budget of 1 on the first good alone, the second the other third and all of the second good
    amounts, prices = market([[1, 1], [1, 2]], [1, 3])
    assert prices == pytest.approx([4 / 3, 8 / 3], rel=1e-9)
    assert amounts == pytest.approx(np.array([[0.75, 0.0], [0.25, 1.0]]), abs=1e-9)


def test_every_region_spends_its_budget_on_what_is_best_for_the_money():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        values, budgets = np.exp(rng.normal(size=(9, 3))), rng.uniform(1, 5, 9)
        amounts, prices = market(values.tolist(), budgets.tolist())
        assert amounts @ prices == pytest.approx(budgets, rel=1e-8)
        bang = values / prices
        assert ((amounts < 1e-9) | (bang >= bang.max(axis=1, keepdims=True) * (1 - 1e-8))).all()


def test_benefit_is_the_greatest_total_and_among_equals_the_nearest():
    tried = 0
    for seed in range(24):
        found = fund(seed, "benefit", values=True)
        if seed % 2:  # few values, so that many allocations are equally good
            found.problem.__dict__["value"] = (
                np.round(found.problem.value * found.problem.size * 2) / found.problem.size
            )
        answer = solved(found)
        if answer is None:
            continue
        system, attempt = answer
        task, value = Naive(system), system.problem.value * system.problem.size
        none = np.zeros((0, len(value)))
        best = float(value @ task.highest(value, none, np.zeros(0)))
        mine = attempt.optimum.amounts / task.size
        assert value @ mine >= best * (1 - 1e-9)
        if not (system.problem.target > 0).all():
            continue
        x = cp.Variable(len(value))
        e, d = system.problem.target / task.size, system.problem.softness / task.size
        apart = cp.sum_squares(cp.multiply(x - e, 1 / np.sqrt(d)))
        program = cp.Problem(cp.Minimize(apart), [*task.constraints(x), value @ x >= best * (1 - 1e-9)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program.solve(solver=cp.CLARABEL)
        assert np.abs(mine - x.value).max() <= 1e-3
        tried += 1
    assert tried >= 9


def awards(claims: list[float], estate: float) -> list[float]:
    """Leximin of what claimants with equal rights get, none more than its claim."""
    stated = {
        "format": 1,
        "fund": {"round": "1"},
        "regions": {"id": "id"},
        "objective": {"kind": "leximin"},
        "resources": {"e": {"supply": estate, "lot": 1e-6, "criteria": [{"name": "p", "weight": 1, "measure": "1"}]}},
        "rules": [{"kind": "limit", "name": "claim", "of": "claim", "cap": 1}],
    }
    frame = pd.DataFrame({"id": ["a", "b", "c"], "claim": claims})
    return Fund(parse_policy(stated), frame).allocate().decision.amounts.tolist()


def test_constrained_equal_awards_and_the_talmud_are_leximin_of_awards():
    assert awards([100, 200, 300], 200) == pytest.approx([200 / 3] * 3, abs=2e-6)
    assert awards([100, 200, 300], 500) == pytest.approx([100, 200, 200], abs=1e-9)
    # up to half of all claims the Talmud divides half-claims this way (Aumann and Maschler 1985)
    assert awards([50, 100, 150], 100) == pytest.approx([100 / 3] * 3, abs=2e-6)
    assert awards([50, 100, 150], 200) == pytest.approx([50, 75, 75], abs=1e-9)
    assert awards([50, 100, 150], 300) == pytest.approx([50, 100, 150], abs=1e-9)


@pytest.mark.parametrize("kind", ["leximin", "alpha_fair"])
def test_the_unit_of_a_regions_values_and_of_a_resource_changes_nothing(kind):
    for seed in range(4):
        found = fund(seed, kind, values=True)
        answer = solved(found)
        if answer is None:
            continue
        factor = np.tile(np.where(np.arange(found.problem.n) == 0, 1000.0, 1.0), 3)
        found.problem.__dict__["value"] = found.problem.value * factor
        again = solved(found)
        assert again is not None
        apart = np.abs(answer[1].optimum.amounts - again[1].optimum.amounts) / found.problem.size
        assert apart.max() <= 1e-8


def test_weights_of_all_cells_of_a_resource_add_up_to_one():
    problem = fund(1, "alpha_fair", values=False).problem
    assert weights(problem).reshape(3, -1).sum(axis=1) == pytest.approx(1)


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "alpha without alpha_fair": ({"kind": "leximin", "alpha": 1}, {}, ["objective.alpha", "belongs to alpha_fair"]),
    "alpha too large": ({"kind": "alpha_fair", "alpha": 9}, {}, ["objective.alpha", "4"]),
    "benefit without value": ({"kind": "benefit"}, {}, ["resources.fund.value", "resources.land.value"]),
    "value of one resource": ({"kind": "leximin"}, {"value": "need"}, ["resources.land.value", "of every resource"]),
    "value below nothing": ({"kind": "benefit"}, {"value": "0 - need"}, ["resources.fund.value", "less than nothing"]),
    "open supply": (
        {"kind": "leximin"},
        {"supply": "open", "criteria": [{"name": "x", "rate": 1, "measure": "population"}]},
        ["resources.fund.supply", "without a limit"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_an_objective_cannot_use_is_a_fault_that_says_what_to_write(name):
    objective, money, texts = FAULTS[name]
    land = {**LAND, **({"value": "need"} if name == "value below nothing" else {})}
    frame = regions(np.random.default_rng(0), 4)
    with pytest.raises(InputError) as caught:
        Fund(parse_policy(policy([], fund=money, resources={"land": land}, objective=objective)), frame).allocate()
    for text in texts:
        assert text in str(caught.value)


@pytest.mark.parametrize("kind", ["leximin", "alpha_fair", "benefit"])
def test_what_a_user_adds_to_the_model_is_obeyed_under_every_objective(kind):
    rules = [
        {"kind": "limit", "name": "coasts", "each": "coast", "of": "entitlement", "floor": 0.98},
        {"kind": "limit", "name": "some", "of": "share", "each": "all", "where": "need > 0.6", "floor": 0.8},
        {"kind": "limit", "name": "cap", "of": "share", "cap": 0.3},
    ]
    value = {"value": "need"} if kind == "benefit" else {}
    frame = regions(np.random.default_rng(4), 9)
    found = Fund(parse_policy(policy(rules, fund=value, objective={"kind": kind})), frame)
    before = found.allocate()
    model = found.model()
    region = found.regions.ids[int(np.argmax(before.decision.amounts[: found.problem.n]))]
    own = before.table.set_index(["region_id", "resource"])["amount"][region, "fund"]
    model.extra = pyo.Constraint(expr=model.amount[region, "fund"] <= 0.999 * own)
    after = found.allocate(model=model)
    row = after.table.set_index(["region_id", "resource"]).loc[(region, "fund")]
    assert row["amount"] == pytest.approx(0.999 * own, abs=0.011)
    assert "extra" in row["held_by"]


@pytest.mark.parametrize("measure", ["gini", "ratio", "hoover"])
def test_leximin_beside_inequality_cannot_be_raised_anywhere(measure):
    for seed in range(4):
        frame = regions(np.random.default_rng(seed), 8)
        bound = 2.0 if measure == "ratio" else 0.1
        rules = [{"kind": "inequality", "name": "even", "measure": measure, "at_most": bound}]
        found = Fund(parse_policy(policy(rules, objective={"kind": "leximin"})), frame)
        decision = found.allocate().decision
        mine = decision.optimum.amounts / found.problem.target
        e = found.problem.target / SUPPLY
        people = np.asarray(found.regions.population)
        free = not any(b.rows.rule == "even" and b.binds.any() for b in decision.bindings)
        for k in range(8):
            x = cp.Variable(8)
            level = cp.multiply(x, 1 / e)
            least = [level[j] >= mine[j] - 1e-7 for j in range(8) if mine[j] <= mine[k] + 1e-5]
            rule = [] if free else keeps(measure, x, people, bound)
            task = cp.Problem(cp.Maximize(level[k]), [cp.sum(x) == 1, x >= 0, *least, *rule])
            task.solve(solver=cp.CLARABEL)
            assert level.value[k] <= mine[k] + 2e-4, (seed, k)


def test_leximin_that_cannot_be_proven_says_what_else_to_ask_for(monkeypatch):
    monkeypatch.setattr("fundalloc.curved_levels.LEVELS", -1.0)
    rules = [{"kind": "inequality", "name": "even", "measure": "gini", "at_most": 0.1}]
    frame = regions(np.random.default_rng(0), 14)
    found = Fund(parse_policy(policy(rules, objective={"kind": "leximin"})), frame)
    with pytest.raises(SolverError, match='"alpha_fair" with alpha = 4 comes close'):
        found.allocate()


KINDS = [("leximin", False), ("leximin", True), ("alpha_fair", False), ("alpha_fair", True), ("benefit", True)]
every_kind = pytest.mark.parametrize(("kind", "values"), KINDS, ids=[f"{k}{' of regions' * v}" for k, v in KINDS])


def degenerate(kind: str, values: bool, frame: pd.DataFrame, rules: list[dict[str, Any]]) -> np.ndarray:
    """The amounts of a fund with money and land; every region values them alike."""
    own = {"value": "worth"} if values else {}
    more = {"land": {**LAND, **own}}
    stated = policy(rules, fund=own, resources=more, objective={"kind": kind})
    return Fund(parse_policy(stated), frame.assign(worth=1)).allocate().decision.amounts


@every_kind
def test_where_all_are_alike_all_get_the_same(kind, values):
    frame = regions(np.random.default_rng(0), 12).assign(population=1000, need=1.0)
    amounts = degenerate(kind, values, frame, []).reshape(2, -1)
    assert np.ptp(amounts, axis=1).max() <= 0.0101


@every_kind
def test_one_giant_region_gets_what_it_is_due(kind, values):
    frame = regions(np.random.default_rng(0), 12).assign(population=[10**9, *[1] * 11], need=1.0)
    amounts = degenerate(kind, values, frame, []).reshape(2, -1)
    share = frame.sort_values("id")["population"].to_numpy() / frame["population"].sum()
    assert np.abs(amounts - np.array([[SUPPLY], [1200]]) * share).max() <= 0.0101


@every_kind
def test_caps_that_bind_everywhere_leave_no_choice(kind, values):
    frame = regions(np.random.default_rng(1), 10)
    most = frame["population"] * (1.1 - frame["need"])
    caps = [{"kind": "limit", "name": "c", "of": "most", "resource": "fund", "cap": SUPPLY / most.sum()}]
    amounts = degenerate(kind, values, frame.assign(most=most), caps).reshape(2, -1)[0]
    expected = most[frame["id"].argsort()].to_numpy() / most.sum() * SUPPLY
    assert np.abs(amounts - expected).max() <= 0.011


@every_kind
def test_regions_without_a_target_get_their_floors_and_rules_given_twice_change_nothing(kind, values):
    frame = regions(np.random.default_rng(2), 12, zeros=0.4)
    assert (frame["need"] == 0).sum() >= 2
    rules = [
        {"kind": "limit", "name": "floor", "of": "head", "resource": "fund", "floor": 3},
        {"kind": "limit", "name": "cap", "of": "share", "cap": 0.25},
    ]
    once = degenerate(kind, values, frame, rules)
    twice = degenerate(kind, values, frame, rules + [{**r, "name": f"{r['name']} again"} for r in rules])
    assert np.abs(once - twice).max() <= 0.011
    money = pd.Series(once[: len(frame)], sorted(frame["id"]))
    heads = frame.set_index("id")["population"]
    assert (money >= 3 * heads[money.index] - 0.011).all()
    if not values:  # who has no target gets nothing beyond its floor
        none = frame["id"][frame["need"] == 0]
        assert np.abs(money[none] - 3 * heads[none]).max() <= 0.011


@every_kind
@pytest.mark.parametrize(("supply", "land", "worth"), [(0, 1200, 1), (0, 0, 1), (SUPPLY, 1200, 0), ("0.03", 1200, 1)])
def test_nothing_to_share_out_or_nothing_of_worth_is_decided_too(kind, values, supply, land, worth):
    own = {"value": "worth"} if values else {}
    more = {"land": {**LAND, "supply": land, **own}}
    stated = policy([], fund={"supply": supply, **own}, resources=more, objective={"kind": kind})
    for n in (1, 5):
        frame = regions(np.random.default_rng(0), n).assign(worth=worth)
        allocation = Fund(parse_policy(stated), frame).allocate()
        assert allocation.decision.amounts.reshape(2, -1).sum(axis=1) == pytest.approx([float(supply), land])
        assert allocation.explain(frame["id"][0])


def wild(seed: int, kind: str) -> Fund:
    """Two resources, values that differ a thousandfold, some of nothing; floors and caps off the targets."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    frame = regions(rng, n, zeros=0.3)
    frame.loc[rng.random(n) < 0.15, "population"] = 0
    frame.loc[0, ["population", "need"]] = [9_000, 0.7]
    for j in range(2):
        frame[f"v{j}"] = np.where(rng.random(n) < 0.15, 0.0, np.exp(rng.normal(0, 3 if seed % 2 else 0.3, n)))
    frame["low"], frame["high"] = rng.uniform(0, 0.6 / n, n), rng.uniform(1.2 / n, 3 / n, n)
    rules = [{"kind": "limit", "name": "floor", "resource": "fund", "of": "low * 20_000_000", "floor": 1}]
    rules.append({"kind": "limit", "name": "cap", "resource": "land", "of": "high * 1_200", "cap": 1})
    resources = {"land": {**LAND, "value": "v1"}}
    stated = policy(rules, fund={"value": "v0"}, resources=resources, objective={"kind": kind})
    return Fund(parse_policy(stated), frame)


def test_benefit_is_the_greatest_total_whatever_the_values():
    """Floors above and caps below the targets, values of nothing, regions without people: against linprog."""
    tried = 0
    for seed in range(60):
        found = wild(seed, "benefit")
        problem = found.problem
        system = assemble(problem, found.rows)
        totals, shares = supply_rows(system)
        answer = linprog(
            -problem.value * problem.size,
            A_eq=totals.toarray(),
            b_eq=shares,
            bounds=list(zip(system.low / problem.size, np.minimum(system.high / problem.size, 1), strict=True)),
        )
        if answer.status != 0:
            continue
        amounts = found.allocate().decision.optimum.amounts
        assert problem.value @ amounts >= -answer.fun * (1 - 1e-6), seed
        tried += 1
    assert tried >= 40


def test_amounts_that_rest_between_two_forces_are_not_the_last_ones():
    frame = pd.DataFrame({"id": ["A", "B"], "name": ["A", "B"], "state": "S", "coast": "east", "population": 1})
    frame = frame.assign(need=1.0, v=[1.0, 1.02], low=[0.0, 60.0])
    rule = {"kind": "limit", "name": "floor", "of": "low", "floor": 1}
    resource = {"supply": 100, "value": "v"}
    found = Fund(parse_policy(policy([rule], fund=resource, objective={"kind": "benefit"})), frame)
    assert found.allocate().decision.amounts.tolist() == [0, 100]


def test_nobody_who_is_due_anything_is_left_without_by_the_float_noise_of_a_price():
    """Three regions, two resources; a price of 2e-7 of its terms is none."""
    frame = pd.DataFrame({"id": ["R3", "R5", "R7"], "name": ["a", "b", "c"], "state": "S", "coast": "east"})
    frame = frame.assign(population=[1670, 837, 5_399_000], k1=[417.121, 161.583, 3411292.203], part=[1, 0, 1])
    frame = frame.assign(k2=[939.543, 405.672, 3595744.507], v1=[0.0, 0.0, 1.25383], v2=[1.052265, 0.728248, 0.0])
    one = {"supply": 12345678, "unit": "EUR", "lot": 0.01}
    resources = {
        f"f{j}": {**one, "value": f"v{j}", "criteria": [{"name": "a", "weight": 1, "measure": f"k{j}"}]} for j in (1, 2)
    }
    resources["f1"]["where"] = "part"
    stated = {**policy([], objective={"kind": "alpha_fair"}), "resources": resources}
    decision = Fund(parse_policy(stated), frame).allocate().decision
    level, weight = coverages(decision.problem, decision.optimum.amounts)
    assert (level[weight > 1e-12] > 0).all()
    assert np.isfinite(utility(level, 1.0)).all()


def test_leximin_under_wild_values_is_right_or_no_answer():
    """No height of regions can be raised by a program of its own; what cannot be proven is not decided."""
    decided = 0
    for seed in range(40):
        found = wild(seed, "leximin")
        try:
            amounts = found.allocate().decision.optimum.amounts
        except SolverError:
            continue
        problem = found.problem
        system = assemble(problem, found.rows)
        due, has = worth(problem, problem.target), worth(problem, amounts)
        some = due > 0
        level = np.where(some, has / np.where(some, due, 1), np.inf)
        matrix = np.tile(np.eye(problem.n), 2) * (problem.value * problem.size)
        totals, shares = supply_rows(system)
        bounds = list(zip(system.low / problem.size, np.minimum(system.high / problem.size, 1), strict=True))
        for t in np.unique(level[some]):
            mine = some & (level <= t * (1 + 1e-6))
            need = np.minimum(level, t) * np.where(some, due, 0)
            answer = linprog(
                -matrix[mine & (level >= t * (1 - 1e-6))].sum(axis=0),
                A_ub=-matrix[some],
                b_ub=-need[some] * (1 - 1e-9),
                A_eq=totals.toarray(),
                b_eq=shares,
                bounds=bounds,
            )
            if answer.status == 0:
                there = has[mine & (level >= t * (1 - 1e-6))].sum()
                assert -answer.fun <= there * (1 + 1e-4) + 1e-6 * due[some].sum(), (seed, t)
        decided += 1
    assert decided >= 20


@pytest.mark.parametrize("kind", ["leximin", "alpha_fair", "benefit"])
def test_what_an_objective_leaves_open_is_decided_by_nearest_and_equals_get_the_same(kind):
    """A resource that nobody values, and for benefit one that all value alike: no total and no coverage tells."""
    rules = [
        {"kind": "limit", "name": "states", "each": "state", "of": "entitlement", "floor": 0.9},
        {"kind": "limit", "name": "even", "of": "share", "cap": 0.24},
        {"kind": "inequality", "name": "gap", "measure": "gini", "at_most": 0.12, "resource": "land"},
    ]
    land = {**LAND, "criteria": [{"name": "p", "weight": 1, "measure": "population * need"}], "value": "0"}
    fund = {"value": "1" if kind == "benefit" else "1 + need"}
    for seed in range(2):
        frame = regions(np.random.default_rng(seed), 10)
        frame = pd.concat([frame, frame.iloc[[0]].assign(id="ZZZ")], ignore_index=True)
        found = {
            objective: Fund(
                parse_policy(policy(rules, fund=fund, resources={"land": land}, objective={"kind": objective})), frame
            )
            for objective in ("nearest", kind)
        }
        size = np.array([[r.size] for r in found[kind].problem.resources])
        plain, mine = (unrounded(one.problem, one.rows).reshape(2, -1) / size for one in found.values())
        assert np.abs(plain[1] - found[kind].problem.resources[1].target / size[1]).max() > 1e-3
        assert np.abs(mine[1] - plain[1]).max() <= 1e-9
        if kind == "benefit":
            assert np.abs(mine[0] - plain[0]).max() <= 1e-9
        ids = found[kind].problem.regions.ids
        one, other = ids.index(frame["id"][0]), ids.index("ZZZ")
        assert np.abs(mine[:, one] - mine[:, other]).max() <= 1e-9


@pytest.mark.parametrize(("kind", "land_of_last"), [("leximin", 0.0), ("alpha_fair", 0.0), ("benefit", 300.0)])
def test_a_region_whose_targets_are_worth_nothing_to_it_comes_after_the_others(kind, land_of_last):
    frame = pd.DataFrame({"id": list("ABC"), "name": list("abc"), "state": "S", "coast": "east"})
    frame = frame.assign(population=[1000, 2000, 1000], need=[1.0, 1.0, 0.0])
    land = {**LAND, "value": "0"}
    stated = policy([], fund={"value": "1"}, resources={"land": land}, objective={"kind": kind})
    found = Fund(parse_policy(stated), frame)
    amounts = unrounded(found.problem, found.rows).reshape(2, -1)
    assert amounts[1] == pytest.approx([(1200 - land_of_last) / 3, (1200 - land_of_last) / 1.5, land_of_last], abs=1e-6)


def close(task: cp.Problem) -> float:
    """The value of a program, as near as Clarabel comes; it warns where that is less than was asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(task.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11))


CURVES: dict[str, tuple[str, float]] = {
    "ratio": ("ratio", 0.7),
    "gini": ("gini", 0.8),
    "hoover": ("hoover", 0.9),
    "theil": ("theil", 0.8),
    "atkinson": ("atkinson", 0.8),
}


@pytest.mark.parametrize("name", CURVES)
def test_benefit_beside_a_convex_rule_is_the_greatest_total_and_among_equals_the_nearest(name):
    """By another program; what is left open is compared where the rule has kinks, since an end has no ties."""
    measure, part = CURVES[name]
    open_ = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        frame = regions(rng, 9).sort_values("id", ignore_index=True)
        frame = frame.assign(worth=np.round(rng.uniform(0.6, 2.4, 9)))
        free = Fund(parse_policy(policy([])), frame).problem
        people = np.asarray(free.regions.population, dtype=float)
        at = MEASURES[measure](free.target, people)
        bound = 1 + part * (at - 1) if measure == "ratio" else part * at
        rules = [
            {"kind": "inequality", "name": "even", "measure": measure, "at_most": float(bound)},
            {"kind": "limit", "name": "cap", "of": "share", "cap": float(1.2 * free.target.max() / SUPPLY)},
        ]
        found = Fund(parse_policy(policy(rules, fund={"value": "worth"}, objective={"kind": "benefit"})), frame)
        mine = unrounded(found.problem, found.rows) / SUPPLY
        value, e = found.problem.value, found.problem.target / SUPPLY
        x = cp.Variable(9)
        kept = [x >= 0, cp.sum(x) == 1, x <= 1.2 * e.max(), *keeps(measure, x, people, bound)]
        best = close(cp.Problem(cp.Maximize(value @ x), kept))
        assert value @ mine == pytest.approx(best, rel=2e-7), seed
        assert MEASURES[measure](mine, people) <= bound * (1 + 1e-8)
        if measure in ("theil", "atkinson"):
            continue
        apart = cp.sum_squares(cp.multiply(x - e, 1 / np.sqrt(e)))
        close(cp.Problem(cp.Minimize(apart), [*kept, value @ x >= best * (1 - 1e-9)]))
        assert np.abs(mine - x.value).max() <= 2e-5, seed
        open_ += int(len(np.unique(value)) < 9)
    assert open_ or measure in ("theil", "atkinson")


def test_benefit_does_not_rest_on_the_way_to_the_greatest_total():
    """A ratio beside a region without a target: the amounts stood still while the force grew a hundredfold."""
    frame = pd.DataFrame({"id": list("ABC"), "name": list("abc"), "state": "S", "coast": "east"})
    frame = frame.assign(population=[1000, 1000, 1000], need=[1.0, 1.0, 0.0], worth=[1.0, 1.0, 1.02])
    rule = {"kind": "inequality", "name": "even", "measure": "ratio", "at_most": 4}
    stated = policy([rule], fund={"value": "worth", "supply": 600}, objective={"kind": "benefit"})
    assert Fund(parse_policy(stated), frame).allocate().decision.amounts.tolist() == [100, 100, 400]


def test_benefit_beside_curves_that_are_too_large_to_unfold_comes_to_the_same(monkeypatch):
    frame = regions(np.random.default_rng(2), 9).assign(worth=[1.0, 1.2, 0.8, 1.5, 1.0, 0.7, 1.1, 1.3, 0.9])
    rule = {"kind": "inequality", "name": "even", "measure": "gini", "at_most": 0.2}
    found = Fund(parse_policy(policy([rule], fund={"value": "worth"}, objective={"kind": "benefit"})), frame)
    unfolded = unrounded(found.problem, found.rows)
    monkeypatch.setattr("fundalloc.unfolding.MOST", 8)
    monkeypatch.setattr("fundalloc.benefit.Unfolded", None)
    forced = unrounded(found.problem, found.rows)
    assert forced == pytest.approx(unfolded, abs=1e-6 * SUPPLY / 9)


def test_prices_beside_a_curve_are_what_a_little_more_is_worth():
    """The cap on inequality and a cap of amounts, each loosened a little, against the greatest total then."""
    frame = regions(np.random.default_rng(4), 7).assign(worth=[1.0, 1.6, 0.8, 1.5, 1.0, 0.7, 1.3])

    def decided(cap: float, supply: int) -> tuple[Fund, Attempt]:
        rules = [
            {"kind": "inequality", "name": "even", "measure": "gini", "at_most": 0.3},
            {"kind": "limit", "name": "cap", "where": "id == 'R00006'", "of": "share", "cap": cap},
        ]
        money = {"value": "worth", "supply": supply}
        found = Fund(parse_policy(policy(rules, fund=money, objective={"kind": "benefit"})), frame)
        return found, chosen(found.problem, found.rows)

    found, here = decided(0.3, SUPPLY)
    value = found.problem.value
    assert here.chosen is not None
    more, further = decided(0.3, SUPPLY + 1000)[1], decided(0.3005, SUPPLY)[1]
    total, cell = float(value @ here.optimum.amounts), int(np.argmax(np.abs(here.chosen.cells)))
    own = abs(here.chosen.cells[cell])
    gained = float(value @ further.optimum.amounts) - total
    assert gained == pytest.approx(0.0005 * SUPPLY * own, rel=1e-4) and gained > 0
    with_supply = 1000 * (here.chosen.supplies[0] + 0.3 * own)  # the cap is a share of it
    assert float(value @ more.optimum.amounts) - total == pytest.approx(with_supply, rel=1e-4)
