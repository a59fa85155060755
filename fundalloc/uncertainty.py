"""Uncertainty: how exactly the columns of the regions file are measured, and figures that might as well be true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field, FiniteFloat

from fundalloc.draws import normal
from fundalloc.errors import Faults, did_you_mean
from fundalloc.expressions import FloatArray
from fundalloc.language import say
from fundalloc.roster import Roster
from fundalloc.tables import Table

StandardError = Annotated[FiniteFloat, Field(ge=0, lt=1)]


def standard_errors(stated: Mapping[str, float], roster: Roster) -> dict[str, float]:
    """The relative standard error by title of a column in the file.

    Raises InputError for names that are no columns of numbers, and for two names of one column.
    """
    faults = Faults(roster.table.file)
    found: dict[str, float] = {}
    for name, error in stated.items():
        place = {"key": f"uncertainty.{name}", "file": ""}
        title = roster.title(name)
        if name not in roster.numbers and title not in roster.numbers.values():
            faults.add(
                say("is no column of numbers. {code_hint}", code_hint=did_you_mean(name, roster.numbers)),
                value=name,
                **place,
            )
        elif title in found:
            faults.add(
                say("is stated twice for the column {code_title}.", code_title=title),
                say("Leave one of them out."),
                value=name,
                **place,
            )
        elif error:
            found[title] = error
    faults.check()
    return found


class Disturbance:
    """A regions file whose columns are drawn anew within their standard errors.

    A figure x with the relative standard error s becomes x exp(t z - t²/2) with t² = ln(1 + s²) and z standard normal,
    drawn for each row and column by itself: its mean is x, its standard deviation s x, its sign that of x.
    """

    def __init__(self, roster: Roster, errors: Mapping[str, float]) -> None:
        self._roster, self._errors = roster, errors
        table = roster.table
        ids = table.text(roster.section.id).tolist()
        labels = [""] * len(ids) if roster.labels is None else roster.labels.tolist()
        self._order = np.array(sorted(range(len(ids)), key=lambda k: (labels[k], ids[k])), dtype=np.int64)
        style = roster.section.style
        # a cell that is no number is a fault where it is used, and then there is no round to be shaken
        self._values = {name: table.numbers(name, style=style, faults=Faults()) for name in errors}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are drawn."""
        return tuple(self._errors)

    def factors(self, draw: int) -> dict[str, FloatArray]:
        """What each row is multiplied by in a draw, by column."""
        found = {}
        for name, error in self._errors.items():
            width = np.sqrt(np.log1p(error * error))
            values = np.empty(len(self._order))
            values[self._order] = np.exp(width * normal(f"{name}, draw {draw}", len(values)) - width * width / 2)
            found[name] = values
        return found

    def table(self, factors: Mapping[str, FloatArray]) -> Table:
        """The file with the figures of a draw."""
        drawn = {name: self._values[name] * factor for name, factor in factors.items()}
        return replace(self._roster.table, numeric={**self._roster.table.numeric, **drawn})
