"""An analysis that was interrupted and taken up again; frames that cannot be scored."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.errors import AnalysisCancelled
from service.pipeline.checkpoint import VERSION, CheckpointFile
from service.pipeline.details import DetailWriter, read_details
from service.pipeline.engine import Engine, load_engine
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.judging import FrameResult
from service.pipeline.motion import MotionMemory
from service.pipeline.report import Report
from service.pipeline.stages import ahead
from service.pipeline.timeline import Timeline
from service.pipeline.video import BATCH, VideoAnalyzer
from service.scoring.calibration import neutral_calibration
from service.vision.clips import SampledFrame
from service.vision.images import Frame
from service.vision.isolated import in_this_process
from service.vision.rois import Rois
from tests.builders.footage import street_clip

OPEN = in_this_process(10**7, 100)
IDENTITY = {"bundle": "tiny"}


@pytest.fixture(scope="module")
def engine(tiny_bundle_dir: Path) -> Engine:
    """Alarms come and go, so that segments cross the interruptions."""
    calibration = neutral_calibration()
    clips = calibration.clips.model_copy(update={"on": 0.0, "off": 0.0})
    calibration = calibration.model_copy(update={"clips": clips})
    return load_engine(tiny_bundle_dir, threads=1, calibration=calibration)


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return street_clip(tmp_path_factory.mktemp("clips") / "street.mp4", frames=60)


def without_times(report: Report) -> dict[str, object]:
    return report.model_dump(exclude={"timings"})


@pytest.mark.parametrize("after_batches", [1, 3, 7])
def test_an_interrupted_analysis_ends_as_if_it_had_not_been(
    engine: Engine, clip_file: Path, tmp_path: Path, after_batches: int
) -> None:
    """The same report to the last bit, and details of every frame."""
    whole = VideoAnalyzer(engine, OPEN).analyze(clip_file)
    path, details = tmp_path / "checkpoint.npz", tmp_path / "frames.sqlite"
    told: list[float] = []

    with pytest.raises(AnalysisCancelled), DetailWriter(details) as writer:
        VideoAnalyzer(engine, OPEN).analyze(
            clip_file,
            progress=lambda share, _: told.append(share),
            cancelled=lambda: len(told) >= after_batches,
            on_frame=writer.add,
            checkpoint=CheckpointFile(path, IDENTITY, before=writer.commit, every_s=0),
        )
    scored: list[int] = []
    with DetailWriter(details) as writer:

        def keep(sampled: SampledFrame, result: FrameResult) -> None:
            scored.append(sampled.index)
            writer.add(sampled, result)

        resumed = VideoAnalyzer(engine, OPEN).analyze(
            clip_file,
            on_frame=keep,
            checkpoint=CheckpointFile(path, IDENTITY),
        )

    assert without_times(resumed) == without_times(whole)
    assert scored == list(range(after_batches * BATCH, 60))
    assert [number for number, _ in read_details(details)] == list(range(60))


def test_a_checkpoint_of_something_else_is_ignored(
    engine: Engine, clip_file: Path, tmp_path: Path
) -> None:
    """Other models would make a curve of two halves."""
    path = tmp_path / "checkpoint.npz"
    VideoAnalyzer(engine, OPEN).analyze(
        clip_file, checkpoint=CheckpointFile(path, IDENTITY, every_s=0)
    )

    assert CheckpointFile(path, IDENTITY).load() is not None
    assert CheckpointFile(path, {"bundle": "other"}).load() is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04half", b"not an archive"])
def test_a_damaged_checkpoint_is_ignored(tmp_path: Path, content: bytes) -> None:
    """The analysis begins anew instead of failing."""
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)

    assert CheckpointFile(path, IDENTITY).load() is None


class _Detector:
    """The engine's own, but blind for some frames."""

    def __init__(self, engine: Engine, bad: set[int]) -> None:
        self._detector, self._bad, self._seen = engine.analyzer.detector, bad, -1

    def detect(self, frame: Frame, /) -> Rois:
        self._seen += 1
        if self._seen in self._bad:
            raise MemoryError
        return self._detector.detect(frame)


def blind(engine: Engine, bad: set[int]) -> Engine:
    a = engine.analyzer
    analyzer = FrameAnalyzer(_Detector(engine, bad), a.image_encoder, a.text_bank, a.calibration)
    return Engine(engine.bundle, engine.hierarchy, analyzer)


def test_a_frame_that_cannot_be_scored_is_counted_with_its_reason(
    engine: Engine, clip_file: Path
) -> None:
    """Scored and skipped together are what was sampled."""
    report = VideoAnalyzer(blind(engine, {3, 4, 25}), OPEN).analyze(clip_file)

    assert [row.index for row in report.frames] == [i for i in range(60) if i not in {3, 4, 25}]
    assert [row.model_dump() for row in report.skipped] == [
        {"time_s": 0.3, "reason": "not scored: MemoryError", "count": 2},
        {"time_s": 2.5, "reason": "not scored: MemoryError", "count": 1},
    ]
    assert report.video.sampled_frames == 60 == len(report.frames) + 3


def test_a_clip_of_which_no_frame_can_be_scored_fails(engine: Engine, clip_file: Path) -> None:
    """An empty curve would look like a quiet street."""
    with pytest.raises(RuntimeError, match="no frame could be scored: not scored: MemoryError"):
        VideoAnalyzer(blind(engine, set(range(60))), OPEN).analyze(clip_file)


def test_a_stage_is_only_so_far_ahead_and_ends_with_its_reader() -> None:
    """Three items: one in the hand, one that waits, one that is offered."""
    made = []

    def items() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    stage = ahead(items(), depth=1)
    assert next(stage) == 0
    stage.close()

    assert len(made) <= 3


def test_an_error_of_a_stage_comes_after_its_items() -> None:
    """Nothing that was ready is lost."""

    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    stage = ahead(items(), depth=2)

    assert next(stage) == 1
    with pytest.raises(ValueError, match="broken"):
        next(stage)


def keys(state: object) -> object:
    """Names in a state, without what they hold."""
    if isinstance(state, dict):
        return {name: keys(value) for name, value in sorted(state.items())}
    return None


def test_another_form_of_the_state_has_another_version() -> None:
    """A worker of today that reads a checkpoint of yesterday begins anew; it must not fail."""
    clips = neutral_calibration().clips
    states = [MotionMemory().state(), Timeline(clips, "paired").state()]
    form = hashlib.sha256(json.dumps([keys(state) for state in states]).encode()).hexdigest()

    assert (VERSION, form[:12]) == (9, "3c67a741b00f"), (
        "raise VERSION of checkpoint.py, then name the form"
    )
