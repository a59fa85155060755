"""Sentences: each step of an amount as one would say it to whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fundalloc.amendment import AS_DECIDED, EARLIER
from fundalloc.explain import OWN_STEPS
from fundalloc.expressions import Expression
from fundalloc.report.letters.dossier import Dossier
from fundalloc.report.words import Row, money, signed, stages
from fundalloc.rounds import at

EVENT = "event: "


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
            yield Line(name.removeprefix("= "), _capital(what), money(amount), total=True)
        else:
            yield Line(one["step"].removeprefix(EVENT), _said(one, row, dossier), signed(one["amount"]))
    yield Line("amount", "What you receive.", money(row["amount"]), total=True)


def _said(step: Row, row: Row, dossier: Dossier) -> str:
    """What one step is."""
    unit, amount = row["unit"], Decimal(step["amount"])
    what = money(abs(amount), unit)
    match step["kind"]:
        case "equal":
            who = "head" if row["per_head"] else "region"
            return f"What you would receive if every {who} counted the same."
        case "criterion" | "claim":
            return _criterion(step, row, dossier, what)
        case "arrears":
            share = f"{100 * dossier.policy.resources[row['resource']].arrears:g} %"
            return _either(
                amount,
                f"Measured against the others, past rounds left part of your entitlement unpaid; {share} of it, "
                f"{what}, is added now.",
                f"Measured against the others, past rounds paid you more than your entitlement; {share} of it, "
                f"{what}, is taken off now.",
                "",
            )
        case "supply":
            return _either(
                amount,
                f"More is shared out than all targets add up to; your part of it is {what}.",
                f"Less is shared out than all targets add up to; your part of what is missing is {what}.",
                "",
            )
        case "objective":
            return f"What the objective itself {_either(amount, 'gives', 'takes', '')} without any rule: {what}."
        case "rule":
            return _rule(step, row, dossier, what)
        case "rounding":
            lot = money(dossier.summary["resources"][row["resource"]]["lot"], unit)
            return f"Amounts are paid in whole lots of {lot}; this {_either(amount, 'adds', 'takes off', '')} {what}."
    return _beside(step, row, dossier, what)


def _either(amount: Decimal, more: str, less: str, same: str) -> str:
    return more if amount > 0 else less if amount < 0 else same


def _capital(text: str) -> str:
    """A sentence of words that are none yet."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) or not text else '.'}"


def _criterion(step: Row, row: Row, dossier: Dossier, what: str) -> str:
    """Why a criterion is there, how it counts, and what it means for this region."""
    section = dossier.policy.resources[row["resource"]]
    why = dossier.summary["why"].get(row["resource"], {}).get(step["step"], "")
    round_ = dossier.summary["round"]
    if step["kind"] == "claim":
        counts = f"Your claim is {section.claims.measure}. " if section.claims is not None else ""
    else:
        total = sum(at(c.weight, round_) or 0.0 for c in section.criteria)
        counts = ""
        for c in section.criteria:
            if c.name == step["step"] and c.weight is not None:
                by = f"goes by {c.measure}" if Expression(c.measure).names else "is the same for all"
                counts = f"It counts for {100 * (at(c.weight, round_) or 0.0) / total:.4g} % and {by}. "
            elif c.name == step["step"]:
                counts = f"It gives {at(c.rate, round_):,.10g} {row['unit']} times {c.measure}. "
    moved = _either(
        Decimal(step["amount"]),
        f"Your part of it is larger than an equal share: this adds {what}.",
        f"Your part of it is smaller than an equal share: this takes off {what}.",
        "Your part of it is an equal share: this changes nothing.",
    )
    return f"{_capital(why)} {counts}{moved}".strip()


def _rule(step: Row, row: Row, dossier: Dossier, what: str) -> str:
    """What a rule does to this amount."""
    name, amount = step["step"], Decimal(step["amount"])
    if name in OWN_STEPS:
        return f"{_capital(OWN_STEPS[name])[:-1]}: this {_either(amount, 'adds', 'takes off', '')} {what}."
    rule = dossier.rules.get(name)
    sentence = f"{rule['sentence']}." if rule else ""
    why = f" {_capital(rule['why'])}" if rule and rule["why"] else ""
    if name in row["held_by"].split("; "):
        side = _either(amount, f"holds your amount up, by {what}", f"holds your amount down, by {what}", "")
        return f"This rule {side}: {sentence}{why}"
    if dossier.summary["resources"][row["resource"]]["supply"] == "open":
        return f"This rule {_either(amount, 'gives', 'costs', '')} you {what}: {sentence}{why}"
    others = _either(
        amount,
        f"Your part of what other regions give up for this rule is {what}",
        f"Your part of what other regions receive through this rule is {what}",
        "",
    )
    return f"{others}: {sentence}{why}"


