"""The scope of a measure: columns, named measures, indices, and what is given such as `previous`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fundalloc.ceilings import LOOKS
from fundalloc.errors import Fault, Faults, InputError, did_you_mean
from fundalloc.expressions import RESERVED, BoolArray, Expression, FloatArray, Value
from fundalloc.flags import Flag
from fundalloc.language import phrase, say
from fundalloc.regions import Regions

SHOWN = 5
UNKNOWN_YET = {
    "entitlement": phrase("the entitlement is not known while the key is computed."),
    "previous": phrase("there is no history of this resource here."),
}


class Computed(Protocol):
    """What has a value for each region and is computed from all of them, such as an index."""

    def expressions(self, key: str) -> Sequence[Expression]:
        """The expressions it is made of."""

    def result(self, scope: Scope, key: str) -> tuple[FloatArray, list[Flag]]:
        """The values, and what people should look at."""


Definitions = Mapping[str, Expression | Computed]


@dataclass(eq=False)
class Scope:
    """What measures can see, for the regions that take part in one resource.

    part: who takes part; functions over regions are about them. given: further names, such as
    previous. looks: how often an earlier round was looked at. Indices are always of all regions of the round.
    """

    regions: Regions
    definitions: Definitions
    part: BoolArray
    given: Mapping[str, FloatArray] = field(default_factory=dict)
    full: Scope | None = None
    looks: list[int] = field(default_factory=lambda: [0])
    _values: dict[str, FloatArray] = field(default_factory=dict, init=False)
    _flags: dict[str, list[Flag]] = field(default_factory=dict, init=False)
    _codes: dict[str, NDArray[np.int64]] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, regions: Regions, definitions: Definitions) -> Scope:
        """The scope of all regions of a round."""
        return cls(regions, definitions, np.ones(len(regions.ids), dtype=bool))

    def among(self, part: BoolArray) -> Scope:
        """The same scope for those who take part."""
        return replace(self, part=part, full=self.full or self)

    def giving(self, **given: FloatArray) -> Scope:
        """The same scope with further names."""
        return replace(self, given={**self.given, **given}, full=self.full or self)

    @property
    def flags(self) -> list[Flag]:
        """What the indices that were used say."""
        return [flag for name in sorted(self._flags) for flag in self._flags[name]]

    def names(self) -> set[str]:
        """Every name that a measure may use."""
        return {*self.regions.columns, *self.regions.texts, *self.definitions, *self.given, "round"}

    def check(self, expressions: Iterable[Expression]) -> None:
        """Raises InputError for every unknown name, unknown group value and circle of definitions."""
        faults = Faults()
        own = [e for d, e in self._definition_expressions()]
        known = self.names() | set(UNKNOWN_YET)
        for name in self.definitions:
            if name in RESERVED or name in self.regions.columns or name in self.regions.texts:
                faults.add(
                    say("hides a column or a word of the measure language."), say("Give it another name."), key=name
                )
        for expression in {id(e): e for e in [*own, *expressions]}.values():
            for name in sorted(expression.names - known):
                faults.add(
                    say('"{code_name}" is not known. {code_hint}', code_name=name, code_hint=did_you_mean(name, known)),
                    key=expression.key,
                    value=expression.text,
                )
            for name, text in expression.texts:
                if name in self.regions.texts and text not in set(self.regions.column(name).tolist()):
                    labels = set(self.regions.column(name).tolist())
                    faults.add(
                        say(
                            'no region has {code_name} "{code_text}". {code_hint}',
                            code_name=name,
                            code_text=text,
                            code_hint=did_you_mean(text, labels),
                        ),
                        key=expression.key,
                        value=expression.text,
                    )
        self._check_circles(faults)
        faults.check()

    def _definition_expressions(self) -> list[tuple[str, Expression]]:
        return [
            (name, e)
            for name, d in self.definitions.items()
            for e in ([d] if isinstance(d, Expression) else d.expressions(f"indices.{name}"))
        ]

    def _check_circles(self, faults: Faults) -> None:
        uses: dict[str, set[str]] = {name: set() for name in self.definitions}
        for name, e in self._definition_expressions():
            uses[name] |= e.names & set(self.definitions)
        done: set[str] = set()
        for start in sorted(uses):
            path, trail = [start], [iter(sorted(uses[start]))]
            while trail and start not in done:
                following = next(trail[-1], None)
                if following is None:
                    done.add(path.pop())
                    trail.pop()
                elif following in path:
                    circle = [*path[path.index(following) :], following]
                    faults.add(
                        say("is defined by itself: {code_list}.", code_list=" -> ".join(circle)),
                        say("Break the circle."),
                        key=following,
                    )
                    done |= set(path)
                    break
                elif following not in done:
                    path.append(following)
                    trail.append(iter(sorted(uses[following])))

    def value(self, name: str, key: str) -> Value:
        """The values of a name, for an expression that stands at `key`."""
        if name in self.given:
            return self.given[name]
        if name == "round":
            label = self.regions.round
            try:
                return np.asarray(float(label))
            except ValueError:
                return label
        if name in self.definitions:
            return self._defined(name)
        if name in self.regions.columns or name in self.regions.texts:
            return self.regions.column(name)
        if name in UNKNOWN_YET:
            text = say('"{code_name}": {what}', code_name=name, what=say(UNKNOWN_YET[name]))
            raise InputError([Fault(text, say("Leave it out here."), key=key)])
        raise InputError(
            [
                Fault(
                    say(
                        '"{code_name}" is not known. {code_hint}',
                        code_name=name,
                        code_hint=did_you_mean(name, self.names()),
                    ),
                    key=key,
                )
            ]
        )

    def _defined(self, name: str) -> FloatArray:
        if name not in self._values:
            definition = self.definitions[name]
            if isinstance(definition, Expression):
                self._values[name] = definition.evaluate(self)
            elif self.full is not None:
                self._values[name] = self.full._defined(name)
            else:
                self._values[name], self._flags[name] = definition.result(self, f"indices.{name}")
        return self._values[name]

    def group(self, name: str, key: str) -> NDArray[np.int64]:
        """The group of each region as a number from 0."""
        if name not in self.regions.groups:
            known = list(self.regions.groups)
            raise InputError(
                [
                    Fault(
                        say(
                            '"{code_name}" is no group column. {code_hint}',
                            code_name=name,
                            code_hint=did_you_mean(name, known),
                        ),
                        say("Group columns stand in groups under [regions]."),
                        key=key,
                    )
                ]
            )
        if name not in self._codes:
            labels = self.regions.groups[name].astype(str)
            self._codes[name] = np.unique(labels, return_inverse=True)[1].astype(np.int64)
        return self._codes[name]

    def earlier(self, steps: int) -> Scope | None:
        """The same regions on the data of an earlier round, where `previous` is not given."""
        regions = self.regions.earlier(steps)
        if regions is None:
            return None
        self.looks[0] += 1
        if self.looks[0] > LOOKS:
            raise InputError(
                [
                    Fault(
                        say("look at earlier rounds more than {code_looks:,} times.", code_looks=LOOKS),
                        say("Do not put lag and average into each other, nor into measures that use each other."),
                        key="measures",
                    )
                ]
            )
        there = ~regions.where_missing(regions.texts[0])
        full = None if self.full is None else Scope(regions, self.definitions, there, looks=self.looks)
        return Scope(regions, self.definitions, self.part & there, {}, full, self.looks)

    def finite(self, expression: Expression, faults: Faults) -> FloatArray:
        """The values of an expression; a fault for every region that takes part and has none."""
        values = expression.evaluate(self)
        bad = np.flatnonzero(self.part & ~np.isfinite(values))
        if len(bad):
            self._report(expression, values, bad, faults)
        return values

    def check_not_below_zero(self, values: FloatArray, expression: Expression, what: str, faults: Faults) -> None:
        """A fault for every region whose value of an expression is below 0; `what` cannot be."""
        below = np.flatnonzero(values < 0)
        place = {"key": expression.key, "value": expression.text, "file": ""}
        for i in below[:SHOWN]:
            who = f"{self.regions.ids[i]} ({self.regions.names[i]})"
            faults.add(
                say("is {value:,.6g} for {code}; {what} cannot be below 0.", value=values[i], code=who, what=what),
                say('Write "maximum(0, {code_text})".', code_text=expression.text),
                **place,
            )
        if len(below) > SHOWN:
            faults.add(say("is below 0 for {code_count} more regions.", code_count=len(below) - SHOWN), **place)

    def _report(self, expression: Expression, values: FloatArray, bad: NDArray[np.int64], faults: Faults) -> None:
        """Why values are missing: empty cells where there are any, else the arithmetic."""
        columns = sorted(self._columns_of(expression))
        empty = [(name, i) for name in columns for i in np.flatnonzero(self.part & self.regions.where_missing(name))]
        own = [(name, i) for name, i in empty if i in set(bad.tolist())]
        for name, i in (own or empty)[:SHOWN]:
            region = f"{self.regions.ids[i]} ({self.regions.names[i]})"
            faults.add(
                say(
                    "the cell of {code_region} in round {code_round} is empty, but {code_key} needs it.",
                    code_region=region,
                    code_round=self.regions.round,
                    code_key=expression.key,
                ),
                say('Fill it, or write missing = {{ {code_name} = "last_round" }} under [regions].', code_name=name)
                if self.regions.filled_by(name) == "error"
                else say("Fill it; nothing in the file could be used instead."),
                **self.regions.cell(name, int(i)),
            )
        more = len(own or empty) - SHOWN
        if more > 0:
            faults.add(
                say("{code_more} more cells that {code_key} needs are empty.", code_more=more, code_key=expression.key),
                file=self.regions.file,
            )
        if not empty:
            named = ", ".join(f"{self.regions.ids[i]} ({self.regions.names[i]})" for i in bad[:SHOWN])
            rest = say(" and {count} more", count=len(bad) - SHOWN) if len(bad) > SHOWN else ""
            none = np.isnan(values[bad]).any()
            faults.add(
                say(
                    "gives no number for {code_named}{code_rest}."
                    if none
                    else "gives an infinite number for {code_named}{code_rest}.",
                    code_named=named,
                    code_rest=rest,
                ),
                say("Look for a division by 0, the logarithm of 0, or data of a round that is not there."),
                key=expression.key,
                value=expression.text,
                file="",
            )

    def _columns_of(self, expression: Expression) -> set[str]:
        """The columns of numbers that an expression uses, also through definitions."""
        found: set[str] = set()
        seen: set[str] = set()
        open_ = [expression]
        while open_:
            for name in open_.pop().names - seen:
                seen.add(name)
                definition = self.definitions.get(name)
                if definition is None:
                    found |= {name} & (set(self.regions.columns) - set(self.given))
                elif isinstance(definition, Expression):
                    open_.append(definition)
                else:
                    open_ += definition.expressions(f"indices.{name}")
        return found
