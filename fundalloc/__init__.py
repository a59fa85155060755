"""fundalloc: the fair, explained and auditable division of shared funds among regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fundalloc.allocation import Allocation
    from fundalloc.amending import amend
    from fundalloc.amounts import audit
    from fundalloc.batching import batch
    from fundalloc.change import changes
    from fundalloc.comparison import Comparison, compare
    from fundalloc.deviations import Deviations, deviate
    from fundalloc.errors import (
        ConflictError,
        DifferenceError,
        Fault,
        FundallocError,
        InputError,
        LedgerError,
        SolverError,
    )
    from fundalloc.findings import Finding
    from fundalloc.flags import Flag
    from fundalloc.fund import Fund
    from fundalloc.ledger import Ledger
    from fundalloc.loading import load
    from fundalloc.monitoring import monitor
    from fundalloc.planned import Plan
    from fundalloc.policy import Policy
    from fundalloc.projection import plan
    from fundalloc.recording import record
    from fundalloc.sensitivity import Sensitivity, shake

_HOME = {
    "Allocation": "allocation",
    "Comparison": "comparison",
    "ConflictError": "errors",
    "Deviations": "deviations",
    "DifferenceError": "errors",
    "Fault": "errors",
    "Finding": "findings",
    "Flag": "flags",
    "Fund": "fund",
    "FundallocError": "errors",
    "InputError": "errors",
    "Ledger": "ledger",
    "LedgerError": "errors",
    "Plan": "planned",
    "Policy": "policy",
    "Sensitivity": "sensitivity",
    "SolverError": "errors",
    "amend": "amending",
    "audit": "amounts",
    "batch": "batching",
    "changes": "change",
    "compare": "comparison",
    "deviate": "deviations",
    "load": "loading",
    "monitor": "monitoring",
    "plan": "projection",
    "record": "recording",
    "shake": "sensitivity",
}

__all__ = [
    "Allocation",
    "Comparison",
    "ConflictError",
    "Deviations",
    "DifferenceError",
    "Fault",
    "Finding",
    "Flag",
    "Fund",
    "FundallocError",
    "InputError",
    "Ledger",
    "LedgerError",
    "Plan",
    "Policy",
    "Sensitivity",
    "SolverError",
    "amend",
    "audit",
    "batch",
    "changes",
    "compare",
    "deviate",
    "load",
    "monitor",
    "plan",
    "record",
    "shake",
]


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first used, so that `--help` needs neither pandas nor pyomo."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
