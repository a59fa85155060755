"""Times the whole command and its parts beside the peer, in one run, and writes the table.

    python benchmarks/run.py [--sizes 41,3000,35000,100000] [--repeats 5] [--write docs/performance.md]

Each program runs as a process of its own, in turns, so that a busy machine hurts both. Wall time and
peak memory are medians over the repeats, ratios the medians of those of each turn.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from generate import generate

HERE = Path(__file__).parent
IMPORTS = "import pandas, pyomo.environ, highspy, scipy.sparse, pydantic, typer, rich.console"
MARK = "<!-- measured -->"


def run(command: list[str]) -> tuple[float, float, str]:
    """Seconds, peak MB and output of one process, which may keep its compiled modules as it does for everybody."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        out.seek(0)
        text = out.read()
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss / 1024, text


def measure(n: int, repeats: int, folder: Path) -> dict[str, float]:
    """Medians of one size."""
    generate(n, folder)
    own = [
        sys.executable,
        "-m",
        "fundalloc",
        "allocate",
        str(folder),
        "-o",
        str(folder / "out"),
        "--quiet",
    ]
    verify = [sys.executable, "-m", "fundalloc", "verify", str(folder / "out")]
    parts = [sys.executable, str(HERE / "parts.py"), str(folder), str(folder / "parts")]
    peer = [sys.executable, str(HERE / "peer.py"), str(folder), str(folder / "peer.csv")]
    bare = [sys.executable, "-c", IMPORTS]
    found: dict[str, list[float]] = {}
    for _ in range(repeats):
        for name, command in (("own", own), ("verify", verify), ("peer", peer), ("imports", bare), ("parts", parts)):
            seconds, memory, text = run(command)
            found.setdefault(name, []).append(seconds)
            found.setdefault(f"{name} MB", []).append(memory)
            if name == "parts":
                for part, value in json.loads(text).items():
                    found.setdefault(f"part {part}", []).append(value)
    for name, one, other in (
        ("ratio", "own", "peer"),
        ("to imports", "own", "imports"),
        ("to allocate", "verify", "own"),
    ):
        found[name] = [a / b for a, b in zip(found[one], found[other], strict=True)]
    return {name: statistics.median(values) for name, values in found.items()}


def table(results: dict[int, dict[str, float]]) -> str:
    """The results as Markdown."""
    parts = [p for p in next(iter(results.values())) if p.startswith("part ")]
    head = [
        "regions",
        "fundalloc s",
        "cvxpy script s",
        "ratio",
        "bare imports s",
        "to imports",
        "MB",
        "peer MB",
        "verify s",
        "to allocate",
    ]
    lines = [f"| {' | '.join(head)} |", f"|{'---:|' * len(head)}"]
    for n, r in results.items():
        lines.append(
            f"| {n:,} | {r['own']:.2f} | {r['peer']:.2f} | {r['ratio']:.2f} | {r['imports']:.2f} "
            f"| {r['to imports']:.2f} | {r['own MB']:.0f} | {r['peer MB']:.0f} "
            f"| {r['verify']:.2f} | {r['to allocate']:.2f} |"
        )
    lines += [
        "",
        f"| regions | {' | '.join(p.removeprefix('part ') for p in parts)} |",
        f"|{'---:|' * (len(parts) + 1)}",
    ]
    lines += [f"| {n:,} | {' | '.join(f'{r[p]:.3f}' for p in parts)} |" for n, r in results.items()]
    return "\n".join(lines)


def between(page: Path, mark: str, text: str) -> None:
    """Puts a text between two marks of a page."""
    place = re.compile(f"{mark}.*{mark}", re.DOTALL)
    content = page.read_text(encoding="utf-8")
    page.write_text(place.sub(lambda _: f"{mark}\n{text}\n{mark}", content), encoding="utf-8")


def publish(lines: list[str], mark: str, page: Path | None) -> None:
    """Prints a table, and puts it between two marks of a page."""
    text = "\n".join(lines)
    print(text)
    if page:
        between(page, mark, text)


def main() -> None:
    """Measures and prints; with --write puts the tables between the marks of a page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="41,3000,35000,100000")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for n in map(int, wanted.sizes.split(",")):
            results[n] = measure(n, wanted.repeats, Path(folder) / str(n))
            print(f"{n:,}: {results[n]['own']:.2f} s, peer {results[n]['peer']:.2f} s", file=sys.stderr)
    text = table(results)
    print(text)
    if wanted.write:
        between(wanted.write, MARK, text)


if __name__ == "__main__":
    main()
