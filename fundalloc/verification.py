"""Verification: a published round computed again from its folder alone, and its optimum proven, without the solver.

What can be computed again is: inputs to indices, keys, targets, rules and rows; the exact optimum from the multipliers;
its whole lots; every table. The first difference ends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fundalloc import certificate as written
from fundalloc.allocation import Allocation
from fundalloc.certificate import CERTIFICATE
from fundalloc.decided import Decision, concluded
from fundalloc.differences import Differs, entries, lines
from fundalloc.errors import DifferenceError, InputError
from fundalloc.exact import Exact, exact
from fundalloc.fund import Fund
from fundalloc.gains import raising
from fundalloc.grounds import Grounded, grounded
from fundalloc.intake import contents, json_of
from fundalloc.language import Language, later, learn, phrase, say, speaking, spoken
from fundalloc.level_proofs import proven_levels
from fundalloc.loading import reopened
from fundalloc.lots import lots_of
from fundalloc.multipliers import explaining, explains, priced
from fundalloc.objectives import worth
from fundalloc.optimum import Optimum
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rebuilding import rebuilt
from fundalloc.reissuing import outlines, reissued
from fundalloc.replacing import reading
from fundalloc.report.folder import SUMMARY, told_in
from fundalloc.report.summary import to_json
from fundalloc.reported import reported
from fundalloc.rounding import NoWholeLots
from fundalloc.rules import Curve, Statement, are_kept
from fundalloc.shapes import Shapes
from fundalloc.shifts import Shift
from fundalloc.sources import Source
from fundalloc.system import System
from fundalloc.utility import Utility
from fundalloc.verdict import Verdict, leaves, numbers, proves
from fundalloc.whole import NEAR, gap

#: a row that touches a curve asks for no more than the curve but for this part of its size
TOUCHES = 1e-9
#: weights that an objective gives agree with its utility to this part of themselves
FITS = 1e-6
#: what differs of the exact optimum
AMOUNTS = phrase("the amounts of the exact optimum differ: {said!r} is published, {own!r} is right.")
ROWS = phrase("the multipliers of the rows of the exact optimum differ: {said!r} is published, {own!r} is right.")
SUPPLIES = phrase("the multipliers of the totals of the exact optimum differ: {said!r} is published, {own!r} is right.")
#: parts of the summary that need the solver, or say what it was run with
UNCHECKED = ("versions", "fundalloc", "files", "looked", "geo")


def verify(folder: str | Path) -> Verdict:
    """Verifies a folder that `allocate` wrote, in its own language; what it finds is said in the one that is spoken.

    Where none was chosen, that is the language of the round. Raises DifferenceError with the first difference,
    InputError where the folder cannot be read.
    """
    folder = Path(folder)
    with reading(folder), told_in(folder):
        try:
            return Check(folder).run()
        except (Differs, InputError) as error:
            raise DifferenceError(f"{folder}: {error}") from None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            said = say("{code} is not as it should be ({code_error!r}).", code=CERTIFICATE, code_error=error)
            raise DifferenceError(f"{folder}: {said}") from None


class Check:
    """One folder, step by step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.untold: list[str] = []
        self.levelled, self.grounded = False, Grounded()
        self.how: float | None = None
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

    def run(self) -> Verdict:
        """All of it."""
        own: Language | None = self.summary.get("language")
        try:
            with speaking(None), speaking(own):  # what others say in it does not count
                fund, decision, shapes = self._read()
                self._tables(fund, decision, shapes)
        except InputError:
            if spoken() != own:
                self._read()  # the same faults, for the reader
            raise
        learn(fund.policy.translations)
        kind, accounting = self.certificate["objective"]["kind"], self.certificate["explained"]["accounting"]
        priced, looked = any(r["price"] for r in self.summary["rules"]), "looked" in self.summary
        left = leaves(decision.system, self.grounded, self.untold, self.levelled, accounting, priced, looked)
        others = (say(why, code=file) for why, file in self.unverified)
        said = proves(kind, self.how, self.levelled, self.grounded), left, numbers(), *others
        return Verdict(said, self.how, decision.system.problem.cells)

    def _read(self) -> tuple[Fund, Decision, Shapes | None]:
        """All for which other files than the tables are read."""
        fund, decision = self.decided()
        return fund, decision, outlines(fund, self.summary, self._bytes)

    def decided(self) -> tuple[Fund, Decision]:
        """The round as it follows from the certificate, its optimum proven."""
        fund = self._fund()
        system, kept, out, concessions = rebuilt(fund, self.certificate)
        optimum, proof, self.how = self._optimum(system, kept)
        self._touching(system, optimum)
        self.grounded = grounded(fund.problem, fund.rows, kept, out, concessions, self.certificate["choices"])
        return fund, self._decision(fund, system, kept, out, concessions, optimum, proof)

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

    def _optimum(self, system: System, kept: Sequence[Statement]) -> tuple[Optimum, Exact | None, float | None]:
        """The optimum that the multipliers prove, and how near the amounts are to it."""
        said = self.certificate["optimum"]
        amounts = written.read(said["amounts"])
        if not isinstance(said["exact"], bool):
            raise Differs(later("whether the optimum is exact is not said ({code_said!r}).", code_said=said["exact"]))
        kind, provable = system.problem.objective, _provable(system, kept)
        if provable != (said["multipliers"] is not None):
            missing = phrase("the multipliers of {code} are missing.")
            useless = phrase("the multipliers of {code} prove nothing there.")
            raise Differs(later(missing if provable else useless, code=kind))
        if not provable:
            self._levels(system, amounts, said["levels"])
            zeros = np.zeros(len(system.origin)), np.zeros(len(system.supplies)), np.zeros(0)
            return Optimum(*zeros, amounts, (), 0, np.inf), None, None  # it is only claimed that they keep the rules
        rows, supplies = written.read(said["multipliers"]), written.read(said["supplies"])
        optimum = Optimum(rows, supplies, np.zeros(0), amounts, (), 0, 0.0)
        found = exact(system, optimum)
        if not said["exact"] and found is None:
            near = float(gap(system, optimum))
            if not near <= NEAR:
                raise Differs(
                    later("the multipliers prove the amounts only to {code_near:.1e} of the distance.", code_near=near)
                )
            return optimum, None, near
        if found is None or not said["exact"]:
            raise Differs(later("the multipliers do not lead to the optimum that is claimed."))
        for sentence, ours, theirs in (
            (AMOUNTS, found.amounts(), amounts),
            (ROWS, np.array([float(v) for v in found.rows]), rows),
            (SUPPLIES, np.array([float(v) for v in found.supplies]), supplies),
        ):
            if not np.array_equal(ours, theirs):
                k = int(np.argmax(ours != theirs))
                raise Differs(later(sentence, said=theirs[k].item(), own=ours[k].item()))
        return optimum, found, 0.0

    def _levels(self, system: System, amounts: FloatArray, said: Sequence[Mapping[str, Any]] | None) -> None:
        """The levels of leximin, where they are proven."""
        if said is None:
            return
        gains, rows = raising(system), len(system.supplies) + len(system.row_low)
        proofs = [written.level_proof(one, rows, len(gains.due)) for one in said]
        if fault := proven_levels(system, gains, amounts, proofs):
            raise Differs(fault)
        self.levelled = True

    def _touching(self, system: System, optimum: Optimum) -> None:
        """Rows that touch curves ask for no more than these, and the amounts keep all rules."""
        problem = system.problem
        open_ = np.array([r.lots is None for r in problem.resources])
        totals = np.repeat([np.nan if o else r.size for o, r in zip(open_, problem.resources, strict=True)], problem.n)
        for rows in system.rows:
            if not are_kept(rows, optimum.amounts, problem.size):
                raise Differs(later('the amounts before rounding miss the rule "{code_rule}".', code_rule=rows.rule))
            if isinstance(rows.curve, Curve) and self.certificate["optimum"]["multipliers"] is not None:
                beyond = rows.curve.beyond(rows.matrix.toarray().ravel(), float(rows.high[0]), totals)
                if np.isnan(beyond):
                    self.untold.append(rows.rule)
                elif not beyond <= TOUCHES:
                    raise Differs(
                        later('the row of the rule "{code_rule}" asks for more than the rule.', code_rule=rows.rule)
                    )
        if problem.bent is not None:
            self._utility(problem, optimum.amounts)

    def _utility(self, problem: Problem, amounts: FloatArray) -> None:
        """Weights of alpha_fair are those of its utility where the amounts are."""
        plain = replace(problem, bent=None)
        some = plain.target > 0
        level = np.where(some, 1.0 + (amounts - plain.target) / plain.softness, 1.0)
        right = np.where(some, plain.softness * Utility(problem.alpha).chord(level), plain.softness)
        if not (np.abs(problem.softness - right) <= FITS * right).all():
            raise Differs(later("the weights are not those of the utility at these amounts."))

    def _decision(
        self,
        fund: Fund,
        system: System,
        kept: tuple[Statement, ...],
        out: BoolArray,
        concessions: Mapping[tuple[str, str], FloatArray],
        optimum: Optimum,
        proof: Exact | None,
    ) -> Decision:
        """The decision that follows from the optimum."""
        said = self.certificate["explained"]
        accounting = str(said["accounting"])
        rows = written.read(said["multipliers"])
        if accounting == "multipliers":
            prices = explaining(system, optimum.amounts, rows, written.read(said["supplies"]))
            if not explains(system, optimum.amounts, prices):
                raise Differs(later("the published multipliers do not explain the amounts."))
        else:
            prices = priced(system, optimum.amounts, rows, written.read(said["cells"]))
        moved = [Shift(str(s["rule"]), written.read(s["amounts"]), str(s["kind"])) for s in said["shifts"] or ()]
        try:
            lots = lots_of(system, optimum, proof)
        except NoWholeLots as error:
            raise Differs(later("no whole lots follow from the optimum: {code_error}.", code_error=error)) from None
        problem = fund.problem
        published = np.concatenate([np.array(block, dtype=np.int64) for block in self.certificate["lots"]])
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
        return concluded(
            problem,
            fund.rows,
            system=system,
            optimum=optimum,
            exact=proof,
            prices=prices,
            lots=lots,
            accounting=accounting,
            moved=moved,
            worth=written.read(said["worth"]) if accounting != "multipliers" else None,
            concessions=concessions,
            kept=kept,
            out=out,
        )

    def _tables(self, fund: Fund, decision: Decision, shapes: Shapes | None) -> None:
        """Every table and the summary, line by line."""
        inputs = {name: Source.of(entry) for name, entry in self.certificate["inputs"].items()}
        priced_by = {str(r["name"]): r["price"] for r in self.summary["rules"]}
        allocation = Allocation(fund.policy, decision, inputs, fund.settings, {}, by=self.summary["versions"])
        for name, sheet in allocation.sheets.items():
            lines(name, sheet.csv(), self._bytes(name))
        ours = json_of(to_json(allocation.summary))
        for rule in ours["rules"]:
            rule["price"] = priced_by.get(rule["name"], [])
        for key in sorted(set(ours) | set(self.summary)):
            if key not in UNCHECKED:
                entries(f"{SUMMARY}: {key}", ours.get(key), self.summary.get(key))
        self.unverified += reissued(fund, allocation, self.summary, ours, self._bytes, shapes)


def _provable(system: System, kept: Sequence[Statement]) -> bool:
    """Whether multipliers prove the objective: that of single amounts, or one that leaves all to `nearest`."""
    problem = system.problem
    if problem.objective == "leximin":
        return system.leximin_is_nearest and not any(isinstance(s, Curve) for s in kept)
    if problem.objective == "nearest" or (problem.objective == "alpha_fair" and problem.value is None):
        return True
    return not worth(problem, problem.target if problem.objective == "alpha_fair" else problem.size).any()
