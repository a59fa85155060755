"""Translating: the texts of a policy that people read, and translations of texts that it does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fundalloc.errors import Faults, did_you_mean
from fundalloc.language import say
from fundalloc.policy.model import Policy
from fundalloc.regions import Regions


def check_translations(policy: Policy, regions: Regions, faults: Faults) -> None:
    """Collects a fault for every translation of a text that neither the policy nor a group has."""
    if not policy.translations:
        return
    known = set(_texts(policy.model_dump(by_alias=True, exclude={"translations"})))
    known |= {label for group in regions.groups for label in regions.labels(group)}
    for language, texts in policy.translations.items():
        for text in texts:
            if text not in known:
                faults.add(
                    say(
                        "is no text of this policy and no group of its regions. {code_hint}",
                        code_hint=did_you_mean(text, known),
                    ),
                    say("Write the text as the policy has it."),
                    key=f"translations.{language}",
                    value=text,
                    file="",
                )


def _texts(value: Any) -> Iterator[str]:
    """Every text in the entries of a policy, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, entry in value.items():
            yield str(name)
            yield from _texts(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _texts(entry)
