"""Captions to triplets, shard by shard: deterministic, resumable, on one process or a cluster."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import structlog
from rich.progress import Progress

from model.curation.captions import CaptionRow, Format, read_captions
from model.curation.card import write_data_card
from model.curation.frames import without_frame
from model.curation.kinds import relation_kind
from model.curation.negatives import negatives_of
from model.curation.parsers import load_parser
from model.curation.records import Span, Triplet
from model.curation.relation_filter import RelationFilter, load_filter
from model.curation.svo import Statement, find_statements
from model.errors import ModelError

SHARD_CAPTIONS = 2000
Engine = Literal["local", "ray"]
log = structlog.get_logger()


class CurationError(ModelError):
    """A curation cannot run or go on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What every shard is treated with.

    Attributes:
        parser: ``chunk``, ``auto``, a spaCy package or the folder of a trained pipeline.
        filter_path: Trained relation filter; None keeps every parse with quality 1.
        least_quality: Triplets below are dropped; None takes the filter's own threshold.
    """

    parser: str
    filter_path: Path | None
    least_quality: float | None


def curate(
    captions: Path,
    out: Path,
    plan: Plan,
    kind: Format | None = None,
    engine: Engine = "local",
    shard_captions: int = SHARD_CAPTIONS,
) -> dict[str, int]:
    """Turn a collection into ``triplets.jsonl``, ``counts.json`` and ``DATA_CARD.md``.

    A shard that is finished is never done again; a kill costs at most the shards in work.

    Returns:
        The counts, also written to ``counts.json``.

    Raises:
        CurationError: ``out`` holds the shards of another plan.
        CaptionsError: The collection cannot be read.
    """
    parts = out / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    _check_plan(out, captions, plan, shard_captions)
    skipped: Counter[str] = Counter()
    rows = read_captions(captions, skipped, kind)
    shards = [(number, chunk) for number, chunk in enumerate(_chunks(rows, shard_captions))]
    waiting = [(n, chunk) for n, chunk in shards if not _part(parts, n).is_file()]
    log.info("curation_starts", shards=len(shards), done=len(shards) - len(waiting), engine=engine)
    run = _run_ray if engine == "ray" else _run_local
    run(waiting, parts, plan)
    counts = _merge(parts, len(shards), out, skipped)
    write_data_card(out, captions, plan.parser, counts)
    log.info("curation_done", triplets=counts["triplets"], captions=counts["captions"])
    return counts


def make_triplets(
    rows: Sequence[CaptionRow],
    parser: Callable[[str], Any],
    parser_name: str,
    judge: RelationFilter | None,
    least_quality: float | None,
) -> tuple[list[Triplet], Counter[str]]:
    """The triplets of some captions, and what was rejected why."""
    triplets, counts = [], Counter({"captions": len(rows)})
    for row in rows:
        start = without_frame(row.caption)
        content = row.caption[start:]
        statements, rejected = find_statements(content, parser(content))
        for reason, count in rejected.items():
            counts[f"rejected: {reason}"] += count
        counts["captions without a triplet"] += not statements
        for statement in statements:
            quality = 1.0 if judge is None else judge.quality(content, statement)
            limit = (
                least_quality if least_quality is not None else (judge.threshold if judge else 0)
            )
            if quality < limit:
                counts["rejected: by the relation filter"] += 1
                continue
            counts[f"rule {statement.rule}"] += 1
            triplets.append(_triplet(row, start, statement, parser_name, quality))
    return triplets, counts


def _triplet(
    row: CaptionRow, start: int, found: Statement, parser_name: str, quality: float
) -> Triplet:
    def shifted(span: Span) -> Span:
        return span[0] + start, span[1] + start

    subject, verb, object_ = (shifted(s) for s in (found.subject, found.verb, found.object))
    return Triplet(
        image=row.image,
        caption=row.caption,
        source=row.source,
        subject=subject,
        verb=verb,
        object=object_,
        key=found.key,
        rule=found.rule,
        parser=parser_name,
        quality=round(quality, 4),
        kind=relation_kind(found.key),
        negatives=negatives_of(row.caption, subject, verb, object_),
    )


def do_shard(number: int, rows: Sequence[CaptionRow], parts: Path, plan: Plan) -> int:
    """Write one shard's triplets and counts; the triplets last, for they say that it is done."""
    name, parser = load_parser(plan.parser)
    judge = _judge(plan.filter_path) if plan.filter_path is not None else None
    triplets, counts = make_triplets(rows, parser, name, judge, plan.least_quality)
    part = _part(parts, number)
    part.with_suffix(".counts.json").write_text(json.dumps(counts, sort_keys=True))
    partial = part.with_suffix(".partial")
    partial.write_text("".join(t.model_dump_json() + "\n" for t in triplets), encoding="utf-8")
    partial.replace(part)
    return number


