"""What the curation commands do with their options."""

import json
import os
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import get_args

from model.curation.captions import Format, read_captions, write_shards
from model.curation.curate import CurationError, Engine, Plan, curate
from model.curation.labels import EndpointLabels, FileLabels, HeuristicLabels, LabelProvider
from model.curation.parsers import load_parser
from model.curation.relation_filter import train_filter

SHARD_SAMPLES = 1000
API_KEY = "OPENAI_API_KEY"  # the name that such endpoints' own tools use


def curate_command(
    captions: Path,
    out: Path,
    parser: str,
    kind: str | None,
    relation_filter: Path | None,
    least_quality: float | None,
    engine: str,
    shards: Path | None,
    images: Path,
) -> None:
    """Check the words that name a choice, then curate.

    Raises:
        CurationError: A choice is unknown.
    """
    if kind is not None and kind not in get_args(Format):
        raise CurationError(f"--format {kind}: choose from {', '.join(get_args(Format))}")
    if engine not in get_args(Engine):
        raise CurationError(f"--engine {engine}: choose from {', '.join(get_args(Engine))}")
    load_parser(parser)  # a wrong name is said before anything is read
    plan = Plan(parser, relation_filter, least_quality)
    curate(captions, out, plan, kind, engine)  # type: ignore[arg-type]  # checked above
    if shards is not None:
        with (out / "triplets.jsonl").open(encoding="utf-8") as file:
            write_shards(shards, (json.loads(line) for line in file), images, SHARD_SAMPLES)


def train_filter_command(
    captions: Path,
    out: Path,
    labels: str,
    model_name: str,
    parser: str,
    second_parser: str | None,
    count: int,
    bert: str | None = None,
) -> str:
    """Label, fit, write; returns what the filter reached on labels it had not seen."""
    _, parse = load_parser(parser)
    provider: LabelProvider
    if labels == "heuristic":
        second = load_parser(second_parser)[1] if second_parser is not None else None
        provider = HeuristicLabels(second)
    elif labels.startswith(("http://", "https://")):
        provider = EndpointLabels(labels, model_name, os.environ.get(API_KEY))
    else:
        provider = FileLabels(Path(labels))
    rows = islice(read_captions(captions, Counter()), count)
    labelled = list(provider.label([row.caption for row in rows], parse))
    if bert is not None:
        from model.curation.bert_filter import train_bert

        figures = train_bert(labelled, out, bert)
    else:
        fitted, figures = train_filter(labelled)
        fitted.save(out)
    return (
        f"{out}: threshold {figures.threshold:.3f}, precision {figures.precision:.3f}, "
        f"recall {figures.recall:.3f}, F1 {figures.f1:.3f} on {figures.held_out} held-out labels"
    )
