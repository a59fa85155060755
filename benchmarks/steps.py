"""Steps: the commands that write, and what has to be there when one of them was hit at one of its calls."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from injection import Injection

from fundalloc import replacing
from fundalloc.cli.app import run
from fundalloc.errors import InputError
from fundalloc.interrupts import listen
from fundalloc.report.folder import write_folder

POLICY = """format = 1
[fund]
title = "Small fund"
round = "2023"
[regions]
file = "regions.csv"
id = "id"
name = "name"
round = "year"
population = "people"
[resources.fund]
supply = 1000
unit = "EUR"
lot = 0.01
reserve = 0.1
criteria = [{ name = "people", weight = 1, measure = "people" }]
[[rules]]
kind = "limit"
name = "floor"
of = "head"
floor = 1.2
"""
REGIONS = "id,name,year,people\n" + "".join(
    f"{c},{c}stadt,{year},{people}\n" for year in (2022, 2023) for c, people in (("A", 100), ("B", 200), ("C", 300))
)
EVENTS = "region_id,resource,need,returned,paid,supply,reason\nA,fund,20,,,,flood\n"
Files = dict[str, bytes]


@dataclass(frozen=True)
class Job:
    """A command that writes to a place. before: the arguments that made what is there already; none: nothing is."""

    before: list[str]
    now: list[str]


def jobs(home: Path, place: Path) -> dict[str, Job]:
    """The commands; home: policy, data, decided rounds, ledgers; place: where they write."""
    fund, out = str(home / "fund"), ["-o", str(place / "out")]
    more = ["--set", "resources.fund.supply=2000"]
    letters = ["notices", str(home / "r2"), *out]
    export = ["rounds", "--export", str(place / "out" / "all.jsonl"), "--ledger"]
    return {
        "core": Job(["core", "1", str(place / "out")], ["core", "2", str(place / "out")]),
        "allocate": Job(["allocate", fund, *out, "--format", "md"], ["allocate", fund, *out, *more]),
        "allocate to a new folder": Job([], ["allocate", fund, "-o", str(place / "a" / "out")]),
        "amend": Job(["allocate", fund, *out], ["amend", str(home / "r1"), "--events", str(home / "e.csv"), *out]),
        "notices": Job([*letters, "--region", "A", "--format", "md"], letters),
        "compare": Job(
            ["compare", fund, str(home / "r1"), *out], ["compare", str(home / "r1"), str(home / "r2"), *out]
        ),
        "plan": Job(["plan", fund, "--rounds", "1", *out], ["plan", fund, "--rounds", "2", *out]),
        "monitor": Job(
            ["monitor", "--ledger", str(home / "l1"), *out], ["monitor", "--ledger", str(home / "l2"), *out]
        ),
        "export": Job([*export, str(home / "l1")], [*export, str(home / "l2")]),
        "restore": Job([], ["rounds", "--restore", "2023", "--ledger", str(home / "l2"), *out]),
        "new": Job([], ["new", str(place / "out"), "--from", "yrd"]),
    }


def prepare(home: Path) -> None:
    """What the commands read."""
    (home / "fund").mkdir(parents=True)
    (home / "fund" / "policy.toml").write_text(POLICY, encoding="utf-8")
    (home / "fund" / "regions.csv").write_text(REGIONS, encoding="utf-8")
    (home / "e.csv").write_text(EVENTS, encoding="utf-8")
    for name, round_ in (("r1", "2022"), ("r2", "2023")):
        done(["allocate", str(home / "fund"), "--round", round_, "-o", str(home / name)])
    done(["record", str(home / "r1"), "--ledger", str(home / "l1"), "--by", "Ada"])
    shutil.copy(home / "l1", home / "l2")
    done(["record", str(home / "r2"), "--ledger", str(home / "l2"), "--by", "Ada"])


def perform(arguments: list[str]) -> int:
    """Runs a command, or the writing of a folder alone; the exit code."""
    if arguments[0] != "core":
        return run(arguments)
    try:
        write_folder(Path(arguments[2]), content(int(arguments[1])), {"fundalloc": {"format": 1}})
    except (InputError, KeyboardInterrupt) as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, InputError) else 130
    return 0


def content(number: int, size: int = 1) -> Files:
    """The files of a writer: some of every one, some its own, all with its number."""
    return {name: f"{number}\n".encode() * size for name in ("allocation.csv", "steps.csv", f"only{number % 3}.csv")}


def done(arguments: list[str]) -> None:
    """Runs a command that has to do what it should."""
    with Path(os.devnull).open("w") as null, contextlib.redirect_stdout(null), contextlib.redirect_stderr(null):
        end = perform(arguments)
    if end != 0:
        raise SystemExit(f"{' '.join(arguments)}: exit code {end}")


def child(work: Callable[[], int], said: Path) -> tuple[int, int, str]:
    """Runs something in a process of its own: exit code or 0, the signal that ended it or 0, what it said."""
    process = os.fork()
    if not process:
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, closefd=False) for n in (1, 2))
        code = 1
        try:
            code = work()
        finally:
            os._exit(code)
    status = os.waitpid(process, 0)[1]
    text = said.read_text(encoding="utf-8", errors="replace")
    if os.WIFSIGNALED(status):
        return 0, os.WTERMSIG(status), text
    return os.WEXITSTATUS(status), 0, text


def snapshot(place: Path) -> tuple[Files, list[str]]:
    """All files under a place, and the traces of writers among them."""
    files: Files = {}
    traces = []
    for path in sorted(place.rglob("*")):
        parts = path.relative_to(place).parts
        if any(map(replacing.ours, parts)):
            traces.append(str(path.relative_to(place)))
        elif path.is_file():
            files[str(path.relative_to(place))] = path.read_bytes()
    return files, traces


class Steps:
    """One command, hit at each of its calls."""

    def __init__(self, job: Job, place: Path, scratch: Path) -> None:
        self.job, self.place, self.start, self.said = job, place, scratch / "start", scratch / "said"
        place.mkdir()
        if job.before:
            done(job.before)
            (place / "out" / "mine.txt").write_text("a file of somebody else", encoding="utf-8")
        shutil.copytree(place, self.start)
        self.old = snapshot(place)[0]
        done(job.now)
        self.new = snapshot(place)[0]
        self.seen: Counter[str] = Counter()
        if self.old == self.new:
            raise SystemExit(f"{job.now}: changes nothing")

    def run(self, kind: str, stride: int) -> int:
        """All calls; how many there were."""
        for step in range(1, 10**6, stride):
            if not self.hit(step, kind):
                return step - 1
        return 0

    def hit(self, step: int, kind: str) -> bool:
        """One call; False where the command ended before it."""
        shutil.rmtree(self.place)
        shutil.copytree(self.start, self.place)
        injected = Injection(self.place, step, kind)

        def work() -> int:
            listen()
            injected.install()
            code = perform(self.job.now)
            injected.step = 0
            print(f"\nHIT {injected.said}" if injected.said else "\nNOT HIT")
            return code

        code, ended, text = child(work, self.said)
        if not ended and "NOT HIT" in text:
            return False
        self._check(f"{kind} at call {step}: exit code {code}, signal {ended}\n{text}", kind, code, ended, text)
        return True

    def _check(self, where: str, kind: str, code: int, ended: int, text: str) -> None:
        files, traces = snapshot(self.place)
        partly = "in part only" in text
        whole = files in (self.old, self.new)
        killed = bool(ended)
        demand("Traceback" not in text and "bug in fundalloc" not in text, f"words: {where}")
        demand(not killed or ended == signal.SIGKILL, f"signal: {where}")
        demand(killed or code in (0, 3, 130), f"code: {where}")
        demand(killed or (code == 130) == (kind in ("Ctrl-C", "terminated")) or code == 0, f"interrupted: {where}")
        if not killed and not partly:
            demand(whole, f"a mixture: {where}{sorted(files)} {traces}")
            demand(code != 0 or files == self.new, f"exit code 0, but not done: {where}")
            demand(code != 3 or files == self.old, f"exit code 3, but not as before: {where}")
        self.seen["whole at once" if whole else "finished by the next reader"] += 1
        if traces:
            why = "a kill" if killed else "a disk that stayed broken" if "from then on" in kind else "a single error"
            self.seen[f"with traces until the next command after {why}"] += 1
        if self.job.now[1] != "--export":
            for folder in {self.place / Path(name).parent for name in (*self.old, *self.new)}:
                with replacing.reading(folder):
                    pass
        files, _ = snapshot(self.place)
        demand(files in (self.old, self.new), f"neither old nor new: {where}{sorted(files)}")
        if files == self.new and not self.job.before:
            return
        done(self.job.now)
        demand(snapshot(self.place) == (self.new, []), f"after the next command: {where}{snapshot(self.place)[1]}")


def demand(holds: bool, what: str) -> None:
    """Ends everything where something does not hold."""
    if not holds:
        raise SystemExit(what)
