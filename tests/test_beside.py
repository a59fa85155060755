"""A second process beside the first: the same results and errors as without it, and nothing of it is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from fundalloc import DifferenceError, beside
from fundalloc.beside import beside as together
from fundalloc.verification import MANY, verify
from tests.funds import fund
from tests.test_verification import Folder, written


@pytest.fixture
def forking(monkeypatch):
    """As if no other threads were there, which the tests have when they run beside each other; no process is left."""
    started, fork = [], os.fork

    def noted():
        child = fork()
        started.append(child)
        return child

    monkeypatch.setattr(beside, "_forks", lambda: True)
    monkeypatch.setattr(os, "fork", noted)
    yield
    assert started
    for child in started:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


def test_the_task_is_done_elsewhere_while_work_goes_on(forking):
    with together(lambda: (os.getpid(), np.arange(10**6)), processes=2) as result:
        pid, numbers = result()
    assert pid != os.getpid() and numbers.sum() == 10**6 * (10**6 - 1) // 2


@pytest.mark.parametrize("processes", [1, 2])
def test_without_a_second_process_it_is_done_at_once(processes, monkeypatch):
    monkeypatch.setattr(beside, "_forks", lambda: False)
    done = []
    with together(lambda: done.append(1) or os.getpid(), processes=processes) as result:
        assert done == [1]
        assert result() == result() == os.getpid()
    assert done == [1]


def broken():
    raise ValueError("as it is here")


def killed():
    os.kill(os.getpid(), signal.SIGKILL) if os.getpid() != HERE else None
    return "here"


def unspeakable():
    return (lambda: None) if os.getpid() != HERE else "here"


HERE = os.getpid()


def test_what_fails_there_is_done_again_here(forking, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "HERE", os.getpid())
    with together(broken, processes=2) as result, pytest.raises(ValueError, match="as it is here"):
        result()
    for task in (killed, unspeakable):
        with together(task, processes=2) as result:
            assert result() == "here"


def test_what_is_not_asked_for_does_not_stay(forking):
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), together(lambda: time.sleep(60), processes=2):
        raise KeyboardInterrupt
    assert time.monotonic() - start < 30


def command(folder, *more):
    done = [sys.executable, "-m", "fundalloc", "verify", str(folder), *more]
    return subprocess.run(done, capture_output=True, text=True, check=False)


def test_a_large_round_is_verified_and_its_first_difference_found_as_by_one_process(tmp_path):
    folder = written(fund(3, MANY + 100), tmp_path / "out")
    found = command(folder, "--json")
    one = verify(folder)
    assert found.returncode == 0 and json.loads(found.stdout)["sentences"] == list(one.sentences)

    def multiplier(it):
        it.certificate["optimum"]["supplies"][0] += 0.5

    def table(it):
        rows = it.rows("steps.csv")
        rows[5][-1] += "1"
        it.put("steps.csv", rows)

    def lots(it):
        it.certificate["lots"][0][7] += 1

    for changes in ((multiplier,), (table,), (lots,), (multiplier, table)):
        it = Folder(folder)
        for change in changes:
            change(it)
        false = it.write(tmp_path / "false")
        with pytest.raises(DifferenceError) as caught:
            verify(false)
        found = command(false)
        assert found.returncode == 6 and str(caught.value) in found.stderr
        shutil.rmtree(false)
