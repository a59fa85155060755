"""The policy file: TOML text to a policy, with every fault of it in words a clerk can act on."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fundalloc.errors import Fault, Faults, InputError, did_you_mean
from fundalloc.language import phrase, say
from fundalloc.policy.checks import check_policy
from fundalloc.policy.entries import check_entries, parse_json, parse_toml, read_policy_file, toml
from fundalloc.policy.model import Policy
from fundalloc.reported import reported
from fundalloc.sources import Source

TABLE, TABLE_OF_ROUNDS = phrase("a table"), phrase("a table of rounds")
NUMBER, WHOLE, FINITE = phrase("a number"), phrase("a whole number"), phrase("a finite number")
NUMBERS = (NUMBER, WHOLE, FINITE)
LIST = phrase("a list in [brackets]")
#: what an entry should be, by the beginning of the schema's own name for it
WANTED = {
    "float": NUMBER,
    "decimal": NUMBER,
    "int": WHOLE,
    "string": phrase("a text in quotes"),
    "dict": TABLE,
    "model": TABLE,
    "tuple": LIST,
    "list": LIST,
    "finite": FINITE,
    "bool": phrase("true or false"),
}
#: what is said of a bound, and its name in the schema
BOUNDS = {
    "greater_than": (phrase("must be above {bound}."), "gt"),
    "greater_than_equal": (phrase("must be at least {bound}."), "ge"),
    "less_than": (phrase("must be below {bound}."), "lt"),
    "less_than_equal": (phrase("must be at most {bound}."), "le"),
}


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
    try:
        return Policy.model_validate(raw)
    except ValidationError as error:
        faults = Faults(file)
        faults.found += _one_each([_complaint(e, raw, file) for e in error.errors()])
        with faults.collect():
            _check_rest(raw, error, file)
        raise InputError(faults.found) from None


def _check_rest(raw: Mapping[str, Any], error: ValidationError, file: str) -> None:
    """Raises what is wrong with the rest of a policy, without its unknown keys and faulty rules."""
    rest = copy.deepcopy(dict(raw))
    rules = rest.get("rules")
    for e in error.errors():
        first, *way = e["loc"]
        if first == "rules" and isinstance(rules, list) and way and isinstance(way[0], int):
            rules[way[0]] = None
        elif e["type"] == "extra_forbidden":
            _drop(rest, e["loc"])
    if isinstance(rules, list):
        rest["rules"] = [r for r in rules if r is not None]
    with suppress(ValidationError):
        policy = Policy.model_validate(rest)
        check_policy(policy, policy.fund.round, True, file)


def _drop(here: Any, way: Sequence[int | str]) -> None:
    """Takes an entry out."""
    for step in way[:-1]:
        if (isinstance(here, dict) and step in here) or (isinstance(here, list) and isinstance(step, int)):
            here = here[step]  # type: ignore[index]
    if isinstance(here, dict):
        here.pop(way[-1], None)


@dataclass(frozen=True)
class _Complaint:
    """A fault with what a value should be, one of WANTED, or with the texts that are possible, where it says that."""

    fault: Fault
    wants: str = ""
    possible: str = ""


def _one_each(complaints: Sequence[_Complaint]) -> list[Fault]:
    """One fault for each entry: where it could have been several things, all of them are said."""
    found: dict[tuple[str, str | None], list[_Complaint]] = {}
    for one in complaints:
        found.setdefault((one.fault.key, one.fault.value), []).append(one)
    return [fault for same in found.values() for fault in _merged(same)]


def _merged(same: Sequence[_Complaint]) -> list[Fault]:
    wants = [one.wants for one in same if one.wants]
    either = [one for one in same if one.possible]
    if len(same) > 1 and either:
        number = next((w for w in wants if w in NUMBERS), None)
        if number is None:
            return [either[0].fault]
        text = say("is not possible here; it is {code}, or {want}.", code=either[0].possible, want=say(number))
        return [replace(either[0].fault, message=text)]
    if len(wants) == len(same) > 1:
        *first, last = dict.fromkeys(say(TABLE_OF_ROUNDS if w == TABLE else w) for w in wants)
        comma = say("{code}, {code_next}", code="", code_next="")
        text = say("should be {first} or {last}.", first=comma.join(first), last=last)
        return [replace(same[0].fault, message=text)]
    return [one.fault for one in same]


def _complaint(error: ErrorDetails, raw: Mapping[str, Any], file: str) -> _Complaint:
    """One complaint of the schema in words."""
    where = list(error["loc"])
    value, kind, limits = error.get("input"), error["type"], error.get("ctx", {})
    shown = None if isinstance(value, (dict, list)) or kind == "missing" else str(value)
    place = Fault("", file=file, key=_key(where, raw), value=shown)
    match kind:
        case "extra_forbidden":
            hint = did_you_mean(str(where[-1]), _fields(where[:-1]))
            text = say("is not a key of a policy. {code_hint}", code_hint=hint)
            return _Complaint(replace(place, message=text, value=None))
        case "missing":
            return _Complaint(replace(place, message=say("is missing."), remedy=say("Add it.")))
        case "value_error":
            text = str(limits.get("error", error["msg"]))
            return _Complaint(replace(place, message=text if text.endswith((".", "。")) else say("{code}.", code=text)))
        case "literal_error":
            possible = say(" or ").join(limits["expected"].rsplit(" or ", 1))
            text = say("is not possible here; it is {code}.", code=possible)
            return _Complaint(replace(place, message=text), possible=possible)
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            sentence, name = BOUNDS[kind]
            return _Complaint(replace(place, message=say(sentence, bound=limits.get(name))))
        case "too_short":
            text = say("is empty.")
            return _Complaint(replace(place, message=text, remedy=say("Add at least one entry."), value=None))
        case "string_too_short":
            return _Complaint(replace(place, message=say("is empty."), remedy=say("Write a text."), value=None))
    want = next((text for word, text in WANTED.items() if kind.startswith(word)), "")
    if want:
        return _Complaint(replace(place, message=say("should be {want}.", want=say(want))), wants=want)
    words = reported(f"{error['msg'][:1].lower()}{error['msg'][1:]}")
    return _Complaint(replace(place, message=say("{code}.", code=words)))


def _key(where: list[int | str], raw: Mapping[str, Any]) -> str:
    """The place of a complaint as a dotted key; items of a list by their name."""
    steps: list[str] = []
    here: Any = raw
    for step in where:
        if isinstance(here, Mapping):
            if step not in here and steps and step != where[-1]:
                continue  # a branch of a union, not a key of the file
            steps.append(str(step))
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
            steps.append(str(here.get("name", step + 1)) if isinstance(here, dict) else str(step + 1))
    return ".".join(steps)


def _fields(where: list[int | str]) -> list[str]:
    """The keys that the policy format knows at a place."""
    model: type[BaseModel] = Policy
    for step in where:
        field = model.model_fields.get(str(step))
        if field is not None:
            model = _model_in(field.annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    """The model that an annotation such as dict[str, Model] or tuple[Model, ...] is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None
