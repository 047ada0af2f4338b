"""The text control measures what it says, on an untrained student that knows nothing."""

from collections.abc import Sequence

import pytest
import torch

from knowledge.flat import FlatDescription
from knowledge.hierarchy import load_hierarchy
from model.data.tokenizer import train_tokenizer
from model.evaluate.texts import OTHER_WORDS, compare_texts, figures_table, wilson_interval
from model.towers.nano import Nano


def test_the_wilson_interval_by_hand() -> None:
    """Five of ten: the textbook's 0.237 to 0.763; none of ten still leaves 0.278."""
    assert wilson_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    low, high = wilson_interval(0, 10)
    assert low == pytest.approx(0.0, abs=1e-9)
    assert high == pytest.approx(0.2775, abs=1e-4)


def test_other_words_say_the_same_of_the_same() -> None:
    """Sentence for sentence: leaf, roles, polarity, codes; never the same sentence."""
    expert, others = load_hierarchy().flat, load_hierarchy(OTHER_WORDS).flat

    def told(items: Sequence[FlatDescription]) -> list[tuple[object, ...]]:
        return [(d.leaf_id, d.polarity, d.dota, d.participants) for d in items]

    assert told(others) == told(expert)
    assert not {item.text.lower() for item in others} & {item.text.lower() for item in expert}


def test_a_student_of_long_texts_is_asked_in_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the same hierarchy in the experts' own."""
    monkeypatch.setattr("model.evaluate.texts.NUM_NULL_SCENES", 8)
    tokenizer = train_tokenizer([item.text for item in load_hierarchy().flat], 600)
    student = Nano(tokenizer.get_vocab_size(), context_length=200)

    rows = compare_texts(student, tokenizer, load_hierarchy(), num_scenes=10)

    names = ["trained", "in other words", "shuffled descriptions", "random weights"]
    assert [row.name for row in rows] == names


@pytest.mark.slow
def test_an_untrained_student_is_no_better_than_its_own_controls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Random weights give chance in every row, or the table would reward anything.

    Chance is what can be guessed from who takes part: a leaf of two vehicles, say, where there are
    two. The shipped student's interval begins at 0.24.
    """
    monkeypatch.setattr("model.evaluate.texts.NUM_NULL_SCENES", 40)
    hierarchy = load_hierarchy()
    tokenizer = train_tokenizer([item.text for item in hierarchy.flat], 600)
    torch.manual_seed(3)
    student = Nano(tokenizer.get_vocab_size())

    rows = compare_texts(student, tokenizer, hierarchy, num_scenes=200)

    # Spelled by a tokenizer of 600 words, other words are longer than its context.
    assert [row.name for row in rows] == ["trained", "shuffled descriptions", "random weights"]
    assert len({row.num_scenes for row in rows}) == 1
    assert all(row.leaf_interval[0] < 0.15 for row in rows)
    assert all(0.2 < row.frame_auc < 0.8 for row in rows)
    assert figures_table(rows).row_count == 3
