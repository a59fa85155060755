"""Times rules on inequality beside the textbook program, and many resources at once, in one run.

    python benchmarks/rules.py [--repeats 3] [--write docs/performance.md]

Own: the whole decision of a round as a library (program, HiGHS, proof, lots, explanation, audit). Peer: the
same optimum by cvxpy with Clarabel, the Gini coefficient as the sum over all pairs; nothing but the optimum.
They run in turns; medians of wall time. Where the peer would take hours, it is left out.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
import warnings
from pathlib import Path
from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from generate import generate
from run import publish

from fundalloc import Fund
from fundalloc.inequality import atkinson, gini, hoover, ratio, theil
from fundalloc.policy import parse_policy

MARK = "<!-- rules -->"
MEASURES = {"gini": gini, "hoover": hoover, "theil": theil, "ratio": ratio, "atkinson": atkinson}
PEER_UP_TO = 300


def fund(folder: Path, rules: list[dict[str, Any]], resources: int = 1) -> Fund:
    """The generated fund of a folder with further rules, its resource as often as is asked for."""
    raw = tomllib.loads((folder / "policy.toml").read_text(encoding="utf-8"))
    raw["rules"] += rules
    history = pd.read_csv(folder / "history.csv")
    more = {f"fund{k}": raw["resources"]["fund"] for k in range(2, resources + 1)}
    raw["resources"] |= more
    history = pd.concat([history, *(history.assign(resource=name) for name in more)], ignore_index=True)
    return Fund(parse_policy(raw), pd.read_csv(folder / "regions.csv"), history)


def pairwise(found: Fund, bound: float) -> np.ndarray:
    """The same optimum with the Gini coefficient as the sum over all pairs."""
    one = found.problem.resources[0]
    total, people = one.shared_out, found.problem.regions.population
    p = people / people.sum()
    x = cp.Variable(found.problem.n)
    constraints = [cp.sum(x) == 1, x >= 0]
    for rows in found.rows:
        if rows.kind == "limit":
            low, high = np.isfinite(rows.low), np.isfinite(rows.high)
            constraints += [rows.matrix[low] @ x >= rows.low[low] / total] if low.any() else []
            constraints += [rows.matrix[high] @ x <= rows.high[high] / total] if high.any() else []
    i, j = np.triu_indices(len(p), 1)
    h = cp.multiply(x, 1 / p)
    constraints.append(cp.sum(cp.multiply(p[i] * p[j], cp.abs(h[i] - h[j]))) <= bound * cp.sum(x))
    e = one.target / total
    task = cp.Problem(cp.Minimize(cp.sum_squares(cp.multiply(x - e, 1 / np.sqrt(e)))), constraints)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task.solve(solver=cp.CLARABEL)
    return np.asarray(x.value * total)


def timed(work: Any, *arguments: Any) -> tuple[float, Any]:
    """Seconds and result."""
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, result


def inequality(n: int, measure: str, part: float, repeats: int, folder: Path) -> str:
    """A row of the table: the measure capped at a part of its free value."""
    free = fund(folder, []).allocate().decision.optimum.amounts
    people = pd.read_csv(folder / "regions.csv").sort_values("region_id")["population"].to_numpy(float)
    value = MEASURES[measure](free, people)
    bound = 1 + part * (value - 1) if measure == "ratio" else part * value
    rule = {"kind": "inequality", "name": "even", "measure": measure, "at_most": bound}
    own, peer, apart = [], [], ""
    for _ in range(repeats):
        found = fund(folder, [rule])
        _ = found.rows
        seconds, allocation = timed(found.allocate)
        own.append(seconds)
        if measure == "gini" and n <= PEER_UP_TO:
            seconds, amounts = timed(pairwise, found, bound)
            peer.append(seconds)
            mean = found.problem.resources[0].shared_out / n
            apart = f"{np.abs(amounts - allocation.decision.optimum.amounts).max() / mean:.0e}"
    over = MEASURES[measure](allocation.decision.optimum.amounts, people) - bound
    other, times = "", ""
    if peer:
        other, times = f"{statistics.median(peer):.2f}", f"{statistics.median(peer) / statistics.median(own):.0f}"
    own_median = statistics.median(own)
    return f"| {measure} | {100 * part:.0f} % | {n:,} | {own_median:.2f} | {over:.0e} | {other} | {times} | {apart} |"


def many(n: int, resources: int) -> None:
    """Decides one round of many cells in this process and prints seconds and peak MB."""
    with tempfile.TemporaryDirectory() as folder:
        generate(n, Path(folder))
        found = fund(Path(folder), [], resources)
        _ = found.rows
        seconds, _ = timed(found.allocate)
    print(f"{seconds:.2f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


def main() -> None:
    """Measures and prints; with --write puts the tables between the marks of a page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--many", type=int, nargs=2)
    wanted = parser.parse_args()
    if wanted.many:
        many(*wanted.many)
        return
    lines = [
        "| measure | of its free value | regions | own s | over the bound | pairwise s | times | apart |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for n in (41, 300, 3000, 35000):
            here = Path(folder) / str(n)
            generate(n, here)
            for measure, part in (("gini", 0.8), ("gini", 0.5), *((m, 0.7) for m in MEASURES if m != "gini")):
                lines.append(inequality(n, measure, part, wanted.repeats, here))
                print(lines[-1], file=sys.stderr)
    lines += ["", "| cells | own s | peak MB |", "|---:|---:|---:|"]
    for n, count in ((35_000, 4), (100_000, 4)):
        runs = []
        for _ in range(wanted.repeats):
            command = [sys.executable, __file__, "--many", str(n), str(count)]
            runs.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        seconds, memory = (statistics.median(float(r[k]) for r in runs) for k in (0, 1))
        lines.append(f"| {n:,} x {count} | {seconds:.1f} | {memory:,.0f} |")
        print(lines[-1], file=sys.stderr)
    publish(lines, MARK, wanted.write)


if __name__ == "__main__":
    main()
