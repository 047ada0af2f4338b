"""Alarms of a live stream: when each began and ended, and what explains it best."""

import uuid
from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.pipeline.peaks import PeakKeeper, ScoredFrame
from service.pipeline.report import ExplanationRow
from service.scoring.calibration import ClipsCalibration


class Alarm(BaseModel):
    """An alarm as far as it is known; times are those of the stream."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)

    id: str
    began_s: float
    """The first frame that counted towards it, a moment before it was raised."""

    ended_s: float | None
    """The last frame of it; none while it lasts."""

    peak_s: float
    """The frame that explains it best, as in a report."""

    probability: float
    """The highest so far."""

    explanations: tuple[ExplanationRow, ...]
    """Of the frame at ``peak_s``, best first."""


class AlarmEvent(BaseModel, frozen=True):
    """Something to tell."""

    type: Literal["alarm.began", "alarm.ended"]
    alarm: Alarm


class AlarmKeeper:
    """Turns the frames of one stream into alarms, explained as the segments of a clip are.

    Args:
        calibration: Smoothing and hysteresis of clips.
    """

    def __init__(self, calibration: ClipsCalibration) -> None:
        self._calibration = calibration
        self._peaks = PeakKeeper(calibration)
        self._alarm: Alarm | None = None
        self._last_s = 0.0

    def update(self, frame: ScoredFrame) -> tuple[AlarmEvent, ...]:
        """What the next frame of the stream changes; mostly nothing."""
        self._peaks.add(frame)
        began_s = self._peaks.since_s
        events: tuple[AlarmEvent, ...] = ()
        if self._alarm is not None and began_s != self._alarm.began_s:
            events = self.end()
        if began_s is not None:
            is_new = self._alarm is None
            self._alarm = self._so_far(began_s)
            if is_new:
                events += (AlarmEvent(type="alarm.began", alarm=self._alarm),)
            self._last_s = frame.time_s
        return events

    def end(self) -> tuple[AlarmEvent, ...]:
        """The alarm that lasts, if there is one, ends with its latest frame."""
        if self._alarm is None:
            return ()
        ended = self._alarm.model_copy(update={"ended_s": self._last_s})
        self._peaks.forget(ended.began_s)
        self._alarm = None
        return (AlarmEvent(type="alarm.ended", alarm=ended),)

    def lose(self) -> tuple[AlarmEvent, ...]:
        """The source is lost: the alarm that lasts ends, and what comes later begins anew."""
        events = self.end()
        self._peaks = PeakKeeper(self._calibration)
        return events

    def _so_far(self, began_s: float) -> Alarm:
        peak = self._peaks.peak(began_s)
        return Alarm(
            id=str(uuid.uuid4()) if self._alarm is None else self._alarm.id,
            began_s=began_s,
            ended_s=None,
            peak_s=peak.time_s,
            probability=self._peaks.highest,
            explanations=peak.told,
        )
