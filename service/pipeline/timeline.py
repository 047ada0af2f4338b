"""The numbers of a clip, frame by frame; what it holds can be written down and taken up again.

Dimension letters used in this file: n scored frames.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.pipeline.judging import FrameResult
from service.pipeline.peaks import PeakKeeper, ScoredFrame
from service.pipeline.report import FrameRow, SegmentRow, explanation_rows
from service.scoring.calibration import ClipsCalibration, Mode, probability
from service.scoring.past import OwnPast
from service.scoring.temporal import CausalSmoother, Segment, segments
from service.vision.clips import SampledFrame

COLUMNS = ("index", "time_s", "score", "eq11", "probability")


class Timeline:
    """Scores of a clip: smoothed causally, cut into segments, each explained by one frame.

    Args:
        calibration: Smoothing, thresholds and the map to probabilities of clips.
        mode: How the score is made.
    """

    def __init__(self, calibration: ClipsCalibration, mode: Mode) -> None:
        self._calibration = calibration
        self._affine = calibration.affine[mode]
        self._past = OwnPast(calibration.past_share)
        self._smoother = CausalSmoother(calibration.smoothing_s, calibration.release_s)
        self._peaks = PeakKeeper(calibration)
        self._index: list[int] = []
        self.times_s: list[float] = []
        self._score: list[float] = []
        self._eq11: list[float] = []
        self._probability: list[float] = []

    def add(self, sampled: SampledFrame, result: FrameResult) -> None:
        """Take the next scored frame."""
        raw = result.score - self._past.update(sampled.time_s, result.text_level)
        score = self._smoother.update(sampled.time_s, raw)
        likely = probability(score, self._affine)
        self._index.append(sampled.index)
        self.times_s.append(sampled.time_s)
        self._score.append(score)
        self._eq11.append(result.eq11)
        self._probability.append(likely)
        rows = tuple(explanation_rows(result.explanations))
        told = result.told_evidence
        self._peaks.add(ScoredFrame(sampled.index, sampled.time_s, raw, likely, rows, told))

    def columns(self) -> NDArray[np.float64]:
        """What grows with the clip: (5, n) in the order of ``COLUMNS``; exact, indices too."""
        columns = (self._index, self.times_s, self._score, self._eq11, self._probability)
        return np.array(columns, np.float64).reshape(len(COLUMNS), -1)

    def state(self) -> dict[str, Any]:
        """The rest, ready for JSON."""
        return {
            "past": self._past.state(),
            "smoother": self._smoother.state(),
            "peaks": self._peaks.state(),
        }

    def restore(self, columns: NDArray[np.float64], state: Mapping[str, Any]) -> None:
        """Go on where ``columns`` and ``state`` were taken."""
        index, *others = columns.tolist()
        self._index = [int(number) for number in index]
        self.times_s, self._score, self._eq11, self._probability = others
        self._past.restore(state["past"])
        self._smoother.restore(state["smoother"])
        self._peaks.restore(state["peaks"])

    def segments(self) -> tuple[Segment, ...]:
        """The anomalous stretches so far."""
        calibration = self._calibration
        return segments(
            self.times_s,
            self._probability,
            on=calibration.on,
            off=calibration.off,
            hold_s=calibration.on_hold_s,
            window_s=calibration.on_window_s,
            min_segment_s=calibration.min_segment_s,
        )

    def frame_rows(self, found: Sequence[Segment]) -> tuple[FrameRow, ...]:
        """One row for each frame."""
        anomalous = np.zeros(len(self._index), bool)
        for segment in found:
            anomalous[segment.start_index : segment.end_index + 1] = True
        columns = (self._index, self.times_s, self._score, self._eq11, self._probability)
        return tuple(
            FrameRow.model_validate(dict(zip((*COLUMNS, "anomalous"), values, strict=True)))
            for values in zip(*columns, anomalous.tolist(), strict=True)
        )

    def segment_rows(self, found: Sequence[Segment]) -> tuple[SegmentRow, ...]:
        """One row for each segment."""
        rows = []
        for segment in found:
            peak = self._peaks.peak(segment.start_s)
            rows.append(
                SegmentRow(
                    start_s=segment.start_s,
                    end_s=segment.end_s,
                    peak_s=peak.time_s,
                    peak_index=peak.index,
                    probability=segment.probability,
                    explanations=peak.told,
                )
            )
        return tuple(rows)
