"""Whole clips through a bundle of tiny graphs: what comes out is judged by shape and order."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from service.errors import AnalysisCancelled, VideoNotSupported, VideoTooLarge
from service.pipeline.engine import Engine, load_engine
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.motion import MotionMemory
from service.pipeline.video import BATCH, VideoAnalyzer
from service.scoring.calibration import Mode, neutral_calibration
from service.scoring.temporal import smooth
from service.vision.clips import ClipReader
from service.vision.isolated import in_this_process

LIMIT = 1_000_000
NEUTRAL = neutral_calibration()


def write_clip(path: Path, frames: int = 60, fps: int = 30) -> Path:
    """Noise, so that no two frames look alike."""
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for i in range(frames):
            pixels = noise.integers(0, 256, (96, 160, 3), np.uint8)
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def engine(tiny_bundle_dir: Path) -> Engine:
    return load_engine(tiny_bundle_dir, threads=1, calibration=NEUTRAL)


def with_clips(engine: Engine, **changes: object) -> Engine:
    """The same engine with other numbers for clips."""
    clips = NEUTRAL.clips.model_copy(update=changes)
    analyzer = engine.analyzer
    changed = FrameAnalyzer(
        analyzer.detector,
        analyzer.image_encoder,
        analyzer.text_bank,
        NEUTRAL.model_copy(update={"clips": clips}),
    )
    return Engine(engine.bundle, engine.hierarchy, changed)


def test_every_sampled_frame_has_a_row_and_every_stage_a_time(
    engine: Engine, tmp_path: Path
) -> None:
    """Two seconds at 10 a second: 20 rows in order, with the numbers they have in the file."""
    report = VideoAnalyzer(engine, in_this_process(LIMIT, 100)).analyze(
        write_clip(tmp_path / "clip.mp4"), 10
    )

    assert [row.index for row in report.frames] == list(range(0, 60, 3))
    assert report.video.model_dump() == {
        "name": "clip.mp4", "width": 160, "height": 96, "duration_s": 2.0, "fps": 30.0,
        "codec": "h264", "sampled_frames": 20, "sample_fps": 10,
    }  # fmt: skip
    assert report.model.bundle == engine.bundle.manifest.name
    assert report.model.knowledge_sha256 == engine.hierarchy.sha256
    assert report.decode_errors == ()
    assert {"decode", "detect", "encode", "score", "total"} <= report.timings.keys()
    assert all(seconds > 0 for seconds in report.timings.values())


@pytest.mark.parametrize("mode", ["literal", "contrast", "paired"])
def test_scores_are_those_of_the_frames_smoothed_over_the_past(
    engine: Engine, tmp_path: Path, mode: Mode
) -> None:
    """Batches of eight change nothing, and the first value is the first frame's own."""
    path = write_clip(tmp_path / "clip.mp4")
    with ClipReader(path, 10, LIMIT, 100) as reader:
        sampled = list(reader)
    memory, single = MotionMemory(), []
    for s in sampled:
        motion = memory.update(s.frame, s.time_s, engine.analyzer.detector.detect(s.frame))
        single += engine.analyzer.analyze_detected(
            [s.frame], [motion.rois], mode, domain="clips", motion=[motion]
        )

    report = VideoAnalyzer(engine, in_this_process(LIMIT, 100)).analyze(path, 10, mode)

    times, raw = [s.time_s for s in sampled], [result.score for result in single]
    expected = smooth(times, raw, NEUTRAL.clips.smoothing_s)
    assert [row.score for row in report.frames] == pytest.approx(expected.tolist(), abs=1e-5)
    assert [row.eq11 for row in report.frames] == pytest.approx([r.eq11 for r in single], abs=1e-5)


