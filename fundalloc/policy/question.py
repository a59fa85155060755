"""The question of a round: policy and data put together to a problem and the rows of its rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from fundalloc.amendment import Amendment, amended, left_unkept, no_events, not_stricter
from fundalloc.entitlements import entitle
from fundalloc.errors import Faults, InputError
from fundalloc.expressions import Expression
from fundalloc.flags import Flag
from fundalloc.history import History
from fundalloc.indices import Index
from fundalloc.language import say
from fundalloc.policy.checks import expressions, unweighted_means
from fundalloc.policy.model import Policy
from fundalloc.problem import Problem, Resource
from fundalloc.regions import Regions
from fundalloc.rules import Statement, statements
from fundalloc.scope import Scope


def definitions(policy: Policy) -> Mapping[str, Expression | Index]:
    """The named measures and indices of a policy."""
    measures = {name: Expression(text, f"measures.{name}") for name, text in policy.measures.items()}
    return {**measures, **policy.indices}


def further_faults(policy: Policy, regions: Regions, faults: Faults) -> None:
    """Collects what is wrong with the names and cells that the measures use, where the policy is faulty besides."""
    measures: dict[str, Expression | Index] = {}
    for name, text in policy.measures.items():
        measures[name] = Expression(0.0)
        with suppress(InputError):
            measures[name] = Expression(text, f"measures.{name}")
    stated = []
    for key, text in expressions(policy):
        with suppress(InputError):
            stated.append(Expression(text, key))
    indices = {}
    for name, index in policy.indices.items():
        with suppress(InputError):
            index.expressions(f"indices.{name}")
            indices[name] = index
    everyone = Scope.of(regions, {**measures, **indices})
    with faults.collect():
        everyone.check(stated)
    _read_cells(stated, regions, faults)


def _read_cells(stated: Iterable[Expression], regions: Regions, faults: Faults) -> None:
    """Collects the faults of all columns of numbers that expressions use."""
    for name in sorted({n for e in stated for n in e.names} & set(regions.columns)):
        with faults.collect():
            regions.column(name)


def pose(
    policy: Policy, regions: Regions, history: History, amendment: Amendment | None = None
) -> tuple[Problem, tuple[Statement, ...]]:
    """The problem of a round and what its rules say; all faults of the data at once.

    amendment: the round is decided, this is what has happened since, and the policy is that of an amendment.
    """
    faults, flags = Faults(), list[Flag]()
    everyone = Scope.of(regions, definitions(policy))
    if amendment is not None:
        everyone = everyone.giving(**no_events(len(regions.ids)))
    stated = [Expression(text, key) for key, text in expressions(policy)]
    with faults.collect():
        everyone.check(stated)
    if faults.found:
        _read_cells(stated, regions, faults)
    faults.check()
    if len(regions.ids) == 1:
        flags.append(
            Flag(
                "warning",
                "one_region",
                regions.ids[0],
                say("{region} is the only region: it gets what is shared out.", region=regions.names[0]),
            )
        )
    flags += [
        Flag(
            "info",
            "mean_per_head",
            key,
            say(
                "{code_key} takes the mean of a measure per head ({code}): every region counts the same, however many "
                "live there. weighted_mean(x, population) counts people.",
                code_key=key,
                code=text,
            ),
        )
        for key, text in unweighted_means(policy)
    ]
    if policy.history is not None and not history.rounds:
        flags.append(
            Flag(
                "warning",
                "first_round",
                regions.round,
                say("The history holds no round before {round}: it is decided as the first one.", round=regions.round),
            )
        )
    resources: list[Resource] = []
    for name, section in policy.resources.items():
        resource = entitle(name, section, everyone, history, faults, flags)
        if resource is not None:
            resources.append(resource)
    faults.check()
    aim = policy.objective
    problem = Problem(regions, tuple(sorted(resources, key=lambda r: r.name)), objective=aim.kind, alpha=aim.aversion)
    if amendment is not None:
        problem = amended(problem, amendment, faults, flags)
        faults.check()
    rows = statements(policy.rules, problem, faults, flags)
    faults.check()
    if amendment is not None:
        flags += left_unkept(rows, problem)
        rows = not_stricter(rows, problem)
    flags += [*regions.flags, *everyone.flags]
    return replace(problem, flags=tuple(flags)), rows
