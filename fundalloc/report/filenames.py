"""File names that are safe on every system, one for each region, whatever its id looks like."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable

#: names that Windows keeps for devices, with any ending
DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"} | {f"{d}{n}" for d in ("com", "lpt") for n in "0123456789¹²³"}
)
#: bytes of a name without its ending; digits of the SHA-256 that tell like names apart
LONGEST, DIGITS = 100, 16
#: stands before those digits, and in no name without them
APART = "~"


def file_names(ids: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A name without ending for each id: the id where that is safe, else what is like it and part of its SHA-256.

    Names differ also where a system does not tell capitals or accents apart; they do not depend on the order of the
    ids. taken: names that are in use.
    """
    plain = {one: _plain(one) for one in ids}
    times = Counter(_folded(name) for name in [*plain.values(), *taken])
    return {
        one: name if name == one and times[_folded(name)] == 1 and _safe(name) else _apart(name, one)
        for one, name in plain.items()
    }


def _plain(text: str) -> str:
    """Letters, digits, and - _ . of a text, cut to the longest name."""
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in unicodedata.normalize("NFC", text))
    return kept.encode()[:LONGEST].decode(errors="ignore").strip(".-") or "region"


def _folded(name: str) -> str:
    """What is left of a name where capitals, widths and accents written in two ways count as the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _safe(name: str) -> bool:
    return name.partition(".")[0].casefold() not in DEVICES


def _apart(name: str, text: str) -> str:
    digits = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:DIGITS]
    return f"{name.replace('.', '-')}{APART}{digits}"
