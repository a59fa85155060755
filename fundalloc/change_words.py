"""Change in words: why one region's amount changed, cause by cause, as a person would explain it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fundalloc.cause_words import TOLD, labels
from fundalloc.change import Change, Round
from fundalloc.language import called, listed, phrase, say
from fundalloc.report.texts import decimal, plain_lot
from fundalloc.report.words import aligned, find_region, money, signed

AVERAGE = phrase(
    "What a cause changes is averaged over all orders in which the causes can have changed (Shapley value); "
    "they add up exactly."
)


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
        name_ = listed(map(called, cause.split(" and ")))
        lines.append((name_, signed(decimal(int(units[place]), unit)), told(change, name, cause)))
    lines.append((called("= change"), signed(_plain(change, name, after - before)), ""))
    yield from aligned(lines)


def told(change: Change, name: str, cause: str) -> str:
    """What a cause is, for one resource; cause: one of its parts, also of causes that are told as one."""
    return say("; ").join(TOLD[one](change, name) for one in cause.split(" and "))


def _plain(change: Change, name: str, units: int) -> str:
    """An amount with no more decimals than its lots have."""
    return format(plain_lot(units * change.units[name]), "f") if units else "0"


def _head(change: Change, name: str, place: int, before: str, after: str) -> str:
    region, (old, new) = change.ids[place], labels(change)
    said = partial(
        say, who=say("{words} ({more})", words=change.names[region], more=region), resource=name, old=old, new=new
    )
    unit = next(s.policy.resources[name].unit for s in change.sides[::-1] if name in s.policy.resources)
    less = change.after[name][place] < change.before[name][place]
    difference = int(abs(change.after[name][place] - change.before[name][place]))
    there = [region in side.regions.ids and name in side.policy.resources for side in change.sides]
    has, had = (money(_plain(change, name, int(a[name][place])), unit) for a in (change.after, change.before))
    if not any(there):
        return said("{who} takes no part in {resource}.")
    if not there[0]:
        return said("{who} got {amount} of {resource} in {new}, for the first time:", amount=has)
    if not there[1]:
        return said("{who} got {amount} of {resource} in {old}, and none in {new}:", amount=had)
    if not difference:
        return said("{who} got {amount} of {resource} in {new}, as much as in {old}:", amount=has)
    moved = money(_plain(change, name, difference))
    if float(before):
        moved = say("{words} ({more})", words=moved, more=f"{100 * (float(after) / float(before) - 1):+.1f} %")
    if less:
        return said("{who} got {amount} of {resource} in {new}, {moved} less than in {old}:", amount=has, moved=moved)
    return said("{who} got {amount} of {resource} in {new}, {moved} more than in {old}:", amount=has, moved=moved)


def notes(change: Change) -> Iterator[str]:
    """How the causes were found."""
    yield say(AVERAGE)
    joint = [cause for cause in change.causes if " and " in cause]
    for cause in joint:
        causes = listed(map(called, cause.split(" and ")))
        yield say(
            "{causes} are told as one, because rounds with one as it is and the other as it was cannot be computed. "
            "{code_reason}",
            causes=f"{causes[:1].upper()}{causes[1:]}",
            code_reason=change.reason,
        )
    if change.yielding:
        yield say(
            "{count} of {all} mixtures of the two rounds cannot keep all required rules; there these yielded as "
            "little as they must.",
            count=change.yielding,
            all=change.mixtures,
        )
    yield from (end.remark for end in (change.old, change.new) if end.remark)
