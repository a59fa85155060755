"""Precedents: the earlier decided round to which a round is compared, and where it is read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fundalloc import certificate as written
from fundalloc.certificate import CERTIFICATE
from fundalloc.change import Round
from fundalloc.differences import Differs
from fundalloc.earlier import again
from fundalloc.errors import Fault, InputError
from fundalloc.fund import Fund
from fundalloc.intake import contents
from fundalloc.language import say
from fundalloc.loading import reopened
from fundalloc.posed import Posed
from fundalloc.rebuilding import rebuilt
from fundalloc.replacing import reading
from fundalloc.report.folder import read_summary
from fundalloc.sources import Source

if TYPE_CHECKING:
    from fundalloc.ledger import Ledger


def precedent(since: str, later: Callable[[], Posed], ledger: Ledger | None = None) -> Round:
    """The round that somebody means by a folder, by a label of a ledger, or of the data of a later round.

    since: a folder that `allocate` wrote, else the label of a round. later: the fund of the later round, before any
    amendment. Raises InputError where there is no such round, or where it was not decided by that policy.
    """
    if (Path(since) / CERTIFICATE).is_file():
        return recorded(Path(since))
    entry = None if ledger is None else ledger.standing(since).entry
    if ledger is not None and entry is not None and CERTIFICATE in entry.files:
        where = Path(f"{ledger.where}: {entry.said()}")
        return as_decided(*written.parsed(ledger.file(entry, CERTIFICATE), str(where)), where)
    return again(since, later())


def before_events(folder: Path) -> Fund:
    """The fund of a folder that `allocate` or `amend` wrote, before any amendment."""
    certificate, inputs = opened(folder)
    return reopened(inputs, str(certificate["round"]), [str(s) for s in certificate["settings"]], amended=False)


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
                    say(
                        "does not follow from its policy and data: {code_error} What that changed cannot be told.",
                        code_error=error,
                    ),
                    say("Write what was added to the model by hand as rules of the policy."),
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
    with reading(folder):
        read_summary(folder)
        try:
            content = contents(folder / CERTIFICATE)
        except OSError:
            raise _broken(folder) from None
    return written.parsed(content, str(folder / CERTIFICATE))


def _broken(folder: Path) -> InputError:
    fault = Fault(
        say("is missing or not as allocate writes it."), say("Decide the round again."), file=str(folder / CERTIFICATE)
    )
    return InputError([fault])
