"""Cliffs: regions so near a threshold that crossing it would move their amount by more than is stated.

A condition such as `development < quantile(development, 0.4)` decides who takes part, or whom a rule concerns. A region
just above and one just below it are almost the same, and may get very different amounts. Who is near is decided again
as if it stood on the other side.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fundalloc.decision import decide
from fundalloc.errors import ConflictError, InputError, SolverError
from fundalloc.expressions import Expression
from fundalloc.history import History
from fundalloc.language import say
from fundalloc.policy import Policy, pose
from fundalloc.problem import FloatArray, Problem
from fundalloc.regions import Regions
from fundalloc.rules import Rows, Statement
from fundalloc.scope import Scope

ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
#: where a comparison stands in the text around it
HERE = "__here__"


@dataclass(frozen=True)
class Cliff:
    """A region beside a threshold.

    where: the key of the condition. distance: from the threshold, in standard deviations. inside: whether the condition
    holds. resource: the one whose amount moves most, from `amount` to `beyond` on the other side; None where the rules
    cannot be kept there.
    """

    region: str
    name: str
    where: str
    condition: str
    distance: float
    inside: bool
    resource: str
    unit: str
    amount: float
    beyond: float | None

    @property
    def moved(self) -> float:
        """By what part of itself the amount moves; infinite where there is nothing on this side."""
        if self.beyond is None:
            return np.inf
        return abs(self.beyond - self.amount) / self.amount if self.amount > 0 else np.inf * (self.beyond > 0)


@dataclass(frozen=True)
class _Case:
    where: str
    text: str
    region: int
    distance: float
    inside: bool


def cliffs(
    policy: Policy,
    regions: Regions,
    history: History,
    problem: Problem,
    amounts: FloatArray,
    *,
    near: float,
    moves: float,
    most: int,
) -> list[Cliff]:
    """The regions near a threshold whose crossing moves their amount by more than `moves` of itself.

    amounts: what is decided, one per cell. near: the distance in standard deviations of what is compared. most: so many
    cases are decided again, the nearest first.
    """
    cases = sorted(_near(policy, problem, near), key=lambda c: (c.distance, c.where, c.region))[:most]
    found = []
    for case in cases:
        one = _beyond(policy, regions, history, problem, amounts, case)
        if one.moved > moves:
            found.append(one)
    return sorted(found, key=lambda c: (c.region, c.where))


def _conditions(policy: Policy, problem: Problem) -> Iterator[tuple[str, str, Scope]]:
    """Every condition on regions, with its key and what it can see."""
    scopes = {one.name: one.scope for one in problem.resources}
    for name, section in policy.resources.items():
        if isinstance(section.where, str):
            yield f"resources.{name}.where", section.where, scopes[name].full or scopes[name]
    for rule in policy.rules:
        if isinstance(rule.where, str) and rule.holds(problem.round) and rule.mode != "watch":
            scope = scopes[rule.named[0]] if rule.named else next(iter(scopes.values()))
            yield f"rules.{rule.name}.where", rule.where, scope


def _near(policy: Policy, problem: Problem, near: float) -> Iterator[_Case]:
    """Who is near the threshold of a comparison in a condition."""
    for key, text, scope in _conditions(policy, problem):
        nearest: dict[int, float] = {}
        inside = Expression(text, key).evaluate(scope) != 0
        for left, right, around in _comparisons(Expression(text, key).tree, policy):
            try:
                gap = Expression(f"({left}) - ({right})", key).evaluate(scope)
                spread = float(np.nanstd(Expression(left, key).evaluate(scope)))
            except InputError:
                continue
            spread = spread or float(np.nanstd(gap))
            for i in np.flatnonzero(np.abs(gap) <= near * spread).tolist() if spread > 0 else ():
                crossed = around(f'{policy.regions.id} == "{problem.regions.ids[i]}"')
                if (Expression(crossed, key).evaluate(scope)[i] != 0) != inside[i]:
                    nearest[i] = min(nearest.get(i, np.inf), abs(float(gap[i])) / spread)
        yield from (_Case(key, text, i, distance, bool(inside[i])) for i, distance in nearest.items())


def _comparisons(tree: ast.AST, policy: Policy) -> Iterator[tuple[str, str, Callable[[str], str]]]:
    """The two sides of every comparison by order, those in named measures too, and the whole condition as it would be
    if that comparison came out otherwise for some regions.
    """
    whole = _Written(policy.measures).visit(copy.deepcopy(tree))
    for node in [n for n in ast.walk(whole) if isinstance(n, ast.Compare)]:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if isinstance(op, ORDERED):
                own = ast.unparse(node)
                node.left, node.ops, node.comparators = ast.Name(HERE), [ast.Eq()], [ast.Constant(1)]
                text = ast.unparse(whole)
                node.left, node.ops, node.comparators = left, [op], [right]
                yield ast.unparse(left), ast.unparse(right), _around(text, own)


def _around(text: str, comparison: str) -> Callable[[str], str]:
    return lambda some: text.replace(HERE, f"(({comparison}) != ({some}))")


class _Written(ast.NodeTransformer):
    """Named measures written out."""

    def __init__(self, measures: Mapping[str, str | float], seen: frozenset[str] = frozenset()) -> None:
        self.measures, self.seen = measures, seen

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A name, or what it stands for."""
        if node.id not in self.measures or node.id in self.seen:
            return node
        inner = copy.deepcopy(Expression(self.measures[node.id]).tree)
        inner = inner.body if isinstance(inner, ast.Expression) else inner
        found: ast.AST = _Written(self.measures, self.seen | {node.id}).visit(inner)
        return found


