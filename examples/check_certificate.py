"""Checks a folder of `fundalloc allocate` without fundalloc, in exact fractions: python check_certificate.py OUT"""

import base64
import csv
import hashlib
import json
import sys
from collections import defaultdict
from fractions import Fraction as Q
from pathlib import Path
from typing import Any, NamedTuple

ENDLESS, STEP, NEAR, ULPS, MANY, RIGHT = Q(10**30), 10**6, Q(1, 10**9), Q(1, 2**51), 400, -1
TABLES, MOVES = ("allocation.csv", "steps.csv"), ("criterion", "claim", "arrears", "rule", "objective")
CLAIMS = "keep the program (no optimum is checked)", "are optimal to 1e-9", "are the exact optimum of the program"
NOT_CHECKED = "Not checked: rules.csv, flags.csv, choices, all that rests on the inputs; fundalloc verify does that."


def need(holds: bool, what: str) -> None:
    if not holds:
        print(f"Difference: {what}.", file=sys.stderr)
        raise SystemExit(6)


class Row(NamedTuple):
    """A bound on an amount, on a sum of amounts, or on the total of a resource."""

    name: str
    ends: tuple[Q, Q]
    terms: dict[int, Q]
    nested: bool
    stored: Q

    def value(self, amounts: list[Q]) -> Q:
        return sum((a * amounts[c] for c, a in self.terms.items()), Q(0))


