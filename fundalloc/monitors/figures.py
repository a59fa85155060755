"""Figures: everything that the monitor computes of a course, by subject."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fundalloc.monitors.balance import Balance, bounds, replay
from fundalloc.monitors.convergence import Catching, catching_up, dispersions
from fundalloc.monitors.course import Course, Subject
from fundalloc.monitors.coverage import below, coverages, in_a_row
from fundalloc.monitors.disparity import disparities
from fundalloc.monitors.drift import Drift, drifts
from fundalloc.monitors.net import heads, net_positions
from fundalloc.monitors.section import MonitorSection
from fundalloc.monitors.trend import slopes
from fundalloc.problem import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Figures:
    """All measures of a course; arrays are T x subjects, or one value for each subject."""

    course: Course
    section: MonitorSection

    @cached_property
    def distinct(self) -> list[tuple[int, Subject]]:
        """The subjects without groups of a single region: what is said of that need not be said twice."""
        return [(s, one) for s, one in enumerate(self.course.subjects) if one.kind != "group" or len(one.members) > 1]

    @cached_property
    def due(self) -> FloatArray:
        """Entitlements on record."""
        return self.course.totals(self.course.due)

    @cached_property
    def paid(self) -> FloatArray:
        """What was paid on the key."""
        return self.course.totals(self.course.paid)

    @cached_property
    def coverage(self) -> FloatArray:
        """Paid by due."""
        return coverages(self.course)

    @cached_property
    def coverage_trend(self) -> FloatArray:
        """How much the coverage rises a round."""
        return slopes(self.coverage)

    @cached_property
    def behind(self) -> tuple[IntArray, IntArray]:
        """The last rounds in a row below the threshold of coverage, and the first of them."""
        return in_a_row(below(self.coverage, self.section.coverage))

    @cached_property
    def behind_others(self) -> tuple[IntArray, IntArray]:
        """The same below the threshold times what the fund pays on all entitlements, where that is less than 1."""
        least = self.section.coverage * np.minimum(self.coverage[:, -1:], 1.0)
        return in_a_row(below(self.coverage, least))

    @cached_property
    def deviation(self) -> FloatArray:
        """How far the coverage is from that of the whole fund, as a part of it."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.coverage[:, -1:] > 0, self.coverage / self.coverage[:, -1:] - 1, np.nan)

    @cached_property
    def drift(self) -> Drift:
        """The cumulative sums of the deviations; the fund itself has none."""
        rounds, count = self.coverage.shape
        low, high = np.zeros((rounds, count)), np.zeros((rounds, count))
        since = np.full((2, count), -1)
        scatter = np.full(count, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            lot = np.where(self.due > 0, self.course.lot / self.due, 0.0)
        for family in self.course.families:
            one = drifts(self.deviation[:, family], lot[:, family], self.section)
            low[:, family], high[:, family], scatter[family] = one.low, one.high, one.scatter
            since[:, family] = one.low_since, one.high_since
        return Drift(low, high, since[0], since[1], scatter)

    @cached_property
    def regions(self) -> Balance:
        """The accounts of the regions (T x n)."""
        return replay(self.course)

    @cached_property
    def account(self) -> FloatArray:
        """All that was due and not paid."""
        return self.course.totals(self.regions.account)

    @cached_property
    def balance(self) -> FloatArray:
        """What of the accounts counts; together it is 0."""
        found = self.course.totals(self.regions.counts)
        found[:, -1] = np.where(np.isnan(found[:, -1]), np.nan, 0.0)
        return found

    @cached_property
    def owed(self) -> FloatArray:
        """What of the accounts would count if one round's entitlement were no limit."""
        return self.course.totals(self.regions.owed)

    @cached_property
    def target(self) -> FloatArray:
        """Entitlement plus the part of the arrears that each round was to make good."""
        return self.course.totals(self.regions.target)

    @cached_property
    def missed(self) -> FloatArray:
        """What was paid less the target."""
        return self.course.totals(self.regions.missed)

    @cached_property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """How far payments missed targets at most, and the bound of the balance that follows."""
        return bounds(self.course, self.regions)

    @cached_property
    def share(self) -> FloatArray:
        """The balances as parts of their limit, one round's entitlement."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.due > 0, self.balance / self.due, np.nan)

    @cached_property
    def net(self) -> FloatArray | None:
        """Received less contributed, over all rounds."""
        return net_positions(self.course)

    @cached_property
    def heads(self) -> FloatArray | None:
        """The population on record."""
        return heads(self.course)

    @cached_property
    def disparity(self) -> tuple[FloatArray, FloatArray]:
        """Gini and Theil of the amounts per head."""
        return disparities(self.course)

    @cached_property
    def dispersion(self) -> tuple[FloatArray, FloatArray]:
        """Coefficient of variation of development, and standard deviation of its logarithms."""
        shape = (len(self.course.rounds), len(self.course.subjects))
        found = np.full((2, *shape), np.nan)
        if self.course.development is not None:
            for s in range(len(self.course.ids), shape[1]):
                found[:, :, s] = dispersions(self.course.development[:, self.course.subjects[s].members])
        return found[0], found[1]

    def catching(self, s: int) -> Catching | None:
        """Beta convergence among the regions of a group or of the fund."""
        if self.course.development is None or s < len(self.course.ids):
            return None
        return catching_up(self.course.development[:, self.course.subjects[s].members])
