"""The retrospect: what the monitor sees after a round, and whether published causes add up. No solver is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from fundalloc.courses import course, facts, with_rules
from fundalloc.decided import Decision
from fundalloc.differences import Differs
from fundalloc.history import NOTHING, History, Record
from fundalloc.language import later
from fundalloc.monitors.watched import Watched, watch
from fundalloc.posed import Posed
from fundalloc.report.folder import rows_of
from fundalloc.report.outcome import CHANGES, Looked
from fundalloc.report.sheets import Sheet

#: the columns of changes.csv before those of the causes
LEADING = ("region_id", "region_name", "resource", "before", "after", "change")


def watched(fund: Posed, decision: Decision) -> Mapping[str, Watched]:
    """What the monitor sees after a round, resource by resource; nothing where it is the first one.

    Flags name the rules behind them.
    """
    if not fund.history.rounds:
        return {}
    history = _with_this(fund.history, decision)
    found = {label: facts(fund.at(label)) for label in fund.history.rounds} | {fund.round: facts(fund)}
    seen = {}
    for one in decision.problem.resources:
        mine = watch(course(fund, one.name, history, found), fund.policy.monitor)
        seen[one.name] = replace(mine, flags=tuple(with_rules(flag, decision) for flag in mine.flags))
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


def published(fund: Posed, decision: Decision, told: Mapping[str, Any], content: bytes | None) -> Looked:
    """What was looked for, as it is published. told: of summary.json. content: of changes.csv, None without it.

    Raises Differs where the parts of a change do not add up, or do not lead from what the history records to what is
    decided.
    """
    if content is None:
        return Looked(**told)
    problem = decision.problem
    rows = rows_of(content.decode())
    columns: dict[str, list[str]] = {name: [row[name] for row in rows] for name in rows[0]}
    parts = [name for name in columns if name not in LEADING]
    decided = {
        (one.name, region): lots * one.lot
        for r, one in enumerate(problem.resources)
        for region, lots in zip(problem.regions.ids, decision.lots[problem.block(r)].tolist(), strict=True)
    }
    for row in rows:
        where = row["resource"], row["region_id"]
        try:
            before, after, change = (Decimal(row[name]) for name in LEADING[3:])
            total = sum((Decimal(row[name]) for name in parts if row[name]), Decimal(0))
        except InvalidOperation:
            raise Differs(
                later(
                    "{code_changes}: a figure of {code_where} is no number.", code_changes=CHANGES, code_where=where[1]
                )
            ) from None
        recorded = fund.history.records.get(where[0], {}).get(told["since"], {}).get(where[1], NOTHING).amount
        same = np.isnan(recorded) or float(before) == recorded
        if not (after == decided.pop(where, Decimal(0)) and after - before == change == total and same):
            raise Differs(
                later(
                    "{code_changes}: the change of {code_region} in {code_resource} does not add up.",
                    code_changes=CHANGES,
                    code_region=where[1],
                    code_resource=where[0],
                )
            )
    if any(decided.values()):
        raise Differs(
            later(
                "{code_changes}: {code_next} is missing.",
                code_changes=CHANGES,
                code_next=next((region for (_, region), left in decided.items() if left)),
            )
        )
    return Looked(**{**told, "changes": Sheet(columns, frozenset(LEADING[:3]))})
