"""The fund: a policy and its data; the door of the library."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from fundalloc.allocation import Allocation
from fundalloc.amendment import Amendment
from fundalloc.errors import Faults
from fundalloc.expressions import RESERVED
from fundalloc.history import History, read_history
from fundalloc.language import alone, learn, say
from fundalloc.policy import (
    Policy,
    check_policy,
    check_translations,
    further_faults,
    pose,
)
from fundalloc.problem import Problem
from fundalloc.regions import Regions, read_regions
from fundalloc.report.statute import describe
from fundalloc.rules import Statement
from fundalloc.sources import Source
from fundalloc.succession import continued, read_succession
from fundalloc.tables import Table

if TYPE_CHECKING:
    import pandas as pd


class Fund:
    """A shared fund in one round: its policy, its regions and the rounds before.

    policy: what decides. regions: one row per region (and round), as a data frame or a read file.
    history: round, region_id, resource, entitlement, amount of earlier rounds. mapping: round, region_id, becomes of
    regions that merged or left. amendment: the round is decided, and this is what happened since (`amend`). round:
    overrides the policy's. Raises InputError with every fault of policy and data.
    """

    def __init__(
        self,
        policy: Policy,
        regions: pd.DataFrame | Table,
        history: pd.DataFrame | Table | None = None,
        *,
        mapping: pd.DataFrame | Table | None = None,
        amendment: Amendment | None = None,
        round: str = "",
        settings: Sequence[str] = (),
        source: Source | None = None,
    ) -> None:
        learn(policy.translations)
        self._stated = policy
        self.policy = policy
        if amendment is not None:
            from fundalloc.policy.amending import amended_policy

            self.policy = amended_policy(policy)
        self.round = round or policy.fund.round
        self.settings = tuple(settings)
        self._table = as_table(regions, "regions")
        self.past = None if history is None else as_table(history, "history")
        self.mapping = None if mapping is None else as_table(mapping, "mapping")
        self._amendment = amendment
        self._source = source
        #: rounds of the policy's history that the ledger does not hold
        self.forgotten: tuple[str, ...] = ()
        faults = Faults()
        with faults.collect():
            check_policy(policy, self.round, history is not None, source.file if source else "")
        if faults.found:
            self._look_further(faults)
        faults.check()

    def _look_further(self, faults: Faults) -> None:
        """Collects what else is wrong with a policy and its data, so that all is said at once."""
        for name in ("regions", "history"):
            with faults.collect():
                getattr(self, name)
        if "regions" in vars(self):
            if self._source is not None:  # a policy that a program made may have left some of its texts out
                check_translations(self._stated, self.regions, faults)
            if faults.found:
                further_faults(self.policy, self.regions, faults)

    @cached_property
    def regions(self) -> Regions:
        """The regions of the round."""
        return read_regions(self._table, self.policy.regions, self.round, RESERVED)

    @cached_property
    def history(self) -> History:
        """The rounds decided before."""
        if self.past is None:
            return History.empty()
        found = read_history(self.past, self.round)
        return found if self.mapping is None else continued(found, read_succession(self.mapping), self.round)

    @cached_property
    def _question(self) -> tuple[Problem, tuple[Statement, ...]]:
        faults = Faults()
        self._look_further(faults)
        faults.check()
        return pose(self.policy, self.regions, self.history, self._amendment)

    def at(self, round: str) -> Fund:
        """The same fund in another round: policy, data and history as of that round."""
        return Fund(
            self._stated,
            self._table,
            self.past,
            mapping=self.mapping,
            round=round,
            settings=self.settings,
            source=self._source,
        )

    @property
    def problem(self) -> Problem:
        """Entitlements, targets and supplies as arrays."""
        return self._question[0]

    @property
    def rows(self) -> tuple[Statement, ...]:
        """What the rules say: rows over the amounts, or convex functions of them."""
        return self._question[1]

    def describe(self) -> Iterator[str]:
        """The policy in plain words, a line each."""
        read = {"Regions": self._table, "History": self.past, "Mapping": self.mapping}
        told = ((what, table) for what, table in read.items() if table is not None)
        files = [say("{what}: {code}, {form}", what=what, code=one.file, form=one.form) for what, one in told]
        return describe(self.policy, self.problem, self.rows, files)

    def model(self) -> Any:
        """The Pyomo model that is solved; linear constraints may be added to it."""
        from fundalloc.decision import propose

        return propose(self.problem, self.rows)

    def allocate(self, model: Any = None) -> Allocation:
        """Decides the round.

        model: the result of `model()` with what was added to it. Raises ConflictError where no
        allocation keeps the required rules, SolverError where there is no proven answer.
        """
        from fundalloc.decision import decide
        from fundalloc.looking import looked
        from fundalloc.retrospect import watched

        with alone(self.policy.translations):
            decision = decide(self.problem, self.rows, model)
            if model is not None:
                return Allocation(self.policy, decision, self.inputs, self.settings)
            more = partial(watched, self, decision), partial(looked, self, decision)
            return Allocation(self.policy, decision, self.inputs, self.settings, None, *more)

    @property
    def tables(self) -> dict[str, Table]:
        """The regions and, where there are, history, mapping and what is amended, as they were given: all rounds."""
        amended = {} if self._amendment is None else vars(self._amendment)
        found = {"regions": self._table, "history": self.past, "mapping": self.mapping, **amended}
        return {name: table for name, table in found.items() if table is not None}

    @property
    def inputs(self) -> dict[str, Source]:
        """What was read, byte for byte: the policy and the tables."""
        text = _json(self._stated.model_dump(by_alias=True))
        policy = self._source or Source("policy", text.encode(), "json")
        return {"policy": policy, **{name: table.source for name, table in self.tables.items()}}


def _json(value: Any) -> str:
    """Entries of a policy as JSON text; decimals keep their digits."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_json(str(k))}: {_json(v)}' for k, v in value.items() if v is not None)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, Decimal):
        return str(int(value) if int(value.as_tuple().exponent) >= 0 else value)
    return json.dumps(value, ensure_ascii=False)


def as_table(data: pd.DataFrame | Table, shown: str) -> Table:
    return data if isinstance(data, Table) else Table.from_frame(data, shown)
