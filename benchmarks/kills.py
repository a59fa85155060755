"""Kills: a process that records is killed at random moments; nothing that it was told is recorded may be lost.

    python benchmarks/kills.py [--kills 200] [--seed 1] [--ledger URL]

Each process makes or opens a ledger and appends rounds of up to 100 kB, one after the other; what it was told is
recorded it reports. After each kill the ledger must open, fit, and hold exactly what was reported before, and at most
one whole entry more. After every ten kills a new ledger begins.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from pathlib import Path

from fundalloc.errors import LedgerError
from fundalloc.ledger import Ledger

AGAIN = 10
#: seconds
LONGEST = 0.08


def write(place: str, begin: int, seed: int, told: int) -> None:
    """Records rounds for ever, and reports the hash of each."""
    rng = random.Random(seed)
    ledger = Ledger(place, create=True)
    for k in range(begin, 10**9):
        files = {name: rng.randbytes(rng.choice((10, 1_000, 100_000))) for name in ("a", "b")}
        entry = ledger.append("decision", str(k), name="writer", reason="because", files=files)
        os.write(told, f"{entry.hash}\n".encode())


def kill_one(place: str, begin: int, seed: int, patient: bool, delay: float) -> list[str]:
    """Starts a process that records, and kills it after a while; the hashes that it reported.

    patient: the while begins with its first report, else with its start.
    """
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            write(place, begin, seed, told)
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(heard, "rb") as lines:
        first = lines.readline() if patient else b""
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            raise SystemExit("the process ended by itself")
        return (first + lines.read()).decode().split()


def held(place: str) -> list[str]:
    """The hashes that a ledger holds; every one of them, and of its files, fits."""
    try:
        ledger = Ledger(place, create="://" in place)  # waits until a server has ended what was killed
    except LedgerError as error:
        if "there is no ledger" in str(error):  # killed before it was made
            return []
        raise
    faults = ledger.faults()
    if faults:
        raise SystemExit(f"{place}: {faults[0]}")
    return [entry.hash for entry in ledger.entries()]


def run(kills: int, seed: int, place: str, folder: Path) -> str:
    """All kills; what happened. place: a database that is new; empty: files in the folder."""
    rng = random.Random(seed)
    reported: list[str] = []
    more = cut = 0
    where = place
    entries = 0
    for k in range(kills):
        if not place and k % AGAIN == 0:
            entries += len(reported)
            where, reported = str(folder / f"{k}.sqlite"), []
        before = len(reported)
        reported += kill_one(where, before, rng.randrange(2**32), k % 2 == 1, rng.uniform(0.0, LONGEST))
        cut += Path(f"{where}-journal").is_file()
        found = held(where)
        if found[: len(reported)] != reported or len(found) > len(reported) + 1:
            raise SystemExit(f"kill {k}: {len(reported)} entries were reported, {len(found)} are there")
        more += len(found) > len(reported)
        reported = found
    entries += len(reported)
    return (
        f"{kills} kills, {entries} entries: every ledger opened and fitted, none that was reported was lost; "
        f"{cut} kills in the middle of a transaction, {more} after it and before the report"
    )


def main() -> None:
    """Reads the command line and prints what happened."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ledger", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(run(given.kills, given.seed, given.ledger, Path(folder)))


if __name__ == "__main__":
    main()
