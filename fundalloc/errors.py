"""What can go wrong, and how it is said.

FundallocError               exit code 1
├── InputError               3   faulty data or policy: every fault at once
├── ConflictError            4   no allocation keeps the required rules
├── SolverError              5   the solver stopped without a proven answer
├── DifferenceError          6   an audit found a difference
└── LedgerError              7   the ledger refused; nothing in it was changed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fundalloc.language import say, typeset

#: characters of a value that are shown
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input: what, where, and what to write instead."""

    message: str
    remedy: str = ""
    file: str = ""
    line: int | None = None
    column: str = ""
    key: str = ""
    value: str | None = None

    def __str__(self) -> str:
        place = say(", ").join(
            part
            for part in (
                self.file,
                say("line {line}", line=self.line) if self.line is not None else "",
                say("column {code}", code=self.column) if self.column else "",
                self.key,
            )
            if part
        )
        shown = [] if self.value is None else [repr(_cut(self.value))]
        said = typeset(f"{self.message} {self.remedy}".rstrip())
        return say(": ").join([*([place] if place else []), *shown, said])


def _cut(value: str) -> str:
    """The beginning of a long value."""
    if len(value) <= LONGEST:
        return value
    return say("{code}... ({count:,} characters)", code=value[:LONGEST], count=len(value))


class FundallocError(Exception):
    """Everything that fundalloc raises on purpose."""

    exit_code = 1


class InputError(FundallocError):
    """The data or the policy are faulty; `faults` holds every fault that was found."""

    exit_code = 3

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(dict.fromkeys(faults))
        super().__init__("\n".join(map(str, self.faults)))


class ConflictError(FundallocError):
    """No allocation keeps the required rules; `rules` is a smallest set that clashes."""

    exit_code = 4

    def __init__(self, rules: Iterable[str], reason: str, relaxations: Iterable[str] = ()) -> None:
        self.rules = tuple(rules)
        self.reason = reason
        self.relaxations = tuple(relaxations)
        super().__init__("\n".join([reason, *self.relaxations]))


class SolverError(FundallocError):
    """The solver gave no answer that our own check accepts; nothing may be paid on it."""

    exit_code = 5


class DifferenceError(FundallocError):
    """Amounts do not agree with the policy."""

    exit_code = 6


class LedgerError(FundallocError):
    """The ledger refused: a round recorded twice, a broken chain, a file that is no ledger."""

    exit_code = 7


class Faults:
    """Collects faults, so that a user sees all of them at once."""

    def __init__(self, file: str = "") -> None:
        self.file = file
        self.found: list[Fault] = []

    def add(self, message: str, remedy: str = "", **where: object) -> None:
        """Notes one fault; the keywords are those of `Fault`."""
        where.setdefault("file", self.file)
        self.found.append(Fault(message, remedy, **where))  # type: ignore[arg-type]

    @contextmanager
    def collect(self, key: str = "") -> Iterator[None]:
        """Takes the faults of an InputError raised inside the block and goes on."""
        try:
            yield
        except InputError as error:
            self.found += [f if f.key or not key else replace(f, key=key) for f in error.faults]

    def check(self) -> None:
        """Raises InputError if any fault was found."""
        if self.found:
            raise InputError(self.found)


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known words most like a mistyped one, best first."""
    import difflib

    folded = {k.casefold(): k for k in sorted(known)}
    found = difflib.get_close_matches(word.casefold(), folded, n=count, cutoff=0.5)
    return [folded[f] for f in found]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'Did you mean a, b?', or the known words where none is like it."""
    known = sorted(known)
    close = nearest(word, known)
    if close:
        return say("Did you mean {code}?", code=", ".join(close))
    return say("Known are: {code}.", code=", ".join(known)) if known else ""
