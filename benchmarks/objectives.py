"""Times leximin, alpha_fair and benefit, and `nearest` with many cells, beside other programs in one run.

    python benchmarks/objectives.py [--peers PYTHON] [--repeats 3] [--write docs/performance.md]

PYTHON: an interpreter of an environment of its own with cvxpy-leximin, clarabel, linopy and highspy[extras]==1.15.1;
without it these columns stay empty. Own: the optimum as a library, proven; round: the whole decision with lots,
explanation (Shapley values, so the objective is solved up to 8 times) and audit. Medians of wall time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import cvxpy as cp
import highspy
import numpy as np
import pandas as pd
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).parent))
from generate import generate
from rules import fund, timed
from run import between

from fundalloc import Fund
from fundalloc.choice import chosen
from fundalloc.objectives import weights, worth
from fundalloc.policy import parse_policy
from fundalloc.system import assemble

MARK = "<!-- objectives -->"
RESOURCES = 3
#: the largest numbers of regions at which others are waited for
NAIVE_UP_TO, LEXIMIN_UP_TO, LINOPY_UP_TO = 300, 41, 100_000
#: longest seconds a program in the other environment is waited for
PATIENCE = 600


def market(n: int, objective: dict[str, Any], *, values: bool) -> Fund:
    """Regions with equal rights to three resources; with values of their own each also has caps."""
    rng = np.random.default_rng(1)
    value = np.exp(rng.normal(0, 0.6, (n, RESOURCES)))
    cap = 1e4 * np.minimum(1, np.exp(rng.normal(-1.2, 0.8, (n, RESOURCES))))
    supply = np.round(0.4 * cap.sum(axis=0) * rng.uniform(0.7, 1.2, RESOURCES))
    frame = pd.DataFrame({"id": [f"R{i:05d}" for i in range(n)], "people": np.ceil(rng.lognormal(10, 1, n))})
    frame["state"] = [f"s{i % 20}" for i in range(n)]
    frame["zone"] = [f"z{i % 7}" for i in range(n)]
    resources, rules = {}, []
    for r in range(RESOURCES):
        frame[f"v{r}"], frame[f"c{r}"] = value[:, r], cap[:, r]
        key = {"name": "right", "weight": 1, "measure": "1" if values else "people"}
        own = {"value": f"v{r}"} if values else {}
        resources[f"r{r}"] = {"supply": float(supply[r]), "lot": 0.01, "criteria": [key], **own}
        if values:
            rules.append({"kind": "limit", "name": f"cap {r}", "resource": f"r{r}", "of": f"c{r}", "cap": 1})
    if not values:
        for group, floor, most in (("state", 0.7, 1.2), ("zone", 0.9, 1.05)):
            rules.append(
                {"kind": "limit", "name": group, "each": group, "of": "entitlement", "floor": floor, "cap": most}
            )
    stated = {
        "format": 1,
        "fund": {"round": "1"},
        "regions": {"id": "id", "population": "people", "groups": ["state", "zone"]},
        "objective": objective,
        "resources": resources,
        "rules": rules,
    }
    return Fund(parse_policy(stated), frame)


def own(found: Fund, repeats: int) -> tuple[float, float, np.ndarray]:
    """Median seconds of the optimum alone and of the whole round, and the amounts of the optimum."""
    _ = found.rows
    alone, whole = [], []
    for _ in range(repeats):
        seconds, tried = timed(lambda: chosen(found.problem, found.rows, whole=False))
        alone.append(seconds)
        whole.append(timed(found.allocate)[0])
    return statistics.median(alone), statistics.median(whole), tried.optimum.amounts


def tables(found: Fund) -> dict[str, np.ndarray]:
    """values, caps (regions x resources) and supplies in units of supply, for the others."""
    problem = found.problem
    system = assemble(problem, found.rows, whole=False)
    shape = (RESOURCES, problem.n)
    size = problem.size.reshape(shape).T
    due = worth(problem, problem.target)[:, np.newaxis]
    return {
        "values": problem.value.reshape(shape).T * size / due,
        "caps": np.minimum(system.high, problem.size).reshape(shape).T / size,
    }


def naive(values: np.ndarray, caps: np.ndarray) -> np.ndarray:
    """leximin, each level that may be raised by a linear program of its own (Ogryczak's way)."""
    n, count = values.shape
    cells = n * count
    region, resource = np.arange(cells) // count, np.arange(cells) % count
    rows = np.concatenate([resource, count + region, count + np.arange(n)])
    columns = np.concatenate([np.arange(cells), np.arange(cells), np.full(n, cells)])
    data = np.concatenate([np.ones(cells), values.ravel(), -np.ones(n)])
    matrix = sp.csr_array((data, (rows, columns)), shape=(count + n, cells + 1))
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_, lp.sense_ = cells + 1, count + n, highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_ = np.r_[np.zeros(cells), 1.0], np.zeros(cells + 1)
    lp.col_upper_ = np.r_[caps.ravel(), np.inf]
    lp.row_lower_ = np.r_[np.ones(count), np.zeros(n)]
    lp.row_upper_ = np.r_[np.ones(count), np.full(n, np.inf)]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    h.passModel(lp)
    live, every = np.ones(n, dtype=bool), np.arange(cells + 1, dtype=np.int32)
    while live.any():
        h.changeColsCost(cells + 1, every, np.r_[np.zeros(cells), 1.0])
        h.run()
        level = h.getSolution().col_value[cells]
        h.changeColBounds(cells, level * (1 - 1e-10), level * (1 - 1e-10))
        held = []
        for k in np.flatnonzero(live):
            now = np.array(h.getSolution().col_value)[k * count : (k + 1) * count] @ values[k]
            if now > level * (1 + 1e-7):
                continue
            cost = np.zeros(cells + 1)
            cost[k * count : (k + 1) * count] = values[k]
            h.changeColsCost(cells + 1, every, cost)
            h.run()
            if h.getInfo().objective_function_value <= level * (1 + 1e-7):
                held.append(int(k))
        for k in held:
            live[k] = False
            h.changeCoeff(count + k, cells, 0.0)
            h.changeRowBounds(count + k, level * (1 - 1e-10), np.inf)
        h.changeColBounds(cells, 0.0, np.inf)
        if not held:
            break
    return np.array(h.getSolution().col_value)[:cells].reshape(n, count)


LEXIMIN = """
import sys, time, warnings; warnings.simplefilter("ignore")
import numpy as np, cvxpy, cvxpy_leximin as cl
d = np.load(sys.argv[1]); v, c = d["values"], d["caps"]
start = time.perf_counter()
x = cvxpy.Variable(v.shape)
levels = [v[i] @ x[i] for i in range(len(v))]
cl.Problem(cl.Leximin(levels), [x >= 0, x <= c, cvxpy.sum(x, axis=0) == 1]).solve()
print(time.perf_counter() - start); np.save(sys.argv[2], x.value)
"""
LINOPY = """
import sys, time, warnings, logging; warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
import numpy as np, scipy.sparse as sp, linopy, xarray as xr
d = np.load(sys.argv[1]); n = len(d["low"])
m = sp.csr_array((d["data"], d["indices"], d["indptr"]), shape=tuple(d["shape"]))
start = time.perf_counter()
model = linopy.Model()
c = xr.DataArray(np.arange(n), dims="c")
x = model.add_variables(lower=xr.DataArray(d["low"], dims="c"), upper=xr.DataArray(d["high"], dims="c"), name="x")
for k in range(m.shape[0]):
    span = slice(m.indptr[k], m.indptr[k + 1])
    left = (x.isel(c=m.indices[span]) * xr.DataArray(m.data[span], dims="c")).sum()
    if d["row_low"][k] == d["row_high"][k]:
        model.add_constraints(left == d["row_low"][k])
    else:
        if np.isfinite(d["row_low"][k]): model.add_constraints(left >= d["row_low"][k])
        if np.isfinite(d["row_high"][k]): model.add_constraints(left <= d["row_high"][k])
w = xr.DataArray(d["weight"], dims="c")
model.add_objective((w * x * x).sum() - (2 * w * xr.DataArray(d["e"], dims="c") * x).sum())
model.solve("highs", io_api="direct", solver="hipo", output_flag=False)
print(time.perf_counter() - start); np.save(sys.argv[2], model.solution["x"].values)
"""


def elsewhere(python: str, script: str, arrays: dict[str, np.ndarray]) -> tuple[float, np.ndarray | None]:
    """Seconds and answer of a script in another environment; infinite where it does not end."""
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "in.npz", Path(folder) / "out.npy"
        np.savez(given, **arrays)
        command = [python, "-c", script, str(given), str(answer)]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False
            )
            return float(done.stdout.split()[-1]), np.load(answer)
        except (subprocess.TimeoutExpired, IndexError, ValueError, FileNotFoundError):
            return np.inf, None


