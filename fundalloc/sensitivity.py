"""Sensitivity: how far each amount and rank depends on weights and figures that might as well be others.

The weights of criteria and of the indicators of indices are drawn within a part of themselves, figures within their
standard errors, and each draw is decided like any other round. This is what is asked of composite indices.
Source: OECD and JRC (2008), Handbook on Constructing Composite Indicators, section 7; Saisana, Saltelli and Tarantola
(2005), Journal of the Royal Statistical Society A 168.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundalloc.candidates import Past
from fundalloc.change import Round
from fundalloc.comparison import sought, the_ledger
from fundalloc.decision import decide
from fundalloc.draws import SEED
from fundalloc.errors import Fault, InputError
from fundalloc.expressions import RESERVED
from fundalloc.fund import Fund
from fundalloc.language import say
from fundalloc.lottery import Draws, drawn
from fundalloc.posed import Posed
from fundalloc.problem import IntArray
from fundalloc.report.formats import write_tables
from fundalloc.report.shaken import facts, inputs, sensitivity_sheet, sentences, text_table, weights_sheet
from fundalloc.report.sheets import Sheet
from fundalloc.report.summary import FORMAT
from fundalloc.roster import Roster
from fundalloc.spreads import Spread, Weight
from fundalloc.uncertainty import standard_errors
from fundalloc.weights import weights

if TYPE_CHECKING:
    import pandas as pd

    from fundalloc.ledger import Ledger

#: by which part of itself a weight is shaken
SHAKE = 0.25
#: so many draws, for so many regions; fewer for more regions, but never fewer than the least
DRAWS, REGIONS, LEAST = 200, 300, 50
MOST = 100_000


class Sensitivity:
    """The range of each amount and rank when weights are shaken and figures drawn within their standard errors."""

    def __init__(
        self, fund: Posed, lots: IntArray, by: float, known: Sequence[Weight], errors: Mapping[str, float], draws: Draws
    ) -> None:
        self.fund, self.by, self.weights, self.errors, self.draws = fund, by, tuple(known), errors, draws
        self._lots = lots

    def __str__(self) -> str:
        """The ranges as a table, then the sentences."""
        return "\n\n".join([text_table(self.spreads, self.sheets["sensitivity.csv"]), "\n".join(self.sentences)])

    @cached_property
    def spreads(self) -> tuple[Spread, ...]:
        """The range of each amount and rank, and what explains it, by resource."""
        problem, drawn = self.fund.problem, self.draws
        return tuple(
            Spread(
                one,
                self._lots[problem.block(r)],
                drawn.lots[:, problem.block(r)],
                problem.regions.population,
                drawn.factors,
                drawn.noise,
            )
            for r, one in enumerate(problem.resources)
        )

    @cached_property
    def sheets(self) -> dict[str, Sheet]:
        """The tables by the name of their file."""
        regions = self.fund.regions
        return {
            "sensitivity.csv": sensitivity_sheet(regions, self.spreads, self.weights, self.errors),
            "weights.csv": weights_sheet(self.spreads, self.weights, self.errors),
        }

    @property
    def table(self) -> pd.DataFrame:
        """One row per resource and region, as sensitivity.csv."""
        return self.sheets["sensitivity.csv"].frame()

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """What was drawn, what could not be decided, and which amounts depend on it most."""
        drawn = self.draws
        return sentences(self.by, self.weights, self.errors, drawn.asked, drawn.failed, drawn.reasons, self.spreads)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was shaken and drawn, what it comes to, versions and hashes, as summary.json."""
        drawn, fund = self.draws, self.fund
        return {
            "fundalloc": {"format": FORMAT, "version": version("fundalloc")},
            "title": fund.policy.fund.title,
            "round": fund.round,
            "shake": self.by,
            "uncertainty": dict(self.errors),
            "seed": SEED,
            "draws": {"asked": drawn.asked, "decided": len(drawn.lots), **drawn.failed, "reasons": drawn.reasons},
            "weights": [{"key": w.key, "share": round(w.share, 6)} for w in self.weights],
            "resources": [facts(one, fund.regions, inputs(self.weights, self.errors)) for one in self.spreads],
            "sentences": list(self.sentences),
            "versions": {name: version(name) for name in ("fundalloc", "highspy", "numpy", "pyomo", "scipy")},
            "inputs": {name: {"file": s.file, "sha256": s.sha256} for name, s in sorted(fund.inputs.items())},
            "settings": list(fund.settings),
        }

    def write(self, folder: str | Path, formats: Collection[str] = ()) -> None:
        """Writes sensitivity.csv, weights.csv and summary.json to a folder, whole or not at all.

        formats: "html" for a page beside them. Raises InputError where the folder holds files that fundalloc did not
        write.
        """
        write_tables(folder, self.sheets, self.summary, formats, ("sensitivity.html", self._page))

    def _page(self) -> bytes:
        from fundalloc.report.page.shaken import shaken
        from fundalloc.report.page.sides import sides_page

        return sides_page(shaken(self.summary, self.sentences, *(sheet.records() for sheet in self.sheets.values())))


def shake(
    subject: Fund | Round | str | Path,
    by: float = SHAKE,
    draws: int | None = None,
    *,
    jobs: int = 1,
    ledger: str | Path | Ledger | None = None,
    **options: Any,
) -> Sensitivity:
    """The range of each amount and rank when weights and figures might as well be others.

    subject: a fund, a decided round, or what `compare` takes. by: each weight is drawn between 1 - by and 1 + by times
    itself, all alike likely. draws: how many; left out: 200, above 300 regions fewer. Figures are drawn as
    `[uncertainty]` of the policy says. The same draws on every machine. jobs: how many processes decide them. options:
    those of `load`. Raises InputError with every fault, ConflictError or SolverError where the round itself cannot be
    decided; draws that cannot be decided are counted.
    """
    if isinstance(subject, str | Path):
        source = sought([subject], the_ledger(ledger), options)[0]
        subject = source.round() if isinstance(source, Past) else source
    fund: Posed = subject.fund if isinstance(subject, Round) else subject
    if "events" in fund.tables:
        text = say("is an amendment, which has no weights.")
        raise InputError([Fault(text, say("Name the round that was amended."), value=fund.round)])
    problem = fund.problem
    count = usual(problem.n) if draws is None else draws
    for option, value, low, high in (("--shake", by, 0, 0.99), ("--draws", count, 1, MOST), ("--jobs", jobs, 1, MOST)):
        if not low <= value <= high:
            fault = Fault(
                say("is not possible here."),
                say("Write a number from {code_low} to {code_high}.", code_low=low, code_high=high),
                key=option,
                value=str(value),
            )
            raise InputError([fault])
    errors = standard_errors(fund.policy.uncertainty, Roster(fund.tables["regions"], fund.policy.regions, RESERVED))
    known = weights(fund.policy, problem)
    lots = subject.lots if isinstance(subject, Round) else decide(problem, fund.rows).lots
    return Sensitivity(fund, lots, by, known, errors, drawn(fund, by, known, errors, count, jobs))


def usual(regions: int) -> int:
    """How many draws are made if nobody says: 200 for up to 300 regions, fewer above."""
    return DRAWS if regions <= REGIONS else max(LEAST, DRAWS * REGIONS // regions)
