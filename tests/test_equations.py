"""docs/equations.md against the source: read with `ast`, because torch may not be installed."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "equations.md"


@dataclass(frozen=True)
class Row:
    """One line of the table: number, and `path::name` of function and test."""

    number: int
    function: str
    test: str


def table() -> list[Row]:
    """Rows of the table; a cell with code holds nothing but the code."""
    rows = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0].isdigit():
            rows.append(Row(int(cells[0]), cells[2].strip("`"), cells[3].strip("`")))
    return rows


def definition(place: str) -> ast.FunctionDef:
    """The function that `path::name` points at."""
    path, name = place.split("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    assert found, f"{path} has no function {name}"
    return found[0]


def each_row(rows: list[Row]) -> list[object]:
    return [pytest.param(row, id=f"Eq. {row.number}") for row in rows]


def test_the_page_has_every_equation_once_and_in_order() -> None:
    """Eq. 1 to 11."""
    assert [row.number for row in table()] == list(range(1, 12))


@pytest.mark.parametrize("row", each_row(table()))
def test_an_equation_has_a_function_that_cites_it(row: Row) -> None:
    """The docstring ends with its source and names this equation, not a neighbour."""
    docstring = ast.get_docstring(definition(row.function)) or ""

    source = re.search(r"^Source: SA-CLIP paper, Eq\. \((\d+)\)", docstring, re.MULTILINE)
    assert source, f"{row.function} does not cite its equation"
    assert int(source.group(1)) == row.number


@pytest.mark.parametrize("row", each_row(table()))
def test_an_equation_has_a_test_that_calls_its_function(row: Row) -> None:
    """A named test that never calls the function would prove nothing."""
    calls = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(definition(row.test))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }

    assert row.function.split("::")[1] in calls
    assert row.test.split("::")[1].startswith("test_")


def test_every_citation_in_the_code_stands_on_the_page() -> None:
    """A function that claims an equation is either in the table or names its own reading."""
    listed = {row.function for row in table()}
    for path in [*ROOT.glob("model/**/*.py"), *ROOT.glob("service/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                docstring = ast.get_docstring(node) or ""
                if re.search(r"^Source: SA-CLIP paper, Eq\. \(\d+\)\.$", docstring, re.MULTILINE):
                    assert f"{path.relative_to(ROOT)}::{node.name}" in listed