def shown(seconds: float, base: float) -> str:
    """Two columns: seconds and how many times the own ones."""
    if not np.isfinite(seconds):
        return f"over {PATIENCE} | "
    return f"{seconds:.3f} | {seconds / base:,.1f}"


def leximin(n: int, repeats: int, python: str) -> str:
    found = market(n, {"kind": "leximin"}, values=True)
    alone, whole, amounts = own(found, repeats)
    given = tables(found)
    shares = (amounts / found.problem.size).reshape(RESOURCES, n).T
    mine = np.sort((given["values"] * shares).sum(axis=1))
    others, apart = [], []
    if n <= NAIVE_UP_TO:
        seconds, answer = timed(lambda: naive(**given))
        apart.append(np.abs(np.sort((given["values"] * answer).sum(axis=1)) - mine).max())
        others.append(shown(seconds, alone))
    else:
        others.append(" | ")
    if python and n <= LEXIMIN_UP_TO:
        seconds, answer = elsewhere(python, LEXIMIN, given)
        others.append(shown(seconds, alone))
        if answer is not None:
            apart.append(np.abs(np.sort((given["values"] * answer).sum(axis=1)) - mine).max())
    else:
        others.append(" | ")
    return f"| {n:,} | {alone:.3f} | {whole:.2f} | {' | '.join(others)} | {f'{max(apart):.0e}' if apart else ''} |"


