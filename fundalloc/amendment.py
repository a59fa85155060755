"""The amendment: the least change to a decided round that events ask for.

    target = decided amount + extra need - what is returned, in whole lots, upwards
    what is shared out = decided + needs - returned, as far as supply and reserve reach

The reserve is used first. Nobody goes below what has been paid. Then `nearest` moves as little as it can: what is
missing is taken from all in proportion, under the rules of the policy. They yield where an event leaves no other way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np

from fundalloc.errors import Faults
from fundalloc.events import Event, Events, read_events
from fundalloc.flags import Flag, Severity
from fundalloc.language import phrase, say
from fundalloc.problem import FloatArray, Part, Problem, Resource
from fundalloc.rules import Curve, Statement
from fundalloc.tables import Table
from fundalloc.taken import AS_DECIDED, EARLIER, EVENT, HELP, KEEP

PAID, DUE = "already_paid", "decided_with_need"
#: what `decided.csv` says, with one row without a region for each resource: its supply
COLUMNS = ("region_id", "resource", "amount", "adjustment", "paid")
#: the share of the reserve is told to so many digits
DIGITS = Decimal(1).scaleb(-15)
#: adjustments are published to this
PRINTED = 0.01


@dataclass(frozen=True, eq=False)
class Amendment:
    """A decided round and the events after it, as tables."""

    decided: Table
    events: Table


def no_events(count: int) -> dict[str, FloatArray]:
    """The names that the rules of an amendment use, where nothing has happened."""
    return {PAID: np.zeros(count), DUE: np.zeros(count)}


def amended(problem: Problem, amendment: Amendment, faults: Faults, flags: list[Flag]) -> Problem:
    """The problem of an amendment, from that of the policy; raises InputError for faulty events."""
    ids = problem.regions.ids
    resources = {one.name: ids for one in problem.resources}
    events = read_events(amendment.events, resources)
    decided, supplies, adjusted, paid = _decided(amendment.decided, problem)
    found = []
    for r, one in enumerate(problem.resources):
        block = problem.block(r)
        before = decided[block], adjusted[block], paid[block]
        found.append(_resource(one, before, supplies[one.name], events, faults, flags))
    return replace(problem, resources=tuple(found))


def not_stricter(statements: tuple[Statement, ...], problem: Problem) -> tuple[Statement, ...]:
    """What the rules say, none of it stricter than the decided amounts keep it, or those that the events ask for.

    So that only what is missing moves others: a rule that rounding to lots, an earlier amendment or the event itself
    leaves open moves nobody.
    """
    before = [one.decided for one in problem.resources if one.decided is not None]
    points = [np.concatenate(before), problem.target]
    found: list[Statement] = []
    for stated in statements:
        one = _in_pairs(stated)
        if one.rule in (KEEP, HELP) or one.mode == "watch":
            found.append(one)
            continue
        values = [one.values(point) for point in points]
        if isinstance(one, Curve):
            most = max(one.at_most, *(float(v[0]) for v in values))
            open_ = not np.isfinite(most) or (one.spread.ordered and most > 0)
            found.append(replace(one, mode="watch") if open_ else replace(one, at_most=most))
        else:
            most = np.max(values, axis=0)
            beyond = most > one.high + abs(one.matrix) @ problem.lot  # by the event: nothing missing pushes it higher
            high = np.where(beyond, np.inf, np.maximum(one.high, most))
            found.append(replace(one, low=np.min([one.low, *values], axis=0), high=high))
    return tuple(found)


def _in_pairs(one: Statement) -> Statement:
    """An order as rows of pairs, so that each can be left open; where these are too many it is left open as a whole."""
    pairs = one.chain() if isinstance(one, Curve) and one.mode != "watch" else None
    return one if pairs is None else replace(pairs, curve=None)


def _decided(table: Table, problem: Problem) -> tuple[FloatArray, dict[str, Decimal | None], FloatArray, FloatArray]:
    """The decided amounts, the supplies, the adjustments in the amounts, and what was paid before earlier events."""
    place = {
        (region, one.name): r * problem.n + i
        for r, one in enumerate(problem.resources)
        for i, region in enumerate(problem.regions.ids)
    }
    amounts, adjusted, paid = (np.zeros(problem.cells) for _ in range(3))
    supplies: dict[str, Decimal | None] = {}
    numbers = {name: table.numbers(name) for name in ("amount", "adjustment", "paid")}
    rows = zip(*(table.text(name).tolist() for name in COLUMNS[:3]), strict=True)
    for k, (region, resource, text) in enumerate(rows):
        if region:
            amounts[place[region, resource]] = numbers["amount"][k]
            adjusted[place[region, resource]] = np.nan_to_num(numbers["adjustment"][k])
            paid[place[region, resource]] = np.nan_to_num(numbers["paid"][k])
        else:
            supplies[resource] = Decimal(text) if text else None
    return amounts, supplies, adjusted, paid


def _resource(
    one: Resource,
    before: tuple[FloatArray, FloatArray, FloatArray],
    supply: Decimal | None,
    events: Events,
    faults: Faults,
    flags: list[Flag],
) -> Resource:
    """One resource after the events.

    before: what was decided, the adjustments in it, and what earlier events say was paid: it stays paid, where these
    say nothing new.
    """
    decided, adjusted, earlier_paid = before
    ids = one.scope.regions.ids
    at = {region: i for i, region in enumerate(ids)}
    mine = [e for e in events.rows if e.resource == one.name]
    paid, told = earlier_paid.copy(), earlier_paid > 0
    for e in mine:
        if e.paid is not None:
            paid[at[e.region]], told[at[e.region]] = e.paid, True
    need, returned = (_by_region(mine, name, ids) for name in ("need", "returned"))
    more = [_upwards(n - r, Fraction(one.lot)) for n, r in zip(need, returned, strict=True)]
    by_reason = _by_reason(mine, more, at)
    given_back = np.array(returned, dtype=float)
    helped = decided + np.array(need, dtype=float)
    paid_more = phrase(
        "more has been paid than the {most:,.15g} {unit} of {code} that were decided and are needed more."
    )
    returned_more = phrase("more is returned than the {most:,.15g} {unit} of {code} that were decided.")
    for array, most, sentence in ((paid, helped, paid_more), (given_back, decided, returned_more)):
        for i in np.flatnonzero(array > most).tolist():
            faults.add(
                say(sentence, most=most[i], unit=one.unit, code=one.name),
                say("Check the amount."),
                file=events.file,
                value=f"{ids[i]}: {array[i]:,.15g}",
            )
    change = _exact(e.supply for e in mine)
    if change and one.lots is None:
        faults.add(say("an open supply cannot be lost."), say("Leave supply empty."), file=events.file, value=one.name)
    if mine and not told.all():
        flags.append(_untold(one, ids, told))
    earlier = adjusted - one.adjustment
    if (np.abs(earlier) <= min(PRINTED, float(one.lot))).all():
        earlier = np.zeros(len(ids))
    parts = list(one.parts)
    parts.append(Part(AS_DECIDED, "decided", decided - one.target - earlier, "the round before the events"))
    if earlier.any():
        parts.append(Part(EARLIER, "adjustment", earlier, "what earlier events asked for"))
    parts += [Part(reason, "adjustment", amounts) for reason, amounts in by_reason.items()]
    exactly = [Fraction(repr(d)) + m for d, m in zip(decided.tolist(), more, strict=True)]
    target = np.maximum(np.array(exactly, dtype=float), 0.0)
    hit = np.array([n > 0 for n in need])
    given = {PAID: np.maximum(paid - given_back, 0.0), DUE: np.where(hit, target, 0.0)}
    after = replace(one, parts=tuple(parts), target=target, decided=decided, scope=one.scope.giving(**given))
    if one.lots is None or supply is None:
        return after
    return _supplied(after, sum(more, Fraction(0)), Fraction(supply), change, flags)


def _by_region(mine: Sequence[Event], name: str, ids: tuple[str, ...]) -> list[Fraction]:
    """The numbers of all events of each region, added up as they were written."""
    return [_exact(getattr(e, name) for e in mine if e.region == region) for region in ids]


def _upwards(amount: Fraction, lot: Fraction) -> Fraction:
    return math.ceil(amount / lot) * lot


def _by_reason(mine: Sequence[Event], more: Sequence[Fraction], at: Mapping[str, int]) -> dict[str, FloatArray]:
    """What each reason gives to each region; the last one of a region takes what rounding to lots adds."""
    found: dict[str, FloatArray] = {}
    left = list(more)
    last: dict[int, str] = {}
    for e in mine:
        if e.need or e.returned:
            i, reason = at[e.region], f"{EVENT}{e.reason}"
            found.setdefault(reason, np.zeros(len(at)))[i] += e.need - e.returned
            left[i] -= _exact([e.need]) - _exact([e.returned])
            last[i] = reason
    for i, reason in last.items():
        found[reason][i] += float(left[i])
    return found


def _supplied(one: Resource, asked: Fraction, before: Fraction, change: Fraction, flags: list[Flag]) -> Resource:
    """What is shared out after the events: the reserve gives what it has, before anybody gives.

    asked: by how much the events ask for more, in all. before: the supply of the decided round; change: of it.
    """
    assert one.decided is not None
    lot, supply = Fraction(one.lot), before + change
    spent = round(float(one.decided.sum() / float(one.lot))) * lot
    missing = max(Fraction(0), spent + asked - supply)
    lots = max(0, math.floor((spent + asked - missing) / lot))
    left = supply - lots * lot
    if asked or change:
        changed = f" ({float(change):+,.2f})" if change else ""
        text = say(
            "The events ask for {asked:+,.2f} {unit} of {resource}; the supply is {supply:,.2f}{changed}. The reserve "
            "was {before:,.2f} and is now {left:,.2f}.",
            asked=float(asked),
            unit=one.unit,
            resource=one.name,
            supply=float(supply),
            changed=changed,
            before=float(before - spent),
            left=float(left),
        )
        if missing:
            text += say(" {missing:,.2f} are missing and are taken from all.", missing=float(missing))
        severity: Severity = "warning" if missing else "info"
        flags.append(Flag(severity, "reserve", one.name, text, one.name, float(left), float(before - spent)))
    reserve = Decimal(0) if supply <= 0 else _decimal(left / supply).quantize(DIGITS).normalize()
    return replace(one, lots=lots, supply=_decimal(supply), reserve=max(reserve, Decimal(0)))


def _exact(values: Iterable[float]) -> Fraction:
    """The sum of numbers as they were written."""
    return sum((Fraction(repr(v)) for v in values), Fraction(0))


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _untold(one: Resource, ids: tuple[str, ...], told: np.ndarray) -> Flag:
    count = int((~told).sum())
    return Flag(
        "info",
        "paid_unknown",
        one.name,
        say(
            "Nothing is said of what {count} of {all} regions have been paid of {resource} already: it counts as 0.",
            count=count,
            all=len(ids),
            resource=one.name,
        ),
        one.name,
        float(count),
    )


def decided_rows(
    rows: Sequence[Mapping[str, str]], rules: Sequence[Mapping[str, str]], supplies: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """The rows of `decided.csv`: supplies first (empty where they are open), then every amount of allocation.csv.

    rules: the rows of rules.csv; after an amendment they say what was paid.
    """
    paid = {(r["place"], r["resource"]): r["low"] for r in rules if r["rule"] == KEEP}
    head = [("", name, "" if supply == "open" else supply, "", "") for name, supply in sorted(supplies.items())]
    cells = ((r, paid.get((r["region_id"], r["resource"]), "")) for r in rows)
    return [*head, *((r["region_id"], r["resource"], r["amount"], r.get("adjustment", ""), p) for r, p in cells)]


def left_unkept(statements: Sequence[Statement], problem: Problem) -> list[Flag]:
    """A flag for each place of a rule that the decided amounts keep, and those that the events ask for do not."""
    before = np.concatenate([one.decided for one in problem.resources if one.decided is not None])
    flags = []
    for one in statements:
        if one.rule in (KEEP, HELP) or one.mode == "watch":
            continue
        room = abs(one.matrix) @ problem.lot if not isinstance(one, Curve) else np.full(1, PRINTED * 1e-4)
        old, new = one.values(before), one.values(problem.target)
        kept = (old >= one.low - room) & (old <= one.high + room)
        for k in np.flatnonzero(kept & ~((new >= one.low - room) & (new <= one.high + room))).tolist():
            least = phrase(
                'The events leave the rule "{rule}" unkept at {place} ({resource}): {value:,.10g}, where it asks for '
                "at least {bound:,.10g}. For this round it is relaxed to what the events ask for."
            )
            greatest = phrase(
                'The events leave the rule "{rule}" unkept at {place} ({resource}): {value:,.10g}, where it asks for '
                "at most {bound:,.10g}. For this round it is relaxed to what the events ask for."
            )
            bound = one.low[k] if new[k] < one.low[k] else one.high[k]
            text = say(
                least if new[k] < one.low[k] else greatest,
                rule=one.rule,
                place=one.places[k],
                resource=one.resource,
                value=new[k],
                bound=bound,
            )
            flags.append(
                Flag("warning", "event_breaks", one.places[k], text, one.resource, float(new[k]), float(bound))
            )
    return flags
