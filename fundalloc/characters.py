"""Characters that no text may have: control characters, which terminals obey, and halves of others."""

from __future__ import annotations

import re

from fundalloc.language import say

#: new lines and tabs are left out: a cell may have several lines
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def unfit(text: str) -> tuple[str, str] | None:
    """What is wrong with a text that holds such a character, and what to do; None where it holds none."""
    found = UNFIT.search(text)
    if found is None:
        return None
    code = ord(found[0])
    remedy = say("Delete it.")
    if 0x80 <= code < 0xA0:
        remedy = say(
            "The file may be in another encoding than was named, for example --encoding cp1252; else delete it."
        )
    return say(
        "holds half a character (U+{code:04X}, character {place})."
        if code >= 0xD800
        else "holds a control character (U+{code:04X}, character {place}).",
        code=code,
        place=found.start() + 1,
    ), remedy
