"""Complaints: what the schema says of the entries of a policy, in words a clerk can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fundalloc.errors import Fault, did_you_mean
from fundalloc.language import phrase, say
from fundalloc.reported import reported

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


def complaints(error: ValidationError, model: type[BaseModel], raw: Any, file: str) -> list[Fault]:
    """One fault for each entry that the schema of a model refuses. raw: the entries as they were given."""
    return _one_each([_complaint(e, model, raw, file) for e in error.errors()])


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


def _complaint(error: ErrorDetails, model: type[BaseModel], raw: Any, file: str) -> _Complaint:
    """One complaint of the schema in words."""
    where = list(error["loc"])
    value, kind, limits = error.get("input"), error["type"], error.get("ctx", {})
    shown = None if isinstance(value, dict | list | tuple) or kind == "missing" else str(value)
    place = Fault("", file=file, key=_key(where, raw), value=shown)
    match kind:
        case "extra_forbidden":
            hint = did_you_mean(str(where[-1]), _fields(model, where[:-1]))
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


def _key(where: list[int | str], raw: Any) -> str:
    """The place of a complaint as a dotted key; items of a list by their name."""
    steps: list[str] = []
    here: Any = raw
    for step in where:
        if isinstance(here, Mapping):
            if step not in here and steps and step != where[-1]:
                continue  # a branch of a union, not a key of the file
            steps.append(str(step))
            here = here.get(step)
        elif isinstance(here, list | tuple) and isinstance(step, int) and step < len(here):
            here = here[step]
            steps.append(str(here.get("name", step + 1)) if isinstance(here, dict) else str(step + 1))
    return ".".join(steps)


def _fields(model: type[BaseModel], where: list[int | str]) -> list[str]:
    """The keys that a model knows at a place."""
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
