"""Commands to start from: demo, new, models, schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from fundalloc.cli.options import Formats, HelpLang, Lang
from fundalloc.cli.putting import put, put_json
from fundalloc.cli.screen import clock, note, show_allocation, show_flags
from fundalloc.language import called, padded, say, width
from fundalloc.shipped import model as shipped_model
from fundalloc.shipped import models as shipped_models

DEMO = "yrd"
#: the city that the demo shows more of
CITY = "CN-341000"


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="The folder to write to.")] = Path(
        "fundalloc-demo"
    ),
    formats: Formats = [],  # noqa: B006 -- typer copies it
    lang: Lang = None,
) -> None:
    """Run the main job on the 41 cities of the Yangtze River Delta."""
    with clock(say("deciding the demo round")):
        from fundalloc.loading import load
        from fundalloc.report.folder import check_writable

        check_writable(out)
        allocation = load(shipped_model(DEMO).file).allocate()
        allocation.write(out, ["html", *formats])
    show_allocation(allocation)
    show_flags(allocation)
    regions = allocation.decision.problem.regions
    city = regions.names[regions.ids.index(CITY)]
    following = {
        f"fundalloc explain {out} {city}": say("why a city gets what it gets, step by step"),
        f"fundalloc explain {out} {city} --since 2022": say("and why it changed since the last round"),
        f"fundalloc notices {out}": say("a letter for each city: what it receives, why, and how to object"),
        f"fundalloc record {out}": say("verify the round and append it to a ledger"),
        "fundalloc new my-fund": say("a policy and data of your own to start from"),
        "fundalloc check my-fund": say("the policy in plain words, and every fault at once"),
    }
    columns = max(map(width, following))
    lies = say(
        "The round lies in {code}: open report.html in a browser; allocation.csv, steps.csv, rules.csv, flags.csv, "
        "summary.json.",
        code=str(out),
    )
    lines = [f"  {padded(command, columns)}  {what}" for command, what in following.items()]
    put("\n".join([f"\n{lies}", say("Next:"), *lines]))


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    source: Annotated[str, typer.Option("--from", metavar="MODEL", help="A shipped model (fundalloc models).")] = DEMO,
    lang: Lang = None,
) -> None:
    """Write a policy and its data to start from."""
    from fundalloc.report.folder import check_new, write_new

    chosen = shipped_model(source)
    check_new(folder)
    text = chosen.file.read_text(encoding="utf-8")
    files = re.findall(r'^\s*file\s*=\s*"([^"]+)"', text, flags=re.MULTILINE)
    copies = {name: (chosen.file.parent / name).read_bytes() for name in files}
    for name in files:
        text = text.replace(f'"{name}"', f'"{Path(name).name}"')
    write_new(folder, {**{Path(n).name: c for n, c in copies.items()}, "policy.toml": text.encode()})
    made = ", ".join(["policy.toml", *(Path(n).name for n in files)])
    put(say("Made {code} with {code_files}.", code=str(folder), code_files=made))
    following = say("Next: ")
    put(f"{following}fundalloc check {folder}\n{' ' * width(following)}fundalloc allocate {folder} -o {folder}-out")


def models(lang: Lang = None) -> None:
    """List the shipped formulas: what they are, how large, how well they reproduce."""
    from fundalloc.loading import load
    from fundalloc.reproduction import in_words, reproduction

    for one in shipped_models():
        fund = load(one.file)
        size = say(
            "{regions} regions, {resources} resource(s), {rules} rule(s)",
            regions=fund.problem.n,
            resources=len(fund.problem.resources),
            rules=len(fund.policy.rules),
        )
        put(f"{one.name}{say(': ')}{called(one.about)}")
        put(f"  {called(fund.policy.fund.title)}{say('; ')}{size}")
        if fund.policy.fund.reference:
            put(say("  Reference: {reference}", reference=fund.policy.fund.reference))
        if one.expected is not None:
            figures = reproduction(fund.allocate(), one.expected)
            put(say("  Reproduces the published figures: {words}", words=in_words(figures)))
    note(say("Start from one: fundalloc new DIR --from MODEL"))


def schema(lang: HelpLang = None) -> None:
    """Print the JSON Schema of the policy file, for editors."""
    from fundalloc.policy.model import Policy

    content = Policy.model_json_schema(by_alias=True)
    content = {"$schema": "https://json-schema.org/draft/2020-12/schema", **content}
    put_json(content)