def test_an_alarm_over_the_whole_clip_is_one_explained_segment(
    engine: Engine, tmp_path: Path
) -> None:
    """With thresholds at zero every frame counts; the peak is a frame of the file."""
    always = with_clips(engine, on=0.0, off=0.0, threshold=1.0)

    report = VideoAnalyzer(always, in_this_process(LIMIT, 100)).analyze(
        write_clip(tmp_path / "clip.mp4"), top_k=2
    )

    (segment,) = report.segments
    assert (segment.start_s, segment.end_s) == (0.0, report.frames[-1].time_s)
    assert all(row.anomalous for row in report.frames)
    assert segment.peak_index in [row.index for row in report.frames]
    assert len(segment.explanations) == 2
    # By a threshold of 1 each frame alone is normal and says so first; its segment does not.
    assert [row.polarity for row in segment.explanations] == ["anomaly", "normal"]
    assert segment.probability == max(row.probability for row in report.frames)


def test_without_an_alarm_there_is_no_segment(engine: Engine, tmp_path: Path) -> None:
    """A threshold that nothing reaches; frames are scored all the same."""
    never = with_clips(engine, on=1.0, off=1.0)

    report = VideoAnalyzer(never, in_this_process(LIMIT, 100)).analyze(
        write_clip(tmp_path / "clip.mp4")
    )

    assert report.segments == ()
    assert len(report.frames) == 20
    assert not any(row.anomalous for row in report.frames)


def test_one_frame_is_analysed(engine: Engine, tmp_path: Path) -> None:
    """Its score is its own; one frame can raise no alarm that needs three."""
    report = VideoAnalyzer(engine, in_this_process(LIMIT, 100)).analyze(
        write_clip(tmp_path / "one.mp4", frames=1)
    )

    assert (len(report.frames), report.segments) == (1, ())


def test_progress_rises_and_cancelling_ends_within_one_batch(
    engine: Engine, tmp_path: Path
) -> None:
    """20 frames are three batches; cancelled at the second, one has been told of."""
    path = write_clip(tmp_path / "clip.mp4")
    told: list[float] = []

    VideoAnalyzer(engine, in_this_process(LIMIT, 100)).analyze(
        path, progress=lambda share, _: told.append(share)
    )

    assert len(told) == -(-20 // BATCH)
    assert told == sorted(told)
    assert 0.9 < told[-1] <= 1.0
    told.clear()
    with pytest.raises(AnalysisCancelled, match=r"cancelled at"):
        VideoAnalyzer(engine, in_this_process(LIMIT, 100)).analyze(
            path,
            progress=lambda share, _: told.append(share),
            cancelled=lambda: bool(told),
        )
    assert len(told) == 1


def test_a_damaged_clip_says_what_was_lost(engine: Engine, tmp_path: Path) -> None:
    """The report of a cut-off file holds the frames before the cut and an entry about the rest."""
    path = write_clip(tmp_path / "cut.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    report = VideoAnalyzer(engine, in_this_process(LIMIT, 100)).analyze(path)

    assert 0 < len(report.frames) < 20
    assert any("declares 2.0" in error.detail for error in report.decode_errors)


def test_a_clip_is_called_what_its_sender_called_it(engine: Engine, tmp_path: Path) -> None:
    """Uploads are kept under another name."""
    path = write_clip(tmp_path / "f81d.mp4", 3)

    report = VideoAnalyzer(engine, in_this_process(LIMIT, 100)).analyze(path, name="Unfall 7.mp4")

    assert report.video.name == "Unfall 7.mp4"


def test_refusals_of_the_reader_reach_the_caller(engine: Engine, tmp_path: Path) -> None:
    """Nothing is turned into an empty report."""
    (tmp_path / "note.mp4").write_text("hello world")

    with pytest.raises(VideoNotSupported):
        VideoAnalyzer(engine, in_this_process(LIMIT, 100)).analyze(tmp_path / "note.mp4")
    with pytest.raises(VideoTooLarge):
        VideoAnalyzer(engine, in_this_process(LIMIT, 1)).analyze(write_clip(tmp_path / "long.mp4"))
