"""Looking back and aside: what more decisions tell of a round: why amounts changed, what watched rules would take."""

from __future__ import annotations

from dataclasses import replace

from fundalloc.cause_words import labels
from fundalloc.change import Round, changes
from fundalloc.change_words import notes, told
from fundalloc.decided import Decision
from fundalloc.earlier import again, check_recorded
from fundalloc.errors import ConflictError, InputError, SolverError
from fundalloc.language import say
from fundalloc.posed import Posed
from fundalloc.report.outcome import Looked
from fundalloc.requiring import required

#: of more regions nothing is looked for unasked: it takes many decisions
MOST = 300


def looked(fund: Posed, decision: Decision, earlier: Round | None = None) -> Looked:
    """Why amounts are not those of an earlier round, and what would be if missed rules that are watched were required.

    earlier: the round that is compared; left out: the last one, where this policy decides it as the history records it.
    Raises InputError for a round that the history records otherwise.
    """
    if earlier is not None:
        check_recorded(earlier, fund)
        return replace(since(earlier, _this(fund, decision)), required=dict(required(decision)))
    if decision.problem.n > MOST:
        return Looked(unknown=say("with more than {count} regions it is not looked for unasked.", count=MOST))
    wanted = dict(required(decision))
    if not fund.history.rounds:
        return Looked(unknown=say("no earlier round is known."), required=wanted)
    try:
        last = again(fund.history.rounds[-1], fund.at(fund.round))
        return replace(since(last, _this(fund, decision)), required=wanted)
    except (InputError, ConflictError, SolverError) as error:
        return Looked(unknown=_first(error), required=wanted)


def since(old: Round, new: Round) -> Looked:
    """Why the amounts of a round are not those of an earlier one."""
    found = changes(old, new)
    causes = {name: {cause: told(found, name, cause) for cause in found.parts[name]} for name in found.units}
    return Looked(labels(found)[0], found.sheet, causes, tuple(notes(found)))


def _this(fund: Posed, decision: Decision) -> Round:
    """The round that is decided; where it is amended, as it was before, with the lots after that."""
    if any(one.decided is not None for one in decision.problem.resources):
        return replace(Round.of(fund.at(fund.round)), amended=decision.lots)
    return Round(fund, decision.optimum.amounts, decision.lots)


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0]
