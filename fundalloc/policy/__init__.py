"""Policies: the model of the file, its reading, its checks, and the question that it poses."""

from __future__ import annotations

from fundalloc.policy.checks import check_policy, expressions, needs_history
from fundalloc.policy.entries import read_policy_file, read_toml
from fundalloc.policy.file import parse_policy, policy_again, policy_of, policy_path, read_policy
from fundalloc.policy.model import FundSection, Policy
from fundalloc.policy.question import definitions, further_faults, pose
from fundalloc.policy.translating import check_translations

__all__ = [
    "FundSection",
    "Policy",
    "check_policy",
    "check_translations",
    "definitions",
    "expressions",
    "further_faults",
    "needs_history",
    "parse_policy",
    "policy_again",
    "policy_of",
    "policy_path",
    "pose",
    "read_policy",
    "read_policy_file",
    "read_toml",
]
