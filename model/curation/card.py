"""The data card of a curated collection."""

from pathlib import Path

from model.checkpoint import git_commit


def write_data_card(out: Path, captions: Path, parser: str, counts: dict[str, int]) -> None:
    """Say in ``DATA_CARD.md`` what the triplets are, how they were made and what was left out."""
    rows = "\n".join(f"| {name} | {count} |" for name, count in counts.items())
    text = f"""# Triplets from {captions.name}

Subject-verb-object statements taken from captions by rule, each with the character spans of its
roles and with sentences that are not true of the image. Made by `saclip-model curate` at commit
{git_commit()}, parser `{parser}`.

The captions belong to whoever wrote them: their licence goes with the triplets. A parse is not a
fact: the rules reach the precision and recall of docs/curation.md, and a caption may be wrong about
its image.

| | count |
|---|---|
{rows}
"""
    (out / "DATA_CARD.md").write_text(text, encoding="utf-8")
