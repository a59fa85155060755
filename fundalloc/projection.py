"""The projection: rounds to come, each decided like any other with those before it as history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from fundalloc.errors import ConflictError, Faults, FundallocError, InputError, SolverError, did_you_mean
from fundalloc.explain import printed_unit, steps
from fundalloc.expressions import RESERVED, Expression
from fundalloc.flags import Flag
from fundalloc.fund import Fund
from fundalloc.goals import CLOSED, ENTITLED, WATCHED, Courses
from fundalloc.growth import PlanSection, checked, column_rates, supply_in, supply_rates
from fundalloc.history import COLUMNS
from fundalloc.horizon import horizon
from fundalloc.language import say
from fundalloc.outlook import Flagged, outlook
from fundalloc.planned import Assumed, Plan, code
from fundalloc.policy import Policy
from fundalloc.policy.checks import expressions
from fundalloc.report.projected import Projected
from fundalloc.report.prospects import stopped
from fundalloc.report.sheets import allocation_sheet
from fundalloc.roster import Roster
from fundalloc.rounds import in_order
from fundalloc.sources import Source
from fundalloc.tables import Table

if TYPE_CHECKING:
    import pandas as pd

Rates = Mapping[str, Decimal | float | str]
#: the columns of a history, and those of them that are numbers
PAST = (*COLUMNS, "adjustment")
NUMBERS = ("entitlement", "amount", "adjustment")


def plan(
    fund: Fund,
    rounds: int,
    *,
    growth: Rates | None = None,
    supply: Rates | None = None,
    indicators: pd.DataFrame | Table | None = None,
    labels: Sequence[str] = (),
) -> Plan:
    """Decides so many rounds to come one after the other, each with those before it as history.

    growth: rates a year by column of the regions file, 0.05 for 5 %; supply: by resource; both come before those of the
    policy. indicators: rows of rounds to come, like the regions file. labels: of all projected rounds, where the known
    ones are no whole numbers. A round that cannot be decided ends the plan, which says why. Raises InputError with
    every fault of what is asked, and where not even the first round has data that can be decided on.
    """
    return Projection(fund, rounds, growth=growth, supply=supply, indicators=indicators, labels=labels).run()


class Projection:
    """What is asked of a fund for the rounds to come, checked; `run` decides them.

    Arguments and errors as for `plan`.
    """

    def __init__(
        self,
        fund: Fund,
        rounds: int,
        *,
        growth: Rates | None = None,
        supply: Rates | None = None,
        indicators: pd.DataFrame | Table | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        self._fund = fund
        self._stated = fund.policy.plan or PlanSection()
        given = indicators
        if given is not None and not isinstance(given, Table):
            given = Table.from_frame(given, "indicators")
        faults = Faults()
        _check_goals(self._stated, fund.policy, faults)
        supplies = {name: section.supply for name, section in fund.policy.resources.items()}
        rates = supply_rates(supplies, self._stated.supply, checked(supply or {}, "--supply", faults), faults)
        options = checked(growth or {}, "--growth", faults)
        columns: dict[str, Decimal] = {}
        with faults.collect():
            _ = fund.history
            roster = Roster(fund.tables["regions"], fund.policy.regions, RESERVED)
            columns = column_rates(roster, self._stated.growth, options, faults)
            with faults.collect():
                self.rounds, self._calendar = horizon(fund, roster, rounds, labels)
                self._tables, self._flags = self._outlook(roster, columns, given)
                self._policies = {label: self._policy(label, rates) for label in self.rounds}
        faults.check()
        self._inputs = fund.inputs if given is None else {**fund.inputs, "indicators": given.source}
        self._assumed = Assumed(columns, rates, "" if given is None else given.file)

    def _outlook(
        self, roster: Roster, columns: Mapping[str, Decimal], indicators: Table | None
    ) -> tuple[dict[str, Table], list[Flagged]]:
        used = {name for _, text in expressions(self._fund.policy) for name in Expression(text).names}
        now = self._fund.round
        return outlook(roster, columns, self._calendar, self.rounds, now, indicators, used | {"population"})

    def run(self) -> Plan:
        """Decides round after round, until the last one or one that cannot be decided."""
        shares = {name: section.arrears for name, section in self._fund.policy.resources.items()}
        courses = Courses(self._stated.goals, shares)
        projected: list[Projected] = []
        error: FundallocError | None = None
        past = _before(self._fund.tables.get("history"), self.rounds[0])
        for label in self.rounds:
            try:
                projected.append(self._decided(label, past, courses, first=not projected))
            except (ConflictError, InputError, SolverError) as why:
                if isinstance(why, InputError) and not projected:
                    raise
                error = why
                break
            past = _longer(past, projected[-1])
        flags = [(one.round, flag) for one in projected for flag in one.flags]
        if error is not None:
            label = self.rounds[len(projected)]
            subject = "; ".join(error.rules) if isinstance(error, ConflictError) else label
            flags += [(round_, flag) for round_, flag in self._flags if round_ == label]
            flags.append((label, Flag("alarm", code(error), subject, stopped(label, error))))
        return Plan(
            self._fund.policy,
            self.rounds,
            projected,
            courses.all,
            flags,
            error,
            self._assumed,
            self._inputs,
            self._fund.settings,
        )

    def _decided(self, label: str, past: Table | None, courses: Courses, first: bool) -> Projected:
        """One round through the whole engine."""
        source = self._fund.inputs["policy"]
        mapping = self._fund.mapping
        fund = Fund(self._policies[label], self._tables[label], past, mapping=mapping, round=label, source=source)
        if first:
            courses.check(fund.problem)
        allocation = fund.allocate()
        decision = allocation.decision
        watched = Counter({(r.rule, r.resource): 0 for r in decision.rules if r.mode == "watch"})
        watched.update((f.rule, f.resource) for f in decision.findings if f.mode == "watch")
        courses.note(fund.problem, decision.amounts, watched)
        flags = [flag for round_, flag in self._flags if round_ == label]
        sheet = allocation_sheet(decision, steps(decision))
        return Projected(fund.problem, decision.amounts, sheet, (*flags, *allocation.flags))

    def _policy(self, label: str, rates: Mapping[str, Decimal]) -> Policy:
        """The policy with the supplies of a round."""
        policy = self._fund.policy
        resources = dict(policy.resources)
        for name, rate in rates.items():
            section = resources[name]
            unit = printed_unit(section.lot)
            supply = supply_in(label, section.supply, rate, unit, self._calendar, self._fund.round)
            resources[name] = section.model_copy(update={"supply": supply})
        return policy.model_copy(update={"resources": resources})


def _check_goals(stated: PlanSection, policy: Policy, faults: Faults) -> None:
    """Collects goals that share a name, or work through rules that are not there."""
    known = [rule.name for rule in policy.rules]
    for goal in stated.goals:
        for name in goal.through:
            if name not in known:
                text = say("is no rule. {code_hint}", code_hint=did_you_mean(name, known))
                faults.add(text, key=f"plan.goals.{goal.name}.through", value=name)
    for name, times in Counter([*(g.name for g in stated.goals), ENTITLED, WATCHED, CLOSED]).items():
        if times > 1:
            faults.add(
                say("is the name of two goals."), say("Give each a name of its own."), key="plan.goals", value=name
            )


def _before(history: Table | None, first: str) -> Table | None:
    """The history without rounds from the first projected one on."""
    if history is None:
        return None
    labels = history.text("round").tolist()
    order = in_order([*labels, first])
    earlier = set(order[: order.index(first)])
    kept = np.flatnonzero([label in earlier for label in labels])
    none = np.full(len(history.lines), "", dtype=object)
    cells = {name: history.cells.get(name, none)[kept] for name in PAST}
    numeric = {name: values[kept] for name, values in history.numeric.items() if name in NUMBERS}
    return replace(history, header=PAST, lines=history.lines[kept], cells=cells, numeric=numeric)


def _longer(past: Table | None, one: Projected) -> Table:
    """A history with one more round, as its table prints it."""
    none = {"adjustment": [""] * len(one.sheet)}
    shown = {**none, **one.sheet.columns, "round": [one.round] * len(one.sheet)}
    new = {name: np.array(shown[name], dtype=object) for name in PAST}
    lines = np.zeros(len(one.sheet), dtype=np.int64)
    if past is None:
        return Table("projected rounds", PAST, lines, Source("projected rounds", b""), new)
    cells = {name: np.concatenate([past.cells[name], new[name]]) for name in PAST}
    numeric = {
        name: np.concatenate([values, np.array([float(text or 0) for text in new[name]])])
        for name, values in past.numeric.items()
    }
    return replace(past, lines=np.concatenate([past.lines, lines]), cells=cells, numeric=numeric)
