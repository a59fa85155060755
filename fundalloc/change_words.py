"""Change in words: why one region's amount changed, cause by cause, as a person would explain it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

from fundalloc.causes import SAID, closure, of_key
from fundalloc.change import AMENDMENT, ROUNDING, Change, Round
from fundalloc.entitlements import ResourceSection, whole
from fundalloc.key import Criterion
from fundalloc.policy import definitions
from fundalloc.report.texts import decimal, plain_lot
from fundalloc.report.words import MODES, aligned, find_region, money, signed
from fundalloc.rules import Rule

AVERAGE = (
    "What a cause changes is averaged over all orders in which the causes can have changed (Shapley value); "
    "they add up exactly."
)
#: so many regions that joined or left are named
NAMED = 3


def asked(old: Round, new: Round, region: str) -> str:
    """The id of a region of either of two rounds by its id or its name; a fault with the nearest known ones."""
    both = (end.fund.regions for end in (old, new))
    rows = [{"region_id": i, "region_name": name} for r in both for i, name in zip(r.ids, r.names, strict=True)]
    return find_region(rows, region)


def why_changed(change: Change, region: str) -> str:
    """Why one region's amounts changed, cause by cause; region: its id or its name."""
    place = change.ids.index(asked(change.old, change.new, region))
    blocks = ["\n".join(_block(change, name, place)) for name in change.units]
    return "\n\n".join([*blocks, "\n".join(notes(change))])


def _block(change: Change, name: str, place: int) -> Iterator[str]:
    unit = change.units[name]
    before, after = (int(a[name][place]) for a in (change.before, change.after))
    yield _head(change, name, place, decimal(before, unit), decimal(after, unit))
    lines = []
    for cause, units in change.parts[name].items():
        lines.append((cause, signed(decimal(int(units[place]), unit)), told(change, name, cause)))
    lines.append(("= change", signed(_plain(change, name, after - before)), ""))
    yield from aligned(lines)


def told(change: Change, name: str, cause: str) -> str:
    """What a cause is, for one resource; cause: one of its parts, also of causes that are told as one."""
    return "; ".join(TOLD[one](change, name) for one in cause.split(" and "))


def _plain(change: Change, name: str, units: int) -> str:
    """An amount with no more decimals than its lots have."""
    return format(plain_lot(units * change.units[name]), "f") if units else "0"


def _head(change: Change, name: str, place: int, before: str, after: str) -> str:
    region, (old, new) = change.ids[place], labels(change)
    who = f"{change.names[region]} ({region})"
    unit = next(s.policy.resources[name].unit for s in change.sides[::-1] if name in s.policy.resources)
    less = change.after[name][place] < change.before[name][place]
    difference = int(abs(change.after[name][place] - change.before[name][place]))
    there = [region in side.regions.ids and name in side.policy.resources for side in change.sides]
    has, had = (money(_plain(change, name, int(a[name][place])), unit) for a in (change.after, change.before))
    if not any(there):
        return f"{who} takes no part in {name}."
    if not there[0]:
        return f"{who} got {has} of {name} in {new}, for the first time:"
    if not there[1]:
        return f"{who} got {had} of {name} in {old}, and none in {new}:"
    if not difference:
        return f"{who} got {has} of {name} in {new}, as much as in {old}:"
    part = f" ({100 * (float(after) / float(before) - 1):+.1f} %)" if float(before) else ""
    moved = f"{money(_plain(change, name, difference))}{part} {'less' if less else 'more'}"
    return f"{who} got {has} of {name} in {new}, {moved} than in {old}:"


def labels(change: Change) -> tuple[str, str]:
    """What the two rounds are called."""
    old, new = (side.regions.round for side in change.sides)
    return (old, new) if old != new else (f"{old} as it was before", new)


def notes(change: Change) -> Iterator[str]:
    """How the causes were found."""
    yield AVERAGE
    joint = [cause for cause in change.causes if " and " in cause]
    for cause in joint:
        yield (
            f"{cause[:1].upper()}{cause[1:]} are told as one, because rounds with one as it is and the other as it was "
            f"cannot be computed. {change.reason}"
        )
    if change.yielding:
        yield (
            f"{change.yielding} of {change.mixtures} mixtures of the two rounds cannot keep all required rules; there "
            "these yielded as little as they must."
        )
    yield from (end.remark for end in (change.old, change.new) if end.remark)


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
        return f"what is shared out is the same{_elsewhere(change, 'pool')}"
    before, after = (_shared_out(section) for section in found)
    parts = []
    if before is None or after is None:
        was, now = ("open" if v is None else f"{v:,f}" for v in (before, after))
        parts.append(f"the supply is {now} instead of {was}")
    elif before != after:
        way = "grew" if after > before else "fell"
        parts.append(f"what is shared out {way} from {before:,f} to {money(after, new.unit)}")
    if old.reserve != new.reserve:
        parts.append(f"{100 * new.reserve:f} % instead of {100 * old.reserve:f} % of the supply is held back")
    if old.lot != new.lot:
        parts.append(f"whole lots of {new.lot:,f} instead of {old.lot:,f}")
    return ", ".join(parts) or "the supply changed by less than a lot"


def _shared_out(section: ResourceSection) -> Decimal | None:
    """Supply less reserve in whole lots; None where the supply is open."""
    if section.open:
        return None
    lots = whole(Fraction(section.supply) * (1 - Fraction(section.reserve)) / Fraction(section.lot))  # type: ignore[arg-type]
    return plain_lot(lots * section.lot)


def _elsewhere(change: Change, cause: str) -> str:
    """That something of a cause changed, but not here."""
    return " here, but not elsewhere" if cause in change.differs else ""


