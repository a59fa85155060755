"""Thresholds: who stands near one, on either side of it. Nothing is decided here."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fundalloc.errors import InputError
from fundalloc.expressions import Expression
from fundalloc.policy import Policy
from fundalloc.problem import Problem
from fundalloc.scope import Scope

ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
#: where a comparison stands in the text around it
HERE = "__here__"


@dataclass(frozen=True)
class Case:
    """A region near a threshold: the key of the condition and its text, the distance in standard deviations."""

    where: str
    text: str
    region: int
    distance: float
    inside: bool


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


def beside(policy: Policy, problem: Problem, near: float) -> Iterator[Case]:
    """Who is near the threshold of a comparison in a condition; near: in standard deviations of what is compared."""
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
        yield from (Case(key, text, i, distance, bool(inside[i])) for i, distance in nearest.items())


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