def _beside(step: Row, row: Row, dossier: Dossier, what: str) -> str:
    """An adjustment, an event, or what was decided before."""
    moved = f"this {_either(Decimal(step['amount']), 'adds', 'takes off', '')} {what}."
    if step["step"].startswith(EVENT):
        return f"Asked for after the round was decided: {moved}"
    if step["step"] in (AS_DECIDED, EARLIER):
        return f"As the round stood before: {moved}"
    why = dossier.summary["why"].get(row["resource"], {}).get(step["step"], "")
    return f"{_capital(why)} Outside the key, {moved}".strip()


#: the parts of an amount in one sentence: which steps, and what more and less of them is
PARTS: Sequence[tuple[Callable[[Row], bool], str, str]] = (
    (lambda s: s["kind"] == "criterion", "the criteria add {} to it", "the criteria take {} off it"),
    (lambda s: s["kind"] == "claim", "the rule for claims adds {} to it", "the rule for claims takes {} off it"),
    (
        lambda s: s["kind"] == "arrears",
        "what past rounds left unpaid adds {}",
        "what past rounds paid ahead takes off {}",
    ),
    (
        lambda s: s["kind"] == "adjustment" and s["step"] != EARLIER and not s["step"].startswith(EVENT),
        "adjustments add {}",
        "adjustments take off {}",
    ),
    (lambda s: s["step"] == EARLIER, "earlier amendments add {}", "earlier amendments take off {}"),
    (
        lambda s: s["kind"] == "decided",
        "rules and rounding, as decided before, add {}",
        "rules and rounding, as decided before, take off {}",
    ),
    (lambda s: s["step"].startswith(EVENT), "events add {}", "events take off {}"),
    (
        lambda s: s["kind"] == "supply",
        "what is left over all targets adds {}",
        "what is missing for all targets takes off {}",
    ),
    (lambda s: s["kind"] == "objective", "the objective adds {}", "the objective takes off {}"),
    (lambda s: s["kind"] == "rule", "the rules add {}", "the rules take off {}"),
    (lambda s: s["kind"] == "rounding", "rounding adds {}", "rounding takes off {}"),
)


def because(row: Row, steps: Sequence[Row], dossier: Dossier) -> str:
    """The amount and its reasons in one sentence, then what counts most; the figures add up to the amount."""
    unit = row["unit"]
    who = "head" if row["per_head"] else "region"
    level = sum((Decimal(s["amount"]) for s in steps if s["kind"] == "equal"), Decimal(0))
    parts = [f"an equal share for every {who} comes to {money(level, unit)}"]
    for belongs, more, less in PARTS:
        total = sum((Decimal(s["amount"]) for s in steps if belongs(s)), Decimal(0))
        if total:
            parts.append((more if total > 0 else less).format(money(abs(total), unit)))
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"You receive {money(row['amount'], unit)} of {row['resource']} because {listed}.{_most(steps, unit)}"


def _most(steps: Sequence[Row], unit: str) -> str:
    """The step that moves the amount most."""
    moving = [s for s in steps if s["kind"] not in ("equal", "rounding") and Decimal(s["amount"])]
    if not moving:
        return ""
    most = max(moving, key=lambda s: abs(Decimal(s["amount"])))
    kinds = {"criterion": "the criterion ", "rule": "the rule ", "adjustment": "the adjustment "}
    step = most["step"]
    name = step.removeprefix(EVENT)
    of = "the event " if step != name else "" if step == EARLIER else kinds.get(most["kind"], "")
    shown = f"“{name}”" if of else name
    return f" What moves it most is {of}{shown} ({signed(most['amount'])} {unit}".rstrip() + ")."


def figure(text: str) -> str:
    """A figure about a region, with separators for thousands; one that is very large or small as it is."""
    return money(text) if not text or not float(text) or 1e-6 <= abs(float(text)) < 1e18 else text
