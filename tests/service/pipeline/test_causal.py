"""A file scores as a live camera that shows the same: no frame knows of those that follow it."""

from pathlib import Path

import pytest

from service.pipeline.engine import load_engine
from service.pipeline.stream import StreamScorer
from service.pipeline.video import VideoAnalyzer
from service.vision.clips import ClipReader
from service.vision.isolated import in_this_process

LIMIT, FPS = 100_000_000, 10.0


def test_a_clip_in_batches_scores_as_its_frames_one_by_one(real_data: Path) -> None:
    """Eight frames are followed before the first of them is scored; it must not show."""
    busy_clip = real_data / "ego_clips" / "dad_000478.mp4"  # they pass each other closely
    engine = load_engine(threads=1)
    stream = StreamScorer(engine)
    with ClipReader(busy_clip, FPS, LIMIT, 100) as clip:
        live = [stream.score(s.frame, s.time_s, i) for i, s in enumerate(clip)]

    report = VideoAnalyzer(engine, in_this_process(LIMIT, 100)).analyze(busy_clip, FPS)

    assert [row.score for row in report.frames] == pytest.approx(
        [score.score for score in live], abs=1e-3
    )
