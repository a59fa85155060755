"""Expressions: measures in Python syntax, one value for each region.

Only numbers, names, operators and the functions below are reachable. A missing value (NaN) makes
every result that needs it missing; only `where` may leave it out.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fundalloc.aggregates import OVERALL, aggregate
from fundalloc.errors import Fault, InputError, did_you_mean
from fundalloc.foreign import ELSE, POSSIBLE, REFUSED, sign
from fundalloc.language import say

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Value = FloatArray | NDArray[np.object_] | str

LONGEST = 2_000
DEEPEST = 60

ELEMENTWISE: dict[str, tuple[int, Callable[..., Any]]] = {
    "minimum": (2, np.minimum),
    "maximum": (2, np.maximum),
    "clip": (3, lambda x, low, high: np.minimum(np.maximum(x, low), high)),
    "where": (3, lambda c, a, b: np.where(np.isnan(c), np.nan, np.where(c != 0, a, b))),
    "log": (1, np.log),
    "exp": (1, np.exp),
    "sqrt": (1, np.sqrt),
    "abs": (1, np.abs),
}
OVER_ROUNDS = {"lag": 2, "average": 2}
FUNCTIONS = frozenset({*ELEMENTWISE, *OVERALL, *OVER_ROUNDS})
RESERVED = frozenset({"population", "previous", "entitlement", "round", *FUNCTIONS})

OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
#: words of Python that measures know
OWN_WORDS = ("and", "or", "not", "in", "is", "if", "else", "for", "lambda", "True", "False", "None", "await", "yield")


class Scope(Protocol):
    """What an expression can see."""

    part: BoolArray

    def value(self, name: str, key: str) -> Value:
        """The values of a name."""

    def group(self, name: str, key: str) -> NDArray[np.int64]:
        """The group of each region as a number from 0."""

    def earlier(self, steps: int) -> Scope | None:
        """The same regions on the data of an earlier round."""


class Expression:
    """One expression; `key` is where it stands in the policy. Raises InputError for what is not allowed.

    names: every name it uses. texts: what group columns and ids are compared with.
    """

    def __init__(self, text: str | float, key: str = "") -> None:
        self.text = text if isinstance(text, str) else repr(text)
        self.key = key
        self.tree = self._parse()
        self._check(self.tree, 0)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def _parse(self) -> ast.expr:
        if len(self.text) > LONGEST:
            raise self._fault(
                say("is longer than {code_longest} characters.", code_longest=LONGEST),
                say("Split it with [measures]."),
                shown=False,
            )
        try:
            with warnings.catch_warnings(action="ignore"):  # of Python, about text that is refused below
                return ast.parse(self.text.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            words = [w for w in re.findall(r"[^\W\d]\w*", self.text) if keyword.iskeyword(w) and w not in OWN_WORDS]
            if words:
                raise self._fault(
                    say(
                        '"{code_words}" is a word of the measure language and cannot name a column.',
                        code_words=words[0],
                    ),
                    say(
                        'Give the column another name: columns = {{ {code_words}_ = "{code_words}" }} under [regions].',
                        code_words=words[0],
                    ),
                ) from None
            at = error.offset if isinstance(error, SyntaxError) else None
            no = say("is no expression near character {at}.", at=at) if at else say("is no expression.")
            raise self._fault(no, say("Write for example gdp / population.")) from None
        except (RecursionError, MemoryError):
            raise self._fault(say("is nested too deeply."), say("Split it with [measures]."), shown=False) from None

    def _fault(self, message: str, remedy: str = "", *, shown: bool = True) -> InputError:
        return InputError([Fault(message, remedy, key=self.key, value=self.text if shown else None)])

    def _check(self, node: ast.AST, depth: int) -> None:
        if depth > DEEPEST:
            raise self._fault(say("is nested too deeply."), say("Split it with [measures]."), shown=False)
        match node:
            case ast.Constant(value=bool()):
                raise self._fault(say("True and False are not known."), say("Write 1 or 0."))
            case ast.Constant(value=int() | float() as number):
                if not np.isfinite(float(number)) if abs(number) < 1e308 else True:
                    raise self._fault(say("holds a number that is too large."), say("Write it smaller."))
            case ast.Constant(value=str()) | ast.Name():
                pass
            case ast.BinOp(op=op) if type(op) not in OPERATORS:
                raise self._fault(say("the operator {code_sign} is not known.", code_sign=sign(op)), say(POSSIBLE))
            case ast.Compare(ops=ops) if any(type(o) not in COMPARISONS for o in ops):
                raise self._fault(say("in and is are not known."), say(POSSIBLE))
            case ast.UnaryOp(op=ast.Invert()):
                raise self._fault(say("the operator ~ is not known."), say(POSSIBLE))
            case ast.BinOp() | ast.Compare() | ast.UnaryOp() | ast.BoolOp():
                pass
            case ast.Call():
                self._check_call(node)
                for child in [*node.args, *(k.value for k in node.keywords)]:
                    self._check(child, depth + 1)
                return
            case ast.operator() | ast.cmpop() | ast.unaryop() | ast.boolop() | ast.expr_context():
                return
            case _:
                what = REFUSED.get(type(node), ELSE)
                raise self._fault(say("has {what} in it, which measures do not know.", what=say(what)), say(POSSIBLE))
        for part in ast.iter_child_nodes(node):
            self._check(part, depth + 1)

    def _check_call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Name):
            raise self._fault(say("calls something that is no function of measures."), say(POSSIBLE))
        name = node.func.id
        if name not in FUNCTIONS:
            raise self._fault(
                say(
                    '"{code_name}" is no function. {code_hint}', code_name=name, code_hint=did_you_mean(name, FUNCTIONS)
                )
            )
        wanted = ELEMENTWISE[name][0] if name in ELEMENTWISE else OVERALL.get(name, 2)
        given = len(node.args)
        if given != wanted or any(isinstance(a, ast.Starred) for a in node.args):
            raise self._fault(
                say(
                    "{code_name} takes {code_wanted} values, not {code_given}."
                    if wanted > 1
                    else "{code_name} takes {code_wanted} value, not {code_given}.",
                    code_name=name,
                    code_wanted=wanted,
                    code_given=given,
                )
            )
        for k in node.keywords:
            if k.arg != "by" or name not in OVERALL:
                raise self._fault(
                    say("{code_name} has no option {code_arg}.", code_name=name, code_arg=k.arg),
                    say("Functions over regions take by = <group column>."),
                )
            if not isinstance(k.value, ast.Name):
                raise self._fault(say("by needs the name of a group column."), say("Write for example by = province."))
        if name in OVER_ROUNDS:
            count = node.args[1]
            if not (isinstance(count, ast.Constant) and isinstance(count.value, int) and 1 <= count.value <= 100):
                raise self._fault(
                    say("{code_name} needs a whole number of rounds.", code_name=name),
                    say("Write for example {code_name}(gdp, 1).", code_name=name),
                )

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that is used, functions left out."""
        calls = {id(n.func) for n in ast.walk(self.tree) if isinstance(n, ast.Call)}
        return frozenset(n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name) and id(n) not in calls)

    @cached_property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """The pairs of a name and the quoted text that it is compared with."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                words = [s.id for s in sides if isinstance(s, ast.Name)]
                quoted = [s.value for s in sides if isinstance(s, ast.Constant) and isinstance(s.value, str)]
                found += [(w, q) for w in words for q in quoted]
        return tuple(found)

    @cached_property
    def averaged(self) -> tuple[ast.expr, ...]:
        """What it takes the mean of, counting regions and not people."""
        return tuple(
            call.args[0]
            for call in ast.walk(self.tree)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "mean"
        )

    def evaluate(self, scope: Scope) -> FloatArray:
        """One number for each region; NaN or infinite where it cannot be computed."""
        try:
            with np.errstate(all="ignore"):
                value = self._value(self.tree, scope)
        except RecursionError:
            raise self._fault(
                say("uses measures that use measures, too many below one another."), say("Join some.")
            ) from None
        if _is_text(value):
            raise self._fault(say("is a text, not a number."), say('Compare it: province == "Anhui".'))
        return np.array(np.broadcast_to(np.asarray(value, dtype=float), scope.part.shape))

    def _number(self, node: ast.expr, scope: Scope) -> FloatArray:
        value = self._value(node, scope)
        if _is_text(value):
            raise self._fault(say("computes with a text."), say("Texts only compare with == and !=."))
        return np.asarray(value, dtype=float)

    def _value(self, node: ast.expr, scope: Scope) -> Value:
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Constant(value=number):
                return np.asarray(float(number))  # type: ignore[arg-type]
            case ast.Name(id=name):
                return scope.value(name, self.key)
            case ast.BinOp(left=left, op=op, right=right):
                return np.asarray(OPERATORS[type(op)](self._number(left, scope), self._number(right, scope)))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                x = self._number(operand, scope)
                return np.where(np.isnan(x), np.nan, x == 0)
            case ast.UnaryOp(op=op, operand=operand):
                x = self._number(operand, scope)
                return -x if isinstance(op, ast.USub) else x
            case ast.BoolOp(op=op, values=values):
                every = [self._number(v, scope) for v in values]
                truth = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return _known(*every, result=truth.reduce(np.broadcast_arrays(*[x != 0 for x in every])))
            case ast.Compare():
                return self._compare(node, scope)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                return self._call(name, args, keywords, scope)
        raise AssertionError(ast.dump(node))

    def _compare(self, node: ast.Compare, scope: Scope) -> FloatArray:
        sides = [self._value(s, scope) for s in (node.left, *node.comparators)]
        result: FloatArray | None = None
        for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if _is_text(left) or _is_text(right):
                if not (_is_text(left) and _is_text(right)) or not isinstance(op, ast.Eq | ast.NotEq):
                    raise self._fault(
                        say("compares a text with a number, or by its size."),
                        say("Texts only compare with texts, by == and !=."),
                    )
                one = np.asarray(COMPARISONS[type(op)](np.asarray(left, object), np.asarray(right, object)), float)
            else:
                a, b = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
                one = _known(a, b, result=COMPARISONS[type(op)](a, b))
            result = one if result is None else result * one
        assert result is not None
        return result

    def _call(self, name: str, args: list[ast.expr], keywords: list[ast.keyword], scope: Scope) -> FloatArray:
        if name == "lag":
            earlier = scope.earlier(args[1].value)  # type: ignore[attr-defined]
            return np.full(scope.part.shape, np.nan) if earlier is None else self._number(args[0], earlier)
        if name == "average":
            rounds = [scope, *(scope.earlier(k) for k in range(1, args[1].value))]  # type: ignore[attr-defined]
            values = [np.broadcast_to(self._number(args[0], s), scope.part.shape) for s in rounds if s is not None]
            return np.asarray(np.mean(values, axis=0))
        values = [np.asarray(np.broadcast_to(self._number(a, scope), scope.part.shape)) for a in args]
        if name in ELEMENTWISE:
            return np.asarray(ELEMENTWISE[name][1](*values))
        by = next((k.value.id for k in keywords if isinstance(k.value, ast.Name)), None)
        return aggregate(name, values, None if by is None else scope.group(by, self.key), scope.part)


def _is_text(value: Value) -> bool:
    return isinstance(value, str) or value.dtype == object


def _known(*values: FloatArray, result: Any) -> FloatArray:
    """A truth value as 1 or 0, missing where one of its values is."""
    missing = np.logical_or.reduce(np.broadcast_arrays(*[np.isnan(v) for v in values]))
    return np.where(missing, np.nan, np.asarray(result, dtype=float))
