"""Commands to start from: demo, new, models, schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from fundalloc.cli.options import Formats
from fundalloc.cli.screen import clock, note, show_allocation, show_flags
from fundalloc.errors import Fault, InputError
from fundalloc.shipped import model as shipped_model
from fundalloc.shipped import models as shipped_models

DEMO = "yrd"


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="The folder to write to.")] = Path(
        "fundalloc-demo"
    ),
    formats: Formats = [],  # noqa: B006 -- typer copies it
) -> None:
    """Run the main job on the 41 cities of the Yangtze River Delta."""
    with clock("deciding the demo round"):
        from fundalloc.fund import load
        from fundalloc.report.folder import check_writable

        check_writable(out)
        allocation = load(shipped_model(DEMO).file).allocate()
        allocation.write(out, ["html", *formats])
    show_allocation(allocation)
    show_flags(allocation)
    following = {
        f"fundalloc explain {out} Huangshan": "why a city gets what it gets, step by step",
        f"fundalloc explain {out} Huangshan --since 2022": "and why it changed since the last round",
        f"fundalloc notices {out}": "a letter for each city: what it receives, why, and how to object",
        f"fundalloc record {out}": "verify the round and append it to a ledger",
        "fundalloc new my-fund": "a policy and data of your own to start from",
        "fundalloc check my-fund": "the policy in plain words, and every fault at once",
    }
    width = max(map(len, following))
    typer.echo(
        f"\nThe round lies in {out}: open report.html in a browser; allocation.csv, steps.csv, rules.csv, flags.csv, "
        "summary.json.\nNext:\n" + "\n".join(f"  {command:<{width}}  {what}" for command, what in following.items())
    )


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    source: Annotated[str, typer.Option("--from", metavar="MODEL", help="A shipped model (fundalloc models).")] = DEMO,
) -> None:
    """Write a policy and its data to start from."""
    from fundalloc.report.folder import write_files

    chosen = shipped_model(source)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            [
                Fault(
                    "is there already and not empty; nothing was changed.",
                    "Name a new folder.",
                    file=str(folder),
                )
            ]
        )
    text = chosen.file.read_text(encoding="utf-8")
    files = re.findall(r'^\s*file\s*=\s*"([^"]+)"', text, flags=re.MULTILINE)
    copies = {name: (chosen.file.parent / name).read_bytes() for name in files}
    for name in files:
        text = text.replace(f'"{name}"', f'"{Path(name).name}"')
    write_files(folder, {**{Path(n).name: c for n, c in copies.items()}, "policy.toml": text.encode()})
    made = ", ".join(["policy.toml", *(Path(n).name for n in files)])
    typer.echo(
        f"Made {folder} with {made}.\nNext: fundalloc check {folder}\n      fundalloc allocate {folder} -o {folder}-out"
    )


def models() -> None:
    """List the shipped formulas: what they are, how large, how well they reproduce."""
    from fundalloc.fund import load
    from fundalloc.reproduction import in_words, reproduction

    for one in shipped_models():
        fund = load(one.file)
        size = f"{fund.problem.n} regions, {len(fund.problem.resources)} resource(s), {len(fund.policy.rules)} rule(s)"
        typer.echo(f"{one.name}: {one.about}")
        typer.echo(f"  {fund.policy.fund.title}; {size}")
        if fund.policy.fund.reference:
            typer.echo(f"  Reference: {fund.policy.fund.reference}")
        if one.expected is not None:
            figures = reproduction(fund.allocate(), one.expected)
            typer.echo(f"  Reproduces the published figures: {in_words(figures)}")
    note("Start from one: fundalloc new DIR --from MODEL")


def schema() -> None:
    """Print the JSON Schema of the policy file, for editors."""
    from fundalloc.policy.model import Policy

    content = Policy.model_json_schema(by_alias=True)
    content = {"$schema": "https://json-schema.org/draft/2020-12/schema", **content}
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))
