"""Retelling: a written round in another language, from its certificate, without deciding it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fundalloc.allocation import Allocation
from fundalloc.differences import Differs
from fundalloc.errors import Fault, InputError
from fundalloc.language import say
from fundalloc.verification import Check


def retold(folder: str | Path) -> Allocation:
    """A round that `allocate` wrote, in the language that is spoken, with the prices that its summary states.

    Raises InputError where the folder cannot be read or its amounts do not follow from its certificate.
    """
    from fundalloc.prices import Price  # beside it is the solver, which nothing else here uses

    def stated(rule: Mapping[str, Any]) -> Iterator[Price]:
        for p in rule["price"]:
            moved = float(p["moved"])
            yield Price(rule["name"], p["resource"], p["side"], p["step"], moved, p["givers"], p["takers"])

    try:
        check = Check(Path(folder))
        fund, decision = check.decided()
    except Differs as error:
        raise InputError([Fault(str(error), say("Decide the round again."), file=str(folder))]) from None
    prices = {str(rule["name"]): list(stated(rule)) for rule in check.summary["rules"]}
    return Allocation(fund.policy, decision, fund.inputs, fund.settings, prices)
