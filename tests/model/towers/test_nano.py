"""The student: what must change its outputs, what must not, and sizes down to nothing."""

import copy

import pytest
import torch

from model.towers.nano import Nano
from model.towers.nano_image import pair_geometry, sample_rois, union_boxes
from model.towers.nano_look import LOOK_WIDTH, TEXTURE
from service.bundle.encoder import MOTION_WIDTH


@pytest.fixture(scope="module")
def student() -> Nano:
    """An untrained student whose batch norms have seen some frames, as those of a trained one."""
    torch.manual_seed(0)
    student = Nano(vocab_size=100)
    with torch.no_grad():
        for _ in range(30):
            shades = torch.randint(0, 256, (4, 1, 1, 3))
            student.trunk((shades + torch.randn(4, 96, 160, 3) * 20).clamp(0, 255).byte())
    return student.eval()


def _inputs(num_frames: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (num_frames, 96, 160, 3), generator=generator, dtype=torch.uint8)
    boxes = [[i, 0.1, 0.4, 0.4, 0.9, i, 0.5, 0.3, 0.9, 0.8] for i in range(num_frames)]
    rois = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 5)
    return frames, rois, torch.tensor([3, 1] * num_frames)


def test_swapping_the_boxes_changes_the_relation(student: Nano) -> None:
    """Eq. 7 keeps the roles apart: a car behind a person is no person behind a car."""
    frames, rois, classes = _inputs()

    _, relation, _ = student.encode_image(frames, rois, classes, torch.tensor([[0, 1], [1, 0]]))

    assert (relation[0] - relation[1]).abs().max() > 0.01


def test_another_frame_changes_the_scene(student: Nano) -> None:
    """The scene half sees the pixels, the first of two equal frames as the second."""
    frames, rois, classes = _inputs(3)
    frames[1] = frames[1] // 4
    frames[2] = frames[0]

    scene, _, _ = student.encode_image(frames, rois, classes, torch.tensor([[0, 1]]))

    assert (scene[0] - scene[1]).abs().max() > 1e-4
    assert torch.allclose(scene[0], scene[2], atol=1e-6)


@pytest.mark.parametrize("num_pairs", [0, 1, 5])
def test_any_number_of_pairs(student: Nano, num_pairs: int) -> None:
    """K = 0 is a frame in which nothing stands in relation to anything."""
    frames, rois, classes = _inputs(2)
    pairs = torch.tensor([[0, -1]] * num_pairs, dtype=torch.int64).reshape(-1, 2)

    scene, relation, gate = student.encode_image(frames, rois, classes, pairs)

    assert scene.shape == (2, 256)
    assert relation.shape == (num_pairs, 256)
    assert gate.shape == (2,)


def test_a_closed_gate_hides_the_pixels(student: Nano) -> None:
    """Without pixels two different frames with the same boxes have the same relation."""
    frames, rois, classes = _inputs(2)
    same = rois.clone()
    same[2:, 1:] = rois[:2, 1:]

    _, relation = student.encode_mixed(frames[:1], same, classes, torch.tensor([[0, 1], [2, 3]]))
    assert (relation[0] - relation[1]).abs().max() > 1e-4
    with torch.no_grad():
        head = student.relation_head
        looks, closed = torch.randn(4, 64 * 16), torch.zeros(4, 1)
        pairs = torch.tensor([[0, 1], [2, 3]])
        still = torch.zeros(2, MOTION_WIDTH)
        blind = head(looks, looks[:2], same[:, 1:], classes, pairs, still, closed, closed[:2])
    assert torch.allclose(blind[0], blind[1], atol=1e-6)


def test_motion_tells_pairs_apart_that_look_alike(student: Nano) -> None:
    """The same frame, boxes and classes; one of two pairs has moved. None is all zeros."""
    frames, rois, classes = _inputs(2)
    pairs = torch.tensor([[0, 1], [0, 1]])
    motion = torch.zeros(2, MOTION_WIDTH)
    motion[1, :8] = 0.5
    learned = copy.deepcopy(student)
    last = learned.relation_head.motion[2]
    assert isinstance(last, torch.nn.Linear)
    torch.nn.init.normal_(last.weight, std=0.1)

    _, relation, _ = learned.encode_image(frames, rois, classes, pairs, motion)
    _, still, _ = learned.encode_image(frames, rois, classes, pairs)

    assert (relation[0] - relation[1]).abs().max() > 1e-4
    assert torch.allclose(relation[0], still[0], atol=1e-6)


def _watched() -> torch.Tensor:
    """The motion of one pair of which a watcher knows nothing yet."""
    motion = torch.zeros(1, MOTION_WIDTH)
    motion[:, -1] = 1.0
    return motion


def test_the_look_is_silent_on_film(student: Nano) -> None:
    """It has learned from stills: where somebody watches, pairs are embedded as without it."""
    frames, rois, classes = _inputs(1)
    pairs = torch.tensor([[0, 1]])
    watched = _watched()
    learned = copy.deepcopy(student)
    head = learned.relation_head
    head.look_scale.fit(torch.randn(200, LOOK_WIDTH))
    torch.nn.init.normal_(head.look.weight)
    # Open to every picture, and every picture is far from the real ones: drawn.
    learned.look_gate.whiten.copy_(torch.eye(TEXTURE) * 1e3)
    learned.look_gate.limits.copy_(torch.tensor([1e9, 2e9]))

    def relation(model: Nano, motion: torch.Tensor | None) -> torch.Tensor:
        return model.encode_image(frames, rois, classes, pairs, motion)[1]

    assert (relation(learned, None) - relation(student, None)).abs().max() > 1e-3
    assert torch.allclose(relation(learned, watched), relation(student, watched), atol=1e-6)


