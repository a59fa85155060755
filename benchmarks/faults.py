"""Faults: every command that writes is killed, interrupted or refused at each of its calls of the system.

    python benchmarks/faults.py [--parts steps,kills,processes,writers,disk] [--commands allocate,...] [--stride 5]
                                [--kills 400] [--seed 1]

steps: for each command, for each call that concerns where it writes, for each kind of fault: after it the output before
or the new one is there, whole; a second command finds no trace of the first. kills: a process that writes for ever is
killed at random moments. processes: `demo` is killed or interrupted. writers: 2 and 8 processes write into one folder
while another one reads it. disk: a disk with less and less room, and one that may not be written to (where the system
lets us mount one).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from injection import KINDS
from steps import Steps, child, content, demand, jobs, prepare, snapshot

from fundalloc import replacing
from fundalloc.errors import InputError
from fundalloc.report.folder import decided_files, read_summary, write_folder


def steps(scratch: Path, commands: list[str], kinds: list[str], stride: int) -> None:
    """Every command, hit at each of its calls by each kind of fault."""
    home = scratch / "home"
    if commands != ["core"]:
        prepare(home)
    for number, name in enumerate(commands or jobs(home, home)):
        own = scratch / str(number)
        own.mkdir()
        every = 1 if name == "core" else stride
        one = Steps(jobs(home, own / "place")[name], own / "place", own)
        hits = sum(-(-one.run(kind, every) // every) for kind in kinds)
        seen = ", ".join(f"{count} {what}" for what, count in sorted(one.seen.items()) if count)
        print(f"steps: {name}: {hits} faults ({len(kinds)} kinds), every output whole: {seen}", flush=True)


def kills(scratch: Path, count: int, seed: int) -> None:
    """A process that writes rounds for ever, killed at random moments."""
    rng, out = random.Random(seed), scratch / "out"
    number = finished = cleared = 0
    for _ in range(count):
        process = os.fork()
        if not process:
            with contextlib.suppress(BaseException):
                for k in range(number + 1, number + 10_000):
                    write_folder(out, content(k, 20_000), {"fundalloc": {"format": 1}, "number": k})
            os._exit(1)
        time.sleep(rng.uniform(0.0, 0.05))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        if out.is_dir():
            finished += (out / replacing.JOURNAL).exists()
            before = number
            number = whole(out, number) if (out / "summary.json").exists() or number else number
            cleared += traced(out)
            demand(number >= before, "an older round came back")
    write_folder(out, content(number, 20_000), {"fundalloc": {"format": 1}, "number": number})
    demand(not traced(out), "traces were left")
    print(
        f"kills: {count} kills, {number} folders written: the last or the one before was whole each time; "
        f"{finished} kills in the middle of the moves, finished by the next reader; {cleared} left traces, none stayed"
    )


def names(out: Path) -> list[str]:
    """What is in a folder."""
    return [path.name for path in out.iterdir()]


def traced(out: Path) -> bool:
    """Whether there are traces of writers."""
    return any(map(replacing.ours, names(out)))


def processes(scratch: Path, count: int, seed: int) -> None:
    """The command `demo` as users start it, killed or interrupted at random moments of its life."""
    rng, out, said = random.Random(seed), scratch / "demo", scratch / "said"
    command = [sys.executable, "-m", "fundalloc", "demo", "-o", str(out)]
    ends: Counter[str] = Counter()
    demand(subprocess.run(command, capture_output=True, check=False).returncode == 0, "demo ends otherwise")
    new = snapshot(out)[0]
    subprocess.run([*command, "--format", "md"], capture_output=True, check=True)
    old = snapshot(out)[0]
    shortest = 60.0
    for k in range(count):
        subprocess.run([*command, "--format", "md"], capture_output=True, check=True)
        how = (signal.SIGKILL, signal.SIGINT)[k % 2]
        with said.open("wb") as file:
            start = time.monotonic()
            process = subprocess.Popen(command, stdout=file, stderr=file)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0.1, 1.0) * shortest)
                shortest = min(shortest, time.monotonic() - start)
            process.send_signal(how)
            code = process.wait()
        text = said.read_text(encoding="utf-8")
        demand("Traceback" not in text or "runpy" in text, text)
        demand(code in (-how, 0, 130), f"exit code {code}")
        ends["ended before" if code == 0 else "killed" if code == -signal.SIGKILL else "interrupted"] += 1
        with replacing.reading(out):
            demand(snapshot(out)[0] in (old, new), "neither old nor new")
    subprocess.run(command, capture_output=True, check=True)
    demand(snapshot(out) == (new, []), "traces were left")
    told = ", ".join(f"{number} {what}" for what, number in sorted(ends.items()))
    print(f"processes: {count} times demo ({told}): the folder was whole each time", flush=True)


def whole(out: Path, least: int = 0) -> int:
    """The number of the round in a folder, all of whose files are its own."""
    with replacing.reading(out):
        said = read_summary(out)
        files = decided_files(out, said, said["files"])
        number = int(said["number"])
        there = {name for name in names(out) if not replacing.ours(name)}
    demand(there == {*files, "summary.json"}, f"other files: {there}")
    demand({one.split(b"\n")[0] for one in files.values()} == {b"%d" % number}, "files of several rounds")
    demand(number >= least, f"round {number} after {least}")
    return number


def writers(scratch: Path, count: int, times: int) -> None:
    """Processes that write into one folder, and one that reads it."""
    out = scratch / f"out{count}"
    write_folder(out, content(0), {"fundalloc": {"format": 1}, "number": 0})

    def write(who: int) -> int:
        for k in range(times):
            number = 1 + who + count * k
            write_folder(out, content(number, 2_000), {"fundalloc": {"format": 1}, "number": number})
        return 0

    processes = []
    for who in range(count):
        process = os.fork()
        if not process:
            os._exit(child(lambda who=who: write(who), scratch / f"said{who}")[0])
        processes.append(process)
    reads, seen = 0, set()
    while processes:
        seen.add(whole(out))
        reads += 1
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended:
            demand(status == 0, f"a writer: exit status {status}")
            processes.remove(ended)
    demand(whole(out) > count * (times - 1), "the last writer did not win")
    demand(not traced(out), "traces were left")
    print(
        f"writers: {count} at once, {count * times} folders written; {reads} readings meanwhile saw {len(seen)} "
        "different rounds, each whole; no trace was left"
    )


def disk(scratch: Path) -> None:
    """A disk with less and less room, and one that is read-only."""
    place = scratch / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        print("disk: not tried, this system lets us mount none")
        return
    try:
        out, refused = place / "out", 0
        write_folder(out, content(0, 20_000), {"fundalloc": {"format": 1}, "number": 0})
        number = 0
        for room in range(0, 300_000, 4_096):
            filler = place / "filler"
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(4_096)):
                    pass
            with contextlib.suppress(OSError):
                os.truncate(filler, max(filler.stat().st_size - room, 0))
            try:
                write_folder(out, content(number + 1, 20_000), {"fundalloc": {"format": 1}, "number": number + 1})
                number += 1
            except InputError as error:
                refused += 1
                demand("No space left" in str(error), str(error))
            filler.unlink()
            demand(whole(out) == number, "not the last round")
            demand(not traced(out), "traces were left")
        demand(bool(refused and number), f"{refused} refused, {number} written")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        for target in (out, place / "new"):
            try:
                write_folder(target, content(1), {"fundalloc": {"format": 1}})
                demand(False, "a read-only disk was written to")
            except InputError as error:
                demand("Read-only file system" in str(error), str(error))
        demand(whole(out) == number, "a read-only folder cannot be read")
        print(f"disk: {refused} times full, {number} times with room: always the last round, whole; read-only: refused")
    finally:
        subprocess.run(["umount", str(place)], check=True)


def main() -> None:
    """Reads the command line and prints what happened."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", default="steps,kills,processes,writers,disk")
    parser.add_argument("--commands", default="", help="left out: all")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--stride", type=int, default=5, help="every which call of a command; of core each")
    parser.add_argument("--kills", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    parts = given.parts.split(",")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if "steps" in parts:
            commands = given.commands.split(",") if given.commands else []
            steps(scratch, commands, given.kinds.split(","), given.stride)
        if "kills" in parts:
            kills(scratch, given.kills, given.seed)
        if "processes" in parts:
            processes(scratch, given.kills // 10, given.seed)
        if "writers" in parts:
            for count in (2, 8):
                writers(scratch, count, 25)
        if "disk" in parts:
            disk(scratch)


if __name__ == "__main__":
    main()
