"""Told: sentences for templates, in which only their own marks count, never those of the values in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from fundalloc.language import VERBATIM, called, say


def telling(clean: Callable[[str], str], escape: bool = True) -> Callable[..., Markup]:
    """`say` for the templates of one kind of file. clean: what every text put into it goes through.

    escape: whether texts are for HTML; else they are put as they are cleaned.
    """

    def told(sentence: str, /, **values: Any) -> Markup:
        ready = {}
        for name, value in values.items():
            if type(value) is str:
                value = clean(value if name.startswith(VERBATIM) else called(value))
            ready[name] = value if escape else Markup(value) if isinstance(value, str) else value
        return Markup(say(sentence)).format(**ready) if ready else Markup(say(sentence))

    return told
