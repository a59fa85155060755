"""Values on demand: each is made once, and only when it is asked for."""

import subprocess
import sys

import pytest

from fundalloc.cli.app import HOMES
from fundalloc.ondemand import OnDemand


def test_a_value_is_made_once_and_only_when_it_is_asked_for():
    made = []
    values = OnDemand({name: lambda name=name: made.append(name) or [name] for name in "ab"})
    assert list(values) == ["a", "b"] and len(values) == 2 and "a" in values and made == []
    assert values["b"] is values["b"] and values["b"] == ["b"] and made == ["b"]
    assert "c" not in values and values.get("c") is None
    with pytest.raises(KeyError):
        values["c"]


@pytest.mark.parametrize("name", HOMES)
def test_a_command_loads_no_other_one(name):
    code = (
        "import sys; from fundalloc.cli.app import HOMES, run; "
        f"end = run([{name!r}, '--help']); "
        "print(end, [home for home in dict.fromkeys(HOMES.values()) if f'fundalloc.cli.{home}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"0 ['{HOMES[name]}']"
