"""VSR's rules, and the layout figures, on embeddings whose answers are known."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.data.records import Caption
from model.evaluate.embedders import BundleEmbedder, View
from model.evaluate.layouts import (
    APPEARANCES,
    LayoutEmbeddings,
    draw_tsne,
    embed_layouts,
    layout_figures,
    layouts_table,
)
from model.evaluate.vsr import (
    VsrError,
    VsrItem,
    accuracies,
    decide,
    judge,
    read_vsr,
    sentence,
    text_only,
    write_vsr,
)
from model.evaluate.vsr_geometry import geometry_says
from model.evaluate.vsr_locate import locator
from model.synthesis.layouts import make_layout
from service.pipeline.engine import load_engine
from tests.builders.footage import encoded
from tests.builders.tiny_bundle import write_tiny_bundle

LEFT = np.array([[0.0, 0.4, 0.2, 0.6], [0.7, 0.4, 0.9, 0.6]], np.float32)


def item(relation: str = "left of", label: int = 1, **changes: str) -> VsrItem:
    words = {"subj": "cat", "obj": "dog", **changes}
    caption = f"The {words['subj']} is {relation} the {words['obj']}."
    return VsrItem(image="a.jpg", caption=caption, label=label, relation=relation, **words)


class Oracle:
    """Embeds a picture as "left", a text by whether it says so."""

    def images(self, views: Sequence[View]) -> NDArray[np.float32]:
        return np.tile(np.array([[1, 0]], np.float32), (len(views), 1))

    def texts(self, captions: Sequence[Caption]) -> NDArray[np.float32]:
        rows = [[1, 0] if " left of" in c.text else [0, 1] for c in captions]
        return np.array(rows, np.float32)


def located(_: VsrItem) -> tuple[View, int]:
    return View(np.zeros((4, 4, 3), np.uint8), LEFT, (3, 3)), 2


def test_published_lines_are_read(tmp_path: Path) -> None:
    """Votes and links are read past; a broken line is named."""
    row = {
        **item().model_dump(),
        "image_link": "x",
        "annotator_id": 3,
        "vote_true_validator_id": [],
    }
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps(row) + "\n{}\n", encoding="utf-8")

    with pytest.raises(VsrError, match=r"test\.jsonl:2"):
        read_vsr(path)
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert read_vsr(path) == [item()]


def test_the_sentence_of_another_relation() -> None:
    """The spans move with the words."""
    caption = sentence(item(), "right of")

    assert caption.text == "The cat is right of the dog."
    assert [caption.text[slice(*span)] for span in caption.spans] == ["cat", "right of", "dog"]
    with pytest.raises(VsrError, match="not found"):
        sentence(VsrItem(image="a", caption="x", label=1, relation="on", subj="cat", obj="dog"))


def test_rules_by_hand() -> None:
    """The first is true of the picture, the second is not, and a tie is never true."""
    judged = judge(Oracle(), [item(), item("right of", 0), item("near", 1)], located)
    answers = decide(judged, judged[:2])

    assert answers["R1 inverse"].tolist() == [True, False, False]
    assert answers["R2 centred"].tolist()[:2] == [True, False]
    assert answers["always true"].tolist() == [True, True, True]
    assert answers["geometry only"].tolist() == [True, False, False]
    assert "R2 centred" not in decide(judged, [])  # no dev items, no threshold, no figure
    rows = accuracies(judged, answers)
    assert rows["R1 inverse"]["all (3)"] == pytest.approx(200 / 3)
    assert rows["R1 inverse"]["projective (2)"] == 100
    assert rows["R1 inverse"]["both detected (3)"] == pytest.approx(200 / 3)


@pytest.mark.parametrize(
    ("relation", "says"),
    [("left of", True), ("right of", False), ("touching", False), ("far from", True),
     ("near", False), ("inside", False), ("facing", None)],
)  # fmt: skip
def test_geometry_by_hand(relation: str, says: bool | None) -> None:
    """Two boxes side by side with a wide gap."""
    assert geometry_says(relation, LEFT) is says


def test_the_text_control_learns_words_only() -> None:
    """It finds the word that gives the label away in this made-up set."""
    train = [item("left of", 1), item("right of", 0)] * 5

    assert text_only(train, [item("left of"), item("right of")]).tolist() == [True, False]


def test_a_download_is_judged_from_its_files(tmp_path: Path) -> None:
    """Generated layouts written as VSR publishes its items, through a bundle and its detector."""
    engine = load_engine(write_tiny_bundle(tmp_path / "bundle"), threads=1)
    lines = []
    for seed in range(6):
        scene = make_layout(seed)
        assert scene.frame is not None
        (tmp_path / f"{seed}.png").write_bytes(encoded(scene.frame, ".png"))
        _, first, second = scene.facts[0].key.split(":")
        relation, label = ("left of", 1) if seed % 2 else ("touching", 0)
        row = {
            "image": f"{seed}.png", "image_link": "", "label": label, "relation": relation,
            "caption": f"The {first} is {relation} the {second}.", "subj": first, "obj": second,
            "annotator_id": 0, "vote_true_validator_id": [], "vote_false_validator_id": [],
        }  # fmt: skip
        lines.append(json.dumps(row))
    (tmp_path / "test.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    items = read_vsr(tmp_path / "test.jsonl")

    judged = judge(BundleEmbedder(engine.bundle), items, locator(engine, tmp_path))
    rows = accuracies(judged, decide(judged, judged))
    write_vsr(tmp_path / "out", rows)

    assert rows["always true"]["all (6)"] == 50
    assert rows["R1 inverse"].keys() >= {"all (6)", "projective (3)", "topological (3)"}
    assert (tmp_path / "out" / "vsr.png").stat().st_size > 3000
    (tmp_path / "0.png").write_bytes(b"broken")
    with pytest.raises(VsrError, match=r"0\.png"):
        judge(BundleEmbedder(engine.bundle), items, locator(engine, tmp_path))


def perfect() -> LayoutEmbeddings:
    eye = np.tile(np.eye(8, dtype=np.float32), (12, 1, 1))
    return LayoutEmbeddings(eye, eye)


def test_layout_figures_of_a_perfect_model() -> None:
    """Everything is 1 and nothing is off."""
    figures = layout_figures(perfect())

    assert figures.items == 96
    for name in ("image_to_text", "text_to_image", "true_over_inverse", "ari_images", "nmi_texts"):
        assert getattr(figures, name) == pytest.approx(1)
    assert figures.octants_off == 0
    assert (figures.low, figures.high) == (1, 1)


class Recorder:
    """Keeps what it is asked to embed; every vector is the same."""

    def __init__(self) -> None:
        self.views: list[View] = []
        self.captions: list[Caption] = []

    def images(self, views: Sequence[View]) -> NDArray[np.float32]:
        self.views += views
        return np.ones((len(views), 2), np.float32)

    def texts(self, captions: Sequence[Caption]) -> NDArray[np.float32]:
        self.captions += captions
        return np.ones((len(captions), 2), np.float32)


def test_the_fixed_appearance_is_one_cube_and_one_ball() -> None:
    """As in the paper's figure: always the same two things, all wordings; at random many nouns."""
    asked = {}
    for appearance in APPEARANCES:
        asked[appearance] = Recorder()
        found = embed_layouts(asked[appearance], groups=10, appearance=appearance)
        assert found.images.shape == (10, 8, 2)

    fixed = {caption.text for caption in asked["fixed"].captions}
    assert all(text.startswith("A cube ") and text.endswith(" a ball.") for text in fixed)
    assert len(fixed) == 8 * 3
    assert len({caption.text.split()[1] for caption in asked["random"].captions}) > 3
    assert not np.array_equal(asked["fixed"].views[0].frame, asked["fixed"].views[8].frame)


def test_the_table_has_a_column_for_each_appearance() -> None:
    """And a line for each figure."""
    figures = layout_figures(perfect())

    table = layouts_table({"random": figures, "fixed": figures})

    assert len(table.columns) == 3
    assert table.row_count == len(figures.as_dict())


def test_clusters_may_be_perfect_while_the_matching_is_wrong() -> None:
    """Texts turned by one octant: the clusters stay, every choice is one octant off."""
    good = perfect()
    turned = LayoutEmbeddings(good.images, np.roll(good.texts, 1, axis=1))

    figures = layout_figures(turned)

    assert figures.ari_images == figures.ari_texts == pytest.approx(1)
    assert figures.image_to_text == 0
    assert figures.octants_off == 1


def test_tsne_leaves_a_picture_and_its_points(tmp_path: Path) -> None:
    """Points as data, one for each picture and text."""
    draw_tsne(perfect(), "perfect", tmp_path / "tsne")

    points = json.loads((tmp_path / "tsne.json").read_text(encoding="utf-8"))
    assert len(points["images"]) == len(points["texts"]) == len(points["octant"]) == 96
    assert (tmp_path / "tsne.png").stat().st_size > 5000
