"""Values on demand: each is made once, and only when it is asked for."""

import pytest

from fundalloc.ondemand import OnDemand


def test_a_value_is_made_once_and_only_when_it_is_asked_for():
    made = []
    values = OnDemand({name: lambda name=name: made.append(name) or [name] for name in "ab"})
    assert list(values) == ["a", "b"] and len(values) == 2 and "a" in values and made == []
    assert values["b"] is values["b"] and values["b"] == ["b"] and made == ["b"]
    assert "c" not in values and values.get("c") is None
    with pytest.raises(KeyError):
        values["c"]
