"""Versions of packages, as they are installed."""

from __future__ import annotations

from collections.abc import Iterable


def version(package: str) -> str:
    """The version of a package. What tells it is loaded only now: it brings half of what reads mail with it."""
    from importlib.metadata import version as installed

    return installed(package)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of packages by name."""
    return {name: version(name) for name in packages}
