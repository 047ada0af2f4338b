"""A small spaCy pipeline from treebanks, for machines without spaCy's English one.

Captions and traffic sentences (`model.curation.practice` and the hierarchy's own) join the
treebanks, with the trees of the deterministic parser: the treebanks know no "cyclist", and a
parser of their size takes "crosses" for a noun.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import spacy
import structlog
from rich.progress import track
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.converters.conllu_to_docs import conllu_to_docs
from thinc.api import fix_random_seed

from knowledge.hierarchy import load_hierarchy
from model.curation.chunks import parse_chunks
from model.curation.parse import ROOT, Parse
from model.curation.practice import practice_sentences
from model.errors import ModelError

EPOCHS, BATCH, DROPOUT, SEED = 12, 64, 0.2, 0
PRACTICE = 3000  # a fifth of the sentences of the treebanks
TREEBANKS = ("en_ewt-ud-train.conllu", "en_eslspok-ud-train.conllu")
DEV = ("en_ewt-ud-dev.conllu", "en_eslspok-ud-dev.conllu")


class TreebankError(ModelError):
    """There is no treebank to learn from."""


def train_parser(
    treebanks: Path, out: Path, epochs: int = EPOCHS, practice: int = PRACTICE
) -> dict[str, float]:
    """Train tagger and parser and write the pipeline; the best epoch on the dev treebanks is kept.

    Args:
        treebanks: Folder with the CoNLL-U files of UD English EWT and ESLSpok.
        out: Folder of the pipeline.
        epochs: Passes over the sentences.
        practice: How many patterns of captions and traffic are filled.

    Returns:
        Scores on the dev treebanks: ``pos_acc``, ``dep_uas``, ``dep_las``.

    Raises:
        TreebankError: A file is missing.
    """
    fix_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    pipeline = spacy.blank("en")
    train = list(_treebank(pipeline, treebanks, TREEBANKS))
    trees = [parse_chunks(description.text) for description in load_hierarchy().flat]
    trees += [tree for _, tree in practice_sentences(practice, SEED)]
    train += [_doc(pipeline, tree) for tree in trees]
    dev = [Example(pipeline.make_doc(doc.text), doc) for doc in _treebank(pipeline, treebanks, DEV)]
    for name in ("morphologizer", "parser"):
        pipeline.add_pipe(name)
    examples = [Example(Doc(pipeline.vocab, [t.text for t in doc]), doc) for doc in train]
    optimizer = pipeline.initialize(lambda: examples)
    best: dict[str, float] = {}
    structlog.get_logger().info("parser_training", sentences=len(examples), dev=len(dev))
    for _ in track(range(epochs), description="training the parser"):
        order = [examples[int(i)] for i in rng.permutation(len(examples))]
        for start in range(0, len(order), BATCH):
            pipeline.update(order[start : start + BATCH], sgd=optimizer, drop=DROPOUT)
        scores = pipeline.evaluate(dev)
        found = {key: float(scores[key] or 0) for key in ("pos_acc", "dep_uas", "dep_las")}
        if found["dep_las"] > best.get("dep_las", -1.0):
            best = found
            pipeline.meta["name"] = "saclip_ud"
            pipeline.to_disk(out)
    return best


def _treebank(pipeline: Language, folder: Path, names: Iterable[str]) -> Iterator[Doc]:
    """Sentences of CoNLL-U files as documents that share the pipeline's vocabulary."""
    for name in names:
        path = folder / name
        if not path.is_file():
            raise TreebankError(f"{path}: the treebank is missing")
        text = path.read_text(encoding="utf-8")
        for doc in conllu_to_docs(text, n_sents=1, no_print=True):  # type: ignore[no-untyped-call]
            yield Doc(
                pipeline.vocab,
                words=[token.text for token in doc],
                heads=[token.head.i for token in doc],
                deps=[token.dep_ for token in doc],
                pos=[token.pos_ for token in doc],
            )


def _doc(pipeline: Language, parse: Parse) -> Doc:
    """A tree of the deterministic parser as a document; multiword prepositions split up."""
    words: list[str] = []
    heads: list[int | None] = []
    deps: list[str] = []
    pos: list[str] = []
    first: list[int] = []
    for token in parse.tokens:
        first.append(len(words))
        for k, part in enumerate(token.text.split()):
            words.append(part)
            pos.append(token.pos if k == 0 else "ADP")
            deps.append(token.dep if k == 0 else "fixed")
            heads.append(None if k == 0 else first[-1])
    for i, token in enumerate(parse.tokens):
        heads[first[i]] = first[i] if token.head == ROOT else first[token.head]
    places = [place for place in heads if place is not None]
    return Doc(pipeline.vocab, words=words, heads=places, deps=deps, pos=pos)