def _data(change: Change, name: str) -> str:
    old, new = labels(change)
    if "data" not in change.differs:
        return "the data are the same"
    before, after = (set(side.regions.ids) for side in change.sides)
    parts = [f"the data of {new} instead of those of {old}"]
    parts += [f"{_named(change, after - before)} joined"] if after - before else []
    parts += [f"{_named(change, before - after)} left"] if before - after else []
    return ", ".join(parts)


def _named(change: Change, ids: set[str]) -> str:
    """Some regions by name, or how many they are."""
    return " and ".join(change.names[i] for i in sorted(ids)) if len(ids) <= NAMED else f"{len(ids)} regions"


def _policy(change: Change, name: str) -> str:
    found = _sections(change, name)
    if found is None:
        since = name in change.sides[1].policy.resources
        return f"{name} is shared out since {labels(change)[1]} only" if since else f"{name} is no longer shared out"
    parts = [*_criteria(*found), *_defined(change, name)]
    for what, old, new in (
        ("who takes part", *(_or_all(s.where) for s in found)),
        ("the claims", *(_or_none(s.claims and f"{s.claims.measure}, {s.claims.rule}") for s in found)),
    ):
        if old != new:
            parts.append(f"{what}: {new} instead of {old}")
    return ", ".join(parts) or f"the key is the same{_elsewhere(change, 'policy')}"


def _or_all(stated: object) -> str:
    return "all" if stated is None else f"those where {stated}"


def _or_none(stated: object) -> str:
    return str(stated or "none").replace("_", " ")


def _criteria(old: ResourceSection, new: ResourceSection) -> Iterator[str]:
    """Which criteria came, went, or count or measure otherwise."""
    before, after = ({c.name: c for c in s.criteria} for s in (old, new))
    for name, one in after.items():
        was = before.get(name)
        if was is None:
            yield f'criterion "{name}" is new ({_counts(one)})'
            continue
        if _counts(was) != _counts(one):
            yield f'{_counts(one)} instead of {_counts(was)} for "{name}"'
        if was.measure != one.measure:
            yield f'"{name}" is measured by {one.measure} instead of {was.measure}'
    yield from (f'criterion "{name}" is gone ({_counts(one)})' for name, one in before.items() if name not in after)


def _counts(one: Criterion) -> str:
    return f"weight {one.weight:g}" if one.weight is not None else f"rate {one.rate:g}"


def _defined(change: Change, name: str) -> Iterator[str]:
    """Which measures and indices of the key of a resource, or of rules, are defined otherwise."""
    old, new = change.sides
    used = [closure(of_key(side.policy, name), definitions(side.policy)) for side in change.sides]
    for one in sorted((used[0] & used[1]) | (set(old.needed["rules"]) & set(new.needed["rules"]))):
        if old.defined[one] != new.defined[one]:
            yield f"{one} is defined otherwise"


def _rules(change: Change, name: str) -> str:
    old, new = ({r.name: r for r in side.policy.rules if not r.named or name in r.named} for side in change.sides)
    units = [side.policy.resources[name].unit if name in side.policy.resources else "" for side in change.sides]
    parts = [f'"{one}" is gone' for one in old if one not in new]
    for one, rule in new.items():
        if one not in old:
            parts.append(f'"{one}" is new: {rule.sentence(units[1], "")}')
        elif _says(rule) != _says(old[one]):
            was, now = (r.sentence(u, "") for r, u in zip((old[one], rule), units, strict=True))
            how = f"{now} instead of {was}" if was != now else MODES[rule.mode]
            parts.append(f'"{one}" changed: {how}')
    aims = [side.policy.objective.sentence for side in change.sides]
    if aims[0] != aims[1]:
        parts.append(f"the objective is {aims[1]}")
    return ", ".join(parts) or f"the rules are the same{_elsewhere(change, 'rules')}"


def _says(rule: Rule) -> object:
    return type(rule), rule.model_dump(exclude=set(SAID))


def _arrears(change: Change, name: str) -> str:
    found = _sections(change, name)
    old, new = (side.history.rounds for side in change.sides)
    parts = []
    if found is not None and found[0].arrears != found[1].arrears:
        rates = [f"{100 * s.arrears:g} %" for s in found]
        parts.append(f"{rates[1]} instead of {rates[0]} of what past rounds left unpaid is made good")
    if found is not None:
        names = [[a.name for a in s.adjustments] for s in found]
        if [a.amounts for a in found[0].adjustments] != [a.amounts for a in found[1].adjustments]:
            parts.append(f"the adjustments outside the key are {_listed(names[1])}, they were {_listed(names[0])}")
    if "arrears" in change.differs and old != new:
        was, now = (r[-1] if r else "none" for r in (old, new))
        parts.append(f"the last round before is {now} instead of {was}")
    elif "arrears" in change.differs and not parts:
        parts.append("what was decided before is another")
    same = "no amount depends on what was decided before" if not any(map(len, (old, new))) else ""
    return ", ".join(parts) or same or "what was decided before counts as it did"


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _amendment(change: Change, name: str) -> str:
    """What happened after the decisions."""
    del name
    ends = [
        label for label, end in zip(labels(change), (change.old, change.new), strict=True) if end.amended is not None
    ]
    return f"what events after the decision changed in {' and '.join(ends)}"


def _rounding(change: Change, name: str) -> str:
    lots = dict.fromkeys(
        f"{plain_lot(s.policy.resources[name].lot):,f} {s.policy.resources[name].unit}".rstrip()
        for s in change.sides
        if name in s.policy.resources
    )
    return f"to whole lots of {' and '.join(lots)}"


TOLD: Mapping[str, Callable[[Change, str], str]] = {
    "pool": _pool,
    "data": _data,
    "policy": _policy,
    "rules": _rules,
    "arrears": _arrears,
    AMENDMENT: _amendment,
    ROUNDING: _rounding,
}
