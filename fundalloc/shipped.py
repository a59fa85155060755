"""The models and data that come with fundalloc: in a wheel inside the package, in a checkout beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fundalloc.errors import Fault, InputError, did_you_mean
from fundalloc.language import say


@dataclass(frozen=True)
class Model:
    """A shipped policy: its name, its file, the first comment lines that describe it."""

    name: str
    file: Path
    about: str
    expected: Path | None


def shipped(kind: str) -> Path:
    """The folder of the shipped models or data."""
    package = Path(__file__).parent
    inside = package / "shipped" / kind
    return inside if inside.is_dir() else package.parent / kind


def models() -> list[Model]:
    """All shipped models, by name."""
    return [_model(file) for file in sorted(shipped("models").glob("*.toml"))]


def _model(file: Path) -> Model:
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    expected = shipped("data") / f"{file.stem}.expected.csv"
    return Model(file.stem, file, " ".join(lines), expected if expected.is_file() else None)


def model(name: str) -> Model:
    """A shipped model by its name."""
    known = {m.name: m for m in models()}
    if name not in known:
        raise InputError(
            [Fault(say("is no shipped model. {code_hint}", code_hint=did_you_mean(name, known)), value=name)]
        )
    return known[name]
