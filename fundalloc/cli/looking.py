"""Commands that look and decide nothing: check, explain, audit, verify."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fundalloc.cli.options import (
    AsJson,
    Encoding,
    History,
    Lang,
    OutFolder,
    PastLedger,
    PolicyFile,
    Quiet,
    Regions,
    Round,
    Settings,
    Strict,
)
from fundalloc.cli.putting import put, put_json
from fundalloc.cli.screen import clock, note
from fundalloc.errors import DifferenceError
from fundalloc.language import called, say


def check(
    policy: PolicyFile,
    regions: Regions = None,
    history: History = None,
    ledger: PastLedger = None,
    round_: Round = "",
    settings: Settings = None,
    encoding: Encoding = "utf-8",
    as_json: AsJson = False,
    quiet: Quiet = False,
    strict: Strict = False,
    lang: Lang = None,
) -> None:
    """Find every fault at once, and print the policy back in plain words."""
    from fundalloc.loading import load

    with clock(say("reading")):
        fund = load(
            policy,
            regions=regions,
            history=history,
            ledger=ledger,
            round=round_,
            settings=settings or (),
            encoding=encoding,
        )
        lines = list(fund.describe())
    flags = fund.problem.flags
    if as_json:
        content = {"words": lines, "flags": [asdict(f) for f in flags]}
        put_json(content)
    elif not quiet:
        for line in lines:
            put(line)
    if not quiet:
        for flag in flags:
            note(f"{called(flag.severity)}{say(': ')}{flag.message}")
        note(say("No faults."))
    if strict and any(f.severity != "info" for f in flags):
        raise typer.Exit(10)


def explain(
    out: OutFolder,
    region: Annotated[str, typer.Argument(metavar="REGION", help="The id or the name of a region.")],
    since: Annotated[
        str,
        typer.Option(
            metavar="ROUND",
            help="Also say why they changed since an earlier round: a folder that allocate wrote, or a label.",
        ),
    ] = "",
    ledger: PastLedger = None,
    lang: Lang = None,
) -> None:
    """Explain one region's amounts, step by step, and why they changed."""
    from fundalloc.blame import as_decided
    from fundalloc.replacing import reading
    from fundalloc.report.folder import read_rows, read_summary, told_as

    with as_decided(out, Path(since)):
        with reading(out):
            summary = read_summary(out)
            tables = read_rows(out, "allocation.csv"), read_rows(out, "steps.csv")
        with told_as(summary):
            told = _explained(out, summary, tables, region, since, ledger)
    put("\n\n".join(told))


def _explained(
    out: Path,
    summary: dict[str, Any],
    tables: tuple[list[dict[str, str]], list[dict[str, str]]],
    region: str,
    since: str,
    ledger: str | None,
) -> list[str]:
    """The amounts of a region step by step, then why they changed, in the language that is spoken."""
    from fundalloc.report.folder import told_otherwise
    from fundalloc.report.words import explanation, find_region

    rows, steps = tables
    if told_otherwise(summary):
        from fundalloc.retelling import retold

        with clock(say("translating")):
            again = retold(out)
        summary = again.summary
        rows, steps = (again.sheets[name].records() for name in ("allocation.csv", "steps.csv"))
    wanted = region
    told: list[str] = []
    if since:
        from fundalloc.change import changes
        from fundalloc.change_words import asked, why_changed
        from fundalloc.ledger import Ledger
        from fundalloc.precedent import before_events, precedent, recorded

        with clock(say("comparing")):
            rounds = (
                precedent(since, lambda: before_events(out), None if ledger is None else Ledger(ledger)),
                recorded(out),
            )
            wanted = asked(*rounds, region)
            told.append(why_changed(changes(*rounds), wanted))
    if not since or any(row["region_id"] == wanted for row in rows):
        told.insert(0, explanation(rows, steps, summary, find_region(rows, wanted)))
    return told


def audit(
    policy: PolicyFile,
    amounts: Annotated[Path, typer.Argument(metavar="AMOUNTS", help="CSV: region_id, resource, amount.")],
    regions: Regions = None,
    history: History = None,
    ledger: PastLedger = None,
    round_: Round = "",
    settings: Settings = None,
    encoding: Encoding = "utf-8",
    as_json: AsJson = False,
    quiet: Quiet = False,
    strict: Strict = False,
    lang: Lang = None,
) -> None:
    """Hold any amounts, also hand-made ones, against the policy; no solver."""
    from fundalloc.amounts import audit as audit_amounts
    from fundalloc.files import read_table
    from fundalloc.loading import load

    with clock(say("checking")):
        fund = load(
            policy,
            regions=regions,
            history=history,
            ledger=ledger,
            round=round_,
            settings=settings or (),
            encoding=encoding,
        )
        findings = audit_amounts(read_table(amounts, encoding=encoding), fund)
    broken = [f for f in findings if f.severity == "breach" and f.mode == "require"]
    if as_json:
        put_json([asdict(f) for f in findings], default=str)
    elif not quiet:
        for finding in findings:
            words = {"watch": say("watched"), "prefer": say("preferred")}
            mark = say("breach") if finding in broken else words.get(finding.mode) or say("less than a lot")
            put(f"{mark}{say(': ')}{finding}")
        rules, count = len({r.rule for r in fund.rows}), len(broken)
        total = say("no difference")
        if broken:
            total = say("{count} differences", count=count) if count != 1 else say("1 difference")
        checked = say("{count} rules on {regions} regions", count=rules, regions=fund.problem.n)
        if rules == 1:
            checked = say("1 rule on {regions} regions", regions=fund.problem.n)
        put(say("{code}: {total}; {checked} checked.", code=str(amounts), total=total, checked=checked))
        if broken and _amended(amounts):
            note(
                say(
                    "These amounts were amended after events, which the policy does not know: fundalloc verify {code}",
                    code=str(amounts.parent),
                )
            )
    if broken:
        raise typer.Exit(DifferenceError.exit_code)
    if strict and findings:
        raise typer.Exit(10)


def _amended(amounts: Path) -> bool:
    """Whether amounts stand in the folder of an amendment."""
    from fundalloc.intake import contents, json_of

    try:
        return "events" in json_of(contents(amounts.parent / "summary.json"))["inputs"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def verify(
    out: OutFolder,
    as_json: AsJson = False,
    quiet: Quiet = False,
    lang: Lang = None,
) -> None:
    """Compute a written round again from its folder, and prove it without the solver."""
    from fundalloc.report.folder import told_in
    from fundalloc.verification import verify as verify_folder

    start = time.perf_counter()
    with told_in(out):
        with clock(say("verifying")):
            verdict = verify_folder(out, processes=2)
        verified = say(
            "{code}: verified, {count} amounts in {seconds:.2f} s.",
            code=str(out),
            count=verdict.cells,
            seconds=time.perf_counter() - start,
        )
    if as_json:
        put_json({"verified": True, **asdict(verdict)})
    elif not quiet:
        for sentence in verdict.sentences:
            put(sentence)
        note(verified)
