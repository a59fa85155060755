"""Workers: processes that do jobs one after the other; the end of one of them is the end of its job alone."""

from __future__ import annotations

import gc
import os
import signal
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from fundalloc.batching.jobs import Job
from fundalloc.batching.results import Result, failed
from fundalloc.batching.work import Options, done
from fundalloc.language import phrase, say

#: seconds that a worker has to leave everything whole when it is told to stop
GRACE = 10.0
KILLED = 9
#: the end of a worker that was told to stop
STOPPED = 130
OUT_OF_MEMORY = phrase(
    "the system killed the process that decided it (signal 9), most often because memory ran out. Fewer --jobs at a "
    "time need less."
)


@dataclass
class _Worker:
    """A process, the pipe to it, and the job that it does."""

    process: BaseProcess
    pipe: Connection[Any, Any]
    job: Job


def results(jobs: Sequence[Job], out: Path, options: Options, count: int) -> Generator[Result]:
    """The result of each job, as they end, by so many processes; closed before its end, it stops them."""
    left, busy = deque(jobs), list[_Worker]()
    try:
        while left or busy:
            while left and len(busy) < count:
                busy.append(_started(left.popleft(), out, options))
            for pipe in wait([w.pipe for w in busy]):
                worker = next(w for w in busy if w.pipe is pipe)
                result = _heard(worker)
                if result is None:
                    busy.remove(worker)
                    yield _died(worker, out)
                    continue
                if left and _told(worker, left[0]):
                    worker.job = left.popleft()
                else:
                    worker.pipe.close()
                    busy.remove(worker)
                    worker.process.join(GRACE)
                yield result
    finally:
        _stop(busy)


def _started(job: Job, out: Path, options: Options) -> _Worker:
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, out, options), daemon=True)
    with _no_interrupt():
        process.start()
    there.close()
    worker = _Worker(process, here, job)
    _told(worker, job)
    return worker


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """The block is not interrupted, and what is started in it hears no Ctrl-C: it is told by who started it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _told(worker: _Worker, job: Job) -> bool:
    """Gives a worker a job; whether it is there to take it."""
    try:
        worker.pipe.send(job)
    except OSError:
        return False
    return True


def _heard(worker: _Worker) -> Result | None:
    """What a worker answers; None if it has come to its end."""
    try:
        answer: Result = worker.pipe.recv()
    except (EOFError, OSError):
        return None
    return answer


def _died(worker: _Worker, out: Path) -> Result:
    """The result of a job whose process ended before it."""
    worker.pipe.close()
    worker.process.join(GRACE)
    code = worker.process.exitcode or 0
    how = signal.strsignal(-code) if code < 0 else say("code {code}", code=code)
    words = (
        OUT_OF_MEMORY if code == -KILLED else phrase("the process that decided it ended before its time ({code_how}).")
    )
    return failed(worker.job, out, 128 - code if code < 0 else code or 1, (say(words, code_how=how),), {})


def _stop(workers: Sequence[_Worker]) -> None:
    """Ends workers in the middle of their jobs, each after it has put away what it was writing."""
    for worker in workers:
        worker.pipe.close()
        worker.process.terminate()
    for worker in workers:
        worker.process.join(GRACE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _serve(pipe: Connection[Any, Any], out: Path, options: Options) -> None:
    """The life of a worker: jobs until nobody asks for more."""
    fresh = True
    try:
        signal.signal(signal.SIGTERM, _once)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.dup2(2, 1)  # nothing may come between the lines on standard output
        while True:
            pipe.send(done(pipe.recv(), out, options))
            gc.collect()
            if fresh:
                gc.freeze()  # what the first job left are modules: no need to look through them after every job
            fresh = False
    except (EOFError, OSError):  # nobody asks for more
        return
    except KeyboardInterrupt:
        raise SystemExit(STOPPED) from None


def _once(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
