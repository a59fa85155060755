"""Ceilings: how much is read of what comes from outside, and why no more. `docs/data.md` lists them.

Each is far above what a fund needs, and low enough that a file made to do harm is refused in seconds.
"""

from __future__ import annotations

#: bytes of a policy: 1,000 rules, or adjustments of 35,000 regions, take less than 2 MB
POLICY = 5_000_000
#: bytes of a table: 100,000 regions, 4 resources and 10 rounds take about 200 MB
TABLE = 250_000_000
#: bytes of a file of a decided round, or of a line of an exported ledger: 100,000 regions and 4 resources take 150 MB
ROUND = 1_000_000_000
#: bytes of an exported ledger
LEDGER = 4_000_000_000

#: cells of a table, empty ones and blank lines counted; each takes up to 150 bytes of memory
CELLS = 20_000_000
#: columns of a table: what a spreadsheet has
COLUMNS = 16_384
#: characters of a cell: four times what a spreadsheet holds; what is longer is an open quotation mark
CELL = 131_072
#: values, lists and entries of a JSON file; each takes up to 100 bytes of memory
PARTS = 50_000_000

#: tables inside tables of a policy, and parts of a dotted key; the format itself needs 7
DEPTH = 20
#: digits of a number in a policy, and its power of ten: what a double holds, with room
DIGITS, POWER = 400, 308
#: times that measures may look at an earlier round: 1,000 over 100 rounds, but no `average` of `average` of ...
LOOKS = 100_000

#: memory in bytes, and seconds, of the process that opens a spreadsheet
SPREADSHEET_MEMORY, SPREADSHEET_SECONDS = 4_000_000_000, 300


def size(count: int) -> str:
    """A number of bytes in words."""
    return f"{count / 1e9:g} GB" if count >= 1e9 else f"{count / 1e6:g} MB"
