"""Which frame explains a segment, found while frames stream by.

Keeping the explanations of every frame would cost memory that grows with the clip; so only those
of the last seconds are kept, and those of one frame for each segment.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from service.pipeline.report import ExplanationRow
from service.scoring.calibration import ClipsCalibration
from service.scoring.telling import Voice, spokesman, told_leaf
from service.scoring.temporal import LEAST_FRAMES, ROUNDING_S

LOOK_BACK = 3.0  # time constants; 95 % of a smoothed value comes from them
LOOK_ON = 1.0  # time constants after the peak: what a blow does to whom it hits is seen after it


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFrame:
    """One sampled frame after scoring and smoothing.

    ``raw_score`` is that of this frame alone, ``told_evidence`` from `FrameResult`.
    """

    index: int
    time_s: float
    raw_score: float
    probability: float
    explanations: tuple[ExplanationRow, ...]
    told_evidence: float

    @property
    def told(self) -> tuple[ExplanationRow, ...]:
        """The explanations, anomalies first: the frame may look normal, its alarm does not."""
        return tuple(sorted(self.explanations, key=lambda row: row.polarity == "normal"))

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        rows = [row.model_dump(mode="json", by_alias=True) for row in self.explanations]
        return {
            "index": self.index, "time_s": self.time_s, "raw_score": self.raw_score,
            "probability": self.probability, "explanations": rows,
            "told_evidence": self.told_evidence,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Read back what ``as_dict`` gave."""
        rows = tuple(ExplanationRow.model_validate(row) for row in content["explanations"])
        return cls(**{**content, "explanations": rows})


class PeakKeeper:
    """Follows the alarm and remembers, for each segment, the frame that explains it best.

    The smoothed probability peaks later than the picture that caused it. So the frames that went
    into the smoothed peak, and those shortly after it, vote on what has happened (`spokesman`);
    a live alarm is told anew with each of them.

    Args:
        calibration: Smoothing and hysteresis of clips.
    """

    def __init__(self, calibration: ClipsCalibration) -> None:
        self._alarm = calibration.hysteresis()
        self._look_back_s = LOOK_BACK * calibration.smoothing_s
        self._look_on_s = LOOK_ON * calibration.smoothing_s
        self._kept_s = max(self._look_back_s + self._look_on_s, calibration.on_window_s)
        self._recent: deque[ScoredFrame] = deque()
        self.since_s: float | None = None  # when the alarm that is on began
        self.highest = 0.0  # probability of that alarm so far
        self._highest_s = 0.0  # when it was
        self._peaks: dict[float, ScoredFrame] = {}

    def add(self, frame: ScoredFrame) -> None:
        """Take the next frame."""
        self._recent.append(frame)
        self._alarm.update(frame.time_s, frame.probability)
        since_s = self._alarm.since_s
        if since_s is not None and since_s == self.since_s:
            self._consider(frame, since_s)
        elif since_s is not None:  # the alarm went on and looks back to its first frame
            self.highest = -1.0
            for earlier in [f for f in self._recent if f.time_s >= since_s]:
                self._consider(earlier, since_s)
        self.since_s = since_s
        self._forget_old(frame.time_s)

    def peak(self, start_s: float) -> ScoredFrame:
        """The frame that explains the segment that began at this time."""
        return self._peaks[start_s]

    def forget(self, start_s: float) -> None:
        """Drop what explains a segment: a stream has no end, and nobody asks again."""
        del self._peaks[start_s]

    def state(self) -> dict[str, Any]:
        """What it remembers, ready for JSON."""
        return {
            "alarm": self._alarm.state(),
            "recent": [frame.as_dict() for frame in self._recent],
            "since_s": self.since_s,
            "highest": self.highest,
            "highest_s": self._highest_s,
            "peaks": [[start_s, frame.as_dict()] for start_s, frame in self._peaks.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._alarm.restore(state["alarm"])
        self._recent = deque(ScoredFrame.from_dict(content) for content in state["recent"])
        self.since_s, self.highest = state["since_s"], state["highest"]
        self._highest_s = state["highest_s"]
        self._peaks = {start_s: ScoredFrame.from_dict(frame) for start_s, frame in state["peaks"]}

    def _consider(self, frame: ScoredFrame, since_s: float) -> None:
        if frame.probability > self.highest:
            self.highest, self._highest_s = frame.probability, frame.time_s
        elif frame.time_s > self._highest_s + self._look_on_s + ROUNDING_S:
            return
        earliest = max(since_s, self._highest_s - self._look_back_s - ROUNDING_S)
        causes = [f for f in self._recent if earliest <= f.time_s <= frame.time_s]
        chosen = spokesman([_voice(f) for f in causes])
        self._peaks[since_s] = causes[chosen]

    def _forget_old(self, now_s: float) -> None:
        # The alarm looks back over its window when it goes on, so all of that stays.
        while len(self._recent) > LEAST_FRAMES and now_s - self._recent[0].time_s > self._kept_s:
            self._recent.popleft()


def _voice(frame: ScoredFrame) -> Voice:
    return Voice(told_leaf(frame.explanations), frame.told_evidence, frame.raw_score)
