"""The policy file: TOML text to a policy, with settings put over it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fundalloc.errors import Fault, Faults, InputError, did_you_mean
from fundalloc.language import say
from fundalloc.policy.entries import check_entries, parse_json, parse_toml, read_policy_file, toml
from fundalloc.policy.model import Policy
from fundalloc.sources import Source


def policy_path(path: Path) -> Path:
    """The policy file itself, where a folder with a policy.toml is named."""
    return path / "policy.toml" if path.is_dir() else path


def read_policy(path: Path, settings: Iterable[str] = ()) -> Policy:
    """The policy of a file, with settings such as "resources.fund.supply=5e9" put over it."""
    path = policy_path(path)
    return policy_of(read_policy_file(path), str(path), settings)


def policy_of(content: bytes, file: str, settings: Iterable[str] = ()) -> Policy:
    """The policy of the content of a file, with settings put over it."""
    return parse_policy(override(parse_toml(content, file), settings), file)


def policy_again(source: Source, settings: Iterable[str]) -> Policy:
    """The policy of what was read before; settings are put over a file, not over what a caller of the library gave."""
    if source.form == "file":
        return policy_of(source.content, source.file, settings)
    return parse_policy(parse_json(source.content, source.file), source.file)


def override(raw: dict[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Puts KEY=VALUE settings over the entries of a policy; items of a list go by their name."""
    faults = Faults()
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not _path(key.strip()):
            faults.add(
                say("is no setting."), say("Write KEY=VALUE, for example resources.fund.supply=5e9."), value=setting
            )
            continue
        with faults.collect():
            _put(raw, key.strip(), _value(text.strip()))
    faults.check()
    check_entries(raw, "")
    return raw


def _value(text: str) -> Any:
    """What stands behind the sign of a setting: a value of TOML, else a text."""
    try:
        found = toml(f"x = {text}")
    except ValueError:
        return text
    return found["x"] if len(found) == 1 else text


def _put(raw: dict[str, Any], key: str, value: Any) -> None:
    here: Any = raw
    *way, last = _path(key)
    for step in way:
        here = _inside(here, step, key)
    if isinstance(here, list):
        named = _inside(here, last, key)
        here[next(i for i, item in enumerate(here) if item is named)] = value
    elif isinstance(here, dict):
        here[last] = value
    else:
        raise InputError(
            [Fault(say("there is nothing to set in {code_list}.", code_list=".".join(way)), key=f"--set {key}")]
        )


def _path(key: str) -> list[str]:
    """The steps of a dotted key; a step with dots in it stands in quotes."""
    return [a or b for a, b in re.findall(r'"([^"]*)"|([^."]+)', key)]


def _inside(here: Any, step: str, key: str) -> Any:
    if isinstance(here, dict):
        return here.setdefault(step, {})
    if isinstance(here, list):
        names = [str(item.get("name")) for item in here if isinstance(item, dict)]
        for item in here:
            if isinstance(item, dict) and str(item.get("name")) == step:
                return item
        raise InputError(
            [
                Fault(
                    say("has no item of that name. {code_hint}", code_hint=did_you_mean(step, names)),
                    say("A name with a dot in it stands in quotes."),
                    key=f"--set {key}",
                    value=step,
                )
            ]
        )
    raise InputError([Fault(say("leads to a value, not to a table."), key=f"--set {key}", value=step)])


def parse_policy(raw: Mapping[str, Any], file: str = "policy") -> Policy:
    """The policy of the entries of a file; all faults at once."""
    return Policy.model_validate(raw, context={"file": file})
