"""Taken: names of steps that explanations have by themselves; nothing in a policy may be named like one of them."""

from __future__ import annotations

from fundalloc.language import say

#: what every amount begins with, by whom it is the same for
EQUAL = {"head": "equal share per head", "region": "equal share per region"}
#: what the objective moves where no rule holds anything
OBJECTIVE = "objective"
ARREARS, SUPPLY, ROUNDING = "arrears", "supply", "rounding"
#: what keeps an amount from falling below nothing
NOT_BELOW_ZERO = "no amount below 0"
#: what goes to regions without a target because no other region may take it
NOBODY_ELSE = "what no other region may take"
#: rules and parts of an amendment
KEEP, HELP = "nothing that is paid is taken back", "what the events ask for"
AS_DECIDED, EARLIER = "rules and rounding, as decided before", "earlier amendments"
#: how the step of an event begins
EVENT = "event: "
#: what stands between the names of rules in one cell
BETWEEN = "; "
TAKEN = frozenset(
    {*EQUAL.values(), OBJECTIVE, ARREARS, SUPPLY, ROUNDING, NOT_BELOW_ZERO, NOBODY_ELSE, KEEP, HELP, AS_DECIDED}
    | {EARLIER}
)


def refused(name: str) -> tuple[str, str] | None:
    """Why no rule, criterion or adjustment may have a name, and what to write instead; None where it may."""
    if name in TAKEN or name.startswith(EVENT):
        return say("is the name of a step that explanations have by themselves."), say("Write another name.")
    return None


def refused_of_rule(name: str) -> tuple[str, str] | None:
    """The same for a rule, whose name may stand in a cell beside others."""
    if BETWEEN in name:
        return say('holds "; ", which stands between the names of rules in a cell.'), say('Write "," instead.')
    return refused(name)