@cache
def _judge(path: Path) -> RelationFilter:
    """The filter of a file, or of a folder with a fine-tuned BERT."""
    if path.is_dir():
        from model.curation.bert_filter import BertFilter

        return BertFilter(path)
    return load_filter(path)


def _run_local(waiting: Sequence[tuple[int, list[CaptionRow]]], parts: Path, plan: Plan) -> None:
    with Progress() as bar:
        task = bar.add_task("curate", total=len(waiting))
        for number, rows in waiting:
            do_shard(number, rows, parts, plan)
            bar.advance(task)


def _run_ray(waiting: Sequence[tuple[int, list[CaptionRow]]], parts: Path, plan: Plan) -> None:
    """The same function on every worker of a Ray cluster, or of this machine."""
    try:
        import ray
    except ImportError as error:
        raise CurationError("--engine ray: install the extra `cluster`") from error
    if not waiting:
        return
    folder = parts.resolve()

    def work(item: dict[str, Any]) -> dict[str, Any]:
        number, rows = item["item"]
        return {"number": do_shard(number, rows, folder, plan)}

    ray.init(ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    ray.data.from_items([(number, rows) for number, rows in waiting]).map(work).materialize()


def _merge(parts: Path, num_shards: int, out: Path, skipped: Counter[str]) -> dict[str, int]:
    """Join the shards in order; the same statement about the same image is kept once."""
    counts: Counter[str] = Counter({f"skipped: {why}": n for why, n in skipped.items() if n})
    seen: set[tuple[str, str]] = set()
    partial = out / "triplets.jsonl.partial"
    with partial.open("w", encoding="utf-8") as file:
        for number in range(num_shards):
            part = _part(parts, number)
            counts.update(json.loads(part.with_suffix(".counts.json").read_text()))
            for line in part.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                identity = (row["image"], row["key"])
                if identity in seen:
                    counts["rejected: said of the image before"] += 1
                    continue
                seen.add(identity)
                file.write(line + "\n")
    partial.replace(out / "triplets.jsonl")
    counts["triplets"] = len(seen)
    found = dict(sorted(counts.items()))
    (out / "counts.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


def _check_plan(out: Path, captions: Path, plan: Plan, shard_captions: int) -> None:
    stamp = {
        "captions": captions.name,
        "bytes": captions.stat().st_size if captions.is_file() else 0,
        "parser": plan.parser,
        "filter": str(plan.filter_path),
        "least_quality": plan.least_quality,
        "shard_captions": shard_captions,
    }
    note = out / "plan.json"
    if note.is_file() and json.loads(note.read_text()) != stamp:
        raise CurationError(f"{out}: was begun with other captions or options; take another folder")
    note.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")


def _part(parts: Path, number: int) -> Path:
    return parts / f"part-{number:06d}.jsonl"


def _chunks(rows: Iterable[CaptionRow], size: int) -> Iterator[list[CaptionRow]]:
    source = iter(rows)
    while chunk := list(islice(source, size)):
        yield chunk
