"""Databases for the tests of the ledger: an SQLite file, and a PostgreSQL server of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from fundalloc.ledger import database

ADMINISTRATOR = "keeper"
SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "log_min_messages": "fatal",
}


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs; None where there are none."""
    on_path = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: float(f.parent.name), reverse=True)
    for folder in [*([Path(on_path).resolve().parent] if on_path else []), *folders]:
        if (folder / "initdb").is_file() and (folder / "pg_ctl").is_file():
            return folder
    return None


def unprivileged() -> dict[str, Any]:
    """Who runs the server: PostgreSQL refuses root."""
    if os.getuid():
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("neither postgres nor nobody is a user here: nobody can run PostgreSQL")


@contextmanager
def running(programs: Path) -> Iterator[str]:
    """A private server in a new folder, reached by a socket in it; the folder."""
    who = unprivileged()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"LC_ALL": "C"}
    folder = tempfile.mkdtemp(prefix="pg-", dir="/tmp")
    if who:
        os.chown(folder, who["user"], who["group"])

    def call(program: str, *arguments: str) -> None:
        with (Path(folder) / "said").open("w+") as said:
            command = [str(programs / program), "-D", f"{folder}/data", *arguments]
            done = subprocess.run(
                command, cwd=folder, env=clean, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False, **who
            )
            if done.returncode:
                said.seek(0)
                raise RuntimeError(f"{program}: {said.read()}")

    try:
        call("initdb", "-U", ADMINISTRATOR, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        call("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", f"-k {folder} {options}")
        try:
            yield folder
        finally:
            call("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The folder of a PostgreSQL server that runs as long as the tests of this process."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with running(programs) as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new ledger may be made, on either database."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    return schema(request.getfixturevalue("server"))


_made = iter(range(10**9))


def schema(folder: str) -> str:
    """The URL of a new schema on a server."""
    name = f"t{next(_made)}"
    url = f"postgresql://{ADMINISTRATOR}@/postgres?host={quote(folder, safe='')}"
    with sql(url) as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    return f"{url}&options=-csearch_path%3D{name}"


@contextmanager
def sql(place: str, alone: bool = False) -> Iterator[Connection]:
    """A connection behind the back of the ledger, in a transaction; alone: each statement by itself."""
    engine = _engine(place)
    with (engine.execution_options(isolation_level="AUTOCOMMIT") if alone else engine).begin() as connection:
        yield connection


@cache
def _engine(place: str) -> Engine:
    engine = create_engine(database.place(place), poolclass=NullPool)
    if engine.dialect.name == "sqlite":  # what tests change need not outlive a power cut
        event.listen(engine, "connect", lambda connection, record: connection.execute("PRAGMA synchronous=OFF"))
    return engine


@contextmanager
def disarmed(connection: Connection) -> Iterator[None]:
    """Takes the guards away for a while, as only the owner of the database can."""
    if connection.dialect.name == "sqlite":
        guards = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in guards:
            connection.execute(text(f"DROP TRIGGER {name}"))
        yield
        for _, made in guards:
            connection.execute(text(made))
        return
    tables = ("fundalloc_schema", "fundalloc_entries", "fundalloc_contents")
    for table in tables:
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    yield
    for table in tables:
        connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
