"""Fuzzing: a reader is fed with bytes that grow towards every branch of its code; it may read or refuse them, no more.

    pip install atheris==3.0.0     # alone in an environment with fundalloc; it is no dependency of anything
    python benchmarks/fuzz.py READER [--seconds 300] [--seed 1] [--keep DIR]

READER is one of those in tests/readers.py, or `all`, one after the other. What ends with another error than one of
fundalloc, takes more than 20 seconds, or more than 2 GB of memory is written to DIR and ends the run with an exit code.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
LONGEST, MEMORY = 20, 2_000


def fuzz(name: str, arguments: list[str]) -> None:
    """Feeds one reader for ever."""
    import atheris

    with atheris.instrument_imports(include=["fundalloc", "tomllib", "csv", "json"]):
        from tests.readers import READERS, reads
    for seed in READERS[name].seeds():
        reads(name, seed)  # what is made once is made before the clock runs

    atheris.Setup([sys.argv[0], *arguments], lambda content: reads(name, content))
    atheris.Fuzz()


def start(name: str, options: argparse.Namespace) -> int:
    """Fuzzes one reader in a process of its own, from its seeds and what was found before."""
    from tests.readers import READERS

    place = options.keep / name
    place.mkdir(parents=True, exist_ok=True)
    for k, seed in enumerate(READERS[name].seeds()):
        (place / f"seed-{k}").write_bytes(seed)
    words = options.keep / f"{name}.dict"
    words.write_text("".join(f"{escaped(word)}\n" for word in READERS[name].words if word))
    flags = [f"-max_total_time={options.seconds}", f"-seed={options.seed}", f"-timeout={LONGEST}", "-max_len=20000"]
    flags += [f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={place.parent}/{name}-", "-print_final_stats=1"]
    flags += [f"-dict={words}", "-verbosity=1", str(place)]
    return subprocess.run([sys.executable, __file__, name, "--child", json.dumps(flags)], check=False).returncode


def escaped(word: str) -> str:
    """A word as the dictionary of the fuzzer has it."""
    return '"' + "".join(f"\\x{byte:02X}" for byte in word.encode()) + '"'


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzzed"))
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        fuzz(options.reader, options.child)
        return
    from tests.readers import READERS

    names = list(READERS) if options.reader == "all" else [options.reader]
    raise SystemExit(max(start(name, options) for name in names))


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
