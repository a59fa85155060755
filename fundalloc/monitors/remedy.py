"""Remedies: the arrears rate that brings an account back, and how long the present one takes."""

from __future__ import annotations

#: after so many rounds an account is said not to close
LONG = 100


def after(account: float, rate: float, rounds: int) -> float:
    """What is left of an account, as a part of one round's entitlement, if amounts keep to their targets.

    Each round makes good the rate times what counts, never more than one round's entitlement: (1 - rate)^m of an
    account below that limit.
    """
    for _ in range(rounds):
        account -= rate * min(account, 1.0)
    return account


def least_rate(account: float, goal: float, rounds: int) -> float | None:
    """The least arrears rate, in hundredths, that brings an account to the goal in so many rounds.

    account, goal: parts of one round's entitlement. None where no rate does.
    """
    rates = (k / 100 for k in range(101))
    return next((rate for rate in rates if after(account, rate, rounds) <= goal), None)


def rounds_to(account: float, rate: float, goal: float) -> int | None:
    """The rounds until an account is at the goal; None where it takes more than a hundred."""
    return next((m for m in range(LONG + 1) if after(account, rate, m) <= goal), None)
