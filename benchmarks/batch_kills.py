"""Kills: a batch is killed or interrupted at random moments; what it leaves must be whole, and end in the same bytes.

    python benchmarks/batch_kills.py [--kills 100] [--seed 1]

Each batch is ended after a random while: all its processes at once, the first one alone, or by Ctrl-C or SIGTERM. After
that every folder of a fund must hold one decision or nothing. Before each, half of the funds change; after every five,
the batch runs to its end, and every byte must be that of a batch that nobody disturbed.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from generate import generate

FUNDS, REGIONS, AGAIN = 40, 41, 5
WAYS = ("all killed", "first killed", "SIGINT", "SIGTERM")
WRITES = ["allocation.csv", "certificate.json", "flags.csv", "rules.csv", "steps.csv"]


def started(folder: Path, out: Path) -> subprocess.Popen[bytes]:
    """A batch in a group of processes of its own."""
    command = [sys.executable, "-m", "fundalloc", "batch", str(folder), "-o", str(out), "--jobs", "2", "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def finished(folder: Path, out: Path) -> dict[str, bytes]:
    """A batch that comes to its end; every file of it."""
    with started(folder, out) as process:
        told, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"ended with {process.returncode}: {told.decode()}")
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def timed(folder: Path, out: Path) -> tuple[float, dict[str, bytes]]:
    """The seconds of a batch that nobody disturbs, and every file of it."""
    start = time.perf_counter()
    files = finished(folder, out)
    return time.perf_counter() - start, files


def check_whole(out: Path) -> int:
    """How many folders hold a decision; ends where one holds a part of one."""
    count = 0
    for folder in out.glob("f*"):
        names = {p.name for p in folder.iterdir() if not p.name.startswith(".")}
        journal = (folder / ".fundalloc").exists()  # what the next command finishes
        if names and not journal:
            listed = json.loads((folder / "summary.json").read_bytes())["files"]
            if listed != {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in WRITES}:
                raise SystemExit(f"{folder} holds parts of two decisions")
            count += 1
    return count


def end(process: subprocess.Popen[bytes], way: str) -> bool:
    """Ends a batch; whether it was still at work."""
    alive = process.poll() is None
    if alive and way == "all killed":
        os.killpg(process.pid, signal.SIGKILL)
    elif alive:
        process.send_signal(signal.SIGKILL if way == "first killed" else getattr(signal, way))
    told, _ = process.communicate()  # the end of the last process that could write there
    if b"Traceback" in told and "killed" not in way:  # what is killed can say nothing, and those that it starts do
        raise SystemExit(told.decode())
    return alive


def main() -> None:
    """Reads the command line, and prints what happened."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    hit: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        funds, out = Path(place, "funds"), Path(place, "out")
        seeds = itertools.cycle(range(1, 101))  # of which each gives a fund whose rules can be kept
        for k in range(FUNDS):
            generate(REGIONS, funds / f"f{k:02d}", next(seeds))
        longest = timed(funds, Path(place, "first"))[0]
        for kill in range(given.kills):
            for k in rng.sample(range(FUNDS), FUNDS // 2):
                generate(REGIONS, funds / f"f{k:02d}", next(seeds))
            way = rng.choice(WAYS)
            with started(funds, out) as process:
                time.sleep(rng.uniform(0.1, longest))
                hit[way] += end(process, way)
            check_whole(out)
            if kill % AGAIN == AGAIN - 1:
                longest, whole = timed(funds, Path(place, f"whole{kill}"))
                found = finished(funds, out)
                if found != whole:
                    other = sorted(n for n in {*found, *whole} if found.get(n) != whole.get(n))
                    raise SystemExit(f"after kill {kill + 1} the batch came to other files: {', '.join(other)}")
    told = ", ".join(f"{hit[way]} {way}" for way in WAYS)
    print(f"{given.kills} ends, {hit.total()} of them while it was at work ({told}): all folders whole, the same bytes")


if __name__ == "__main__":
    main()
