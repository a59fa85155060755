"""Verification: a published round computed again from its folder alone, and its optimum proven, without the solver.

What can be computed again is: inputs to indices, keys, targets, rules and rows; the exact optimum from the multipliers;
its whole lots; every table. The first difference ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fundalloc import certificate as written
from fundalloc.allocation import Allocation
from fundalloc.beside import beside
from fundalloc.certificate import CERTIFICATE
from fundalloc.decided import Decision, concluded
from fundalloc.differences import Differs, entries, lines
from fundalloc.errors import DifferenceError, InputError
from fundalloc.explain import astray
from fundalloc.fund import Fund
from fundalloc.grounds import Grounded, grounded
from fundalloc.intake import contents, json_of
from fundalloc.language import Language, later, learn, say, speaking, spoken
from fundalloc.loading import reopened
from fundalloc.lots import lots_of
from fundalloc.multipliers import explaining, explains, priced
from fundalloc.problem import IntArray, Problem
from fundalloc.proving import Proven, Shown, shown, stated
from fundalloc.rebuilding import Rebuilt, rebuilt
from fundalloc.reissuing import outlines, reissued
from fundalloc.replacing import reading
from fundalloc.report.folder import SUMMARY, told_in
from fundalloc.report.summary import to_json
from fundalloc.reported import reported
from fundalloc.rounding import NoWholeLots
from fundalloc.shapes import Shapes
from fundalloc.shifts import Shift
from fundalloc.sources import Source
from fundalloc.system import System
from fundalloc.verdict import Verdict, leaves, numbers, proves

#: amounts from which on a second process is worth its while
MANY = 2_000
#: the table that is compared first, with the proof: so both processes have about as much to do
FIRST = "steps.csv"
#: parts of the summary that need the solver, or say what it was run with
UNCHECKED = ("versions", "fundalloc", "files", "looked", "geo")


def verify(folder: str | Path, *, processes: int = 1) -> Verdict:
    """Verifies a folder that `allocate` wrote, in its own language; what it finds is said in the one that is spoken.

    Where none was chosen, that is the language of the round. processes: with 2 the two halves of the work on a large
    round are done at the same time, where the system allows that. Raises DifferenceError with the first
    difference, InputError where the folder cannot be read.
    """
    folder = Path(folder)
    with reading(folder), told_in(folder):
        try:
            return Check(folder).run(processes)
        except (Differs, InputError) as error:
            raise DifferenceError(f"{folder}: {error}") from None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            said = say("{code} is not as it should be ({code_error!r}).", code=CERTIFICATE, code_error=error)
            raise DifferenceError(f"{folder}: {said}") from None


@dataclass(frozen=True)
class Proof:
    """What is proven of the amounts and of the choices before them; untold: as in `Shown`."""

    proven: Proven
    untold: tuple[str, ...]
    grounded: Grounded


class Check:
    """One folder, step by step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unverified: tuple[tuple[str, str], ...] = ()
        self.summary = self._json(SUMMARY)
        self.certificate = self._json(CERTIFICATE)
        if self.certificate["fundalloc"]["certificate"] != written.FORMAT:
            raise Differs(later("{code_certificate} was written by another version.", code_certificate=CERTIFICATE))

    def _bytes(self, name: str) -> bytes:
        try:
            return contents(self.folder / name)
        except OSError as error:
            raise Differs(
                later("{code_name} cannot be read ({code_strerror}).", code_name=name, code_strerror=error.strerror)
            ) from None

    def _json(self, name: str) -> Any:
        try:
            return json_of(self._bytes(name))
        except ValueError as error:
            raise Differs(
                later("{code_name} is no JSON text ({code_error}).", code_name=name, code_error=reported(error))
            ) from None

    def run(self, processes: int = 1) -> Verdict:
        """All of it."""
        own: Language | None = self.summary.get("language")
        try:
            with speaking(None), speaking(own):  # what others say in it does not count
                fund, again = self._again()
                count = processes if fund.problem.cells >= MANY else 1
                allocation = cache(lambda: self._allocation(fund, again))
                with beside(lambda: self._beginning(fund, again, allocation), processes=count) as beginning:
                    try:
                        self._rest(fund, allocation(), outlines(fund, self.summary, self._bytes))
                    except Exception:
                        beginning()  # what is wrong with it is said first
                        raise
                    found = beginning()
        except InputError:
            if spoken() != own:
                outlines(self._again()[0], self.summary, self._bytes)  # the same faults, for the reader
            raise
        learn(fund.policy.translations)
        accounting = self.certificate["explained"]["accounting"]
        priced, looked = any(r["price"] for r in self.summary["rules"]), "looked" in self.summary
        left = leaves(again.system, found.grounded, found.untold, found.proven, accounting, priced, looked)
        others = (say(why, code=file) for why, file in self.unverified)
        problem = again.system.problem
        said = proves(problem.objective, found.proven, found.grounded), left, numbers(), *others
        return Verdict(said, found.proven.gap, problem.cells)

    def decided(self) -> tuple[Fund, Decision]:
        """The round as it follows from the certificate, its optimum proven."""
        fund, again = self._again()
        self._proof(fund, again)
        return fund, self._decision(fund, again)

    def _again(self) -> tuple[Fund, Rebuilt]:
        """The inputs read, and the system computed again from them."""
        fund = self._fund()
        return fund, rebuilt(fund, self.certificate)

    def _proof(self, fund: Fund, again: Rebuilt) -> Proof:
        """What is proven of the amounts and of the choices before them; the lots follow from the optimum."""
        found = shown(again.system, again.kept, self.certificate)
        choices = self.certificate["choices"]
        choices_proven = grounded(fund.problem, fund.rows, again.kept, again.out, again.concessions, choices)
        self._lots(fund.problem, again.system, found)
        return Proof(found.proven, found.untold, choices_proven)

    def _fund(self) -> Fund:
        inputs = {name: Source.of(entry) for name, entry in self.certificate["inputs"].items()}
        for name, source in inputs.items():
            for said in (self.certificate["inputs"][name], self.summary["inputs"][name]):
                if said["sha256"] != source.sha256 or said["file"] != source.file:
                    raise Differs(
                        later(
                            "the {code_name} in {code_certificate} is not the one whose SHA-256 is published.",
                            code_name=name,
                            code_certificate=CERTIFICATE,
                        )
                    )
        return reopened(inputs, str(self.certificate["round"]), [str(s) for s in self.certificate["settings"]])

    def _lots(self, problem: Problem, system: System, found: Shown) -> None:
        """The published lots are those that follow from the optimum."""
        try:
            lots = lots_of(system, found.optimum, found.exact)
        except NoWholeLots as error:
            raise Differs(later("no whole lots follow from the optimum: {code_error}.", code_error=error)) from None
        published = self._published()
        if not np.array_equal(lots, published):
            cell = int(np.argmax(lots != published))
            r, i = divmod(cell, problem.n)
            raise Differs(
                later(
                    "{code_region} has {code_published} lots of {code_name}, but {code_lots} follow from the optimum.",
                    code_region=problem.regions.ids[i],
                    code_published=published[cell],
                    code_name=problem.resources[r].name,
                    code_lots=lots[cell],
                )
            )

    def _published(self) -> IntArray:
        return np.concatenate([np.array(block, dtype=np.int64) for block in self.certificate["lots"]])

    def _decision(self, fund: Fund, again: Rebuilt) -> Decision:
        """The decision that follows from the optimum and the lots."""
        system, said = again.system, self.certificate["explained"]
        optimum = stated(system, self.certificate)
        accounting = str(said["accounting"])
        rows = written.read(said["multipliers"])
        if accounting == "multipliers":
            prices = explaining(system, optimum.amounts, rows, written.read(said["supplies"]))
            if not explains(system, optimum.amounts, prices):
                raise Differs(later("the published multipliers do not explain the amounts."))
        else:
            prices = priced(system, optimum.amounts, rows, written.read(said["cells"]))
        moved = [Shift(str(s["rule"]), written.read(s["amounts"]), str(s["kind"])) for s in said["shifts"] or ()]
        found = concluded(
            fund.problem,
            fund.rows,
            system=system,
            optimum=optimum,
            exact=None,
            prices=prices,
            lots=self._published(),
            accounting=accounting,
            moved=moved,
            worth=written.read(said["worth"]) if accounting != "multipliers" else None,
            concessions=again.concessions,
            kept=again.kept,
            out=again.out,
        )
        name = astray(found)
        if name is not None:
            raise Differs(later("the steps of {code_name} do not lead to its amounts.", code_name=name))
        return found

    def _allocation(self, fund: Fund, again: Rebuilt) -> Allocation:
        """The round that follows, with its tables."""
        inputs = {name: Source.of(entry) for name, entry in self.certificate["inputs"].items()}
        decision = self._decision(fund, again)
        return Allocation(fund.policy, decision, inputs, fund.settings, {}, by=self.summary["versions"])

    def _beginning(self, fund: Fund, again: Rebuilt, allocation: Callable[[], Allocation]) -> Proof:
        """The first half: the proof, and one table."""
        found = self._proof(fund, again)
        self._table(allocation(), FIRST)
        return found

    def _table(self, allocation: Allocation, name: str) -> None:
        lines(name, allocation.sheets[name].csv(), self._bytes(name))

    def _rest(self, fund: Fund, allocation: Allocation, shapes: Shapes | None) -> None:
        """The second half: the other tables and the summary, line by line, and the reports."""
        for name in allocation.sheets:
            if name != FIRST:
                self._table(allocation, name)
        priced_by = {str(r["name"]): r["price"] for r in self.summary["rules"]}
        ours = json_of(to_json(allocation.summary))
        for rule in ours["rules"]:
            rule["price"] = priced_by.get(rule["name"], [])
        for key in sorted(set(ours) | set(self.summary)):
            if key not in UNCHECKED:
                entries(f"{SUMMARY}: {key}", ours.get(key), self.summary.get(key))
        self.unverified += reissued(fund, allocation, self.summary, ours, self._bytes, shapes)
