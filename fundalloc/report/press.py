"""The press: a page that stands alone as PDF. Nothing is fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from fundalloc.errors import Fault, InputError
from fundalloc.language import phrase, say

MISSING = phrase('is not installed, and the format pdf needs it: pip install "fundalloc[pdf]"')


def press() -> Callable[[str], bytes]:
    """What makes a PDF of a page; the fonts are looked for once. Raises InputError where a library is missing."""
    try:
        import weasyprint
        from weasyprint.text.fonts import FontConfiguration
    except ImportError as error:
        raise InputError([Fault(say(MISSING), key="--format", value="weasyprint")]) from error
    except OSError as error:
        raise InputError(
            [
                Fault(
                    say("cannot find a library that it needs ({code_error}).", code_error=error),
                    say("Install Pango."),
                    value="weasyprint",
                )
            ]
        ) from error
    fonts = FontConfiguration()

    def printed(page: str) -> bytes:
        document = weasyprint.HTML(string=page, url_fetcher=_nothing_else)
        identifier = hashlib.sha256(page.encode()).digest()[:16]
        return bytes(document.write_pdf(font_config=fonts, pdf_identifier=identifier))

    return printed


def _nothing_else(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"{url} is not fetched: a page stands alone")
