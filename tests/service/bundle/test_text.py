"""Texts: where a role's tokens are, and what a description too long for the bundle is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from knowledge.hierarchy import load_hierarchy
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.bundle.manifest import BundleError
from service.bundle.sessions import Session, make_session
from service.bundle.text import TextEncoder, TextRejected, load_tokenizer, token_spans
from tests.builders.tiny_graphs import CONTEXT, HALF_DIM

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A description as far as the text encoder looks at it."""

    id: str
    text: str
    spans: tuple[Span, Span, Span]


CAR_HITS_WALL = Sentence("a.wall/car", "a car hits a wall", ((0, 5), (6, 10), (11, 17)))


@pytest.fixture(scope="module")
def encoder(tiny_bundle_dir: Path) -> TextEncoder:
    session = make_session(tiny_bundle_dir / "text_encoder.onnx", threads=1)
    return TextEncoder(session, tiny_bundle_dir / "tokenizer.json", CONTEXT)


def _pieces_tokenizer() -> Tokenizer:
    """A trained WordPiece with so few pieces that words fall into several tokens."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106 - no secret
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=60, special_tokens=["[PAD]", "[UNK]"], show_progress=False
    )
    tokenizer.train_from_iterator([flat.text for flat in load_hierarchy().flat], trainer)
    return tokenizer


def test_the_weights_match_a_case_worked_out_by_hand() -> None:
    """Five words at five offsets: the roles take 2, 1 and 2 of them."""
    offsets = [(0, 1), (2, 5), (6, 10), (11, 12), (13, 17)]

    weights = token_spans(offsets, CAR_HITS_WALL.spans, context_length=6)

    np.testing.assert_array_equal(
        weights, [[0.5, 0.5, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0.5, 0.5, 0]]
    )


def test_a_token_counts_when_a_single_character_overlaps() -> None:
    """Token edges need not fall on span edges; touching is no overlap."""
    weights = token_spans([(0, 4), (4, 8), (8, 12)], ((3, 5), (4, 8), (8, 9)), context_length=3)

    np.testing.assert_array_equal(weights, [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]])


def test_special_tokens_belong_to_no_role() -> None:
    """Their offsets are (0, 0), which lies inside a span only as an empty range."""
    weights = token_spans([(0, 0), (0, 3), (4, 6), (7, 9)], ((0, 3), (4, 6), (7, 9)), 4)

    np.testing.assert_array_equal(weights, [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("role", ["subject", "verb", "object"])
def test_a_role_without_a_token_is_named(role: str) -> None:
    """Cut off by the context, or an empty span."""
    spans = [(0, 1), (2, 3), (4, 5)]
    spans[("subject", "verb", "object").index(role)] = (9, 9)

    with pytest.raises(ValueError, match=f"the {role} has no token among the first 5"):
        token_spans([(0, 1), (2, 3), (4, 5)], spans, context_length=5)


def test_every_role_of_every_description_is_an_average_over_its_own_characters() -> None:
    """With words in pieces: rows sum to 1, weights are equal, tokens cover the span and no more."""
    tokenizer = _pieces_tokenizer()
    most = 0
    for flat in load_hierarchy().flat:
        encoding = tokenizer.encode(flat.text)
        weights = token_spans(encoding.offsets, flat.spans, len(encoding.ids))
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
        for row, (start, end) in zip(weights, flat.spans, strict=True):
            chosen = [encoding.offsets[i] for i in np.flatnonzero(row)]
            covered = {i for low, high in chosen for i in range(low, high)}
            words = {i for i in range(start, end) if flat.text[i] != " "}
            assert covered == words
            assert len(set(row[row > 0].tolist())) == 1
            most = max(most, len(chosen))

    assert most > 5  # the case of several tokens per word did occur


def test_the_shipped_hierarchy_gives_unit_vectors(encoder: TextEncoder) -> None:
    """More texts than one batch holds; a batch's edges leave no trace."""
    flat = load_hierarchy().flat

    found = encoder.encode(flat)
    alone = encoder.encode(flat[-1:])

    assert found.pooled.shape == found.svo.shape == (len(flat), HALF_DIM)
    np.testing.assert_allclose(np.linalg.norm(found.pooled, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found.svo, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found.svo[-1:], alone.svo, atol=1e-6)


class Recorded:
    """A session that remembers how many tokens it was fed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.lengths: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, output_names: Sequence[str] | None, feeds: Mapping[str, Any]) -> list[Any]:
        """Also of the session."""
        assert feeds["tokens"].shape[1] == feeds["spans"].shape[2]
        self.lengths.append(feeds["tokens"].shape[1])
        return self.session.run(output_names, feeds)


LONG = Sentence(
    "a.long/one",
    "a car that came from the left, out of a road nobody had seen, hits a wall",
    ((0, 5), (63, 67), (68, 74)),
)


def test_the_embedded_encoder_is_fed_no_more_than_the_longest_text() -> None:
    """Most of a context is padding, and padding costs time; what it says does not change."""
    session = Recorded(make_session(EMBEDDED_BUNDLE / "text_encoder.onnx", threads=1))
    encoder = TextEncoder(session, EMBEDDED_BUNDLE / "tokenizer.json", 64)

    alone = encoder.encode([CAR_HITS_WALL])
    encoder = TextEncoder(session, EMBEDDED_BUNDLE / "tokenizer.json", 64)
    together = encoder.encode([CAR_HITS_WALL, LONG])

    short, long = (len(encoder.tokenizer.encode(s.text).ids) for s in (CAR_HITS_WALL, LONG))
    assert session.lengths == [short, long]
    np.testing.assert_allclose(alone.svo[0], together.svo[0], atol=1e-5)
    np.testing.assert_allclose(alone.pooled[0], together.pooled[0], atol=1e-5)


def test_a_graph_of_one_length_is_fed_that(tiny_bundle_dir: Path) -> None:
    """As CLIP's towers are, whose exports know one length."""
    session = Recorded(make_session(tiny_bundle_dir / "text_encoder.onnx", threads=1))

    TextEncoder(session, tiny_bundle_dir / "tokenizer.json", CONTEXT).encode([CAR_HITS_WALL])

    assert session.lengths == [CONTEXT]


def test_capitals_make_no_difference(encoder: TextEncoder) -> None:
    """Experts may begin a sentence as they like."""
    shouted = Sentence("x", CAR_HITS_WALL.text.upper(), CAR_HITS_WALL.spans)

    found = encoder.encode([CAR_HITS_WALL, shouted])

    np.testing.assert_array_equal(found.pooled[0], found.pooled[1])


def test_the_same_words_in_other_roles_mean_something_else(encoder: TextEncoder) -> None:
    """Only the spans differ."""
    start, verb, end = CAR_HITS_WALL.spans
    reversed_roles = Sentence("x", CAR_HITS_WALL.text, (end, verb, start))

    found = encoder.encode([CAR_HITS_WALL, reversed_roles])

    np.testing.assert_allclose(found.pooled[0], found.pooled[1], atol=1e-6)
    assert found.svo[0] @ found.svo[1] < 0.99


def test_a_text_too_long_is_refused_with_its_id_and_the_limit(encoder: TextEncoder) -> None:
    """No word is cut off in silence."""
    long = Sentence("a.long/one", "car " * (CONTEXT + 1), CAR_HITS_WALL.spans)

    with pytest.raises(TextRejected) as refused:
        encoder.encode([CAR_HITS_WALL, long])

    assert str(refused.value) == (
        f"a.long/one: the text has {CONTEXT + 1} tokens, this bundle takes at most {CONTEXT}"
    )


def test_a_description_without_a_verb_is_refused_with_its_id(encoder: TextEncoder) -> None:
    """The id leads the expert to the line."""
    mute = Sentence("a.mute/one", "a car a wall", ((0, 5), (5, 6), (6, 12)))

    with pytest.raises(TextRejected, match=r"a\.mute/one: the verb has no token"):
        encoder.encode([mute])


def test_no_texts_are_an_error_of_the_caller(encoder: TextEncoder) -> None:
    """A hierarchy is never empty."""
    with pytest.raises(ValueError, match="at least one description"):
        encoder.encode([])


def test_padding_and_cutting_of_the_file_are_switched_off(tmp_path: Path) -> None:
    """A tokenizer.json may ask for both; both would hide that a text is too long."""
    tokenizer = _pieces_tokenizer()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=50)
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    num_tokens = len(load_tokenizer(tmp_path / "tokenizer.json").encode("a car hits us").ids)

    assert 4 < num_tokens < 50


@pytest.mark.parametrize("content", [b"", b"{}", b"\x80\x04pickle"])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    """One line with the path."""
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)

    with pytest.raises(BundleError, match=r"tokenizer\.json: not a tokenizer \(.+\)$"):
        load_tokenizer(path)
