"""Indices: several indicators brought to [0, 1] and put together, 1 = most developed.

Normalisations of an indicator x over all regions of the round (u; turned round where a higher value
is worse):

    minmax      (x - min) / (max - min)
    zscore      clip(0.5 + z / 6, 0, 1), z = (x - mean) / standard deviation
    rank        (n - rank) / (n - 1), rank 1 = best, equals share the better place
    share       x / sum(x)
    distance    x / max(x); where a higher value is worse min(x) / x
    goalposts   clip((x - low) / (high - low), 0, 1)

Weights: given; equal; entropy (Shannon; Hwang and Yoon 1981): 1 - H(p) / ln n with p = u / sum(u);
critic (Diakoulaki, Mavrotas and Papayannakis 1995): standard deviation times sum of (1 - correlation).
A constant indicator gets weight 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from fundalloc.errors import Faults
from fundalloc.expressions import Expression, FloatArray
from fundalloc.flags import Flag
from fundalloc.language import say
from fundalloc.scope import Scope

Normalisation = Literal["minmax", "zscore", "rank", "share", "distance", "goalposts"]


class Indicator(BaseModel):
    """One part of an index."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, description="What the indicator is called.")
    measure: str | FiniteFloat = Field(description="Expression with one value per region.")
    weight: Annotated[FiniteFloat, Field(ge=0)] = Field(1.0, description="Its weight among the others.")
    higher_is: Literal["better", "worse"] = Field("better", description="Whether a higher value is better.")
    goalposts: tuple[FiniteFloat, FiniteFloat] | None = Field(None, description="Values that count as 0 and as 1.")


