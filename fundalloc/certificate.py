"""The certificate of a round: what anybody needs to check it, and no more. docs/certificate.md is its description.

It holds the inputs as they were read, the program as numbers, the multipliers that prove the optimum, and the lots.
Every number is a double, written so that it is read back exactly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from fundalloc.attempts import LevelProof
from fundalloc.decided import Decision
from fundalloc.elimination import Step
from fundalloc.errors import Fault, InputError
from fundalloc.intake import json_of
from fundalloc.language import later, say
from fundalloc.problem import FloatArray, Problem
from fundalloc.rules import Curve, Rows, Statement
from fundalloc.sources import Source
from fundalloc.sparse import csr_array
from fundalloc.system import System
from fundalloc.value_proofs import proven

CERTIFICATE = "certificate.json"
FORMAT = 1


def certificate(decision: Decision, inputs: Mapping[str, Source], settings: Sequence[str]) -> dict[str, Any]:
    """The certificate of a decided round."""
    problem, system = decision.problem, decision.system
    prices, levels = decision.prices, decision.levels
    priced = proven(system, decision.optimum.amounts, (-decision.worth, prices.rows))
    return {
        "fundalloc": {"certificate": FORMAT, "version": version("fundalloc")},
        "round": problem.round,
        "settings": list(settings),
        "inputs": {name: source.entry() for name, source in sorted(inputs.items())},
        "objective": {"kind": problem.objective, "alpha": problem.alpha},
        "regions": list(problem.regions.ids),
        "resources": resources(system),
        "rows": [row(system, k) for k in range(len(system.origin))],
        "choices": _choices(decision),
        "optimum": {
            "exact": decision.exact is not None,
            "amounts": numbers(decision.optimum.amounts),
            "multipliers": numbers(decision.optimum.rows) if decision.accounting == "multipliers" else None,
            "supplies": numbers(decision.optimum.supplies) if decision.accounting == "multipliers" else None,
            "levels": None if levels is None else [_level(one) for one in levels.steps],
            "settled": None if levels is None else levels.settled,
            "priced": priced,
        },
        "explained": {
            "accounting": decision.accounting,
            "multipliers": numbers(prices.rows),
            "supplies": numbers(prices.supplies),
            "cells": None if decision.accounting == "multipliers" else numbers(prices.cells),
            "shifts": None
            if decision.accounting == "multipliers"
            else [{"rule": s.rule, "kind": s.kind, "amounts": numbers(s.amounts)} for s in decision.shifts],
            "worth": numbers(decision.worth),
        },
        "lots": [decision.lots[problem.block(r)].tolist() for r in range(len(problem.resources))],
    }


def _choices(decision: Decision) -> dict[str, Any]:
    """What was chosen before the optimum, and what proves that it had to be."""
    found: dict[str, Any] = {
        "whole": list(decision.system.whole),
        "shares": _cells(decision.system.shares),
        "out": np.flatnonzero(decision.out).tolist(),
        "yielded": [_yielded(decision, *which) for which in decision.concessions],
    }
    if any(s.or_nothing and s.mode != "watch" for s in decision.rules):
        steps = decision.grounds.steps
        found["eliminated"] = None if steps is None else [_step(one) for one in steps]
    return found


def _step(one: Step) -> dict[str, Any]:
    """One step of or_nothing; multipliers that are 0 are left out."""
    return {"rows": [list(pair) for pair in one.rows], "supplies": [list(pair) for pair in one.supplies]}


def step(entry: Mapping[str, Any]) -> Step:
    """A step of or_nothing as it is read back."""
    rows, supplies = (tuple((int(k), read([m])[0].item()) for k, m in entry[name]) for name in ("rows", "supplies"))
    return Step(rows, supplies)


def resources(system: System) -> list[dict[str, Any]]:
    """The resources of a program: what is shared out, and of every region its target, weight and bounds."""
    problem = system.problem
    found = []
    for r, one in enumerate(problem.resources):
        block = problem.block(r)
        found.append(
            {
                "name": one.name,
                "lot": format(one.lot, "f"),
                "lots": one.lots,
                "size": problem.size[block.start].item(),
                "rounding": one.rounding,
                "entitlement": numbers(one.entitlement),
                "centre": numbers(problem.centre[block]),
                "weight": numbers(problem.softness[block]),
                "low": numbers(system.low[block]),
                "high": numbers(system.high[block]),
            }
        )
    return found


def row(system: System, k: int) -> dict[str, Any]:
    """One coupling row of a program; factors are left out where all are 1."""
    owner, place = system.origin[k]
    one = system.rows[owner]
    span = slice(system.matrix.indptr[k], system.matrix.indptr[k + 1])
    cells, factors = system.matrix.indices[span], system.matrix.data[span]
    found: dict[str, Any] = {"rule": one.rule, "place": one.places[place], "resource": one.resource}
    found |= {"low": number(system.row_low[k]), "high": number(system.row_high[k])}
    found |= {"nested": bool(system.nested[k]), "cells": cells.tolist()}
    if not (factors == 1).all():
        found["factors"] = numbers(factors)
    if one.curve is not None:
        found["touches"] = True
    return found


def touching(entry: Mapping[str, Any], curve: Curve, problem: Problem) -> Rows:
    """The row of an entry, which touches a curve."""
    cells = np.array(entry["cells"], dtype=np.int64)
    factors = np.array(entry.get("factors", np.ones(len(cells))), dtype=float)
    matrix = csr_array((factors, cells, np.array([0, len(cells)])), shape=(1, problem.cells))
    found = curve.touching(matrix, entry["high"])
    return Rows(**{**vars(found), "places": (str(entry["place"]),)})


def parsed(content: bytes, file: str) -> tuple[Mapping[str, Any], dict[str, Source]]:
    """A certificate as it is read back, and the inputs in it.

    Raises InputError where it is not as `allocate` writes it.
    """
    try:
        found = json_of(content)
        inputs = {str(name): Source.of(entry) for name, entry in found["inputs"].items()}
        known = isinstance(found["round"], str) and isinstance(found["settings"], list)
        if not known or not {"policy", "regions"} <= {*inputs} or found["fundalloc"]["certificate"] != FORMAT:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        text = say("is missing or not as allocate writes it.")
        raise InputError([Fault(text, say("Decide the round again."), file=file)]) from None
    return found, inputs


def _level(one: LevelProof) -> dict[str, Any]:
    """One step of the proof of leximin; prices that are 0 are left out."""
    return {"level": one.level, "rows": _priced(one.rows), "gains": _priced(one.gains)}


def _priced(prices: FloatArray) -> list[list[float]]:
    return [[k, prices[k].item()] for k in np.flatnonzero(prices).tolist()]


def priced(entry: Sequence[Sequence[Any]], count: int) -> FloatArray:
    """Prices as they are read back from pairs of number and price; count: how many there are."""
    found = np.zeros(count)
    for k, price in entry:
        found[k] = read([price])[0]
    return found


def level_proof(entry: Mapping[str, Any], rows: int, gains: int) -> LevelProof:
    """A step of the proof of leximin as it is read back. rows, gains: how many prices there are."""
    return LevelProof(float(entry["level"]), priced(entry["rows"], rows), priced(entry["gains"], gains))


def _yielded(decision: Decision, rule: str, resource: str) -> dict[str, Any]:
    """By how much a preferred rule yields, and what is left of it."""
    left: Statement | None = next((s for s in decision.kept if (s.rule, s.resource) == (rule, resource)), None)
    found: dict[str, Any] = {"rule": rule, "resource": resource}
    found["concessions"] = numbers(decision.concessions[rule, resource])
    if left is not None:
        found |= {"low": numbers(left.low), "high": numbers(left.high)}
    prices = decision.grounds.prices.get((rule, resource))
    return found | {"prices": None if prices is None else _priced(prices)}


def numbers(values: FloatArray) -> list[float | None]:
    """Numbers as JSON has them; None where there is none, or no bound."""
    found: list[float | None] = values.tolist()
    return found if np.isfinite(values).all() else [v if np.isfinite(v) else None for v in values.tolist()]


def number(value: float) -> float | None:
    """One number as JSON has it."""
    return float(value) if np.isfinite(value) else None


def read(values: Sequence[float | None], missing: float = np.nan) -> FloatArray:
    """Numbers as they are read back.

    Raises TypeError where one is no number.
    """
    if any(isinstance(v, str | bool) for v in values):
        raise TypeError(later("a text stands where a number should be"))
    return np.array([missing if v is None else float(v) for v in values])


def _cells(which: np.ndarray) -> str:
    """One character for each cell: 1 or 0."""
    return "".join("1" if one else "0" for one in which.tolist())


def text(content: Mapping[str, Any]) -> bytes:
    """A certificate as JSON, an entry a line."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(',', ':'))}"
        for key, value in content.items()
    ]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode(errors="surrogatepass")
