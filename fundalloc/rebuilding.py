"""Rebuilding: the system of a published round from its inputs, with the choices that its certificate names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fundalloc import certificate as written
from fundalloc.differences import Differs, entry, same
from fundalloc.elimination import left
from fundalloc.fund import Fund
from fundalloc.language import later
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.rules import Curve, Rows, Statement
from fundalloc.system import System, assemble


class Rebuilt(NamedTuple):
    """A system computed again. kept: what the rules ask for in the end; out: cells that an or_nothing rule leaves out.

    concessions: by preferred rule and resource, how far its places yield.
    """

    system: System
    kept: tuple[Statement, ...]
    out: BoolArray
    concessions: dict[tuple[str, str], FloatArray]


def rebuilt(fund: Fund, certificate: Mapping[str, Any]) -> Rebuilt:
    """The system of the round from its inputs, with the choices that the certificate names."""
    problem, choices = fund.problem, certificate["choices"]
    said = certificate["objective"]
    same(later("the objective"), [problem.objective, problem.alpha], [said["kind"], said["alpha"]])
    same(later("the regions"), list(problem.regions.ids), certificate["regions"])
    out = np.zeros(problem.cells, dtype=bool)
    out[choices["out"]] = True
    required = [s for s in fund.rows if s.mode != "watch"]
    named = np.zeros(problem.cells, dtype=bool)
    for one in required:
        if one.or_nothing:
            named |= np.asarray(one.matrix.T @ np.ones(len(one))) > 0
    if (out & ~named).any():
        raise Differs(later("a region gets nothing that no or_nothing rule concerns."))
    kept, concessions = yielding(left(required, out), choices["yielded"])
    shares = np.array([c == "1" for c in choices["shares"]])
    base = None
    for closed in (True, False):
        lines = tuple(s for s in kept if isinstance(s, Rows))
        tried = assemble(problem, lines, whole=choices["whole"], closed=closed, out=out)
        if np.array_equal(tried.shares, shares):
            base = tried
            break
    if base is None:
        raise Differs(later("other regions take part than the policy says."))
    same(later("of which resources bounds are in whole lots"), list(base.whole), choices["whole"])
    curves = {(s.rule, s.resource): s for s in kept if isinstance(s, Curve)}
    entries = certificate["rows"]
    touching = [e for e in entries if e.get("touches")]
    system = base.joined(tuple(written.touching(e, curves[e["rule"], e["resource"]], problem) for e in touching))
    proven = certificate["optimum"]["multipliers"] is not None
    if proven and problem.objective == "alpha_fair" and problem.value is None:
        weight = np.concatenate([written.read(r["weight"]) for r in certificate["resources"]])
        system = replace(system, problem=problem.leaning(weight))
    by_hand = {e["rule"] for e in entries} - {s.rule for s in fund.rows}
    if by_hand:
        raise Differs(
            later(
                "rows were added to the model by hand, the policy does not have them: {code_sorted}.",
                code_sorted=sorted(by_hand),
            )
        )
    same(later("the number of rows"), len(system.origin), len(entries))
    for ours, theirs in zip(written.resources(system), certificate["resources"], strict=True):
        entry(later("resource {code}", code=ours["name"]), ours, theirs, list(problem.regions.ids))
    for k, row in enumerate(entries):
        entry(later('row {k} of the rule "{code_rule}"', k=k, code_rule=row["rule"]), written.row(system, k), row, None)
    return Rebuilt(system, kept, out, concessions)


def yielding(
    statements: Sequence[Statement], entries: Sequence[Mapping[str, Any]]
) -> tuple[tuple[Statement, ...], dict[tuple[str, str], FloatArray]]:
    """What rules ask for where preferred ones yield as is stated, in the order in which they were decided."""
    if not entries:
        return tuple(statements), {}
    given = {(str(e["rule"]), str(e["resource"])): e for e in entries}
    kept = [s for s in statements if s.mode != "prefer"]
    for one in (s for s in statements if s.mode == "prefer"):
        yields = given.pop((one.rule, one.resource), None)
        still = one if yields is None else _loosened(one, yields)
        kept += [still] if still is not None else []
    if given:
        raise Differs(later("rules yield that are not preferred: {code_sorted}.", code_sorted=sorted(given)))
    return tuple(kept), {(str(e["rule"]), str(e["resource"])): written.read(e["concessions"]) for e in entries}


def _loosened(one: Statement, yields: Mapping[str, Any]) -> Statement | None:
    """A preferred rule with the bounds to which it yields."""
    if "high" not in yields:
        if not isinstance(one, Curve) or not one.spread.ordered:
            raise Differs(
                later('the preferred rule "{code_rule}" is left out, but it has a bound.', code_rule=one.rule)
            )
        return None
    low, high = written.read(yields["low"], -np.inf), written.read(yields["high"], np.inf)
    if (low > one.low).any() or (high < one.high).any():
        raise Differs(later('the preferred rule "{code_rule}" yields to stricter bounds.', code_rule=one.rule))
    return replace(one, at_most=float(high[0])) if isinstance(one, Curve) else replace(one, low=low, high=high)
