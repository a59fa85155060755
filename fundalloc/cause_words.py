"""Causes in words: what of one cause changed from one round to another, in a part of a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

from fundalloc.causes import SAID, closure, of_key
from fundalloc.change import AMENDMENT, ROUNDING, Change
from fundalloc.entitlements import ResourceSection, whole
from fundalloc.key import Criterion
from fundalloc.language import called, listed, phrase, say
from fundalloc.policy import definitions
from fundalloc.report.texts import plain_lot
from fundalloc.report.words import MODES, money
from fundalloc.rules import Rule

#: so many regions that joined or left are named
NAMED = 3


def labels(change: Change) -> tuple[str, str]:
    """What the two rounds are called."""
    old, new = (side.regions.round for side in change.sides)
    return (old, new) if old != new else (say("{round} as it was before", round=old), new)


def _sections(change: Change, name: str) -> tuple[ResourceSection, ResourceSection] | None:
    """What the two policies say of a resource; None where only one has it."""
    old, new = (side.policy.resources.get(name) for side in change.sides)
    return None if old is None or new is None else (old, new)


def _pool(change: Change, name: str) -> str:
    found = _sections(change, name)
    if found is None:
        return ""
    old, new = found
    if (old.supply, old.reserve, old.lot) == (new.supply, new.reserve, new.lot):
        if "pool" in change.differs:
            return say("what is shared out is the same here, but not elsewhere")
        return say("what is shared out is the same")
    before, after = (_shared_out(section) for section in found)
    parts = []
    if before is None or after is None:
        was, now = (say("open") if v is None else f"{v:,f}" for v in (before, after))
        parts.append(say("the supply is {now} instead of {was}", now=now, was=was))
    elif before != after:
        parts.append(
            say(
                "what is shared out grew from {before:,f} to {after}"
                if after > before
                else "what is shared out fell from {before:,f} to {after}",
                before=before,
                after=money(after, new.unit),
            )
        )
    if old.reserve != new.reserve:
        parts.append(
            say(
                "{now:f} % instead of {was:f} % of the supply is held back",
                now=100 * new.reserve,
                was=100 * old.reserve,
            )
        )
    if old.lot != new.lot:
        parts.append(say("whole lots of {now:,f} instead of {was:,f}", now=new.lot, was=old.lot))
    return say(", ").join(parts) or say("the supply changed by less than a lot")


def _shared_out(section: ResourceSection) -> Decimal | None:
    """Supply less reserve in whole lots; None where the supply is open."""
    if section.open:
        return None
    lots = whole(Fraction(section.supply) * (1 - Fraction(section.reserve)) / Fraction(section.lot))  # type: ignore[arg-type]
    return plain_lot(lots * section.lot)


def _data(change: Change, name: str) -> str:
    old, new = labels(change)
    if "data" not in change.differs:
        return say("the data are the same")
    before, after = (set(side.regions.ids) for side in change.sides)
    parts = [say("the data of {new} instead of those of {old}", new=new, old=old)]
    parts += [say("{regions} joined", regions=_named(change, after - before))] if after - before else []
    parts += [say("{regions} left", regions=_named(change, before - after))] if before - after else []
    return say(", ").join(parts)


def _named(change: Change, ids: set[str]) -> str:
    """Some regions by name, or how many they are."""
    if len(ids) > NAMED:
        return say("{count} regions", count=len(ids))
    return listed(change.names[i] for i in sorted(ids))


def _policy(change: Change, name: str) -> str:
    found = _sections(change, name)
    if found is None:
        since = name in change.sides[1].policy.resources
        if since:
            return say("{resource} is shared out since {round} only", resource=name, round=labels(change)[1])
        return say("{resource} is no longer shared out", resource=name)
    parts = [*_criteria(*found), *_defined(change, name)]
    for what, old, new in (
        (phrase("who takes part: {new} instead of {old}"), *(_or_all(s.where) for s in found)),
        (
            phrase("the claims: {new} instead of {old}"),
            *(_or_none(s.claims and f"{s.claims.measure}, {s.claims.rule}") for s in found),
        ),
    ):
        if old != new:
            parts.append(say(what, new=new, old=old))
    if parts:
        return say(", ").join(parts)
    if "policy" in change.differs:
        return say("the key is the same here, but not elsewhere")
    return say("the key is the same")


def _or_all(stated: object) -> str:
    return say("all") if stated is None else say("those where {where}", where=str(stated))


def _or_none(stated: object) -> str:
    return str(stated).replace("_", " ") if stated else say("none")


def _criteria(old: ResourceSection, new: ResourceSection) -> Iterator[str]:
    """Which criteria came, went, or count or measure otherwise."""
    before, after = ({c.name: c for c in s.criteria} for s in (old, new))
    for name, one in after.items():
        was = before.get(name)
        if was is None:
            yield say('criterion "{name}" is new ({counts})', name=name, counts=_counts(one))
            continue
        if _counts(was) != _counts(one):
            yield say('{new} instead of {old} for "{name}"', new=_counts(one), old=_counts(was), name=name)
        if was.measure != one.measure:
            yield say(
                '"{name}" is measured by {code_new} instead of {code_old}',
                name=name,
                code_new=one.measure,
                code_old=was.measure,
            )
    for name, one in before.items():
        if name not in after:
            yield say('criterion "{name}" is gone ({counts})', name=name, counts=_counts(one))


def _counts(one: Criterion) -> str:
    if one.weight is not None:
        return say("weight {weight:g}", weight=one.weight)
    return say("rate {rate:g}", rate=one.rate)


def _defined(change: Change, name: str) -> Iterator[str]:
    """Which measures and indices of the key of a resource, or of rules, are defined otherwise."""
    old, new = change.sides
    used = [closure(of_key(side.policy, name), definitions(side.policy)) for side in change.sides]
    for one in sorted((used[0] & used[1]) | (set(old.needed["rules"]) & set(new.needed["rules"]))):
        if old.defined[one] != new.defined[one]:
            yield say("{name} is defined otherwise", name=one)


def _rules(change: Change, name: str) -> str:
    old, new = ({r.name: r for r in side.policy.rules if not r.named or name in r.named} for side in change.sides)
    units = [side.policy.resources[name].unit if name in side.policy.resources else "" for side in change.sides]
    parts = [say('"{rule}" is gone', rule=one) for one in old if one not in new]
    for one, rule in new.items():
        if one not in old:
            parts.append(say('"{rule}" is new: {sentence}', rule=one, sentence=rule.sentence(units[1], "")))
        elif _says(rule) != _says(old[one]):
            was, now = (r.sentence(u, "") for r, u in zip((old[one], rule), units, strict=True))
            how = say("{now} instead of {was}", now=now, was=was) if was != now else say(MODES[rule.mode])
            parts.append(say('"{rule}" changed: {how}', rule=one, how=how))
    aims = [side.policy.objective.sentence for side in change.sides]
    if aims[0] != aims[1]:
        parts.append(say("the objective is {sentence}", sentence=aims[1]))
    if parts:
        return say(", ").join(parts)
    if "rules" in change.differs:
        return say("the rules are the same here, but not elsewhere")
    return say("the rules are the same")


def _says(rule: Rule) -> object:
    return type(rule), rule.model_dump(exclude=set(SAID))


def _arrears(change: Change, name: str) -> str:
    found = _sections(change, name)
    old, new = (side.history.rounds for side in change.sides)
    parts = []
    if found is not None and found[0].arrears != found[1].arrears:
        was, now = (f"{100 * s.arrears:g} %" for s in found)
        parts.append(say("{now} instead of {was} of what past rounds left unpaid is made good", now=now, was=was))
    if found is not None:
        names = [[a.name for a in s.adjustments] for s in found]
        if [a.amounts for a in found[0].adjustments] != [a.amounts for a in found[1].adjustments]:
            was, now = map(_listed, names)
            parts.append(say("the adjustments outside the key are {now}, they were {was}", now=now, was=was))
    if "arrears" in change.differs and old != new:
        was, now = (r[-1] if r else say("none") for r in (old, new))
        parts.append(say("the last round before is {now} instead of {was}", now=now, was=was))
    elif "arrears" in change.differs and not parts:
        parts.append(say("what was decided before is another"))
    same = say("no amount depends on what was decided before") if not any(map(len, (old, new))) else ""
    return say(", ").join(parts) or same or say("what was decided before counts as it did")


def _listed(names: list[str]) -> str:
    return say(", ").join(map(called, names)) or say("none")


def _amendment(change: Change, name: str) -> str:
    """What happened after the decisions."""
    del name
    ends = [
        label for label, end in zip(labels(change), (change.old, change.new), strict=True) if end.amended is not None
    ]
    return say("what events after the decision changed in {rounds}", rounds=listed(ends))


def _rounding(change: Change, name: str) -> str:
    lots = dict.fromkeys(
        f"{plain_lot(s.policy.resources[name].lot):,f} {called(s.policy.resources[name].unit)}".rstrip()
        for s in change.sides
        if name in s.policy.resources
    )
    return say("to whole lots of {lot}", lot=listed(lots))


TOLD: Mapping[str, Callable[[Change, str], str]] = {
    "pool": _pool,
    "data": _data,
    "policy": _policy,
    "rules": _rules,
    "arrears": _arrears,
    AMENDMENT: _amendment,
    ROUNDING: _rounding,
}
