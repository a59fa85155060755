"""The fund: a policy and its data; the door of the library."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fundalloc.allocation import Allocation
from fundalloc.errors import Faults, did_you_mean
from fundalloc.expressions import RESERVED
from fundalloc.files import parse_table, read_table
from fundalloc.findings import Finding
from fundalloc.findings import audit as audit_amounts
from fundalloc.history import History, read_history
from fundalloc.policy import (
    Policy,
    check_policy,
    further_faults,
    override,
    parse_policy,
    parse_toml,
    policy_path,
    pose,
    read_policy,
)
from fundalloc.problem import FloatArray, Problem
from fundalloc.regions import Regions, read_regions
from fundalloc.report.words import describe
from fundalloc.rules import Statement
from fundalloc.sources import Source
from fundalloc.tables import Table

if TYPE_CHECKING:
    import pandas as pd


class Fund:
    """A shared fund in one round: its policy, its regions and the rounds before.

    policy: what decides. regions: one row per region (and round), as a data frame or a read file.
    history: round, region_id, resource, entitlement, amount of earlier rounds. round: overrides the
    policy's. Raises InputError with every fault of policy and data.
    """

    def __init__(
        self,
        policy: Policy,
        regions: pd.DataFrame | Table,
        history: pd.DataFrame | Table | None = None,
        *,
        round: str = "",
        settings: Sequence[str] = (),
        source: Source | None = None,
    ) -> None:
        self.policy = policy
        self.round = round or policy.fund.round
        self.settings = tuple(settings)
        self._table = _table(regions, "regions")
        self._past = None if history is None else _table(history, "history")
        self._source = source
        faults = Faults()
        with faults.collect():
            check_policy(policy, self.round, history is not None, source.file if source else "")
        if faults.found:
            self._look_further(faults)
        faults.check()

    def _look_further(self, faults: Faults) -> None:
        """Collects what else is wrong with a faulty policy and its data, so that all is said at once."""
        for name in ("regions", "history"):
            with faults.collect():
                getattr(self, name)
        if "regions" in vars(self):
            further_faults(self.policy, self.regions, faults)

    @cached_property
    def regions(self) -> Regions:
        """The regions of the round."""
        return read_regions(self._table, self.policy.regions, self.round, RESERVED)

    @cached_property
    def history(self) -> History:
        """The rounds decided before."""
        return History.empty() if self._past is None else read_history(self._past, self.round)

    @cached_property
    def _question(self) -> tuple[Problem, tuple[Statement, ...]]:
        faults = Faults()
        for name in ("regions", "history"):
            with faults.collect():
                getattr(self, name)
        if faults.found and "regions" in vars(self):
            further_faults(self.policy, self.regions, faults)
        faults.check()
        return pose(self.policy, self.regions, self.history)

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
        read = [("Regions", self._table), *([("History", self._past)] if self._past is not None else [])]
        files = [f"{what}: {table.file}, {table.form}" for what, table in read]
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

        return Allocation(self.policy, decide(self.problem, self.rows, model), self._inputs(), self.settings)

    def _inputs(self) -> dict[str, Source]:
        text = _json(self.policy.model_dump(by_alias=True))
        found = {"policy": self._source or Source("policy", text.encode(), "json"), "regions": self._table.source}
        return found if self._past is None else {**found, "history": self._past.source}


def _json(value: Any) -> str:
    """Entries of a policy as JSON text; decimals keep their digits."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_json(str(k))}: {_json(v)}' for k, v in value.items() if v is not None)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, Decimal):
        return str(int(value) if int(value.as_tuple().exponent) >= 0 else value)
    return json.dumps(value, ensure_ascii=False)


def _table(data: pd.DataFrame | Table, shown: str) -> Table:
    return data if isinstance(data, Table) else Table.from_frame(data, shown)


