"""The remedies: the flags of a round, those of a kind together, and what can be done about each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fundalloc.flags import Flag
from fundalloc.language import called, phrase, say
from fundalloc.report.page.material import SEVERITIES

#: so many messages of a kind stand on the page; so many are shown at once
ALL, FIRST = 200, 5
#: what a kind of flag is about, and what helps; codes of contract and documentation
REMEDIES: Mapping[str, tuple[str, str]] = {
    "filled": (
        phrase("Missing figures were filled"),
        phrase(
            "Get the figure from its source and decide the round again; until then the amounts rest on the one used."
        ),
    ),
    "watched_rule": (
        phrase("A watched rule is missed"),
        phrase(
            "A watched rule is not enforced. Whether it could be required beside the other rules is said with the"
            " rule; a "
            "preferred rule would be kept as far as they allow."
        ),
    ),
    "conceded": (
        phrase("A preferred rule had to yield"),
        phrase("It clashes with rules before it. Loosen one of them, or accept what it concedes."),
    ),
    "lot": (phrase("Missed by less than one lot"), phrase("Nothing to do; a smaller lot would close the gap.")),
    "beyond_quota": (
        phrase("Rounding moves more than a lot"),
        phrase("Choose rounding by largest remainder where that is not meant."),
    ),
    "supply_zero": (phrase("Nothing is shared out"), phrase("Check the supply and the reserve of the policy.")),
    "claims_below_supply": (
        phrase("Claims below the supply"),
        phrase("Each gets its claim; decide what becomes of the rest."),
    ),
    "behind": (
        phrase("Left behind for several rounds"),
        phrase("Each flag says which rules took most and which arrears rate would close the account once they yield."),
    ),
    "falling": (
        phrase("Coverage falls round by round"),
        phrase("Look at what took more each round; each flag says what would help."),
    ),
    "drift": (
        phrase("Below the others for several rounds"),
        phrase("Each flag says by how much, which rules took most, and what would help."),
    ),
    "account": (phrase("Much is owed from earlier rounds"), phrase("Each flag says what would repay it.")),
    "limit": (
        phrase("An account is near its limit"),
        phrase("What lies beyond one round's entitlement is not repaid: look at the rules that withhold it."),
    ),
    "arrears_limit": (
        phrase("An account of arrears is at its limit"),
        phrase(
            "What lies beyond the limit is not repaid. A rule withholds more than arrears can bring back: look at it."
        ),
    ),
    "region_left": (
        phrase("A region has left"),
        phrase("Say in a mapping what became of it, or close its account on purpose."),
    ),
    "no_record": (
        phrase("No record of the last round"),
        phrase("A newcomer is not bound by its past; nothing to do if that is so."),
    ),
    "no_place": (phrase("A rule meets no region"), phrase("Check the condition of the rule.")),
    "not_in_force": (phrase("A rule is not in force"), phrase("Nothing to do if its dates are meant.")),
    "constant": (phrase("An indicator tells nobody apart"), phrase("Leave it out, or check its column.")),
    "no_difference": (phrase("A criterion divides equally"), phrase("Leave it out or say so, or check its column.")),
    "mean_per_head": (
        phrase("A mean counts regions, not people"),
        phrase("Use a mean weighted by population if people should count."),
    ),
    "one_region": (phrase("There is one region only"), phrase("Check the regions file.")),
    "first_round": (phrase("Decided as the first round"), phrase("Nothing to do if there was no round before.")),
    "reserve": (phrase("Events draw on the reserve"), phrase("See what is left of the reserve before the next event.")),
    "paid_unknown": (
        phrase("What has been paid is not known"),
        phrase("Say what has been paid, so that nothing is taken back."),
    ),
}


def remedies(flags: Sequence[Flag]) -> list[dict[str, Any]]:
    """The flags by kind, the most severe first."""
    kinds: dict[str, list[Flag]] = {}
    for flag in sorted(flags, key=lambda f: SEVERITIES.index(f.severity)):
        kinds.setdefault(flag.code, []).append(flag)
    found = []
    for code, mine in kinds.items():
        title, remedy = map(say, REMEDIES[code]) if code in REMEDIES else (called(code).replace("_", " "), "")
        title = f"{title[:1].upper()}{title[1:]}"
        found.append(
            {
                "severity": mine[0].severity,
                "title": title,
                "remedy": remedy,
                "count": len(mine),
                "first": mine[:FIRST],
                "others": mine[FIRST:ALL],
                "left_out": max(0, len(mine) - ALL),
            }
        )
    return found
