"""Loading: the fund of a policy file and its data, and that of inputs that were read before."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fundalloc.amendment import Amendment
from fundalloc.errors import Faults, InputError
from fundalloc.files import parse_table, read_table
from fundalloc.fund import Fund
from fundalloc.history import HistorySection, read_history
from fundalloc.language import say
from fundalloc.policy import check_policy, policy_again, policy_of, policy_path, read_policy_file
from fundalloc.sources import Source
from fundalloc.tables import Table

if TYPE_CHECKING:
    from fundalloc.ledger import Ledger


def load(
    policy: str | Path,
    *,
    regions: str | Path | None = None,
    history: str | Path | None = None,
    ledger: str | Path | Ledger | None = None,
    round: str = "",
    settings: Sequence[str] = (),
    encoding: str = "utf-8",
    whole: bool = False,
) -> Fund:
    """The fund of a policy file, or of a folder with a policy.toml.

    regions, history: files instead of those the policy names. ledger: where the rounds before are recorded, instead of
    a history; whole: all its rounds are read, not only those before the round that is decided. settings: KEY=VALUE
    texts put over the policy. Raises InputError with every fault.
    """
    path = policy_path(Path(policy))
    content = read_policy_file(path)
    stated = policy_of(content, str(path), settings)
    faults = Faults(str(path))
    if history is not None and ledger is not None:
        faults.add(
            say("both a history and a ledger are named."), say("Name one of them."), key="--history, --ledger", file=""
        )
    past = stated.history or HistorySection()
    given = {"regions": regions, "history": history, "mapping": None}
    named = {"regions": stated.regions.file, "history": past.file, "mapping": past.mapping}
    if ledger is not None:
        named["history"] = None
    tables: dict[str, Table] = {}
    for name, inside in named.items():
        own = given[name]
        file = Path(own) if own is not None else Path(os.path.normpath(path.parent / inside)) if inside else None
        if file is None:
            if name == "regions":
                faults.add(
                    say("no file is named."),
                    say('Write file = "regions.csv" under [regions], or use --regions.'),
                    key="regions.file",
                )
            continue
        with faults.collect():
            tables[name] = read_table(file, encoding=encoding)
    if ledger is not None:
        tables["history"] = _recorded(ledger, "" if whole else round or stated.fund.round)
    if faults.found:
        with faults.collect():
            there = named["history"] is not None or history is not None or ledger is not None
            check_policy(stated, round or stated.fund.round, there, str(path))
    faults.check()
    found = Fund(
        stated,
        tables["regions"],
        tables.get("history"),
        mapping=tables.get("mapping"),
        round=round,
        settings=settings,
        source=Source(path.name, content),
    )
    if ledger is not None and past.file is not None:
        found.forgotten = _forgotten(Path(os.path.normpath(path.parent / past.file)), encoding, found)
    return found


def _forgotten(file: Path, encoding: str, fund: Fund) -> tuple[str, ...]:
    """The rounds of a history file before the round of a fund that its own history does not hold."""
    try:
        known = read_history(read_table(file, encoding=encoding), fund.round).rounds
    except InputError:
        return ()
    return tuple(label for label in known if label not in fund.history.rounds)


def _recorded(ledger: str | Path | Ledger, before: str) -> Table:
    """The rounds of a ledger before a round, as the table of a history."""
    from fundalloc.ledger import Ledger
    from fundalloc.ledger.past import past

    source = past(ledger if isinstance(ledger, Ledger) else Ledger(ledger), before)
    return parse_table(source, source.file)


def reopened(inputs: Mapping[str, Source], round: str, settings: Sequence[str], *, amended: bool = True) -> Fund:
    """The fund of inputs that were read before.

    inputs: policy, regions and, where there are, history, mapping, and decided and events of an amendment; not amended:
    the round as it was before these.
    """
    if not amended:
        inputs = {name: one for name, one in inputs.items() if name not in ("decided", "events")}
    source = inputs["policy"]
    policy = policy_again(source, settings)
    tables = {
        name: Table.again(one) if one.form == "json" else parse_table(one, one.file)
        for name, one in inputs.items()
        if name != "policy"
    }
    return Fund(
        policy,
        tables["regions"],
        tables.get("history"),
        mapping=tables.get("mapping"),
        amendment=Amendment(tables["decided"], tables["events"]) if "events" in tables else None,
        round=round,
        settings=settings,
        source=source,
    )
