"""The rules that a policy can state; each is one file of this folder."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fundalloc.rules.base import Mode, Rule, Statement, statements
from fundalloc.rules.curve import Around, Bent, Curve
from fundalloc.rules.inequality import Inequality
from fundalloc.rules.limit import Limit
from fundalloc.rules.link import Link
from fundalloc.rules.progressive import Progressive
from fundalloc.rules.rows import DUST, Rows, are_kept, tolerance

#: every kind of rule; a new one is one more member of this union
AnyRule = Annotated[Limit | Inequality | Progressive | Link, Field(discriminator="kind")]

__all__ = [
    "DUST",
    "AnyRule",
    "Around",
    "Bent",
    "Curve",
    "Inequality",
    "Limit",
    "Link",
    "Mode",
    "Progressive",
    "Rows",
    "Rule",
    "Statement",
    "are_kept",
    "statements",
    "tolerance",
]
