"""The sentences of the package that are said through `language.say`, as they stand in its code and its templates."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import jinja2
import typer
from jinja2 import nodes

import fundalloc
from fundalloc.cli.app import app

PACKAGE = Path(fundalloc.__file__).parent
SAYING = ("say", "later", "phrase", "said")
#: what makes a fault or an error that people read
COMPLAINTS = (
    "Fault",
    "ConflictError",
    "SolverError",
    "DifferenceError",
    "LedgerError",
    "UnreadableError",
    "TooMuchError",
    "BadParameter",
    "Differs",
    "_fault",
    "_another",
    "NoTomlError",
    "_NumberError",
)
TEMPLATES = (".j2", ".html", ".md")


def _texts(node: ast.AST) -> Iterator[str]:
    """The constant texts that an expression can be."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _texts(value)


def in_code() -> dict[str, str]:
    """The sentences in the code, with the file of each."""
    found: dict[str, str] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name) and node.func.id in SAYING:
                assert not isinstance(node.args[0], ast.JoinedStr), f"{file}:{node.lineno}: a sentence that is made"
                for text in _texts(node.args[0]):
                    found.setdefault(text, str(file.relative_to(PACKAGE)))
    return found


def unsaid() -> list[str]:
    """Where a text of a fault or an error is written, but not said: file and line of each."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _complains(node.func):
                texts = [*node.args, *(k.value for k in node.keywords if k.arg in ("message", "remedy"))]
                if any(_written(text) for text in texts):
                    found.append(f"{file.relative_to(PACKAGE)}:{node.lineno}")
    return found


def _complains(function: ast.expr) -> bool:
    """Whether a call makes a fault or an error that people read."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in COMPLAINTS:
            return True
        case ast.Attribute(attr="add", value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in ("faults", "own")
    return False


def _written(node: ast.expr) -> bool:
    """Whether an argument is a text with words, as it stands or in a choice or a sum."""
    match node:
        case ast.Constant(value=str(text)):
            return any(c.isalpha() for c in text)
        case ast.JoinedStr(values=parts):
            return any(_written(part) for part in parts)
        case ast.IfExp(body=one, orelse=other):
            return _written(one) or _written(other)
        case ast.BinOp(left=one, right=other):
            return _written(one) or _written(other)
    return False


def in_templates() -> dict[str, str]:
    """The sentences in the templates, with the file of each."""
    found: dict[str, str] = {}
    for file in sorted(f for f in PACKAGE.rglob("*") if f.suffix in TEMPLATES):
        tree = jinja2.Environment().parse(file.read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "say":
                for text in _constants(call.args[0]):
                    found.setdefault(text, str(file.relative_to(PACKAGE)))
    return found


def _constants(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        yield from _constants(node.expr1)
        if node.expr2 is not None:
            yield from _constants(node.expr2)


def in_help() -> dict[str, str]:
    """What the help says of commands, arguments and options, those of typer too, with the command of each."""
    whole = typer.main.get_command(app)
    found: dict[str, str] = {}
    for command in (whole, *whole.commands.values()):
        parameters = command.get_params(typer.Context(command))
        for text in (command.help, *(one.help for one in parameters if not one.hidden)):
            found.setdefault(inspect.cleandoc(text), f"fundalloc {command.name}")
    return found


def places(sentence: str) -> set[str]:
    """The names of the places for values in a sentence."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def marks(sentence: str) -> list[str]:
    """The tags in a sentence of a template."""
    return sorted(re.findall(r"</?[a-z][^>]*>", sentence))
