"""The language model is the one that others publish, rounded to 8 bits."""

import json
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from model.errors import ModelError
from model.towers import language_model
from model.towers.language_model import HEAD_WIDTH, LanguageSizes, load_language_model, sizes_in
from model.towers.nano import Nano

WIDTH, VOCABULARY = 2 * HEAD_WIDTH, 90


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of the same architecture as all-MiniLM-L6-v2, untrained, as its library saves it."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=4 * WIDTH, max_position_embeddings=40,
    )  # fmt: skip
    where = tmp_path_factory.mktemp("language")
    model = BertModel(config, add_pooling_layer=True)
    for weight in model.parameters():  # norms and biases begin at 1 and 0, which would hide errors
        torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(where)
    return where


def test_it_says_what_the_published_model_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of short and long sentences together; rounding is looked at below."""
    monkeypatch.setattr(language_model, "_round", lambda model: None)
    published = BertModel.from_pretrained(folder)
    tokens = torch.randint(1, VOCABULARY, (3, 12))
    tokens[1, 5:] = tokens[2, 9:] = 0
    used = tokens != 0

    with torch.no_grad():
        expected = published(tokens, attention_mask=used.long()).last_hidden_state
        found = load_language_model(folder, 16)(tokens)

    assert torch.allclose(found[used], expected[used], atol=1e-4)


def test_each_row_lies_on_a_grid_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most half a step beside what was published, and never more than 255 values in a row."""
    rounded = load_language_model(folder, 16)
    monkeypatch.setattr(language_model, "_round", lambda model: None)
    published = load_language_model(folder, 16)

    matrices = [n for n, v in rounded.named_parameters() if v.ndim == 2 and n != "position"]
    assert len(matrices) == 1 + 2 * 4
    for name in matrices:
        near, exact = rounded.get_parameter(name), published.get_parameter(name)
        step = exact.abs().amax(dim=1, keepdim=True) / 127
        assert bool(((near - exact).abs() <= step * 0.501).all())
        whole = near / step
        assert torch.allclose(whole, whole.round(), atol=1e-3)
        assert not torch.equal(near, exact)
    assert torch.equal(rounded.position, published.position)


def test_it_is_never_trained(folder: Path) -> None:
    """Whatever is taught on top of it: its weights need no gradient."""
    assert not any(weight.requires_grad for weight in load_language_model(folder, 16).parameters())


def test_weights_tell_its_sizes() -> None:
    """So that a run needs no recipe of its own to be read."""
    sizes = LanguageSizes(vocab_size=50, context_length=20, width=WIDTH, layers=3)
    student = Nano(vocab_size=9, half_dim=16, width=24, language=sizes)

    assert sizes_in(student.state_dict(), "text_tower.language.") == sizes
    assert student.context_length == 20
    assert sizes_in(Nano(9, half_dim=16, width=24).state_dict(), "text_tower.language.") is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"model_type": "roberta"}, "model_type is 'roberta', not 'bert'"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu', not 'gelu'"),
        ({"num_attention_heads": 4}, "4 heads of 64 numbers, expected heads of 32 each"),
        ({"max_position_embeddings": 8}, "8 positions, fewer than the 16 asked for"),
        ({"intermediate_size": 100}, "intermediate_size is not 4 times hidden_size"),
        ({"vocab_size": 91}, "not the weights of a BERT"),
        ({"num_hidden_layers": 3}, "not the weights of a BERT"),
    ],
)
def test_another_architecture_is_refused(
    folder: Path, tmp_path: Path, changed: dict[str, object], words: str
) -> None:
    """By what is wrong with it."""
    config = json.loads((folder / "config.json").read_text()) | changed
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match=words):
        load_language_model(tmp_path, 16)


def test_a_folder_without_a_model_is_refused(folder: Path, tmp_path: Path) -> None:
    """Missing and damaged files alike."""
    with pytest.raises(ModelError, match="not a language model"):
        load_language_model(tmp_path, 16)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(b"PK")
    with pytest.raises(ModelError, match="not a language model"):
        load_language_model(tmp_path, 16)
