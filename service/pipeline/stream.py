"""Frames of one live camera, one at a time: what a clip's analysis does, without its future."""

from service.errors import FrameOutOfOrder
from service.pipeline.engine import Engine
from service.pipeline.motion import MotionMemory
from service.pipeline.peaks import ScoredFrame
from service.pipeline.report import explanation_rows, roi_rows
from service.pipeline.stream_score import StreamScore
from service.scoring.calibration import Mode, probability
from service.scoring.past import OwnPast
from service.scoring.temporal import CausalSmoother
from service.vision.images import Frame


class StreamScorer:
    """Scores the frames of one stream; tracks, smoothing and alarm live as long as this object.

    Args:
        engine: One snapshot of models and knowledge, kept for the whole stream.
        mode: ``literal``, ``contrast`` or ``paired``.
        top_k: Explanations of each frame.
    """

    def __init__(self, engine: Engine, mode: Mode = "paired", top_k: int = 5) -> None:
        self._engine, self._mode, self._top_k = engine, mode, top_k
        calibration = engine.analyzer.calibration.clips
        self._affine = calibration.affine[mode]
        self._past = OwnPast(calibration.past_share)
        self.lose()
        self._motion = MotionMemory()
        self._last_s: float | None = None
        self.latest: ScoredFrame | None = None  # the frame that was scored last

    def lose(self) -> None:
        """The source is lost: what was seen before it no longer raises an alarm."""
        calibration = self._engine.analyzer.calibration.clips
        self._smoother = CausalSmoother(calibration.smoothing_s, calibration.release_s)
        self._alarm = calibration.hysteresis()

    def score(self, frame: Frame, time_s: float, sequence: int, dropped: int = 0) -> StreamScore:
        """Score the next frame.

        Args:
            frame: (H, W, 3) uint8 RGB.
            time_s: Its time in seconds, after that of the frame before.
            sequence: Its number in the stream.
            dropped: Frames that were overtaken so far.

        Raises:
            FrameOutOfOrder: Its time is not after that of the frame before.
        """
        if self._last_s is not None and time_s <= self._last_s:
            raise FrameOutOfOrder(
                f"frame {sequence} has the time {time_s:g} s, the one before {self._last_s:g} s"
            )
        analyzer = self._engine.analyzer
        motion = self._motion.update(frame, time_s, analyzer.detector.detect(frame))
        (result,) = analyzer.analyze_detected(
            [frame], [motion.rois], self._mode, self._top_k, domain="clips", motion=[motion]
        )
        self._last_s = time_s
        raw = result.score - self._past.update(time_s, result.text_level)
        score = self._smoother.update(time_s, raw)
        likely = probability(score, self._affine)
        anomalous = self._alarm.update(time_s, likely)
        rows = tuple(explanation_rows(result.explanations))
        self.latest = ScoredFrame(sequence, time_s, raw, likely, rows, result.told_evidence)
        height, width = frame.shape[:2]
        return StreamScore(
            sequence=sequence,
            time_s=time_s,
            width=width,
            height=height,
            score=score,
            eq11=result.eq11,
            probability=likely,
            anomalous=anomalous,
            alarm_since_s=self._alarm.since_s,
            appearance=result.appearance,
            rois=tuple(roi_rows(result.rois, width, height)),
            explanations=rows,
            dropped=dropped,
        )
