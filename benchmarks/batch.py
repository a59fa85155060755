"""Measures whole batches: 1,000 funds of 41 regions, 100 of 3,000, one of 100,000 regions and 4 resources.

    python benchmarks/batch.py [--small] [--write docs/performance.md]

Time is that of the command, decided anew and then again with nothing changed; memory the most that one of its
processes ever had; growth by how much that rose per fund from the tenth part of the funds to the last one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from generate import generate
from run import between

MARK = "<!-- batch -->"
#: funds, regions, resources
LOADS = ((1_000, 41, 1), (100, 3_000, 1), (1, 100_000, 4))
SMALL = ((20, 41, 1), (3, 3_000, 1), (1, 3_000, 4))


class Measured(NamedTuple):
    """Seconds, the jobs as they ended, and the peak MB of the largest process."""

    seconds: float
    jobs: list[dict[str, Any]]
    peak: float


def batch(folder: Path, out: Path, jobs: int) -> Measured:
    """One batch as a process of its own; that the rules of a fund cannot be kept is the one fault that may be."""
    command = [sys.executable, "-m", "fundalloc", "batch", str(folder), "-o", str(out), "--jobs", str(jobs)]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen([*command, "--json", "--quiet"], stdout=told, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)  # the peak of the largest: its own, or of one that it waited for
        seconds = time.perf_counter() - start
        told.seek(0)
        lines = [json.loads(line) for line in told]
    if os.waitstatus_to_exitcode(status) not in (0, 8) or any(job["exit_code"] not in (0, 4) for job in lines[:-1]):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return Measured(seconds, lines[:-1], usage.ru_maxrss / 1024)


def row(count: int, regions: int, resources: int, jobs: int, folder: Path) -> str:
    """A row of the table."""
    out = folder / f"out-{jobs}"
    first, again = batch(folder / "funds", out, jobs), batch(folder / "funds", out, jobs)
    if any(job["fresh"] and job["status"] == "decided" for job in again.jobs):
        raise SystemExit("something was decided again though nothing had changed")
    size = sum(p.stat().st_size for p in out.rglob("*") if p.is_file()) / 2**20
    conflicts = sum(job["status"] == "failed" for job in first.jobs)
    peaks = [job["peak_mb"] for job in first.jobs]
    warm = len(peaks) // 10
    growth = f"{1024 * (peaks[-1] - peaks[warm]) / (len(peaks) - 1 - warm):.1f}" if warm and jobs == 1 else ""
    return (
        f"| {count:,} | {regions:,} | {resources} | {conflicts} | {jobs} | {first.seconds:.1f} "
        f"| {first.seconds / count:.3f} | {again.seconds:.1f} | {first.peak:.0f} | {growth} | {size:.0f} |"
    )


def main() -> None:
    """Measures and prints; with --write puts the table between the marks of a page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="few funds, to see that it works")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    lines = [
        "| funds | regions | resources | of them in conflict | --jobs | s | s a fund | unchanged s "
        "| MB of a process | growth, kB a fund | MB written |",
        f"|{'---:|' * 11}",
    ]
    for count, regions, resources in SMALL if given.small else LOADS:
        with tempfile.TemporaryDirectory() as folder:
            for k in range(count):
                generate(regions, Path(folder) / "funds" / f"f{k:04d}", k + 1, resources)
            for jobs in (1, 2) if count > 1 else (1,):
                lines.append(row(count, regions, resources, jobs, Path(folder)))
                print(lines[-1], file=sys.stderr)
    text = "\n".join(lines)
    print(text)
    if given.write:
        between(given.write, MARK, text)


if __name__ == "__main__":
    main()
