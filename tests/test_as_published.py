"""Files in the shape in which offices publish them: read with the right options, refused with a hint without them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from fundalloc import InputError, load
from fundalloc.cli.app import run
from fundalloc.files import parse_table
from fundalloc.numerals import NumberStyle, either_way
from fundalloc.sources import Source
from fundalloc.tables import Table

ROOT = Path(__file__).parent.parent
HERE = ROOT / "examples" / "as_published"
PEOPLE = "População residente (hab.)"
STYLE = 'decimal = "," and thousands = "."'


def without(tmp_path: Path, *keys: str) -> Path:
    """The policy for the Brazilian file without some of its options."""
    for file in HERE.iterdir():
        shutil.copy(file, tmp_path)
    text = (HERE / "br_municipios.toml").read_text(encoding="utf-8")
    for key in keys:
        text = re.sub(rf"^{key}\b.*$", "", text, flags=re.MULTILINE)
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    return tmp_path / "policy.toml"


def refusal(*arguments: object, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        _ = load(*arguments, **options).problem
    return str(caught.value)


def test_the_brazilian_file_is_read_with_its_options():
    fund = load(HERE / "br_municipios.toml", encoding="cp1252")
    regions = fund.regions
    place = regions.ids.index("3550308")
    assert (regions.names[place], regions.population[place]) == ("São Paulo", 11_904_961)
    assert (regions.column("gdp")[place], regions.column("area")[place]) == (1_066_825_105, 1521.202)
    assert regions.population[regions.ids.index("3507209")] == 932
    (flag,) = [f for f in fund.problem.flags if f.code == "filled"]
    assert flag.subject == "5101837"
    table = fund.allocate().table
    assert table["amount"].sum() == pytest.approx(100_000_000) and len(table) == len(regions.ids)


def test_without_the_encoding_the_hint_names_it():
    assert "--encoding cp1252" in refusal(HERE / "br_municipios.toml")


@pytest.mark.parametrize("keys", [("decimal", "thousands"), ("thousands",)])
def test_without_the_options_for_numbers_the_hint_names_them(tmp_path, keys):
    told = refusal(without(tmp_path, *keys), encoding="cp1252")
    assert f"column {PEOPLE}" in told and f"{STYLE} under [regions]" in told


def test_the_wrong_options_for_numbers_are_refused_too(tmp_path):
    assert "both" in refusal(without(tmp_path, "decimal"), encoding="cp1252")
    english = ['regions.decimal="."', 'regions.thousands=","']
    assert STYLE in refusal(HERE / "br_municipios.toml", encoding="cp1252", settings=english)


def small(tmp_path: Path, columns: int) -> Path:
    """Municipalities of which each number of residents could be one with decimals."""
    lines = (HERE / "br_municipios.csv").read_text(encoding="cp1252").splitlines()
    kept = [line for line in lines if ";RR;" in line or line.startswith("C")]
    (tmp_path / "small.csv").write_text("\n".join(";".join(line.split(";")[:columns]) for line in kept))
    return tmp_path / "small.csv"


def policy_of_people(tmp_path: Path, more: str = "") -> Path:
    (tmp_path / "people.toml").write_text(
        f'format = 1\nfund = {{ title = "x", round = "2023" }}\n[regions]\nfile = "small.csv"\nid = "Código IBGE"\n'
        f'round = "Ano"\npopulation = "{PEOPLE}"\n{more}\n[resources.fund]\nsupply = 1000\nunit = "BRL"\n'
        'criteria = [ { name = "people", weight = 1, measure = "population" } ]\n',
        encoding="utf-8",
    )
    return tmp_path / "people.toml"


def test_a_column_that_could_be_either_is_refused_where_the_file_has_points_between_thousands(tmp_path):
    small(tmp_path, 7)
    told = refusal(policy_of_people(tmp_path))
    assert "16.112 or 16112; line 2, column Área (km²) has '28.473,450'" in told and STYLE in told
    people = load(policy_of_people(tmp_path, 'decimal = ","\nthousands = "."')).regions.population
    assert people[0] == 16_112
    assert load(policy_of_people(tmp_path, 'decimal = "."')).regions.population[0] == 16.112


def test_a_column_that_could_be_either_is_flagged_where_nothing_tells(tmp_path):
    small(tmp_path, 6)
    for more, flagged in (("", True), ('decimal = "."', False), ('decimal = ","\nthousands = "."', False)):
        fund = load(policy_of_people(tmp_path, more))
        found = [f for f in fund.problem.flags if f.code == "points"]
        assert [f.subject for f in found] == [PEOPLE] * flagged
        assert all("16.112 is read as 16.112; if it means 16112, write" in f.message for f in found)


@pytest.mark.parametrize(
    ("texts", "either"),
    [
        (["1.234", "999", "12.000"], True),
        (["1.234"], True),
        (["1.234", "1000"], False),
        (["0.234", "1.234"], False),
        (["1.234", "1.2"], False),
        (["1.234.567"], False),
        (["1", "2"], False),
        ([], False),
        (["", "-1.234"], True),
    ],
)
def test_which_columns_could_be_either(texts, either):
    assert either_way(texts) is either


@pytest.mark.parametrize("more", ["1.046.343", "7.067,127", "54,3"])
def test_other_files_have_no_options_and_are_refused_alike(more):
    table = parse_table(Source("amounts.csv", f"id;amount;note\na;1.234;x\nb;5.000;{more}\n".encode()), "amounts.csv")
    with pytest.raises(InputError, match=r"1\.234 or 1234; line 3, column note has .* Write 1234 if that is meant"):
        table.numbers("amount")
    assert table.numbers("amount", style=NumberStyle(stated=True)).tolist() == [1.234, 5]


def test_the_names_of_regions_are_read_as_they_are():
    fund = load(HERE / "eu_nuts3_names.toml")
    assert fund.regions.names[fund.regions.ids.index("AT123")] == "Sankt Pölten"
    assert fund.problem.resources[0].takes_part.sum() == 48


def test_the_packed_layout_is_refused_with_the_page_that_helps(capsys):
    wide = HERE / "eu_nuts3_wide.tsv"
    assert run(["check", str(HERE / "eu_nuts3.toml"), "--regions", str(wide)]) == 3
    assert r"'indic,unit,geo\\time': is the key of Eurostat's packed layout" in (told := capsys.readouterr().err)
    assert "docs/data.md has the lines" in told


@pytest.mark.parametrize("name", ["geo\\time", "freq,unit,geo\\TIME_PERIOD"])
def test_every_packed_key_is_known(name):
    with pytest.raises(InputError, match="packed layout"):
        parse_table(Source("x.tsv", f"{name}\t2020 \t2021 \nA,B,AT1\t1 e\t: \n".encode()), "x.tsv")


def test_the_lines_of_the_page_unfold_it(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "data.md").read_text(encoding="utf-8"), re.DOTALL)
    for name in ("eu_nuts3_wide.tsv", "eu_nuts3_names.csv"):
        shutil.copy(HERE / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/data.md", "exec"), {})
    assert (tmp_path / "eu_nuts3.csv").read_bytes() == (HERE / "eu_nuts3.csv").read_bytes()


def test_every_figure_of_the_packed_file_is_in_the_unfolded_one():
    lines = (HERE / "eu_nuts3_wide.tsv").read_text(encoding="utf-8").splitlines()
    years = lines[0].split("\t")[1:]
    table: Table = parse_table(Source("eu_nuts3.csv", (HERE / "eu_nuts3.csv").read_bytes()), "eu_nuts3.csv")
    cells = {name: table.text(name).tolist() for name in table.header}
    found = {
        (region, year): (people, gdp, flags)
        for region, year, people, gdp, flags in zip(
            *(cells[n] for n in ("region_id", "year", "population_persons", "gdp_mio_eur", "flags")), strict=True
        )
    }
    assert len(found) == len(cells["year"])
    seen = 0
    for line in lines[1:]:
        key, *values = line.split("\t")
        indicator, _, region = key.split(",")
        for year, value in zip(years, values, strict=True):
            number = value.rstrip("abcdefghijklmnopqrstuvwxyz").strip()
            if (region, year) in found:
                people, gdp, flags = found[region, year]
                assert (people if indicator == "POP" else gdp) == number.replace(":", "")
                assert value.removeprefix(number).strip() in flags
                seen += 1
    assert seen > 900


def test_the_prepared_file_decides_a_fund():
    fund = load(HERE / "eu_nuts3.toml")
    assert fund.regions.column("gdp_mio_eur")[fund.regions.ids.index("MT001")] == 12600.59
    assert fund.allocate().table["amount"].sum() == 100_000_000
