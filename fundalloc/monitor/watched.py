"""What was watched: the measures of a resource after its last round, round by round, and the flags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fundalloc.flags import Flag
from fundalloc.monitor.alerts import alerts
from fundalloc.monitor.course import Course
from fundalloc.monitor.disparity import splits
from fundalloc.monitor.figures import Figures
from fundalloc.monitor.growth import growth
from fundalloc.monitor.section import MonitorSection
from fundalloc.monitor.trend import slopes
from fundalloc.problem import FloatArray

Cell = str | float | int | None
WHO = ("kind", "group_column", "subject", "name", "resource", "unit")
MEASURES = (
    *WHO,
    *("round", "rounds", "first", "last", "entitlement", "paid", "coverage", "coverage_trend"),
    *("rounds_behind", "behind_since", "drift_low", "drift_low_since", "drift_high", "drift_high_since", "scatter"),
    *("account", "balance", "balance_share", "at_limit", "delta", "bound", "within_bound"),
    *("net", "net_per_head", "gini", "gini_trend", "theil"),
    *("variation", "variation_trend", "log_spread", "beta_slope", "beta_t", "beta_speed", "half_life"),
)
SERIES = (
    *WHO,
    *("round", "entitlement", "paid", "target", "coverage", "deviation", "drift_low", "drift_high"),
    *("account", "balance", "balance_share", "net", "net_per_head", "gini", "theil", "variation", "log_spread"),
)
SPLITS = ("resource", "round", "group_column", "theil", "between", "within")


@dataclass(frozen=True, slots=True)
class Listing:
    """A table ready to be written: the names of its columns, and its rows; None is an empty cell."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def records(self) -> Iterator[dict[str, Cell]]:
        """The rows by the names of their columns."""
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Watched:
    """What the monitor sees: one row for each subject, one for each round and subject, Theil's parts, the flags."""

    measures: Listing
    series: Listing
    splits: Listing
    flags: tuple[Flag, ...]


def watch(course: Course, section: MonitorSection) -> Watched:
    """Every measure of a resource over its rounds, and what should be looked at.

    Measures that need more rounds, regions or columns than there are stay empty; fewer than two rounds raise no flag.
    """
    figures = Figures(course, section)
    flags = (*alerts(figures), *growth(figures)) if len(course.rounds) > 1 and course.ids else ()
    parts = [(course.resource, s.round, s.column, s.theil, s.between, s.within) for s in splits(course)]
    some = bool(course.rounds) and bool(course.ids)
    return Watched(
        Listing(MEASURES, tuple(_measures(figures)) if some else ()),
        Listing(SERIES, tuple(_series(figures)) if some else ()),
        Listing(SPLITS, tuple(parts)),
        flags,
    )


def _who(f: Figures, s: int) -> tuple[Cell, ...]:
    one = f.course.subjects[s]
    return one.kind, one.column, one.subject, one.name, f.course.resource, f.course.unit


def _measures(f: Figures) -> Iterator[tuple[Cell, ...]]:
    rounds = f.course.rounds
    known = ~np.isnan(f.due)
    gini_trend, variation_trend = slopes(f.disparity[0]), slopes(f.dispersion[0])
    for s in range(len(f.course.subjects)):
        here = np.flatnonzero(known[:, s])
        ends = (rounds[here[0]], rounds[here[-1]]) if len(here) else (None, None)
        catching = f.catching(s)
        yield (
            *_who(f, s),
            *(rounds[-1], len(here), *ends, _cell(f.due[-1, s]), _cell(f.paid[-1, s])),
            *(_cell(f.coverage[-1, s]), _cell(f.coverage_trend[s])),
            *(int(f.behind[0][s]), _label(f, f.behind[1][s])),
            *(_cell(f.drift.low[-1, s]), _label(f, f.drift.low_since[s])),
            *(_cell(f.drift.high[-1, s]), _label(f, f.drift.high_since[s]), _cell(f.drift.scatter[s])),
            *(_cell(f.account[-1, s]), _cell(f.balance[-1, s]), _cell(f.share[-1, s]), _answer(f.at_limit(s))),
            *(_cell(f.bounds[0][s]), _cell(f.bounds[1][s]), _answer(f.within_bound(s))),
            *_net(f, -1, s),
            *(_cell(f.disparity[0][-1, s]), _cell(gini_trend[s]), _cell(f.disparity[1][-1, s])),
            *(_cell(f.dispersion[0][-1, s]), _cell(variation_trend[s]), _cell(f.dispersion[1][-1, s])),
            *((catching.slope, catching.t, catching.speed, catching.half_life) if catching else (None,) * 4),
        )


def _series(f: Figures) -> Iterator[tuple[Cell, ...]]:
    target = f.course.totals(f.regions.target)
    columns = (f.due, f.paid, target, f.coverage, f.deviation, f.drift.low, f.drift.high, f.account, f.balance, f.share)
    spread = (*f.disparity, *f.dispersion)
    for t, label in enumerate(f.course.rounds):
        for s in range(len(f.course.subjects)):
            yield (
                *(*_who(f, s), label),
                *(_cell(values[t, s]) for values in columns),
                *_net(f, t, s),
                *(_cell(values[t, s]) for values in spread),
            )


def _net(f: Figures, t: int, s: int) -> tuple[Cell, Cell]:
    if f.net is None:
        return None, None
    net = _cell(f.net[t, s])
    people: float | FloatArray = np.nan if f.heads is None else f.heads[t, s]
    return net, net / float(people) if isinstance(net, float) and people > 0 else None


def _cell(value: float) -> float | None:
    """A number that can be written, or an empty cell."""
    return float(value) if np.isfinite(value) else None


def _label(f: Figures, t: int) -> str | None:
    return f.course.rounds[t] if t >= 0 else None


def _answer(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"
