"""The policy of an amendment, made from that of the round."""

from __future__ import annotations

from fundalloc.amendment import DUE, PAID
from fundalloc.language import say
from fundalloc.objectives import Objective
from fundalloc.policy.model import Policy
from fundalloc.rules import AnyRule, Limit
from fundalloc.taken import HELP, KEEP


class Paid(Limit):
    """What has been paid is a floor."""

    def sentence(self, unit: str, round_: str) -> str:
        """The limit in plain words."""
        return say("no region goes below what it has been paid already")


class Helped(Limit):
    """What was decided and the extra need are a floor for whom an event hits."""

    def sentence(self, unit: str, round_: str) -> str:
        """The limit in plain words."""
        return say("each region that an event hits gets what was decided and what it needs more")


def amended_policy(policy: Policy) -> Policy:
    """First what is paid, then what the events ask for, then all rules as preferred ones; the least change.

    Rules that were required yield only where events leave no other way.
    """
    first: list[AnyRule] = [
        Paid(kind="limit", name=KEEP, of=PAID, floor=1, why=say("Who was paid can rely on it.")),
        Helped(kind="limit", name=HELP, of=DUE, floor=1, mode="prefer", why=say("The need is met first.")),
    ]
    rules = [_yielding(rule) for rule in policy.rules]
    return policy.model_copy(update={"rules": (*first, *rules), "objective": Objective()})


def _yielding(rule: AnyRule) -> AnyRule:
    if isinstance(rule, Limit) and rule.or_nothing:  # it has decided who gets nothing
        return rule.model_copy(update={"or_nothing": False, "mode": "watch"})
    return rule.model_copy(update={"mode": "prefer"}) if rule.mode == "require" else rule
