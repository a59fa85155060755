"""Precedents: the earlier decided round to which a round is compared, and where it is read from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fundalloc import certificate as written
from fundalloc.certificate import CERTIFICATE
from fundalloc.change import Round
from fundalloc.differences import Differs
from fundalloc.errors import ConflictError, Fault, InputError
from fundalloc.explain import printed_unit
from fundalloc.fund import Fund, reopened
from fundalloc.rebuilding import rebuilt
from fundalloc.report.folder import read_summary
from fundalloc.sources import Source

if TYPE_CHECKING:
    from fundalloc.ledger import Ledger


def precedent(since: str, folder: Path, ledger: Ledger | None = None) -> Round:
    """The round that somebody means by a folder, by a label of a ledger, or of the inputs of another folder.

    since: a folder that `allocate` wrote, else the label of a round. folder: holds the later round. Raises InputError
    where there is no such round, or where it was not decided by that policy.
    """
    if (Path(since) / CERTIFICATE).is_file():
        return recorded(Path(since))
    entry = None if ledger is None else ledger.standing(since).entry
    if ledger is not None and entry is not None and CERTIFICATE in entry.files:
        where = Path(f"{ledger.where}: {entry.said()}")
        return as_decided(*read_certificate(ledger.file(entry, CERTIFICATE), where), where)
    return again(since, *opened(folder))


def recorded(folder: Path) -> Round:
    """The round of a folder that `allocate` or `amend` wrote, as it was decided."""
    return as_decided(*opened(folder), folder)


def as_decided(certificate: Mapping[str, Any], inputs: Mapping[str, Source], folder: Path) -> Round:
    """The round of a certificate, as it was decided; folder: where it was.

    Raises InputError where its program does not follow from its policy and data.
    """
    settings = [str(s) for s in certificate["settings"]]
    fund = reopened(inputs, str(certificate["round"]), settings)
    try:
        rebuilt(fund, certificate)
        amounts = written.read(certificate["optimum"]["amounts"])
        lots = np.array([lot for block in certificate["lots"] for lot in block], dtype=np.int64)
    except Differs as error:
        raise InputError(
            [
                Fault(
                    f"does not follow from its policy and data: {error} What that changed cannot be told.",
                    "Write what was added to the model by hand as rules of the policy.",
                    file=str(folder),
                )
            ]
        ) from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        raise _broken(folder) from None
    if len(amounts) != fund.problem.cells or len(lots) != fund.problem.cells:
        raise _broken(folder)
    if "events" not in inputs:
        return Round(fund, amounts, lots)
    return replace(Round.of(reopened(inputs, fund.round, settings, amended=False)), amended=lots)


def opened(folder: Path) -> tuple[Mapping[str, Any], Mapping[str, Source]]:
    """The certificate of a folder and the inputs in it."""
    read_summary(folder)
    try:
        content = (folder / CERTIFICATE).read_bytes()
    except OSError:
        raise _broken(folder) from None
    return read_certificate(content, folder)


def read_certificate(content: bytes, folder: Path) -> tuple[Mapping[str, Any], Mapping[str, Source]]:
    """A certificate and the inputs in it."""
    try:
        certificate = json.loads(content)
        inputs = {name: Source.of(entry) for name, entry in certificate["inputs"].items()}
        known = isinstance(certificate["round"], str) and isinstance(certificate["settings"], list)
        if certificate["fundalloc"]["certificate"] != written.FORMAT or not known:
            raise _broken(folder)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _broken(folder) from None
    return certificate, inputs


def _broken(folder: Path) -> InputError:
    fault = Fault("is missing or not as allocate writes it.", "Decide the round again.", file=str(folder / CERTIFICATE))
    return InputError([fault])


def again(label: str, certificate: Mapping[str, Any], inputs: Mapping[str, Source]) -> Round:
    """An earlier round of the inputs of a later one, decided again; it must be what the history of that one records."""
    settings = [str(s) for s in certificate["settings"]]
    later = reopened(inputs, str(certificate["round"]), settings, amended=False)
    known = [r for r in later.regions.rounds if r != later.round]
    if label not in known:
        held = f"Known are: {', '.join(known)}." if known else "The regions file holds no earlier round."
        raise InputError(
            [
                Fault(
                    f"is no folder that allocate wrote, and no round before {later.round} of the regions file.",
                    f"{held} Or name the folder of the round.",
                    value=label,
                )
            ]
        )
    try:
        found = Round.of(reopened(inputs, label, settings, amended=False))
    except ConflictError as error:
        raise InputError([_another(label, error.reason.splitlines()[0])]) from None
    return _as_recorded(found, later)


def _another(label: str, how: str) -> Fault:
    return Fault(
        f"was not decided by this policy with these data: {how}",
        f"Name the folder of {label}, or a ledger, instead of the label.",
        value=label,
    )


def _as_recorded(found: Round, later: Fund) -> Round:
    """The round, where the history of a later one records the same amounts; a remark where it records none."""
    problem, label = found.fund.problem, found.fund.round
    recorded = {name: rounds[label] for name, rounds in later.history.records.items() if label in rounds}
    if not recorded:
        said = f"The history does not record {label}: its amounts are those that this policy decides with its data."
        return replace(found, remark=said)
    decided: dict[tuple[str, str], Decimal] = {}
    for r, one in enumerate(problem.resources):
        for region, lots in zip(problem.regions.ids, found.lots[problem.block(r)].tolist(), strict=True):
            decided[one.name, region] = lots * one.lot
    units = {one.name: float(printed_unit(one.lot)) for one in problem.resources}
    paid = {(name, region): one.amount for name, regions in recorded.items() for region, one in regions.items()}
    for name, region in sorted({*decided, *paid}):
        ours, theirs = decided.get((name, region), Decimal(0)), paid.get((name, region), 0.0)
        if not abs(float(ours) - theirs) <= units.get(name, 0.0) / 2:
            raise InputError([_another(label, f"{region} got {theirs:,.15g} of {name}, but they give it {ours:,f}.")])
    return found
