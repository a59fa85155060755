"""Sound files with parts cut, doubled, swapped and replaced: every reader reads or refuses them, and does nothing else.

benchmarks/fuzz.py does the same for as long as one likes, led by the branches of the code that are reached.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fundalloc import FundallocError
from fundalloc.policy import check_policy, parse_policy, read_policy
from fundalloc.policy.entries import check_entries
from tests.readers import MODELS, READERS, folder, lines, read_folder, reads

#: how often each reader is tried, by how long it takes
TIMES = {"xlsx": 6, "sheet": 12, "certificate": 40, "summary": 40, "ledger": 80, "setting": 80}
#: what stands where something else should
STRANGE = (
    None, True, False, 0, -1, 10**30, 10**400, 1.5, -1e308, float("inf"), float("nan"), "", "x", "1e999", "nan",
    "\ud800", "a\0b", "\u202e", "../x", "9" * 500, [], {}, [[]], [None], {"a": None}, {"": 1},
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """A sound file of a reader with some changes."""
    content = draw(st.sampled_from(READERS[name].seeds()))
    words = [word.encode(errors="surrogatepass") for word in READERS[name].words]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from([0, 1, 2, 5, 20, 200])))
        other = draw(st.integers(0, len(content)))
        put = draw(
            st.one_of(
                st.just(b""),
                st.sampled_from(words) if words else st.just(b"\0"),
                st.binary(max_size=4),
                st.just(content[other : other + 20]),
                st.just(content[start:end] * 3),
            )
        )
        content = content[:start] + put + content[end:]
    return content


@pytest.mark.parametrize("name", READERS)
def test_every_seed_is_sound(name):
    assert any(reads(name, seed) for seed in READERS[name].seeds())


@pytest.mark.parametrize("name", READERS)
def test_changed_files_are_read_or_refused(name):
    @settings(max_examples=TIMES.get(name, 100), deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutated(name))
    def run(content: bytes) -> None:
        reads(name, content)

    run()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("setting", b'"=1'),
        ("setting", b"x = 1e999999999999999999999"),
        ("policy", b"x = 1e999999999999999999999"),
        ("policy", b"x = " + b"1" * 5000),
        ("mapping", b"round,region_id,becomes,share\n2022,a,b,1e999\n"),
        ("csv", b"a,b\x0c\nx\n"),
        ("certificate", b"[]"),
        ("summary", b'{"fundalloc": "x"}'),
    ],
)
def test_what_once_broke_a_reader_is_refused(name, content):
    assert not reads(name, content)


def changed(content: Any, data: st.DataObject) -> Any:
    """JSON content with one part, wherever it is, left out, doubled, or something else."""
    content = copy.deepcopy(content)
    here = content
    while True:
        keys = list(here) if isinstance(here, dict) else range(len(here))
        key = data.draw(st.sampled_from(keys))
        below = here[key]
        if not isinstance(below, dict | list) or not below or data.draw(st.integers(0, 3)) == 0:
            break
        here = below
    match data.draw(st.integers(0, 3)):
        case 0:
            del here[key]
        case 1:
            here[key] = [below, below] if isinstance(here, dict) else copy.deepcopy(here)
        case _:
            here[key] = data.draw(st.sampled_from(STRANGE))
    return content


@pytest.mark.parametrize("name", ["certificate.json", "summary.json"])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_round_with_a_changed_part_is_refused_or_the_same(name, data):
    content = json.loads(folder()[name])
    other = changed(content, data)
    try:
        read_folder(name, json.dumps(other).encode(errors="surrogatepass"))
    except FundallocError as error:
        assert str(error)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_ledger_with_a_changed_part_is_refused_or_the_same(data):
    one, *rest = lines().splitlines()
    other = json.dumps(changed(json.loads(one), data), ensure_ascii=False).encode(errors="surrogatepass")
    reads("ledger", b"\n".join([other, *rest]))


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.stem)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_policy_with_a_changed_part_is_read_or_refused(model, data):
    raw = changed(read_policy(model).model_dump(by_alias=True, mode="json", exclude_none=True), data)
    try:
        check_entries(raw, "policy.toml")
        policy = parse_policy(raw)
        check_policy(policy, policy.fund.round, True)
    except FundallocError as error:
        assert str(error)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(list("ab1.,+-*/()<>='\"! \n_[]{}:#\\%~@&|^\x00\ud800é")), max_size=40))
@example("(" * 300)
def test_any_text_is_an_expression_or_refused(text):
    reads("expression", text.encode(errors="surrogatepass"))
