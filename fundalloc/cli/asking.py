"""The language that a command line asks for, known before the command line is read."""

from __future__ import annotations

import os
from collections.abc import Sequence

from fundalloc.language import LANGUAGES, Language

OPTION, VARIABLE = "--lang", "FUNDALLOC_LANG"


def asked(arguments: Sequence[str]) -> Language | None:
    """The language of the last option that names one, else of the variable; None where neither does.

    It is the same wherever the option stands, also in a command line with faults, so that these are told in it.
    """
    stated = [os.environ.get(VARIABLE, "")]
    for k, argument in enumerate(arguments):
        name, is_whole, value = argument.partition("=")
        if name == OPTION:
            stated += [value] if is_whole else arguments[k + 1 : k + 2]
        elif argument == "--":  # what follows are no options
            break
    return next((language for one in reversed(stated) for language in LANGUAGES if language == one), None)
