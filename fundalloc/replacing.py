"""Replacing files of a folder all together or not at all, whatever happens in between.

New files are written whole to a folder inside the folder, `.fundalloc-...`, and to the disk. Renaming that to
`.fundalloc` decides: from then on the new files hold. The old ones are moved into it, the new ones out of it, the last
one last; then it goes. Before that moment a process that dies leaves the old files and a folder that the next writer
clears away; after it the next process that reads or writes there does what is left to do. The folder itself stays
the same one, so that it may be where somebody works, a mount or a link, and nothing else in it is touched.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fundalloc.errors import Fault, Faults, InputError
from fundalloc.intake import UnreadableError, contents, json_of
from fundalloc.interrupts import shielded
from fundalloc.language import phrase, say
from fundalloc.locks import locked

JOURNAL = ".fundalloc"
STAGED = f"{JOURNAL}-"
#: in the journal: which files, the new ones, the old ones
PLAN, NEW, OLD = "plan.json", "new", "old"
#: what helps where the system refuses
HELP = {
    errno.ENOSPC: phrase("Make room on the disk, or name another folder."),
    errno.EDQUOT: phrase("Make room on the disk, or name another folder."),
    errno.EACCES: phrase("Check who may write there, or name another folder."),
    errno.EPERM: phrase("Check who may write there, or name another folder."),
}
#: for so many files at a time it is waited until they are on the disk
WAITING = 8


def ours(name: str) -> bool:
    """Whether a file of this name is one of the traces of a writer."""
    return name == JOURNAL or name.startswith(STAGED)


@dataclass(frozen=True)
class Claim:
    """A folder that nobody else writes to now. ask: lets a Ctrl-C through, if one came."""

    folder: Path
    ask: Callable[[], None]

    def replace(self, files: Mapping[str, bytes], gone: Collection[str] = ()) -> None:
        """Puts files in place, the last one last, and takes others away: all or none. No link is followed."""
        gone = [name for name in gone if _plain(name) and not _is_folder(self.folder / name)]
        with self._staged(files, gone) as stage:
            journal = self.folder / JOURNAL
            stage.rename(journal)
            try:
                _sync(self.folder, folder=True)
                _advance(self.folder)
            except OSError as error:
                _retreat(self.folder, error)
                journal.rename(stage)
                raise
            with suppress(OSError):  # then the next writer clears it away
                journal.rename(stage)

    def place(self, name: str, content: bytes) -> None:
        """Puts one file in place, and never touches another."""
        with self._staged({name: content}, ()) as stage:
            (stage / NEW / name).replace(self.folder / name)
            _sync(self.folder, folder=True)

    @contextmanager
    def _staged(self, files: Mapping[str, bytes], gone: Collection[str]) -> Iterator[Path]:
        """A folder inside the folder, with files that are whole and on the disk; it goes with the block."""
        _check_names(self.folder, files)
        stage = _another(self.folder)
        try:
            for part in (stage, stage / NEW, stage / OLD):
                part.mkdir()
            written = {stage / NEW / name: content for name, content in files.items()}
            written[stage / PLAN] = json.dumps({"new": list(files), "gone": list(gone)}).encode()
            for path, content in written.items():
                self.ask()
                _write(path, content)
            from concurrent.futures import ThreadPoolExecutor  # not for those who only read

            with ThreadPoolExecutor(WAITING) as pool:  # to wait for many at once is no longer than for one
                for _ in pool.map(_sync, written):
                    self.ask()
            for folder in (stage / NEW, stage):
                _sync(folder, folder=True)
            self.ask()
            yield stage
        finally:
            _clear(stage)


@contextmanager
def claimed(folder: Path) -> Iterator[Claim]:
    """Makes a folder where there is none, waits until nobody else is at work there, and finishes what was begun there.

    What the system complains of becomes an InputError, and a folder that was made for nothing goes.
    """
    made: list[Path] = []
    with shielded() as ask:
        try:
            folder = folder.resolve()
            with _unmade(made), locked(folder, ask, make=lambda: _make(folder, made)), _unmade(made):
                _finish(folder)
                for trace in folder.glob(f"{STAGED}*"):
                    _clear(trace)
                yield Claim(folder, ask)
        except OSError as error:
            raise InputError([_refused(folder, error)]) from error


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Inside the block nobody writes to a folder; what was begun there and not finished is finished before."""
    with ExitStack() as held:
        with suppress(OSError):  # who reads will say what is the matter
            held.enter_context(locked(folder, _nothing, shared=True))
            if _exists(folder / JOURNAL):
                held.pop_all().close()
                with shielded() as ask, locked(folder, ask):
                    _finish(folder)
                held.enter_context(locked(folder, _nothing, shared=True))
        yield


@contextmanager
def _unmade(made: list[Path]) -> Iterator[None]:
    """Takes folders away again that were made, where it comes to nothing."""
    try:
        yield
    except BaseException:
        while made:
            with suppress(OSError):
                made.pop().rmdir()
        raise


