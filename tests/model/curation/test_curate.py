"""Collections of every format to triplets: counted, deterministic, resumable, in parallel."""

import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from model.curation.bert_filter import BertFilter, train_bert
from model.curation.captions import CaptionsError, read_captions, write_shards
from model.curation.chunks import parse_chunks
from model.curation.curate import CurationError, Plan, curate
from model.curation.labels import FileLabels, HeuristicLabels, LabelsError
from model.curation.parsers import ParserError, load_parser
from model.curation.records import Triplet, read_triplets
from model.curation.relation_filter import FilterError, load_filter, train_filter

PLAN = Plan("chunk", None, None)
LINES = [
    {"image": "a.jpg", "captions": ["A car hits a pole.", "A red car hits a pole."]},
    {"image": "b.jpg", "captions": ["A dog sits on a sofa next to a cat.", "Nice!", ""]},
    {"image": "c.jpg", "captions": ["A truck is behind a bus.", "A bus waits behind a car."]},
]


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    path = tmp_path / "captions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES), encoding="utf-8")
    return path


COCO = {
    "images": [{"id": 7, "file_name": "seven.jpg"}],
    "annotations": [{"image_id": 7, "caption": "A car."}, {"image_id": 7}],
}
SBU = {"image_urls": ["u", "v"], "captions": ["A car."]}
JSONL = '{"image": "a", "caption": "A car."}\nno json\n{"image": 1}\n'
VG = [{"id": 3, "regions": [{"phrase": "a car", "image_id": 3}, {"x": 1}]}]


@pytest.mark.parametrize(
    ("name", "content", "rows", "skipped"),
    [
        ("c.json", json.dumps(COCO), [("seven.jpg", "A car.", "coco")], 1),
        ("f.csv", 'image,caption\na.jpg,"A car, x"\nb\n', [("a.jpg", "A car, x", "flickr8k")], 1),
        ("f.txt", "a.jpg#0\tA car.\n", [("a.jpg", "A car.", "flickr8k")], 0),
        ("x.tsv", "A car.\thttp://h/1.jpg\nbroken\n", [("http://h/1.jpg", "A car.", "cc3m")], 1),
        ("y.tsv", "http://h/1.jpg\tA car.\n", [("http://h/1.jpg", "A car.", "cc12m")], 0),
        ("s.json", json.dumps(SBU), [("u", "A car.", "sbu")], 1),
        ("v.json", json.dumps(VG), [("3.jpg", "a car", "visual_genome")], 1),
        ("j.jsonl", JSONL, [("a", "A car.", "j")], 2),
    ],
)  # fmt: skip
def test_every_format(
    tmp_path: Path, name: str, content: str, rows: list[tuple[str, ...]], skipped: int
) -> None:
    """Told from name and content; rows that cannot be used are counted."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    counts: Counter[str] = Counter()

    found = list(read_captions(tmp_path / name, counts))

    assert [(row.image, row.caption, row.source) for row in found] == rows
    assert counts.total() == skipped


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.jsonl", None, "no such file"),
        ("x.bin", "?", "unknown format"),
        ("x.json", '{"a": 1}', "unknown format"),
        ("x.json", '{"images": [', "not readable as coco"),
    ],
)
def test_a_file_that_is_no_collection(
    tmp_path: Path, name: str, content: str | None, says: str
) -> None:
    """One line that names the file."""
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")

    with pytest.raises(CaptionsError, match=says):
        list(read_captions(tmp_path / name, Counter()))


def test_shards_go_out_and_come_in(tmp_path: Path, captions: Path) -> None:
    """Written as webdataset, read as webdataset; an empty shard is counted."""
    curate(captions, tmp_path / "out", PLAN)
    (tmp_path / "a.jpg").write_bytes(b"jpeg")
    rows = [t.model_dump(mode="json") for t in read_triplets(tmp_path / "out" / "triplets.jsonl")]

    count = write_shards(tmp_path / "shards", iter(rows), tmp_path, size=2)
    with tarfile.open(tmp_path / "shards" / "empty.tar", "w"):
        pass

    assert count == (len(rows) + 1) // 2
    skipped: Counter[str] = Counter()
    found = list(read_captions(tmp_path / "shards", skipped))
    assert [row.caption for row in found] == [row["caption"] for row in rows]
    assert skipped == {"empty shard": 1}


def test_triplets_counts_and_card(tmp_path: Path, captions: Path) -> None:
    """What was found, what was not and why; the same statement of an image once."""
    counts = curate(captions, tmp_path / "out", PLAN)

    triplets = list(read_triplets(tmp_path / "out" / "triplets.jsonl"))
    assert counts["captions"] == 6
    assert counts["skipped: empty caption"] == 1
    assert counts["rejected: said of the image before"] == 1
    assert counts["triplets"] == len(triplets)
    assert ("c.jpg", "truck|be behind|bus") in [(t.image, t.key) for t in triplets]
    assert all(triplet.negatives for triplet in triplets)
    card = (tmp_path / "out" / "DATA_CARD.md").read_text(encoding="utf-8")
    assert "| triplets |" in card


def test_the_same_again_and_after_a_kill(tmp_path: Path, captions: Path) -> None:
    """A missing shard is done anew, a finished one is not; the bytes are equal."""
    curate(captions, tmp_path / "a", PLAN, shard_captions=2)
    curate(captions, tmp_path / "b", PLAN, shard_captions=2)
    parts = sorted((tmp_path / "b" / "parts").glob("*.jsonl"))
    assert len(parts) == 3
    parts[1].unlink()
    stamp = parts[0].stat().st_mtime_ns
    curate(captions, tmp_path / "b", PLAN, shard_captions=2)

    assert parts[0].stat().st_mtime_ns == stamp
    for name in ("triplets.jsonl", "counts.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with pytest.raises(CurationError, match="other captions or options"):
        curate(captions, tmp_path / "b", PLAN, shard_captions=3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray, about its own future
def test_ray_gives_the_same_bytes(tmp_path: Path, captions: Path) -> None:
    """The same function on a cluster of this machine."""
    ray = pytest.importorskip("ray", reason="the extra `cluster` is not installed: make train-env")
    curate(captions, tmp_path / "local", PLAN, shard_captions=2)
    curate(captions, tmp_path / "ray", PLAN, engine="ray", shard_captions=2)
    ray.shutdown()

    for name in ("triplets.jsonl", "counts.json"):
        ours, theirs = tmp_path / "local" / name, tmp_path / "ray" / name
        assert ours.read_bytes() == theirs.read_bytes()


def labelled() -> list[str]:
    verbs, nouns = ("hits", "follows", "passes"), ("car", "dog", "bus", "man", "truck", "boy")
    return [
        f"A red {a} {v} the old {b} near a tree."
        for a in nouns
        for v in verbs
        for b in nouns
        if a != b
    ]


def test_the_filter_learns_and_is_kept(tmp_path: Path) -> None:
    """Right triplets above wrong ones; the file holds no code; precision at least 0.95."""
    rows = list(HeuristicLabels(None).label(labelled(), parse_chunks))
    fitted, figures = train_filter(rows)
    fitted.save(tmp_path / "filter.npz")
    read = load_filter(tmp_path / "filter.npz")

    assert figures.precision >= 0.95
    assert figures.recall > 0.8
    caption, right, _ = next(row for row in rows if row[2])
    wrong = next(row[1] for row in rows if row[0] == caption and not row[2])
    assert read.quality(caption, right) == fitted.quality(caption, right)
    assert read.quality(caption, right) > read.quality(caption, wrong)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of transformers, about its own future
def test_bert_behind_the_same_interface(tmp_path: Path, captions: Path) -> None:
    """A small one of random values: fine-tuned, kept, and used by `curate`."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    texts = labelled()
    words = sorted(
        {word.strip(".") for text in texts for word in text.lower().split()} | {"|", "."}
    )
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    base = tmp_path / "base"
    BertTokenizer(vocab_file=str(vocabulary)).save_pretrained(base)
    size: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(words) + 5, intermediate_size=32, **size)
    BertForSequenceClassification(config).save_pretrained(base)

    rows = list(HeuristicLabels(None).label(texts, parse_chunks))
    figures = train_bert(rows, tmp_path / "bert", str(base))
    counts = curate(captions, tmp_path / "out", Plan("chunk", tmp_path / "bert", 1.0))

    assert figures.held_out == len(rows) - len(rows) * 4 // 5
    assert 0 <= BertFilter(tmp_path / "bert").quality(rows[0][0], rows[0][1]) <= 1
    assert counts["triplets"] == 0
    with pytest.raises(FilterError, match="not enough"):
        train_bert([], tmp_path / "none", str(base))
    with pytest.raises(FilterError, match="weights cannot be had"):
        train_bert(rows, tmp_path / "none", str(tmp_path / "nowhere"))


