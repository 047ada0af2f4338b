"""The frame pipeline with small but real models: random projections of real pixels and boxes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from knowledge.hierarchy import load_hierarchy
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.judging import FrameResult
from service.scoring.calibration import Mode, neutral_calibration
from service.scoring.text_bank import TextBank, build_text_bank
from tests.builders.small_models import (
    BrightSpots,
    HashedTexts,
    ImageVectors,
    ProjectedImages,
    street,
)

MODES: tuple[Mode, ...] = get_args(Mode)


@pytest.fixture(scope="module")
def text_bank() -> TextBank:
    return build_text_bank(load_hierarchy(), HashedTexts())


@pytest.fixture
def analyzer(text_bank: TextBank) -> FrameAnalyzer:
    return FrameAnalyzer(BrightSpots(), ProjectedImages(), text_bank, neutral_calibration())


def same(first: FrameResult, second: FrameResult) -> None:
    """All but the timings agree."""
    assert first.score == pytest.approx(second.score, abs=1e-6)
    assert first.eq11 == pytest.approx(second.eq11, abs=1e-6)
    assert first.probability == pytest.approx(second.probability, abs=1e-6)
    assert first.evidence == pytest.approx(second.evidence, abs=1e-6)
    assert first.pairs.tolist() == second.pairs.tolist()
    assert [e.description_id for e in first.explanations] == [
        e.description_id for e in second.explanations
    ]


def test_frames_of_two_sizes_that_are_shrunk_to_one_share_a_call(text_bank: TextBank) -> None:
    """Each is answered as it is alone, in pixels of the frame that was sent."""
    encoder = ProjectedImages()
    encoder.longest_side = 48
    analyzer = FrameAnalyzer(BrightSpots(), encoder, text_bank, neutral_calibration())
    small, large = street((5, 15), (20, 32)), np.repeat(np.repeat(street((5, 15)), 2, 0), 2, 1)

    both = analyzer.analyze([small, large])
    assert encoder.calls == [(2, 36, 48, 3)]
    for frame, together in zip((small, large), both, strict=True):
        (alone,) = analyzer.analyze([frame])
        same(alone, together)
        assert alone.explanations == together.explanations


@pytest.mark.parametrize("mode", MODES)
def test_a_frame_with_two_cars_is_scored_and_explained(analyzer: FrameAnalyzer, mode: Mode) -> None:
    """Every named object stands in the frame, in pixels of the frame."""
    (result,) = analyzer.analyze([street((5, 15), (20, 32))], mode, top_k=4)

    assert result.rois.class_name == ("car", "car", "full", "road", "ego")
    assert 0 < len(result.explanations) <= 4
    assert 0 < result.probability < 1
    assert result.anomalous == (result.probability >= 0.5)
    assert -1 <= result.eq11 <= 1
    assert set(result.timings_ms) == {"detect", "encode", "score"}
    for item in result.explanations:
        assert item.subject is not None
        for box in filter(None, (item.subject, item.object)):
            assert box.class_name in {"car", "full", "road", "ego"}
            assert 0 <= box.xyxy[0] <= box.xyxy[2] <= 64
            assert 0 <= box.xyxy[1] <= box.xyxy[3] <= 48


def test_the_modes_share_eq11_and_differ_in_their_score(analyzer: FrameAnalyzer) -> None:
    """The literal value stands beside every score."""
    frame = street((5, 15), (20, 32))
    literal, contrast, paired = (analyzer.analyze([frame], mode)[0] for mode in MODES)

    assert literal.score == literal.eq11 == contrast.eq11 == paired.eq11
    assert len({literal.score, contrast.score, paired.score}) == 3


def test_the_evidence_of_what_is_told_is_that_of_a_listed_anomaly(text_bank: TextBank) -> None:
    """The modes of Eq. (11) do not know it, and a calm frame with one line names no anomaly."""
    calibration = neutral_calibration()
    calm = calibration.stills.model_copy(update={"threshold": 1.0})
    alarmed = calibration.stills.model_copy(update={"threshold": 0.0})
    frame, found = street((5, 15), (20, 32)), {}
    for name, stills in (("calm", calm), ("alarmed", alarmed)):
        told = calibration.model_copy(update={"stills": stills})
        analyzer = FrameAnalyzer(BrightSpots(), ProjectedImages(), text_bank, told)
        for mode in MODES:
            for top_k in (1, 5):
                (result,) = analyzer.analyze([frame], mode, top_k=top_k)
                found[name, mode, top_k] = result.told_evidence

    speaks = {key for key, evidence in found.items() if evidence > 0}
    assert speaks == {("calm", "paired", 5), ("alarmed", "paired", 1), ("alarmed", "paired", 5)}


def test_a_frame_without_detections_is_a_result(analyzer: FrameAnalyzer) -> None:
    """R = 0: only the ego vehicle and the road can be spoken of."""
    (result,) = analyzer.analyze([street()])

    assert len(result.rois) == 3
    assert math.isfinite(result.score)
    assert {item.subject.class_name for item in result.explanations if item.subject} == {"ego"}


def test_a_leaf_without_its_participants_stays_silent(analyzer: FrameAnalyzer) -> None:
    """A pedestrian is struck only where one stands."""
    without, with_person = analyzer.analyze(
        [street((5, 15), (20, 32)), street((5, 15), (20, 32), person=(40, 44))]
    )

    leaf = analyzer.text_bank.leaf_ids.index("a.vp.hit")
    assert without.evidence[leaf] == -np.inf
    assert np.isfinite(with_person.evidence[leaf])
    assert not any(e.path[1] == "Vehicle with person" for e in without.explanations)


@pytest.mark.parametrize("mode", MODES)
def test_eight_frames_of_one_size_cost_one_encoder_call(
    analyzer: FrameAnalyzer, mode: Mode
) -> None:
    """B = 8 with 0 to 7 cars each gives what eight single calls give."""
    frames = [street(*((8 * i, 8 * i + 5) for i in range(n))) for n in range(8)]

    together = analyzer.analyze(frames, mode)

    encoder = analyzer.image_encoder
    assert isinstance(encoder, ProjectedImages)
    assert encoder.calls == [(8, 48, 64, 3)]
    for frame, result in zip(frames, together, strict=True):
        same(result, analyzer.analyze([frame], mode)[0])


def test_frames_of_different_sizes_come_back_in_their_own_order(analyzer: FrameAnalyzer) -> None:
    """Grouped for the encoder, never mixed up for the caller."""
    frames = [street((5, 9)), street((3, 12), wide=80), street((5, 9), (20, 30))]

    together = analyzer.analyze(frames)

    encoder = analyzer.image_encoder
    assert isinstance(encoder, ProjectedImages)
    assert encoder.calls == [(2, 48, 64, 3), (1, 48, 80, 3)]
    for frame, result in zip(frames, together, strict=True):
        same(result, analyzer.analyze([frame])[0])


def test_many_frames_are_encoded_in_bounded_batches(analyzer: FrameAnalyzer) -> None:
    """Memory does not grow with the length of the list."""
    analyzer.analyze([street((5, 9))] * 20)

    encoder = analyzer.image_encoder
    assert isinstance(encoder, ProjectedImages)
    assert [shape[0] for shape in encoder.calls] == [16, 4]


def test_no_frames_give_no_results(analyzer: FrameAnalyzer) -> None:
    """The empty list is not an error."""
    assert analyzer.analyze([]) == []


def test_a_closed_gate_switches_the_appearance_off(text_bank: TextBank) -> None:
    """With gate 0 the scene half is left out; the result says so."""
    frame = street((5, 15), (20, 32))
    trusted, untrusted = (
        FrameAnalyzer(
            BrightSpots(), ProjectedImages(gate), text_bank, neutral_calibration()
        ).analyze([frame])[0]
        for gate in (1.0, 0.0)
    )

    assert (trusted.appearance, untrusted.appearance) == ("on", "off")
    assert trusted.eq11 != untrusted.eq11


def test_the_calibration_of_the_domain_decides(
    analyzer: FrameAnalyzer, text_bank: TextBank
) -> None:
    """The same frame, once against a threshold of 0 and once of 1."""
    neutral = neutral_calibration()
    calibration = neutral.model_copy(
        update={
            "stills": neutral.stills.model_copy(update={"threshold": 0.0}),
            "clips": neutral.clips.model_copy(update={"threshold": 1.0}),
        }
    )
    strict = FrameAnalyzer(BrightSpots(), ProjectedImages(), text_bank, calibration)
    frames = [street((5, 15), (20, 32))]

    stills, clips = strict.analyze(frames, domain="stills"), strict.analyze(frames, domain="clips")

    assert (stills[0].anomalous, clips[0].anomalous) == (True, False)
    assert (stills[0].explanations[0].polarity, clips[0].explanations[0].polarity) == (
        "anomaly",
        "normal",
    )


def test_swapping_the_text_vectors_swaps_the_explanations(
    analyzer: FrameAnalyzer, text_bank: TextBank
) -> None:
    """The text decides: rolled vectors explain the same pixels differently."""
    rolled = replace(
        text_bank, pooled=np.roll(text_bank.pooled, 9, 0), svo=np.roll(text_bank.svo, 9, 0)
    )
    frames = [street((5, 15), (20, 32))]

    before, after = analyzer.analyze(frames), analyzer.with_text_bank(rolled).analyze(frames)

    assert [e.description_id for e in before[0].explanations] != [
        e.description_id for e in after[0].explanations
    ]
    assert analyzer.text_bank is text_bank


def test_a_call_keeps_the_knowledge_it_began_with(
    analyzer: FrameAnalyzer, text_bank: TextBank
) -> None:
    """Somebody replaces the text bank while the encoder runs: the result is the old one."""
    rolled = replace(text_bank, svo=np.roll(text_bank.svo, 9, 0))
    frames = [street((5, 15), (20, 32))]
    expected = analyzer.analyze(frames)[0]

    class Interrupting(ProjectedImages):
        def encode(self, *arrays: Any) -> ImageVectors:
            interrupted.text_bank = rolled
            return super().encode(*arrays)

    interrupted = FrameAnalyzer(BrightSpots(), Interrupting(), text_bank, neutral_calibration())

    same(interrupted.analyze(frames)[0], expected)
    assert interrupted.text_bank is rolled


def test_known_rois_and_tracks_are_taken_as_they_are(analyzer: FrameAnalyzer) -> None:
    """A tracker stands between detection and scoring; its numbers reach the explanations."""
    frame = street((5, 15), (20, 32))
    tracked = replace(BrightSpots().detect(frame), track_id=np.array([4, 9]))

    (result,) = analyzer.analyze_detected([frame], [tracked])

    named = [p for e in result.explanations for p in (e.subject, e.object) if p]
    assert {p.track_id for p in named if p.roi_source == "detected"} <= {4, 9}
    assert result.rois.track_id.tolist() == [4, 9, -1, -1, -1]
    same(result, analyzer.analyze([frame])[0])


def test_explanations_can_be_written_as_json(analyzer: FrameAnalyzer) -> None:
    """Nothing of numpy is left in them."""
    (result,) = analyzer.analyze([street((5, 15), (20, 32), person=(40, 44))])

    written = json.loads(json.dumps([item.as_dict() for item in result.explanations]))

    assert written[0]["description_id"] == result.explanations[0].description_id


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(np.zeros((4, 4), np.uint8), id="grey"),
        pytest.param(np.zeros((4, 4, 4), np.uint8), id="alpha"),
        pytest.param(np.zeros((4, 4, 3), np.float32), id="float"),
        pytest.param(np.zeros((0, 4, 3), np.uint8), id="no rows"),
    ],
)
def test_what_is_no_rgb_frame_is_refused(analyzer: FrameAnalyzer, frame: Any) -> None:
    """The message shows what came."""
    with pytest.raises(ValueError, match="uint8"):
        analyzer.analyze([frame])


@pytest.mark.parametrize(("mode", "domain"), [("softmax", "stills"), ("paired", "films")])
def test_an_unknown_mode_or_domain_is_refused(
    analyzer: FrameAnalyzer, mode: Any, domain: Any
) -> None:
    """It must not fall back to another score in silence."""
    with pytest.raises(ValueError, match="unknown mode"):
        analyzer.analyze([street()], mode, domain=domain)


def test_every_frame_needs_its_rois(analyzer: FrameAnalyzer) -> None:
    """Two frames with the ROIs of one would shift every explanation."""
    run: Callable[..., Any] = analyzer.analyze_detected
    with pytest.raises(ValueError, match="zip"):
        run([street(), street()], [BrightSpots().detect(street())])
