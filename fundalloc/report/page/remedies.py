"""The remedies: the flags of a round, those of a kind together, and what can be done about each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fundalloc.flags import Flag

ORDER = ("alarm", "warning", "info")
#: so many messages of a kind stand on the page; so many are shown at once
ALL, FIRST = 200, 5
#: what a kind of flag is about, and what helps; codes of contract and documentation
REMEDIES: Mapping[str, tuple[str, str]] = {
    "filled": (
        "Missing figures were filled",
        "Get the figure from its source and decide the round again; until then the amounts rest on the one used.",
    ),
    "watched_rule": (
        "A watched rule is missed",
        "A watched rule is not enforced. Whether it could be required beside the other rules is said with the rule; a "
        "preferred rule would be kept as far as they allow.",
    ),
    "conceded": (
        "A preferred rule had to yield",
        "It clashes with rules before it. Loosen one of them, or accept what it concedes.",
    ),
    "lot": ("Missed by less than one lot", "Nothing to do; a smaller lot would close the gap."),
    "beyond_quota": ("Rounding moves more than a lot", "Choose rounding by largest remainder where that is not meant."),
    "supply_zero": ("Nothing is shared out", "Check the supply and the reserve of the policy."),
    "claims_below_supply": ("Claims below the supply", "Each gets its claim; decide what becomes of the rest."),
    "behind": (
        "Left behind for several rounds",
        "Each flag says which rules took most and which arrears rate would close the account once they yield.",
    ),
    "falling": ("Coverage falls round by round", "Look at what took more each round; each flag says what would help."),
    "drift": (
        "Below the others for several rounds",
        "More than chance explains. Each flag says which rules took most, and what would help.",
    ),
    "account": ("Much is owed from earlier rounds", "Each flag says what would repay it."),
    "limit": (
        "An account is near its limit",
        "What lies beyond one round's entitlement is not repaid: look at the rules that withhold it.",
    ),
    "arrears_limit": (
        "An account of arrears is at its limit",
        "What lies beyond the limit is not repaid. A rule withholds more than arrears can bring back: look at it.",
    ),
    "region_left": ("A region has left", "Say in a mapping what became of it, or close its account on purpose."),
    "no_record": ("No record of the last round", "A newcomer is not bound by its past; nothing to do if that is so."),
    "no_place": ("A rule meets no region", "Check the condition of the rule."),
    "not_in_force": ("A rule is not in force", "Nothing to do if its dates are meant."),
    "constant": ("An indicator tells nobody apart", "Leave it out, or check its column."),
    "no_difference": ("A criterion divides equally", "Leave it out or say so, or check its column."),
    "mean_per_head": ("A mean counts regions, not people", "Use a mean weighted by population if people should count."),
    "one_region": ("There is one region only", "Check the regions file."),
    "first_round": ("Decided as the first round", "Nothing to do if there was no round before."),
    "reserve": ("Events draw on the reserve", "See what is left of the reserve before the next event."),
    "paid_unknown": ("What has been paid is not known", "Say what has been paid, so that nothing is taken back."),
}


def remedies(flags: Sequence[Flag]) -> list[dict[str, Any]]:
    """The flags by kind, the most severe first."""
    kinds: dict[str, list[Flag]] = {}
    for flag in sorted(flags, key=lambda f: ORDER.index(f.severity)):
        kinds.setdefault(flag.code, []).append(flag)
    found = []
    for code, mine in kinds.items():
        title, remedy = REMEDIES.get(code, (code.replace("_", " ").capitalize(), ""))
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
