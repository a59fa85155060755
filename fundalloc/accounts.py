"""Accounts: the past rounds of a resource, and what people should look at in what they left unpaid."""

from __future__ import annotations

import numpy as np

from fundalloc.arrears import account
from fundalloc.flags import Flag
from fundalloc.history import History
from fundalloc.language import phrase, say
from fundalloc.problem import FloatArray, PastRound
from fundalloc.scope import Scope
from fundalloc.succession import CLOSED


def past_rounds(history: History, resource: str, ids: tuple[str, ...]) -> tuple[PastRound, ...]:
    """The recorded rounds of a resource, the latest first, in the order of the ids."""
    keys, amounts, outside = history.of(resource, ids)
    return tuple(PastRound(r, keys[k], amounts[k], outside[k]) for k, r in reversed(list(enumerate(history.rounds))))


def at_limit(scope: Scope, name: str, due: FloatArray, unpaid: FloatArray, key: FloatArray) -> list[Flag]:
    """Regions whose account is at its limit. due: what is made good; unpaid: what is not paid; key: entitlements."""
    regions = scope.regions
    return [
        Flag(
            "warning",
            "arrears_limit",
            regions.ids[i],
            say(
                "The account of {region} is at its limit of one round's entitlement; what lies beyond it is not made "
                "good.",
                region=regions.names[i],
            ),
            name,
            float(unpaid[i]),
            float(key[i]),
        )
        for i in np.flatnonzero((np.abs(due) >= key * (1 - 1e-12)) & (key > 0))
    ]


def departed(scope: Scope, name: str, history: History) -> list[Flag]:
    """Regions of the last round that are not there any more: their accounts are closed at everybody's cost."""
    here = set(scope.regions.ids)
    last = history.rounds[-1] if history.rounds else ""
    gone = tuple(i for i in sorted(history.records.get(name, {}).get(last, {})) if i not in here)
    unpaid = account(past_rounds(history, name, gone), len(gone)).tolist()
    flags = []
    for region, left in zip(gone, unpaid, strict=True):
        said = region.endswith(CLOSED)
        left_ = phrase(
            "{code} had {resource} in {last} and is not among the regions of {round}: its account of {left:,.2f} is "
            "closed (if others continue it, say so in a mapping file)."
        )
        mapped = phrase(
            "{code} had {resource} in {last} and is not among the regions of {round}: its account of {left:,.2f} is "
            "closed (as the mapping says)."
        )
        flags.append(
            Flag(
                "info" if said else "warning",
                "region_left",
                region.removesuffix(CLOSED),
                say(
                    mapped if said else left_,
                    code=region.removesuffix(CLOSED),
                    resource=name,
                    last=last,
                    round=scope.regions.round,
                    left=left,
                ),
                name,
                left,
            )
        )
    return flags
