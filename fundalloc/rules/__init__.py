"""The rules that a policy can state; each is one file of this folder."""

from __future__ import annotations

from fundalloc.rules.base import Mode, Rule, rows_of
from fundalloc.rules.limit import Limit
from fundalloc.rules.rows import Rows, tolerance

#: every kind of rule; a new one is one more member of this union
AnyRule = Limit

#: kinds that the policy format knows and this version does not decide yet
LATER = ("inequality", "progressive", "link")

__all__ = ["LATER", "AnyRule", "Limit", "Mode", "Rows", "Rule", "rows_of", "tolerance"]
