"""The ledger: the append-only record of rounds, each entry chained to the one before it by its hash."""

from __future__ import annotations

from fundalloc.ledger.entries import Entry, Standing
from fundalloc.ledger.store import Ledger

__all__ = ["Entry", "Ledger", "Standing"]
