"""The detector: both output layouts and every frame size, on graphs with known answers."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from service.bundle.manifest import BundleError, DetectorSpec
from service.bundle.sessions import make_session
from service.vision.detector import (
    Detector,
    decode_ultralytics,
    decode_yolox,
    network_size,
)
from tests.builders import tiny_graphs
from tests.builders.tiny_bundle import detector_spec

RED, BLUE, GREY = (230, 20, 20), (20, 20, 230), (114, 114, 114)


def _spec(**changes: Any) -> DetectorSpec:
    return DetectorSpec.model_validate(detector_spec(**changes))


def _frame(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), GREY, np.uint8)


def _three_classes(**changes: Any) -> DetectorSpec:
    return _spec(classes=("person", "car", "truck"), **changes)


def _answering(tmp_path: Path, output: NDArray[np.float32], spec: DetectorSpec) -> Detector:
    path = tmp_path / "detector.onnx"
    path.write_bytes(tiny_graphs.constant_detector(output))
    return Detector(make_session(path, threads=1), spec)


@pytest.fixture(scope="module")
def colour_detector(tiny_bundle_dir: Path) -> Detector:
    return Detector(make_session(tiny_bundle_dir / "detector.onnx", threads=1), _spec())


def test_a_fixed_input_is_taken_for_every_frame(tmp_path: Path) -> None:
    """A graph without free axes decides: here 3549 cells of a 416x416 input."""
    detector = _answering(
        tmp_path, np.zeros((1, 3549, 8), np.float32), _three_classes(input_hw=(416, 416))
    )

    assert len(detector.detect(_frame(720, 1280))) == 0


@pytest.mark.parametrize("frame_hw", [(1, 1), (1, 5000), (5000, 1), (2, 3), (720, 1280)])
@pytest.mark.parametrize(("input_hw", "near"), [(None, None), ((416, 416), None), (None, 320)])
def test_every_frame_size_is_an_answer(
    tmp_path: Path,
    frame_hw: tuple[int, int],
    input_hw: tuple[int, int] | None,
    near: int | None,
) -> None:
    """A box over the whole input is the whole frame, however little of the input that covers."""
    output = np.array([[[-5, -5, 500, 500, 0.9, 1]]], np.float32)
    spec = _three_classes(layout="ultralytics", input_hw=input_hw, near_long_side=near)

    found = _answering(tmp_path, output, spec).detect(_frame(*frame_hw))

    assert found.xyxy.tolist() == [[0, 0, 1, 1]]


def test_an_empty_road_is_an_answer(colour_detector: Detector) -> None:
    """No object is a result, not an error."""
    found = colour_detector.detect(_frame(720, 1280))

    assert len(found) == 0
    assert found.xyxy.shape == (0, 4)


def test_a_patch_is_found_where_it_lies(colour_detector: Detector) -> None:
    """A red and a blue patch of one grid cell each in a frame of twice the network's size.

    The cell (96..128, 64..96) of the 256x416 input is 192..256, 128..192 in the 468x832 frame;
    the box is twice as wide around the same centre.
    """
    frame = _frame(468, 832)
    frame[128:192, 192:256] = RED
    frame[256:320, 640:704] = BLUE

    found = colour_detector.detect(frame)

    boxes_px = found.xyxy * np.array([832, 468, 832, 468])
    assert dict(zip(found.class_name, boxes_px.round().astype(int).tolist(), strict=True)) == {
        "car": [160, 96, 288, 224],
        "person": [608, 224, 736, 352],
    }
    assert found.source == ("detected", "detected")
    assert (found.confidence > 0.9).all()


def test_channels_reach_the_graph_in_the_order_of_the_spec(tiny_bundle_dir: Path) -> None:
    """Read as RGB, the same graph takes red for blue."""
    session = make_session(tiny_bundle_dir / "detector.onnx", threads=1)
    frame = _frame(416, 416)
    frame[:64, :64] = RED

    names = {
        colour: set(Detector(session, _spec(colour=colour)).detect(frame).class_name)
        for colour in ("bgr", "rgb")
    }

    assert names == {"bgr": {"car"}, "rgb": {"person"}}


class _Recorder:
    """A session that keeps what it is fed and finds nothing."""

    def __init__(self) -> None:
        self.fed: list[NDArray[np.float32]] = []

    def run(self, _: object, feeds: dict[str, NDArray[np.float32]]) -> list[Any]:
        self.fed.extend(feeds.values())
        return [np.zeros((1, 7, 0), np.float32)]

    def get_inputs(self) -> list[Any]:
        class Images:
            name = "images"

        return [Images()]


def test_pixels_are_scaled_as_the_spec_says() -> None:
    """White at scale 1/255 is 1: the graph answers with the sum of what it got."""
    session = _Recorder()

    spec = _three_classes(layout="ultralytics", colour="rgb", scale=1 / 255)
    Detector(session, spec).detect(np.full((64, 64, 3), 255, np.uint8))  # type: ignore[arg-type]  # only what detect uses

    (fed,) = session.fed
    assert fed.shape == (1, 3, 416, 416)
    assert fed.dtype == np.float32
    np.testing.assert_allclose(fed, 1.0, atol=1e-6)


def test_a_second_look_is_smaller() -> None:
    """A 16:9 frame at 416 and once more at 256; without a second look once."""
    sizes = {}
    for near in (None, 256):
        session = _Recorder()
        spec = _three_classes(layout="ultralytics", near_long_side=near)
        Detector(session, spec).detect(_frame(720, 1280))  # type: ignore[arg-type]  # only what detect uses
        sizes[near] = [fed.shape[2:] for fed in session.fed]

    assert sizes == {None: [(256, 416)], 256: [(256, 416), (160, 256)]}


@pytest.mark.parametrize(
    ("frame_hw", "near_hw"),
    [((512, 896), (128, 224)), ((896, 512), (224, 128)), ((500, 896), (128, 224))],
)
def test_what_the_second_look_finds_lies_where_it_lies_in_the_frame(
    tiny_bundle_dir: Path, frame_hw: tuple[int, int], near_hw: tuple[int, int]
) -> None:
    """A red patch as large as one cell of the second look, in frames of four times its size.

    Of 896 columns the second look sees 224: its cell 32..64 by 32..64 is 128..256 of the frame, and
    the box is twice as wide around the same centre, 64..320. The first look, at 448, sees two by
    two cells there, whose boxes are half as large; each has less than 0.45 in common with it.
    """
    session = make_session(tiny_bundle_dir / "detector.onnx", threads=1)
    frame = _frame(*frame_hw)
    frame[128:256, 128:256] = RED

    found = Detector(session, _spec(long_side=448, near_long_side=224)).detect(frame)

    height, width = frame_hw
    boxes = found.xyxy * np.array([width, height, width, height])
    side = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    near = boxes[side > 200]
    assert network_size(*frame_hw, 224) == near_hw
    assert set(found.class_name) == {"car"}
    np.testing.assert_allclose(near, [[64, 64, 320, 320]], atol=6)
    assert len(found) > len(near)


def test_yolox_rows_match_a_case_worked_out_by_hand() -> None:
    """32x32 input: 16 cells of 8, 4 of 16, 1 of 32; cell 6 is column 2 of row 1 at stride 8."""
    output = np.zeros((1, 21, 8), np.float32)
    output[0, 6] = [0.5, 0.25, math.log(2), 0, 0.9, 0.1, 0.8, 0.3]
    output[0, 20] = [0.5, 0.5, 0, 0, 0.5, 0.5, 0, 0]  # 0.25 is below the threshold

    found = decode_yolox(output, (32, 32), _three_classes(score_threshold=0.5))

    np.testing.assert_allclose(found.xyxy, [[20 - 8, 10 - 4, 20 + 8, 10 + 4]], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.72], rtol=1e-6)
    assert found.classes.tolist() == [1]


def test_ultralytics_v8_columns_are_centre_and_size(tmp_path: Path) -> None:
    """(1, 4 + C, A): two known boxes among noise below the threshold, one of them doubled."""
    output = np.zeros((1, 7, 40), np.float32)
    output[0, :4, :] = 50
    output[0, 4:, :] = 0.1
    output[0, :, 3] = [208, 104, 104, 52, 0.0, 0.9, 0.2]
    output[0, :, 4] = [210, 104, 104, 52, 0.0, 0.8, 0.2]
    output[0, :, 9] = [104, 52, 41.6, 20.8, 0.7, 0.0, 0.0]
    detector = _answering(tmp_path, output, _three_classes(layout="ultralytics"))

    found = detector.detect(_frame(208, 416))

    assert found.class_name == ("car", "person")
    np.testing.assert_allclose(found.confidence, [0.9, 0.7], rtol=1e-6)
    np.testing.assert_allclose(
        found.xyxy, [[0.375, 0.375, 0.625, 0.625], [0.2, 0.2, 0.3, 0.3]], atol=1e-6
    )


def test_ultralytics_end_to_end_rows_are_corners(tmp_path: Path) -> None:
    """(1, N, 6) of v26: x1, y1, x2, y2, score, class; the padding below the frame is cut off."""
    output = np.zeros((1, 300, 6), np.float32)
    output[0, 0] = [104, 52, 312, 156, 0.9, 2]
    output[0, 1] = [0, 150, 416, 260, 0.8, 1]  # hangs into the padding
    output[0, 2] = [0, 212, 100, 220, 0.7, 1]  # lies in it
    detector = _answering(tmp_path, output, _three_classes(layout="ultralytics"))

    found = detector.detect(_frame(208, 416))

    assert found.class_name == ("truck", "car")
    np.testing.assert_allclose(
        found.xyxy, [[0.25, 0.25, 0.75, 0.75], [0, 150 / 208, 1, 1]], atol=1e-6
    )


def test_a_class_beyond_the_list_is_refused() -> None:
    """End-to-end graphs carry no number of classes in their shape."""
    output = np.array([[[0, 0, 9, 9, 0.9, 3]]], np.float32)

    with pytest.raises(BundleError, match=r"detector\.onnx: found class 3, expected 0\.\.2"):
        decode_ultralytics(output, _three_classes())


def test_an_output_of_another_shape_is_refused() -> None:
    """Found and expected stand in the message, for both layouts."""
    output = np.zeros((1, 21, 9), np.float32)

    with pytest.raises(BundleError, match=r"\(1, 21, 9\), expected \(1, 21, 8\)"):
        decode_yolox(output, (32, 32), _three_classes())
    with pytest.raises(BundleError, match=r"\(1, 21, 9\), expected \(1, 7, A\) or \(1, N, 6\)"):
        decode_ultralytics(output, _three_classes())


def test_rows_that_are_no_numbers_cost_only_themselves() -> None:
    """NaN scores, infinite boxes and sizes beyond exp are left out or bounded."""
    output = np.zeros((1, 21, 8), np.float32)
    output[0, :, 4] = 1
    output[0, :3, 5] = [0.9, np.nan, 0.8]
    output[0, 0, 2] = 1000.0
    output[0, 2, 0] = np.inf

    found = decode_yolox(output, (32, 32), _three_classes())

    assert found.scores.tolist() == pytest.approx([0.9])
    assert np.isfinite(found.xyxy).all()


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_what_is_no_frame_is_refused(colour_detector: Detector, frame: NDArray[Any]) -> None:
    """The decoder promises (H, W, 3) uint8; anything else is a fault of the caller."""
    with pytest.raises(ValueError, match="a frame must be"):
        colour_detector.detect(frame)


def test_warming_up_finds_a_graph_that_does_not_fit(tmp_path: Path) -> None:
    """Before the first request, not with it."""
    detector = _answering(tmp_path, np.zeros((1, 5, 5), np.float32), _three_classes())

    with pytest.raises(BundleError, match="found an output"):
        detector.warm_up()
