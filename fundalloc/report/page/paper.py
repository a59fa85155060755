"""Paper: the page with its colours written out, for what prints pages but knows no variables."""

from __future__ import annotations

import re

#: what is laid out otherwise where grids do not fit themselves
LAYOUT = """h1 { font-size: 2rem; }
h2 { font-size: 1.6rem; }
.transfers, .rules, .charts { display: block; }
.card { margin: .6rem 0; }
.sides { display: block; }
.moves li { display: flex; gap: .5rem; align-items: center; }
.moves li span { width: 5rem; }
.moves li svg { width: 4rem; }
.moves li b { margin-left: auto; }
.moves bdi { display: inline; }
.charts figure { break-inside: avoid; }
svg.map { width: 62%; }
svg.lorenz { width: 36%; }
.tiles { grid-template-columns: repeat(6, 1fr); }"""
COLOUR = re.compile(r"color-mix\(in srgb, #(\w+) (\d+)%, #(\w+)\)")
SHAPE = re.compile(r'(<(?:rect|circle|path)\b[^>]*?)class="([\w-]+)"')


def on_paper(page: str) -> str:
    """A page as it is given to the press."""
    known = dict(re.findall(r"(--[\w-]+): ([^;]+);", page[: page.index("}")]))
    page = re.sub(r"var\((--[\w-]+)\)", lambda found: known[found[1]], page)
    page = COLOUR.sub(lambda found: _mixed(found[1], int(found[2]), found[3]), page)
    paints = _paints(page[: page.index("</style>")])
    page = SHAPE.sub(lambda found: f'{found[1]}{paints.get(found[2], "")}class="{found[2]}"', page)
    return page.replace("</style>", f"{LAYOUT}\n</style>", 1)


def _paints(style: str) -> dict[str, str]:
    """The attributes that colour the shapes of each class."""
    found: dict[str, str] = {}
    for name, fill in re.findall(r"\.([\w-]+) \{ fill: ([^;]+); \}", style):
        found[name] = f'fill="{fill}" '
    for name, stroke in re.findall(r"path\.([\w-]+) \{[^}]*stroke: ([^;]+);", style):
        found[name] = f'fill="none" stroke="{stroke}" vector-effect="non-scaling-stroke" '
    return found


def _mixed(one: str, part: int, other: str) -> str:
    """So many per cent of one colour in another."""
    a, b = (_channels(text) for text in (one, other))
    return "#" + "".join(f"{round((x * part + y * (100 - part)) / 100):02x}" for x, y in zip(a, b, strict=True))


def _channels(text: str) -> list[int]:
    whole = text if len(text) == 6 else "".join(2 * c for c in text)
    return [int(whole[k : k + 2], 16) for k in (0, 2, 4)]
