"""Teaching the look: who fits which texts, which pairs lie in an accident, and that it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from knowledge.entities import CLASS_GROUPS
from model.checkpoint import CheckpointError
from model.data.real_pictures import ACCIDENT, NORMAL, UNKNOWN, RealPicture, _polarity
from model.detector.export import export_detector
from model.detector.network import TrafficDetector
from model.look import LookRecipe, kind_of, look_loss, relation_of, teach_look
from model.look_run import _features_of, _student, train_look
from model.towers.nano import Nano
from model.towers.nano_look import LOOK_WIDTH, TEXTURE, DetectorLook
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.vision.rois import Rois, detected_rois, with_pseudo_rois

RECIPES = Path(__file__).parents[2] / "model" / "recipes"
CAR = CLASS_GROUPS.index("car")


def rois() -> Rois:
    boxes = [[0.1, 0.1, 0.3, 0.3], [0.2, 0.1, 0.4, 0.3], [0.7, 0.7, 0.9, 0.9]]
    return with_pseudo_rois(detected_rois(boxes, ["car"] * 3, np.full(3, 0.9)))


def test_pairs_within_the_marked_box_are_the_accident_and_mixed_ones_are_unknown() -> None:
    pairs = np.array([[0, 1], [0, 2], [2, -1], [0, -1]])
    marked = np.array([[0.25, 0.2, 0.3, 0.2]])  # cx, cy, w, h: both cars on the left

    assert _polarity(rois(), pairs, marked).tolist() == [ACCIDENT, UNKNOWN, NORMAL, ACCIDENT]
    assert _polarity(rois(), pairs, np.zeros((0, 4))).tolist() == [NORMAL] * 4


@pytest.mark.parametrize(
    ("name", "kind"), [("bus", "vehicle"), ("bicycle", "person"), ("ego", "ego"), ("road", "road")]
)
def test_who_stands_for_whom(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def picture(camera: str, anomalous: bool, shift: float) -> RealPicture:
    """A pair whose look says plainly what its label is."""
    generator = torch.Generator().manual_seed(len(camera))
    found = rois()
    pairs = np.array([[0, 1], [1, 0]])
    look = torch.randn(len(found), LOOK_WIDTH, generator=generator) * 0.1 + shift
    return RealPicture(
        camera=camera,
        anomalous=anomalous,
        rois=found,
        pairs=pairs,
        polarity=np.full(2, ACCIDENT if anomalous else NORMAL),
        roi_look=look,
        union_look=look[:2],
        texture=torch.randn(1, TEXTURE, generator=generator),
    )


def test_the_look_learns_and_nothing_else_changes() -> None:
    torch.manual_seed(0)
    student = Nano(vocab_size=60).eval()
    bank = {("vehicle", "vehicle"): torch.randn(8, student.half_dim) * 0.2}
    pictures = [picture(f"c{i}", i % 2 == 0, 1.0 if i % 2 == 0 else -1.0) for i in range(20)]
    before = {name: value.clone() for name, value in student.state_dict().items()}
    recipe = LookRecipe(name="test", steps=150, frames_a_step=6, lr=1e-2)

    with torch.no_grad():
        first = look_loss(student, pictures, bank, recipe.margin)
    teach_look(student, pictures, bank, recipe)
    with torch.no_grad():
        last = look_loss(student, pictures, bank, recipe.margin)

    assert last < 0.6 * first  # of a look only the direction counts, as of any appearance
    changed = {n for n, value in student.state_dict().items() if not torch.equal(value, before[n])}
    assert all(
        name.startswith(("relation_head.look", "relation_head.union_look", "look_gate"))
        for name in changed
    )


def test_pictures_together_are_embedded_as_each_alone() -> None:
    torch.manual_seed(0)
    student = Nano(vocab_size=60).eval()
    torch.nn.init.normal_(student.relation_head.look.weight, std=0.1)
    torch.nn.init.normal_(student.relation_head.look_scale.directions, std=0.1)
    pictures = [picture("a", True, 1.0), picture("bb", False, -1.0)]

    with torch.no_grad():
        together = relation_of(student, pictures)
        alone = torch.cat([relation_of(student, [one]) for one in pictures])

    assert torch.allclose(together, alone, atol=1e-6)


def test_the_look_reads_the_features_of_the_detector_that_it_is_given(tmp_path: Path) -> None:
    """Another than the one that finds: what serves boxes best need not serve the look."""
    torch.manual_seed(0)
    other, expected = TrafficDetector().eval(), DetectorLook().eval()
    for module in other.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, std=0.1)  # equal constants would become one in the graph
    export_detector(other, tmp_path / "other.onnx")
    expected.take_over(other)
    frame = torch.randint(0, 255, (1, 90, 160, 3), dtype=torch.uint8)

    student, _ = _student(EMBEDDED_BUNDLE, _features_of(None, tmp_path / "other.onnx"))
    plain, _ = _student(EMBEDDED_BUNDLE, _features_of(None, None))

    with torch.no_grad():
        own, others = student.detector_look(frame)[0], plain.detector_look(frame)[0]
        assert torch.allclose(own, expected(frame)[0], atol=1e-3)
        assert (own - others).abs().max() > 0.1
    assert not student.relation_head.look.weight.any()


@pytest.mark.parametrize(
    ("folder", "said"), [("nothing", "no checkpoint here"), ("bundle", "a bundle and no run")]
)
def test_what_is_no_run_is_refused_before_anything_is_taught(
    tmp_path: Path, folder: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at the pictures takes minutes."""
    monkeypatch.setattr("model.look_run._pictures", lambda *_: pytest.fail("it looked"))
    start = EMBEDDED_BUNDLE if folder == "bundle" else tmp_path

    with pytest.raises(CheckpointError, match=said):
        train_look(RECIPES / "nano_look.yaml", start, tmp_path / "out")