def load(
    policy: str | Path,
    *,
    regions: str | Path | None = None,
    history: str | Path | None = None,
    round: str = "",
    settings: Sequence[str] = (),
    encoding: str = "utf-8",
) -> Fund:
    """The fund of a policy file, or of a folder with a policy.toml.

    regions, history: files instead of those the policy names. settings: KEY=VALUE texts put over
    the policy. Raises InputError with every fault.
    """
    path = policy_path(Path(policy))
    stated = read_policy(path, settings)
    faults = Faults(str(path))
    tables: dict[str, Table] = {}
    named = {"regions": stated.regions.file, "history": stated.history.file if stated.history else None}
    for name, given in (("regions", regions), ("history", history)):
        inside = named[name]
        file = Path(given) if given is not None else Path(os.path.normpath(path.parent / inside)) if inside else None
        if file is None:
            if name == "regions":
                faults.add(
                    "no file is named.",
                    'Write file = "regions.csv" under [regions], or use --regions.',
                    key="regions.file",
                )
            continue
        with faults.collect():
            tables[name] = read_table(file, encoding=encoding)
    if faults.found:
        with faults.collect():
            past = named["history"] is not None or history is not None
            check_policy(stated, round or stated.fund.round, past, str(path))
    faults.check()
    return Fund(
        stated,
        tables["regions"],
        tables.get("history"),
        round=round,
        settings=settings,
        source=Source(path.name, path.read_bytes()),
    )


def audit(amounts: pd.DataFrame | Table, fund: Fund) -> list[Finding]:
    """What given amounts do not keep of the rules of a fund; no solver is used.

    amounts: region_id, resource, amount; resource may be left out where there is only one. Raises
    InputError for unknown or missing regions and resources.
    """
    problem = fund.problem
    return audit_amounts(problem, fund.rows, _cells(_table(amounts, "amounts"), problem))


def _cells(table: Table, problem: Problem) -> FloatArray:
    """Given amounts as one number per cell."""
    faults = Faults(table.file)
    only = problem.resources[0].name if len(problem.resources) == 1 else None
    for column in ("region_id", "amount", *(() if only else ("resource",))):
        if column not in table.header:
            faults.add(f"the column is missing. {did_you_mean(column, table.header)}", column=column)
    faults.check()
    values = table.numbers("amount", faults=faults)
    ids = table.text("region_id")
    names = table.text("resource") if "resource" in table.header else np.full(len(ids), only, dtype=object)
    place = {
        (region, one.name): r * problem.n + i
        for r, one in enumerate(problem.resources)
        for i, region in enumerate(problem.regions.ids)
    }
    found = np.full(problem.cells, np.nan)
    for k, (region, name) in enumerate(zip(ids.tolist(), names.tolist(), strict=True)):
        line = int(table.lines[k])
        cell = place.get((region, name))
        if cell is None:
            known = problem.regions.ids if region not in problem.regions.ids else [r.name for r in problem.resources]
            wrong = region if region not in problem.regions.ids else name
            faults.add(f"is not known in this round. {did_you_mean(wrong, known)}", line=line, value=wrong)
        elif not np.isnan(found[cell]):
            faults.add(f"stands twice for {name}.", "Leave one of the rows out.", line=line, value=region)
        elif np.isnan(values[k]):
            if not any(f.line == line for f in faults.found):
                faults.add("is empty.", "Write the amount, 0 for nothing.", line=line, column="amount")
            found[cell] = 0.0
        else:
            found[cell] = values[k]
    for cell in np.flatnonzero(np.isnan(found))[:10]:
        r, i = divmod(int(cell), problem.n)
        faults.add(
            f"has no amount of {problem.resources[r].name}.",
            "Add a row for it, 0 for nothing.",
            value=problem.regions.ids[i],
        )
    faults.check()
    return found


def reopened(inputs: Mapping[str, Source], round: str, settings: Sequence[str]) -> Fund:
    """The fund of inputs that were read before. inputs: policy, regions and, where there is one, history."""
    source = inputs["policy"]
    raw = (
        json.loads(source.content, parse_float=Decimal)
        if source.form == "json"
        else parse_toml(source.content, source.file)
    )
    policy = parse_policy(raw if source.form == "json" else override(raw, settings), source.file)
    tables = {
        name: Table.again(one) if one.form == "json" else parse_table(one, one.file)
        for name, one in inputs.items()
        if name != "policy"
    }
    return Fund(policy, tables["regions"], tables.get("history"), round=round, settings=settings, source=source)
