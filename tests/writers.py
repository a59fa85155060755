"""Processes that write into one ledger at the same moment.

    python -m tests.writers PLACE same|other COUNT TIMES

Prints a JSON list: for each process, for each round that it recorded, its exit code and what it was told.
"""

from __future__ import annotations

import json
import os
import sys

from fundalloc.errors import LedgerError
from fundalloc.ledger import Ledger


def write(place: str, who: int, rounds: list[str]) -> list[tuple[int, str]]:
    """Records rounds; for each the exit code and the words."""
    said = []
    for label in rounds:
        try:
            entry = Ledger(place, create=True).append(
                "decision", label, name=f"writer {who}", reason="because", files={"f": os.urandom(1000)}
            )
            said.append((0, entry.hash))
        except LedgerError as error:
            said.append((error.exit_code, str(error)))
    return said


def at_once(place: str, same: bool, count: int, times: int) -> list[list[tuple[int, str]]]:
    """What each of several processes was told; all start when the last one is there."""
    gate, opened = os.pipe()
    results = []
    for who in range(count):
        out, back = os.pipe()
        if not os.fork():
            os.close(opened)
            os.read(gate, 1)  # ends when the gate is opened
            rounds = [str(k) if same else f"{k}/{who}" for k in range(times)]
            os.write(back, json.dumps(write(place, who, rounds)).encode())
            os._exit(0)
        os.close(back)
        results.append(out)
    os.close(opened)
    said = []
    for out in results:
        with os.fdopen(out, "rb") as file:
            said.append(json.loads(file.read()))
    return said


if __name__ == "__main__":
    where, kind, processes, many = sys.argv[1:]
    print(json.dumps(at_once(where, kind == "same", int(processes), int(many))))
