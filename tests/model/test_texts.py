"""A text tower on top of a language model: what is taught, what stays, resuming, the bundle."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from model.checkpoint import CheckpointError, load_checkpoint
from model.eight_bits import EIGHT
from model.errors import ModelError
from model.export import export_text_encoder, text_parity
from model.recipe import NanoRecipe, TextsRecipe, read_recipe
from model.texts import train_texts
from model.towers.language_model import HEAD_WIDTH, load_language_model
from model.towers.nano_text import LanguageTower
from model.train import load_student
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.bundle.manifest import TOKENIZER

RECIPES = Path(__file__).parents[2] / "model" / "recipes"
STUDENT = NanoRecipe(name="student")


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained BERT of the published architecture with the bundle's own words."""
    where = tmp_path_factory.mktemp("language")
    words = Tokenizer.from_file(str(EMBEDDED_BUNDLE / TOKENIZER))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=words.get_vocab_size(), hidden_size=4 * HEAD_WIDTH, num_hidden_layers=2,
        num_attention_heads=4, intermediate_size=16 * HEAD_WIDTH,
    )  # fmt: skip
    model = BertModel(config)
    for name, weight in model.named_parameters():
        if weight.ndim == 1:  # biases of 0 are one constant to an export, whoever has them
            torch.nn.init.normal_(weight, float("norm" in name.lower() and "weight" in name), 0.02)
    model.save_pretrained(where)
    words.save(str(where / TOKENIZER))
    return where


def _recipe(steps: int = 4) -> TextsRecipe:
    return TextsRecipe.model_validate(
        {
            "name": "few", "scenes": 12, "texts_a_meaning": 4, "mixed": 40, "texts_a_step": 16,
            "context_length": 48, "checkpoint_every": 2,
            "optim": {"steps": steps, "warmup_steps": 1},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(language: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty steps on a few captions."""
    out = tmp_path_factory.mktemp("runs") / "texts"
    train_texts(_recipe(60), STUDENT, EMBEDDED_BUNDLE, language, out)
    return out


def test_the_new_tower_comes_to_say_what_the_old_one_says(run: Path) -> None:
    """The cost falls by a third, by what stands on the language model alone."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    first, last = (row["svo"] + row["pooled"] for row in (rows[0], rows[-1]))
    assert last < 0.67 * first


def test_all_that_sees_stays_as_it_was(run: Path, language: Path) -> None:
    """So what the image side has learned to mean it still means; the language model too."""
    before, _ = load_student(EMBEDDED_BUNDLE, STUDENT)
    after, words = load_student(run, STUDENT)

    text = ("text_tower", "text_pool", "svo_linear")
    for name, value in before.state_dict().items():
        if not name.startswith(text):
            assert torch.equal(value, after.state_dict()[name]), name
    assert words.to_str() == Tokenizer.from_file(str(language / TOKENIZER)).to_str()
    assert after.context_length == 48
    assert isinstance(after.text_tower, LanguageTower)
    published = load_language_model(language, 48).state_dict()
    for name, value in after.text_tower.language.state_dict().items():
        assert torch.equal(value, published[name]), name


def test_stopped_and_resumed_it_is_the_run_that_was_not_stopped(
    language: Path, tmp_path: Path
) -> None:
    """To the last bit."""
    train_texts(_recipe(), STUDENT, EMBEDDED_BUNDLE, language, tmp_path / "whole")
    parts = tmp_path / "parts"
    train_texts(_recipe(), STUDENT, EMBEDDED_BUNDLE, language, parts, stop_at=2)
    train_texts(_recipe(), STUDENT, EMBEDDED_BUNDLE, language, parts, resume=True)

    whole, resumed = (load_checkpoint(path)["average"] for path in (tmp_path / "whole", parts))
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


def test_a_run_goes_on_with_no_other_language_model(
    run: Path, language: Path, tmp_path: Path
) -> None:
    """Nor with another context; what it has is left alone."""
    other = tmp_path / "other"
    shutil.copytree(language, other)
    model = BertModel.from_pretrained(language)
    torch.nn.init.normal_(model.embeddings.word_embeddings.weight)
    model.save_pretrained(other)
    before = (run / TOKENIZER).stat().st_mtime_ns
    longer = _recipe().model_copy(update={"context_length": 50})
    for recipe, folder in ((_recipe(), other), (longer, language)):
        with pytest.raises(CheckpointError, match="begun with another language model"):
            train_texts(recipe, STUDENT, EMBEDDED_BUNDLE, folder, run, resume=True)
    assert (run / TOKENIZER).stat().st_mtime_ns == before


def test_a_bundle_holds_it_and_gives_it_back(run: Path, tmp_path: Path) -> None:
    """Texts of any number and length; what comes back says the same."""
    student, words = load_student(run, STUDENT)
    for name in ("image_encoder.onnx", "manifest.json"):
        (tmp_path / name).write_bytes((EMBEDDED_BUNDLE / name).read_bytes())
    words.save(str(tmp_path / TOKENIZER))
    graph = tmp_path / "text_encoder.onnx"
    export_text_encoder(student, graph, any_length=True)
    rng = np.random.default_rng(0)
    texts: dict[str, NDArray[Any]] = {
        "tokens": rng.integers(2, 600, (3, 9)),
        "spans": np.full((3, 3, 9), 1 / 9, np.float32),
    }

    texts["tokens"][1, 5:] = texts["tokens"][2, 7:] = 0

    assert max(text_parity(student, graph, texts).values()) < 1e-5
    stored = [i.name for i in onnx.load(graph).graph.initializer if i.name.endswith(EIGHT)]
    assert len(stored) == 1 + 2 * 4 - 2  # all but the small `out` of each block
    back, _ = load_student(tmp_path, STUDENT)
    assert max(text_parity(back, graph, texts).values()) < 1e-5
    for name, value in student.text_tower.state_dict().items():
        assert torch.allclose(value, back.text_tower.state_dict()[name], rtol=1e-6, atol=1e-9), name


def test_what_is_no_language_model_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    """In one line, by the folder's name."""
    with pytest.raises(ModelError, match="nowhere"):
        train_texts(_recipe(), STUDENT, EMBEDDED_BUNDLE, tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_language_model_than_the_recipe_names_is_refused(
    language: Path, tmp_path: Path
) -> None:
    """By both sums."""
    recipe = _recipe().model_copy(update={"language_sha256": "53aa"})
    with pytest.raises(ModelError, match=r"sha256 [0-9a-f]{64}, the recipe asks for 53aa"):
        train_texts(recipe, STUDENT, EMBEDDED_BUNDLE, language, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_shipped_recipe_can_be_read() -> None:
    """Every key of it is one that something uses."""
    assert read_recipe(RECIPES / "nano_texts.yaml", TextsRecipe).optim.steps > 0
