"""The program: the round as a Pyomo model, in amounts, for people to read and to add to.

amount[region, resource]      between the merged floors and caps of that region
supply[resource]              the amounts add up to what is shared out
rule[name, resource, place]   low <= sum of amounts <= high, for rules on several regions
nearest                       sum of (amount - target)^2 / (2 * target * shared out)

Other objectives end in such a program too: `alpha_fair` with other weights than the targets, `leximin` and `benefit`
with the levels that were found before as bounds, and as rows named objective.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fundalloc.language import say
from fundalloc.postponed import postponed

with postponed("scipy.stats", "scipy.integrate", "scipy.spatial"):
    import pyomo.environ as pyo
    from pyomo.common.gc_manager import PauseGC
    from pyomo.core.expr.numeric_expr import LinearExpression
    from pyomo.repn import generate_standard_repn

from fundalloc.errors import Fault, InputError
from fundalloc.problem import FloatArray, Problem
from fundalloc.rules import Rows
from fundalloc.sparse import csr_array
from fundalloc.system import System
from fundalloc.taken import refused_of_rule

OWN = ("amount", "supply", "rule", "nearest")


@dataclass(frozen=True, eq=False)
class Built:
    """What `build` put into a model: the solver reads the model, this tells what a user changed."""

    system: System
    low: list[float]
    high: list[float | None]
    constraints: dict[int, tuple[object, float | None, float | None]]
    objective: object


def build(system: System) -> pyo.ConcreteModel:
    """The Pyomo model of `nearest` under the rules of a system."""
    with PauseGC():  # thousands of objects that all stay: looking for garbage takes twice as long as making them
        return _build(system)


def _build(system: System) -> pyo.ConcreteModel:
    problem = system.problem
    regions = problem.regions.ids
    model = pyo.ConcreteModel(name=f"fundalloc {problem.round}")
    cells = [(region, resource.name) for resource in problem.resources for region in regions]
    model.amount = pyo.Var(cells)
    amounts = list(model.amount.values())
    low, high = system.low.tolist(), [None if h == np.inf else h for h in system.high.tolist()]
    for amount, floor, cap in zip(amounts, low, high, strict=True):
        amount.setlb(floor)
        amount.setub(cap)

    model.supply = pyo.Constraint([problem.resources[r].name for r in system.supplies])
    for r in system.supplies:
        block = amounts[problem.block(r)]
        model.supply[problem.resources[r].name] = (
            LinearExpression(linear_coefs=[1.0] * len(block), linear_vars=block) == problem.resources[r].shared_out
        )

    labels = [(one.rule, one.resource, one.places[p]) for one, p in _coupling(system)]
    model.rule = pyo.Constraint(labels)
    matrix = system.matrix
    for k, label in enumerate(labels):
        span = slice(matrix.indptr[k], matrix.indptr[k + 1])
        body = LinearExpression(
            linear_coefs=matrix.data[span].tolist(), linear_vars=[amounts[c] for c in matrix.indices[span]]
        )
        floor, cap = system.row_low[k], system.row_high[k]
        model.rule[label] = (None if floor == -np.inf else floor, body, None if cap == np.inf else cap)

    weights = (1.0 / (2.0 * problem.softness * problem.size)).tolist()
    model.nearest = pyo.Objective(
        expr=pyo.quicksum(
            (amount - centre) ** 2 * weight
            for amount, centre, weight in zip(amounts, problem.centre.tolist(), weights, strict=True)
        )
    )
    model._fundalloc = Built(
        system,
        low,
        high,
        {id(c): (c.body, c.lower, c.upper) for part in (model.supply, model.rule) for c in part.values()},
        model.nearest.expr,
    )
    return model


def _coupling(system: System) -> Iterator[tuple[Rows, int]]:
    return ((system.rows[k], place) for k, place in system.origin)


def built(model: pyo.ConcreteModel) -> Built:
    """What fundalloc put into a model; a fault where the model is not one of ours, or no longer whole."""
    found = getattr(model, "_fundalloc", None)
    if not isinstance(found, Built):
        raise InputError(
            [Fault(say("this model was not made by fund.model()."), say("Start from fund.model() and add to it."))]
        )
    gone = [name for name in OWN if model.component(name) is None]
    if gone:
        raise InputError(
            [Fault(say("was removed."), say("Start from fund.model() again."), key=f"model.{n}") for n in gone]
        )
    return found


def added(model: pyo.ConcreteModel, problem: Problem) -> tuple[Rows, ...]:
    """The linear constraints a user added to the model of a problem, as rows of rules named like them.

    Anything else that was added or changed is a fault that names it.
    """
    own = built(model)
    if own.system.problem.resources is not problem.resources:
        raise InputError(
            [Fault(say("this model was made by another fund."), say("Use the model of this fund.model()."))]
        )
    cells = {id(amount): c for c, amount in enumerate(model.amount.values())}
    faults = [*_changes(model, own), *_strangers(model)]
    rows: list[Rows] = []
    for constraint in model.component_data_objects(pyo.Constraint, active=True):
        if id(constraint) in own.constraints:
            continue
        try:
            rows.append(_row(constraint, cells, own.system))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return tuple(rows)


def _row(constraint: Any, cells: dict[int, int], system: System) -> Rows:
    """One added constraint as a row over the cells."""
    if wrong := refused_of_rule(constraint.name):
        raise InputError([Fault(*wrong, key=f"constraint {constraint.name}")])
    form = generate_standard_repn(constraint.body, compute_values=True)
    if not form.is_linear():
        raise InputError(
            [
                Fault(
                    say("is not linear in the amounts."),
                    say("Only linear constraints can be added."),
                    key=say("constraint {code}", code=constraint.name),
                )
            ]
        )
    strange = [v.name for v in form.linear_vars if id(v) not in cells]
    if strange:
        raise InputError(
            [
                Fault(
                    say("speaks of {code_list}, which is no amount of this model.", code_list=", ".join(strange)),
                    say("Write it in model.amount[region, resource] alone."),
                    key=say("constraint {code}", code=constraint.name),
                )
            ]
        )
    if not form.linear_vars:
        raise InputError(
            [
                Fault(
                    say("speaks of no amount."),
                    say("Write it in model.amount[region, resource]."),
                    key=say("constraint {code}", code=constraint.name),
                )
            ]
        )
    indices = np.array([cells[id(v)] for v in form.linear_vars], dtype=np.int64)
    values = np.array([float(c) for c in form.linear_coefs])
    low = -np.inf if constraint.lower is None else float(pyo.value(constraint.lower)) - float(form.constant)
    high = np.inf if constraint.upper is None else float(pyo.value(constraint.upper)) - float(form.constant)
    for number in (*values, *([] if np.isinf(low) else [low]), *([] if np.isinf(high) else [high])):
        if not np.isfinite(number):
            raise InputError(
                [
                    Fault(
                        say("has a coefficient or bound that is not a finite number."),
                        say("Check the numbers it is made of."),
                        key=say("constraint {code}", code=constraint.name),
                    )
                ]
            )
    matrix = csr_array((values, (np.zeros(len(indices), dtype=np.int64), indices)), shape=(1, system.problem.cells))
    matrix.sum_duplicates()
    touched = sorted({int(c) // system.problem.n for c in indices})
    resource = system.problem.resources[touched[0]].name if len(touched) == 1 else ""
    return Rows(
        constraint.name,
        "constraint",
        "require",
        resource,
        "all",
        ("all",),
        matrix,
        np.array([low]),
        np.array([high]),
        np.ones(1),
    )


def _changes(model: pyo.ConcreteModel, own: Built) -> Iterator[Fault]:
    """What of our own parts is no longer as it was built."""
    advice = say("Leave it as it is and add a constraint instead.")
    for amount, low, high in zip(model.amount.values(), own.low, own.high, strict=True):
        if amount.fixed or amount.lower != low or amount.upper != high:
            yield Fault(
                say("was fixed or its bounds were changed."), advice, key=say("variable {code}", code=amount.name)
            )
    there = {id(c): c for part in (model.supply, model.rule) for c in part.values()}
    for key, (body, least, most) in own.constraints.items():
        one = there.get(key)
        if one is None or not one.active:
            yield Fault(
                say("a constraint of the policy was removed or deactivated."),
                say("Change the policy instead."),
                key="model",
            )
        elif one.body is not body or one.lower != least or one.upper != most:
            yield Fault(
                say("was changed."), say("Change the policy instead."), key=say("constraint {code}", code=one.name)
            )
    if not model.nearest.active or model.nearest.expr is not own.objective:
        yield Fault(
            say("was changed."),
            say("The objective comes from the policy."),
            key=say("objective {code}", code="nearest"),
        )


def _strangers(model: pyo.ConcreteModel) -> Iterator[Fault]:
    """Added parts that are neither data nor constraints."""
    for part in model.component_objects(active=True):
        if part.local_name in OWN and part.parent_block() is model:
            continue
        if part.ctype is pyo.Var:
            yield Fault(
                say("is a variable of its own, which this version cannot decide."),
                say("Write the constraint in the amounts alone."),
                key=say("variable {code}", code=part.name),
            )
        elif part.ctype is pyo.Objective:
            yield Fault(
                say("is a second objective."),
                say("The objective comes from the policy."),
                key=say("objective {code}", code=part.name),
            )
        elif part.ctype not in (pyo.Constraint, pyo.Param, pyo.Set, pyo.Expression, pyo.Block, pyo.RangeSet):
            yield Fault(
                say("is a {code_name}, which this version cannot decide.", code_name=part.ctype.__name__),
                say("Add linear constraints only."),
                key=part.name,
            )


def bounds(model: pyo.ConcreteModel) -> tuple[FloatArray, FloatArray]:
    """Lower and upper bound of every amount, as the model holds them."""
    pairs = [(v.lower, v.upper) for v in model.amount.values()]
    low = np.array([-np.inf if a is None else a for a, _ in pairs], dtype=float)
    high = np.array([np.inf if b is None else b for _, b in pairs], dtype=float)
    return low, high


def constraints(model: pyo.ConcreteModel) -> tuple[csr_array, FloatArray, FloatArray]:
    """Every constraint of a model as a row over its amounts, and the bounds of the rows."""
    cells = {id(amount): c for c, amount in enumerate(model.amount.values())}
    pointers, indices, values, low, high = [0], [], [], [], []
    for constraint in model.component_data_objects(pyo.Constraint, active=True):
        coefficients, variables, constant = _linear(constraint.body)
        indices += [cells[id(v)] for v in variables]
        values += coefficients
        pointers.append(len(indices))
        low.append(-np.inf if constraint.lower is None else pyo.value(constraint.lower) - constant)
        high.append(np.inf if constraint.upper is None else pyo.value(constraint.upper) - constant)
    matrix = csr_array(
        (np.array(values, dtype=float), np.array(indices, dtype=np.int64), np.array(pointers)),
        shape=(len(low), len(cells)),
    )
    matrix.sum_duplicates()
    return matrix, np.array(low, dtype=float), np.array(high, dtype=float)


def _linear(body: Any) -> tuple[list[float], list[Any], float]:
    """Coefficients, variables and constant of a linear body; our own rows need no walk."""
    if type(body) is LinearExpression and body.constant == 0:
        return list(body.linear_coefs), list(body.linear_vars), 0.0
    form = generate_standard_repn(body, compute_values=True)
    return [float(c) for c in form.linear_coefs], list(form.linear_vars), float(form.constant)
