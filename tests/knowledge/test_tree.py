"""The tree in the terminal."""

from rich.console import Console

from knowledge.hierarchy import load_hierarchy, parse_hierarchy
from knowledge.tree import hierarchy_tree
from tests.builders.hierarchies import SMALL


def _printed(text: str | None = None) -> str:
    hierarchy = load_hierarchy() if text is None else parse_hierarchy(text, "x")
    console = Console(width=200)
    with console.capture() as capture:
        console.print(hierarchy_tree(hierarchy))
    return capture.get()


def test_a_leaf_shows_severity_counterpart_and_number_of_texts() -> None:
    """One line a leaf."""
    line = next(row for row in _printed().splitlines() if "a.vv.ah.rear_end" in row)

    for part in ("Rear-end collision", "severity 3", "n.vv.following", "4 texts"):
        assert part in line


def test_headings_show_polarity_and_participants() -> None:
    """Polarity once, where it is stated."""
    printed = _printed(SMALL)

    assert "[anomaly] Anomalous traffic" in printed
    assert "Vehicle with person (VP)" in printed
    assert "1 anomaly and 1 normal texts in 2 leaves" in printed


def test_brackets_in_a_title_are_text() -> None:
    """A title is never read as colour markup."""
    assert "[red]Car" in _printed(SMALL.replace("title: Car waits", 'title: "[red]Car waits"'))
