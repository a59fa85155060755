"""Commands of the ledger: record, approve, publish, rounds."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from fundalloc.cli.options import LEDGER, AsJson, By, Lang, LedgerPlace, OutFolder, Quiet
from fundalloc.cli.putting import plain, put, put_json
from fundalloc.cli.screen import clock, note, wide
from fundalloc.errors import LedgerError
from fundalloc.language import called, phrase, say

if TYPE_CHECKING:
    from fundalloc.ledger import Entry, Ledger
    from fundalloc.ledger.entries import Kind

RoundLabel = Annotated[str, typer.Argument(metavar="ROUND", help="The label of a recorded round.")]
EntryNumber = Annotated[
    int | None,
    typer.Option("--entry", metavar="N", help="The entry that is meant; refused if another one holds by now."),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: a decision, a minute, a paragraph.")]


def record(
    out: OutFolder,
    ledger: LedgerPlace = LEDGER,
    by: By = "",
    reason: Reason = "",
    correct: Annotated[bool, typer.Option("--correct", help="The round is recorded; this is right instead.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    lang: Lang = None,
) -> None:
    """Verify a decided round and append it to the ledger, with everything that decided it."""
    from fundalloc.ledger import Ledger
    from fundalloc.recording import missing_past
    from fundalloc.recording import record as record_folder

    if correct and not reason:
        raise typer.BadParameter(say("a correction needs a reason: --reason TEXT"))
    with clock(say("verifying and recording")):
        entry = record_folder(out, ledger, name=by or _login(), reason=reason or "decided", correct=correct)
        book = Ledger(ledger)
    _done(entry, book, as_json, quiet)
    if not quiet and not as_json:
        rests = missing_past(book, entry)
        if rests:
            note(
                say(
                    "warning: round {code} rests on {code_rounds}, which this ledger does not hold: allocate "
                    "--ledger will not see them. Put them in: fundalloc rounds --import HISTORY.csv",
                    code=entry.round,
                    code_rounds=", ".join(rests),
                )
            )
        amendments = [e for e in book.standing(entry.round).entries if e.kind == "amendment"]
        if correct and amendments:
            note(
                say(
                    "warning: {code} is not in this correction. Amend again what is still needed.",
                    code=amendments[-1].said(),
                )
            )
        later = _after(book, entry.round)
        if later:
            note(
                say(
                    "Decided on what stood there before: {code}. Decide and correct them too if they change.",
                    code=", ".join(later),
                )
            )
        following = f"fundalloc approve {quote(entry.round)} --by NAME --reason TEXT --ledger {quote(book.where)}"
        note(f"{say('Next: ')}{following}")


def approve(
    round_: RoundLabel,
    reason: Reason,
    ledger: LedgerPlace = LEDGER,
    by: By = "",
    entry: EntryNumber = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    lang: Lang = None,
) -> None:
    """Note in the ledger who approved a recorded round, when and why."""
    said, book = _stepped("approval", round_, reason, ledger, by, entry)
    _done(said, book, as_json, quiet)
    if not (quiet or as_json) and book.standing(round_).entry.name == said.name:
        note(
            say(
                "{code} recorded the round as well. Where two have to agree, somebody else has to approve it.",
                code=said.name,
            )
        )


def publish(
    round_: RoundLabel,
    reason: Reason,
    ledger: LedgerPlace = LEDGER,
    by: By = "",
    entry: EntryNumber = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    lang: Lang = None,
) -> None:
    """Note in the ledger that an approved round was published."""
    said, book = _stepped("publication", round_, reason, ledger, by, entry)
    _done(said, book, as_json, quiet)


def _stepped(kind: Kind, round_: str, reason: str, ledger: str, by: str, entry: int | None) -> tuple[Entry, Ledger]:
    """Appends a step of a recorded round; the entry, and the ledger."""
    from fundalloc.ledger import Ledger

    book = Ledger(ledger)
    return book.append(kind, round_, name=by or _login(), reason=reason, after=entry), book


def rounds(
    ledger: LedgerPlace = LEDGER,
    verify: Annotated[bool, typer.Option("--verify", help="Compute every hash again, and name what differs.")] = False,
    expect: Annotated[
        str, typer.Option("--expect", metavar="HASH", help="A hash printed once, which an entry must have.")
    ] = "",
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write all to FILE.jsonl, or amounts to FILE.csv."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Export also over a file that holds what the ledger does not.")
    ] = False,
    import_: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Append an exported .jsonl, or a history .csv.")
    ] = None,
    restore: Annotated[
        str, typer.Option("--restore", metavar="ROUND", help="Write the folder of a recorded round; needs -o.")
    ] = "",
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="OUT", help="The folder of --restore.")] = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Lead the tables of an earlier version to this one's; keeps a copy.")
    ] = False,
    by: By = "",
    reason: Reason = "",
    as_json: AsJson = False,
    quiet: Quiet = False,
    lang: Lang = None,
) -> None:
    """List the recorded rounds and their states; verify, export, import or restore them."""
    from fundalloc.cli import exchanging
    from fundalloc.ledger import Ledger

    if restore and out is None:
        raise typer.BadParameter(say("--restore ROUND needs a folder: -o OUT"))
    if import_ is not None:
        note(exchanging.import_from(ledger, import_, by or _login(), reason or f"imported from {import_.name}"))
    book = Ledger(ledger)
    if upgrade:
        note(exchanging.upgrade(book))
    if verify or expect:
        _verify(book, expect, quiet or as_json)
    if export is not None:
        note(exchanging.export_to(book, export, replace))
    if restore and out is not None:
        note(exchanging.restore_to(book, restore, out))
    if as_json:
        _print_json(book)
    elif not (quiet or export or import_ or restore or verify or expect or upgrade):
        _list(book)


def _verify(book: Ledger, expect: str, quiet: bool) -> None:
    with clock(say("verifying the ledger")):
        faults = book.faults(expect)
    if faults:
        found = say("{code}: {count} fault(s) in the ledger", code=book.where, count=len(faults))
        raise LedgerError("\n".join([found, *faults]))
    if not quiet:
        entries = book.entries()
        count = len(entries)
        put(
            say(
                "{code}: 1 entry, every hash fits. Head: {code_head}"
                if count == 1
                else "{code}: {count} entries, every hash fits. Head: {code_head}",
                code=book.where,
                count=count,
                code_head=book.head,
            )
        )
        for entry in entries:
            if expect and entry.hash == expect.lower():
                text = phrase("{code} is the hash of {code_entry} (of {count}).")
                put(say(text, code=expect, code_entry=entry.said(), count=count))


def _print_json(book: Ledger) -> None:
    standing = [
        {"round": one.round, "state": one.state, "entry": one.entry.number, "entries": [asdict(e) for e in one.entries]}
        for one in book.standings().values()
    ]
    put_json({"head": book.head, "rounds": standing})


def _list(book: Ledger) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (say("round"), say("state")):
        table.add_column(title, overflow="fold")
    table.add_column(say("entry"), justify="right", overflow="fold")
    for title in (say("what"), say("by"), say("on"), say("why")):
        table.add_column(title, overflow="fold")
    newest = 0
    for one in book.standings().values():
        state = called(one.state)
        if newest > one.entry.number:
            text = phrase("{state}, decided before entry {number} on an earlier round")
            state = say(text, state=state, number=newest)
        newest = max(newest, one.entry.number)
        for entry in one.entries:
            holds = entry.number == one.entry.number
            cells = (
                one.round,
                state if holds else "",
                str(entry.number),
                called(entry.kind),
                entry.name,
                entry.at,
                entry.reason,
            )
            table.add_row(*(plain(cell) for cell in cells))
    console = wide()
    console.print(table)
    console.print(plain(say("Head: {code}", code=book.head)))


def _after(book: Ledger, round_: str) -> list[str]:
    """The recorded rounds after one."""
    order = list(book.standings())
    return order[order.index(round_) + 1 :]


def _done(entry: Entry, book: Ledger, as_json: bool, quiet: bool) -> None:
    if as_json:
        put_json(asdict(entry))
    elif not quiet:
        put(
            say(
                "{code}: {code_entry}. Round {code_round} is now: {state}. Head: {code_head}",
                code=book.where,
                code_entry=entry.said(),
                code_round=entry.round,
                state=book.standing(entry.round).state,
                code_head=entry.hash,
            )
        )


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise typer.BadParameter(say("nobody is logged in here: write --by NAME")) from None
