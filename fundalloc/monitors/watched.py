"""What was watched: the measures of a resource after its last round, round by round, and the flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fundalloc.flags import Flag
from fundalloc.monitors.alerts import alerts
from fundalloc.monitors.balance import EQUAL
from fundalloc.monitors.course import Course
from fundalloc.monitors.disparity import splits
from fundalloc.monitors.figures import Figures
from fundalloc.monitors.growth import growth
from fundalloc.monitors.section import MonitorSection
from fundalloc.monitors.trend import slopes
from fundalloc.problem import BoolArray, FloatArray, IntArray

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A table ready to be written: the names of its columns, and its rows; None is an empty cell."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[Cell]]) -> Listing:
        """A table from its columns."""
        return cls(tuple(columns), tuple(zip(*columns.values(), strict=True)))

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

    Measures that need more rounds, regions or columns than there are stay empty; fewer than two rounds raise no flag,
    and without any round there are no tables.
    """
    figures = Figures(course, section)
    watched = len(course.rounds) > 1 and bool(course.ids)
    return Watched(
        Listing.of(_measures(figures)),
        Listing.of(_series(figures)),
        Listing.of(_splits(course)),
        (*alerts(figures), *growth(figures)) if watched else (),
    )


def _who(f: Figures, rounds: int = 1) -> dict[str, Sequence[Cell]]:
    """The columns that name the subjects, so many times over."""
    subjects = f.course.subjects * rounds
    return {
        "kind": [one.kind for one in subjects],
        "group_column": [one.column for one in subjects],
        "subject": [one.subject for one in subjects],
        "name": [one.name for one in subjects],
        "resource": [f.course.resource] * len(subjects),
        "unit": [f.course.unit] * len(subjects),
    }


def _measures(f: Figures) -> dict[str, Sequence[Cell]]:
    """One row for each subject, as it stands after the last round; no rows where there is no round."""
    rounds = f.course.rounds
    if not rounds:
        return {}
    catching = [f.catching(s) for s in range(len(f.course.subjects))]
    known = ~np.isnan(f.due)
    first, last = np.argmax(known, axis=0), len(rounds) - 1 - np.argmax(known[::-1], axis=0)
    recorded = known.any(axis=0)
    now = {name: values[-1] for name, values in _arrays(f).items()}
    numbers = {
        **{name: now[name] for name in ("entitlement", "paid", "coverage")},
        "coverage_trend": f.coverage_trend,
        "rounds_behind": f.behind[0],
        "behind_since": _labels(f, f.behind[1]),
        "drift_low": now["drift_low"],
        "drift_low_since": _labels(f, f.drift.low_since),
        "drift_high": now["drift_high"],
        "drift_high_since": _labels(f, f.drift.high_since),
        "scatter": f.drift.scatter,
        **{name: now[name] for name in ("account", "balance", "balance_share")},
        "at_limit": _answers(np.abs(f.share[-1]) >= 1 - EQUAL, f.share[-1]),
        "delta": f.bounds[0],
        "bound": f.bounds[1],
        "within_bound": _answers(np.abs(f.balance[-1]) <= f.bounds[1] + EQUAL * f.due[-1], f.balance[-1]),
        **{name: now[name] for name in ("net", "net_per_head", "gini")},
        "gini_trend": slopes(f.disparity[0]),
        **{name: now[name] for name in ("theil", "variation")},
        "variation_trend": slopes(f.dispersion[0]),
        "log_spread": now["log_spread"],
    }
    return {
        **_who(f),
        "round": [rounds[-1]] * len(catching),
        "rounds": known.sum(axis=0).tolist(),
        "first": _labels(f, np.where(recorded, first, -1)),
        "last": _labels(f, np.where(recorded, last, -1)),
        **{name: v if isinstance(v, list) else _cells(v) for name, v in numbers.items()},
        "beta_slope": [c and c.slope for c in catching],
        "beta_t": [c and c.t for c in catching],
        "beta_speed": [c and c.speed for c in catching],
        "half_life": [c and c.half_life for c in catching],
    }


def _series(f: Figures) -> dict[str, Sequence[Cell]]:
    """One row for each round and subject."""
    rounds, count = f.course.rounds, len(f.course.subjects)
    return {
        **_who(f, len(rounds)),
        "round": [label for label in rounds for _ in range(count)],
        **{name: _cells(values.ravel()) for name, values in _arrays(f).items()},
    }


def _arrays(f: Figures) -> dict[str, FloatArray]:
    """What is known of each round, T x subjects."""
    none = np.full(f.due.shape, np.nan)
    net = none if f.net is None else f.net
    with np.errstate(divide="ignore", invalid="ignore"):
        per_head = none if f.heads is None else net / f.heads
    return {
        "entitlement": f.due,
        "paid": f.paid,
        "target": f.target,
        "coverage": f.coverage,
        "deviation": f.deviation,
        "drift_low": f.drift.low,
        "drift_high": f.drift.high,
        "account": f.account,
        "balance": f.balance,
        "balance_share": f.share,
        "net": net,
        "net_per_head": per_head,
        "gini": f.disparity[0],
        "theil": f.disparity[1],
        "variation": f.dispersion[0],
        "log_spread": f.dispersion[1],
    }


def _splits(course: Course) -> dict[str, Sequence[Cell]]:
    """One row for each round and group column: Theil's index and its parts."""
    parts = list(splits(course))
    return {
        "resource": [course.resource] * len(parts),
        "round": [one.round for one in parts],
        "group_column": [one.column for one in parts],
        "theil": [one.theil for one in parts],
        "between": [one.between for one in parts],
        "within": [one.within for one in parts],
    }


def _cells(values: FloatArray | IntArray) -> list[Cell]:
    """Numbers that can be written, empty cells for those that cannot."""
    return [v if known else None for v, known in zip(values.tolist(), np.isfinite(values).tolist(), strict=True)]


def _labels(f: Figures, rows: IntArray) -> list[Cell]:
    return [f.course.rounds[t] if t >= 0 else None for t in rows.tolist()]


def _answers(yes: BoolArray, known: FloatArray) -> list[Cell]:
    return [None if np.isnan(k) else "yes" if y else "no" for y, k in zip(yes, known, strict=True)]
