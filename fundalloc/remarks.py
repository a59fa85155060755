"""Remarks: what people should look at in a decision, as flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fundalloc.findings import Finding
from fundalloc.flags import Flag
from fundalloc.language import called, say
from fundalloc.problem import FloatArray, Problem
from fundalloc.rules import Rows, Statement


def remarks(
    problem: Problem,
    statements: Sequence[Statement],
    findings: Sequence[Finding],
    concessions: Mapping[tuple[str, str], FloatArray],
    apart: FloatArray,
) -> tuple[Flag, ...]:
    """The flags of a decision. apart: by how many lots rounding has moved each amount."""
    return (*_missed(findings), *_conceded(problem, statements, concessions), *_beyond(problem, apart))


def _conceded(
    problem: Problem, statements: Sequence[Statement], concessions: Mapping[tuple[str, str], FloatArray]
) -> Iterator[Flag]:
    for one in statements:
        given = concessions.get((one.rule, one.resource))
        if given is not None:
            units = {r.name: called(r.unit) for r in problem.resources} if isinstance(one, Rows) else {}
            most = float(given.max())
            text = say(
                'The preferred rule "{rule}" on {resource} cannot be kept beside those before it: it yields at {count} '
                "of {places} places, by {amount} at most.",
                rule=one.rule,
                resource=one.resource,
                count=int((given > 0).sum()),
                places=len(given),
                amount=f"{most:,.6g}" + (f" {units[one.resource]}" if one.resource in units else ""),
            )
            yield Flag(
                "warning",
                "conceded",
                one.rule,
                text,
                one.resource,
                most,
            )


def _beyond(problem: Problem, apart: FloatArray) -> Iterator[Flag]:
    """Divisor methods may give more than an amount rounded up, or less than rounded down."""
    for r, one in enumerate(problem.resources):
        mine = apart[problem.block(r)]
        beyond = np.flatnonzero(np.abs(mine) >= 1 + 1e-6)
        if one.rounding != "largest_remainder" and len(beyond):
            worst = int(beyond[np.argmax(np.abs(mine[beyond]))])
            yield Flag(
                "warning",
                "beyond_quota",
                problem.regions.ids[worst],
                say(
                    "Rounding by {method} moves {count} regions by more than a lot of {resource}, {region} by "
                    "{lots:+.2f} lots. largest_remainder never does.",
                    method=one.rounding.replace("_", " "),
                    count=len(beyond),
                    resource=one.name,
                    region=problem.regions.names[worst],
                    lots=mine[worst],
                ),
                one.name,
                float(mine[worst]),
                1.0,
            )


def _missed(findings: Sequence[Finding]) -> Iterator[Flag]:
    for f in findings:
        bound = f.low if f.value < f.low else f.high
        if f.mode == "watch":
            yield Flag("warning", "watched_rule", f.place, f.message, f.resource, f.value, bound)
        elif f.severity == "lot":
            yield Flag(
                "warning",
                "lot",
                f.place,
                say("{message} Only whole lots stand in the way.", message=f.message),
                f.resource,
                f.value,
                bound,
            )
