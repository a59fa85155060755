"""Alerts: which subjects a finance officer should look at: figure, threshold, since when, and what would help."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fundalloc.flags import Flag, Severity
from fundalloc.language import phrase, say, typeset
from fundalloc.monitors.balance import EQUAL
from fundalloc.monitors.coverage import in_a_row
from fundalloc.monitors.figures import Figures
from fundalloc.monitors.phrases import in_rounds, money, percent, repair, whom
from fundalloc.monitors.section import MonitorSection
from fundalloc.monitors.trend import chance_of_fall, slopes
from fundalloc.problem import BoolArray, FloatArray


def alerts(figures: Figures) -> Iterator[Flag]:
    """The flags about regions, groups and the fund after the last of two rounds or more.

    What is less than one lot raises none, and neither does a coverage that only brings an account back: who is still
    ahead is not behind. A group of one region is not named beside it.
    """
    yield from _behind(figures)
    yield from _falling(figures)
    yield from _drifting(figures)
    yield from _accounts(figures)
    yield from _records(figures)


def _behind(f: Figures) -> Iterator[Flag]:
    """Too little for several rounds in a row; what all are denied alike is said once, of the fund."""
    course, section = f.course, f.section
    least = percent(section.coverage)
    fund = bool(f.behind[0][-1] >= section.rounds)
    for s, one in f.distinct:
        relative = fund and one.kind != "fund"
        length, since = (int(x[s]) for x in (f.behind_others if relative else f.behind))
        if length < section.rounds or np.nansum((f.due - f.paid)[since:, s]) < course.lot:
            continue
        if one.kind != "fund" and not f.owed[-1, s] > 0:
            continue
        last = float(f.coverage[-1, s])
        what = phrase(
            "{who} has received less than {least} of its entitlement to {resource} for {rounds} in a row, since "
            "{since} ({coverage} in {round}). {remedy}"
        )
        if relative:
            what = phrase(
                "{who} has received less than {least} of its entitlement to {resource}, and less than {least} of what "
                "the fund pays on all entitlements, for {rounds} in a row, since {since} ({coverage} in {round}). "
                "{remedy}"
            )
        if one.kind == "fund":
            what = phrase(
                "{who} has paid less than {least} of the entitlements to {resource} for {rounds} in a row, since "
                "{since} ({coverage} in {round}). {remedy}"
            )
            remedy = say(
                "No arrears rate makes good what all are denied alike: supply or entitlements have to change. Regions "
                "and groups are flagged only where they are {share} below the fund.",
                share=percent(section.missing),
            )
        else:
            remedy = repair(f, s)
        text = say(
            what,
            who=one.who,
            least=least,
            resource=course.resource,
            rounds=in_rounds(length),
            since=course.rounds[since],
            coverage=percent(last),
            round=course.rounds[-1],
            remedy=remedy,
        )
        yield Flag("warning", "behind", one.subject, text, course.resource, last, section.coverage)


def _falling(f: Figures) -> Iterator[Flag]:
    """A coverage below 1 that falls steadily; where that of the whole fund does, only who falls faster."""
    course, section = f.course, f.section
    falls = _fall(f.coverage, section)
    if falls[-1]:
        falls[:-1] &= _fall(f.deviation, section)[:-1]
    for s, one in f.distinct:
        slope, last = float(f.coverage_trend[s]), float(f.coverage[-1, s])
        if not (falls[s] and last < 1):
            continue
        if f.due[-1, s] - f.paid[-1, s] < course.lot or (one.kind != "fund" and not f.owed[-1, s] > 0):
            continue
        first = course.rounds[int(np.argmax(~np.isnan(f.coverage[:, s])))]
        text = say(
            "The coverage of {who} in {resource} has fallen by {points:.2g} points a round since {first}, to "
            "{coverage} in {round} (flagged from {threshold:.2g} on). At this pace it is {later} in {rounds}.",
            who=whom(one),
            resource=course.resource,
            points=100 * -slope,
            first=first,
            coverage=percent(last),
            round=course.rounds[-1],
            threshold=100 * section.trend,
            later=percent(max(last + section.within * slope, 0.0)),
            rounds=in_rounds(section.within),
        )
        if one.kind != "fund":
            text = typeset(f"{text} {repair(f, s)}")
        yield Flag("warning", "falling", one.subject, text, course.resource, slope, -section.trend)


def _fall(series: FloatArray, section: MonitorSection) -> BoolArray:
    return np.asarray((slopes(series) <= -section.trend) & (chance_of_fall(series) <= section.chance))


def _drifting(f: Figures) -> Iterator[Flag]:
    """A coverage that keeps to one side of the fund's."""
    course, section = f.course, f.section
    for side, sums, starts in ((-1, f.drift.low, f.drift.low_since), (1, f.drift.high, f.drift.high_since)):
        for s, one in f.distinct:
            start, value = int(starts[s]), float(sums[-1, s])
            if value < section.decision or np.isnan(f.coverage[-1, s]):
                continue
            mean = float(np.nanmean(f.deviation[start:, s]))
            if not (side * mean > 0 and side * f.owed[-1, s] < 0):
                continue
            severity: Severity = "info"
            if side < 0:
                severity = "alarm" if mean <= -section.missing else "warning"
            text = say(
                "The coverage of {who} in {resource} has drifted below that of all regions together since {since}: by "
                "{share} on average over {rounds}, more than chance explains (cumulative sum {sum:.1f}, flagged from "
                "{threshold:g} on). {remedy}"
                if side < 0
                else "The coverage of {who} in {resource} has drifted above that of all regions together since "
                "{since}: by {share} on average over {rounds}, more than chance explains (cumulative sum {sum:.1f}, "
                "flagged from {threshold:g} on). {remedy}",
                who=whom(one),
                resource=course.resource,
                since=course.rounds[start],
                share=percent(abs(mean)),
                rounds=in_rounds(len(course.rounds) - start),
                sum=value,
                threshold=section.decision,
                remedy=repair(f, s),
            )
            yield Flag(severity, "drift", one.subject, text, course.resource, value, section.decision)


