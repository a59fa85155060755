"""Policies: the model of the file, its reading, its checks, and the question that it poses."""

from __future__ import annotations

from fundalloc.policy.amending import amended_policy
from fundalloc.policy.checks import check_policy, expressions, needs_history
from fundalloc.policy.file import override, parse_policy, parse_toml, policy_path, read_policy, read_toml
from fundalloc.policy.model import FundSection, Policy
from fundalloc.policy.question import definitions, further_faults, pose
from fundalloc.policy.translating import check_translations

__all__ = [
    "FundSection",
    "Policy",
    "amended_policy",
    "check_policy",
    "check_translations",
    "definitions",
    "expressions",
    "further_faults",
    "needs_history",
    "override",
    "parse_policy",
    "parse_toml",
    "policy_path",
    "pose",
    "read_policy",
    "read_toml",
]
