"""The page in Chromium: nothing is asked for, nothing is complained of, nothing sticks out, and it prints."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fundalloc import Fund, load
from fundalloc.policy import parse_policy
from tests.chromium import CHROMIUM, Browser, browser
from tests.funds import history, policy, regions
from tests.test_report import hostile, made

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium was found")
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: elements that end beyond the window, but for those that scroll by themselves or that nobody sees
STICKING_OUT = """[...document.querySelectorAll('main *, header *, footer *')].filter(e =>
    e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    && !e.closest('.scroll, .formula, .unseen, thead, caption')).map(e => e.outerHTML.slice(0, 200)).join('\\n')"""


def many(folder: Path) -> bytes:
    rng = np.random.default_rng(11)
    frame = regions(rng, 350)
    rules = [{"kind": "limit", "name": "pace", "of": "previous", "floor": 0.9}]
    return made(Fund(parse_policy(policy(rules)), frame, history(frame, rng)), folder)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Pages by name: the demo, one of hostile names, one of many regions."""
    out = tmp_path_factory.mktemp("pages")
    load("models/yrd.toml").allocate().write(out / "yrd", ["html"])
    made(hostile(), out / "hostile")
    many(out / "many")
    return {name: out / name / "report.html" for name in ("yrd", "hostile", "many")}


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as one:
        yield one


@pytest.mark.parametrize("name", ["yrd", "hostile", "many"])
@pytest.mark.parametrize("width", [390, 1400])
def test_no_error_no_request_and_nothing_sticks_out(window, pages, name, width):
    for dark in (False, True):
        window.open(pages[name], width, dark=dark)
        assert window.value(WIDER) == 0
        assert window.value(STICKING_OUT) == ""
        assert window.value("document.scripts.length") == 0
        assert window.value("window.innerWidth") == width
        assert window.value("getComputedStyle(document.body).backgroundColor") == (
            "rgb(16, 22, 29)" if dark else "rgb(255, 255, 255)"
        )
        assert window.errors == []
        assert window.requests == [pages[name].absolute().as_uri()]


def test_what_sticks_out_is_seen(window, pages):
    window.open(pages["yrd"], 1000)
    window.value("document.querySelector('h1').style.minWidth = '2000px'")
    assert window.value(WIDER) > 0 and window.value(STICKING_OUT).startswith("<h1")


def test_the_policy_of_the_page_stops_what_would_be_put_into_it(window, pages):
    window.open(pages["yrd"], 1000)
    for text in ("img.src = 'http://127.0.0.1:9/x.png'", "script.textContent = 'window.hit = 1'"):
        tag = text.split(".")[0]
        window.value(f"const {tag} = document.createElement('{tag}'); {text}; document.body.append({tag})")
    assert window.value("window.hit") is None
    assert len(window.errors) == 2 and all("Content Security Policy" in error for error in window.errors)


def test_it_prints(window, pages):
    window.open(pages["yrd"], 1000, dark=True)
    window.call("Emulation.setEmulatedMedia", media="", features=[])
    printed = window.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
    content = base64.b64decode(printed)
    assert content.startswith(b"%PDF")
    boxes = re.findall(rb"/MediaBox \[0 0 (\d+)", content)
    assert 45 <= len(boxes) <= 90 and set(boxes) == {b"594", b"841"}


def test_on_paper_everything_is_open_and_on_white(window, pages):
    window.open(pages["yrd"], 1000, dark=True)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    window.call("Emulation.setEmulatedMedia", media="print", features=dark)
    folded = "[...document.querySelectorAll('details li')].filter(e => e.getBoundingClientRect().height == 0).length"
    assert window.value(folded) == 0 and window.value("document.querySelectorAll('details li').length") > 100
    assert window.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert window.value("getComputedStyle(document.querySelector('h1')).color") == "rgb(23, 33, 43)"
