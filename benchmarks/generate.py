"""Writes a seeded fund of any size: regions, a history of one round, and a policy with floors, a pace
of change and a tolerance for up to fifty groups.

    python benchmarks/generate.py 35000 /tmp/fund35000
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

POLICY = """\
format = 1

[fund]
title = "Benchmark, {n} regions"
round = "2"

[regions]
file       = "regions.csv"
id         = "region_id"
name       = "region_name"
groups     = ["state"]
population = "population"

[history]
file = "history.csv"

{resources}
[[rules]]
kind  = "limit"
name  = "floor per head"
of    = "head"
floor = {floor:.6g}

[[rules]]
kind  = "limit"
name  = "pace of change"
of    = "previous"
floor = 0.85
cap   = 1.25

[[rules]]
kind  = "limit"
name  = "states near their entitlement"
each  = "state"
of    = "entitlement"
floor = 0.985
cap   = 1.015
"""

RESOURCE = """\
[resources.{name}]
supply   = 20_000_000_000
unit     = "EUR"
lot      = 0.01
criteria = [
  {{ name = "population", weight = {weight}, measure = "population" }},
  {{ name = "need",       weight = {rest}, measure = "population * need" }},
]
"""
#: the weight of population in the key of each resource
WEIGHTS = {"fund": 40, "land": 50, "energy": 60, "places": 70}


def generate(n: int, folder: Path, seed: int = 1, resources: int = 1) -> None:
    """Writes policy.toml, regions.csv and history.csv to a folder. resources: how many, up to four."""
    rng = np.random.default_rng(seed)
    population = np.ceil(rng.lognormal(10, 1, n)).astype(int)
    need = rng.uniform(0.2, 1.0, n)
    states = rng.integers(0, max(3, min(50, n // 20)), n)
    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"R{i:06d}" for i in range(n)]
    pd.DataFrame(
        {
            "region_id": ids,
            "region_name": [f"Region {i}" for i in range(n)],
            "state": [f"State {s:02d}" for s in states],
            "population": population,
            "need": need.round(6),
        }
    ).to_csv(folder / "regions.csv", index=False)
    past = []
    for name, weight in list(WEIGHTS.items())[:resources]:
        part = weight / 100
        key = part * population / population.sum() + (1 - part) * population * need / (population * need).sum()
        amount = (0.6 * key + 0.4 * population / population.sum()) * rng.uniform(0.85, 1.2, n)
        amount *= 2e10 / amount.sum()
        columns = {"entitlement": (2e10 * key).round(2), "amount": amount.round(2)}
        past.append(pd.DataFrame({"round": 1, "region_id": ids, "resource": name, **columns}))
    pd.concat(past).to_csv(folder / "history.csv", index=False)
    floor = 0.45 * 2e10 / population.sum()
    sections = [RESOURCE.format(name=r, weight=w, rest=100 - w) for r, w in list(WEIGHTS.items())[:resources]]
    text = POLICY.format(n=n, floor=floor, resources="\n".join(sections))
    (folder / "policy.toml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    generate(int(sys.argv[1]), Path(sys.argv[2]))
