"""A fund in one of its rounds, as those need it who compare rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from fundalloc.history import History
from fundalloc.policy import Policy
from fundalloc.problem import Problem
from fundalloc.regions import Regions
from fundalloc.rules import Statement
from fundalloc.sources import Source
from fundalloc.tables import Table


class Posed(Protocol):
    """A policy and its data in one round, the question that they pose, and the same in other rounds."""

    policy: Policy
    round: str
    mapping: Table | None

    @property
    def settings(self) -> Sequence[str]:
        """What was put over the policy."""

    @property
    def regions(self) -> Regions:
        """The regions of the round."""

    @property
    def history(self) -> History:
        """The rounds before."""

    @property
    def problem(self) -> Problem:
        """Entitlements, targets and supplies."""

    @property
    def rows(self) -> tuple[Statement, ...]:
        """What the rules say."""

    @property
    def tables(self) -> Mapping[str, Table]:
        """The tables as they were given."""

    @property
    def inputs(self) -> Mapping[str, Source]:
        """What was read, byte for byte."""

    def at(self, round: str) -> Posed:
        """The same fund in another round, before any amendment."""