class Goalposts(BaseModel):
    """normalise = { goalposts = [low, high] }: the same goalposts for every indicator."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    goalposts: tuple[FiniteFloat, FiniteFloat]


class Index(BaseModel):
    """A weighted aggregate of normalised indicators, in [0, 1]; 1 = most developed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    normalise: Normalisation | Goalposts = Field("minmax", description="How indicators are brought to [0, 1].")
    aggregate: Literal["arithmetic", "geometric"] = Field("arithmetic", description="How they are put together.")
    weights: Literal["given", "equal", "entropy", "critic"] = Field("given", description="Where weights come from.")
    indicators: tuple[Indicator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _weights_and_goalposts(self) -> Self:
        if self.weights == "given" and not any(i.weight for i in self.indicators):
            raise ValueError(say("the weights are all 0; give at least one indicator a weight"))
        for indicator in self.indicators:
            ends = self._goalposts(indicator)
            if self.normalise == "goalposts" and ends is None:
                raise ValueError(
                    say(
                        'indicator "{code_name}" has no goalposts; write goalposts = [low, high]',
                        code_name=indicator.name,
                    )
                )
            if ends is not None and not ends[0] < ends[1]:
                raise ValueError(say('the goalposts of "{code_name}" must rise: [low, high]', code_name=indicator.name))
        return self

    def _goalposts(self, indicator: Indicator) -> tuple[float, float] | None:
        if indicator.goalposts is not None:
            return indicator.goalposts
        return self.normalise.goalposts if isinstance(self.normalise, Goalposts) else None

    @property
    def method(self) -> str:
        """The normalisation by name."""
        return "goalposts" if isinstance(self.normalise, Goalposts) else self.normalise

    def expressions(self, key: str) -> Sequence[Expression]:
        """The measures of the indicators."""
        return [Expression(i.measure, f"{key}.indicators.{i.name}.measure") for i in self.indicators]

    def result(self, scope: Scope, key: str) -> tuple[FloatArray, list[Flag]]:
        """The values of the index for all regions, and its flags."""
        computed = self.compute(scope, key)
        return computed.values, computed.flags

    def compute(self, scope: Scope, key: str = "") -> IndexResult:
        """Values, weights and normalised indicators over the regions of a scope.

        Raises InputError where an indicator has no finite value, or one below 0 under share or distance.
        """
        faults, flags = Faults(), list[Flag]()
        columns, constant = [], []
        for indicator, expression in zip(self.indicators, self.expressions(key), strict=True):
            x = scope.finite(expression, faults)
            if faults.found:
                continue
            x = np.where(scope.part, x, np.nan)
            if self.method in ("share", "distance") and np.nanmin(x) < 0:
                faults.add(
                    say("is below 0 for some region, which {code_method} cannot normalise.", code_method=self.method),
                    say("Use minmax, or change the measure."),
                    key=expression.key,
                    value=expression.text,
                )
                continue
            spread = np.nanmax(x) - np.nanmin(x)
            constant.append(bool(spread <= 1e-12 * max(abs(np.nanmax(x)), abs(np.nanmin(x)))))
            columns.append(_normalised(x, self.method, indicator.higher_is == "better", self._goalposts(indicator)))
            if constant[-1] and len(scope.regions.ids) > 1:
                flags.append(
                    Flag(
                        "warning",
                        "constant",
                        key,
                        say(
                            "Indicator {indicator} of {code} is the same for every region: it gets weight 0.",
                            indicator=indicator.name,
                            code=key,
                        ),
                    )
                )
        faults.check()
        u = np.column_stack(columns)
        alive = ~np.array(constant)
        if not alive.any():
            return IndexResult(np.full(len(u), 0.5), np.zeros(len(constant)), u, flags)
        weights = np.where(alive, self._weigh(u[scope.part]), 0.0)
        if weights.sum() <= 0:
            weights = alive.astype(float)
        weights = weights / weights.sum()
        with np.errstate(divide="ignore"):
            values = u @ weights if self.aggregate == "arithmetic" else np.prod(u**weights, axis=1)
        return IndexResult(np.clip(values, 0.0, 1.0), weights, u, flags)

    def _weigh(self, u: FloatArray) -> FloatArray:
        if self.weights == "given":
            return np.array([i.weight for i in self.indicators])
        if self.weights == "equal":
            return np.ones(len(self.indicators))
        return entropy_weights(u) if self.weights == "entropy" else critic_weights(u)


@dataclass(frozen=True, eq=False)
class IndexResult:
    """An index: values per region, weights per indicator (adding up to 1), normalised indicators, flags."""

    values: FloatArray
    weights: FloatArray
    normalised: FloatArray
    flags: list[Flag]


def _normalised(x: FloatArray, method: str, better: bool, goalposts: tuple[float, float] | None) -> FloatArray:
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    count = int((~np.isnan(x)).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        match method:
            case "goalposts":
                assert goalposts is not None
                u = np.clip((x - goalposts[0]) / (goalposts[1] - goalposts[0]), 0.0, 1.0)
            case "share":
                u = x / np.nansum(x)
            case "distance":
                if not better:
                    return np.where(x > 0, low / x, 1.0)
                u = x / high
            case _ if high == low:
                return np.where(np.isnan(x), np.nan, 0.5)
            case "minmax":
                u = (x - low) / (high - low)
            case "zscore":
                u = np.clip(0.5 + (x - np.nanmean(x)) / np.nanstd(x) / 6, 0.0, 1.0)
            case _:
                y = x if better else -x
                ordered = np.sort(-y[~np.isnan(y)])
                ranks = np.searchsorted(ordered, -y, side="left") + 1.0
                return np.where(np.isnan(x), np.nan, (count - ranks) / max(count - 1, 1))
    u = np.where(np.isnan(x), np.nan, np.nan_to_num(u, nan=0.5))
    return u if better else 1.0 - u


def entropy_weights(u: FloatArray) -> FloatArray:
    """Weights by how unequally an indicator is spread: 1 - H / ln n, with 0 ln 0 = 0."""
    total = u.sum(axis=0)
    p = np.divide(u, total, out=np.zeros_like(u), where=total > 0)
    h = -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=0) / np.log(len(u))
    return np.where(total > 0, np.maximum(1.0 - h, 0.0), 0.0)


def critic_weights(u: FloatArray) -> FloatArray:
    """Weights by spread and independence: standard deviation times the sum of 1 - correlation."""
    deviation = u.std(axis=0)
    z = np.divide(u - u.mean(axis=0), deviation, out=np.zeros_like(u), where=deviation > 0)
    correlation = z.T @ z / len(u)
    np.fill_diagonal(correlation, 1.0)
    alive = deviation > 0
    return np.where(alive, deviation * ((1.0 - correlation) * alive).sum(axis=1), 0.0)
