"""Batching: many funds in one go, a folder each, with one summary; a bad one never stops the rest."""

from fundalloc.batching.run import Batch, batch

__all__ = ["Batch", "batch"]