def _beyond(
    policy: Policy, regions: Regions, history: History, problem: Problem, amounts: FloatArray, case: _Case
) -> Cliff:
    """What a region would get on the other side of a threshold."""
    region, n = problem.regions.ids[case.region], problem.n
    other = _crossed(policy, case, region)
    resources = problem.resources
    held = np.array([amounts[r * n + case.region] for r in range(len(resources))])
    try:
        asked, statements = pose(other, regions, history)
        there = decide(asked, statements).amounts
        moved = np.array([there[r * n + case.region] for r in range(len(resources))])
        with np.errstate(divide="ignore", invalid="ignore"):
            r = int(np.argmax(np.where(moved == held, 0.0, np.abs(moved - held) / held)))
        answer: float | None = float(moved[r])
    except (ConflictError, SolverError, InputError):
        r, answer = 0, None
    return Cliff(
        region,
        problem.regions.names[case.region],
        case.where,
        case.text,
        case.distance,
        case.inside,
        resources[r].name,
        resources[r].unit,
        float(held[r]),
        answer,
    )


def _crossed(policy: Policy, case: _Case, region: str) -> Policy:
    """The policy with one region on the other side of a condition."""
    crossed = f'({case.text}) != ({policy.regions.id} == "{region}")'
    kind, _, rest = case.where.partition(".")
    name = rest.removesuffix(".where")
    if kind == "resources":
        section = policy.resources[name].model_copy(update={"where": crossed})
        return policy.model_copy(update={"resources": {**policy.resources, name: section}})
    rules = [r.model_copy(update={"where": crossed}) if r.name == name else r for r in policy.rules]
    return policy.model_copy(update={"rules": tuple(rules)})


def words(found: Sequence[Cliff]) -> Iterator[tuple[Cliff, str]]:
    """Each cliff as a sentence."""
    for one in found:
        beyond = say("the rules could not be kept")
        if one.beyond is not None:
            beyond = say(
                "it would get {beyond:,.2f} {unit} of {resource} instead of {amount:,.2f}",
                beyond=one.beyond,
                unit=one.unit,
                resource=one.resource,
                amount=one.amount,
            )
        sentence = say(
            "{region} meets the condition {condition} by {distance:.3f} standard deviations; on the other side "
            "{beyond}. A ramp (clip) instead of a threshold would take the cliff away."
            if one.inside
            else "{region} just misses the condition {condition} by {distance:.3f} standard deviations; on the other "
            "side {beyond}. A ramp (clip) instead of a threshold would take the cliff away.",
            region=one.name,
            condition=one.condition,
            distance=one.distance,
            beyond=beyond,
        )
        yield one, sentence


def edges(
    statements: Sequence[Statement], problem: Problem, amounts: FloatArray, within: float
) -> Iterator[tuple[str, str, str, float]]:
    """Places just above a floor under which they would get nothing (or_nothing): resource, place, words, distance.

    within: how far above, as a part of the floor.
    """
    for one in statements:
        if not (one.or_nothing and isinstance(one, Rows) and one.mode != "watch"):
            continue
        values = one.values(amounts)
        near = (one.low > 0) & (values >= one.low) & (values <= one.low * (1 + within))
        for k in np.flatnonzero(near).tolist():
            above = values[k] / one.low[k] - 1
            text = say(
                '{place} gets {amount:,.2f} of {resource}, {share:.3g} % above the floor of the rule "{rule}", under '
                "which it would get nothing.",
                place=one.places[k],
                amount=values[k],
                resource=one.resource,
                share=100 * above,
                rule=one.rule,
            )
            yield one.resource, one.places[k], text, float(above)
