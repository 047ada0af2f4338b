"""What the look reads of boxes, and when it is listened to."""

import pytest
import torch

from model.detector.restore import restore_detector
from model.towers.nano import Nano
from model.towers.nano_look import LEADING, DetectorLook, Leading, look_at
from model.towers.texture_gate import TextureGate
from service.bundle.bundle import EMBEDDED_BUNDLE


def test_a_box_is_described_by_mean_largest_and_spread_of_each_channel() -> None:
    """One channel that is 1 in the left half and 3 in the right one, read over the whole map."""
    look_map = torch.ones(1, 1, 8, 8)
    look_map[..., 4:] = 3.0

    look = look_at(look_map, torch.tensor([0]), torch.tensor([[0.0, 0.0, 1.0, 1.0]]))

    assert look[0].tolist() == pytest.approx([2.0, 3.0, 1.0], abs=1e-5)


def test_what_differs_most_comes_first_and_in_deviations() -> None:
    """Two numbers that go together make one direction; its spread becomes 1."""
    torch.manual_seed(0)
    leading = Leading()
    looks = torch.randn(2000, leading.mean.numel()) * 3 + 2
    looks[:, 1] = looks[:, 0]

    leading.fit(looks)
    found = leading(looks)

    assert found.mean(dim=0).abs().max() < 1e-3
    assert found.std(dim=0) == pytest.approx(torch.ones(LEADING), abs=1e-2)
    joined = torch.corrcoef(torch.stack([found[:, 0], looks[:, 0]]))[0, 1]
    assert joined.abs() > 0.9


def test_the_layers_taken_over_are_the_detectors() -> None:
    detector, look = restore_detector(EMBEDDED_BUNDLE / "detector.onnx"), DetectorLook().eval()
    look.take_over(detector)
    frames = torch.randint(0, 256, (1, 288, 512, 3), dtype=torch.uint8)

    with torch.no_grad():
        found, texture = look(frames)
        bgr = frames.permute(0, 3, 1, 2).float().flip(1)
        expected = detector.backbone((bgr - look.mean) / 58.0)[1]

    assert torch.allclose(found, expected, atol=1e-4)
    assert texture.shape == (1, 192)


@pytest.mark.parametrize("is_open", [True, False])
def test_a_gate_opens_for_what_is_like_its_training(is_open: bool) -> None:
    gate, like = TextureGate(12, is_open), torch.randn(400, 12)
    assert gate(like).tolist() == [float(is_open)] * 400

    gate.fit(like)

    assert gate(like).mean() > 0.95
    assert gate(like[:5] + 10).max() == 0.0


def test_a_gate_of_cameras_is_open_for_a_camera_it_has_not_seen() -> None:
    """Frames of a camera differ by 0.1, cameras by 1: a camera alone would be far outside."""
    torch.manual_seed(0)
    cameras = torch.randn(30, 1, 12)
    frames = (cameras + 0.1 * torch.randn(30, 20, 12)).flatten(0, 1)
    names = [f"camera {i // 20}" for i in range(600)]
    alone, across = TextureGate(12, is_open=False), TextureGate(12, is_open=False)

    alone.fit(frames[:500])
    across.fit(frames[:500], names[:500])

    assert across(frames[500:]).mean() > 0.8
    assert across.limits[0] > alone.limits[0]


def test_a_taught_look_changes_a_pair_only_where_its_gate_is_open() -> None:
    torch.manual_seed(0)
    student = Nano(vocab_size=60).eval()
    frames = torch.randint(0, 256, (1, 90, 160, 3), dtype=torch.uint8)
    rois = torch.tensor([[0.0, 0.1, 0.2, 0.4, 0.6], [0.0, 0.5, 0.3, 0.9, 0.9]])
    asked = (frames, rois, torch.tensor([3, 3]), torch.tensor([[0, 1]]))
    student.scene_gate.limits.copy_(torch.tensor([-2.0, -1.0]))  # a real frame
    with torch.no_grad():
        untaught = student.encode_image(*asked)[1]
        torch.nn.init.normal_(student.relation_head.look.weight)
        torch.nn.init.normal_(student.relation_head.look_scale.directions)
        closed = student.encode_image(*asked)[1]
        student.look_gate.limits.copy_(torch.tensor([1.0, 2.0]))  # open at distance 0
        opened = student.encode_image(*asked)[1]

    assert torch.equal(untaught, closed)
    assert (opened - closed).abs().max() > 1e-3