def test_what_film_has_taught_is_silent_in_stills(student: Nano) -> None:
    """Where nobody watches pairs are embedded as without it; where somebody does they are not."""
    frames, rois, classes = _inputs(1)
    pairs = torch.tensor([[0, 1]])
    watched = _watched()
    learned = copy.deepcopy(student)
    for weight in learned.relation_head.video_residual.parameters():
        torch.nn.init.normal_(weight)

    def relation(model: Nano, motion: torch.Tensor | None) -> torch.Tensor:
        return model.encode_image(frames, rois, classes, pairs, motion)[1]

    assert torch.equal(relation(learned, None), relation(student, None))
    assert (relation(learned, watched) - relation(student, watched)).abs().max() > 1e-3


def test_a_frame_as_near_to_real_ones_is_not_drawn(student: Nano) -> None:
    """By hand: drawn frames lie at 3, real ones at 0, both a deviation wide; 1.5 is between."""
    knows = copy.deepcopy(student)
    for gate, mean in ((knows.drawn_gate, 3.0), (knows.look_gate, 0.0)):
        gate.mean.fill_(mean)
        gate.whiten.copy_(torch.eye(TEXTURE))
        gate.limits.copy_(torch.tensor([1.5, 2.5]))
    textures = torch.tensor([[3.0], [2.05], [1.5], [0.0]]).expand(4, TEXTURE)

    # Nearer to the drawn ones by 3, 1.1 (half way from 0.9 to 1.3), 0 and -3 deviations.
    assert knows._drawn(textures).tolist() == pytest.approx([1.0, 0.5, 0.0, 0.0], abs=1e-5)

    knows.look_gate.limits.copy_(torch.tensor([-2.0, -1.0]))  # no real picture has taught it
    assert knows._drawn(textures).tolist() == pytest.approx([1.0, 1.0, 1.0, 0.0], abs=1e-5)


def test_padding_says_nothing(student: Nano) -> None:
    """A text has the same vectors with four and with twelve places of padding."""
    tokens = torch.zeros(1, 16, dtype=torch.int64)
    tokens[0, :4] = torch.tensor([5, 6, 7, 8])
    spans = torch.zeros(1, 3, 16)
    spans[0, 0, 0] = spans[0, 1, 1] = spans[0, 2, 3] = 1.0

    long = student.encode_text(tokens, spans)
    short = student.encode_text(tokens[:, :8], spans[..., :8])

    for a, b in zip(long, short, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_the_gate_closes_far_from_the_training_frames() -> None:
    """A Gaussian cloud is inside its own limits, a point ten deviations away is not."""
    torch.manual_seed(0)
    student = Nano(vocab_size=100)
    cloud = torch.randn(2000, student.trunk.texture_features)
    student.scene_gate.fit(cloud)

    assert student.scene_gate(cloud).mean() > 0.95
    assert student.scene_gate(cloud[:5] + 10).max() == 0.0


def test_samples_of_a_ramp_are_its_values() -> None:
    """On a map whose value is its column, a box over the middle half reads the middle columns."""
    ramp = torch.arange(8.0).expand(1, 1, 4, 8)

    samples = sample_rois(ramp, torch.tensor([0]), torch.tensor([[0.25, 0.0, 0.75, 1.0]]), grid=2)

    # Points at 0.375 and 0.625 of eight columns: 3.0 - 0.5 and 5.0 - 0.5.
    assert samples.tolist() == [[2.5, 4.5, 2.5, 4.5]]


def test_pair_geometry_by_hand() -> None:
    """Two unit-free boxes side by side: no overlap, a gap of one mean width, same foot."""
    xyxy = torch.tensor([[0.1, 0.2, 0.3, 0.6], [0.5, 0.2, 0.7, 0.6]])

    numbers = pair_geometry(xyxy, torch.tensor([[0, 1]]))[0]

    assert numbers[:3].tolist() == [0.0, 0.0, 0.0]  # IoU and both shares
    assert numbers[3:5].tolist() == pytest.approx([2.0, 0.0], abs=1e-5)  # offset in widths, heights
    assert numbers[5:7].tolist() == pytest.approx([1.0, -1.0], abs=1e-5)  # gap right, overlap in y
    assert numbers[7].item() == pytest.approx(0.0, abs=1e-5)  # the same foot
    assert numbers[15].item() == 1.0


def test_the_union_of_a_lone_subject_is_its_own_box() -> None:
    """Grown by five per cent of its size on each side."""
    xyxy = torch.tensor([[0.2, 0.2, 0.4, 0.6]])

    union = union_boxes(xyxy, torch.tensor([[0, -1]]))

    assert union[0].tolist() == pytest.approx([0.19, 0.18, 0.41, 0.62])
