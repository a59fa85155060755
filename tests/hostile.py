"""A fund whose names are the worst that data can hold."""

from __future__ import annotations

import numpy as np

from fundalloc import Fund
from fundalloc.policy import parse_policy
from tests.funds import policy, regions

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://example.org","x")',
    "[/red] **bold** _it_ `code`",
    "abc\u202edef",
    "x" * 300,
    "two\nlines | and a bar",
    "CON",
    "../x",
    "http://example.org",
    "+1",
    "@SUM(A1)",
    "# no heading",
    "- no item",
    "1. no item",
)


def hostile() -> Fund:
    """A fund whose regions, group, resource, rule, criterion, unit and title have the worst of names."""
    n = len(HOSTILE)
    frame = regions(np.random.default_rng(7), n)
    frame["id"], frame["name"], frame["state"] = HOSTILE, HOSTILE[::-1], HOSTILE
    what = {"unit": '"=A1', "criteria": [{"name": HOSTILE[0], "weight": 1, "measure": "need", "why": HOSTILE[2]}]}
    rules = [{"kind": "limit", "name": HOSTILE[2], "of": "head", "floor": 1, "why": HOSTILE[1]}]
    rules.append({"kind": "limit", "name": HOSTILE[0], "of": "share", "floor": 0.2, "mode": "watch"})
    told = policy(rules, fund=what)
    told["fund"]["title"], told["fund"]["reference"] = HOSTILE[2], HOSTILE[1]
    return Fund(parse_policy(told), frame)
