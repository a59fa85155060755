"""The Pyomo model: readable, the one that is solved, open to added constraints and closed to changes."""

from __future__ import annotations

import math

import highspy
import numpy as np
import pyomo.environ as pyo
import pytest

from fundalloc import Fund, InputError, SolverError
from fundalloc.arrays import Arrays, check_finite
from fundalloc.highs import run
from fundalloc.policy import parse_policy
from fundalloc.polish import polish
from fundalloc.program import build
from fundalloc.solve import nearest, solve
from fundalloc.system import assemble
from tests.funds import SUPPLY, fund, policy, regions

N = 12


def small(*rules: dict[str, object], **more: object) -> Fund:
    frame = regions(np.random.default_rng(5), N).sort_values("id", ignore_index=True)
    return Fund(parse_policy(policy([{"kind": "limit", **r} for r in rules], **more)), frame)


def test_the_model_has_named_parts_in_amounts():
    found = small(
        {"name": "floor", "of": "head", "floor": 1}, {"name": "east", "each": "coast", "of": "share", "cap": 0.7}
    )
    model = found.model()
    assert next(iter(model.amount)) == ("R00000", "fund") and len(model.amount) == N
    assert model.amount["R00000", "fund"].lower == pytest.approx(found.problem.regions.population[0], abs=0.01)
    assert list(model.rule) == [("east", "fund", "east"), ("east", "fund", "west")]
    assert pyo.value(model.supply["fund"].upper) == SUPPLY
    assert pyo.value(model.rule["east", "fund", "east"].upper) == 0.7 * SUPPLY
    for (region, _), amount in model.amount.items():
        amount.set_value(found.problem.target[found.problem.regions.ids.index(region)])
    assert pyo.value(model.nearest) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_solved_is_the_model_and_it_agrees_with_the_polish(seed):
    found = fund(seed, 30)
    system = assemble(found.problem, found.rows)
    answer = next(solve(build(system)))
    optimum = polish(system)
    assert answer.status == "Optimal" and optimum.proven
    assert np.abs(answer.amounts - optimum.amounts).max() <= 1e-4 * SUPPLY / 30


#: rules that nearly repeat each other, and needs a million apart
HARD = [
    (402, 21, 0, 0),
    (1239116669, 13, 0.2, 0),
    (1761289914, 9, 0.2, 0.2),
    (760743732, 57, 0.2, 0.2),
    (491573502, 6, 0.2, 0.2),
    (183887574, 51, 0.2, 0.2),
]


@pytest.mark.parametrize("case", HARD)
def test_a_proof_is_found_where_newton_alone_would_crawl(case):
    seed, n, zeros, tiny = case
    found = fund(seed, n, zeros=zeros, tiny=tiny)
    assert nearest(assemble(found.problem, found.rows, whole=False)).proven


def test_an_added_constraint_is_obeyed_and_named_where_it_binds():
    found = small()
    free = found.allocate().decision.amounts
    ids = found.problem.regions.ids
    model = found.model()
    model.extra = pyo.Constraint(expr=model.amount[ids[3], "fund"] <= 0.5 * free[3])
    model.pair = pyo.Constraint(expr=model.amount[ids[0], "fund"] - 2 * model.amount[ids[1], "fund"] >= 7)
    allocation = found.allocate(model=model)
    got = allocation.decision.amounts
    assert got[3] <= 0.5 * free[3] and got[0] - 2 * got[1] >= 7 - 0.03
    held = dict(zip(allocation.table["region_id"], allocation.sheets["allocation.csv"].columns["held_by"], strict=True))
    assert held[ids[3]] == "extra"
    rules = {r[0]: r[9] for r in allocation.sheets["rules.csv"].rows()}
    assert rules["extra"] == "yes"
    steps = [r for r in allocation.sheets["steps.csv"].rows() if r[2] == "extra"]
    assert min(float(r[4]) for r in steps) < 0 < max(float(r[4]) for r in steps)


def test_an_indexed_constraint_and_one_with_two_sides_are_obeyed():
    found = small()
    ids = found.problem.regions.ids
    model = found.model()
    model.limit = pyo.Constraint(ids[:3], rule=lambda m, i: (10, m.amount[i, "fund"], 1000))
    got = found.allocate(model=model).decision.amounts
    assert (got[:3] <= 1000).all() and got.sum() == SUPPLY


def test_a_constraint_that_cannot_be_kept_is_a_conflict_that_names_it():
    from fundalloc import ConflictError

    found = small({"name": "floor", "of": "amount", "floor": 1000})
    model = found.model()
    model.extra = pyo.Constraint(expr=model.amount[found.problem.regions.ids[0], "fund"] <= 10)
    with pytest.raises(ConflictError) as caught:
        found.allocate(model=model)
    assert set(caught.value.rules) == {"floor", "extra"}


