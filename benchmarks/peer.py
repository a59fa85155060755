"""The peer: the same round by a plain script with pandas and cvxpy (Clarabel), as an analyst writes it.

It reads the same files, solves the same problem and writes amounts in cents; it explains nothing,
checks nothing and rounds by the largest remainder.

    python benchmarks/peer.py FOLDER OUT.csv
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import cvxpy as cp
import numpy as np
import pandas as pd
import scipy.sparse as sp


def main(folder: Path, out: Path) -> None:
    """Decides the round of a folder made by generate.py."""
    policy = tomllib.loads((folder / "policy.toml").read_text(encoding="utf-8"))
    frame = pd.read_csv(folder / "regions.csv").sort_values("region_id", ignore_index=True)
    past = pd.read_csv(folder / "history.csv").set_index("region_id")["amount"].reindex(frame["region_id"]).to_numpy()
    people, need = frame["population"].to_numpy(float), frame["need"].to_numpy()
    total = float(policy["resources"]["fund"]["supply"])
    e = 0.4 * people / people.sum() + 0.6 * people * need / (people * need).sum()
    per_head, pace, state = policy["rules"]
    low = np.maximum(per_head["floor"] * people, pace["floor"] * past) / total
    high = pace["cap"] * past / total
    codes, _ = pd.factorize(frame["state"])
    groups = sp.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    due = groups @ e
    y = cp.Variable(len(frame))
    task = cp.Problem(
        cp.Minimize(cp.sum_squares(cp.multiply(y - e, 1 / np.sqrt(2 * e)))),
        [
            y >= low,
            y <= high,
            cp.sum(y) == 1,
            groups @ y >= state["floor"] * due,
            groups @ y <= state["cap"] * due,
        ],
    )
    task.solve(solver=cp.CLARABEL)
    real = y.value * total * 100
    cents = np.floor(real).astype(np.int64)
    short = round(total * 100 - cents.sum())
    cents[np.argsort(-(real - cents), kind="stable")[:short]] += 1
    pd.DataFrame({"region_id": frame["region_id"], "amount": cents / 100}).to_csv(out, index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
