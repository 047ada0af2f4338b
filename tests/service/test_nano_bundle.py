"""The embedded bundle keeps its contract: the shipped graphs, not small stand-ins."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.bundle.bundle import EMBEDDED_BUNDLE
from service.pipeline.engine import Engine, load_engine
from service.pipeline.video import VideoAnalyzer
from service.vision.isolated import in_this_process
from service.vision.rois import detected_rois, form_pairs, with_pseudo_rois


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine(EMBEDDED_BUNDLE, threads=1)


def _frames(count: int) -> NDArray[np.uint8]:
    """Streets of a kind: bright above, dark below, each with its own noise."""
    rng = np.random.default_rng(5)
    rows = np.linspace(220, 60, 180)[None, :, None, None]
    noise = rng.normal(0, 12, (count, 180, 320, 3)) + np.arange(count)[:, None, None, None] * 8
    return np.clip(rows + noise, 0, 255).astype(np.uint8)


def test_a_frame_without_any_road_user_is_scored(engine: Engine) -> None:
    """R = 0 detections: the pseudo regions remain and the answer is a whole one."""
    nobody = detected_rois(np.zeros((0, 4), np.float32), (), np.zeros(0, np.float32))

    (result,) = engine.analyzer.analyze_detected(list(_frames(1)), [nobody])

    assert len(result.rois) == 3
    assert 0 <= result.probability <= 1
    assert result.explanations


def test_eight_frames_in_one_call_equal_eight_calls(engine: Engine) -> None:
    """B = 8 shares an encoder call and changes nothing."""
    frames = list(_frames(8))

    together = engine.analyzer.analyze(frames)
    alone = [engine.analyzer.analyze([frame])[0] for frame in frames]

    for a, b in zip(together, alone, strict=True):
        assert a.score == pytest.approx(b.score, abs=1e-3)
        assert a.eq11 == pytest.approx(b.eq11, abs=1e-4)


def test_no_pair_and_no_region_are_possible(engine: Engine) -> None:
    """K = 0 and R = 0 at the encoder itself."""
    embeddings = engine.bundle.image_encoder.encode(
        _frames(2), np.zeros((0, 5), np.float32), np.zeros(0, np.int64), np.zeros((0, 2), np.int64)
    )

    assert embeddings.scene.shape == (2, engine.bundle.manifest.half_dim)
    assert embeddings.relation.shape == (0, engine.bundle.manifest.half_dim)


def test_swapping_subject_and_object_changes_the_relation(engine: Engine) -> None:
    """A car behind a person is no person behind a car."""
    rois = with_pseudo_rois(
        detected_rois(
            np.array([[0.1, 0.4, 0.4, 0.8], [0.45, 0.3, 0.55, 0.7]], np.float32),
            ("car", "person"),
            np.ones(2, np.float32),
        )
    )
    rows = np.column_stack([np.zeros(len(rois)), rois.xyxy]).astype(np.float32)

    relation = engine.bundle.image_encoder.encode(
        _frames(1), rows, rois.class_group, np.array([[0, 1], [1, 0]])
    ).relation

    assert float(relation[0] @ relation[1]) < 0.95
    assert form_pairs(rois).shape[1] == 2


def test_swapping_frames_swaps_their_scenes(engine: Engine) -> None:
    """The scene half belongs to its frame, in whatever order the frames come."""
    frames = _frames(8)[[0, 7]]
    none = (np.zeros((0, 5), np.float32), np.zeros(0, np.int64), np.zeros((0, 2), np.int64))

    forward = engine.bundle.image_encoder.encode(frames, *none).scene
    backward = engine.bundle.image_encoder.encode(frames[::-1].copy(), *none).scene

    assert np.abs(forward[0] - forward[1]).max() > 1e-3
    assert np.allclose(forward, backward[::-1], atol=1e-5)


def test_the_manifest_says_how_far_torch_and_onnx_are_apart(engine: Engine) -> None:
    """Measured on real frames when the bundle was written."""
    parity = engine.bundle.manifest.parity

    assert {"detector", "scene", "relation", "scene_gate", "pooled", "svo"} <= set(parity)
    assert max(parity[name] for name in ("scene", "relation", "pooled", "svo")) < 1e-3


def test_the_sample_of_the_page_gives_an_alarm_when_the_car_hits_us(engine: Engine) -> None:
    """Whoever tries it first must see what an alarm looks like: one, at 2.0 s, none before."""
    sample = Path(__file__).parents[2] / "service" / "web" / "samples" / "accident.mp4"

    report = VideoAnalyzer(engine, in_this_process(1_000_000, 60)).analyze(sample)

    (segment,) = report.segments
    assert 1.5 < segment.start_s < 3.0
    assert segment.explanations[0].description_id.startswith("a.ego.vp")
