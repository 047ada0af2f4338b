"""A hierarchy as a tree in the terminal."""

from __future__ import annotations

from rich.text import Text
from rich.tree import Tree

from knowledge.hierarchy import Hierarchy
from knowledge.schema import Child, Leaf

_STYLES = {"anomaly": "red", "normal": "green"}


def hierarchy_tree(hierarchy: Hierarchy) -> Tree:
    """Headings with their polarity; leaves with severity, counterpart and number of texts."""
    anomalies = sum(item.polarity == "anomaly" for item in hierarchy.flat)
    normals = len(hierarchy.flat) - anomalies
    root = Tree(
        Text(
            f"{anomalies} anomaly and {normals} normal texts in {len(hierarchy.leaves)} leaves, "
            f"sha256 {hierarchy.sha256[:12]}"
        )
    )
    for entry in hierarchy.tree:
        _add(root, entry, "")
    return root


def _add(branch: Tree, entry: Child, style: str) -> None:
    # Text, never markup: a title may hold square brackets.
    if isinstance(entry, Leaf):
        branch.add(_leaf_label(entry, style))
        return
    style = _STYLES.get(entry.polarity or "", style)
    polarity = f"[{entry.polarity}] " if entry.polarity else ""
    participants = f" ({entry.participants})" if entry.participants else ""
    below = branch.add(Text(f"{polarity}{entry.title}{participants}", style=f"bold {style}"))
    for child in entry.children:
        _add(below, child, style)


def _leaf_label(leaf: Leaf, style: str) -> Text:
    label = Text(leaf.id, style=style)
    label.append(f"  {leaf.title}", style="default")
    label.append(f"  severity {leaf.severity}", style="dim")
    if leaf.counterpart:
        label.append(f"  normal: {leaf.counterpart}", style="dim")
    texts = "text" if len(leaf.d) == 1 else "texts"
    return label.append(f"  {len(leaf.d)} {texts}", style="dim")
