"""An earlier round, decided again by the fund of a later one, if that is how it was decided."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from fundalloc.change import Round
from fundalloc.errors import ConflictError, Fault, InputError
from fundalloc.explain import printed_unit
from fundalloc.language import phrase, say
from fundalloc.posed import Posed

ANOTHER = phrase("was not decided by this policy with these data")
NO_EARLIER = phrase("The regions file holds no earlier round.")
NOT_RECORDED = phrase("is not the round that the history records")


def again(label: str, later: Posed) -> Round:
    """An earlier round of a fund, decided again; it must be what the history of the later one records."""
    known = [r for r in later.regions.rounds if r != later.round]
    if label not in known:
        held = say("Known are: {code}.", code=", ".join(known)) if known else say(NO_EARLIER)
        raise InputError(
            [
                Fault(
                    say(
                        "is no folder that allocate wrote, and no round before {code_round} of the regions file.",
                        code_round=later.round,
                    ),
                    say("{code_held} Or name the folder of the round.", code_held=held),
                    value=label,
                )
            ]
        )
    try:
        found = Round.of(later.at(label))
    except ConflictError as error:
        raise InputError([_another(label, ANOTHER, error.reason.splitlines()[0])]) from None
    if check_recorded(found, later, ANOTHER):
        return found
    said = say(
        "The history does not record {round}: its amounts are those that this policy decides with its data.",
        round=label,
    )
    return replace(found, remark=said)


def check_recorded(found: Round, later: Posed, said: str = NOT_RECORDED) -> bool:
    """Whether the history of a later round records an earlier one.

    Raises InputError, which says so, where it records other amounts.
    """
    problem, label = found.fund.problem, found.fund.round
    recorded = {name: rounds[label] for name, rounds in later.history.records.items() if label in rounds}
    decided: dict[tuple[str, str], Decimal] = {}
    lots = found.lots if found.amended is None else found.amended
    for r, one in enumerate(problem.resources):
        for region, mine in zip(problem.regions.ids, lots[problem.block(r)].tolist(), strict=True):
            decided[one.name, region] = mine * one.lot
    units = {one.name: float(printed_unit(one.lot)) for one in problem.resources}
    paid = {(name, region): one.amount for name, regions in recorded.items() for region, one in regions.items()}
    for name, region in sorted({*decided, *paid}) if recorded else ():
        ours, theirs = decided.get((name, region), Decimal(0)), paid.get((name, region), 0.0)
        if not abs(float(ours) - theirs) <= units.get(name, 0.0) / 2:
            how = say(
                "{code_region} got {theirs:,.15g} of {code_name} by the history, {ours:,f} by that decision.",
                code_region=region,
                theirs=theirs,
                code_name=name,
                ours=ours,
            )
            raise InputError([_another(label, said, how)])
    return bool(recorded)


def _another(label: str, said: str, how: str) -> Fault:
    remedy = say("Name the folder, or a ledger, in which round {code_label} is as it was decided.", code_label=label)
    return Fault(say(": ").join([say(said), how]), remedy, value=label)
