"""An earlier round, decided again by the fund of a later one, if that is how it was decided."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from fundalloc.change import Round
from fundalloc.errors import ConflictError, Fault, InputError
from fundalloc.explain import printed_unit
from fundalloc.posed import Posed


def again(label: str, later: Posed) -> Round:
    """An earlier round of a fund, decided again; it must be what the history of the later one records."""
    known = [r for r in later.regions.rounds if r != later.round]
    if label not in known:
        held = f"Known are: {', '.join(known)}." if known else "The regions file holds no earlier round."
        raise InputError(
            [
                Fault(
                    f"is no folder that allocate wrote, and no round before {later.round} of the regions file.",
                    f"{held} Or name the folder of the round.",
                    value=label,
                )
            ]
        )
    try:
        found = Round.of(later.at(label))
    except ConflictError as error:
        raise InputError([_another(label, error.reason.splitlines()[0])]) from None
    return _as_recorded(found, later)


def _another(label: str, how: str) -> Fault:
    return Fault(
        f"was not decided by this policy with these data: {how}",
        f"Name the folder of {label}, or a ledger, instead of the label.",
        value=label,
    )


def _as_recorded(found: Round, later: Posed) -> Round:
    """The round, where the history of a later one records the same amounts; a remark where it records none."""
    problem, label = found.fund.problem, found.fund.round
    recorded = {name: rounds[label] for name, rounds in later.history.records.items() if label in rounds}
    if not recorded:
        said = f"The history does not record {label}: its amounts are those that this policy decides with its data."
        return replace(found, remark=said)
    decided: dict[tuple[str, str], Decimal] = {}
    for r, one in enumerate(problem.resources):
        for region, lots in zip(problem.regions.ids, found.lots[problem.block(r)].tolist(), strict=True):
            decided[one.name, region] = lots * one.lot
    units = {one.name: float(printed_unit(one.lot)) for one in problem.resources}
    paid = {(name, region): one.amount for name, regions in recorded.items() for region, one in regions.items()}
    for name, region in sorted({*decided, *paid}):
        ours, theirs = decided.get((name, region), Decimal(0)), paid.get((name, region), 0.0)
        if not abs(float(ours) - theirs) <= units.get(name, 0.0) / 2:
            raise InputError([_another(label, f"{region} got {theirs:,.15g} of {name}, but they give it {ours:,f}.")])
    return found