def test_what_the_filter_drops_is_counted(tmp_path: Path, captions: Path) -> None:
    """With an impossible threshold nothing is left, and the counts say so."""
    fitted, _ = train_filter(list(HeuristicLabels(None).label(labelled(), parse_chunks)))
    fitted.save(tmp_path / "filter.npz")

    counts = curate(captions, tmp_path / "out", Plan("chunk", tmp_path / "filter.npz", 1.0))

    assert counts["triplets"] == 0
    assert counts["rejected: by the relation filter"] > 3


def test_a_filter_that_cannot_be_had(tmp_path: Path) -> None:
    """No labels, a missing file, a file of another kind."""
    with pytest.raises(FilterError, match="not enough"):
        train_filter([])
    with pytest.raises(FilterError, match="not a relation filter"):
        load_filter(tmp_path / "none.npz")


def test_a_person_s_labels(tmp_path: Path) -> None:
    """Texts become spans; a word that is not there names the line."""
    path = tmp_path / "labels.jsonl"
    good = {
        "caption": "A car stops.",
        "subject": "A car",
        "verb": "stops",
        "object": ".",
        "right": False,
    }
    path.write_text(json.dumps(good) + "\n", encoding="utf-8")
    assert [row[2] for row in FileLabels(path).label([], parse_chunks)] == [False]

    path.write_text(json.dumps({**good, "verb": "flies"}) + "\n", encoding="utf-8")
    with pytest.raises(LabelsError, match=r"labels\.jsonl:1: 'flies'"):
        list(FileLabels(path).label([], parse_chunks))


def test_a_parser_that_is_not_here() -> None:
    """Named; and `auto` is the deterministic one where spaCy's English is not installed."""
    with pytest.raises(ParserError, match="no_such_parser"):
        load_parser("no_such_parser")
    assert load_parser("chunk")[0] == "chunk"


@pytest.mark.parametrize(
    "spans",
    [{"subject": (0, 0)}, {"object": (3, 9)}, {"verb": (6, 99)}],
)
def test_a_triplet_s_spans_must_lie_in_its_caption(spans: dict[str, tuple[int, int]]) -> None:
    """Empty, overlapping or beyond the end."""
    row = {
        "image": "a", "caption": "A car hits a pole.", "source": "s", "subject": (0, 5),
        "verb": (6, 10), "object": (11, 17), "key": "k", "rule": "1", "parser": "p", "quality": 1,
        "kind": "action",
    }  # fmt: skip
    Triplet.model_validate(row)
    with pytest.raises(ValueError, match="empty, overlap or leave"):
        Triplet.model_validate({**row, **spans})
