"""Amounts that anybody gives, also made by hand, held against the rules of a fund."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fundalloc.errors import Faults, did_you_mean
from fundalloc.findings import Finding
from fundalloc.findings import audit as audit_amounts
from fundalloc.fund import Fund, as_table
from fundalloc.language import say
from fundalloc.problem import FloatArray, Problem
from fundalloc.tables import Table

if TYPE_CHECKING:
    import pandas as pd


def audit(amounts: pd.DataFrame | Table, fund: Fund) -> list[Finding]:
    """What given amounts do not keep of the rules of a fund; no solver is used.

    amounts: region_id, resource, amount; resource may be left out where there is only one. Raises
    InputError for unknown or missing regions and resources.
    """
    problem = fund.problem
    return audit_amounts(problem, fund.rows, cells(as_table(amounts, "amounts"), problem))


def cells(table: Table, problem: Problem) -> FloatArray:
    """Given amounts as one number per cell."""
    faults = Faults(table.file)
    only = problem.resources[0].name if len(problem.resources) == 1 else None
    for column in ("region_id", "amount", *(() if only else ("resource",))):
        if column not in table.header:
            faults.add(
                say("the column is missing. {code_hint}", code_hint=did_you_mean(column, table.header)), column=column
            )
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
            faults.add(
                say("is not known in this round. {code_hint}", code_hint=did_you_mean(wrong, known)),
                line=line,
                value=wrong,
            )
        elif not np.isnan(found[cell]):
            faults.add(
                say("stands twice for {code_name}.", code_name=name),
                say("Leave one of the rows out."),
                line=line,
                value=region,
            )
        elif np.isnan(values[k]):
            if not any(f.line == line for f in faults.found):
                faults.add(say("is empty."), say("Write the amount, 0 for nothing."), line=line, column="amount")
            found[cell] = 0.0
        else:
            found[cell] = values[k]
    for cell in np.flatnonzero(np.isnan(found))[:10]:
        r, i = divmod(int(cell), problem.n)
        faults.add(
            say("has no amount of {code_name}.", code_name=problem.resources[r].name),
            say("Add a row for it, 0 for nothing."),
            value=problem.regions.ids[i],
        )
    faults.check()
    return found
