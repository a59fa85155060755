"""Candidates: the policies and decided rounds that are compared, and where each is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundalloc.amending import ALLOCATION
from fundalloc.certificate import CERTIFICATE, parsed
from fundalloc.change import Round
from fundalloc.errors import ConflictError, Fault, InputError, SolverError
from fundalloc.fund import Fund
from fundalloc.language import say
from fundalloc.loading import load, reopened
from fundalloc.policy import policy_path
from fundalloc.precedent import as_decided, opened
from fundalloc.replacing import reading
from fundalloc.report.folder import decided_files, read_summary, rows_of
from fundalloc.sources import Source

if TYPE_CHECKING:
    from fundalloc.ledger import Ledger

Row = Mapping[str, str]
RULES = "rules.csv"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A policy, decided here, or a round that was decided before.

    label: what it is called in tables. origin: policy, folder or ledger. allocation, rules: the rows of allocation.csv
    and rules.csv.
    """

    label: str
    origin: str
    fund: Fund
    allocation: Sequence[Row]
    rules: Sequence[Row]


@dataclass(frozen=True, eq=False)
class Past:
    """A decided round with its files, where it lies, and what its certificate says."""

    origin: str
    where: Path
    files: Mapping[str, bytes]
    certificate: Mapping[str, Any]
    inputs: Mapping[str, Source]

    def candidate(self, label: str) -> Candidate:
        """The round as it was decided, or amended."""
        settings = [str(s) for s in self.certificate["settings"]]
        fund = reopened(self.inputs, str(self.certificate["round"]), settings)
        allocation, rules = (rows_of(self.files[name].decode()) for name in (ALLOCATION, RULES))
        return Candidate(label, self.origin, fund, allocation, rules)

    def round(self) -> Round:
        """The round with its amounts, checked to follow from its policy and data."""
        return as_decided(self.certificate, self.inputs, self.where)


def past(given: str | Path, ledger: Ledger | None = None) -> Past | None:
    """The decided round that a folder or a label of a ledger means; None where it is neither."""
    folder = Path(given)
    with reading(folder):
        if (folder / CERTIFICATE).is_file():
            summary = read_summary(folder)
            files = decided_files(folder, summary, summary["files"])
            return Past("folder", folder, files, *opened(folder))
    standings = {} if ledger is None else ledger.standings()
    if ledger is None or str(given) not in standings or policy_path(folder).is_file():
        return None
    entry = standings[str(given)].entry
    if CERTIFICATE not in entry.files:
        text = say("is recorded with its amounts alone, without policy and data.")
        raise InputError([Fault(text, say("Compare rounds that were decided here."), value=str(given))])
    where = Path(f"{ledger.where}: {entry.said()}")
    files = ledger.files(entry)
    return Past("ledger", where, files, *parsed(files[CERTIFICATE], str(where)))


def decided(fund: Fund, label: str) -> Candidate:
    """A fund as a candidate: it is decided here. Errors say which one it is."""
    try:
        sheets = fund.allocate().sheets
    except ConflictError as error:
        raise ConflictError(error.rules, say(": ").join([label, error.reason]), error.relaxations) from None
    except SolverError as error:
        raise SolverError(say(": ").join([label, str(error)])) from None
    allocation, rules = (
        [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows()]
        for sheet in (sheets[ALLOCATION], sheets[RULES])
    )
    return Candidate(label, "policy", fund, allocation, rules)


def found(given: str | Path, ledger: Ledger | None = None, **options: Any) -> Past | Fund:
    """The decided round or the policy that somebody means. options: as for `load`, for policies.

    given: a folder that `allocate` or `amend` wrote, a policy file or a folder with a policy.toml, or the label of a
    round of the ledger. Raises InputError where it is none of these.
    """
    before = past(given, ledger)
    if before is not None:
        return before
    if not policy_path(Path(given)).is_file():
        if ledger is None:
            text = say("is no policy, no folder with a policy.toml, and no folder that allocate wrote.")
            remedy = say("A label of a recorded round needs --ledger.")
        else:
            text = say(
                "is no policy, no folder with a policy.toml, and no folder that allocate wrote, and {code_ledger} has "
                "no round of that name.",
                code_ledger=ledger.where,
            )
            remedy = say("Recorded rounds are: {code_list}.", code_list=", ".join(ledger.standings()) or "-")
        raise InputError([Fault(text, remedy, value=str(given))])
    return load(given, ledger=ledger, **options)


def labelled(given: Sequence[str | Path]) -> list[str]:
    """A name for each: that of its file or folder, all that was given where two have the same, else a number more."""
    paths = [Path(one) for one in given]
    short = [p.stem if p.suffix == ".toml" and p.name != "policy.toml" else _folder(p) for p in paths]
    long = [name if short.count(name) == 1 else str(p) for name, p in zip(short, paths, strict=True)]
    return numbered(long)


def numbered(names: Sequence[str]) -> list[str]:
    """Names, each one that stood before with a number."""
    taken: list[str] = []
    for name in names:
        k, one = 1, name
        while one in taken:
            k += 1
            one = f"{name} ({k})"
        taken.append(one)
    return taken


def _folder(path: Path) -> str:
    """The name of a folder; of a policy.toml that of the folder it is in."""
    here = path.parent if path.name == "policy.toml" else path
    return here.name or here.resolve().name or str(path)
