"""The retrospect: a decided round beside the rounds before it, as far as its own inputs tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fundalloc.change import Change, Round, changes
from fundalloc.change_words import labels, notes, told
from fundalloc.courses import course, facts, with_rules
from fundalloc.decided import Decision
from fundalloc.earlier import again
from fundalloc.errors import ConflictError, InputError, SolverError
from fundalloc.history import History, Record
from fundalloc.monitors import Watched, watch
from fundalloc.posed import Posed
from fundalloc.report.outcome import Retrospect, Since

#: of more regions the causes of their changes are not looked for unasked: it takes as many decisions as for a few
MOST = 300


def retrospect(fund: Posed, decision: Decision) -> Retrospect:
    """What the history of a fund and its policy say of a decided round.

    The causes of what changed are told where the policy decides the last round as the history records it.
    """
    if not fund.history.rounds:
        return Retrospect()
    watched = _watched(fund, decision)
    if decision.problem.n > MOST:
        return Retrospect(watched, None, f"With more than {MOST} regions it is only told on demand.")
    try:
        return Retrospect(watched, since(_last(fund), _this(fund, decision)))
    except (InputError, ConflictError, SolverError) as error:
        return Retrospect(watched, None, str(error).partition("\n")[0])


def since(old: Round, new: Round) -> Since:
    """Why the amounts of a round are not those of an earlier one."""
    found = changes(old, new)
    return Since(
        labels(found)[0], found.sheet, {name: _causes(found, name) for name in found.units}, tuple(notes(found))
    )


def _causes(change: Change, name: str) -> Mapping[str, str]:
    return {cause: told(change, name, cause) for cause in change.parts[name]}


def _last(fund: Posed) -> Round:
    """The last round, as this policy decides it and the history records it."""
    return again(fund.history.rounds[-1], fund.at(fund.round))


def _this(fund: Posed, decision: Decision) -> Round:
    """The round that is decided; where it is amended, as it was before, with the lots after that."""
    if any(one.decided is not None for one in decision.problem.resources):
        return replace(Round.of(fund.at(fund.round)), amended=decision.lots)
    return Round(fund, decision.optimum.amounts, decision.lots)


def _watched(fund: Posed, decision: Decision) -> Mapping[str, Watched]:
    """What the monitor sees after this round, resource by resource; flags name the rules behind them."""
    history = _with_this(fund.history, decision)
    found = {label: facts(fund.at(label)) for label in fund.history.rounds} | {fund.round: facts(fund)}
    seen = {}
    for one in decision.problem.resources:
        watched = watch(course(fund, one.name, history, found), fund.policy.monitor)
        seen[one.name] = replace(watched, flags=tuple(with_rules(flag, decision) for flag in watched.flags))
    return seen


def _with_this(history: History, decision: Decision) -> History:
    """The history with the decided round as its last one."""
    problem = decision.problem
    records = {name: dict(rounds) for name, rounds in history.records.items()}
    for r, one in enumerate(problem.resources):
        columns = np.array([one.entitlement, decision.amounts[problem.block(r)], one.adjustment]).T.tolist()
        records.setdefault(one.name, {})[problem.round] = {
            region: Record(*values) for region, values in zip(problem.regions.ids, columns, strict=True)
        }
    return replace(history, rounds=(*history.rounds, problem.round), records=records)