class Program:
    """The program of a certificate. Rows: bounds of cells, then of totals and other sums; the pull of a cell is d X."""

    def __init__(self, said: dict[str, Any]) -> None:
        resources, optimum, self.rows = said["resources"], said["optimum"], list[Row]()
        self.ids, self.stored, whole = said["regions"], optimum["amounts"], said["choices"]["whole"]
        each = [(Q(one["lot"]), one["rounding"], w) for one, w in zip(resources, whole, strict=True) for _ in self.ids]
        self.lot, self.method, self.whole = zip(*each, strict=True)
        self.key, self.centre = ([v for one in resources for v in one[k]] for k in ("entitlement", "centre"))
        sizes = [one["lots"] * Q(one["lot"]) if one["lots"] else one["size"] for one in resources]
        self.pull: list[Q] = [d * size for one, size in zip(resources, sizes, strict=True) for d in one["weight"]]
        self.over: list[list[tuple[int, Q]]] = [[] for _ in self.stored]
        for one in resources:
            for region, low, high in zip(self.ids, one["low"], one["high"], strict=True):
                self.add(f"{region}, {one['name']}", low, high, {len(self.rows): Q(1)}, True, Q(0))
        for r, one in ((r, one) for r, one in enumerate(resources) if one["lots"] is not None):
            total, price = one["lots"] * Q(one["lot"]), optimum["supplies"][r] if optimum["supplies"] else Q(0)
            terms = dict.fromkeys(range(r * len(self.ids), (r + 1) * len(self.ids)), Q(1))
            self.add(f"the total of {one['name']}", total, total, terms, True, price)
        for row, price in zip(said["rows"], optimum["multipliers"] or [Q(0)] * len(said["rows"]), strict=True):
            terms = dict(zip(map(int, row["cells"]), row.get("factors") or [Q(1)] * len(row["cells"]), strict=True))
            self.add(f"{row['rule']} at {row['place']}", row["low"], row["high"], terms, row["nested"], price)

    def add(self, name: str, low: Q | None, high: Q | None, terms: dict[int, Q], nested: bool, stored: Q) -> None:
        """A bound on a plain sum is a whole number of lots but for the error of a double, or 1e-9 of a lot."""
        ends, lot = [-ENDLESS if low is None else low, ENDLESS if high is None else high], self.lot[min(terms)]
        if set(terms.values()) == {1} and len({c // len(self.ids) for c in terms}) == 1:
            quotients = [(b / lot, round(b / lot)) for b in ends]
            ends = [lot * (k if abs(q - k) <= max(NEAR, min(ULPS * abs(q), Q(1, 4))) else q) for q, k in quotients]
        for c, a in terms.items() if len(self.rows) >= len(self.stored) else ():
            self.over[c].append((len(self.rows), a))
        self.rows.append(Row(name, (ends[0], ends[1]), terms, nested, stored))

    def drawn(self, c: int, m: list[Q]) -> Q:
        return Q(sum((m[k] * a * self.pull[c] for k, a in self.over[c]), self.centre[c]))

    def exact(self) -> list[Q]:
        """The optimum of the bounds that the stored numbers show to hold: proven, and the stored are its doubles."""
        m, ends = [row.stored for row in self.rows], [{Q(float(b)): b for b in row.ends} for row in self.rows]
        free = {c for c, v in enumerate(self.stored) if v not in ends[c]}
        sought = {k for c in free for k, _ in self.over[c] if m[k] or len({*self.rows[k].ends}) == 1}
        x = [self.centre[c] if c in free else ends[c][v] for c, v in enumerate(self.stored)]
        equations: dict[int, dict[int, Q]] = {k: defaultdict(Q) for k in sought}
        for k, equation in equations.items():
            equation[RIGHT] = self.rows[k].ends[m[k] <= 0] - self.rows[k].value(x)
            for c, a in self.rows[k].terms.items():
                for other, b in (one for one in self.over[c] if c in free and one[0] in sought):
                    equation[other] += a * b * self.pull[c]
        solve(equations, m)
        x = self.prove([self.drawn(c, m) if c in free else v for c, v in enumerate(x)], m, Q(0))
        for k, row in enumerate(self.rows):
            wrong = Q(float(m[k])) != row.stored or (k < len(x) and Q(float(x[k])) != self.stored[k])
            need(not wrong, f"{row.name}: the stored number is not the double nearest to the exact one")
        return x

    def prove(self, x: list[Q], m: list[Q] | None, near: Q) -> list[Q]:
        """All bounds are kept; with multipliers: by weak duality the objective lacks at most that part of its value."""
        gap, value, slack = Q(0), Q(0), NEAR * sum(self.stored) if near else Q(0)
        for k, row in enumerate(self.rows):
            at = row.value(x)
            need(row.ends[0] - slack <= at <= row.ends[1] + slack, f"{row.name}: the bounds are not kept")
            gap += m[k] * (at - row.ends[m[k] <= 0]) if m and m[k] else 0
        for c, v in enumerate(x if m else []):
            best = min(max(drawn := self.drawn(c, m or []), self.rows[c].ends[0]), self.rows[c].ends[1])
            gap += (v - best) * (v + best - 2 * drawn) / (2 * self.pull[c])
            value += near and (v - self.centre[c]) ** 2 / (2 * self.pull[c])
        need(gap <= near * (value + near), "the multipliers do not prove the amounts")
        return x

    def turn(self, x: list[Q], cells: frozenset[int], lots: int) -> tuple[Q, Q, str]:
        """When one lot more is due: to the strongest claim; ties to the larger entitlement, then to the smaller id."""
        c, at = min(cells), Q(round(sum((x[c] for c in cells), Q(0)) / self.lot[min(cells)] * STEP), STEP)
        divisors = {"webster": 4 * lots**2 + 4 * lots + 1, "huntington_hill": 4 * lots * (lots + 1)}
        square = (divisors | {"jefferson": 4 * (lots + 1) ** 2, "adams": 4 * lots**2}).get(self.method[c])
        claim = at - lots if square is None else at**2 / square if square else ENDLESS**3 * at
        return -claim, -sum((self.key[c] for c in cells), Q(0)), min(self.ids[c % len(self.ids)] for c in cells)

    def check_lots(self, x: list[Q], given: list[int]) -> None:
        """Each region and nested group has lots inside its bounds, and no lot is due to another beside it."""
        spans, tops = dict[frozenset[int], tuple[int, int]](), dict[int, frozenset[int]]()
        for row in sorted((row for row in self.rows if row.nested), key=lambda row: len(row.terms)):
            cells, parts = frozenset(row.terms), {tops[c] for c in row.terms if c in tops}
            quotients = [v / self.lot[min(cells)] for v in (row.value(x), *row.ends)]
            at, low, high = (round((round(q) if abs(q - round(q)) <= abs(q) * ULPS else q) * STEP) for q in quotients)
            inward = self.whole[min(cells)] and -(-low // STEP) <= high // STEP
            least, most = (-(-low // STEP), high // STEP) if inward else (low // STEP, -(-high // STEP))
            if self.method[min(cells)] == "largest_remainder":
                least, most = max(least, at // STEP), min(most, -(-at // STEP))
            if parts:
                least, most = max(least, sum(spans[p][0] for p in parts)), min(most, sum(spans[p][1] for p in parts))
            had = {p: sum(given[c] for c in p) for p in {cells, *parts}}
            need(least <= had[cells] <= most, f"{row.name}: {had[cells]} lots are not from {least} to {most}")
            last = [self.turn(x, p, had[p] - 1) for p in parts - {cells} if had[p] > spans[p][0]]
            more = [self.turn(x, p, had[p]) for p in parts - {cells} if had[p] < spans[p][1]]
            need(not last or not more or max(last) < min(more), f"{row.name}: a lot is due to another")
            spans[cells] = least, most
            tops.update(dict.fromkeys(cells, cells))

    def check_tables(self, out: Path, x: list[Q], given: list[int]) -> None:
        """The tables hand out the lots; steps add up to entitlement, target and amount, what is moved to 0."""
        table, steps = (list(csv.DictReader((out / name).read_text("utf-8").splitlines(True))) for name in TABLES)
        sums, moved = defaultdict[str, dict[str, Q]](lambda: defaultdict(Q)), defaultdict[str, Q](Q)
        for row in steps:
            sums[f"{row['region_id']}, {row['resource']}"][row["kind"]] += Q(row["amount"])
            moved[f"{row['step']}, {row['resource']}"] += Q(row["amount"]) if row["kind"] in MOVES else 0
        noise = sum(abs(Q(row["amount"])) for row in steps) / 10**11
        need(not any(moved.values()), f"{[step for step, v in moved.items() if v][:1]}: the steps do not add up to 0")
        need({name for name in sums if name[:2] != ", "} <= {row.name for row in self.rows}, "steps.csv: other regions")
        for c, (cell, row, lots) in enumerate(zip(self.rows[: len(x)], table, given, strict=True)):
            kinds, amount, unit = sums[cell.name], lots * self.lot[c], min(Q(1, 100), self.lot[c]) + noise
            key, at = sum(kinds[k] for k in ("equal", "criterion", "claim")), amount - kinds["rounding"]
            need(f"{row['region_id']}, {row['resource']}" == cell.name, f"{cell.name}: not its row in allocation.csv")
            need(Q(row["amount"]) == amount == sum(kinds.values()), f"{cell.name}: amount, lots and steps differ")
            need(abs(at - x[c]) <= 2 * unit, f"{cell.name}: the step rounding does not lead from the optimum")
            aim = key + sum(kinds[k] for k in ("arrears", "adjustment", "decided"))
            for column, due, said in ("entitlement", key, self.key), ("target", aim, self.centre):
                need(Q(row[column]) == due and abs(due - said[c]) <= unit, f"{cell.name}: {column} and steps differ")


def solve(equations: dict[int, dict[int, Q]], m: list[Q]) -> None:
    """Symmetric equations, fewest entries first; RIGHT: their right sides. What follows from others stays as stored."""
    order = []
    while equations:
        k = min(equations, key=lambda one: (len(equations[one]), one))
        order.append((k, row := equations.pop(k)))
        for other in row.keys() & equations.keys():
            entry = equations[other].pop(k)
            for column in row.keys() - {k} if row[k] else ():
                equations[other][column] -= entry / row[k] * row[column]
    for k, row in reversed(order):
        m[k] += (row[RIGHT] - sum(v * m[c] for c, v in row.items() if c != RIGHT)) / row[k] if row[k] else 0


def main(out: Path) -> None:
    """Every check, in the order in which one builds on the other."""
    raw, summary = (out / "certificate.json").read_bytes(), json.loads((out / "summary.json").read_bytes())
    said = json.loads(raw, parse_float=lambda text: Q(float(text)), parse_int=Q)
    hashes = [(k, (out / k).read_bytes(), summary["files"][k]) for k in sorted({*TABLES, *summary["files"]})]
    for name, entry in said["inputs"].items():
        content = base64.b64decode(entry["base64"]) if "base64" in entry else entry["text"].encode()
        hashes += [(name, content, one["sha256"]) for one in (entry, summary["inputs"][name])]
    wrong = [name for name, content, stated in hashes if hashlib.sha256(content).hexdigest() != stated]
    need(not wrong, f"{wrong[:1]}: not the hash that is stated")
    need(said["fundalloc"]["certificate"] == 1 and said["round"] == summary["round"], "another format or round")
    totals = {one["name"]: sum(lots) * Q(one["lot"]) for one, lots in zip(said["resources"], said["lots"], strict=True)}
    need(all(Q(summary["resources"][k]["amounts"]) == v for k, v in totals.items()), "summary.json: another total")
    program, optimum, given = Program(said), said["optimum"], [int(v) for lots in said["lots"] for v in lots]
    stored = None if optimum["multipliers"] is None else [row.stored for row in program.rows]
    due = ("nearest",) if any(said["explained"]["worth"]) else ("nearest", "alpha_fair")
    need(stored is not None or said["objective"]["kind"] not in due, "the multipliers are missing")
    near = NEAR / 1000 if stored and sum(map(bool, stored)) <= MANY else NEAR
    x = program.exact() if optimum["exact"] else program.prove(program.stored, stored, near)
    program.check_lots(x, given)
    program.check_tables(out, x, given)
    print(f"{len(x)} amounts {CLAIMS[(stored is not None) + optimum['exact']]}; lots and tables agree. {NOT_CHECKED}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as fault:
        need(False, f"{sys.argv[1:]} cannot be read as a round ({fault!r})")
