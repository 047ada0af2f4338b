"""Alarms of a live stream: when each began and ended, and what explains it best."""

import uuid
from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.pipeline.report import ExplanationRow
from service.pipeline.stream_score import StreamScore


class Alarm(BaseModel):
    """An alarm as far as it is known; times are those of the stream."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)

    id: str
    began_s: float
    """The first frame that counted towards it, a moment before it was raised."""

    ended_s: float | None
    """The last frame of it; none while it lasts."""

    peak_s: float
    probability: float
    """The highest so far, at ``peak_s``."""

    explanations: tuple[ExplanationRow, ...]
    """Of the frame at ``peak_s``, best first."""


class AlarmEvent(BaseModel, frozen=True):
    """Something to tell."""

    type: Literal["alarm.began", "alarm.ended"]
    alarm: Alarm


class AlarmKeeper:
    """Turns the scores of one stream into alarms."""

    def __init__(self) -> None:
        self._alarm: Alarm | None = None
        self._last_s = 0.0

    def update(self, score: StreamScore) -> tuple[AlarmEvent, ...]:
        """What the next frame of the stream changes; mostly nothing."""
        events: tuple[AlarmEvent, ...] = ()
        began_s = score.alarm_since_s if score.anomalous else None
        if self._alarm is not None and began_s != self._alarm.began_s:
            events = self.end()
        if began_s is not None:
            if self._alarm is None:
                self._alarm = _begun(score, began_s)
                events += (AlarmEvent(type="alarm.began", alarm=self._alarm),)
            elif score.probability > self._alarm.probability:
                self._alarm = self._alarm.model_copy(update=_peak(score))
            self._last_s = score.time_s
        return events

    def end(self) -> tuple[AlarmEvent, ...]:
        """The alarm that lasts, if there is one, ends with its latest frame."""
        if self._alarm is None:
            return ()
        ended = self._alarm.model_copy(update={"ended_s": self._last_s})
        self._alarm = None
        return (AlarmEvent(type="alarm.ended", alarm=ended),)


def _begun(score: StreamScore, began_s: float) -> Alarm:
    return Alarm(id=str(uuid.uuid4()), began_s=began_s, ended_s=None, **_peak(score))


def _peak(score: StreamScore) -> dict[str, object]:
    return {
        "peak_s": score.time_s,
        "probability": score.probability,
        "explanations": score.explanations,
    }
