"""The horizon: the labels of the rounds to come."""

from __future__ import annotations

from collections.abc import Sequence

from fundalloc.errors import Faults
from fundalloc.fund import Fund
from fundalloc.language import say
from fundalloc.roster import Roster
from fundalloc.rounds import WHOLE, Calendar, in_order

#: more rounds are not asked for in earnest
MOST_ROUNDS = 200


def horizon(fund: Fund, roster: Roster, count: int, labels: Sequence[str]) -> tuple[tuple[str, ...], Calendar]:
    """The labels of the rounds to be projected, and all known rounds in order.

    The fund's own round comes first, unless the history holds it: then the first one after the history does. Raises
    InputError where they cannot be told, or do not come in this order.
    """
    faults = Faults()
    past = fund.tables["history"].text("round").tolist() if "history" in fund.tables else []
    decided = in_order(label for label in past if label)
    own = fund.round not in decided
    start = fund.round if own else decided[-1]
    known = in_order(label for label in (*past, *roster.rounds, fund.round) if label)
    named = [label for label in known if not WHOLE.fullmatch(label)]
    first = " " + say("The first is {code_start}, which is not decided yet.", code_start=start) if own else ""
    asked = tuple(labels)
    if not 1 <= count <= MOST_ROUNDS:
        faults.add(
            say("is not from 1 to {code_most_rounds}.", code_most_rounds=MOST_ROUNDS),
            say("Write for example 5."),
            key="--rounds",
            value=str(count),
            file="",
        )
    elif not asked and named:
        faults.add(
            say(
                'the names of the rounds to come cannot be told: "{code_named}" is no whole number.',
                code_named=named[0],
            ),
            say(
                "Name all {code_count} of them, for example --labels 2024a,2024b.{code_first}",
                code_count=count,
                code_first=first,
            ),
            key="--labels",
        )
    elif not asked:
        following = Calendar(known).following(start, count)
        asked = (start, *following[:-1]) if own else following
    elif len(asked) != count or len(set(asked)) < count or not all(asked):
        remedy = say("Name each projected round once.{code_first}", code_first=first)
        faults.add(
            say("are not {code_count} different labels.", code_count=count),
            remedy,
            key="--labels",
            value=",".join(asked),
        )
    elif not _follow(asked, known, start, own):
        remedy = say("Rounds are ordered as numbers if all labels are, else as text.{code_first}", code_first=first)
        faults.add(
            say(
                "do not follow each other from {code_start} on."
                if own
                else "do not follow each other after {code_start} on.",
                code_start=start,
            ),
            remedy,
            key="--labels",
        )
    faults.check()
    entries = [label for s in fund.policy.resources.values() if isinstance(s.supply, dict) for label in s.supply]
    return asked, Calendar([*known, *asked, *entries])


def _follow(asked: Sequence[str], known: Sequence[str], start: str, own: bool) -> bool:
    """Whether labels are in order, and the first one is the own round, or comes after what is decided."""
    order = in_order([*known, *asked])
    places = [order.index(label) for label in asked]
    return places == sorted(places) and (asked[0] == start if own else places[0] > order.index(start))
