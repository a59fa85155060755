"""Times what happens round after round, as whole commands: record, verify the ledger, monitor, plan, amend, explain.

python benchmarks/rounds.py [--sizes 41,3000,35000] [--repeats 3] [--write docs/performance.md]
"""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from generate import generate
from run import between

MARK = "<!-- rounds -->"


def timed(arguments: list[str], folder: Path) -> float:
    """The seconds of one command, which has to end well."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "fundalloc", *arguments], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def measure(n: int, repeats: int, folder: Path) -> dict[str, float]:
    """Medians of each command on a fund of n regions with one recorded round before."""
    generate(n, folder)
    policy, ledger = "policy.toml", ["--ledger", "ledger.sqlite"]
    timed(["rounds", "--import", "history.csv", *ledger], folder)
    timed(["allocate", policy, *ledger, "-o", "out", "--quiet"], folder)
    with (folder / "events.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("region_id", "need", "reason"), ("R000001", 1000, "flood")])
    shutil.copy(folder / "ledger.sqlite", folder / "before.sqlite")
    found: dict[str, list[float]] = {}
    for _ in range(repeats):
        shutil.copy(folder / "before.sqlite", folder / "ledger.sqlite")
        for name, arguments in (
            ("record", ["record", "out", *ledger, "--quiet"]),
            ("rounds --verify", ["rounds", "--verify", *ledger]),
            ("monitor", ["monitor", *ledger]),
            ("plan --rounds 5", ["plan", policy, "--rounds", "5", *ledger]),
            ("amend", ["amend", "out", "--events", "events.csv", "-o", "new", "--quiet"]),
        ):
            found.setdefault(name, []).append(timed(arguments, folder))
    size = (folder / "ledger.sqlite").stat().st_size / 2**20
    return {**{name: statistics.median(times) for name, times in found.items()}, "MB a round": size}


def table(results: dict[int, dict[str, float]]) -> str:
    """The figures as a table in Markdown."""
    names = list(next(iter(results.values())))
    rows = [f"| regions | {' | '.join(names)} |", f"|---:|{'---:|' * len(names)}"]
    rows += [f"| {n:,} | {' | '.join(f'{one[name]:.2f}' for name in names)} |" for n, one in results.items()]
    return "\n".join(rows)


def main() -> None:
    """Measures and prints; with --write puts the table between the marks of a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="41,3000,35000")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    results = {}
    for n in map(int, wanted.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            results[n] = measure(n, wanted.repeats, Path(folder))
    text = table(results)
    print(text)
    if wanted.write:
        between(wanted.write, MARK, text)


if __name__ == "__main__":
    main()
