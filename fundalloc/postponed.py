"""Postponed: large modules that others import on the way, and that are loaded only if somebody uses them.

Pyomo imports scipy.stats, scipy.integrate and scipy.spatial as soon as scipy is there: half a second of
every command, for distributions that a fund has no need of; scipy.sparse every part of numpy.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _Stand(ModuleType):
    """Stands in for a module; the first thing asked of it loads the module itself."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def postponed(*names: str) -> Iterator[None]:
    """Inside the block, imports of these modules load nothing until something of them is used."""
    stands = {name: _Stand(name) for name in names if name not in sys.modules}
    sys.modules.update(stands)
    parts = [(importlib.import_module(above), name, stand) for above, name, stand in _parts(stands)]
    for package, name, stand in parts:
        setattr(package, name, stand)
    try:
        yield
    finally:
        for name, stand in stands.items():
            if sys.modules.get(name) is stand:
                del sys.modules[name]
        for package, name, stand in parts:
            if getattr(package, name) is stand:
                delattr(package, name)


def _parts(stands: Mapping[str, _Stand]) -> Iterator[tuple[str, str, _Stand]]:
    """The stands of modules that are part of a package, with its name and theirs in it."""
    for full, stand in stands.items():
        above, _, name = full.rpartition(".")
        if above:
            yield above, name, stand
