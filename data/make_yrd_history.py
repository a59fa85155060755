"""Decides the rounds 2020, 2021 and 2022 of models/yrd.toml, each with those before it as history.

python data/make_yrd_history.py        writes data/yrd_history.csv
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fundalloc import Fund
from fundalloc.policy import read_policy

HERE = Path(__file__).parent
COLUMNS = ["round", "region_id", "resource", "entitlement", "amount"]


def history(rounds: tuple[str, ...] = ("2020", "2021", "2022")) -> pd.DataFrame:
    """The decided rounds, one row per round, resource and region."""
    policy = read_policy(HERE.parent / "models" / "yrd.toml")
    regions = pd.read_csv(HERE / "yrd.csv", dtype=str, keep_default_na=False)
    past = pd.DataFrame(columns=COLUMNS)
    for label in rounds:
        sheet = Fund(policy, regions, past, round=label).allocate().sheets["allocation.csv"]
        decided = pd.DataFrame(dict(sheet.columns)).assign(round=label)[COLUMNS]
        past = pd.concat([past, decided], ignore_index=True)
    return past


if __name__ == "__main__":
    history().to_csv(HERE / "yrd_history.csv", index=False, lineterminator="\n")
