"""Growth: rates for indicators and supplies, and what they make of numbers in later rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fundalloc.entitlements import Supply
from fundalloc.errors import Fault, Faults, InputError, did_you_mean
from fundalloc.goals import Goal
from fundalloc.language import called, say
from fundalloc.roster import Roster
from fundalloc.rounds import Calendar, in_order

#: a rate above this was meant in per cent
MOST = 1
#: rounds that lie further apart are not named by years
MOST_YEARS = 1000
Rate = Annotated[Decimal, Field(gt=-1, le=MOST, allow_inf_nan=False)]


class PlanSection(BaseModel):
    """What a projection assumes of later rounds, and the goals it is held against."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    growth: dict[str, Rate] = Field(
        default_factory=dict, description="Growth a year by column, 0.05 for 5 %; others stay as they are."
    )
    supply: dict[str, Rate] = Field(
        default_factory=dict, description="Growth a year of the supply of a resource, where no later entry is stated."
    )
    goals: tuple[Goal, ...] = Field((), description="What is to be reached, and by when.")

    def words(self) -> Iterator[str]:
        """The section in plain words, a line each."""
        yield say("Plan. {assumption}", assumption=assumption(self.growth, self.supply))
        yield from (say("  goal {name}: {sentence}", name=goal.name, sentence=goal.sentence) for goal in self.goals)


def assumption(growth: Mapping[str, Decimal], supply: Mapping[str, Decimal], indicators: str = "") -> str:
    """What is assumed of later rounds, in a sentence. indicators: the file whose figures come first."""
    parts = [f"{called(name)} {_percent(rate)}" for name, rate in growth.items()]
    parts += [say("supply of {resource} {rate}", resource=name, rate=_percent(rate)) for name, rate in supply.items()]
    given = say(", but for what {code} says", code=indicators) if indicators else ""
    if not parts:
        return say("Assumed: all numbers stay as last stated{given}.", given=given)
    return say(
        "Assumed a year: {rates}; all else stays as last stated{given}.", rates=say(", ").join(parts), given=given
    )


def _percent(rate: Decimal) -> str:
    return f"{(100 * rate).normalize():+f} %"


def pairs(texts: Sequence[str], option: str, faults: Faults) -> dict[str, str]:
    """The names and numbers of NAME=RATE texts of a command line."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        place = {"file": "", "key": option, "value": text}
        if not equals or not name.strip() or not number.strip():
            faults.add(say("is no rate."), say("Write NAME=RATE, for example gdp=0.05 for 5 % a year."), **place)
        elif name.strip() in found:
            faults.add(say("is stated twice."), say("Leave one of them out."), **place)
        else:
            found[name.strip()] = number.strip()
    return found


def checked(rates: Mapping[str, Decimal | float | str], option: str, faults: Faults) -> dict[str, Decimal]:
    """Rates as decimals; a fault for each that is none from -1 (not included) to 10."""
    found: dict[str, Decimal] = {}
    for name, stated in rates.items():
        try:
            rate = Decimal(str(stated))
        except InvalidOperation:
            rate = Decimal("NaN")
        if rate.is_finite() and -1 < rate <= MOST:
            found[name] = rate
        else:
            remedy = say(
                "Write a number above -1 and at most {code_most}: 0.05 for 5 % more a year, -0.02 for 2 % less.",
                code_most=MOST,
            )
            faults.add(say("is no rate of growth."), remedy, key=f"{option} {name}", value=str(stated), file="")
    return found


def column_rates(
    roster: Roster, policy: Mapping[str, Decimal], options: Mapping[str, Decimal], faults: Faults
) -> dict[str, Decimal]:
    """The rate of each column of the regions file, by its title; options come before the policy."""
    found: dict[str, Decimal] = {}
    for place, rates in (("plan.growth.", policy), ("--growth ", options)):
        mine: dict[str, Decimal] = {}
        for name, rate in rates.items():
            title = roster.title(name)
            if name not in roster.numbers:
                faults.add(
                    say("is no column of numbers. {code_hint}", code_hint=did_you_mean(name, roster.numbers)),
                    key=f"{place}{name}",
                    file=roster.table.file,
                )
            elif title in mine:
                faults.add(
                    say("names the column {code_title} a second time.", code_title=title),
                    say("Leave one out."),
                    key=f"{place}{name}",
                    file="",
                )
            mine[title] = rate
        found |= mine
    return found


def supply_rates(
    supplies: Mapping[str, Supply], policy: Mapping[str, Decimal], options: Mapping[str, Decimal], faults: Faults
) -> dict[str, Decimal]:
    """The rate of each supply; options come before the policy."""
    for place, rates in (("plan.supply.", policy), ("--supply ", options)):
        for name in rates:
            if name not in supplies:
                faults.add(
                    say("is no resource. {code_hint}", code_hint=did_you_mean(name, supplies)),
                    key=f"{place}{name}",
                    file="",
                )
            elif isinstance(_last(supplies[name])[1], str):
                faults.add(
                    say(
                        "the supply is no number that could grow: it follows the columns it is computed from, or "
                        "is open."
                    ),
                    say("Leave the rate out, or write one for its columns under growth."),
                    key=f"{place}{name}",
                    file="",
                )
    return {name: rate for name, rate in {**policy, **options}.items() if name in supplies}


def _last(supply: Supply) -> tuple[str | None, Decimal | str]:
    """The latest entry of a supply, and its round where it has one."""
    if not isinstance(supply, dict):
        return None, supply
    label = in_order(supply)[-1]
    return label, supply[label]


def supply_in(round_: str, supply: Supply, rate: Decimal, unit: Decimal, calendar: Calendar, stated_for: str) -> Supply:
    """A supply in a later round: as stated where an entry for that round or a later one is, else grown.

    number * (1 + rate)^years, the years since the entry (a plain number: since the round it is `stated_for`), exact,
    rounded to the printed unit.
    """
    label, number = _last(supply)
    label = stated_for if label is None else label
    if isinstance(number, str) or calendar.rounds.index(label) >= calendar.rounds.index(round_):
        return supply
    years = _told(calendar.years(label, round_), label, round_)
    return round(Fraction(number) * (1 + Fraction(rate)) ** years / Fraction(unit)) * unit


def grown(values: Sequence[float], rate: Decimal, years: int) -> list[float]:
    """Numbers after so many years: value * (1 + rate)^years, computed in decimals, rounded once."""
    factor = (1 + rate) ** _told(years)
    return [float(Decimal(repr(v)) * factor) for v in values]


def _told(years: int, one: str = "", other: str = "") -> int:
    """The years, if they can be meant: labels such as 20240101 are no years."""
    if years <= MOST_YEARS:
        return years
    text = say(
        "{code_one} and {code_other} lie {code_years:,} years apart, so growth a year has no meaning."
        if one
        else "two rounds lie {code_years:,} years apart, so growth a year has no meaning.",
        code_one=one,
        code_other=other,
        code_years=years,
    )
    raise InputError([Fault(text, say("Name rounds by their years, or by texts such as 2024a; or leave growth out."))])
