"""Foreign: what of Python the language of measures does not know, in words."""

from __future__ import annotations

import ast

from fundalloc.language import phrase

POSSIBLE = phrase("Possible are numbers, names, + - * / **, comparisons, and or not, and the functions of measures.")
REFUSED = {
    ast.Attribute: phrase("a dot behind a name"),
    ast.Subscript: phrase("square brackets"),
    ast.Lambda: phrase("lambda"),
    ast.IfExp: phrase("if ... else"),
    ast.NamedExpr: phrase(":="),
    ast.List: phrase("a list"),
    ast.Tuple: phrase("a comma"),
    ast.Dict: phrase("braces"),
    ast.Set: phrase("braces"),
    ast.ListComp: phrase("a loop"),
    ast.GeneratorExp: phrase("a loop"),
    ast.SetComp: phrase("a loop"),
    ast.DictComp: phrase("a loop"),
    ast.JoinedStr: phrase("an f-text"),
    ast.Starred: phrase("a star"),
    ast.Await: phrase("await"),
    ast.Yield: phrase("yield"),
}
ELSE = phrase("something")


def sign(op: ast.operator) -> str:
    return {
        ast.Mod: "%",
        ast.FloorDiv: "//",
        ast.MatMult: "@",
        ast.BitAnd: "&",
        ast.BitOr: "|",
        ast.BitXor: "^",
        ast.LShift: "<<",
        ast.RShift: ">>",
    }.get(type(op), "?")
