"""The overview: a whole batch as one page, in the style of the page of a round."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from fundalloc.report.page.rendering import environment, finished, style


def overview(counts: Mapping[str, int], jobs: Sequence[Any], stated: Mapping[str, Any], versions: Any) -> bytes:
    """The page of a batch: HTML with its style inside, no script, nothing to be loaded; it links to the folders.

    counts: how many jobs ended how. jobs: the results. stated: what was asked for. versions: of the packages.
    """
    look = f"\n{style()}"
    code = base64.b64encode(hashlib.sha256(look.encode()).digest()).decode()
    page = (
        environment()
        .get_template("overview.html.j2")
        .render(
            counts=counts,
            failed=[one for one in jobs if one.status == "failed"],
            gone=[one for one in jobs if one.status == "gone"],
            decided=[one for one in jobs if one.status == "decided"],
            links={one.folder: f"./{quote(one.folder)}/{_first(one)}" for one in jobs if one.output != "none"},
            stated=stated,
            made=", ".join(f"{name} {number}" for name, number in versions.items()),
            style=Markup(look),
            policy=f"sha256-{code}",
        )
    )
    return finished(page)


def _first(job: Any) -> str:
    """What is opened first in the folder of a job."""
    return next((name for name in ("report.html", "allocation.csv") if name in job.files), "")