def square(model):
    model.extra = pyo.Constraint(expr=model.amount["R00000", "fund"] ** 2 <= 5)


def stranger(model):
    model.more = pyo.Var()
    model.extra = pyo.Constraint(expr=model.more <= 5)


def second(model):
    model.cost = pyo.Objective(expr=model.amount["R00000", "fund"])


def fixed(model):
    model.amount["R00000", "fund"].fix(5)


def lowered(model):
    model.amount["R00000", "fund"].setub(5)


def dropped(model):
    model.supply.deactivate()


def deleted(model):
    model.del_component(model.supply)


def rewritten(model):
    model.supply["fund"].set_value(pyo.quicksum(model.amount.values()) == 5)


def cheaper(model):
    model.nearest.set_value(model.amount["R00000", "fund"])


def endless(model):
    model.extra = pyo.Constraint(expr=model.amount["R00000", "fund"] * math.inf <= 5)


def empty(model):
    model.extra = pyo.Constraint(expr=0 * model.amount["R00000", "fund"] <= 5)


def special(model):
    model.sets = pyo.SOSConstraint(var=model.amount, sos=1)


CHANGES = {
    square: "constraint extra: is not linear",
    stranger: "more",
    second: "objective cost: is a second objective",
    fixed: "variable amount[R00000,fund]: was fixed",
    lowered: "variable amount[R00000,fund]: was fixed or its bounds were changed",
    dropped: "removed or deactivated",
    deleted: "model.supply: was removed",
    rewritten: "constraint supply[fund]: was changed",
    cheaper: "objective nearest: was changed",
    endless: "constraint extra",
    empty: "constraint extra: speaks of no amount",
    special: "sets",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.__name__)
def test_anything_else_is_an_error_that_names_it(change):
    found = small()
    model = found.model()
    change(model)
    with pytest.raises(InputError) as caught:
        found.allocate(model=model)
    assert CHANGES[change] in str(caught.value)


def test_a_model_of_somebody_else_is_an_error():
    with pytest.raises(InputError, match=r"not made by fund\.model"):
        small().allocate(model=pyo.ConcreteModel())


def test_a_model_of_another_fund_is_an_error():
    other = Fund(parse_policy(policy([])), regions(np.random.default_rng(6), N))
    with pytest.raises(InputError, match="another fund"):
        small().allocate(model=other.model())


def arrays(**changes: object) -> Arrays:
    from scipy.sparse import csr_array

    plain = {
        "curvature": np.ones(2),
        "cost": -np.ones(2),
        "low": np.zeros(2),
        "high": np.full(2, np.inf),
        "matrix": csr_array(np.ones((1, 2))),
        "row_low": np.ones(1),
        "row_high": np.ones(1),
    }
    return Arrays(**{**plain, **changes})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["curvature", "cost", "matrix", "low", "high", "row_low", "row_high"])
def test_nothing_that_is_not_finite_reaches_the_solver(field, bad):
    from scipy.sparse import csr_array

    allowed = (field in ("low", "row_low") and bad == -math.inf) or (field in ("high", "row_high") and bad == math.inf)
    if field == "matrix":
        changed = arrays(matrix=csr_array(np.array([[1.0, bad]])))
    else:
        values = getattr(arrays(), field).copy()
        values[-1] = bad
        changed = arrays(**{field: values})
    if allowed:
        check_finite(changed)
    else:
        with pytest.raises(SolverError, match="nothing was solved"):
            check_finite(changed)


def test_a_missing_interior_point_solver_is_said_and_not_replaced(monkeypatch):
    class Without(highspy.Highs):
        def setOptionValue(self, option, value):
            return highspy.HighsStatus.kError if value == "hipo" else super().setOptionValue(option, value)

    monkeypatch.setattr(highspy, "Highs", Without)
    with pytest.raises(SolverError, match=r"highspy\[extras\]"):
        run(arrays())


@pytest.mark.parametrize("answer", ["nan", "infeasible", "empty", "elsewhere"])
def test_no_status_is_trusted(monkeypatch, answer):
    import fundalloc.decision as decision

    def lie(model):
        truth = next(solve(model))
        if answer == "empty":
            return
        amounts = {"nan": truth.amounts * math.nan, "elsewhere": truth.amounts[::-1].copy()}.get(answer, truth.amounts)
        yield type(truth)(amounts, "Infeasible" if answer == "infeasible" else "Optimal")

    monkeypatch.setattr(decision, "solve", lie)
    with pytest.raises(SolverError, match="nothing was written"):
        small().allocate()
