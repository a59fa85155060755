"""Random funds with rules that some allocation keeps, and an independent solver for them."""

from __future__ import annotations

import warnings
from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd

from fundalloc import Fund
from fundalloc.policy import parse_policy
from fundalloc.problem import Problem
from fundalloc.rules import Rows

SUPPLY = 20_000_000
#: as exact as Clarabel gets: its own defaults leave 1e-5 of the mean amount
CLARABEL = {
    "tol_gap_abs": 1e-16,
    "tol_gap_rel": 1e-16,
    "tol_feas": 1e-16,
    "iterative_refinement_reltol": 1e-16,
    "iterative_refinement_abstol": 1e-16,
    "iterative_refinement_max_iter": 50,
    "dynamic_regularization_eps": 1e-16,
    "presolve_enable": False,
    "max_iter": 400,
}


def policy(rules: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The entries of a small policy; `fund` is the keyword for the resource, the rest goes on top."""
    resource = {
        "supply": SUPPLY,
        "unit": "CNY",
        "lot": 0.01,
        "criteria": [{"name": "need", "weight": 1, "measure": "population * need"}],
        **more.pop("fund", {}),
    }
    return {
        "format": 1,
        "fund": {"title": "Test fund", "round": "2023"},
        "regions": {"id": "id", "name": "name", "groups": ["state", "coast"], "population": "population"},
        "resources": {"fund": resource, **more.pop("resources", {})},
        "rules": rules,
        **more,
    }


def regions(rng: np.random.Generator, n: int, zeros: float = 0.0, tiny: float = 0.0) -> pd.DataFrame:
    """Regions with skewed populations; some with no need, some with a millionth of it."""
    need = rng.uniform(0.2, 1.0, n)
    if n > 1:
        need[rng.random(n) < zeros] = 0.0
        need[rng.random(n) < tiny] *= 1e-6
        need[0] = max(need[0], 0.5)
    states = rng.integers(0, max(1, n // 5), n)
    return pd.DataFrame(
        {
            "id": [f"R{i:05d}" for i in rng.permutation(n)],
            "name": [f"Region {i}" for i in range(n)],
            "state": [f"S{s}" for s in states],
            "coast": rng.choice(["east", "west"], n),
            "population": np.ceil(rng.lognormal(10, 1, n)).astype(int),
            "need": need,
        }
    )


def history(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One round before: somewhere between the key and an equal share per head."""
    key = frame["population"] * frame["need"]
    amount = 0.6 * key / key.sum() + 0.4 * frame["population"] / frame["population"].sum()
    amount = amount * rng.uniform(0.85, 1.2, len(frame))
    amount *= SUPPLY / amount.sum()
    return pd.DataFrame(
        {
            "round": "2022",
            "region_id": frame["id"],
            "resource": "fund",
            "entitlement": (key / key.sum() * SUPPLY).round(2),
            "amount": amount.round(2),
        }
    )


def random_rules(frame: pd.DataFrame, past: pd.DataFrame, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Rules around one allocation that keeps them all: last round's amounts, moved a little."""
    inside = past["amount"].to_numpy() * rng.uniform(0.95, 1.05, len(frame))
    inside *= SUPPLY / inside.sum()
    heads, previous = frame["population"].to_numpy(), past["amount"].to_numpy()
    key = past["entitlement"].to_numpy()
    rules: list[dict[str, Any]] = []

    def add(name: str, **fields: Any) -> None:
        if rng.random() < 0.6:
            rules.append({"kind": "limit", "name": name, "resource": "fund", **fields})
            if rng.random() < 0.2:
                rules.append({"kind": "limit", "name": f"{name} again", "resource": "fund", **fields})

    loose = rng.uniform(0.9, 1.0)
    add("floor", of="head", floor=float(loose * (inside / heads).min()))
    add(
        "tunnel",
        of="previous",
        floor=float((inside / previous).min() * loose),
        cap=float((inside / previous).max() / loose),
    )
    add("cap", of="share", cap=float((inside / SUPPLY).max() / loose))
    for group in ("state", "coast"):
        sums = pd.Series(inside).groupby(frame[group].to_numpy()).sum()
        keys = pd.Series(key).groupby(frame[group].to_numpy()).sum()
        ratio = sums[keys > 0] / keys[keys > 0]
        if len(ratio):
            add(f"{group} near its key", each=group, of="entitlement", floor=float(ratio.min() * loose))
        people = pd.Series(heads).groupby(frame[group].to_numpy()).sum()
        add(
            f"{group} per head",
            each=group,
            of="head",
            floor=float((sums / people).min() * loose),
            cap=float((sums / people).max() / loose),
        )
    east = (frame["coast"] == "east").to_numpy()
    if east.any():
        add(
            "quota",
            each="all",
            where="coast == 'east'",
            of="share",
            floor=float(inside[east].sum() / SUPPLY * loose),
        )
    return rules


def fund(seed: int, n: int, *, zeros: float = 0.0, tiny: float = 0.0, **more: Any) -> Fund:
    """A random fund with a history and rules that can be kept."""
    rng = np.random.default_rng(seed)
    frame = regions(rng, n, zeros, tiny)
    past = history(frame, rng)
    rules = random_rules(frame, past, rng)
    return Fund(parse_policy(policy(rules, **more)), frame, past)


def oracle(problem: Problem, rows: tuple[Rows, ...]) -> np.ndarray:
    """`nearest` by cvxpy and Clarabel, written anew from the contract; amounts per cell."""
    n = problem.n
    return np.concatenate(
        [
            _one_resource(one, [(r.matrix[:, k * n : (k + 1) * n].toarray(), r.low, r.high) for r in rows], n)
            for k, one in enumerate(problem.resources)
        ]
    )


def _one_resource(one: Any, rules: list[tuple[np.ndarray, np.ndarray, np.ndarray]], n: int) -> np.ndarray:
    """Who has no target gets its own floor, else nothing, unless the rules cannot be kept that way."""
    floors = np.zeros(n)
    for matrix, low, _ in rules:
        for row in np.flatnonzero((matrix != 0).sum(axis=1) == 1):
            floors = np.maximum(floors, np.where(matrix[row] != 0, low[row], 0.0))
    heads = one.scope.regions.population
    equal = np.ones(n) / n if heads is None else heads / heads.sum()
    shares = one.target > 0
    fixed = np.where(shares, 0.0, floors)
    closed = []
    near = 1e-9 * one.shared_out
    for m, low, high in rules:
        some = m[:, shares].any(axis=1)
        alone = (m @ fixed)[~some]
        if (alone < low[~some] - near).any() or (alone > high[~some] + near).any():
            return np.asarray(_solved(one.target / one.shared_out, equal, rules, one.shared_out, 1.0))
        closed.append((m[some][:, shares], (low - m @ fixed)[some], (high - m @ fixed)[some]))
    e = one.target / one.shared_out
    found = _solved(e[shares], equal[shares], closed, one.shared_out, 1 - fixed.sum() / one.shared_out)
    if found is None:
        return _solved(e, equal, rules, one.shared_out, 1.0)
    fixed[shares] = found
    return fixed


def _solved(
    e: np.ndarray,
    equal: np.ndarray,
    rules: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    total: float,
    part: float,
) -> np.ndarray | None:
    """In z = (x - e) / sqrt(d X) the objective is |z|^2, so the optimum is the least-norm point on the rows
    that Clarabel's multipliers show to bind: that removes the rest of its inexactness (1e-6).

    part: what of the total is shared among these.
    """
    n = len(e)
    root = np.sqrt(np.maximum(e, 1e-6 * equal))
    sides = [(np.ones((1, n)), np.full(1, part)), (-np.ones((1, n)), np.full(1, -part)), (np.eye(n), np.zeros(n))]
    for matrix, low, high in rules:
        if matrix.any():
            sides.append((matrix[np.isfinite(low)], low[np.isfinite(low)] / total))
            sides.append((-matrix[np.isfinite(high)], -high[np.isfinite(high)] / total))
    matrix = np.concatenate([a for a, _ in sides])
    bound = np.concatenate([b for _, b in sides]) - matrix @ e
    size = np.sqrt(((matrix * root) ** 2).sum(axis=1))
    a, b = matrix * root / size[:, None], bound / size
    z = cp.Variable(n)
    keeps = a @ z >= b
    task = cp.Problem(cp.Minimize(cp.sum_squares(z)), [keeps])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Clarabel warns when it stops short of 1e-16; the comparison decides
        task.solve(solver=cp.CLARABEL, **CLARABEL)
    if task.status not in ("optimal", "optimal_inaccurate"):
        return None
    points = []
    for least in np.logspace(-3, -14, 23):
        binds = keeps.dual_value > least * keeps.dual_value.max()
        points.append(np.linalg.lstsq(a[binds], b[binds], rcond=1e-12)[0])
    kept = [p for p in points if (a @ p - b).min() >= -1e-12] or [z.value]
    if np.abs(np.minimum(a @ z.value - b, 0.0)).max(initial=0.0) > 1e-6:
        return None
    return (e + root * min(kept, key=lambda p: float(p @ p))) * total
