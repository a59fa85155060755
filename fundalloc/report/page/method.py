"""The method: how the round was decided, generated from its policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fundalloc.language import called, phrase, say
from fundalloc.report.page.material import Material
from fundalloc.report.statute import describe
from fundalloc.report.words import ACCOUNTING
from fundalloc.rounds import at
from fundalloc.thresholds import beside

#: so many regions near a threshold are named
NAMED = 6
#: what a rule's shifts are, by the way they were found
SHIFTS = ACCOUNTING | {
    "multipliers": phrase(
        "What a rule moves is an accounting of the distance between target and amount (from the multipliers of the "
        "optimum, which is unique). It is not what removing the rule would change; others would bind then."
    ),
}


def keys(material: Material) -> Iterator[dict[str, Any]]:
    """The key of each resource: its criteria with their weights, measures and reasons."""
    round_ = material.summary["round"]
    for name, section in material.policy.resources.items():
        total = sum(at(c.weight, round_) or 0.0 for c in section.criteria)
        criteria = []
        for c in section.criteria:
            stated = (
                f"{100 * (at(c.weight, round_) or 0.0) / total:,.2f} %"
                if c.weight is not None
                else say("{rate} each", rate=f"{at(c.rate, round_):g} {called(section.unit)}")
            )
            criteria.append(
                {"name": c.name, "stated": stated, "measure": str(c.measure), "why": c.why, "reference": c.reference}
            )
        yield {
            "name": name,
            "criteria": criteria,
            "claims": section.claims,
            "arrears": section.arrears,
            "weighted": total > 0,
        }


def indices(material: Material) -> Iterator[dict[str, Any]]:
    """The indices: how indicators are brought to one scale, and what each of them weighs."""
    scope = material.decision.problem.resources[0].scope
    for name, index in material.policy.indices.items():
        weights = index.compute(scope.full or scope, f"indices.{name}").weights.tolist()
        yield {
            "name": name,
            "index": index,
            "normalise": index.normalise if isinstance(index.normalise, str) else "goalposts",
            "indicators": [
                {"stated": f"{100 * w:,.2f} %", "one": one} for one, w in zip(index.indicators, weights, strict=True)
            ],
        }


def in_words(material: Material) -> list[list[str]]:
    """The policy in plain words, as `fundalloc check` prints it: blocks of lines."""
    blocks: list[list[str]] = [[]]
    for line in describe(material.policy, material.decision.problem, material.decision.rules):
        if line:
            blocks[-1].append(line.strip())
        else:
            blocks.append([])
    return [block for block in blocks if block]


def caveats(material: Material) -> Iterator[str]:
    """What a reader should know before relying on the figures."""
    summary, flags = material.summary, material.flags
    filled = [f for f in flags if f.code == "filled"]
    if filled:
        yield say(
            "Missing data: {count:,} figures were missing and replaced as the policy says (see the flags)."
            if len(filled) > 1
            else "Missing data: one figure was missing and replaced as the policy says (see the flags).",
            count=len(filled),
        )
    watched = [r["name"] for r in summary["rules"] if r["mode"] == "watch" and r["in_force"]]
    if watched:
        yield say("Rules that are only watched, and not enforced: {rules}.", rules=_listed(watched))
    conceded = [r["name"] for r in summary["rules"] if r["conceded"]]
    if conceded:
        yield say("Preferred rules that had to yield: {rules}.", rules=_listed(conceded))
    idle = [r["name"] for r in summary["rules"] if not r["in_force"]]
    if idle:
        yield say("Rules of the policy that are not in force in this round: {rules}.", rules=_listed(idle))
    near = _near(material)
    for where, condition, key in _thresholds(material):
        inside, outside = near.get((key, True), ()), near.get((key, False), ())
        sides = [
            say("Just within: {regions}.", regions=_some(inside)) if inside else "",
            say("Just outside: {regions}.", regions=_some(outside)) if outside else "",
        ]
        text = say(
            "{where}: a threshold decides ({code}). A region just below and one just above it are almost the same, and "
            "may get very different amounts.",
            where=where,
            code=condition,
        )
        yield " ".join([text, *filter(None, sides)])
    if summary["rules"]:
        yield say(SHIFTS[summary["accounting"]])
    if any(r["price"] for r in summary["rules"]):
        yield say(
            "Prices of rules hold at the margin: for small steps from the decided numbers, whole lots left aside."
        )
    yield say("Amounts are whole lots; the step “rounding” is the way from the exact optimum to them.")
    yield say("That the data are true is not proven by any computation; their files and SHA-256 are named at the end.")


def _near(material: Material) -> Mapping[tuple[str, bool], list[str]]:
    """The names of the regions near the threshold of each condition, and on which side, the nearest first."""
    problem = material.decision.problem
    found: dict[tuple[str, bool], list[str]] = {}
    for case in sorted(beside(material.policy, problem, material.policy.monitor.near_cliff), key=lambda c: c.distance):
        found.setdefault((case.where, case.inside), []).append(problem.regions.names[case.region])
    return found


def _some(names: Sequence[str]) -> str:
    more = [say("{count} more", count=len(names) - NAMED)] if len(names) > NAMED else []
    return say(", ").join([*names[:NAMED], *more])


def _thresholds(material: Material) -> Iterator[tuple[str, str, str]]:
    """The conditions that decide who takes part, or whom a rule concerns, with their keys."""
    policy, measures = material.policy, material.policy.measures
    stated = [
        (say("Who takes part in {resource}", resource=n), s.where, f"resources.{n}.where")
        for n, s in policy.resources.items()
    ]
    stated += [
        (say("Whom the rule “{rule}” concerns", rule=r.name), r.where, f"rules.{r.name}.where") for r in policy.rules
    ]
    for who, where, key in stated:
        text = str(measures.get(str(where), where))
        if where is not None and any(sign in text for sign in "<>"):
            yield who, text if text == str(where) else f"{where} = {text}", key


def _listed(names: Sequence[str]) -> str:
    return say("; ").join(f"“{called(n)}”" for n in names)


def scales(shown: Sequence[Mapping[str, Any]]) -> list[str]:
    """The normalisations that the indices use."""
    return list(dict.fromkeys(one["normalise"] for one in shown))
