"""Sentences: each step of an amount as one would say it to whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fundalloc.explain import OWN_STEPS
from fundalloc.expressions import Expression
from fundalloc.language import called, phrase, say
from fundalloc.report.letters.dossier import Dossier
from fundalloc.report.words import Row, money, signed, stages
from fundalloc.rounds import at
from fundalloc.taken import AS_DECIDED, BETWEEN, EARLIER, EVENT


@dataclass(frozen=True)
class Line:
    """One line of the sum that an amount is: its name, what it is, and how much; total: a sum of those before it."""

    name: str
    words: str
    amount: str
    total: bool = False


def lines(row: Row, steps: Sequence[Row], dossier: Dossier) -> Iterator[Line]:
    """From the equal share to the amount, step by step."""
    for one in stages(row, steps):
        if isinstance(one, tuple):
            name, amount, what = one
            yield Line(called(name).removeprefix("= "), _capital(what), money(amount), total=True)
        else:
            yield Line(called(one["step"].removeprefix(EVENT)), _said(one, row, dossier), signed(one["amount"]))
    yield Line(say("amount"), say("What you receive."), money(row["amount"]), total=True)


def _said(step: Row, row: Row, dossier: Dossier) -> str:
    """What one step is."""
    unit, amount = row["unit"], Decimal(step["amount"])
    what = money(abs(amount), unit)
    match step["kind"]:
        case "equal":
            if row["per_head"]:
                return say("What you would receive if every head counted the same.")
            return say("What you would receive if every region counted the same.")
        case "criterion" | "claim":
            return _criterion(step, row, dossier, what)
        case "arrears":
            share = f"{100 * dossier.policy.resources[row['resource']].arrears:g} %"
            return say(
                _either(
                    amount,
                    phrase(
                        "Measured against the others, past rounds left part of your entitlement unpaid; {share} of "
                        "it, {amount}, is added now."
                    ),
                    phrase(
                        "Measured against the others, past rounds paid you more than your entitlement; {share} of it, "
                        "{amount}, is taken off now."
                    ),
                ),
                share=share,
                amount=what,
            )
        case "supply":
            return say(
                _either(
                    amount,
                    phrase("More is shared out than all targets add up to; your part of it is {amount}."),
                    phrase("Less is shared out than all targets add up to; your part of what is missing is {amount}."),
                ),
                amount=what,
            )
        case "objective":
            return say(
                _either(
                    amount,
                    phrase("What the objective itself gives without any rule: {amount}."),
                    phrase("What the objective itself takes without any rule: {amount}."),
                ),
                amount=what,
            )
        case "rule":
            return _rule(step, row, dossier, what)
        case "rounding":
            lot = money(dossier.summary["resources"][row["resource"]]["lot"], unit)
            return say(
                _either(
                    amount,
                    phrase("Amounts are paid in whole lots of {lot}; this adds {amount}."),
                    phrase("Amounts are paid in whole lots of {lot}; this takes off {amount}."),
                ),
                lot=lot,
                amount=what,
            )
    return _beside(step, row, dossier, what)


def _either(amount: Decimal, more: str, less: str, same: str = "") -> str:
    return more if amount > 0 else less if amount < 0 else same or more


def _capital(text: str) -> str:
    """A sentence of words that are none yet."""
    text = called(text)
    start = f"{text[:1].upper()}{text[1:]}"
    return start if text.endswith((".", "!", "?", "。", "！", "？")) or not text else say("{sentence}.", sentence=start)


def _criterion(step: Row, row: Row, dossier: Dossier, what: str) -> str:
    """Why a criterion is there, how it counts, and what it means for this region."""
    section = dossier.policy.resources[row["resource"]]
    why = dossier.summary["why"].get(row["resource"], {}).get(step["step"], "")
    round_ = dossier.summary["round"]
    if step["kind"] == "claim":
        counts = say("Your claim is {measure}. ", measure=section.claims.measure) if section.claims is not None else ""
    else:
        total = sum(at(c.weight, round_) or 0.0 for c in section.criteria)
        counts = ""
        for c in section.criteria:
            if c.name == step["step"] and c.weight is not None:
                share = 100 * (at(c.weight, round_) or 0.0) / total
                counts = (
                    say("It counts for {share:.4g} % and goes by {measure}. ", share=share, measure=c.measure)
                    if Expression(c.measure).names
                    else say("It counts for {share:.4g} % and is the same for all. ", share=share)
                )
            elif c.name == step["step"]:
                rate = f"{at(c.rate, round_):,.10g} {called(row['unit'])}"
                counts = say("It gives {rate} times {measure}. ", rate=rate, measure=c.measure)
    moved = say(
        _either(
            Decimal(step["amount"]),
            phrase("Your part of it is larger than an equal share: this adds {amount}."),
            phrase("Your part of it is smaller than an equal share: this takes off {amount}."),
            phrase("Your part of it is an equal share: this changes nothing."),
        ),
        amount=what,
    )
    return f"{_capital(why)} {counts}{moved}".strip()


def _rule(step: Row, row: Row, dossier: Dossier, what: str) -> str:
    """What a rule does to this amount."""
    name, amount = step["step"], Decimal(step["amount"])
    if name in OWN_STEPS:
        return say(
            _either(
                amount,
                phrase("{reason}: this adds {amount}."),
                phrase("{reason}: this takes off {amount}."),
            ),
            reason=_capital(say(OWN_STEPS[name]))[:-1],
            amount=what,
        )
    rule = dossier.rules.get(name)
    why = f" {_capital(rule['why'])}" if rule and rule["why"] else ""
    if name in row["held_by"].split(BETWEEN):
        told = _either(
            amount,
            phrase("This rule holds your amount up, by {amount}: {sentence}"),
            phrase("This rule holds your amount down, by {amount}: {sentence}"),
        )
    elif dossier.summary["resources"][row["resource"]]["supply"] == "open":
        told = _either(
            amount,
            phrase("This rule gives you {amount}: {sentence}"),
            phrase("This rule costs you {amount}: {sentence}"),
        )
    else:
        told = _either(
            amount,
            phrase("Your part of what other regions give up for this rule is {amount}: {sentence}"),
            phrase("Your part of what other regions receive through this rule is {amount}: {sentence}"),
        )
    sentence = say("{sentence}.", sentence=rule["sentence"]) if rule else ""
    return f"{say(told, amount=what, sentence=sentence)}{why}"


def _beside(step: Row, row: Row, dossier: Dossier, what: str) -> str:
    """An adjustment, an event, or what was decided before."""
    moved = say(
        _either(
            Decimal(step["amount"]),
            phrase("this adds {amount}."),
            phrase("this takes off {amount}."),
        ),
        amount=what,
    )
    if step["step"].startswith(EVENT):
        return say("Asked for after the round was decided: {moved}", moved=moved)
    if step["step"] in (AS_DECIDED, EARLIER):
        return say("As the round stood before: {moved}", moved=moved)
    why = dossier.summary["why"].get(row["resource"], {}).get(step["step"], "")
    return f"{_capital(why)} {say('Outside the key, {moved}', moved=moved)}".strip()


#: the parts of an amount in one sentence: which steps, and what more and less of them is
PARTS: Sequence[tuple[Callable[[Row], bool], str, str]] = (
    (
        lambda s: s["kind"] == "criterion",
        phrase("the criteria add {amount} to it"),
        phrase("the criteria take {amount} off it"),
    ),
    (
        lambda s: s["kind"] == "claim",
        phrase("the rule for claims adds {amount} to it"),
        phrase("the rule for claims takes {amount} off it"),
    ),
    (
        lambda s: s["kind"] == "arrears",
        phrase("what past rounds left unpaid adds {amount}"),
        phrase("what past rounds paid ahead takes off {amount}"),
    ),
    (
        lambda s: s["kind"] == "adjustment" and s["step"] != EARLIER and not s["step"].startswith(EVENT),
        phrase("adjustments add {amount}"),
        phrase("adjustments take off {amount}"),
    ),
    (
        lambda s: s["step"] == EARLIER,
        phrase("earlier amendments add {amount}"),
        phrase("earlier amendments take off {amount}"),
    ),
    (
        lambda s: s["kind"] == "decided",
        phrase("rules and rounding, as decided before, add {amount}"),
        phrase("rules and rounding, as decided before, take off {amount}"),
    ),
    (lambda s: s["step"].startswith(EVENT), phrase("events add {amount}"), phrase("events take off {amount}")),
    (
        lambda s: s["kind"] == "supply",
        phrase("what is left over all targets adds {amount}"),
        phrase("what is missing for all targets takes off {amount}"),
    ),
    (
        lambda s: s["kind"] == "objective",
        phrase("the objective adds {amount}"),
        phrase("the objective takes off {amount}"),
    ),
    (lambda s: s["kind"] == "rule", phrase("the rules add {amount}"), phrase("the rules take off {amount}")),
    (lambda s: s["kind"] == "rounding", phrase("rounding adds {amount}"), phrase("rounding takes off {amount}")),
)


def because(row: Row, steps: Sequence[Row], dossier: Dossier) -> str:
    """The amount and its reasons in one sentence, then what counts most; the figures add up to the amount."""
    unit = row["unit"]
    level = sum((Decimal(s["amount"]) for s in steps if s["kind"] == "equal"), Decimal(0))
    equal = phrase("an equal share for every region comes to {amount}")
    if row["per_head"]:
        equal = phrase("an equal share for every head comes to {amount}")
    parts = [say(equal, amount=money(level, unit))]
    for belongs, more, less in PARTS:
        total = sum((Decimal(s["amount"]) for s in steps if belongs(s)), Decimal(0))
        if total:
            parts.append(say(more if total > 0 else less, amount=money(abs(total), unit)))
    *first, last = parts
    reasons = say("{first} and {last}", first=say(", ").join(first), last=last) if first else last
    sentence = say(
        "You receive {amount} of {resource} because {reasons}.",
        amount=money(row["amount"], unit),
        resource=row["resource"],
        reasons=reasons,
    )
    return sentence + _most(steps, unit)


def _most(steps: Sequence[Row], unit: str) -> str:
    """The step that moves the amount most."""
    moving = [s for s in steps if s["kind"] not in ("equal", "rounding") and Decimal(s["amount"])]
    if not moving:
        return ""
    most = max(moving, key=lambda s: abs(Decimal(s["amount"])))
    kinds = {
        "criterion": phrase("the criterion “{name}”"),
        "rule": phrase("the rule “{name}”"),
        "adjustment": phrase("the adjustment “{name}”"),
    }
    step = most["step"]
    name = step.removeprefix(EVENT)
    what = phrase("the event “{name}”") if step != name else "{name}" if step == EARLIER else ""
    what = what or kinds.get(most["kind"], "{name}")
    return say(
        " What moves it most is {what} ({amount}).",
        what=say(what, name=name),
        amount=f"{signed(most['amount'])} {called(unit)}".rstrip(),
    )


def figure(text: str) -> str:
    """A figure about a region, with separators for thousands; one that is very large or small as it is."""
    return money(text) if not text or not float(text) or 1e-6 <= abs(float(text)) < 1e18 else text