def _accounts(f: Figures) -> Iterator[Flag]:
    """An account that has grown large, or stands at its limit, beyond which nothing counts."""
    course, section = f.course, f.section
    for s, one in f.distinct:
        share = float(f.share[-1, s])
        full = abs(share) >= section.near_limit
        code, threshold = ("limit", section.near_limit) if full else ("account", section.account)
        if not abs(share) >= threshold or abs(f.balance[-1, s]) < course.lot:
            continue
        beyond = np.where(np.isnan(f.share[:, s]), np.nan, f.share[:, s] * np.sign(share) >= threshold)
        since = course.rounds[int(in_a_row(beyond.astype(float)[:, None])[1][0])]
        text = say(
            "{who} is owed {amount} of {resource}: {share} of one round's entitlement, {threshold} or more since "
            "{since}."
            if share > 0
            else "{who} is ahead by {amount} of {resource}: {share} of one round's entitlement, {threshold} or more "
            "since {since}.",
            who=one.who,
            amount=money(f.balance[-1, s], course.unit),
            resource=course.resource,
            share=percent(abs(share)),
            threshold=percent(threshold),
            since=since,
        )
        if full:
            rest = abs(float(f.owed[-1, s])) - abs(float(f.balance[-1, s]))
            by_now = say(" ({amount} by now)", amount=money(rest, course.unit)) if rest > EQUAL * f.due[-1, s] else ""
            text += say(
                " An account counts only up to one round's entitlement, and this one is at that limit: what lies "
                "beyond it does not count while it stays there{rest}."
                if abs(share) >= 1 - EQUAL
                else " An account counts only up to one round's entitlement, and this one is near that limit: what "
                "lies beyond it does not count while it stays there{rest}.",
                rest=by_now,
            )
        severity: Severity = "alarm" if full else "warning"
        if share < 0:
            severity = "warning" if full else "info"
        yield Flag(severity, code, one.subject, typeset(f"{text} {repair(f, s)}"), course.resource, share, threshold)


def _records(f: Figures) -> Iterator[Flag]:
    """Regions that joined or left while the fund was watched."""
    course = f.course
    for i, name in enumerate(course.names):
        known = np.flatnonzero(course.present[:, i])
        if len(known) and known[0] > 0:
            text = say(
                "{region} has records of {resource} only since {round}: its account began there at 0, and it is not "
                "measured by the rounds before.",
                region=name,
                resource=course.resource,
                round=course.rounds[known[0]],
            )
            yield Flag("info", "joined", course.ids[i], text, course.resource)
        if len(known) and known[-1] < len(course.rounds) - 1:
            account = float(f.account[known[-1], i])
            what = phrase("{region} has no record of {resource} after {round}: its account is even.")
            if abs(account) > EQUAL * f.due[known[-1], i]:
                owed, ahead = (
                    phrase(
                        "{region} has no record of {resource} after {round}: its account, {amount} owed, is closed, "
                        "and the others bear it in proportion to their entitlements."
                    ),
                    phrase(
                        "{region} has no record of {resource} after {round}: its account, {amount} ahead, is closed, "
                        "and the others bear it in proportion to their entitlements."
                    ),
                )
                what = owed if account > 0 else ahead
            text = say(
                what,
                region=name,
                resource=course.resource,
                round=course.rounds[known[-1]],
                amount=money(account, course.unit),
            )
            yield Flag("info", "left", course.ids[i], text, course.resource)
