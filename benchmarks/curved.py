"""Times leximin, benefit and alpha_fair with values beside one rule on inequality, and cvxpy on the same, in one run.

    python benchmarks/curved.py [--repeats 3] [--write docs/performance.md]

Own: the optimum as a library, proven. Peer: one program by cvxpy with Clarabel, which gives the lowest level, the
greatest total, or the greatest sum of utilities; of leximin it is the first of as many programs as there are levels.
Apart: of these values, relative; empty where Clarabel failed. Medians of wall time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from pathlib import Path
from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from rules import MEASURES, timed
from run import publish

from fundalloc import Fund
from fundalloc.choice import chosen
from fundalloc.objectives import attained, weights
from fundalloc.policy import parse_policy
from fundalloc.rules import Curve

MARK = "<!-- curved -->"
SUPPLY = 1_000_000
#: the cap, as a part of what the measure is where amounts are the targets
PART = 0.7


def fund(n: int, objective: dict[str, Any], measure: str) -> Fund:
    """Regions of uneven size and need, a cap of three shares of the mean, and a cap on inequality."""
    rng = np.random.default_rng(n)
    frame = pd.DataFrame({"id": [f"R{i:05d}" for i in range(n)], "people": np.ceil(rng.lognormal(10, 1, n))})
    frame["need"] = rng.uniform(0.2, 1.0, n).round(3)
    frame["worth"] = rng.lognormal(0, 0.4, n).round(3)
    key = (frame["people"] * frame["need"]).to_numpy()
    people = frame["people"].to_numpy()
    value = MEASURES[measure](key / key.sum(), people)
    bound = 1 + PART * (value - 1) if measure == "ratio" else PART * value
    own = {} if objective["kind"] == "leximin" else {"value": "worth"}
    money = {"supply": SUPPLY, "lot": 0.01, "criteria": [{"name": "n", "weight": 1, "measure": "people * need"}], **own}
    stated = {
        "format": 1,
        "fund": {"round": "1"},
        "regions": {"id": "id", "population": "people"},
        "objective": objective,
        "resources": {"fund": money},
        "rules": [
            {"kind": "inequality", "name": "even", "measure": measure, "at_most": float(bound)},
            {"kind": "limit", "name": "cap", "of": "share", "cap": float(1.2 * key.max() / key.sum())},
        ],
    }
    return Fund(parse_policy(stated), frame)


def kept(measure: str, x: Any, people: np.ndarray, bound: float) -> list[Any]:
    """A cap on inequality, from its definition."""
    p = people / people.sum()
    if measure == "gini":
        i, j = np.triu_indices(len(p), 1)
        h = cp.multiply(x, 1 / p)
        return [cp.sum(cp.multiply(p[i] * p[j], cp.abs(h[i] - h[j]))) <= bound]
    return {
        "hoover": lambda: [cp.norm1(x - p) / 2 <= bound],
        "ratio": lambda: [cp.max(cp.multiply(x, 1 / p)) <= bound * cp.min(cp.multiply(x, 1 / p))],
        "theil": lambda: [cp.sum(cp.rel_entr(x, p)) <= bound],
        "atkinson": lambda: [cp.sum(cp.multiply(np.sqrt(p), cp.sqrt(x))) >= np.sqrt(1 - bound)],
    }[measure]()


def peer(found: Fund, measure: str) -> float:
    """The value of the objective by one program; NaN where it fails."""
    problem = found.problem
    rule = next(r for r in found.rows if isinstance(r, Curve))
    x = cp.Variable(problem.n, nonneg=True)
    cap = 1.2 * problem.target.max() / SUPPLY
    rules = [cp.sum(x) == 1, x <= cap, *kept(measure, x, rule.basis, rule.at_most)]
    level = cp.multiply(x, SUPPLY / problem.target)
    goal = {
        "leximin": lambda: cp.min(level),
        "benefit": lambda: (problem.value * SUPPLY) @ x,
        "alpha_fair": lambda: weights(problem) @ cp.log(level),
    }[problem.objective]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(cp.Problem(cp.Maximize(goal), rules).solve(solver=cp.CLARABEL))
        except cp.error.SolverError:
            return float("nan")


def row(kind: str, measure: str, n: int, repeats: int) -> str:
    """A row of the table."""
    found = fund(n, {"kind": kind}, measure)
    _ = found.rows
    own, others = [], []
    for _ in range(repeats):
        seconds, tried = timed(lambda: chosen(found.problem, found.rows, whole=False))
        own.append(seconds)
        if not tried.proven:
            return f"| {kind} | {measure} | {n:,} | refused after {seconds:.2f} |  |  |  |"
        seconds, best = timed(peer, found, measure)
        others.append(seconds)
    mine = attained(found.problem, tried.optimum.amounts)
    apart = "" if np.isnan(best) else f"{abs(mine - best) / max(abs(best), 1e-3):.0e}"
    alone, theirs = statistics.median(own), statistics.median(others)
    return f"| {kind} | {measure} | {n:,} | {alone:.2f} | {theirs:.2f} | {theirs / alone:.1f} | {apart} |"


def main() -> None:
    """Measures and prints; with --write puts the table between the marks of a page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    lines = [
        "| objective | beside | regions | own s | one program by cvxpy, Clarabel s | times | apart |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for kind in ("leximin", "benefit", "alpha_fair"):
        for measure in MEASURES:
            for n in (41, 300):
                lines.append(row(kind, measure, n, wanted.repeats))
                print(lines[-1], file=sys.stderr)
    publish(lines, MARK, wanted.write)


if __name__ == "__main__":
    main()
