"""Measures how often the monitor is wrong, and how soon it finds what is planted.

    python benchmarks/alarms.py [--funds 40] [--write docs/monitor.md]

Balanced funds: 20 rounds of entitlements, amounts that scatter around the targets by a stated part of themselves and
by nothing else, in whole lots, the total paid out exactly. The monitor looks after every round, with its defaults; a
region is flagged falsely if it ever is. Planted: one region gets systematically less from the sixth round on; the
delay counts the rounds until it is flagged. Funds of 3, 5, 12 and 40 regions of very different size; fixed seeds.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from run import publish

from fundalloc.arrears import claimable
from fundalloc.monitors.alerts import alerts
from fundalloc.monitors.course import Course
from fundalloc.monitors.figures import Figures
from fundalloc.monitors.section import MonitorSection

MARK = "<!-- alarms -->"
ROUNDS, STARTS = 20, 5
CODES = ("behind", "falling", "drift", "account", "limit")


@dataclass(frozen=True)
class Setting:
    """One kind of history: noise (one part of the amount, or small and large regions), arrears, lots, shortfall."""

    name: str
    noise: tuple[float, float]  # of the largest region and of the smallest
    arrears: float = 0.0
    lot: float = 0.0  # as a part of the mean entitlement
    short: float = 0.0


BALANCED = (
    Setting("noise 1 %", (0.01, 0.01)),
    Setting("noise 2 %", (0.02, 0.02)),
    Setting("noise 3 %", (0.03, 0.03)),
    Setting("noise 5 %", (0.05, 0.05)),
    Setting("noise 3 %, arrears 0.5", (0.03, 0.03), arrears=0.5),
    Setting("noise 5 %, arrears 0.5", (0.05, 0.05), arrears=0.5),
    Setting("noise 1 % large to 5 % small", (0.01, 0.05)),
    Setting("whole lots of 1 % of the mean", (0.0, 0.0), lot=0.01),
    Setting("whole lots of 5 % of the mean", (0.0, 0.0), lot=0.05),
    Setting("noise 3 %, lots of 5 %", (0.03, 0.03), lot=0.05),
    Setting("lots of 5 %, arrears 0.5", (0.0, 0.0), arrears=0.5, lot=0.05),
)
PLANTED = tuple(
    Setting(f"{100 * short:g} % less, noise {100 * noise:g} %", (noise, noise), short=short)
    for short in (0.05, 0.10)
    for noise in (0.01, 0.02, 0.03, 0.05)
)


def history(setting: Setting, regions: int, seed: int) -> Course:
    """A fund whose amounts keep to their targets but for the noise; the region in the middle may be short."""
    random = np.random.default_rng([seed, regions, *setting.name.encode()])
    size = np.exp(np.linspace(0.0, 3.0, regions))
    growth = np.cumprod(1 + 0.03 + 0.02 * random.standard_normal(ROUNDS))
    key = size * growth[:, None] * np.exp(0.02 * random.standard_normal((ROUNDS, regions)).cumsum(axis=0))
    noise = np.interp(np.log(size), [0.0, 3.0], setting.noise[::-1])
    amount, unpaid, here = np.empty_like(key), np.zeros(regions), np.ones(regions, dtype=bool)
    for t in range(ROUNDS):
        target = key[t] + setting.arrears * claimable(unpaid, key[t], here)
        one = target * (1 + noise * random.standard_normal(regions))
        one *= key[t].sum() / one.sum()
        if setting.short and t >= STARTS:
            short = regions // 2
            one[short] *= 1 - setting.short
            others = here.copy()
            others[short] = False
            one[others] *= (key[t].sum() - one[short]) / one[others].sum()
        if setting.lot:
            one = in_lots(one, setting.lot * size.mean())
        amount[t] = one
        unpaid += key[t] - one
    names = tuple(f"r{i:02}" for i in range(regions))
    labels = tuple(str(2001 + t) for t in range(ROUNDS))
    groups = {"province": tuple("ABC"[i % 3] for i in range(regions))}
    lot = setting.lot * float(size.mean())
    return Course(labels, names, names, groups, "fund", "", key, amount, amount * 0, setting.arrears, lot=lot)


def in_lots(amounts: np.ndarray, lot: float) -> np.ndarray:
    """Whole lots by largest remainder."""
    lots = np.floor(amounts / lot)
    rest = amounts / lot - lots
    lots[np.argsort(-rest, kind="stable")[: round(rest.sum())]] += 1
    return lots * lot


def upto(course: Course, rounds: int) -> Course:
    """The course as it was after so many rounds."""
    cut = {name: getattr(course, name)[:rounds] for name in ("rounds", "entitlement", "amount", "adjustment")}
    return replace(course, **cut)


def first_flags(course: Course, section: MonitorSection) -> dict[tuple[str, str, bool], int]:
    """After how many rounds a subject was first flagged, by code, subject and whether it was to its disadvantage."""
    found: dict[tuple[str, str, bool], int] = {}
    for rounds in range(2, len(course.rounds) + 1):
        for flag in alerts(Figures(upto(course, rounds), section)):
            found.setdefault((flag.code, flag.subject, flag.severity != "info"), rounds)
    return found


def false_alarms(setting: Setting, regions: int, funds: int, section: MonitorSection) -> tuple[dict[str, float], float]:
    """The share of regions ever flagged by code in balanced funds, and of groups flagged to drift."""
    count: Counter[str] = Counter()
    groups = 0
    for seed in range(funds):
        flagged = {(code, subject) for code, subject, _ in first_flags(history(setting, regions, seed), section)}
        count.update(code for code, subject in flagged if subject.startswith("r"))
        groups += sum(code == "drift" and subject in "ABC" for code, subject in flagged)
    return {code: count[code] / (funds * regions) for code in CODES}, groups / (3 * funds)


def delays(setting: Setting, regions: int, funds: int, section: MonitorSection) -> np.ndarray:
    """The rounds until the planted drift is flagged, and until anything is; infinite where it is not. Funds x 2."""
    found = []
    for seed in range(funds):
        flagged = first_flags(history(setting, regions, seed), section)
        short = f"r{regions // 2:02}"
        after = [flagged.get((code, short, True), np.inf) - STARTS for code in CODES]
        found.append((after[CODES.index("drift")], min((a for a in after if a > 0), default=np.inf)))
    return np.array(found)


def main() -> None:
    """Measures and prints; with --write puts the tables between the marks of a page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--funds", type=int, default=40)
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    section = MonitorSection()
    lines = [
        f"| balanced | regions | histories | {' | '.join(CODES)} | drift of groups |",
        f"|---|---:|---:|{'---:|' * len(CODES)}---:|",
    ]
    for setting in BALANCED:
        for regions, times in ((3, 8), (5, 8), (12, 4), (40, 1)):
            funds = wanted.funds * times
            shares, groups = false_alarms(setting, regions, funds, section)
            cells = " | ".join(f"{100 * shares[code]:.2f} %" for code in CODES)
            lines.append(f"| {setting.name} | {regions} | {funds * regions:,} | {cells} | {100 * groups:.2f} % |")
            print(lines[-1], file=sys.stderr)
    lines += [
        "",
        "| planted | regions | funds | median | 90 % within | within 5 | never | any flag: median | 90 % within |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for setting in PLANTED:
        for regions in (3, 5, 12, 40):
            found = delays(setting, regions, 2 * wanted.funds, section)
            middle, most = np.quantile(found, [0.5, 0.9], axis=0, method="inverted_cdf")
            drift = found[:, 0]
            soon, never = 100 * (drift <= 5).mean(), 100 * np.isinf(drift).mean()
            cells = f"{middle[0]:g} | {most[0]:g} | {soon:.0f} % | {never:.0f} % | {middle[1]:g} | {most[1]:g}"
            lines.append(f"| {setting.name} | {regions} | {len(found)} | {cells} |")
            print(lines[-1], file=sys.stderr)
    publish(lines, MARK, wanted.write)


if __name__ == "__main__":
    main()