def _make(folder: Path, made: list[Path]) -> None:
    for path in reversed([path for path in (folder, *folder.parents) if not path.is_dir()]):
        try:
            path.mkdir()
            made.append(path)
        except OSError:
            if not path.is_dir():
                raise


def _finish(folder: Path) -> None:
    """Does what a writer that died had decided and not done."""
    journal = folder / JOURNAL
    if not _exists(journal):
        return
    try:
        _advance(folder)
    except OSError as error:
        said = say(
            "was being written when that was cut off, and now it cannot be finished ({code_strerror}).",
            code_strerror=error.strerror,
        )
        raise InputError([Fault(said, say("Copy it to where you may write."), file=str(folder))]) from error
    done = _another(folder)
    with suppress(OSError):  # then the next writer clears it away
        journal.rename(done)
        _clear(done)


def _advance(folder: Path) -> None:
    """Moves old files into the journal and new ones out of it, from wherever it stands."""
    new, old = folder / JOURNAL / NEW, folder / JOURNAL / OLD
    names, gone = _plan(folder)
    if not _exists(new / names[-1]):
        return
    for name in [names[-1], *gone, *names[:-1]]:
        if _exists(folder / name) and (name in gone or _exists(new / name)):
            _move(folder / name, old / name)
    for name in names:
        _move(new / name, folder / name)
    _sync(folder, folder=True)


def _plan(folder: Path) -> tuple[list[str], list[str]]:
    """Which files a journal puts in place and which it takes away; a fault where fundalloc did not write it."""
    journal = folder / JOURNAL
    try:
        content = json_of(contents(journal / PLAN))
        names, gone = [str(n) for n in content["new"]], [str(n) for n in content["gone"]]
        sound = all(map(_is_folder, (journal, journal / NEW, journal / OLD))) and all(map(_plain, [*names, *gone]))
    except (FileNotFoundError, NotADirectoryError, UnreadableError, ValueError, KeyError, TypeError):
        sound = False
    if not sound or not names:
        raise InputError(
            [Fault(say("is not as fundalloc writes it; nothing was changed."), say("Take it away."), file=str(journal))]
        )
    return names, gone


def _retreat(folder: Path, cause: OSError) -> None:
    """Takes back what `_advance` did. cause: why."""
    new, old = folder / JOURNAL / NEW, folder / JOURNAL / OLD
    try:
        names, _ = _plan(folder)
        for name in reversed(names):
            if not _exists(new / name):
                (folder / name).replace(new / name)
        for path in sorted(old.iterdir(), key=lambda path: path.name == names[-1]):
            path.replace(folder / path.name)
    except OSError:
        said = say(
            "was written in part only ({code_strerror}); what is missing lies in {code_journal} there, and is whole.",
            code_strerror=cause.strerror,
            code_journal=JOURNAL,
        )
        help_ = say("When the disk works again, any command that reads the folder finishes it.")
        raise InputError([Fault(said, help_, file=str(folder))]) from cause


def _another(folder: Path) -> Path:
    """A new name for a trace."""
    return folder / f"{STAGED}{os.urandom(8).hex()}"


def _clear(trace: Path) -> None:
    """Takes a trace away; what cannot go now is left to the next writer."""
    with suppress(OSError):
        shutil.rmtree(trace, ignore_errors=True)


def _nothing() -> None:
    pass


def _exists(path: Path) -> bool:
    """Whether there is something of this name, a link to nothing too; an error where that cannot be told."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _move(source: Path, target: Path) -> None:
    with suppress(FileNotFoundError):  # where the system has no locks, another process may have been here
        source.replace(target)


def _check_names(folder: Path, names: Iterable[str]) -> None:
    """A fault for every name that would not be a file right in the folder."""
    faults = Faults()
    for name in names:
        if not _plain(name):
            faults.add(say("is no name of a file."), file=str(folder), value=name)
        elif _is_folder(folder / name):
            faults.add(
                say("is a folder; nothing was changed."),
                say("Take it away, or name another OUT."),
                file=str(folder / name),
            )
    faults.check()


def _plain(name: str) -> bool:
    return name not in ("", ".", "..") and not ours(name) and not set(name) & set("/\\\0")


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _refused(folder: Path, error: OSError) -> Fault:
    help_ = say(HELP.get(error.errno or 0, phrase("Name another folder.")))
    return Fault(
        say("cannot be written ({code_strerror}).", code_strerror=error.strerror or error), help_, file=str(folder)
    )


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def _sync(path: Path, *, folder: bool = False) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    if folder and os.name == "nt":  # which cannot open folders
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if not folder or error.errno not in (errno.EINVAL, errno.EBADF):  # some systems cannot wait for names
            raise
    finally:
        os.close(handle)