def fair(n: int, alpha: float, repeats: int, *, values: bool) -> str:
    found = market(n, {"kind": "alpha_fair", "alpha": alpha}, values=values)
    alone, whole, amounts = own(found, repeats)
    problem = found.problem
    system = assemble(problem, found.rows, whole=False)
    e, cells = problem.target / problem.size, problem.cells
    if values:
        due = np.tile(worth(problem, problem.target), RESOURCES)
        level = sp.csr_array((problem.value * problem.size / due, (np.tile(np.arange(n), RESOURCES), np.arange(cells))))
        weight = weights(problem).reshape(RESOURCES, n).sum(axis=0)
    else:
        level, weight = sp.diags_array(1 / e).tocsr(), e
    supply = sp.csr_array((np.ones(cells), (np.repeat(np.arange(RESOURCES), n), np.arange(cells))))
    rows = system.matrix @ sp.diags_array(problem.size)
    low, high = system.low / problem.size, np.minimum(system.high / problem.size, 1)

    def peer() -> np.ndarray:
        x = cp.Variable(cells)
        keeps = [supply @ x == 1, x >= low, x <= high]
        if rows.shape[0]:
            unit = sp.diags_array(1 / problem.size[system.matrix.indices[system.matrix.indptr[:-1]]])
            least, most = np.isfinite(system.row_low), np.isfinite(system.row_high)
            body, floor, cap = unit @ rows, unit @ system.row_low, unit @ system.row_high
            keeps += [body[least] @ x >= floor[least], body[most] @ x <= cap[most]]
        u = cp.log(level @ x) if alpha == 1 else cp.power(level @ x, 1 - alpha) / (1 - alpha)
        task = cp.Problem(cp.Maximize(weight @ u), keeps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            task.solve(solver=cp.CLARABEL)
        return np.asarray(x.value)

    seconds = [timed(peer) for _ in range(repeats)]
    theirs = statistics.median(s for s, _ in seconds)
    apart = np.abs(level @ (amounts / problem.size) - level @ seconds[0][1]).max()
    kind = "regions" if values else "cells"
    return f"| {kind} | {alpha:g} | {n:,} | {alone:.3f} | {whole:.2f} | {shown(theirs, alone)} | {apart:.0e} |"


def nearest(n: int, python: str, folder: Path) -> str:
    generate(n, folder)
    found = fund(folder, [], 4)
    _ = found.rows
    seconds, allocation = timed(found.allocate)
    problem = found.problem
    system = assemble(problem, found.rows, whole=False)
    e, size = problem.target / problem.size, problem.size
    supply = sp.csr_array((np.ones(problem.cells), (np.repeat(np.arange(4), n), np.arange(problem.cells))))
    rows = sp.vstack([supply, system.matrix @ sp.diags_array(size)], format="csr")
    unit = np.concatenate([np.ones(4), size[system.matrix.indices[system.matrix.indptr[:-1]]]])
    rows = sp.csr_array(sp.diags_array(1 / unit) @ rows)
    low = np.concatenate([np.ones(4), system.row_low]) / unit
    high = np.concatenate([np.ones(4), system.row_high]) / unit

    def peer() -> np.ndarray:
        x = cp.Variable(problem.cells)
        least, most = np.isfinite(low), np.isfinite(high)
        keeps = [x >= system.low / size, x <= np.minimum(system.high / size, 1)]
        keeps += [rows[least] @ x >= low[least], rows[most] @ x <= high[most]]
        task = cp.Problem(cp.Minimize(cp.sum_squares(cp.multiply(x - e, 1 / np.sqrt(e)))), keeps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            task.solve(solver=cp.CLARABEL)
        return np.asarray(x.value)

    theirs, answer = timed(peer)
    apart = np.abs(answer * size - allocation.decision.optimum.amounts).max() / (size[0] / n)
    other = " | "
    if python and n <= LINOPY_UP_TO:
        scale = np.maximum(e, 1e-3 / n)  # linopy is given amounts of about one, else HiGHS does not end
        scaled = sp.csr_array(rows @ sp.diags_array(scale))
        given = {
            "e": e / scale,
            "weight": scale**2 / e * n,
            "low": system.low / size / scale,
            "high": np.minimum(system.high / size, 1) / scale,
            "data": scaled.data,
            "indices": scaled.indices,
            "indptr": scaled.indptr,
            "shape": np.array(scaled.shape),
            "row_low": low,
            "row_high": high,
        }
        other = shown(elsewhere(python, LINOPY, given)[0], seconds)
    return f"| {n:,} x 4 | {seconds:.2f} | {shown(theirs, seconds)} | {other} | {apart:.0e} |"


def main() -> None:
    """Measures and prints; with --write puts the tables between the marks of a page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", default="")
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    lines: list[str] = []

    def table(head: str, aligned: str, rows: Any) -> None:
        lines.extend(["", head, aligned])
        for row in rows:
            lines.append(row)
            print(row, file=sys.stderr)

    start = time.perf_counter()
    table(
        "| leximin, 3 resources: regions | own s | round s | one by one s | times | cvxpy-leximin s | times | apart |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
        (leximin(n, wanted.repeats, wanted.peers) for n in (41, 300, 3000, 35_000)),
    )
    table(
        "| alpha_fair of | alpha | regions | own s | round s | cvxpy, Clarabel s | times | apart |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        (
            fair(n, alpha, wanted.repeats, values=values)
            for values, alpha in ((False, 1.0), (False, 4.0), (True, 1.0), (True, 4.0))
            for n in (41, 300, 3000, 35_000)
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        table(
            "| nearest: cells | own round s | cvxpy, Clarabel s | times | linopy, HiGHS s | times | apart |",
            "|---:|---:|---:|---:|---:|---:|---:|",
            (nearest(n, wanted.peers, Path(folder) / str(n)) for n in (35_000, 100_000)),
        )
    text = "\n".join(lines).strip()
    print(text)
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    if wanted.write:
        between(wanted.write, MARK, text)


if __name__ == "__main__":
    main()
