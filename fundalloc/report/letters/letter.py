"""A letter: what one region receives, why, what limits it, and what it can do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fundalloc.language import called, listed, phrase, say
from fundalloc.letterhead import CLOSING, OBJECT, NoticesSection
from fundalloc.report.letters.dossier import Dossier, Rank, measured, takes_part
from fundalloc.report.letters.limits import limits
from fundalloc.report.letters.sentences import Line, because, lines
from fundalloc.report.words import ACCOUNTING, Row, amount_per_heads, change_in_percent, heads, money, percent, signed
from fundalloc.taken import BETWEEN

#: how flags are said
SEVERITIES = {
    "info": phrase("Info: {message}"),
    "warning": phrase("Warning: {message}"),
    "alarm": phrase("Alarm: {message}"),
}


@dataclass(frozen=True)
class Part:
    """What a letter says of one resource: cells of the table on top, sentences, and the sum step by step."""

    resource: str
    unit: str
    amount: str
    per_head: str
    change: str
    coverage: str
    because: str
    lines: Sequence[Line]
    limits: Sequence[str]
    facts: Sequence[str]


@dataclass(frozen=True)
class Letter:
    """One letter, all of it words.

    apart: sentences on resources in which the region takes no part. figures: what the policy reads of the region.
    """

    region: str
    name: str
    groups: Sequence[str]
    title: str
    round: str
    reference: str
    sender: Sequence[str]
    parts: Sequence[Part]
    apart: Sequence[str]
    flags: Sequence[str]
    figures: Sequence[tuple[str, str]]
    objection: Sequence[str]
    checks: Sequence[str]
    closing: str
    certificate: str
    version: str


def letter(region: str, dossier: Dossier) -> Letter:
    """The letter to a region."""
    rows = dossier.amounts[region]
    summary, first = dossier.summary, rows[0]
    head = dossier.policy.notices or NoticesSection()
    return Letter(
        region=region,
        name=first["region_name"],
        groups=[first[group] for group in dossier.policy.regions.groups],
        title=summary["title"] or say("Shared fund"),
        round=summary["round"],
        reference=summary["reference"],
        sender=[line for line in head.sender.splitlines() if line.strip()],
        parts=[_part(row, dossier) for row in rows if _concerns(row, dossier)],
        apart=[_apart(row, dossier) for row in rows if not _concerns(row, dossier)],
        flags=list(_flags(region, dossier)),
        figures=list(dossier.figures.get(region, {}).items()),
        objection=[*_paragraphs(head.object), head.until],
        checks=list(_checks(region, dossier)),
        closing=say(CLOSING) if head.closing == CLOSING else head.closing,
        certificate=dossier.certificate,
        version=summary["fundalloc"]["version"],
    )


def _paragraphs(stated: str) -> list[str]:
    """How to object: the words of the policy, or our own."""
    return [say(OBJECT)] if stated == OBJECT else [p for p in called(stated).split("\n\n") if p.strip()]


def _concerns(row: Row, dossier: Dossier) -> bool:
    """Whether there is anything to explain."""
    steps = dossier.steps.get((row["region_id"], row["resource"]), ())
    return takes_part(row) or any(Decimal(s["amount"]) for s in steps)


def _apart(row: Row, dossier: Dossier) -> str:
    where = dossier.policy.resources[row["resource"]].where
    if where is None:
        return say("You take no part in sharing {resource}.", resource=row["resource"])
    return say(
        "You take no part in sharing {resource}: it is for regions where {where}.",
        resource=row["resource"],
        where=str(where),
    )


def _part(row: Row, dossier: Dossier) -> Part:
    steps = dossier.steps.get((row["region_id"], row["resource"]), ())
    count = heads([row["per_head"]])
    shown = amount_per_heads(row, count) if row["per_head"] else "-"
    return Part(
        resource=row["resource"],
        unit=row["unit"],
        amount=money(row["amount"], row["unit"]),
        per_head=" ".join(shown.split()),
        change=_change(row),
        coverage=percent(row["coverage"]),
        because=because(row, steps, dossier),
        lines=list(lines(row, steps, dossier)),
        limits=list(limits(row, steps, dossier)),
        facts=list(_facts(row, steps, dossier)),
    )


def _change(row: Row) -> str:
    if not row["previous"]:
        return say("no record of the last round")
    if not Decimal(row["change"]):
        return say("the same")
    ratio = change_in_percent(row)
    return f"{signed(_plain(row['change']))} {called(row['unit'])}".rstrip() + (f" ({ratio})" if ratio else "")


def _plain(text: str) -> Decimal:
    """A number without decimals where it needs none."""
    value = Decimal(text)
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value


def _facts(row: Row, steps: Sequence[Row], dossier: Dossier) -> Iterator[str]:
    """Everything else there is to say of an amount."""
    unit, amount = row["unit"], Decimal(row["amount"])
    if row["share"]:
        yield say(
            "This is {share} of all that is shared out of {resource}.",
            share=percent(row["share"]),
            resource=row["resource"],
        )
    if row["coverage"]:
        yield say(
            "Your entitlement, which is what the key alone gives, is {amount}; you receive {share} of it.",
            amount=money(row["entitlement"], unit),
            share=percent(row["coverage"]),
        )
    if row.get("decided") and Decimal(row["decided"]) != amount:
        yield say(
            "Before the events that came after the decision, your amount was {amount}.",
            amount=money(row["decided"], unit),
        )
    if row["previous"]:
        yield _since(row, amount)
    ranks = dossier.ranks.get((row["region_id"], row["resource"]), ())
    if ranks and ranks[0].of > 1:
        yield _ranked(row, ranks)
    yield from _owed(row, dossier)
    if row.get("net"):
        yield say(
            "You pay in {contribution}; what is left for you, net, is {net}.",
            contribution=money(row["contribution"], unit),
            net=money(row["net"], unit),
        )
    if dossier.summary["accounting"] in ACCOUNTING and any(s["kind"] == "rule" for s in steps):
        yield say(ACCOUNTING[dossier.summary["accounting"]])


def _since(row: Row, amount: Decimal) -> str:
    change = _plain(row["change"])
    before = money(row["previous"], row["unit"])
    if not change:
        return say("In the last round you received the same, {before}.", before=before)
    ratio = change_in_percent(row).lstrip("+-")
    moved = money(abs(change), row["unit"])
    if ratio:
        moved = say("{amount} or {share}", amount=moved, share=ratio)
    return say(
        "In the last round you received {before}; this is {moved} more."
        if change > 0
        else "In the last round you received {before}; this is {moved} less.",
        before=before,
        moved=moved,
    )


def _ranked(row: Row, ranks: Sequence[Rank]) -> str:
    places = [say("number {place:,} of {of:,} regions", place=ranks[0].place, of=ranks[0].of)]
    places += [
        say("number {place:,} of {of:,} in {group}", place=r.place, of=r.of, group=r.among)
        for r in ranks[1:]
        if 1 < r.of < ranks[0].of
    ]
    return say(
        "By amount a head you are {places}, counted from the largest."
        if row["per_head"] and measured(row) == row["per_head"]
        else "By amount you are {places}, counted from the largest.",
        places=listed(places),
    )


def _owed(row: Row, dossier: Dossier) -> Iterator[str]:
    """What is still unpaid after this round, and what becomes of it."""
    owed, unit = Decimal(row["arrears"] or 0), row["unit"]
    share = dossier.policy.resources[row["resource"]].arrears
    if not owed:
        return
    if not share:
        if owed > 0:
            yield say(
                "With this round, {amount} of your entitlement are unpaid; this policy does not make up for it in "
                "later rounds.",
                amount=money(owed, unit),
            )
        return
    if owed > 0:
        yield say(
            "After this round you are still owed {amount} of your entitlement. Measured against the others, {share:g} "
            "% of what is owed is added to your target in the next round.",
            amount=money(owed, unit),
            share=100 * share,
        )
    else:
        yield say(
            "After this round you have been paid {amount} more than your entitlements. Measured against the others, "
            "{share:g} % of it is taken off your target in the next round.",
            amount=money(-owed, unit),
            share=100 * share,
        )


def _flags(region: str, dossier: Dossier) -> Iterator[str]:
    """The flags about a region, then those about a rule or a preferred rule that holds it."""
    held = {name for row in dossier.amounts[region] for name in row["held_by"].split(BETWEEN) if name}
    for subject in (region, *sorted(held - {region})):
        for flag in dossier.flags.get(subject, ()):
            yield say(SEVERITIES[flag["severity"]], message=flag["message"])


def _checks(region: str, dossier: Dossier) -> Iterator[str]:
    """How anybody can check what the letter says."""
    yield say(
        "Every figure here stands in the published files allocation.csv, steps.csv and rules.csv of this round, in "
        "the rows with the identifier {code}.",
        code=region,
    )
    yield say(
        "With these files, the command “fundalloc verify FOLDER” computes the whole round again from the data "
        "and the policy and compares every amount. It needs no trust in those who decided, and no special program."
    )
