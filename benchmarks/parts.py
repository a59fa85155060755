"""Seconds of each part of one round, as JSON.

    python benchmarks/parts.py FUND OUT

`translate` is timed once more after the round; `solve` holds it too.
"""

from __future__ import annotations

import json
import sys
import time

PARTS = ["imports", "read", "build", "translate", "solve", "polish", "round", "explain", "audit", "write"]


def main() -> None:
    """Decides the round of a folder and prints what each part took."""
    folder, out = sys.argv[1:]
    seconds = {}
    start = time.perf_counter()
    from fundalloc.loading import load
    from fundalloc.solve import translate

    seconds["imports"] = time.perf_counter() - start
    start = time.perf_counter()
    fund = load(folder)
    seconds["read"] = time.perf_counter() - start
    allocation = fund.allocate()
    seconds |= allocation.decision.seconds
    start = time.perf_counter()
    allocation.write(out)
    seconds["write"] = time.perf_counter() - start
    model = fund.model()
    start = time.perf_counter()
    translate(model)
    seconds["translate"] = time.perf_counter() - start
    print(json.dumps({part: seconds[part] for part in PARTS}))


if __name__ == "__main__":
    main()
